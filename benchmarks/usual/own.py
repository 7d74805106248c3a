"""Networks of ours in a loop of the usual manner: for recipes that have no script of their own in that collection."""

from collections.abc import Iterator
from typing import TextIO

import torch
from torch import Tensor, nn

from usual.dcgan import ADAM
from usual.pictures import Pictures, epochs, noise


def train(
    generator: nn.Module,
    discriminator: nn.Module,
    pixels: Tensor,
    batch: int,
    out: TextIO,
    latent_dim: int,
    labels: Tensor | None = None,
) -> Iterator:
    """D's turn, then G's on fresh noise, as in most tutorials: D's fakes are detached after a pass with a graph.

    labels: (N,), given to both networks where there are any. Yields a step.
    """
    loss = nn.BCEWithLogitsLoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), **ADAM)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **ADAM)
    for i, (images, classes) in enumerate(epochs(Pictures(pixels, labels=labels), batch)):
        told = () if labels is None else (classes,)
        optimizer_d.zero_grad()
        real_logits = discriminator(images, *told)
        fake_logits = discriminator(generator(noise(batch, latent_dim), *told).detach(), *told)
        real_loss, fake_loss = loss(real_logits, torch.ones_like(real_logits)), loss(fake_logits, fake_logits * 0)
        d_loss = real_loss + fake_loss
        d_loss.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        logits = discriminator(generator(noise(batch, latent_dim), *told), *told)
        g_loss = loss(logits, torch.ones_like(logits))
        g_loss.backward()
        optimizer_g.step()

        print(f"[Batch {i}] [D loss: {d_loss.item():f}] [G loss: {g_loss.item():f}]", file=out)
        yield
