"""PyTorch-GAN's dcgan.py: 32 x 32, Upsample and Conv2d in G, strided convolutions with dropout in D."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TextIO

import torch
from torch import Tensor, nn

from usual.pictures import Pictures, epochs, noise

LATENT = 100
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999)}


class Generator(nn.Module):
    """Noise (N, 100) to images (N, 1, size, size) in [-1, 1]. The 0.8 of the batch norms is their eps, as there."""

    def __init__(self, size: int = 32):
        super().__init__()
        self.seed = size // 4
        self.l1 = nn.Sequential(nn.Linear(LATENT, 128 * self.seed**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128),
            *self._grow(128, 128),
            *self._grow(128, 64),
            nn.Conv2d(64, 1, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    @staticmethod
    def _grow(inputs: int, outputs: int) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, 3, stride=1, padding=1)
        return [nn.Upsample(scale_factor=2), conv, nn.BatchNorm2d(outputs, 0.8), nn.LeakyReLU(0.2, inplace=True)]

    def forward(self, z: Tensor) -> Tensor:
        return self.conv_blocks(self.l1(z).view(z.shape[0], 128, self.seed, self.seed))


class Discriminator(nn.Module):
    """Images (N, 1, size, size) to logits (N, 1)."""

    def __init__(self, size: int = 32):
        super().__init__()
        widths = [1, 16, 32, 64, 128]
        blocks = [self._shrink(a, b, norm=a > 1) for a, b in pairwise(widths)]
        self.model = nn.Sequential(*[layer for block in blocks for layer in block])
        self.adv_layer = nn.Sequential(nn.Linear(128 * (size // 16) ** 2, 1))

    @staticmethod
    def _shrink(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
        block = [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
        return [*block, nn.BatchNorm2d(outputs, 0.8)] if norm else block

    def forward(self, image: Tensor) -> Tensor:
        out = self.model(image)
        return self.adv_layer(out.flatten(1))


def start(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, batch norm's scale around 1."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def train(generator: nn.Module, logits: nn.Module, pixels: Tensor, batch: int, out: TextIO, size: int = 32) -> Iterator:
    """G's turn, then D's on the same fakes; probabilities and their cross-entropy; both losses printed every step."""
    discriminator = nn.Sequential(logits, nn.Sigmoid())
    loss = nn.BCELoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), **ADAM)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **ADAM)
    for i, (images, _) in enumerate(epochs(Pictures(pixels, size), batch)):
        valid, fake = torch.ones(batch, 1), torch.zeros(batch, 1)

        optimizer_g.zero_grad()
        made = generator(noise(batch, LATENT))
        g_loss = loss(discriminator(made), valid)
        g_loss.backward()
        optimizer_g.step()

        optimizer_d.zero_grad()
        real_loss = loss(discriminator(images), valid)
        fake_loss = loss(discriminator(made.detach()), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        optimizer_d.step()

        print(f"[Batch {i}] [D loss: {d_loss.item():f}] [G loss: {g_loss.item():f}]", file=out)
        yield
