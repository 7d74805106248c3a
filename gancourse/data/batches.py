"""Batches in an order that can be saved: a run that stops and goes on sees the same images in the same order."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from gancourse.data.images import Images
from gancourse.data.mixtures import Mixture
from gancourse.errors import DataError

Part = Callable[[Tensor], Tensor]  # the rows of a batch that are wanted: (N, ...) to (M, ...)


def whole(batch: Tensor) -> Tensor:
    """All of a batch."""
    return batch


def _checked_batch_size(batch_size: int) -> int:
    if batch_size < 1:
        raise DataError(f"A batch needs at least 1 sample, but batch_size is {batch_size}.")
    return batch_size


class Order:
    """The numbers of the images in each batch, reshuffled every epoch.

    The order of an epoch depends on the seed and the epoch's number alone, so two integers are the whole state.
    An epoch's last, smaller batch is left out.
    """

    def __init__(self, data: Images, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        self.batch_size, self.length = _checked_batch_size(batch_size), len(data)
        if batch_size > len(data):
            raise DataError(
                f"A batch of {batch_size} does not fit: {data.name} has {len(data)} images. Use a smaller batch."
            )
        self.seed, self.device = seed, device
        self.load_state_dict({"epoch": 0, "position": 0})

    def _shuffled(self) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed << 32) + self.epoch)
        return torch.randperm(self.length, generator=generator).to(self.device)

    def next(self) -> Tensor:
        """The numbers of the next batch: (batch_size,) int64."""
        if self.position + self.batch_size > self.length:
            self.load_state_dict({"epoch": self.epoch + 1, "position": 0})
        index = self._order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return index

    def state_dict(self) -> dict:
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict) -> None:
        self.epoch, self.position = state["epoch"], state["position"]
        self._order = self._shuffled()


def refuse_unlabelled(data: Images) -> None:
    """Raise DataError where nobody labelled the images."""
    if data.labels is None:
        raise DataError(
            f"{data.name} has no labels. Sort the pictures into one folder for each class, or use --data embedded."
        )


class ShuffledBatches:
    """Batches of a finite data set in its Order, resident on one device."""

    def __init__(self, data: Images, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        self.batch_size, self.device = batch_size, device
        self.order = Order(data, batch_size, seed, device)
        self.data = data.to(device)

    def next(self) -> Tensor:
        """The next batch: (batch_size, C, H, W) in [-1, 1]."""
        return self.next_part(whole)

    def next_part(self, part: Part) -> Tensor:
        """A part of the next batch: (M, C, H, W) in [-1, 1]."""
        return self.data.batch(part(self.order.next())).to(self.device)

    def told(self) -> AbstractContextManager:
        """Nothing happens here that has to be told; see StreamedBatches."""
        return nullcontext()

    def close(self) -> None:
        """Nothing has to be ended here; see StreamedBatches."""

    def state_dict(self) -> dict:
        return self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        self.order.load_state_dict(state)


class LabelledBatches(ShuffledBatches):
    """The same batches in the same order, each image with its label. Raises DataError where nobody labelled them."""

    def __init__(self, data: Images, batch_size: int, seed: int = 0, device: torch.device | str = "cpu"):
        refuse_unlabelled(data)
        super().__init__(data, batch_size, seed, device)

    def next_part(self, part: Part) -> tuple[Tensor, Tensor]:
        """A part of the next batch: images (M, C, H, W) in [-1, 1], and labels (M,) int64."""
        index = part(self.order.next())
        return self.data.batch(index).to(self.device), self.data.labels[index]


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
