"""A course in a folder of its own, as an instructor has it, with the short version of lesson 1."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
from corpus.notebooks import LESSON, ROOT, as_file, short, source
from nbformat import NotebookNode
from processes import run_module


def course_folder(root: Path, exercises: frozenset[str] | None = None) -> Path:
    """The lesson's source and the settings: what an instructor has before the release. exercises: as in `short`."""
    folder = root / "solutions" / LESSON
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_bytes(as_file(short(source(), exercises)))
    shutil.copy(ROOT / "nbgrader_config.py", root)
    return root


def released_course(root: Path, exercises: frozenset[str] | None = None) -> Path:
    """A course whose lesson nbgrader has released. exercises: as in `short`."""
    course_folder(root, exercises)
    environment = os.environ | {"HOME": str(root)}
    result = run_module("nbgrader", "generate_assignment", LESSON, cwd=root, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return root


def hand_in(course: Path, student: str, files: dict[str, bytes]) -> None:
    """Put a submission where `nbgrader collect` puts it."""
    for name, content in files.items():
        path = course / "submitted" / student / LESSON / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def hand_in_edited(course: Path, student: str, edit: Callable[[NotebookNode], None]) -> None:
    """Fetch the lesson, edit it and hand it in."""
    notebook = nbformat.read(course / "lessons" / LESSON / f"{LESSON}.ipynb", 4)
    edit(notebook)
    hand_in(course, student, {f"{LESSON}.ipynb": as_file(notebook)})
