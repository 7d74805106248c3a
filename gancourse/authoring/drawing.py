"""What the decks' figures share: looks, boxes and arrows, rows of images with names, files that stay the same."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from gancourse import show
from gancourse.show.picture import picture

LOOKS = {"svg.hashsalt": "gancourse", "font.size": 13.5, "mathtext.fontset": "dejavusans"}
READABLE = {"font.size": 19}  # from the last row of the room, where a picture is shown smaller than it was drawn
BLUE, ORANGE, GREEN = "#0072b2", "#b84f00", "#00734f"  # those of show, dark enough for words
INK, PALE = "#222222", "#f4f1ea"


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Empty axes whose units are inches."""
    fig, (axes,) = show.figure(width, height)
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return fig, axes


def box(axes: Axes, x: float, y: float, text: str, edge: str = INK, held: bool = False, width: float = 1.5) -> None:
    """A labelled box around (x, y); held: a player that must not change, with a dashed border."""
    style = {"linestyle": (0, (4, 2)), "linewidth": 1.5} if held else {"linewidth": 2.5}
    corner = (x - width / 2, y - 0.32)
    axes.add_patch(FancyBboxPatch(corner, width, 0.64, "round,pad=0.04", facecolor=PALE, edgecolor=edge, **style))
    axes.text(x, y, text, ha="center", va="center", color=INK)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], **looks: Any) -> None:
    """From start to end. looks: what matplotlib's arrowprops take."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.6} | looks)


def chain(axes: Axes, y: float, ends: Sequence[tuple[float, float]]) -> None:
    """Horizontal arrows at height y."""
    for start, end in ends:
        arrow(axes, (start, y), (end, y))


def label_rows(axes: Axes, pixels: np.ndarray, names: Sequence[str]) -> None:
    """Show rows of images, (H, W, 3) bytes, each row with its name."""
    axes.imshow(pixels, interpolation="nearest")
    places = [len(pixels) * (i + 0.5) / len(names) for i in range(len(names))]
    axes.set(xticks=[], yticks=places, yticklabels=names)
    axes.tick_params(length=0)


def labelled_rows(pixels: np.ndarray, names: Sequence[str], width: float, height: float) -> show.Picture:
    """Rows of images (H, W, 3) in a picture of so many inches, with names that can be read."""
    with matplotlib.rc_context(READABLE):
        fig, (axes,) = show.figure(width, height)
        label_rows(axes, pixels, names)
        return picture(fig, alt="Rows of images")


def rounded(svg: str) -> str:
    """Coordinates with one decimal: small files, and the last digits of a machine's arithmetic do not show."""

    def shorten(attribute: re.Match) -> str:
        return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}", attribute[0])

    return re.sub(r'\s(d|x|y|points)="[^"]*"|translate\([^)]*\)', shorten, svg)


def save_svg(draw: Callable[[], Figure], path: Path) -> None:
    """Draw and write a figure, the same bytes each time."""
    with matplotlib.rc_context(LOOKS):
        draw().savefig(path, format="svg", metadata={"Date": None})
    path.write_text(rounded(path.read_text(encoding="utf-8")), encoding="utf-8")


def save_drawings(drawings: Mapping[str, Callable[[], Figure]], folder: Path) -> None:
    """Write every SVG of a deck by its name into a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in drawings.items():
        save_svg(draw, folder / name)


def save_json(found: dict[str, str], path: Path) -> None:
    """Write named numbers."""
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
