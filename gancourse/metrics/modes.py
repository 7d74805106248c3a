"""Numbers for 2-D mixtures: how much of the data is covered, and how many of the samples are any good."""

import torch
from torch import Tensor

HIGH_QUALITY_STDS = 3.0
FAIR_SHARE = 0.2


def _nearest(samples: Tensor, centers: Tensor, std: float) -> tuple[Tensor, Tensor]:
    """For each sample (N, 2): the index of its nearest centre, and whether it is within 3 standard deviations."""
    distance, mode = torch.cdist(samples, centers).min(dim=1)
    return mode, distance < HIGH_QUALITY_STDS * std


def high_quality_share(samples: Tensor, centers: Tensor, std: float) -> float:
    """The share of samples (N, 2) within 3 standard deviations of a centre (K, 2).

    The ceiling is 1 - exp(-9/2) = 0.989: real samples leave that circle too.
    """
    return _nearest(samples, centers, std)[1].float().mean().item()


def misplaced_share(samples: Tensor, centers: Tensor, std: float) -> float:
    """The share of samples (N, 2) that are no good or too many at their centre: 1 - sum_k min(n_k / N, 1 / K).

    0 when every centre (K, 2) has its fair share of high-quality samples, (K - 1) / K when all sit at one.
    """
    mode, good = _nearest(samples, centers, std)
    shares = torch.bincount(mode[good], minlength=len(centers)) / len(samples)
    return 1 - shares.clamp(max=1 / len(centers)).sum().item()


def modes_covered(samples: Tensor, centers: Tensor, std: float, share: float = FAIR_SHARE) -> int:
    """How many of the K centres got at least `share` of their fair number, N / K, of high-quality samples.

    Some authors count a mode from its first sample on; with thousands of samples that counts accidents.
    """
    mode, good = _nearest(samples, centers, std)
    counts = torch.bincount(mode[good], minlength=len(centers))
    return int((counts >= share * len(samples) / len(centers)).sum())
