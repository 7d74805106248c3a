"""Gradient penalties: what keeps a discriminator from becoming infinitely steep."""

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.objectives.rectifiers import MaskedRectifiers


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """R1 = E |grad D(x)|^2 over the real samples (Mescheder et al. 2018, equation 9, without gamma / 2).

    real: (N, ...), requiring gradients; real_logits = D(real): (N,). Returns a scalar with a graph to D's weights.
    """
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return slope.flatten(1).pow(2).sum(1).mean()


def logits_and_r1(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, gamma: float, every: int = 1
) -> tuple[Tensor, Tensor]:
    """D's logits (N,) at real samples (N, ...), and what R1 adds to its loss there: gamma / 2 * R1, a scalar.

    every: R1 is taken in every so many steps alone, and is as much stronger (lazy regularisation, Karras et al. 2020,
    section 3.1). The samples themselves are left as they are.
    """
    real = real.detach().requires_grad_()
    logits = discriminator(real)
    return logits, every * gamma / 2 * r1_penalty(logits, real)


def interpolate(real: Tensor, fake: Tensor) -> Tensor:
    """A random point on the segment between each pair: e * real + (1 - e) * fake, with e uniform on (0, 1).

    real, fake: (N, ...), the same shape. One e a sample (Gulrajani et al. 2017, algorithm 1, lines 4 and 6).
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    return share * real + (1 - share) * fake


def gradient_norm(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The length of the critic's gradient at each sample, over all of its numbers: (N, ...) to (N,).

    It has a graph to the critic's weights. vector_norm's own gradient at 0 is 0, where a square root's is infinite.
    """
    x = x.detach().requires_grad_()
    with MaskedRectifiers():
        scores = critic(x)
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return torch.linalg.vector_norm(slope.flatten(1), dim=1)


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D| - 1)^2 between real and fake (Gulrajani et al. 2017, equation 3, without lambda). Returns a scalar.

    real, fake: (N, ...), the same shape. The critic must not couple the samples of a batch: no batch norm (section 4).
    """
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean()
