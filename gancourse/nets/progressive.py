"""Progressive GAN (Karras et al. 2018): players that start at 4 x 4 and take on one doubling after another.

All stages are built at once and wait; `grow_to` says which of them take part. So the optimisers know every weight from
the start (nothing has to be carried over), and a checkpoint of any moment has the same names. One strided convolution
a stage, where the paper has a resampling and two convolutions: a tenth of the cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.errors import RecipeError
from gancourse.nets.blocks import (
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedUpConv2d,
    MinibatchStd,
    fade_in,
    minibatch_stddev,
    pixel_norm,
)

SEED = 4  # side of the first stage


@dataclass(frozen=True)
class Parts:
    """What progressive players are made of: the course's own parts, or a learner's. conv: (inputs, outputs, kernel,
    stride, padding) to a layer."""

    conv: Callable[..., nn.Module] = EqualizedConv2d
    pixel_norm: Callable[[Tensor], Tensor] = pixel_norm
    minibatch_stddev: Callable[[Tensor], Tensor] = minibatch_stddev
    fade_in: Callable[[Tensor, Tensor, float], Tensor] = fade_in


def stages_of(size: int) -> int:
    """How many stages lead to pictures of this side: 32 is 4, 8, 16, 32. Raises RecipeError for other sizes."""
    stages = size.bit_length() - SEED.bit_length() + 1
    if stages < 2 or size != SEED * 2 ** (stages - 1):
        raise RecipeError(f"Pictures of {size} x {size} cannot be grown from 4 x 4. Take 8, 16, 32, 64 or 128.")
    return stages


def stage_widths(width: int, size: int) -> list[int]:
    """Channels from 4 x 4 to the largest picture: width there, twice as many a stage earlier, at most 8 width."""
    return [width * min(2**i, 8) for i in reversed(range(stages_of(size)))]


class _Growing(nn.Module):
    """Knows how far it has grown. The two numbers are a buffer: the average and every checkpoint hold them too."""

    growth: Tensor

    def __init__(self, stages: int):
        super().__init__()
        self.stages = stages
        self.register_buffer("growth", torch.tensor([stages - 1.0, 1.0], dtype=torch.float64))

    @property
    def stage(self) -> int:
        """0 while pictures are 4 x 4, one more with each doubling."""
        return int(self.growth[0])

    @property
    def alpha(self) -> float:
        """How far the newest stage has been faded in: 0 not at all, 1 wholly."""
        return float(self.growth[1])

    def grow_to(self, stage: int, alpha: float = 1.0) -> Self:
        """Take part in stages 0 to `stage`, the last with the weight alpha. Raises RecipeError outside of them."""
        if not 0 <= stage < self.stages or not 0 <= alpha <= 1:
            raise RecipeError(
                f"There is no stage {stage} with alpha {alpha}: stages are 0 to {self.stages - 1}, alpha 0 to 1."
            )
        self.growth.copy_(torch.tensor([stage, alpha], dtype=torch.float64))
        return self

    def _apply(self, fn: Callable, recurse: bool = True) -> Self:
        """Move all but `growth`: it is read at every step, and a GPU would have to be waited for."""
        growth = self.growth
        super()._apply(fn, recurse)
        self.growth = growth
        return self


class ProgressiveGenerator(_Growing):
    """Noise (N, latent_dim) to images (N, channels, S, S) in [-1, 1], S = 4 * 2^stage.

    widths: channels of each stage, from 4 x 4 on.
    """

    def __init__(self, latent_dim: int, channels: int, widths: Sequence[int], parts: Parts | None = None):
        super().__init__(len(widths))
        self.parts = parts = parts or Parts()
        self.latent_dim = latent_dim
        self.seed = nn.Sequential(
            EqualizedLinear(latent_dim, widths[0] * SEED**2), nn.Unflatten(1, (widths[0], SEED, SEED))
        )
        self.blocks = nn.ModuleList(EqualizedUpConv2d(a, b) for a, b in pairwise(widths))
        self.to_image = nn.ModuleList(parts.conv(width, channels, 1) for width in widths)

    def _rectify(self, x: Tensor) -> Tensor:
        return self.parts.pixel_norm(F.leaky_relu(x, 0.2))

    def _image(self, stage: int, x: Tensor) -> Tensor:
        return self.to_image[stage](x).tanh()

    def forward(self, z: Tensor) -> Tensor:
        stage, alpha = self.stage, self.alpha
        x = before = self._rectify(self.seed(self.parts.pixel_norm(z)))
        for block in self.blocks[:stage]:
            before, x = x, self._rectify(block(x))
        if stage == 0 or alpha == 1:
            return self._image(stage, x)
        return self.parts.fade_in(self._image(stage - 1, before), self._image(stage, x), alpha)


class ProgressiveDiscriminator(_Growing):
    """Images (N, channels, S, S) in [-1, 1], S = 4 * 2^stage, to logits (N,): the generator's mirror."""

    def __init__(self, channels: int, widths: Sequence[int], parts: Parts | None = None):
        super().__init__(len(widths))
        self.parts = parts = parts or Parts()
        self.from_image = nn.ModuleList(parts.conv(channels, width, 1) for width in widths)
        self.blocks = nn.ModuleList(parts.conv(b, a, 4, 2, 1) for a, b in pairwise(widths))
        self.spread = MinibatchStd(parts.minibatch_stddev)
        self.last = parts.conv(widths[0] + 1, widths[0], SEED)
        self.head = EqualizedLinear(widths[0], 1, gain=1)

    def _features(self, stage: int, x: Tensor) -> Tensor:
        return F.leaky_relu(self.from_image[stage](x), 0.2)

    def _halve(self, stage: int, x: Tensor) -> Tensor:
        return F.leaky_relu(self.blocks[stage - 1](x), 0.2)

    def forward(self, image: Tensor) -> Tensor:
        stage, alpha = self.stage, self.alpha
        x = self._features(stage, image)
        if stage > 0:
            x = self._halve(stage, x)
        if stage > 0 and alpha < 1:
            x = self.parts.fade_in(self._features(stage - 1, F.avg_pool2d(image, 2)), x, alpha)
        for below in range(stage - 1, 0, -1):
            x = self._halve(below, x)
        x = F.leaky_relu(self.last(self.spread(x)), 0.2)
        return self.head(x.flatten(1)).squeeze(1)
