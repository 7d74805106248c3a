"""`gancourse grade`: every submission of the corpus through the real pipeline, interruptions, regrading, late work."""

import json
import os
import random
import shutil
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest
from corpus import CASES, LESSON, full_points
from corpus.notebooks import FEW, dump, load, named, solved_short
from courses import hand_in
from feedback import hidden_text_on
from nbgrader.api import Gradebook
from repository.rehearsal import FULL
from typer.testing import CliRunner

from gancourse import cli
from gancourse.errors import GradingError
from gancourse.grading import sandbox
from gancourse.grading.grade import Options, grade, with_seconds
from gancourse.grading.sandbox import Limits

pytestmark = pytest.mark.slow
isolated = pytest.mark.skipif(
    bool(sandbox.available()), reason=f"STUDENT CODE CANNOT BE ISOLATED HERE: {sandbox.available()}"
)
QUICK = with_seconds(Limits(), 4)
ONE_BY_ONE = Options(jobs=1, limits=QUICK, feedback=False)
SOLVED, POINTS = {f"{LESSON}.ipynb": solved_short(FEW)}, full_points(exercises=FEW)


def wrong_answer():
    """The solved notebook with one wrong answer."""
    notebook = load(solved_short(FEW))
    named(notebook, "modes_covered")["source"] = "def modes_covered(samples, centers, std):\n    return 7"
    return {f"{LESSON}.ipynb": dump(notebook)}


def book_of(course):
    """Everything of a gradebook that a grade depends on: {student: {cell: (auto, manual, needs a person, comment)}}."""
    held = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(LESSON):
            (notebook,) = submission.notebooks
            grades = {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades}
            comments = {f"{c.name} says": (c.auto_comment, c.manual_comment) for c in notebook.comments}
            held[submission.student.id] = grades | comments | {"late": notebook.late_submission_penalty}
    return held


def points_of(record):
    return {name.removeprefix("check-"): p for name, p in record.points.items() if name.startswith("check-")}


# The corpus: attacks on a lesson of few exercises, damage to one that has them all

DAMAGED = [name for name, case in CASES.items() if not case.hostile]  # test_repair compares what becomes of each
HOSTILE = [name for name, case in CASES.items() if case.hostile]  # by what they attack: a part has some of each
GRADED = [name for name in CASES if FULL or name in {*HOSTILE[::3], *DAMAGED[::5]}]
ALL = [pytest.param(name, marks=[] if name in GRADED else pytest.mark.full_only) for name in CASES]


@dataclass
class Class:
    """Cases as students of one class, graded in one run. exercises: of the lesson."""

    course: Path
    exercises: frozenset[str] | None
    records: dict

    @property
    def names(self) -> list[str]:
        return [name for name in GRADED if CASES[name].hostile == (self.exercises is not None)]


@pytest.fixture(scope="module")
def attacked(blank_course, tmp_path_factory):
    return graded_class(blank_course, tmp_path_factory.mktemp("attacked"), FEW)


@pytest.fixture(scope="module")
def damaged(blank_short_course, tmp_path_factory):
    return graded_class(blank_short_course, tmp_path_factory.mktemp("damaged"), None)


def graded_class(blank, folder, exercises):
    class_ = Class(Path(shutil.copytree(blank, folder / "course")), exercises, {})
    for name in class_.names:
        hand_in(class_.course, name, CASES[name].make(solved_short(exercises)))
    records = grade(class_.course, LESSON, Options(jobs=2, limits=QUICK))
    class_.records |= {record.student: record for record in records}
    return class_


@pytest.fixture
def class_of(request):
    """The class that a case is in."""
    return lambda name: request.getfixturevalue("attacked" if CASES[name].hostile else "damaged")


@isolated
@pytest.mark.parametrize("name", ALL)
def test_every_case_gets_its_grade(class_of, name):
    class_, case = class_of(name), CASES[name]
    record, asked = class_.records[name], full_points(exercises=class_.exercises)
    assert record.state in case.states, record
    expected = {exercise: points for exercise, points in case.expected(record.state).items() if exercise in asked}
    assert points_of(record) == pytest.approx(expected), record


