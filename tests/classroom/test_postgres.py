"""PostgreSQL as the gradebook: a real server, nbgrader's own commands, two graders at once."""

import csv
import subprocess
import sys

import pytest
from classroom import books
from classroom.postgres import find_binaries, postgres
from classroom.test_pipeline import LESSON, Course, labels_swapped, solve
from corpus.notebooks import FEW, full_points
from courses import hand_in_edited
from processes import run_module

from gancourse.errors import GradingError
from gancourse.grading import sandbox
from gancourse.grading.course import Course as OpenedCourse
from gancourse.grading.results import read_results

BINARIES = find_binaries()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BINARIES is None, reason="no PostgreSQL found: `apt install postgresql` to test a shared gradebook"
    ),
]
WRITTEN = "what_half_means"


@pytest.fixture
def url():
    with postgres(BINARIES) as url:
        yield url


def test_a_class_reads_the_same_from_postgresql_as_from_sqlite(url, tmp_path, monkeypatch):
    folder = books.course_folder(tmp_path)
    books.fill(f"sqlite:///{folder / 'gradebook.db'}")
    expected = read_results(folder, LESSON)
    assert len(expected.students) == len(books.CLASS) + 1
    (folder / "gradebook.db").unlink()
    books.fill(url)
    monkeypatch.setenv("GANCOURSE_GRADEBOOK", url)
    assert read_results(folder, LESSON) == expected
    assert not (folder / "gradebook.db").exists()


def test_nbgraders_commands_work_with_two_graders_at_once(url, tmp_path):
    """From the release to grades.csv and again; formgrader sends scores as text, so one is written that way."""
    course = Course(tmp_path, FEW)
    course.env["GANCOURSE_GRADEBOOK"] = url
    course.nbgrader("generate_assignment", LESSON)
    students = {"ada": solve, "swap": labels_swapped}
    for student, edit in students.items():
        hand_in_edited(course.root, student, lambda notebook, edit=edit: _with_words(notebook, edit))
    _autograde_at_once(course, list(students))
    _grade_by_hand(url, "ada", "2.5")
    _grade_again(course, "swap")
    course.nbgrader("generate_feedback", LESSON)
    course.nbgrader("export", "--to", "grades.csv")
    with open(tmp_path / "grades.csv", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    full = sum(full_points(exercises=FEW).values())
    assert scores == pytest.approx({"ada": full + 2.5, "swap": full - 3 + 0.3})
    assert "2.5" in (tmp_path / "feedback" / "ada" / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert not (tmp_path / "gradebook.db").exists()


def _with_words(notebook, edit) -> None:
    edit(notebook)
    next(c for c in notebook.cells if c.id == WRITTEN).source = "D may be too weak to tell."


def _autograde_at_once(course: Course, students: list[str]) -> None:
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON, "--Execute.timeout=60"]
    started = [
        subprocess.Popen([*command, f"--student={s}"], cwd=course.root, env=course.env, stderr=subprocess.PIPE)
        for s in students
    ]
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()


def _grade_again(course: Course, student: str) -> None:
    """By `gancourse grade`, which enters a student in one transaction."""
    options = ["--student", student, "--jobs", "1", *(["--unsafe"] if sandbox.available() else [])]
    result = run_module("gancourse", "grade", LESSON, *options, cwd=course.root, env=course.env)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (course.root / "grading" / LESSON / f"{student}.json").is_file()


def _grade_by_hand(url: str, student: str, score: str) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(url, "gancourse") as book:
        grade = book.find_grade(WRITTEN, LESSON, LESSON, student)
        grade.manual_score, grade.needs_manual_grade = score, False
        book.db.commit()


def test_a_server_that_is_away_is_one_message_without_the_password(tmp_path, monkeypatch):
    folder = books.course_folder(tmp_path)
    monkeypatch.setenv("GANCOURSE_GRADEBOOK", f"postgresql+psycopg://grader:secret@/course?host={tmp_path}")
    with pytest.raises(GradingError, match="cannot be opened") as caught:
        OpenedCourse(folder).require_gradebook(LESSON)
    assert "secret" not in str(caught.value)
