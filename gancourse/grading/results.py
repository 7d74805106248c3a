"""What a class reached in one lesson: points from nbgrader's gradebook, states and diagnoses from the records."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import BaseCell, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select

from gancourse.errors import GradingError
from gancourse.grading.course import Course
from gancourse.grading.diagnoses import CHECK_CELL, diagnoses_of
from gancourse.grading.journal import Journal

GRADED, FAILED, NOT_GRADED, MISSING = "graded", "failed", "not graded", "missing"


@dataclass(frozen=True)
class Exercise:
    """A graded cell: its name without "check-", its points, and whether a person grades it."""

    name: str
    points: float
    written: bool


@dataclass
class Result:
    """One student in one lesson.

    state: "graded", "failed", "tampered" or "unreadable" as grading recorded it; "not graded" when something was
    handed in that has no grade yet; "missing" when nothing was. points: None where a person has yet to grade.
    suspicions: what grading wants a person to look at; they change no grade.
    """

    student: str
    first_name: str = ""
    last_name: str = ""
    state: str = MISSING
    points: dict[str, float | None] = field(default_factory=dict)
    waits: bool = False
    seconds_late: float = 0.0
    penalty: float = 0.0
    reasons: list[str] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)
    diagnoses: dict[str, list[str]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The points so far, less the penalty for lateness, never below 0; what nbgrader exports as the score."""
        return max(0.0, sum(p for p in self.points.values() if p is not None) - self.penalty)


@dataclass(frozen=True)
class ClassResults:
    """A lesson's exercises in the order of the notebook, and its students in the order of their ids."""

    lesson: str
    exercises: list[Exercise]
    students: list[Result]

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def graded(self) -> list[Result]:
        """Those whose points say something about the exercises.

        A run that failed in one cell does, by its points elsewhere; one without a point does not.
        """
        return [r for r in self.students if r.state == GRADED or (r.state == FAILED and r.total > 0)]


def read_results(folder: Path, lesson: str) -> ClassResults:
    """Read gradebook, records and graded notebooks; changes nothing. Raises GradingError when they are not there."""
    course = Course(folder)
    with course.gradebook(lesson) as book:
        exercises = _exercises(book, lesson, course)
        results = {s.id: Result(s.id, s.first_name or "", s.last_name or "") for s in book.students}
        _add_submissions(book, lesson, results)
        _add_points(book, lesson, results, exercises)
    records = read_records(Journal(course.root, lesson).folder)
    for student in course.handed_in(lesson):
        found = results.setdefault(student, Result(student))
        found.state = NOT_GRADED if found.state == MISSING else found.state
    for student, record in records.items():
        _add_record(results.setdefault(student, Result(student)), record)
    for student in (results.keys() - records.keys()) & _autograded(results):
        results[student].diagnoses = _diagnoses_on_disk(student, course, lesson)
    return ClassResults(lesson, exercises, sorted(results.values(), key=lambda result: result.student))


def read_records(folder: Path) -> dict[str, dict]:
    """{student: record} of the journal that `gancourse grade` keeps, one file a student; empty without one."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            records[record["student"]] = record
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GradingError(
                f"The record {path} cannot be read ({error}). Delete it and grade that student again; "
                "nothing else was changed."
            ) from error
    return records


def _exercises(book: Gradebook, lesson: str, course: Course) -> list[Exercise]:
    cells = [cell for notebook in book.find_assignment(lesson).notebooks for cell in notebook.grade_cells]
    order = _order(course, lesson)
    cells.sort(key=lambda cell: order.get(cell.name, len(order)))
    return [Exercise(c.name.removeprefix(CHECK_CELL), c.max_score, c.cell_type == "markdown") for c in cells]


def _order(course: Course, lesson: str) -> dict[str, int]:
    """{cell id: its place in the notebook}: the gradebook has no order of its own."""
    cells = course.release(lesson).cells
    return {c.metadata.get("nbgrader", {}).get("grade_id", c.id): i for i, c in enumerate(cells)}


def _add_submissions(book: Gradebook, lesson: str, results: dict[str, Result]) -> None:
    for submission in book.assignment_submissions(lesson):
        result = results[submission.student_id]
        result.state = NOT_GRADED
        result.seconds_late = _seconds_late(submission)
        result.penalty = submission.late_submission_penalty


def _seconds_late(submission: SubmittedAssignment) -> float:
    """Seconds past the deadline with its extension; nbgrader's own property fails for an extension of no deadline."""
    if submission.assignment.duedate is None:
        return 0.0
    return float(submission.total_seconds_late)


def _add_points(book: Gradebook, lesson: str, results: dict[str, Result], exercises: list[Exercise]) -> None:
    written = {exercise.name for exercise in exercises if exercise.written}
    for student, cell, score, auto, manual, waits in book.db.execute(_grades_of(book, lesson)):
        result, name = results[student], cell.removeprefix(CHECK_CELL)
        nobody = auto is None and manual is None
        result.points[name] = None if nobody else score
        result.waits = result.waits or waits
        if name not in written and not nobody:
            result.state = GRADED


def _grades_of(book: Gradebook, lesson: str) -> select:
    """One query for the whole class: student, cell, score, automatic and manual score, whether a person is awaited."""
    return (
        select(
            SubmittedAssignment.student_id, BaseCell.name, Grade.score, Grade.auto_score, Grade.manual_score,
            Grade.needs_manual_grade,
        )
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .where(SubmittedAssignment.assignment_id == book.find_assignment(lesson).id)
    )  # fmt: skip


def _add_record(result: Result, record: dict) -> None:
    result.state, result.reasons = record["state"], list(record.get("reasons", []))
    result.suspicions = [suspicion["words"] for suspicion in record.get("suspicions", [])]
    result.diagnoses = record.get("diagnoses") or {}


def _autograded(results: dict[str, Result]) -> set[str]:
    return {student for student, result in results.items() if result.state == GRADED}


def _diagnoses_on_disk(student: str, course: Course, lesson: str) -> dict[str, list[str]]:
    path = course.graded(lesson, student)
    return diagnoses_of(nbformat.read(path, 4)) if path.is_file() else {}
