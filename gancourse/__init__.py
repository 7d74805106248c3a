"""gancourse: learn GANs by building them. A lesson needs three names from here: setup, check and compare."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "check", "compare", "setup"]


def __getattr__(name: str) -> Any:
    """Import on first use: `gancourse --help` must not wait for torch."""
    if name in ("check", "compare"):
        from gancourse import checks

        return getattr(checks, name)
    if name == "setup":
        from gancourse.lesson import setup

        return setup
    raise AttributeError(f"module 'gancourse' has no attribute {name!r}")
