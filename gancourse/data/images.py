"""Image data sets: one uint8 tensor that can live on the device that trains, or files where that is too large."""

import gzip
import math
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gancourse.cards import Card, load_card
from gancourse.data.memory import is_resident
from gancourse.errors import DataError

FASHION_CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


def to_range(images: Tensor) -> Tensor:
    """uint8 in 0..255 to float in [-1, 1], the range of a generator that ends in tanh."""
    return images.float() / 127.5 - 1


class PictureFiles:
    """Pictures that are read whenever they are asked for, in place of a tensor (N, C, size, size) uint8.

    Each is centre-cropped and resized (antialiased). Raises DataError that names the file that cannot be read.
    """

    def __init__(self, paths: Sequence[Path], size: int, grey: bool):
        self.paths, self.size, self.grey = paths, size, grey

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self), 1 if self.grey else 3, self.size, self.size

    @property
    def nbytes(self) -> int:
        """What all of them would take at once."""
        return math.prod(self.shape)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """The pictures (B, C, size, size) of a slice, or of numbers (B,), in their order."""
        paths = self.paths[index] if isinstance(index, slice) else [self.paths[i] for i in index.tolist()]
        pixels = torch.empty(len(paths), *self.shape[1:], dtype=torch.uint8)
        for place, path in zip(pixels, paths, strict=True):
            place.copy_(self._read(path))
        return pixels

    def part(self, index: Tensor) -> "PictureFiles":
        """The files at index (B,) alone."""
        return PictureFiles([self.paths[i] for i in index.tolist()], self.size, self.grey)

    def _read(self, path: Path) -> Tensor:
        from PIL import Image, ImageOps

        try:
            with Image.open(path) as picture:
                fitted = ImageOps.fit(
                    ImageOps.exif_transpose(picture).convert("L" if self.grey else "RGB"), (self.size, self.size)
                )
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{path} cannot be read as a picture: {error}. Remove or replace it.") from error
        return torch.from_numpy(np.atleast_3d(np.asarray(fitted)).copy()).permute(2, 0, 1)


