"""What a check accepts must serve the lesson: each right answer in its place, and the cells after it run.

The lessons are rehearsed (see test_bare), once for the first right answer to each exercise, once for the second, and so
on. In `make test` none is; GANCOURSE_FULL=1 rehearses all of them, twenty seconds each.
"""

import nbformat
import pytest
from nbclient import NotebookClient
from repository.rehearsal import lesson_text, refuse_errors

from gancourse.authoring.answers import ANSWERS, Answer, collect_answers
from gancourse.authoring.project import lesson_names

RIGHT: dict[str, dict[str, list[Answer]]] = {}
for answer in collect_answers():
    if answer.says is None:
        RIGHT.setdefault(answer.lesson, {}).setdefault(answer.exercise, []).append(answer)
ROUNDS = [(name, i) for name in lesson_names() for i in range(max(map(len, RIGHT[name].values())))]
LOADED = """
import runpy

right_answers = runpy.run_path({path!r})
"""


def with_answers(name: str, number: int) -> nbformat.NotebookNode:
    """The rehearsed notebook of a lesson, each exercise answered by its right answer of that number, or the last."""
    notebook = lesson_text(name, whole=False)
    answered = set()
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution") and grade_id in RIGHT[name]:
            answers = RIGHT[name][grade_id]
            function = answers[min(number, len(answers) - 1)].function.__name__
            cell.source += f"\n\n{grade_id} = right_answers[{function!r}]"
            answered.add(grade_id)
    assert answered == set(RIGHT[name]), set(RIGHT[name]) - answered
    setup = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    loaded = nbformat.v4.new_code_cell(LOADED.format(path=str(ANSWERS / name / "right.py")), id="right-answers")
    notebook.cells.insert(setup + 1, loaded)
    return notebook


@pytest.mark.slow
@pytest.mark.full_only
@pytest.mark.parametrize(("name", "number"), ROUNDS)
def test_a_lesson_goes_on_with_any_right_answer(name, number, tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    monkeypatch.setenv("GANCOURSE_PASSPORT", str(tmp_path / "passport.json"))
    notebook = with_answers(name, number)
    client = NotebookClient(notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    refuse_errors(code, whole=False)
    for cell in code:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert cell.outputs[-1].data["text/plain"] == str(float(cell.metadata.nbgrader.points)), cell.id
