"""Batches of data that are too large to be kept: worker processes read them ahead of the step that wants them."""

import copy
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gancourse.data.batches import LabelledBatches, Order, Part, ShuffledBatches, refuse_unlabelled, whole
from gancourse.data.images import Images, PictureFiles, to_range
from gancourse.data.memory import is_resident
from gancourse.errors import DataError

TIGHT = (
    "Use fewer workers (0 reads without any), or in a container allow more shared memory (docker run --shm-size=2g). "
    "Go on with, for instance, `gancourse train --resume FOLDER --set workers=1`."
)


@dataclass(frozen=True)
class Trouble:
    """What went wrong in a worker, told in the process that trains, without the worker's traceback."""

    message: str


class _Ahead:
    """The numbers of one batch after another, without an end, from where an order is now."""

    def __init__(self, order: Order, part: Part):
        self.order, self.part = order, part

    def __iter__(self) -> Iterator[list[int]]:
        order = copy.copy(self.order)
        while True:
            yield self.part(order.next()).tolist()


class _Reader:
    """What a worker does: read the pixels of a batch into memory that it shares with the process that trains."""

    def __init__(self, data: Images, shared: bool):
        self.data, self.shared = data, shared

    def __getitems__(self, index: list[int]) -> Tensor | Trouble:
        try:
            pixels = self.data.images[torch.tensor(index)]
            return pixels.share_memory_() if self.shared else pixels
        except DataError as error:
            return Trouble(str(error))
        except (RuntimeError, OSError) as error:
            return Trouble(f"A worker that reads pictures has no more memory: {error}. {TIGHT}")


def _start_worker(number: int) -> None:
    """Ctrl-C is for the process that trains: it stops after a whole step and ends the workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class StreamedBatches:
    """The batches of ShuffledBatches, or labelled those of LabelledBatches, number for number, read when needed.

    workers: processes that read ahead, two batches each; 0 reads in the process that trains. On their way to a GPU
    batches are copied from pinned memory while it computes. The state is what was handed out, not what was read ahead.
    Raises DataError that names a picture that cannot be read, or says what to do when a worker was killed.
    """

    def __init__(
        self,
        data: Images,
        batch_size: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        workers: int = 2,
        labelled: bool = False,
    ):
        if workers < 0:
            raise DataError(f"workers must be at least 0, but is {workers}.")
        if labelled:
            refuse_unlabelled(data)
        self.data, self.batch_size, self.device = data, batch_size, torch.device(device)
        self.workers, self.labels = workers, data.labels if labelled else None
        self.order = Order(data, batch_size, seed)
        self._stream: Iterator | None = None

    def next(self) -> Tensor | tuple[Tensor, Tensor]:
        """The next batch: images (batch_size, C, H, W) in [-1, 1]; labelled, with labels (batch_size,) int64."""
        return self.next_part(whole)

    def next_part(self, part: Part) -> Tensor | tuple[Tensor, Tensor]:
        """A part of the next batch; the rest is not read."""
        pixels = self._read(part)
        index = part(self.order.next())
        images = to_range(pixels.to(self.device, non_blocking=True))
        return images if self.labels is None else (images, self.labels[index].to(self.device, non_blocking=True))

    def _read(self, part: Part) -> Tensor:
        with self.told():
            if self._stream is None or part is not self._part:
                self.close()
                self._stream, self._part = iter(self._loader(part)), part
            pixels = next(self._stream)
        if isinstance(pixels, Trouble):
            self.close()
            raise DataError(pixels.message)
        return pixels

    def _loader(self, part: Part) -> DataLoader:
        """It never ends, so its workers live until it is closed; its random generator is its own."""
        return DataLoader(
            _Reader(self.data, shared=self.workers > 0),
            batch_sampler=_Ahead(self.order, part),
            num_workers=self.workers,
            collate_fn=whole,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_start_worker,
            generator=torch.Generator(),
        )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Within it, a worker that was killed is told as a DataError; torch reports it at any moment."""
        try:
            yield
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise DataError(
                f"A worker that reads pictures was killed, most likely for want of memory or shared memory. {TIGHT}\n"
                f"({str(error).splitlines()[0]})"
            ) from error

    def close(self) -> None:
        """End the workers. The next batch starts new ones."""
        self._stream = None

    def state_dict(self) -> dict:
        return self.order.state_dict()

    def load_state_dict(self, state: dict) -> None:
        self.close()
        self.order.load_state_dict(state)


def image_batches(
    data: Images,
    batch_size: int,
    seed: int = 0,
    device: torch.device | str = "cpu",
    loading: str = "auto",
    workers: int = 2,
    labelled: bool = False,
) -> ShuffledBatches | StreamedBatches:
    """Batches from the memory of the device where the data are kept there (see is_resident), else through workers.

    Files are streamed: they have been found too large for this machine. What is on the device already takes nothing.
    """
    if isinstance(data.images, PictureFiles) or not is_resident(_needed(data.images, device), device, loading):
        return StreamedBatches(data, batch_size, seed, device, workers, labelled)
    return (LabelledBatches if labelled else ShuffledBatches)(data, batch_size, seed, device)


def _needed(pixels: Tensor, device: torch.device | str) -> int:
    return 0 if pixels.device.type == torch.device(device).type else pixels.nbytes
