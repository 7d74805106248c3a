"""DCGAN (Radford et al. 2016): all-convolutional players, each stage of which doubles or halves the picture.

kernel 4, stride 2, padding 1 makes every output pixel see the same number of inputs; kernel 3 does not (checkerboards).
"""

from itertools import pairwise

from torch import Tensor, nn

from gancourse.errors import RecipeError
from gancourse.nets.blocks import MinibatchStd

SMALLEST = 8  # a picture's seed may not be larger than this


def doublings(size: int) -> tuple[int, int]:
    """The seed's side and how often it is doubled to reach `size`: 28 is 7 doubled twice, 64 is 4 doubled four times.

    Raises RecipeError for sizes that cannot be reached from a seed of 4 to 8.
    """
    seed, times = size, 0
    while seed % 2 == 0 and seed > 4:
        seed, times = seed // 2, times + 1
    if not 4 <= seed <= SMALLEST or times == 0:
        raise RecipeError(f"Pictures of {size} x {size} cannot be made by doubling 4 to 8. Take 28, 32, 64 or 128.")
    return seed, times


def channels_of(width: int, times: int) -> list[int]:
    """Channels from the largest picture to the seed: width, 2 width, 4 width, at most 8 width."""
    return [width * min(2**i, 8) for i in range(times)]


def generator_block(inputs: int, outputs: int) -> nn.Sequential:
    """(N, inputs, H, W) to (N, outputs, 2 H, 2 W): transposed convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def discriminator_block(inputs: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """(N, inputs, H, W) to (N, outputs, H / 2, W / 2): convolution, LeakyReLU, and batch norm between if wanted."""
    norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), *norm, nn.LeakyReLU(0.2))


class DCGANGenerator(nn.Module):
    """Noise (N, latent_dim) to images (N, C, H, W) in [-1, 1]. Batch norm everywhere but on the output.

    width: channels before the last layer; the seed has 2, 4 or 8 times as many.
    """

    def __init__(self, latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28), width: int = 32):
        super().__init__()
        seed, times = doublings(image_shape[1])
        widths = channels_of(width, times)[::-1]
        self.latent_dim, self.image_shape = latent_dim, tuple(image_shape)
        self.project = nn.Sequential(
            nn.Linear(latent_dim, widths[0] * seed * seed, bias=False),
            nn.Unflatten(1, (widths[0], seed, seed)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        self.body = nn.Sequential(*[generator_block(a, b) for a, b in pairwise(widths)])
        self.out = nn.ConvTranspose2d(widths[-1], image_shape[0], 4, stride=2, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        return self.out(self.body(self.project(z))).tanh()


class DCGANDiscriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to logits (N,).

    batch_norm: as in the paper, on every stage but the first. A critic with a gradient penalty has none: the penalty is
    per sample, and batch statistics couple the samples. batch_std: tell the last layer how much the batch varies.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 28, 28),
        width: int = 32,
        batch_norm: bool = False,
        batch_std: bool = False,
    ):
        super().__init__()
        seed, times = doublings(image_shape[1])
        widths = [image_shape[0], *channels_of(width, times)]
        self.body = nn.Sequential(
            *[discriminator_block(a, b, batch_norm and i > 0) for i, (a, b) in enumerate(pairwise(widths))],
            nn.Flatten(),
        )
        features = widths[-1] * seed * seed
        self.head = nn.Sequential(MinibatchStd(), nn.Linear(features + 1, 1)) if batch_std else nn.Linear(features, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).squeeze(1)
