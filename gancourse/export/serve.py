"""Samples from an exported generator with onnxruntime, NumPy and Pillow: no torch is imported here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from gancourse.errors import ExportError
from gancourse.export.facts import LABELLED, TRANSLATION, Facts, require
from gancourse.tiling import png, tile

BATCH = 250
COLUMNS = 10
DIRECTIONS = ("ab", "ba")
LIMIT, SIDE = 1.8, 480  # the part of the plane that a picture of points shows, and its side in pixels
INK = (0, 114, 178)


def session_of(content: bytes) -> Any:
    """A session of onnxruntime, which must be there, on the CPU for the bytes of an ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its remarks on the graph are of no use here
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Served:
    """An exported generator that is ready to be asked."""

    session: Any
    facts: Facts

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read an ONNX file that `gancourse export` wrote. Raises ExportError for any other."""
        if not path.is_file():
            raise ExportError(f"There is no file {path}. Make one with `gancourse export RUN`.")
        require("onnxruntime")
        try:
            session = session_of(path.read_bytes())
            metadata = session.get_modelmeta().custom_metadata_map
        except Exception as error:  # onnxruntime has an exception of its own for each way of being damaged
            raise ExportError(
                f"{path} cannot be read as ONNX: {str(error).splitlines()[0]}. Export the run again."
            ) from error
        return cls(session, Facts.from_metadata(metadata, path))

    def _run(self, **feed: np.ndarray) -> np.ndarray:
        return self.session.run(None, feed)[0]

    def _label_of(self, name: str) -> int:
        """The place of a class that is given by name, in any case, or by its number."""
        classes = [known.lower() for known in self.facts.classes]
        label = int(name) if name.isascii() and name.isdigit() else None
        if name.lower() in classes:
            return classes.index(name.lower())
        if label is None or label >= len(classes):
            known = ", ".join(f"{i} {known}" for i, known in enumerate(self.facts.classes))
            raise ExportError(f"There is no class {name!r}. Classes: {known}.")
        return label

    def labels(self, n: int, name: str | None = None) -> np.ndarray:
        """n labels (n,) int64: all of one class, or in rows, each class as often as the others where it works out."""
        if name is not None:
            return np.full(n, self._label_of(name))
        return np.arange(n) // -(-n // len(self.facts.classes))

    def generate(self, n: int, seed: int = 1, labels: np.ndarray | None = None) -> np.ndarray:
        """n samples (n, *shape) float32 from noise that the seed decides; labels (n,) where the generator takes them.

        The noise is NumPy's: a seed gives other samples than with `gancourse sample RUN`.
        """
        z = np.random.default_rng(seed).standard_normal((n, self.facts.latent_dim), np.float32)
        parts = []
        for start in range(0, n, BATCH):
            part = slice(start, start + BATCH)
            feed = {"z": z[part]} if labels is None else {"z": z[part], "labels": labels[part]}
            parts.append(self._run(**feed))
        return np.concatenate(parts)

    def translate(self, image: np.ndarray, direction: str) -> np.ndarray:
        """Images (N, *shape) in [-1, 1] to as many of the other domain. direction: "ab" or "ba"."""
        return self._run(image=image, to_b=np.array(direction == "ab"))


def fitted(file: Path | BinaryIO, shape: tuple[int, ...], name: str = "") -> np.ndarray:
    """A picture of one's own as (1, C, H, W) float32 in [-1, 1]: centre-cropped and resized, grey where C is 1.

    name: of the file in a message, where it is no path. Raises ExportError for what is no picture.
    """
    channels, height, width = shape
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "it is none" if isinstance(error, UnidentifiedImageError) else error
        raise ExportError(f"{name or file} cannot be read as a picture: {reason}. Give a PNG or a JPEG.") from error
    pixels = np.atleast_3d(np.asarray(ImageOps.fit(upright, (width, height)), np.float32))
    return (pixels.transpose(2, 0, 1) / 127.5 - 1)[None]


def scattered(points: np.ndarray) -> bytes:
    """Points (N, 2) as the file of a square picture, the origin in its middle."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for x, y in (points * (1, -1) / LIMIT + 1) * (SIDE / 2):
        draw.rectangle((x - 1, y - 1, x, y), fill=INK)
    return png(np.asarray(picture), scale=1)


def sample(
    path: Path,
    n: int = 100,
    seed: int = 1,
    class_name: str | None = None,
    image: Path | None = None,
    direction: str | None = None,
) -> bytes:
    """A PNG of samples of an exported generator: a grid of images, a scatter of points, or `image` and its translation.

    Raises ExportError where the generator does not take what is given, or lacks what it needs.
    """
    served = Served.open(path)
    facts = served.facts
    _refuse_misfits(facts, class_name, image, direction)
    if image is not None:
        source = fitted(image, facts.shape)
        return png(tile(np.concatenate([source, served.translate(source, direction)]), 2), scale=4)
    labels = served.labels(n, class_name) if facts.inputs == LABELLED else None
    samples = served.generate(n, seed, labels)
    if samples.ndim == 2:
        return scattered(samples)
    in_rows = labels is not None and class_name is None
    return png(tile(samples, -(-n // len(facts.classes)) if in_rows else COLUMNS))


def _refuse_misfits(facts: Facts, class_name: str | None, image: Path | None, direction: str | None) -> None:
    if facts.inputs == TRANSLATION:
        if image is None or direction not in DIRECTIONS:
            raise ExportError(
                f"{facts.recipe} translates pictures: give one with --image FILE, and --direction ab or ba."
            )
    elif image is not None or direction is not None:
        raise ExportError(f"{facts.recipe} starts from noise: it takes no --image and no --direction.")
    if class_name is not None and facts.inputs != LABELLED:
        raise ExportError(f"{facts.recipe} knows no classes: leave --class out.")
