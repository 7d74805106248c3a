"""A class of submissions through the real nbgrader commands, from release to grades.csv.

The course folder is one as an instructor would have it. Every student fetches, edits, submits; what is wrong with
each submission stands in STUDENTS, with the points it must get for each exercise.
"""

import csv
import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from courses import course_folder
from feedback import hidden_text_on
from processes import run_module

from gancourse.authoring.project import ROOT
from gancourse.authoring.source import read_lesson

LESSON = "01_vanilla_gan"
FULL = {
    "sample_noise": 1, "discriminator_loss": 3, "generator_loss": 3, "optimal_discriminator": 1, "train_step": 4,
    "modes_covered": 2, "repaired_step": 2,
}  # fmt: skip
STUB = "    raise NotImplementedError"


def solutions() -> dict[str, str]:
    """The source of each answer cell with its reference."""
    cells = read_lesson(ROOT / "solutions" / f"{LESSON}.py").cells
    return {c.id: c.source for c in cells if c.metadata.get("nbgrader", {}).get("solution") and c.cell_type == "code"}


def solve(notebook, **instead):
    """Fill in every answer; `instead` replaces single ones."""
    for cell in notebook.cells:
        if cell.id in FULL:
            cell.source = instead.get(cell.id, solutions()[cell.id])


def check_cell(notebook, name):
    return next(c for c in notebook.cells if c.id == f"check-{name}")


def untouched(notebook):
    """Handed in as it was fetched."""


def several_mistakes(notebook):
    """Swapped labels in D's loss; G's ignores its saturating form; a bracket is missing; two answers are blank; one
    never returns; one is right and warns, from Python and from the descriptor.
    """
    wrong = solutions()["generator_loss"].replace(
        "    if saturating:\n        return -softplus(fake_logits).mean()\n", ""
    )
    assert wrong != solutions()["generator_loss"]
    bracket = "def modes_covered(samples, centers, std:\n    return 8"
    blank = {"train_step": _stubbed("train_step"), "repaired_step": _stubbed("repaired_step")}
    noisy = "import os, sys, warnings\n" + solutions()["sample_noise"].replace(
        "    ### BEGIN SOLUTION",
        '    warnings.warn("careful")\n    os.write(2, b"native noise")\n    ### BEGIN SOLUTION',
    )
    endless = "def optimal_discriminator(p, q):\n    while True:\n        pass"
    losses = {"discriminator_loss": _swapped(), "generator_loss": wrong}
    solve(notebook, sample_noise=noisy, optimal_discriminator=endless, modes_covered=bracket, **losses, **blank)


def _stubbed(name):
    head, _, _ = solutions()[name].partition("    ### BEGIN SOLUTION")
    return head + STUB


def labels_swapped(notebook):
    """The commonest mistake in D's loss."""
    solve(notebook, discriminator_loss=_swapped())


def _swapped():
    return solutions()["discriminator_loss"].replace("softplus(fake_logits)", "softplus(-fake_logits)")


def damaged_checks(notebook):
    """A check was deleted, which nbgrader puts back; a check and an answer stand there twice; a check is tagged to be
    skipped, and must run all the same; a check was rewritten to give full points for a wrong answer.
    """
    seven = "def modes_covered(samples, centers, std):\n    return 7"
    solve(notebook, modes_covered=seven, optimal_discriminator="def optimal_discriminator(p, q):\n    return None")
    check_cell(notebook, "optimal_discriminator").source = "1.0"
    check_cell(notebook, "modes_covered").metadata["tags"] = ["train"]
    notebook.cells = [c for c in notebook.cells if c.id != "check-generator_loss"]
    for cell_id in ("check-train_step", "sample_noise"):
        at = next(i for i, c in enumerate(notebook.cells) if c.id == cell_id)
        notebook.cells.insert(at, nbformat.from_dict(json.loads(json.dumps(notebook.cells[at]))))


@dataclass
class Student:
    """What a submission does to the fetched notebook, its points, and what the feedback must say."""

    edit: object
    points: dict = field(default_factory=dict)
    says: tuple = ()

    @property
    def grades(self) -> dict:
        return FULL | self.points


NOTHING = dict.fromkeys(FULL, 0)
STUDENTS = {
    "ada": Student(solve),
    "blank": Student(untouched, NOTHING, ("not written yet",)),
    "several": Student(
        several_mistakes,
        NOTHING | {"sample_noise": 1, "discriminator_loss": 0.3, "generator_loss": 1.2},
        (
            "that is what the generator wants",
            "saturating=True changes nothing",
            "SyntaxError",
            "TimeoutError",
            "your code wrote to stderr: ",
        ),
    ),
    "damaged": Student(damaged_checks, {"modes_covered": 0, "optimal_discriminator": 0}, ("you gave None",)),
}


