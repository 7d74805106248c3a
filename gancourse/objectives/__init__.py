"""Losses and penalties: the formulas of the papers, as pure functions of logits and tensors."""

from gancourse.objectives.minimax import discriminator_loss, generator_loss, optimal_discriminator
from gancourse.objectives.penalties import r1_penalty

__all__ = ["discriminator_loss", "generator_loss", "optimal_discriminator", "r1_penalty"]
