"""Losses and penalties: the formulas of the papers, as pure functions of logits and tensors."""

from gancourse.objectives.cycle import cycle_loss, cyclegan_generator_loss, identity_loss
from gancourse.objectives.least_squares import least_squares_discriminator_loss, least_squares_generator_loss
from gancourse.objectives.minimax import discriminator_loss, generator_loss, optimal_discriminator
from gancourse.objectives.penalties import gradient_norm, gradient_penalty, interpolate, logits_and_r1, r1_penalty
from gancourse.objectives.wasserstein import clip_weights, critic_generator_loss, critic_loss, wasserstein_1d

__all__ = [
    "clip_weights", "critic_generator_loss", "critic_loss", "cycle_loss", "cyclegan_generator_loss",
    "discriminator_loss", "generator_loss", "gradient_norm", "gradient_penalty", "identity_loss", "interpolate",
    "least_squares_discriminator_loss", "least_squares_generator_loss", "logits_and_r1", "optimal_discriminator",
    "r1_penalty", "wasserstein_1d",
]  # fmt: skip