@dataclass(frozen=True)
class Images:
    """images: (N, C, H, W) uint8, or files that stand for it; labels: (N,) int64, or None where nobody labelled them.

    What is read from files when it is asked for comes to the CPU.
    """

    name: str
    images: Tensor | PictureFiles
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    card: Card | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return tuple(self.images.shape[1:])

    def batch(self, index: Tensor) -> Tensor:
        """The images at index (B,), as floats (B, C, H, W) in [-1, 1]."""
        return to_range(self.images[index])

    def first(self, n: int) -> Tensor:
        """The first n images as floats (n, C, H, W) in [-1, 1]. Raises DataError when there are fewer."""
        if n > len(self):
            raise DataError(f"{self.name} has {len(self)} images, but {n} were asked for. Ask for fewer.")
        return to_range(self.images[:n])

    def part(self, index: Tensor) -> "Images":
        """The images at index (B,) alone."""
        files = isinstance(self.images, PictureFiles)
        images = self.images.part(index) if files else self.images[index]
        return replace(self, images=images, labels=None if self.labels is None else self.labels[index])

    def padded(self, size: int) -> "Images":
        """The same images inside a black border, (N, C, size, size). Raises DataError when they are larger."""
        missing = size - self.images.shape[-1]
        if missing < 0:
            raise DataError(f"{self.name} has images of {self.shape[1:]}, larger than {size} x {size}.")
        border = (missing // 2, missing - missing // 2) * 2
        return replace(self, images=torch.nn.functional.pad(self.images, border))

    def enlarged(self, size: int) -> "Images":
        """The same images, smoothly enlarged to (N, C, size, size). Raises DataError when they are larger."""
        if max(self.shape[1:]) > size:
            raise DataError(f"{self.name} has images of {self.shape[1:]}, larger than {size} x {size}.")
        if self.shape[1:] == (size, size):
            return self
        larger = torch.nn.functional.interpolate(self.images.float(), size=(size, size), mode="bilinear")
        return replace(self, images=larger.round().to(torch.uint8))

    def to(self, device: torch.device | str) -> "Images":
        """The same images on a device; files stay files."""
        images = self.images if isinstance(self.images, PictureFiles) else self.images.to(device)
        return replace(self, images=images, labels=None if self.labels is None else self.labels.to(device))


def fashion_mnist(split: str = "train", source: str | Path = "embedded") -> Images:
    """Fashion-MNIST (Xiao et al. 2017), (N, 1, 28, 28), in file order.

    split: "train" or "test".
    source: "embedded" (10,000 and 2,000 images, the same number of each class, no network needed),
    "full" (60,000 and 10,000: from a folder found on this machine, else downloaded through torchvision),
    or a folder with the four IDX files of the original.
    """
    if split not in ("train", "test"):
        raise DataError(f"Fashion-MNIST has the splits 'train' and 'test', not {split!r}.")
    if source == "embedded":
        return _embedded_fashion(split)
    if source == "full":
        return _full_fashion(split)
    return _fashion_from_folder(Path(source), split)


def _embedded_fashion(split: str) -> Images:
    card = load_card("fashion_mnist")
    with np.load(card.file("fashion_mnist_12k.npz")) as arrays:
        images = torch.from_numpy(arrays[f"{split}_images"])[:, None]
        labels = torch.from_numpy(arrays[f"{split}_labels"]).long()
    return Images("Fashion-MNIST (embedded)", images, labels, FASHION_CLASSES, card)


def _full_fashion(split: str) -> Images:
    folders = [data_folder() / "fashion-mnist", data_folder() / "FashionMNIST" / "raw", DEBIAN_FOLDER]
    for folder in folders:
        if _idx_file(folder, split, "images") is not None:
            return _fashion_from_folder(folder, split)
    try:
        from torchvision.datasets import FashionMNIST

        FashionMNIST(data_folder(), train=split == "train", download=True)
        return _fashion_from_folder(folders[1], split)
    except Exception as error:  # torchvision raises whatever its HTTP stack raises
        warnings.warn(
            f"The full Fashion-MNIST is not on this machine and could not be downloaded ({error}). Going on with "
            f"the embedded images. To use the full set, put the four *-ubyte.gz files into {folders[0]}, or on "
            "Debian and Ubuntu run `apt install dataset-fashion-mnist`.",
            stacklevel=3,
        )
        return _embedded_fashion(split)


def data_folder() -> Path:
    """Where downloads go: $GANCOURSE_DATA, or gancourse/ in the user's cache. Raises DataError where nobody says."""
    if named := os.environ.get("GANCOURSE_DATA"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gancourse"
    except RuntimeError as error:
        raise DataError("This user has no home folder. Name a folder for downloads in GANCOURSE_DATA.") from error


def _fashion_from_folder(folder: Path, split: str) -> Images:
    arrays = []
    for kind in ("images", "labels"):
        path = _idx_file(folder, split, kind)
        if path is None:
            raise DataError(
                f"No {_idx_stem(split, kind)}[.gz] in {folder}. Expected a folder with the four IDX files of "
                "Fashion-MNIST; use source='embedded' to go on without them."
            )
        arrays.append(torch.from_numpy(read_idx(path)))
    images, labels = arrays
    if images.ndim != 3 or len(images) != len(labels):
        raise DataError(f"{folder} holds {tuple(images.shape)} images for {len(labels)} labels: not Fashion-MNIST.")
    return Images("Fashion-MNIST", images[:, None], labels.long(), FASHION_CLASSES, load_card("fashion_mnist"))


def _idx_stem(split: str, kind: str) -> str:
    prefix = "train" if split == "train" else "t10k"
    return f"{prefix}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"


def _idx_file(folder: Path, split: str, kind: str) -> Path | None:
    stem = folder / _idx_stem(split, kind)
    return next((p for p in (stem, stem.with_name(stem.name + ".gz")) if p.is_file()), None)


def read_idx(path: Path) -> np.ndarray:
    """Read one IDX file of bytes, gzipped or not. Raises DataError when it is cut short or no IDX file."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, dims = struct.unpack_from(">HBB", raw)
        shape = struct.unpack_from(f">{dims}I", raw, 4)
        if zero != 0 or kind != 8:
            raise ValueError("it does not start like an IDX file of bytes")
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape).copy()
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is damaged or no IDX file: {error}. Fetch it again.") from error


def cifar10(split: str = "train") -> Images:
    """CIFAR-10 (Krizhevsky 2009), (N, 3, 32, 32): 50,000 train and 10,000 test images, through torchvision.

    Raises DataError with what was tried and where to put the files by hand.
    """
    from torchvision.datasets import CIFAR10

    try:
        found = CIFAR10(data_folder(), train=split == "train", download=True)
    except Exception as error:  # torchvision raises whatever its HTTP stack raises
        raise DataError(
            f"CIFAR-10 is not on this machine and could not be downloaded ({error}). Put the folder "
            f"cifar-10-batches-py of cifar-10-python.tar.gz into {data_folder()}, or use --data embedded."
        ) from error
    pixels = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
    return Images("CIFAR-10", pixels, torch.tensor(found.targets), tuple(found.classes))


def celeba(split: str = "train", size: int = 64, loading: str = "auto") -> Images:
    """CelebA (Liu et al. 2015), aligned faces, (N, 3, size, size), from a folder of its pictures.

    Its archive img_align_celeba.zip is not ours to fetch: it is for non-commercial research, by its authors' terms.
    Every tenth picture is the test split. Raises DataError with where to put the pictures.
    """
    folder = data_folder() / "celeba" / "img_align_celeba"
    if not folder.is_dir():
        raise DataError(
            f"There is no {folder}. Get img_align_celeba.zip from the authors (mmlab.ie.cuhk.edu.hk, for research "
            "only) and unpack it there, give any folder of pictures with --data FOLDER, or use --data embedded."
        )
    everything = image_folder(folder, size, grey=False, loading=loading)
    test = torch.arange(len(everything)) % 10 == 9
    chosen = (test if split == "test" else ~test).nonzero().flatten()
    return replace(everything.part(chosen), name="CelebA")


def image_folder(folder: str | Path, size: int = 28, grey: bool = True, loading: str = "auto") -> Images:
    """Every picture below a folder, centre-cropped and resized (antialiased) to size x size.

    Where each picture lies in one of several sub-folders, their names are the classes; else there are no labels.
    loading: whether all are read now, which "auto" does where they fit (see is_resident), or each when it is needed.
    Raises DataError when the folder is missing, holds no picture, or one of those that are read cannot be.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Give a folder with pictures, or --data embedded.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS)
    if not paths:
        raise DataError(f"{folder} holds no picture ({', '.join(sorted(IMAGE_ENDINGS))}).")
    files = PictureFiles(paths, size, grey)
    pixels = files[:] if is_resident(files.nbytes, "cpu", loading) else files
    names = [path.relative_to(folder).parts[0] if path.parent != folder else "" for path in paths]
    classes = tuple(sorted(set(names)))
    if "" in classes or len(classes) < 2:
        return Images(folder.name, pixels)
    return Images(folder.name, pixels, torch.tensor([classes.index(name) for name in names]), classes)


def is_fashion_mnist(source: str | Path) -> bool:
    """Whether a name, as `--data` takes it, stands for garments: embedded, full, or a folder of IDX files."""
    return source in ("embedded", "full") or _idx_file(Path(source), "train", "images") is not None


def load_images(
    source: str | Path, split: str = "train", size: int = 28, colour: bool = False, loading: str = "auto"
) -> Images:
    """What `--data` takes: "embedded", "full", "cifar10", "celeba", a folder of IDX files, or one of pictures.

    size: of the pictures of a folder; Fashion-MNIST, 28 x 28, gets a black border. colour, loading: of a folder's
    pictures, see image_folder.
    """
    if is_fashion_mnist(source):
        return fashion_mnist(split, source).padded(size)
    if source == "cifar10":
        return cifar10(split)
    if source == "celeba":
        return celeba(split, size, loading)
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(
            f"There is no data {str(source)!r}. Choose 'embedded', 'full', 'cifar10', 'celeba' or an existing folder."
        )
    return image_folder(folder, size, not colour, loading)
