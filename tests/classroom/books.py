"""A small class in a real gradebook, made through nbgrader's API; no notebook is run for it."""

import datetime
import json
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from gancourse.authoring.project import ROOT

LESSON = "01_vanilla_gan"
POINTS = {"sample_noise": 1, "discriminator_loss": 3, "train_step": 4}
WRITTEN = ("what_half_means", 4)
DEADLINE = datetime.datetime(2026, 10, 1, 12)

# What each student has: points in the order of POINTS, then the written answer (None: a person has yet to grade it).
CLASS = {
    "ada": (1, 3, 4, 4.0), "ben": (1, 3, 4, 3.0), "cem": (1, 3, 3.2, 3.0), "dee": (1, 3, 0, 2.0),
    "eli": (1, 0.3, 3.2, 2.0), "fay": (1, 0.3, 0, 1.0), "gus": (1, 0.3, 0, 1.0), "hal": (1, 0, 0, 0.0),
    "ida": (1, 3, 4, None), "jan": (1, 0, 0, None),
}  # fmt: skip
SWAPPED = "that is what the generator wants: the labels are swapped"
HEAD = "{name}   {good} of 3 passed   {points} of {maximum} points{more}"


def course_folder(folder: Path) -> Path:
    """A course folder with nbgrader's settings and the released lessons' first notebook."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "lessons" / LESSON, folder / "lessons" / LESSON)
    return folder


def fill(url: str) -> None:
    """Write the class into the gradebook at a database URL. kim is in the book and handed nothing in."""
    with Gradebook(url, "gancourse") as book:
        book.add_assignment(LESSON, duedate=DEADLINE)
        book.add_notebook(LESSON, LESSON)
        for name, maximum in POINTS.items():
            cell = {"max_score": maximum, "cell_type": "code"}
            book.add_grade_cell(f"check-{name}", LESSON, LESSON, **cell)
        book.add_grade_cell(WRITTEN[0], LESSON, LESSON, max_score=WRITTEN[1], cell_type="markdown")
        book.add_solution_cell(WRITTEN[0], LESSON, LESSON)
        for student, scores in CLASS.items():
            book.add_student(student, first_name=student.title(), last_name="Test")
            _grade(book, student, scores)
        book.add_student("kim", first_name="Kim", last_name='=HYPERLINK("http://x","grade")')


def _grade(book: Gradebook, student: str, scores: tuple) -> None:
    late = datetime.timedelta(minutes=90 if student == "ben" else -5)
    book.add_submission(LESSON, student, timestamp=DEADLINE + late)
    for name, score in zip(POINTS, scores[:-1], strict=True):
        grade = book.find_grade(f"check-{name}", LESSON, LESSON, student)
        grade.auto_score, grade.needs_manual_grade = score, False
    written = book.find_grade(WRITTEN[0], LESSON, LESSON, student)
    written.manual_score, written.needs_manual_grade = scores[-1], scores[-1] is None
    book.find_submission_notebook(LESSON, LESSON, student).late_submission_penalty = 1.0 if student == "ben" else None
    book.db.commit()


def check_cell(exercise: str, *printed: str) -> dict:
    """A graded check cell with what it printed."""
    cell = new_code_cell(metadata={"nbgrader": {"grade_id": f"check-{exercise}", "grade": True, "points": 3}})
    cell.outputs = [new_output("stream", name="stdout", text=text + "\n") for text in printed]
    return cell


def autograded(folder: Path, student: str, cells: list) -> None:
    """A graded notebook where nbgrader puts it."""
    path = folder / "autograded" / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)


def record(folder: Path, student: str, state: str, **more) -> None:
    """A record of `gancourse grade`."""
    path = folder / "grading" / LESSON / f"{student}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"student": student, "lesson": LESSON, "state": state} | more))
