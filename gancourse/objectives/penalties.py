"""Gradient penalties: what keeps a discriminator from becoming infinitely steep."""

import torch
from torch import Tensor


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """R1 = E |grad D(x)|^2 over the real samples (Mescheder et al. 2018, equation 9, without gamma / 2).

    real: (N, ...), requiring gradients; real_logits = D(real): (N,). Returns a scalar with a graph to D's weights.
    """
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return slope.flatten(1).pow(2).sum(1).mean()
