"""The lessons as the course site shows them: all that a finished run shows, and nothing that students must find."""

import nbformat
import pytest
from nbformat import NotebookNode
from notebooks.answers import secret_lines

from gancourse.authoring import public
from gancourse.authoring.executed import NOT_PREDICTED
from gancourse.authoring.project import LESSONS, SOLUTIONS, lesson_names
from gancourse.authoring.public import FOLDED, public_lesson, with_outputs
from gancourse.errors import GANCourseError

every_lesson = pytest.mark.parametrize("name", lesson_names())


def built(folder, name) -> NotebookNode:
    return nbformat.read(folder / name / f"{name}.ipynb", 4)


def pictures(notebook) -> list[NotebookNode]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in outputs if "image/png" in output.get("data", {})]


@every_lesson
def test_no_answer_and_no_hidden_check_is_to_be_read(name):
    notebook = public_lesson(name)
    text = {cell.id: cell.source for cell in notebook.cells}
    everything = nbformat.writes(notebook)
    for marker in ("BEGIN SOLUTION", "HIDDEN TESTS", "hidden=True", "Rubric", "other sizes and numbers"):
        assert marker not in everything
    for cell in built(SOLUTIONS, name).cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert not [line for line in secret_lines(cell) if line in text[cell.id]], cell.id


@every_lesson
def test_the_text_is_the_students_and_the_pictures_are_the_solutions(name):
    notebook, solution = public_lesson(name), built(SOLUTIONS, name)
    sources = [cell.source for cell in notebook.cells if "remove-input" not in cell.metadata.get("tags", [])]
    assert sources == [cell.source for cell in built(LESSONS, name).cells]
    assert [p.data["image/png"] for p in pictures(notebook)] == [p.data["image/png"] for p in pictures(solution)]
    checks = [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")]
    assert checks and all(len(c.outputs) == 1 and " passed " in c.outputs[0].text for c in checks)


@every_lesson
def test_every_picture_has_its_own_words_and_what_was_to_be_predicted_is_folded(name):
    notebook = public_lesson(name)
    for cell in notebook.cells:
        (alt,) = {p.metadata["image/png"]["alt"] for p in pictures(NotebookNode(cells=[cell]))} or {None}
        assert cell.metadata.get("mystnb", {}).get("image", {}).get("alt") == alt
    predicted = [c.id for c in built(SOLUTIONS, name).cells if NOT_PREDICTED in str(c.get("outputs"))]
    assert predicted == [c.id for c in notebook.cells if FOLDED in c.metadata.get("tags", [])]
    assert NOT_PREDICTED not in nbformat.writes(notebook)


def test_two_pictures_of_a_cell_keep_their_words_and_a_progress_bar_goes():
    def shown(**data) -> NotebookNode:
        return nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": data["text/plain"]}})

    bar = nbformat.v4.new_output("display_data", data={"text/html": "<progress>", "text/plain": "<HTML object>"})
    outputs = [
        bar,
        shown(**{"image/png": "YQ==", "text/plain": "one"}),
        shown(**{"image/png": "Yg==", "text/plain": "two"}),
    ]
    first, second = with_outputs(nbformat.v4.new_code_cell("draw()", id="draw"), outputs)
    assert [c.metadata["mystnb"]["image"]["alt"] for c in (first, second)] == ["one", "two"]
    assert first.source == "draw()" and "remove-input" in second.metadata["tags"]
    assert len(first.outputs) == len(second.outputs) == 1


def test_a_release_of_another_build_is_refused(monkeypatch, tmp_path):
    name = lesson_names()[0]
    notebook = built(LESSONS, name)
    del notebook.cells[-1]
    (tmp_path / name).mkdir()
    nbformat.write(notebook, tmp_path / name / f"{name}.ipynb")
    monkeypatch.setattr(public, "LESSONS", tmp_path)
    with pytest.raises(GANCourseError, match="make course"):
        public_lesson(name)
