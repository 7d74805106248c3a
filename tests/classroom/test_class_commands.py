"""`gancourse class`: status, statistics and the export of answers, as an instructor types them."""

import ast
import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from classroom import books
from processes import run_module

from gancourse.authoring.project import ROOT
from gancourse.errors import GradingError
from gancourse.grading.plagiarism import export_answers

LESSON = books.LESSON
STUBS = {
    "sample_noise", "discriminator_loss", "generator_loss", "optimal_discriminator", "train_step", "modes_covered",
    "repaired_step",
}  # fmt: skip


def gancourse(*args: str, cwd: Path) -> subprocess.CompletedProcess:
    return run_module("gancourse.cli", *args, cwd=cwd)


def _hand_in(folder: Path, student: str, edit=lambda notebook: None, step="submitted", name=LESSON) -> Path:
    notebook = nbformat.read(ROOT / "lessons" / LESSON / f"{LESSON}.ipynb", 4)
    edit(notebook)
    path = folder / step / student / LESSON / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return path


def _cell(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def _answer(**answers):
    def edit(notebook):
        for name, source in answers.items():
            _cell(notebook, name).source = source

    return edit


@pytest.fixture
def course(tmp_path):
    """Answers, a magic, a syntax error, a renamed file, a repaired notebook, and something that is no notebook."""
    folder = books.course_folder(tmp_path)
    noise = "def sample_noise(n, d):\n    return n"
    _hand_in(folder, "ada", _answer(sample_noise=noise, what_half_means="D may be *weak*."))
    _hand_in(folder, "ben", _answer(sample_noise=f"%timeit 1\n{noise}\n!ls"))
    _hand_in(folder, "cem", _answer(sample_noise="def sample_noise(n, d:"), name=f"{LESSON} (1)")
    _hand_in(folder, "dee", _answer(sample_noise="broken("))
    _hand_in(folder, "dee", _answer(sample_noise=noise), step="autograded")
    (folder / "submitted" / "eli" / LESSON).mkdir(parents=True)
    (folder / "submitted" / "eli" / LESSON / f"{LESSON}.ipynb").write_text('{"cells": [')
    return folder


def test_the_export_has_the_folders_that_jplag_and_moss_read(course, tmp_path):
    """One folder a submission with nothing but Python in it, the stubs beside them, and nobody lost in silence."""
    export = export_answers(course, LESSON, tmp_path / "out")
    assert {path.name for path in export.code.iterdir()} == {"ada", "ben", "cem", "dee"} == set(export.students)
    assert {path.stem for path in export.base.iterdir()} == STUBS
    files = sorted(export.code.rglob("*"))
    assert all(path.is_dir() or path.suffix == ".py" for path in files)
    for path in files:
        if path.is_file():
            ast.parse(path.read_text(encoding="utf-8"))
    noise = "def sample_noise(n, d):\n    return n\n"
    assert (export.code / "ada" / "sample_noise.py").read_text() == noise
    assert (export.code / "ben" / "sample_noise.py").read_text() == f"# %timeit 1\n{noise}# !ls\n"
    assert (export.code / "dee" / "sample_noise.py").read_text() == noise
    assert not (export.code / "cem" / "sample_noise.py").exists()
    assert export.left_out == [
        "cem: sample_noise is not Python",
        "eli: no notebook with the lesson's answers can be read",
    ]


def test_checks_and_solutions_are_not_exported_and_written_answers_stand_apart(course, tmp_path):
    export = export_answers(course, LESSON, tmp_path / "out")
    everything = "\n".join(p.read_text(encoding="utf-8") for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert "check(" not in everything and "hidden" not in everything.lower()
    assert [str(p.relative_to(export.written)) for p in export.written.rglob("*.txt")] == ["ada/what_half_means.txt"]


def test_an_export_overwrites_nothing(course, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("kept")
    with pytest.raises(GradingError, match="is not empty"):
        export_answers(course, LESSON, out)
    assert [path.name for path in out.iterdir()] == ["mine"]


@pytest.mark.slow
def test_commands_as_an_instructor_types_them(tmp_path):
    folder = books.course_folder(tmp_path)
    books.fill(f"sqlite:///{folder / 'gradebook.db'}")
    books.record(folder, "leo", "failed", reasons=["more than 3 GB of memory"])
    _hand_in(folder, "zoe")
    status = gancourse("class", "status", LESSON, cwd=folder)
    assert status.returncode == 0, status.stderr
    lines = {line.split()[1]: line for line in status.stdout.splitlines() if line.startswith("│")}
    assert "12 of 12" in lines["ada"] and "1.5 h" in lines["ben"] and "missing" in lines["kim"]
    assert "grade by hand in formgrader" in lines["ida"] and "more than 3 GB" in lines["leo"]
    assert "not graded" in lines["zoe"]
    statistics = gancourse("class", "statistics", LESSON, "--course", str(folder), cwd=folder.parent)
    assert statistics.returncode == 0, statistics.stderr
    assert (folder / "grading" / LESSON / "statistics.html").is_file()
    assert (folder / "grading" / LESSON / "grades.csv").is_file()
    exported = gancourse("class", "plagiarism", LESSON, "--out", "answers", cwd=folder)
    assert exported.returncode == 0 and "1 students" in exported.stdout
    assert (folder / "answers" / "submissions" / "zoe").is_dir()


@pytest.mark.slow
def test_a_mistake_ends_in_one_message_and_2(tmp_path):
    result = gancourse("class", "status", LESSON, cwd=tmp_path)
    assert result.returncode == 2
    assert "is no course folder" in result.stderr and "Traceback" not in result.stderr
    books.course_folder(tmp_path)
    result = gancourse("class", "plagiarism", LESSON, "--out", "answers", cwd=tmp_path)
    assert result.returncode == 2 and "Nobody has handed in" in result.stderr
    book = json.dumps({})
    (tmp_path / "gradebook.db").write_text(book)
    result = gancourse("class", "status", LESSON, cwd=tmp_path)
    assert result.returncode == 2 and "cannot be opened" in result.stderr
    assert (tmp_path / "gradebook.db").read_text() == book
