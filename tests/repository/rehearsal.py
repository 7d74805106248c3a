"""Lessons as they are rehearsed: with the smaller numbers of rehearsal.toml, and what may go wrong in them."""

import os
import tomllib
from pathlib import Path

from nbformat import NotebookNode

from gancourse.authoring.project import SOLUTIONS
from gancourse.authoring.source import read_lesson

FULL = os.environ.get("GANCOURSE_FULL", "") not in ("", "0")
REHEARSAL = tomllib.loads(Path(__file__).with_name("rehearsal.toml").read_text(encoding="utf-8"))


def lesson_text(name: str, whole: bool = FULL) -> NotebookNode:
    """The notebook of a lesson; of a rehearsal with its smaller numbers, each of which must be there to be replaced."""
    notebook = read_lesson(SOLUTIONS / f"{name}.py")
    for long, short in () if whole else REHEARSAL.get(name, {}).items():
        found = [cell for cell in notebook.cells if long in cell.source]
        assert found, f"{name} no longer has {long!r}: look at rehearsal.toml"
        for cell in found:
            cell.source = cell.source.replace(long, short)
    return notebook


def refuse_errors(code: list[NotebookNode], whole: bool = FULL) -> None:
    """No code cell raised. Of a rehearsal a claim about what was learned may be false, in cells marked as training."""
    for cell in code:
        let_pass = not whole and "train" in cell.metadata.get("tags", [])
        raised = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        wrong = [error for error in raised if not (let_pass and error.ename == "AssertionError")]
        assert not wrong, f"{cell.id}: {wrong[0].ename}: {wrong[0].evalue}"


def printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")
