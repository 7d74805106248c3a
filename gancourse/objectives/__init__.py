"""Losses and penalties: the formulas of the papers, as pure functions of logits and tensors."""

from gancourse.objectives.cycle import cycle_loss, cyclegan_generator_loss, identity_loss
from gancourse.objectives.least_squares import least_squares_discriminator_loss, least_squares_generator_loss
from gancourse.objectives.minimax import discriminator_loss, generator_loss, optimal_discriminator
from gancourse.objectives.penalties import r1_penalty

__all__ = [
    "cycle_loss", "cyclegan_generator_loss", "discriminator_loss", "generator_loss", "identity_loss",
    "least_squares_discriminator_loss", "least_squares_generator_loss", "optimal_discriminator", "r1_penalty",
]  # fmt: skip
