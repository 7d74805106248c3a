"""A class split over two workers that share a folder, as an array of jobs would: nobody lost, nobody twice."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from classroom.test_pipeline import LESSON, Course, labels_swapped, solve, untouched
from corpus.notebooks import FEW, full_points
from courses import hand_in_edited
from processes import run_module

from gancourse.errors import GradingError
from gancourse.grading import sandbox
from gancourse.grading.parts import Part, parse_part

NAMES = [f"student{i:03d}" for i in range(300)]


def test_every_student_is_in_exactly_one_part():
    parts = [Part(i, 8).of(NAMES) for i in range(1, 9)]
    assert Counter(name for part in parts for name in part) == dict.fromkeys(NAMES, 1)
    assert all(20 <= len(part) <= 60 for part in parts)
    assert Part().of(NAMES) == NAMES


def test_a_part_does_not_depend_on_who_else_is_there():
    fewer = NAMES[::3]
    assert Part(2, 5).of(fewer) == [name for name in Part(2, 5).of(NAMES) if name in fewer]


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "a/b", "-1/2", ""])
def test_no_part_is_made_of_nonsense(text):
    with pytest.raises(GradingError, match="--part takes I/N"):
        parse_part(text)


FULL = full_points(exercises=FEW)
STUDENTS = {
    "ada": (solve, FULL), "ben": (untouched, dict.fromkeys(FULL, 0)), "dee": (solve, FULL),
    "cem": (labels_swapped, FULL | {"discriminator_loss": 0.3}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(bool(sandbox.available()), reason=f"no sandbox here: {sandbox.available()}")
def test_two_workers_at_once_then_one_run_that_enters_all(tmp_path):
    """The second worker is killed in the middle; the run that enters the results grades what it left."""
    course = Course(tmp_path, FEW)
    course.nbgrader("generate_assignment", LESSON)
    for name, (edit, _) in STUDENTS.items():
        hand_in_edited(course.root, name, edit)
    assert all(Part(i, 2).of(list(STUDENTS)) for i in (1, 2))
    workers = [_start(course, "--part", f"{i}/2", "--jobs", "1") for i in (1, 2)]
    workers[1].kill()
    said, _ = workers[0].communicate()
    workers[1].wait()
    assert workers[0].returncode == 0, said
    first = Part(1, 2).of(list(STUDENTS))
    records = tmp_path / "grading" / LESSON
    before = {name: json.loads((records / f"{name}.json").read_text()) for name in first}
    assert not (tmp_path / "autograded").exists()  # a part enters nothing
    last = run_module("gancourse", "grade", LESSON, "--resume", "--jobs", "1", cwd=course.root, env=course.env)
    assert last.returncode == 0, last.stdout + last.stderr
    after = {path.stem: json.loads(path.read_text()) for path in records.glob("*.json")}
    assert after.keys() == STUDENTS.keys()
    assert {name: after[name]["seconds"] for name in first} == {name: before[name]["seconds"] for name in first}
    assert _grades(tmp_path) == {name: grades for name, (_, grades) in STUDENTS.items()}
    assert (records / "statistics.html").is_file() and (records / "grades.csv").is_file()


def _start(course: Course, *args: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "gancourse.cli", "grade", LESSON, *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=course.root, env=course.env, **pipes)


def _grades(root) -> dict[str, dict[str, float]]:
    """{student: {exercise: points}} of the gradebook, where a student can stand only once."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(LESSON):
            (notebook,) = submission.notebooks
            points = {g.name.removeprefix("check-"): g.auto_score for g in notebook.grades}
            found[submission.student_id] = pytest.approx({name: points[name] for name in FULL})
    return found
