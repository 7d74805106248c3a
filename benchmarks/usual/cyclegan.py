"""PyTorch-GAN's cyclegan.py: two resnet generators of nine blocks and two patch discriminators, in colour."""

import itertools
import random
from collections.abc import Iterator
from typing import TextIO

import torch
from torch import Tensor, nn

from usual.dcgan import ADAM
from usual.pictures import Pictures, epochs

CYCLE, IDENTITY = 10, 5


def start(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, biases at 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        nn.init.zeros_(module.bias)


class Residual(nn.Module):
    """(N, C, H, W) to the same shape, with mirrored borders."""

    def __init__(self, channels: int):
        super().__init__()
        conv, norm = (lambda: nn.Conv2d(channels, channels, 3)), (lambda: nn.InstanceNorm2d(channels))
        self.block = nn.Sequential(
            nn.ReflectionPad2d(1), conv(), norm(), nn.ReLU(inplace=True), nn.ReflectionPad2d(1), conv(), norm()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Generator(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to the same shape."""

    def __init__(self, blocks: int = 9):
        super().__init__()
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), *self._after(64)]
        for inputs, outputs in ((64, 128), (128, 256)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), *self._after(outputs)]
        layers += [Residual(256) for _ in range(blocks)]
        for inputs, outputs in ((256, 128), (128, 64)):
            conv = nn.Conv2d(inputs, outputs, 3, stride=1, padding=1)
            layers += [nn.Upsample(scale_factor=2), conv, *self._after(outputs)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())

    @staticmethod
    def _after(channels: int) -> list[nn.Module]:
        return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Discriminator(nn.Module):
    """Images (N, 3, H, W) to one number a patch, (N, 1, H / 16, W / 16)."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 64), (64, 128), (128, 256), (256, 512)):
            norm = [nn.InstanceNorm2d(outputs)] if inputs > 3 else []
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), *norm, nn.LeakyReLU(0.2, inplace=True)]
        self.model = nn.Sequential(*layers, nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(512, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Buffer:
    """Up to 50 fakes; a full one hands out an old image for a new one half of the time."""

    def __init__(self, capacity: int = 50):
        self.capacity, self.data = capacity, []

    def push_and_pop(self, images: Tensor) -> Tensor:
        """As many images as were given."""
        returned = []
        for image in images.data:
            image = image.unsqueeze(0)
            if len(self.data) < self.capacity:
                self.data.append(image)
                returned.append(image)
            elif random.uniform(0, 1) > 0.5:
                i = random.randint(0, self.capacity - 1)
                returned.append(self.data[i].clone())
                self.data[i] = image
            else:
                returned.append(image)
        return torch.cat(returned)


def train(
    generators: tuple[nn.Module, nn.Module],
    discriminators: tuple[nn.Module, nn.Module],
    pixels: tuple[Tensor, Tensor],
    batch: int,
    out: TextIO,
) -> Iterator:
    """Both generators' turn, then each discriminator's on fakes out of its buffer. Yields a step.

    As there, but for three things that cost little: images lie in memory and not in files, they are neither enlarged,
    cropped nor mirrored, and the learning rate is not scheduled.
    """
    (g_ab, g_ba), (d_a, d_b) = generators, discriminators
    gan, l1 = nn.MSELoss(), nn.L1Loss()
    optimizer_g = torch.optim.Adam(itertools.chain(g_ab.parameters(), g_ba.parameters()), **ADAM)
    optimizer_d_a, optimizer_d_b = (torch.optim.Adam(d.parameters(), **ADAM) for d in (d_a, d_b))
    buffer_a, buffer_b = Buffer(), Buffer()
    loaders = zip(*(epochs(Pictures(domain), batch) for domain in pixels), strict=True)
    for i, ((real_a, _), (real_b, _)) in enumerate(loaders):
        patches = (batch, 1, real_a.shape[2] // 16, real_a.shape[3] // 16)
        valid, fake = torch.ones(patches), torch.zeros(patches)

        optimizer_g.zero_grad()
        identity = (l1(g_ba(real_a), real_a) + l1(g_ab(real_b), real_b)) / 2
        fake_b = g_ab(real_a)
        gan_ab = gan(d_b(fake_b), valid)
        fake_a = g_ba(real_b)
        gan_ba = gan(d_a(fake_a), valid)
        adversarial = (gan_ab + gan_ba) / 2
        cycle = (l1(g_ba(fake_b), real_a) + l1(g_ab(fake_a), real_b)) / 2
        loss_g = adversarial + CYCLE * cycle + IDENTITY * identity
        loss_g.backward()
        optimizer_g.step()

        optimizer_d_a.zero_grad()
        loss_d_a = (gan(d_a(real_a), valid) + gan(d_a(buffer_a.push_and_pop(fake_a).detach()), fake)) / 2
        loss_d_a.backward()
        optimizer_d_a.step()

        optimizer_d_b.zero_grad()
        loss_d_b = (gan(d_b(real_b), valid) + gan(d_b(buffer_b.push_and_pop(fake_b).detach()), fake)) / 2
        loss_d_b.backward()
        optimizer_d_b.step()

        shown = (loss_d_a + loss_d_b) / 2, loss_g, adversarial, cycle, identity
        print(f"[Batch {i}]", *[f"{loss.item():f}" for loss in shown], file=out)
        yield
