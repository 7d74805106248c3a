"""A PNG with alt text, which Jupyter shows as the value of a cell."""

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """The picture for Jupyter. JupyterLab reads alt text from HTML only; nbconvert reads it from the notes."""
        encoded = base64.b64encode(self.png).decode("ascii")
        page = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{encoded}">'
        return {"text/html": page, "image/png": encoded, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}

    def save(self, path: Path | str) -> Path:
        """Write the PNG to `path`."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.png)
        return path


def figure(width: float = 6.0, height: float = 3.0, columns: int = 1) -> tuple[Figure, list]:
    """A figure of so many inches with `columns` axes side by side, outside pyplot's global state."""
    fig = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(fig)
    return fig, list(fig.subplots(1, columns, squeeze=False)[0])


def picture(fig: Figure, alt: str) -> Picture:
    """Draw a figure."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})  # no label is cut
    return Picture(buffer.getvalue(), alt)
