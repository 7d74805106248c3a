"""gancourse: learn GANs by building them. What a lesson needs of it has its name here."""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "check", "compare", "ready", "setup", "show_progress"]

WHERE = {
    "check": "checks", "compare": "checks", "ready": "first_cell", "setup": "lesson", "show_progress": "passport",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import on first use: `gancourse --help` must not wait for torch."""
    if name in WHERE:
        return getattr(importlib.import_module(f"gancourse.{WHERE[name]}"), name)
    raise AttributeError(f"module 'gancourse' has no attribute {name!r}")
