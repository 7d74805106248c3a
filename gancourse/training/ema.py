"""The exponential moving average of a generator: what it has learned, without where it happens to wander."""

import copy

import torch
from torch import nn


class EMA:
    """A copy of the model that follows it slowly (Yazici et al. 2019).

    half_life: in images; after so many, half of the average is new. In the first steps the average follows faster,
    decay = min(decay, (1 + t) / (10 + t)), or it would remember the random start. Buffers are copied, not averaged.
    """

    def __init__(self, model: nn.Module, half_life: float):
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.half_life, self.updates = half_life, 0

    @torch.no_grad()
    def update(self, model: nn.Module, images: int) -> None:
        """Move towards `model` after a step that showed so many images."""
        self.updates += 1
        decay = min(0.5 ** (images / self.half_life), (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
