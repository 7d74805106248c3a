"""PyTorch-GAN's wgan_gp.py: MLPs on 28 x 28, five turns of the critic for each of G."""

from collections.abc import Iterator
from typing import TextIO

import numpy as np
import torch
from torch import Tensor, autograd, nn

from usual.dcgan import ADAM, LATENT
from usual.pictures import Pictures, epochs, noise

CRITIC_TURNS, PENALTY = 5, 10


class Generator(nn.Module):
    """Noise (N, 100) to images (N, 1, 28, 28) in [-1, 1]."""

    def __init__(self):
        super().__init__()
        grow = [layer for a, b in ((128, 256), (256, 512), (512, 1024)) for layer in self._block(a, b)]
        first = [nn.Linear(LATENT, 128), nn.LeakyReLU(0.2, inplace=True)]
        self.model = nn.Sequential(*first, *grow, nn.Linear(1024, 28 * 28), nn.Tanh())

    @staticmethod
    def _block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, 0.8), nn.LeakyReLU(0.2, inplace=True)]

    def forward(self, z: Tensor) -> Tensor:
        return self.model(z).view(z.shape[0], 1, 28, 28)


class Critic(nn.Module):
    """Images (N, 1, 28, 28) to scores (N, 1)."""

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(256, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image.view(image.shape[0], -1))


def penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The gradient penalty between real and fake, shares drawn by NumPy."""
    share = torch.Tensor(np.random.random((real.size(0), 1, 1, 1)))
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    scores = critic(between)
    slopes = autograd.grad(
        outputs=scores,
        inputs=between,
        grad_outputs=torch.ones(real.shape[0], 1),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((slopes.view(slopes.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


def train(generator: nn.Module, critic: nn.Module, pixels: Tensor, batch: int, out: TextIO) -> Iterator:
    """The critic's turn, whose loss runs back into G; every fifth step G's, from the critic's noise. Yields a step."""
    optimizer_g = torch.optim.Adam(generator.parameters(), **ADAM)
    optimizer_d = torch.optim.Adam(critic.parameters(), **ADAM)
    for i, (images, _) in enumerate(epochs(Pictures(pixels), batch)):
        optimizer_d.zero_grad()
        z = noise(batch, LATENT)
        made = generator(z)
        real_scores, fake_scores = critic(images), critic(made)
        d_loss = -real_scores.mean() + fake_scores.mean() + PENALTY * penalty(critic, images.data, made.data)
        d_loss.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()

        if i % CRITIC_TURNS == 0:
            g_loss = -critic(generator(z)).mean()
            g_loss.backward()
            optimizer_g.step()
            print(f"[Batch {i}] [D loss: {d_loss.item():f}] [G loss: {g_loss.item():f}]", file=out)
        yield
