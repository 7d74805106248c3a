"""Quality and variety apart: precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

Each real sample owns the ball that reaches to its k-th nearest real neighbour; the union of the balls is where the
data live. A generator that has collapsed onto one good image has high precision and no recall.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FEW = 25


@dataclass(frozen=True)
class Neighbours:
    """precision: share of fakes in some real ball; recall: share of reals in some fake ball; density: in how many
    of the k expected real balls a fake lies on average (can exceed 1); coverage: share of real balls with a fake."""

    precision: float
    recall: float
    density: float
    coverage: float


def _radius(points: Tensor, k: int) -> Tensor:
    """The distance of each point (N, F) to its k-th nearest other point: (N,)."""
    return torch.cdist(points, points).kthvalue(k + 1, dim=1).values


def nearest(real: Tensor, fake: Tensor, k: int = 3) -> tuple[Tensor, Tensor]:
    """The k real samples (N, F) nearest to each fake one (M, F): distances and places in `real`, both (M, k)."""
    many = len(fake) > FEW  # for a few, the products of matrices would cost a copy of `real`, and a copy's exact 0
    mode = "use_mm_for_euclid_dist" if many else "donot_use_mm_for_euclid_dist"
    return torch.cdist(fake.float(), real.float(), compute_mode=mode).topk(k, dim=1, largest=False)


def neighbours(real: Tensor, fake: Tensor, k: int = 3) -> Neighbours:
    """The four shares, from features (N, F) and (M, F). All of them depend on N and M: use the same everywhere."""
    real, fake = real.float(), fake.float()
    distance = torch.cdist(fake, real)
    in_real_ball = distance <= _radius(real, k)
    in_fake_ball = distance <= _radius(fake, k)[:, None]
    return Neighbours(
        precision=in_real_ball.any(1).float().mean().item(),
        recall=in_fake_ball.any(0).float().mean().item(),
        density=in_real_ball.sum(1).float().mean().item() / k,
        coverage=in_real_ball.any(0).float().mean().item(),
    )
