"""torch-mimicry 0.1.16 as it is (kwotsin/mimicry, MIT licence): its SNGAN of 32 x 32 and its own training steps.

    python -m pip install --no-deps torch-mimicry

It was written for PyTorch 1.x and TensorFlow: as it comes, it does not import today. Its metrics, which are not
measured here, and modules that are no longer there are replaced by empty ones. Networks, losses and steps are its own.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import TextIO
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

from usual.pictures import Pictures, epochs

LATENT = 128
ADAM = {"lr": 2e-4, "betas": (0.0, 0.9)}
GONE = ("torch_mimicry.metrics", "skimage", "torch._six")


def mimicry(name: str) -> object:
    """A module of torch_mimicry. Raises SystemExit that says how to get it."""
    if importlib.util.find_spec("torch_mimicry") is None:
        raise SystemExit("torch-mimicry is not installed: python -m pip install --no-deps torch-mimicry")
    for module in GONE:
        sys.modules.setdefault(module, MagicMock())
    return importlib.import_module(f"torch_mimicry.{name}")


def networks() -> tuple[nn.Module, nn.Module]:
    """G (N, 128) to (N, 3, 32, 32), and D with spectral norm; both with the non-saturating loss."""
    nets = mimicry("nets.sngan.sngan_32")
    return nets.SNGANGenerator32(loss_type="ns"), nets.SNGANDiscriminator32(loss_type="ns")


def train(generator: nn.Module, discriminator: nn.Module, pixels: Tensor, batch: int, out: TextIO) -> Iterator:
    """mimicry's Trainer with one step of D for each of G: D's train_step, G's train_step, the losses. Yields a step."""
    log = mimicry("training.metric_log").MetricLog
    optimizer_g = torch.optim.Adam(generator.parameters(), **ADAM)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **ADAM)
    for i, real in enumerate(epochs(Pictures(pixels), batch)):
        data = log()
        data = discriminator.train_step(real, netG=generator, optD=optimizer_d, log_data=data, global_step=i)
        data = generator.train_step(real, netD=discriminator, optG=optimizer_g, log_data=data, global_step=i)
        if i % 50 == 0:  # its print_steps
            print(f"[Step {i}] { ({name: data[name] for name in data.metrics_dict}) }", file=out)
        yield
