"""Looking at a network without changing it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def looked_at(*networks: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients, so that no running statistic moves; afterwards each part is in its mode again."""
    modes = [(part, part.training) for network in networks for part in network.modules()]
    for network in networks:
        network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
