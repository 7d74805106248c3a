"""Every written answer has a rubric, and formgrader's page alone shows it."""

import copy

import nbformat
import pytest

from gancourse.authoring.project import LESSONS, SOLUTIONS, lesson_names
from gancourse.grading.rubric import ShowRubric


def _shown(lesson, resources):
    notebook = nbformat.read(LESSONS / lesson / f"{lesson}.ipynb", 4)
    shown, _ = ShowRubric(source_directory=str(SOLUTIONS)).preprocess(copy.deepcopy(notebook), resources)
    return notebook, shown


@pytest.mark.parametrize("lesson", lesson_names())
def test_the_grader_sees_a_rubric_below_each_written_answer(lesson):
    page = {"submission_id": "1", "assignment_id": lesson, "notebook_id": lesson}
    notebook, shown = _shown(lesson, page)
    written = [
        c.id for c in notebook.cells if c.cell_type == "markdown" and c.metadata.get("nbgrader", {}).get("grade")
    ]
    assert written
    for name in written:
        at = next(i for i, cell in enumerate(shown.cells) if cell.id == name)
        assert shown.cells[at + 1].source.startswith("**For the grader**")
        assert "**Rubric.**" in shown.cells[at + 1].source and "point" in shown.cells[at + 1].source
    assert len(shown.cells) == len(notebook.cells) + len(written)


def test_nobody_else_sees_it():
    lesson = lesson_names()[0]
    notebook, feedback = _shown(lesson, {"nbgrader": {"student": "ada"}})
    assert feedback == notebook


def test_without_the_source_nothing_is_added(tmp_path):
    lesson = lesson_names()[0]
    notebook = nbformat.read(LESSONS / lesson / f"{lesson}.ipynb", 4)
    page = {"submission_id": "1", "assignment_id": lesson, "notebook_id": lesson}
    shown, _ = ShowRubric(source_directory=str(tmp_path)).preprocess(copy.deepcopy(notebook), page)
    assert shown == notebook
