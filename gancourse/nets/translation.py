"""Image to image: a generator that sees the picture it changes, and a discriminator that judges patches.

After CycleGAN (Zhu et al. 2017, section 4 and appendix 7.2), which took the generator from Johnson et al. 2016 and the
discriminator from Isola et al. 2017.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from gancourse.errors import RecipeError


def normalised(layer: nn.Module, channels: int) -> nn.Sequential:
    """The layer, then instance norm: statistics of one picture, so a batch of one learns too."""
    return nn.Sequential(layer, nn.InstanceNorm2d(channels, affine=True))


class ResidualBlock(nn.Module):
    """(N, C, H, W) to the same shape: the picture plus a change of it."""

    def __init__(self, channels: int):
        super().__init__()
        self.change = nn.Sequential(
            normalised(nn.Conv2d(channels, channels, 3, padding=1), channels),
            nn.ReLU(),
            normalised(nn.Conv2d(channels, channels, 3, padding=1), channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class TranslationGenerator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] of one domain to images of the other, of the same shape.

    width: channels at full size, doubled with each of the `halvings`; blocks: residual blocks at the smallest size.
    The last layer also sees the first one's features (the paper's does not): fine detail need not pass through the
    narrow middle. Raises RecipeError in forward where H or W cannot be halved so often.
    """

    def __init__(self, channels: int = 3, width: int = 16, halvings: int = 1, blocks: int = 2):
        super().__init__()
        self.halvings = halvings
        widths = [width * 2**i for i in range(halvings + 1)]
        self.first = nn.Sequential(normalised(nn.Conv2d(channels, width, 5, padding=2), width), nn.ReLU())
        down = [self._scaled(nn.Conv2d, a, b) for a, b in pairwise(widths)]
        up = [self._scaled(nn.ConvTranspose2d, b, a) for a, b in pairwise(widths)]
        self.middle = nn.Sequential(*down, *[ResidualBlock(widths[-1]) for _ in range(blocks)], *up[::-1])
        self.last = nn.Conv2d(2 * width, channels, 5, padding=2)

    @staticmethod
    def _scaled(kind: type[nn.Module], inputs: int, outputs: int) -> nn.Sequential:
        """Half or double the side, with kernel 4 and stride 2: no checkerboard."""
        return nn.Sequential(normalised(kind(inputs, outputs, 4, stride=2, padding=1), outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] % 2**self.halvings or x.shape[-2] % 2**self.halvings:
            raise RecipeError(f"Images of {tuple(x.shape[-2:])} cannot be halved {self.halvings} times. Resize them.")
        fine = self.first(x)
        return self.last(torch.cat([fine, self.middle(fine)], dim=1)).tanh()


class PatchDiscriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to logits (N, 1, h, w), one a patch (Isola et al. 2017, section 3.2.2).

    halvings: convolutions of stride 2 in front of the last one, which decides; each has kernel 4. Two make patches
    of 22 x 22 pixels, three with a further one of stride 1 the paper's 70 x 70.
    """

    def __init__(self, channels: int = 3, width: int = 32, halvings: int = 2, extra: int = 0):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        inputs = width
        for i in range(1, halvings + extra):
            outputs = width * min(2**i, 8)
            stride = 2 if i < halvings else 1
            layers += [normalised(nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1), outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.net = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
