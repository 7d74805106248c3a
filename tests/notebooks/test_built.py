"""What is committed is what is built, and what students get holds no answer."""

import json
import re
from functools import cache

import nbformat
import pytest
from notebooks.answers import secret_lines
from typer.testing import CliRunner

from gancourse import cli
from gancourse.authoring.build import CONTENTS, contents, release
from gancourse.authoring.project import LESSONS, ROOT, SOLUTIONS, lesson_names, repository
from gancourse.authoring.source import PROGRESS_TAG, read_lesson, setup_cell

NAMES = lesson_names()
PLAYED = re.compile(r"^(theatre|latent_explorer|fade_explorer|round_trip)\(", re.MULTILINE)


@cache
def solution(name):
    return nbformat.read(SOLUTIONS / name / f"{name}.ipynb", 4)


@cache
def lesson(name):
    return nbformat.read(LESSONS / name / f"{name}.ipynb", 4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def checked(path):
    """The exit code of `gancourse check` and what it says."""
    result = CliRunner().invoke(cli.app, ["check", str(path)])
    return result.exit_code, result.stdout


def is_training(cell):
    return "train" in cell.metadata.get("tags", [])


def test_every_text_has_its_notebooks_and_no_notebook_is_left_over():
    assert NAMES
    for folder in (SOLUTIONS, LESSONS):
        assert sorted(p.parent.name for p in folder.glob("*/*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_committed_solution_is_the_text(name):
    """Sources, types, marks and ids; outputs are nbval's part."""

    def essence(notebook):
        return [(c.id, c.cell_type, c.source, c.metadata) for c in notebook.cells]

    assert essence(solution(name)) == essence(read_lesson(SOLUTIONS / f"{name}.py")), "run `make course` and commit"


@pytest.mark.parametrize("name", NAMES)
def test_committed_lesson_is_what_nbgrader_makes(name, tmp_path):
    release(name, tmp_path)
    made = (tmp_path / name / f"{name}.ipynb").read_bytes()
    assert made == (LESSONS / name / f"{name}.ipynb").read_bytes(), "run `make course` and commit"
    assert [p.name for p in (LESSONS / name).iterdir() if p.name != ".ipynb_checkpoints"] == [f"{name}.ipynb"]


@pytest.mark.parametrize("name", NAMES)
def test_solution_was_executed_without_errors_or_noise(name):
    counts = [cell.execution_count for cell in code(solution(name)) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code(solution(name)):
        assert not [o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"], cell.id
        assert not cell.source.rstrip().endswith(";"), f"{cell.id}: a semicolon does not silence nbval"


@pytest.mark.parametrize("name", NAMES)
def test_training_cells_assert_or_show_and_other_cells_are_compared(name):
    for cell in code(solution(name)):
        ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
        learners_own = PROGRESS_TAG in cell.metadata.get("tags", [])
        assert ignored == (is_training(cell) or learners_own), f"{cell.id}: only training cells may go uncompared"
    training = [cell for cell in code(solution(name)) if is_training(cell)]
    silent = [
        c.id
        for c in training
        if "assert " not in c.source and not any("image/png" in o.get("data", {}) for o in c.outputs)
    ]
    assert not silent, f"{silent} are neither compared nor assert anything nor show a picture"


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_alt_text(name):
    pictures = [o for c in code(solution(name)) for o in c.outputs if "image/png" in o.get("data", {})]
    assert pictures
    for output in pictures:
        assert len(output.metadata["image/png"]["alt"]) > 15
    for cell in solution(name).cells:
        assert "![](" not in cell.source


@pytest.mark.parametrize("name", NAMES)
def test_students_get_no_solution_no_hidden_test_and_no_output(name):
    text = json.dumps(lesson(name))
    for marker in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "hidden=True", "Rubric"):
        assert marker not in text
    assert not any(cell.outputs or cell.execution_count for cell in code(lesson(name)))
    given = {cell.id: cell.source for cell in lesson(name).cells}
    for cell in solution(name).cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution"):
            for line in secret_lines(cell):
                assert line not in given[cell.id], f"{cell.id} leaks: {line}"


@pytest.mark.parametrize("name", NAMES)
def test_student_file_fails_its_checks_until_it_is_solved(name):
    """The released answers through the visible checks: no points; with the references: all of them."""
    status, said = checked(LESSONS / name / f"{name}.ipynb")
    assert status == 1 and "\n0 of " in said and "not written yet" in said
    status, said = checked(SOLUTIONS / name / f"{name}.ipynb")
    assert status == 0, said
    total = sum(
        c.metadata["nbgrader"]["points"] for c in code(solution(name)) if c.metadata.get("nbgrader", {}).get("grade")
    )
    assert f"{total} of {total} points" in said


@pytest.mark.parametrize("name", NAMES)
def test_grade_ids_are_unique_in_the_lesson(name):
    """Two lessons may both have a discriminator_loss; nbgrader keeps each assignment's cells apart."""
    ids = [c.metadata["nbgrader"]["grade_id"] for c in solution(name).cells if "nbgrader" in c.metadata]
    assert len(ids) == len(set(ids)) and "setup" in ids


@pytest.mark.parametrize("name", NAMES)
def test_setup_cell_and_badge_are_the_generated_ones(name):
    assert lesson(name).cells[1].source == setup_cell()
    assert lesson(name).cells[1].metadata["jupyter"]["source_hidden"], (
        "a page of set-up code is the first that one sees"
    )
    assert (
        f"{repository().removeprefix('https://github.com/')}/blob/main/lessons/{name}/{name}.ipynb"
        in lesson(name).cells[0].source
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_ends_with_the_learners_progress_which_nobody_grades(name):
    for notebook in (solution(name), lesson(name)):
        last = notebook.cells[-1]
        assert last.source.endswith(f'gancourse.show_progress("{name[:2]}")') and "nbgrader" not in last.metadata
    (said,) = solution(name).cells[-1].outputs
    assert re.match(r"Lesson \d: .+: (\d+) of \1 exercises passed, (\d+) of \2 points\.\n", said.text)


def test_readme_lists_the_lessons():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert CONTENTS.search(readme)[0].splitlines()[1:-1] == contents(NAMES).splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_lesson_has_the_rhythm(name):
    text = "\n".join(cell.source for cell in solution(name).cells if cell.cell_type == "markdown")
    for part in (
        "**Predict.**",
        "### Exercise",
        "## Your GAN learns",
        "## Find the bug",
        "## Play",
        "## On a GPU",
        "## Recall",
    ):
        assert part in text, f"{name} has no {part}"
    assert text.count("<details><summary>") >= 5
    written = [c for c in solution(name).cells if c.cell_type == "markdown" and "nbgrader" in c.metadata]
    assert written and all("Rubric" in cell.source for cell in written)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_that_cannot_run_shows_a_picture_of_each_widget(name):
    played = [cell for cell in code(solution(name)) if PLAYED.search(cell.source)]
    assert played, "a lesson ends with something to play with"
    for cell in played:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source
