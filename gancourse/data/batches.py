"""Batches in an order that can be saved: a run that stops and goes on sees the same images in the same order."""

import torch
from torch import Tensor

from gancourse.data.images import Images
from gancourse.data.mixtures import Mixture
from gancourse.errors import DataError


def _checked_batch_size(batch_size: int) -> int:
    if batch_size < 1:
        raise DataError(f"A batch needs at least 1 sample, but batch_size is {batch_size}.")
    return batch_size


class ShuffledBatches:
    """Batches of a finite data set, reshuffled every epoch, resident on one device.

    The order of an epoch depends on the seed and the epoch's number alone, so two integers are the whole state.
    An epoch's last, smaller batch is left out.
    """

    def __init__(self, data: Images, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        self.batch_size = _checked_batch_size(batch_size)
        if batch_size > len(data):
            raise DataError(
                f"A batch of {batch_size} does not fit: {data.name} has {len(data)} images. Use a smaller batch."
            )
        self.data, self.seed, self.device = data.to(device), seed, device
        self.epoch, self.position = 0, 0
        self._order = self._shuffled()

    def _shuffled(self) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed << 32) + self.epoch)
        return torch.randperm(len(self.data), generator=generator).to(self.device)

    def _next_index(self) -> Tensor:
        if self.position + self.batch_size > len(self.data):
            self.epoch, self.position = self.epoch + 1, 0
            self._order = self._shuffled()
        index = self._order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return index

    def next(self) -> Tensor:
        """The next batch: (batch_size, C, H, W) in [-1, 1]."""
        return self.data.batch(self._next_index())

    def state_dict(self) -> dict:
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict) -> None:
        self.epoch, self.position = state["epoch"], state["position"]
        self._order = self._shuffled()


class LabelledBatches(ShuffledBatches):
    """The same batches in the same order, each image with its label. Raises DataError where nobody labelled them."""

    def __init__(self, data: Images, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        if data.labels is None:
            raise DataError(
                f"{data.name} has no labels. Sort the pictures into one folder for each class, or use --data embedded."
            )
        super().__init__(data, batch_size, seed, device)

    def next(self) -> tuple[Tensor, Tensor]:
        """The next batch: images (batch_size, C, H, W) in [-1, 1], and labels (batch_size,) int64."""
        index = self._next_index()
        return self.data.batch(index), self.data.labels[index]


class DrawnBatches:
    """Fresh samples of a mixture in every batch, from a random generator of their own."""

    def __init__(self, mixture: Mixture, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        self.batch_size = _checked_batch_size(batch_size)
        self.mixture, self.device = mixture, device
        self._generator = torch.Generator().manual_seed(seed)

    def next(self) -> Tensor:
        """The next batch: (batch_size, 2)."""
        return self.mixture.sample(self.batch_size, self._generator).to(self.device)

    def state_dict(self) -> dict:
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict) -> None:
        self._generator.set_state(state["generator"])
