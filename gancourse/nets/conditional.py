"""Players that know which class is meant: by concatenation (Mirza and Osindero 2014), or by projection in D and
conditional batch norm in G (Miyato and Koyama 2018; de Vries et al. 2017)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.nets.blocks import MinibatchStd
from gancourse.nets.dcgan import DCGANDiscriminator, DCGANGenerator, channels_of, discriminator_block, doublings

ImageShape = tuple[int, int, int]


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) int64 to rows (N, classes) float32 with a 1 at the label and 0 elsewhere, on the labels' device."""
    return F.one_hot(labels, classes).float()


def condition(images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Images (N, C, H, W) and a plane a class, 1 everywhere on the label's: (N, C + classes, H, W), images' dtype."""
    planes = one_hot(labels, classes).to(images)[:, :, None, None]
    return torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], dim=1)


def projection_logit(features: Tensor, labels: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """psi(phi) + <v_y, phi> (Miyato and Koyama 2018, equation 6 with a linear psi): one logit a sample (N,).

    features phi: (N, F); labels y: (N,); embedding v: (classes, F); weight (F,) and bias () of psi.
    """
    return features @ weight + bias + (features * embedding[labels]).sum(1)


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift depend on the label: (N, C, H, W) and (N,) to (N, C, H, W).

    One set of statistics for all classes, a scale (around 1) and a shift (around 0) for each (de Vries et al. 2017).
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.norm(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


class ConcatGenerator(nn.Module):
    """Noise (N, latent_dim) and labels (N,) to images (N, C, H, W) in [-1, 1]: a DCGAN on z and the one-hot label."""

    def __init__(self, latent_dim: int, classes: int, image_shape: ImageShape, width: int = 16):
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        self.net = DCGANGenerator(latent_dim + classes, image_shape, width)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([z, one_hot(labels, self.classes)], dim=1))


class ConcatDiscriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] and labels (N,) to logits (N,): a DCGAN on the image with its label planes."""

    def __init__(self, classes: int, image_shape: ImageShape, width: int = 16, batch_std: bool = False):
        super().__init__()
        self.classes = classes
        channels, *size = image_shape
        self.net = DCGANDiscriminator((channels + classes, *size), width, batch_std=batch_std)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.net(condition(x, labels, self.classes))


class NormGenerator(nn.Module):
    """Noise (N, latent_dim) and labels (N,) to images (N, C, H, W) in [-1, 1]; the label enters in each batch norm."""

    def __init__(self, latent_dim: int, classes: int, image_shape: ImageShape, width: int = 16):
        super().__init__()
        seed, times = doublings(image_shape[1])
        widths = channels_of(width, times)[::-1]
        self.latent_dim, self.classes = latent_dim, classes
        self.project = nn.Linear(latent_dim, widths[0] * seed * seed, bias=False)
        self.unflatten = nn.Unflatten(1, (widths[0], seed, seed))
        self.norms = nn.ModuleList(ConditionalBatchNorm(channels, classes) for channels in widths)
        self.grow = nn.ModuleList(_doubling(a, b, bias=False) for a, b in pairwise(widths))
        self.out = _doubling(widths[-1], image_shape[0], bias=True)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.norms[0](self.unflatten(self.project(z)), labels).relu()
        for grow, norm in zip(self.grow, self.norms[1:], strict=True):
            x = norm(grow(x), labels).relu()
        return self.out(x).tanh()


def _doubling(inputs: int, outputs: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


class ProjectionDiscriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] and labels (N,) to logits (N,): the label meets the features at the very end.

    embedding_std: where the classes' vectors start. With the 1 that nn.Embedding ships, the label's term is many
    times larger than the other one before anything is learned.
    """

    def __init__(
        self,
        classes: int,
        image_shape: ImageShape,
        width: int = 16,
        batch_std: bool = False,
        embedding_std: float = 0.0,
    ):
        super().__init__()
        seed, times = doublings(image_shape[1])
        widths = [image_shape[0], *channels_of(width, times)]
        self.body = nn.Sequential(*[discriminator_block(a, b, False) for a, b in pairwise(widths)], nn.Flatten())
        self.spread = MinibatchStd() if batch_std else nn.Identity()
        features = widths[-1] * seed * seed + batch_std
        self.psi = nn.Linear(features, 1)
        self.embedding = nn.Parameter(embedding_std * torch.randn(classes, features))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        features = self.spread(self.body(x))
        return projection_logit(features, labels, self.embedding, self.psi.weight[0], self.psi.bias[0])
