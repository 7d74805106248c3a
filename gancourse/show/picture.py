"""A PNG with alt text, which Jupyter shows as the value of a cell."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gancourse import tiling
from gancourse.errors import GANCourseError

DPI = 100


@dataclass(frozen=True)
class Picture:
    """png: the bytes of the file; alt: what is to be seen in it, in words."""

    png: bytes
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise GANCourseError("A picture needs alt text: say what is to be seen, for those who cannot see it.")

    def __repr__(self) -> str:
        return f"[picture: {self.alt}]"

    def _encoded(self) -> str:
        return base64.b64encode(self.png).decode("ascii")

    def html(self, style: str = "") -> str:
        """The picture with its alt text as an element of a page, with some CSS if wanted."""
        styled = f' style="{html.escape(style)}"' if style else ""
        return f'<img alt="{html.escape(self.alt)}"{styled} src="data:image/png;base64,{self._encoded()}">'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """The picture for Jupyter. JupyterLab reads alt text from HTML only; nbconvert reads it from the notes."""
        data = {"text/html": self.html(), "image/png": self._encoded(), "text/plain": repr(self)}
        return data, {"image/png": {"alt": self.alt}}

    def save(self, path: Path | str) -> Path:
        """Write the PNG to `path`."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.png)
        return path


def figure(width: float = 6.0, height: float = 3.0, columns: int = 1, rows: int = 1) -> tuple[Figure, list]:
    """A figure of so many inches with rows of `columns` axes side by side, outside pyplot's global state."""
    fig = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(fig)
    return fig, list(fig.subplots(rows, columns, squeeze=False).flat)


def picture(fig: Figure, alt: str) -> Picture:
    """Draw a figure."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})  # no label is cut
    return Picture(buffer.getvalue(), alt)


def gallery(pictures: dict[str, Picture], alt: str, columns: int = 4) -> Picture:
    """Pictures row by row, each under its title."""
    rows = -(-len(pictures) // columns)
    shown = [Image.open(io.BytesIO(p.png)).convert("RGB") for p in pictures.values()]
    height = max(one.height / one.width for one in shown)
    fig, places = figure(2.4 * columns, (2.4 * height + 0.3) * rows, columns, rows)
    for axes in places:
        axes.axis("off")
    for axes, title, one in zip(places, pictures, shown, strict=False):
        one.thumbnail((2.4 * DPI, 2.4 * DPI * height))  # much faster than to let the figure do it
        axes.imshow(one, interpolation="nearest")
        axes.set_title(title, fontsize=9)
    return picture(fig, alt)


def stacked(pictures: Sequence[Picture], alt: str) -> Picture:
    """Pictures one below the other on white, as one."""
    shown = [Image.open(io.BytesIO(p.png)).convert("RGB") for p in pictures]
    sheet = Image.new("RGB", (max(p.width for p in shown), sum(p.height for p in shown)), "white")
    top = 0
    for one in shown:
        sheet.paste(one, (0, top))
        top += one.height
    return Picture(tiling.png(np.asarray(sheet), scale=1), alt)
