"""2-D mixtures of Gaussians: data whose density is known, so that every claim about it can be computed.

Both are scaled so that each coordinate has variance 1, which is what default-initialised layers expect.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.errors import DataError

HALF_WIDTH = math.sqrt(2)


@dataclass(frozen=True)
class Mixture:
    """Equally likely Gaussian bumps. centers: (K, 2); std: their common standard deviation."""

    name: str
    centers: Tensor
    std: float

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n points: (n, 2)."""
        modes = torch.randint(len(self.centers), (n,), generator=generator)
        noise = torch.randn(n, 2, generator=generator)
        return self.centers[modes] + self.std * noise

    def density(self, points: Tensor) -> Tensor:
        """The density p(x) at points (N, 2): (N,)."""
        squared = torch.cdist(points, self.centers).pow(2)
        bumps = torch.exp(-squared / (2 * self.std**2)) / (2 * math.pi * self.std**2)
        return bumps.mean(1)


def ring(modes: int = 8, std: float = 0.01 * HALF_WIDTH) -> Mixture:
    """Bumps on a circle of radius sqrt(2), the 2-D ring of Metz et al. 2017 (std 1/100 of the radius)."""
    if modes < 1 or std <= 0:
        raise DataError(f"A ring needs at least 1 mode and std > 0, but got modes={modes}, std={std}.")
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return Mixture("ring", HALF_WIDTH * torch.stack([angle.cos(), angle.sin()], dim=1), std)


def grid(side: int = 5, std: float = 0.0125 * HALF_WIDTH) -> Mixture:
    """side x side bumps on a square of half width sqrt(2): Srivastava et al. 2017 (std 1/40 of the spacing)."""
    if side < 2 or std <= 0:
        raise DataError(f"A grid needs at least 2 bumps a side and std > 0, but got side={side}, std={std}.")
    line = torch.linspace(-HALF_WIDTH, HALF_WIDTH, side)
    return Mixture("grid", torch.cartesian_prod(line, line), std)
