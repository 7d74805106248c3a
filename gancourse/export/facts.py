"""What an exported file says about itself: enough to use it without the course."""

import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from gancourse import __version__
from gancourse.errors import ExportError

NOISE, LABELLED, TRANSLATION = "noise", "noise+labels", "image+to_b"


@dataclass(frozen=True)
class Facts:
    """inputs: what the generator takes, by the names of the graph's inputs.

    "noise": z (N, latent_dim) float32, standard normal. "noise+labels": also labels (N,) int64, places in `classes`.
    "image+to_b": image (N, *shape) float32 in value_range, and to_b, one bool: true from A to B, false from B to A.
    shape: of one sample, (C, H, W) of an image or (2,) of a point; value_range: of its numbers, None for points.
    """

    recipe: str
    inputs: str
    latent_dim: int
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    value_range: tuple[float, float] | None
    gancourse: str = __version__

    def as_metadata(self) -> dict[str, str]:
        """Each fact as JSON, under its name."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: Any) -> Self:
        """The facts that as_metadata() wrote. Raises ExportError where the file `source` has others or none."""
        try:
            found = {field.name: json.loads(metadata[field.name]) for field in fields(cls)}
            found = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
            facts = cls(**found)
            if facts.inputs not in (NOISE, LABELLED, TRANSLATION) or len(facts.shape) not in (1, 3):
                raise ValueError(f"inputs {facts.inputs!r} of shape {facts.shape}")
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(
                f"{source} is no generator of gancourse: its metadata do not say how to use it ({error}). "
                "Take a file that `gancourse export` wrote."
            ) from error
        return facts


def require(*packages: str) -> None:
    """Raise ExportError with the pip command for what is missing of the packages."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing)
        raise ExportError(f"Not installed here, but needed: {names}. Run: {sys.executable} -m pip install {names}")
