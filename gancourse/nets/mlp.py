"""The plainest pair of players: multilayer perceptrons (Goodfellow et al. 2014 used no more)."""

import math
from itertools import pairwise

from torch import Tensor, nn

from gancourse.nets.blocks import MinibatchStd


def mlp(widths: list[int], slope: float = 0.2) -> nn.Sequential:
    """Linear layers of the given widths with LeakyReLU(slope) between them; the last layer stays linear.

    slope 0 is ReLU.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(inputs, outputs))
        if i < len(widths) - 2:
            layers.append(nn.LeakyReLU(slope))
    return nn.Sequential(*layers)


class PointGenerator(nn.Module):
    """Noise (N, latent_dim) to points (N, 2)."""

    def __init__(self, latent_dim: int = 2, width: int = 128):
        super().__init__()
        self.latent_dim = latent_dim
        self.net = mlp([latent_dim, width, width, width, 2], slope=0.0)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class PointDiscriminator(nn.Module):
    """Points (N, 2) to logits (N,): above 0 means "real"."""

    def __init__(self, width: int = 128):
        super().__init__()
        self.net = mlp([2, width, width, width, 1])

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).squeeze(1)


class MLPGenerator(nn.Module):
    """Noise (N, latent_dim) to images (N, C, H, W) in [-1, 1]."""

    def __init__(self, latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28), width: int = 256):
        super().__init__()
        self.latent_dim, self.image_shape = latent_dim, tuple(image_shape)
        self.net = mlp([latent_dim, width, 2 * width, math.prod(image_shape)], slope=0.0)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).tanh().unflatten(1, self.image_shape)


class MLPDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,): above 0 means "real". No sigmoid: the losses work on logits.

    Before its last layer it is told how much the batch varies: a generator that repeats itself is found out.
    """

    def __init__(self, image_shape: tuple[int, int, int] = (1, 28, 28), width: int = 256):
        super().__init__()
        self.body = nn.Sequential(mlp([math.prod(image_shape), 2 * width, width]), nn.LeakyReLU(0.2))
        self.head = nn.Sequential(MinibatchStd(), nn.Linear(width + 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x.flatten(1))).squeeze(1)