class Course:
    """An instructor's copy of the course, with an exchange of its own. exercises: as in `short`."""

    def __init__(self, root: Path, exercises: frozenset[str] | None = None):
        self.root = course_folder(root, exercises)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "HOME": str(root)}
        self.env |= {"NBGRADER_EXCHANGE": str(root / "exchange"), "JUPYTER_CONFIG_DIR": str(root / "jupyter")}
        (root / "jupyter").mkdir()
        shutil.copy(ROOT / "nbgrader_config.py", root / "jupyter")  # what a student's machine needs: the same settings
        (root / "exchange").mkdir(mode=0o777)
        (root / "exchange").chmod(0o777)

    def nbgrader(self, *args: str, cwd: Path | None = None) -> str:
        """Run a command as an instructor, or in a student's folder as that student."""
        result = run_module("nbgrader", *args, cwd=cwd or self.root, env=self.env)
        assert result.returncode == 0, f"{' '.join(args)}:\n{result.stdout}\n{result.stderr}"
        return result.stdout + result.stderr


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole chain, once: release, fetch, submit, collect, autograde, feedback, export."""
    course = Course(tmp_path_factory.mktemp("course"))
    course.nbgrader("generate_assignment", LESSON)
    course.nbgrader("release_assignment", LESSON)
    for name, student in STUDENTS.items():
        _submit(course, name, student)
    course.nbgrader("collect", LESSON)
    course.nbgrader("autograde", LESSON, "--Execute.timeout=12")
    course.nbgrader("generate_feedback", LESSON)
    course.nbgrader("export", "--to", "grades.csv")
    return course


def _submit(course: Course, name: str, student: Student) -> None:
    """One student fetches (the first through nbgrader itself, the others by copy), edits and hands in."""
    home = course.root / "home" / name
    home.mkdir(parents=True)
    if name == "ada":
        course.nbgrader("fetch_assignment", LESSON, cwd=home)
    else:
        shutil.copytree(course.root / "exchange" / "gancourse" / "outbound" / LESSON, home / LESSON)
    path = home / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(path, 4)
    student.edit(notebook)
    nbformat.write(notebook, path)
    if name == "ada":
        course.nbgrader("submit", LESSON, cwd=home)
        handed_in = next((course.root / "exchange" / "gancourse" / "inbound").iterdir())
        owner = handed_in.name.split("+")[0]
        handed_in.rename(handed_in.with_name(handed_in.name.replace(owner, name, 1)))
        return
    target = course.root / "submitted" / name / LESSON
    shutil.copytree(home / LESSON, target)


@pytest.fixture(scope="module")
def grades(graded):
    """{student: {exercise: points}} as the gradebook holds them."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}") as book:
        for name in STUDENTS:
            notebook = book.find_submission_notebook(LESSON, LESSON, name)
            found[name] = {g.name.removeprefix("check-"): (g.score, g.needs_manual_grade) for g in notebook.grades}
    return found


@pytest.mark.parametrize("name", STUDENTS)
def test_every_submission_gets_its_points(grades, name):
    scores = {exercise: score for exercise, (score, _) in grades[name].items() if exercise in FULL}
    assert scores == pytest.approx(STUDENTS[name].grades)
    assert not any(waits for exercise, (_, waits) in grades[name].items() if exercise in FULL)


def test_the_written_answer_waits_for_a_person_unless_it_is_blank(grades):
    assert grades["blank"]["what_half_means"] == (0, False)
    assert all(grades[name]["what_half_means"][0] == 0 for name in STUDENTS)


@pytest.mark.parametrize("name", [name for name, student in STUDENTS.items() if student.says])
def test_feedback_names_the_mistake(graded, name):
    page = (graded.root / "feedback" / name / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    for words in STUDENTS[name].says:
        assert words in page


@pytest.mark.parametrize("name", STUDENTS)
def test_feedback_shows_no_hidden_test(graded, name):
    page = (graded.root / "feedback" / name / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    source = nbformat.read(graded.root / "solutions" / LESSON / f"{LESSON}.ipynb", 4)
    assert hidden_text_on(page, source) == []


def test_export_holds_the_same_totals(graded):
    with open(graded.root / "grades.csv", newline="") as file:
        totals = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file) if row["score"]}
    assert totals == pytest.approx({name: sum(s.grades.values()) for name, s in STUDENTS.items()})


def test_training_was_not_repeated(graded):
    notebook = nbformat.read(graded.root / "autograded" / "ada" / LESSON / f"{LESSON}.ipynb", 4)
    training = [c for c in notebook.cells if "train" in c.metadata.get("tags", [])]
    assert training and not any(c.outputs for c in training)
