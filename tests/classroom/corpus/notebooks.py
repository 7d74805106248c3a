"""The notebook that every case starts from: a lesson as it is fetched, with all its answers."""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[3]
LESSON = "01_vanilla_gan"
# What the short version keeps beside the exercises: a picture, a prediction, a training, and what the corpus damages.
KEPT = {"setup", "cell-002", "cell-004", "cell-006", "cell-053", "cell-054", "cell-082", "progress"}
FEW = frozenset({"sample_noise", "discriminator_loss", "modes_covered", "what_half_means"})
WORDS = "One half everywhere says that $q = p$ only if D is the best one.\n\nHere it is not: it was stopped early."


@cache
def _text(folder: str, lesson: str) -> str:
    return (ROOT / folder / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8")


def released(lesson: str = LESSON) -> nbformat.NotebookNode:
    """The students' version."""
    return nbformat.reads(_text("lessons", lesson), 4)


def source(lesson: str = LESSON) -> nbformat.NotebookNode:
    """The instructor's version, with solutions and hidden tests."""
    return nbformat.reads(_text("solutions", lesson), 4)


def is_answer(cell: dict) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def short(notebook: nbformat.NotebookNode, exercises: frozenset[str] | None = None) -> nbformat.NotebookNode:
    """LESSON with its exercises, their statements and little else: grading and feedback take a second a notebook less.

    For tests of what happens to a class. exercises: those that are kept, such as FEW, where it does not matter which
    ones there are. The whole of every lesson is graded in test_execution.
    """
    cells = notebook.cells
    kept = {cell.id for cell in cells if "nbgrader" in cell.metadata and _is_of(cell, exercises)}
    kept |= {above.id for above, cell in pairwise(cells) if is_answer(cell) and cell.id in kept}
    return nbformat.from_dict({**notebook, "cells": [cell for cell in cells if cell.id in KEPT | kept]})


def _is_of(cell: dict, exercises: frozenset[str] | None) -> bool:
    return exercises is None or cell["metadata"]["nbgrader"]["grade_id"].removeprefix("check-") in exercises


@cache
def references(lesson: str = LESSON) -> dict[str, str]:
    """The reference answer of every exercise, code and words, as a student would have typed it."""
    found = {c.metadata.nbgrader.grade_id: c for c in source(lesson).cells if is_answer(c)}
    return {name: _typed(c.source) if c.cell_type == "code" else WORDS for name, c in found.items()}


def _typed(text: str) -> str:
    return "\n".join(
        line for line in text.split("\n") if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line
    )


@cache
def full_points(lesson: str = LESSON, exercises: frozenset[str] | None = None) -> dict[str, float]:
    """The most that each exercise gives by its check."""
    cells = [c for c in released(lesson).cells if c.id.startswith("check-") and _is_of(c, exercises)]
    return {c.id.removeprefix("check-"): float(c.metadata.nbgrader.points) for c in cells}


@cache
def solved(lesson: str = LESSON) -> bytes:
    """A fetched lesson in which every exercise is answered, as JupyterLab writes it."""
    notebook = released(lesson)
    for cell in notebook.cells:
        if is_answer(cell):
            cell.source = references(lesson)[cell.metadata.nbgrader.grade_id]
    return as_file(notebook)


def as_file(notebook: nbformat.NotebookNode) -> bytes:
    return nbformat.writes(notebook, indent=1).encode()


@cache
def solved_short(exercises: frozenset[str] | None = None) -> bytes:
    """The short version of `solved`."""
    return as_file(short(nbformat.reads(solved().decode(), 4), exercises))


@dataclass(frozen=True)
class Case:
    """What is handed in, and what it must get.

    make: from the bytes of the solved notebook to the files of the submission, {relative name: bytes}.
    points: per exercise, when the state is "graded" or "failed"; "tampered" and "unreadable" give 0 everywhere.
    states: how grading may end. says: words that the report to student or instructor must hold.
    kinds: the kinds of notes of a repair, all of them; None when that is not what the case is about.
    blank: exercises whose answer is truly lost; differs: those whose right answer is another text than the reference.
    """

    make: object
    points: dict
    says: tuple = ()
    states: tuple = ("graded",)
    kinds: frozenset | None = None
    hostile: bool = False
    blank: tuple = ()
    differs: tuple = ()

    def expected(self, state: str) -> dict:
        return dict.fromkeys(self.points, 0.0) if state in ("tampered", "unreadable") else self.points


def load(data: bytes) -> dict:
    """The notebook as plain JSON, to be damaged."""
    return json.loads(data)


def dump(notebook: dict) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def text_of(cell: dict) -> str:
    return "".join(cell["source"])


def named(notebook: dict, name: str) -> dict:
    """The cell with this id."""
    return next(cell for cell in notebook["cells"] if cell.get("id") == name)


def place(notebook: dict, name: str) -> int:
    return next(i for i, cell in enumerate(notebook["cells"]) if cell.get("id") == name)


def own(text: str, kind: str = "code", name: str = "f00d") -> dict:
    """A cell of the student's own."""
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": text}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def as_code(text: str) -> dict:
    return {"cell_type": "code", "execution_count": None, "outputs": [], "source": text}
