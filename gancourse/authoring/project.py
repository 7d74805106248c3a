"""Where the checkout is, and the one setting that everything generated reads: the public address."""

import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS, LESSONS, SLIDES = ROOT / "solutions", ROOT / "lessons", ROOT / "slides"


@cache
def project() -> dict:
    """The [project] table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository() -> str:
    """https://host/owner/name, without a slash at its end."""
    return project()["urls"]["Repository"].rstrip("/")


def colab_address(lesson: str) -> str:
    """Where the student's notebook opens in Colab."""
    path = repository().removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{path}/blob/main/lessons/{lesson}/{lesson}.ipynb"


def lesson_names() -> list[str]:
    """The lessons in their order: the stems of solutions/NN_name.py."""
    return sorted(path.stem for path in SOLUTIONS.glob("[0-9][0-9]_*.py"))


def lesson_title(name: str) -> str:
    """The heading that a lesson's text begins with, like "Lesson 2: DCGAN"."""
    lines = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("# # ")).removeprefix("# # ")
