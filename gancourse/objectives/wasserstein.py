"""The Wasserstein distance and the game that estimates it (Arjovsky et al. 2017).

A critic's answers are scores: any number, without a sigmoid. Only differences between scores mean something.
"""

import torch
from torch import Tensor, nn

from gancourse.errors import GANCourseError


def wasserstein_1d(x: Tensor, y: Tensor) -> Tensor:
    """W1 between two samples of the same size on a line, (N,) and (N,): the mean gap between equal ranks. A scalar.

    On a line no plan is cheaper than the one that keeps the order (Peyre and Cuturi 2019, remark 2.28). Raises
    GANCourseError for other shapes.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise GANCourseError(
            f"Two samples (N,) of one size are wanted, but they are {tuple(x.shape)}, {tuple(y.shape)}."
        )
    return (x.sort().values - y.sort().values).abs().mean()


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """What the critic minimises: minus the gap of equation 2, from scores (N,) and (M,). Returns a scalar.

    With a critic of slope at most 1, minus this loss is at most W1, and reaches it for the best critic.
    """
    return fake_scores.mean() - real_scores.mean()


def critic_generator_loss(fake_scores: Tensor) -> Tensor:
    """What G minimises against a critic: minus the mean score (M,) of its samples (theorem 3)."""
    return -fake_scores.mean()


@torch.no_grad()
def clip_weights(critic: nn.Module, bound: float) -> None:
    """Move every parameter into [-bound, bound], in place: the first bound of the slope (algorithm 1, line 7)."""
    for parameter in critic.parameters():
        parameter.clamp_(-bound, bound)
