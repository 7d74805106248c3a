"""Distances between two clouds of features: Frechet (Heusel et al. 2017) and kernel (Binkowski et al. 2018)."""

import torch
from torch import Tensor


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """|mean1 - mean2|^2 + tr(cov1 + cov2 - 2 (cov1 cov2)^(1/2)): means (F,), covariances (F, F), float64.

    The trace of the root comes from the eigenvalues of the symmetric S cov2 S with S = cov1^(1/2), which has the
    eigenvalues of cov1 cov2: no imaginary parts, no NaN (TTUR issue 4).
    """
    values, vectors = torch.linalg.eigh(cov1)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    trace_of_root = torch.linalg.eigvalsh(root @ cov2 @ root).clamp(min=0).sqrt().sum()
    return ((mean1 - mean2).pow(2).sum() + cov1.trace() + cov2.trace() - 2 * trace_of_root).item()


def mean_and_covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """(N, F) to (F,) and (F, F) in float64."""
    features = features.double()
    return features.mean(0), torch.cov(features.T)


def normalised_frechet(real: Tensor, fake: Tensor) -> float:
    """The Frechet distance of features (N, F) and (M, F), divided by the real features' total variance.

    0 is "the same". Biased upwards for few samples: always state N and M, and the floor, real against real.
    """
    mean, cov = mean_and_covariance(real)
    return frechet_distance(mean, cov, *mean_and_covariance(fake)) / cov.trace().item()


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared MMD with the kernel (x.y / F + 1)^3 of features (N, F) and (M, F).

    Unbiased: the kernel of a sample with itself is left out, so the distance of equal sets can be negative.
    """
    real, fake = real.double(), fake.double()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1).pow(3)

    def mean_of_pairs(a: Tensor) -> Tensor:
        k, n = kernel(a, a), len(a)
        return (k.sum() - k.trace()) / (n * (n - 1))

    return (mean_of_pairs(real) + mean_of_pairs(fake) - 2 * kernel(real, fake).mean()).item()
