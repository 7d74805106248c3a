"""Checks from the command line: the answers in a notebook or in a .py file, without running anything else."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from gancourse.checks.core import EXERCISES, check, load_lessons
from gancourse.errors import CheckError

SETUP_TAG = "setup"


def check_file(path: Path, names: list[str]) -> tuple[float, int]:
    """Check the named answers in a file, or all that it has. Returns the points and the points that were possible.

    Raises CheckError when the file cannot be read or holds no answer of that name.
    """
    load_lessons()
    answers = _run(path)
    lesson = path.stem[:2] if path.stem[:2].isdigit() else None
    chosen = [e for e in EXERCISES.values() if lesson is None or e.name.startswith(f"{lesson}.")]
    if names:
        chosen = [_exercise(name, chosen) for name in names]
    there = [e for e in chosen if callable(getattr(answers, _function(e.name), None))]
    missing = [e.name for e in chosen if e not in there]
    if (names and missing) or not there:
        wanted = ", ".join(_function(name) for name in missing)
        raise CheckError(f"{path} defines no function {wanted}. Write it under that name and save the file.")
    points = sum(check(e.name, getattr(answers, _function(e.name))) for e in there)
    return points, sum(e.points for e in there)


def _function(exercise: str) -> str:
    return exercise.partition(".")[2]


def _exercise(name: str, among: list) -> object:
    for exercise in among:
        if name in (exercise.name, _function(exercise.name)):
            return exercise
    raise CheckError(f"There is no check {name!r}. Checks: {', '.join(_function(e.name) for e in among)}.")


def _run(path: Path) -> SimpleNamespace:
    """Execute the answers in a fresh namespace; a cell that fails leaves its answer out and says why."""
    if not path.is_file():
        raise CheckError(f"There is no file {path}. Name a lesson's notebook or a .py file with your functions.")
    if path.suffix not in (".ipynb", ".py"):
        raise CheckError(f"{path} is neither a notebook (.ipynb) nor Python (.py).")
    scope: dict = {"__name__": "answers"}
    for place, source in _sources(path):
        try:
            exec(compile(source, place, "exec"), scope)
        except Exception as error:
            print(f"{place} failed, its answers are left out: {type(error).__name__}: {error}")
    return SimpleNamespace(**scope)


def _sources(path: Path) -> Iterator[tuple[str, str]]:
    """What defines the answers: a .py file whole; of a notebook the imports and the answer cells, no training."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            yield str(path), text
            return
        cells = json.loads(text)["cells"]
        for number, cell in enumerate(cells, start=1):
            source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            if cell["cell_type"] == "code" and _defines_answers(cell.get("metadata", {})):
                yield f"{path.name}, cell {number}", source
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CheckError(f"{path} is damaged or no notebook: {error}. Open and save it in JupyterLab again.") from error


def _defines_answers(metadata: dict) -> bool:
    return bool(metadata.get("nbgrader", {}).get("solution")) or SETUP_TAG in metadata.get("tags", [])