@isolated
@pytest.mark.parametrize("name", [p for p in ALL if CASES[p.values[0]].says])
def test_every_case_is_told_what_happened(class_of, name):
    class_ = class_of(name)
    page = (class_.course / "feedback" / name / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    said = page + json.dumps(vars(class_.records[name]), ensure_ascii=False)
    assert any(words in said for words in CASES[name].says)


@isolated
def test_nothing_escaped(attacked):
    found = [p for p in attacked.course.glob("autograded/*/*/*.ipynb") if _printed(p, "ESCAPED")]
    assert found == []
    assert list(attacked.course.rglob("gancourse-was-here.py")) == []


def _printed(path, words):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return any(words in json.dumps(o.get("text", "")) for c in cells for o in c.get("outputs", []))


@isolated
@pytest.mark.parametrize("which", ["attacked", "damaged"])
def test_feedback_holds_no_hidden_test(request, which):
    class_ = request.getfixturevalue(which)
    pages = list(class_.course.glob("feedback/*/*/*.html"))
    assert len(pages) == len(class_.names) > 0
    source = nbformat.read(class_.course / "solutions" / LESSON / f"{LESSON}.ipynb", 4)
    shown = {page.parts[-3]: hidden_text_on(page.read_text(encoding="utf-8"), source) for page in pages}
    assert {name: lines for name, lines in shown.items() if lines} == {}


# One class, graded once


@dataclass
class Graded:
    """A course that is graded, one submission at a time, and how long that took. To be copied."""

    blank: Path
    course: Path
    seconds: float


@pytest.fixture(scope="module")
def graded(blank_course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graded")
    blank = Path(shutil.copytree(blank_course, folder / "blank"))
    hand_in(blank, "ada", SOLVED | {"timestamp.txt": b"2026-01-02 10:00:00 UTC"})
    hand_in(blank, "bob", wrong_answer())
    hand_in(blank, "eve", SOLVED)
    course, started = Path(shutil.copytree(blank, folder / "course")), time.monotonic()
    grade(course, LESSON, ONE_BY_ONE)
    return Graded(blank, course, time.monotonic() - started)


@pytest.fixture
def graded_course(graded, tmp_path):
    return Path(shutil.copytree(graded.course, tmp_path / "graded"))


@isolated
def test_a_grade_is_the_same_without_isolation(graded_course):
    inside = book_of(graded_course)
    grade(graded_course, LESSON, replace(ONE_BY_ONE, unsafe=True))
    assert book_of(graded_course) == inside
    assert points_of_book(graded_course, "ada") == pytest.approx(POINTS)


def points_of_book(course, student):
    return {n.removeprefix("check-"): v[0] for n, v in book_of(course)[student].items() if n.startswith("check-")}


@isolated
def test_what_a_person_entered_stays_and_late_work_pays(graded_course):
    with (graded_course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    with Gradebook(f"sqlite:///{graded_course / 'gradebook.db'}") as book:
        book.update_or_create_assignment(LESSON, duedate="2026-01-01 10:00:00 UTC")
        manual = book.find_grade("what_half_means", LESSON, LESSON, "ada")
        assert manual.needs_manual_grade
        manual.manual_score, manual.needs_manual_grade = 3.0, False
        book.find_comment("what_half_means", LESSON, LESSON, "ada").manual_comment = "Say which D."
        book.db.commit()
    grade(graded_course, LESSON, replace(ONE_BY_ONE, students=("ada",), feedback=True))
    held = book_of(graded_course)["ada"]
    assert held["what_half_means"][1] == 3.0
    assert held["what_half_means says"][1] == "Say which D."
    assert held["late"] == pytest.approx(sum(POINTS.values()) + 3.0)
    page = (graded_course / "feedback" / "ada" / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert "Say which D." in page


# Interruptions


@isolated
def test_an_interrupted_run_goes_on_to_the_same_gradebook(graded, tmp_path):
    course, chance = Path(shutil.copytree(graded.blank, tmp_path / "course")), random.Random(5)
    for _ in range(10 if FULL else 3):
        _killed_after(chance.uniform(0.1, 0.9) * graded.seconds, course)
        for held in book_of(course).values():  # all of a student's grades or none
            assert all(held[f"check-{name}"][0] is not None for name in POINTS)
    resumed = grade(course, LESSON, replace(ONE_BY_ONE, resume=True))
    assert [r.student for r in resumed] == ["ada", "bob", "eve"]
    assert book_of(course) == book_of(graded.course)
    grade(course, LESSON, replace(ONE_BY_ONE, resume=True))
    assert book_of(course) == book_of(graded.course)


def _killed_after(seconds, course):
    """Grade in a process that is killed at a moment that it does not choose."""
    child = os.fork()
    if child == 0:
        try:
            grade(course, LESSON, replace(ONE_BY_ONE, resume=True))
        finally:
            os._exit(0)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if os.waitpid(child, os.WNOHANG)[0]:
            return  # nothing was left to do
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@isolated
def test_resume_runs_only_what_has_changed(graded_course, monkeypatch):
    def resumed(*students):
        return {r.student: r for r in grade(graded_course, LESSON, replace(ONE_BY_ONE, resume=True, students=students))}

    first = resumed()
    hand_in(graded_course, "bob", SOLVED)
    second = resumed()
    assert second["ada"] == first["ada"] and second["eve"] == first["eve"]  # with their seconds: not run again
    assert second["bob"].submission_sha256 != first["bob"].submission_sha256
    assert points_of(first["bob"])["modes_covered"] == 0 < points_of(second["bob"])["modes_covered"]
    assert points_of_book(graded_course, "bob") == pytest.approx(POINTS)
    monkeypatch.setenv("GANCOURSE_HIDDEN_SEED", "4")
    assert resumed("ada")["ada"].submission_sha256 != first["ada"].submission_sha256


# The command


def run(course, *arguments):
    before = os.getcwd()
    os.chdir(course)
    try:
        return CliRunner().invoke(cli.app, ["grade", *arguments])
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((LESSON,), "Nobody has handed in"),
        (("99_none",), "no released lesson"),
        ((LESSON, "--timeout", "0"), "--timeout"),
        ((LESSON, "--jobs", "-1"), "--jobs"),
    ],
)
def test_what_only_the_instructor_can_mend_is_one_message(course, arguments, words):
    result = run(course, *arguments)
    assert isinstance(result.exception, GradingError) and words in str(result.exception)


def test_no_gradebook_and_unknown_students_are_messages(course):
    hand_in(course, "ada", SOLVED)
    assert "Handed in: ada" in str(run(course, LESSON, "--student", "eve").exception)
    (course / "gradebook.db").unlink()
    assert "There is no gradebook" in str(run(course, LESSON).exception)
    assert not (course / "gradebook.db").exists()


@isolated
def test_the_table_tells_points_state_and_reason(course):
    hand_in(course, "ada", SOLVED)
    hand_in(course, "bob", {f"{LESSON}.ipynb": b"\0\1\2"})
    result = run(course, LESSON, "--jobs", "1", "--timeout", "4")
    assert result.exit_code == 0, result.output
    assert "ada" in result.output and f"{sum(POINTS.values()):g}" in result.output
    assert "unreadable" in result.output
