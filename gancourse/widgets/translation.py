"""Send a picture there and back, in either direction, with noise on the way; also a picture of one's own."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from gancourse.errors import DataError
from gancourse.export.serve import fitted
from gancourse.recipes.cyclegan import translate
from gancourse.show import Picture, image_grid, image_rows
from gancourse.widgets.still import WithStill

STILL = (0.0, 0.05, 0.1, 0.2, 0.4)
OURS, OWN = "of the course", "of your own"


class RoundTrip(WithStill):
    """Sliders for the picture and the noise, a direction, a picture of one's own; a still row where nothing moves.

    domains: one heap of images (N, C, H, W) for each direction that can be taken, `there` first; names: of both.
    """

    def __init__(self, there: nn.Module, back: nn.Module, domains: tuple[Tensor, ...], names: tuple[str, str]):
        self.nets, self.domains, self.names = (there, back), domains, names
        self.own: Tensor | None = None

    def trip(self, source: Tensor, noise: float, direction: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """A picture (1, C, H, W), its translation with noise of that standard deviation, and what comes back."""
        there, back = self.nets if direction == 0 else self.nets[::-1]
        grain = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
        fake = translate(there, source).cpu() + noise * grain
        return source, fake.clamp(-1, 1), translate(back, fake).cpu()

    def take(self, file: Path | BinaryIO, name: str) -> None:
        """Keep a picture of one's own in the networks' size. Raises ExportError for what is no picture."""
        self.own = torch.from_numpy(fitted(file, tuple(self.domains[0].shape[1:]), name))

    def _source(self, index: int, direction: int, own: bool) -> Tensor:
        if not own:
            return self.domains[direction][index : index + 1]
        if self.own is None:
            raise DataError("There is no picture of your own yet: choose a file, or give its path and press Enter.")
        return self.own

    def pictures(self, index: int, noise: float, direction: int = 0, own: bool = False) -> dict[str, Picture]:
        """The three pictures of one trip."""
        start, middle = self.names if direction == 0 else self.names[::-1]
        source, fake, returned = self.trip(self._source(index, direction, own), noise, direction)
        change = (returned - source).abs().mean().item()
        which = "your picture" if own else f"picture {index}"
        grain = f", with noise of {noise:g}" if noise else ""
        shown = {
            f"{start}: {which}": source,
            f"made into {middle}{grain}": fake,
            f"back to {start}: {change:.3f} away from the first": returned,
        }
        return {words: image_grid(image, f"Small picture. {words}", 1, scale=5) for words, image in shown.items()}

    def still(self) -> Picture:
        """The trip of the first picture, with more and more noise on the translation."""
        trips = [self.trip(self.domains[0][:1], noise) for noise in STILL]
        rows = {name: torch.cat([t[i] for t in trips]) for i, name in enumerate(("picture", "translated", "back"))}
        levels = ", ".join(f"{noise:g}" for noise in STILL)
        return image_rows(
            rows, alt=f"One picture there and back, from left to right with noise of {levels} on its translation"
        )

    def widget(self) -> object:
        """The ipywidgets box."""
        from gancourse.widgets.panel import Explorer

        controls, (file, path) = self._controls(), self._places()
        direction, source, index, noise = controls
        page = Explorer(
            controls,
            lambda: self.pictures(index.value, noise.value, direction.value, source.value == OWN),
            (file, path),
        )

        def take(given: Path | BinaryIO, name: str) -> None:
            def use() -> None:
                self.take(given, name)
                source.value = OWN

            page.after(use)

        def uploaded(change: dict) -> None:
            for one in change["new"]:
                file.value = ()  # or the same file could not be given twice
                take(io.BytesIO(one["content"]), one["name"])

        def entered(change: dict) -> None:
            if name := change["new"]:
                path.value = ""  # or Enter would do nothing once a missing file is there
                take(Path(os.path.expanduser(name)), name)  # an unknown user stays as it was written

        file.observe(uploaded, names="value")
        path.observe(entered, names="value")
        return page.box

    def _controls(self) -> tuple:
        """What is moved: direction, source, number of the picture, noise."""
        from gancourse.widgets.panel import choice, float_slider, int_slider

        ways = [(" to ".join(names), i) for i, names in enumerate((self.names, self.names[::-1]))]
        return (
            choice("direction", "Which of the two translations goes first", ways[: len(self.domains)]),
            choice("picture", "A picture of the course, or the file that you gave", (OURS, OWN)),
            int_slider("number", "Which picture of the course", max=min(map(len, self.domains)) - 1),
            float_slider("noise", "Standard deviation of the noise on the translation", max=0.5, step=0.01),
        )

    @staticmethod
    def _places() -> tuple:
        """Where a picture of one's own is given: a file to upload, or a path where the notebook runs."""
        import ipywidgets as widgets

        from gancourse.widgets.panel import WIDE

        return (
            widgets.FileUpload(
                description="your file", accept="image/*", multiple=False, tooltip="A picture of your own, PNG or JPEG"
            ),
            widgets.Text(
                description="or its path",
                tooltip="A file where the notebook runs; Enter takes it",
                continuous_update=False,
                style=WIDE,
            ),
        )


def round_trip(
    there: nn.Module,
    back: nn.Module,
    images: Tensor,
    others: Tensor | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> RoundTrip:
    """Explore two translations with images (N, C, H, W) in [-1, 1] of the first one's domain, and of the second's too.

    names: what the two domains are called.
    """
    return RoundTrip(there, back, (images,) if others is None else (images, others), names)
