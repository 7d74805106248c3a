"""A course folder as nbgrader sees it: the directories and the gradebook that its nbgrader_config.py names."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gancourse.errors import GradingError

CONFIG = "nbgrader_config.py"
RECORDS = "grading"


def open_course(folder: Path) -> CourseDirectory:
    """nbgrader's own view of a course folder. Raises GradingError when there is no course."""
    folder = folder.resolve()
    if not (folder / CONFIG).is_file():
        raise GradingError(
            f"{folder} is no course folder: it has no {CONFIG}. Start in the folder of the course, or name it by "
            "--course FOLDER."
        )
    app = NbGrader(log_level=logging.ERROR)
    app.load_cwd_config = False  # this course's settings, not those of the folder where the command was typed
    app.initialize([], root=str(folder))
    return app.coursedir


@contextmanager
def gradebook_of(course: CourseDirectory, lesson: str) -> Iterator[Gradebook]:
    """The open gradebook. Raises GradingError when it cannot be opened or does not know the lesson."""
    make = f"Make it with `nbgrader generate_assignment {lesson}`."
    file = course.db_url.removeprefix("sqlite:///")
    if file != course.db_url and not Path(file).is_file():  # opening it would make an empty one
        raise GradingError(f"There is no gradebook at {file} yet. {make}")
    try:
        book = Gradebook(course.db_url, course.course_id)
    except (SQLAlchemyError, ImportError) as error:
        raise GradingError(f"The gradebook {_address(course.db_url)} cannot be opened: {_first_line(error)}") from error
    with book:
        try:
            book.find_assignment(lesson)
        except MissingEntry:
            known = ", ".join(sorted(a.name for a in book.assignments)) or "none"
            raise GradingError(f"The gradebook has no lesson {lesson!r} (lessons: {known}). {make}") from None
        yield book


def records_folder(course: CourseDirectory, lesson: str) -> Path:
    """Where grading writes what nbgrader has no place for: one record a student, statistics."""
    return Path(course.root) / RECORDS / lesson


def _address(url: str) -> str:
    """The URL of a gradebook without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
