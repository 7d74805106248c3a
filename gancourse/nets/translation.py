"""Image to image: a generator that sees the picture it changes, and a discriminator that judges patches.

After CycleGAN (Zhu et al. 2017, section 4 and appendix 7.2), which took the generator from Johnson et al. 2016 and the
discriminator from Isola et al. 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from gancourse.errors import RecipeError


def instance_norm(channels: int) -> nn.GroupNorm:
    """Statistics of one channel of one picture, so a batch of one learns too: instance norm, by its faster name."""
    return nn.GroupNorm(channels, channels)


class ResidualBlock(nn.Module):
    """(N, C, H, W) to the same shape: the features plus a change of them."""

    def __init__(self, channels: int):
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.change = nn.Sequential(first, instance_norm(channels), nn.ReLU(), second, instance_norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class TranslationGenerator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] of one domain to images of the other, of the same shape.

    scale: squares of scale x scale pixels are folded into channels, which is cheaper than convolving at full size;
    width: channels inside; blocks: residual blocks. The last layer also sees the picture itself (the paper's does not):
    absolute colours and fine detail need not pass through the norms. Raises RecipeError where H or W is no multiple of
    scale.
    """

    def __init__(self, channels: int = 3, width: int = 32, scale: int = 2, blocks: int = 2):
        super().__init__()
        self.scale = scale
        folded = channels * scale**2
        first = nn.Conv2d(folded, width, 3, padding=1)
        blocks_inside = [ResidualBlock(width) for _ in range(blocks)]
        self.body = nn.Sequential(first, instance_norm(width), nn.ReLU(), *blocks_inside)
        self.last = nn.Conv2d(width + folded, folded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] % self.scale or x.shape[-2] % self.scale:
            raise RecipeError(f"Images of {tuple(x.shape[-2:])} cannot be cut into squares of {self.scale} pixels.")
        folded = pixel_unshuffle(x, self.scale)
        return pixel_shuffle(self.last(torch.cat([self.body(folded), folded], dim=1)), self.scale).tanh()


class PatchDiscriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to logits (N, 1, h, w), one a patch (Isola et al. 2017, section 3.2.2).

    All kernels are 4. halvings: convolutions of stride 2, with instance norm but on the first; layers: further ones of
    stride 1 before the last, which decides. (2, 0) makes patches of 22 x 22 pixels, (3, 1) the paper's 70 x 70.
    """

    def __init__(self, channels: int = 3, width: int = 32, halvings: int = 2, layers: int = 0):
        super().__init__()
        net: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        inputs = width
        for i in range(1, halvings + layers):
            outputs = width * min(2**i, 8)
            stride = 2 if i < halvings else 1
            net += [nn.Conv2d(inputs, outputs, 4, stride, 1), instance_norm(outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.net = nn.Sequential(*net, nn.Conv2d(inputs, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
