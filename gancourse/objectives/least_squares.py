"""The least-squares GAN (Mao et al. 2017, equation 9 with a = 0 and b = c = 1, without its halves).

Logits of any shape, one a sample or one a patch: real is 1, fake is 0, and the distance is squared.
"""

from torch import Tensor


def least_squares_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """What D minimises: the mean of (D(real) - 1)^2 plus the mean of D(fake)^2."""
    return (real_logits - 1).square().mean() + fake_logits.square().mean()


def least_squares_generator_loss(fake_logits: Tensor) -> Tensor:
    """What G minimises: the mean of (D(fake) - 1)^2."""
    return (fake_logits - 1).square().mean()
