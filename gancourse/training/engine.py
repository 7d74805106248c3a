"""How a step is computed, never what: switches that make the same game faster on one machine or another."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Engine:
    """channels_last: keep a pixel's channels side by side in memory. It helps most networks of convolutions, and slows
    some (translation on a CPU): measured network by network in benchmarks/, and off where it loses."""

    channels_last: bool = False

    def prepare(self, player: nn.Module) -> nn.Module:
        """Lay out a player's weights, before its optimiser and its average are made. Returns the same player."""
        if self.channels_last:
            player.to(memory_format=torch.channels_last)
        return player
