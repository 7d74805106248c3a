"""Two sets of images that belong together as wholes, not one by one: what unpaired translation learns from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gancourse.data.batches import Part, whole
from gancourse.data.images import Images, image_folder
from gancourse.data.streaming import image_batches
from gancourse.errors import DataError


@dataclass(frozen=True)
class Unpaired:
    """a, b: images of two domains, of the same shape. paired: whether the i-th of both show the same thing.

    Raises DataError where the two cannot go through the same networks.
    """

    name: str
    a: Images
    b: Images
    paired: bool = False

    def __post_init__(self) -> None:
        if self.a.shape != self.b.shape:
            raise DataError(
                f"{self.name}: images of A are {self.a.shape}, those of B {self.b.shape}. Bring both to one size."
            )
        if self.paired and len(self.a) != len(self.b):
            raise DataError(f"{self.name}: {len(self.a)} and {len(self.b)} images cannot be pairs.")

    def __len__(self) -> int:
        return min(len(self.a), len(self.b))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.a.shape

    def first(self, n: int) -> tuple[Tensor, Tensor]:
        """The first n images of each domain, (n, C, H, W) in [-1, 1]."""
        return self.a.first(n), self.b.first(n)


class UnpairedBatches:
    """Batches of A and of B, each shuffled on its own: which a meets which b says nothing.

    An epoch of the smaller domain may end many times in one of the larger. loading, workers: of each domain, see
    image_batches.
    """

    def __init__(
        self,
        data: Unpaired,
        batch_size: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        loading: str = "auto",
        workers: int = 2,
    ):
        self.batch_size = batch_size
        self._a = image_batches(data.a, batch_size, 2 * seed, device, loading, workers)
        self._b = image_batches(data.b, batch_size, 2 * seed + 1, device, loading, workers)

    def next(self) -> tuple[Tensor, Tensor]:
        """The next a and b, (batch_size, C, H, W) in [-1, 1] each."""
        return self.next_part(whole)

    def next_part(self, part: Part) -> tuple[Tensor, Tensor]:
        """A part of the next a and b, (M, C, H, W) in [-1, 1] each."""
        return self._a.next_part(part), self._b.next_part(part)

    @contextmanager
    def told(self) -> Iterator[None]:
        """See StreamedBatches."""
        with self._a.told(), self._b.told():
            yield

    def close(self) -> None:
        """See StreamedBatches."""
        self._a.close()
        self._b.close()

    def state_dict(self) -> dict:
        return {"a": self._a.state_dict(), "b": self._b.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self._a.load_state_dict(state["a"])
        self._b.load_state_dict(state["b"])


def unpaired_folder(folder: str | Path, split: str = "train", size: int = 128, loading: str = "auto") -> Unpaired:
    """A folder with trainA and trainB (and testA, testB), as the data sets of CycleGAN come (horse2zebra and others).

    Pictures are centre-cropped and resized to size x size, in colour, all of them now or each when
    it is needed, as `loading` says (see image_folder). Where there is no testA, test is train.
    Raises DataError that names the folder that is missing.
    """
    folder = Path(folder)
    if split == "test" and not (folder / "testA").is_dir():
        split = "train"
    parts = {domain: folder / f"{split}{domain}" for domain in "AB"}
    for part in parts.values():
        if not part.is_dir():
            raise DataError(
                f"There is no folder {part}. Unpaired data are a folder with the folders trainA and trainB in it, "
                "full of pictures: give it with --data FOLDER, or use --data scenes or --data emoji."
            )
    a, b = (image_folder(part, size, False, loading) for part in parts.values())
    return Unpaired(folder.name, a, b)
