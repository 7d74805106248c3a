"""nbgrader's side of a course: its configuration, its folders, its preprocessors, its gradebook.

Everything that ends in the gradebook goes through nbgrader's own classes, in one transaction a student, so that
formgrader, feedback and export find what they would find after `nbgrader autograde`.
"""

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import AssignLatePenalties, Execute, NbGraderPreprocessor, SaveAutoGrades
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gancourse.errors import GradingError
from gancourse.grading.guard import AlwaysRunChecks

CONFIG = "nbgrader_config.py"
SAVING = (SaveAutoGrades, AssignLatePenalties)


class Course:
    """The course in a folder, as nbgrader_config.py describes it. Raises GradingError when there is none."""

    def __init__(self, root: Path):
        self.root = root.resolve()
        if not (self.root / CONFIG).is_file():
            raise GradingError(f"{self.root} is no course folder: it has no {CONFIG}. Start in the course's folder.")
        app = NbGrader(log_level=logging.CRITICAL)
        app.load_cwd_config = False  # this course's settings, not those of the folder where the command was typed
        app.initialize([], root=str(self.root))
        self._app, self.folders = app, app.coursedir
        self.db_url, self.course_id = self.folders.db_url, self.folders.course_id

    def lessons(self) -> list[str]:
        """The lessons that were released."""
        return sorted(
            path.parent.name for path in self._path(self.folders.release_directory, ".", "*").parent.glob("*/*.ipynb")
        )

    def release(self, lesson: str) -> NotebookNode:
        """What students were given. Raises GradingError if there is nothing."""
        path = self._path(self.folders.release_directory, ".", lesson) / f"{lesson}.ipynb"
        if not path.is_file():
            known = ", ".join(self.lessons()) or "none"
            raise GradingError(
                f"There is no released lesson {lesson!r} in {self.root} (released: {known}). "
                f"Start in the course's folder; `nbgrader generate_assignment LESSON` releases one."
            )
        return nbformat.read(path, 4)

    def students(self, lesson: str) -> list[str]:
        """Who handed the lesson in. Raises GradingError if nobody did."""
        names = self.handed_in(lesson)
        if not names:
            found = self._path(self.folders.submitted_directory, "*", lesson)
            raise GradingError(
                f"Nobody has handed in {lesson}: there is no folder {found.relative_to(self.root)} in {self.root}. "
                f"`nbgrader collect {lesson}` fetches submissions from the exchange."
            )
        return names

    def handed_in(self, lesson: str) -> list[str]:
        """The students with a folder for the lesson among the submissions, in order."""
        found = self._path(self.folders.submitted_directory, "*", lesson)
        return sorted(
            path.parent.name for path in Path(self.root).glob(str(found.relative_to(self.root))) if path.is_dir()
        )

    def submission(self, lesson: str, student: str) -> Path:
        """The folder that a student handed in."""
        return self._path(self.folders.submitted_directory, student, lesson)

    def require_gradebook(self, lesson: str) -> None:
        """Raises GradingError if the gradebook cannot be opened or does not know the lesson."""
        with self.gradebook(lesson):
            pass

    @contextlib.contextmanager
    def gradebook(self, lesson: str) -> Iterator[Gradebook]:
        """The open gradebook. Raises GradingError if it cannot be opened or does not know the lesson."""
        how = f"`nbgrader generate_assignment {lesson} --force` enters it"
        address = make_url(self.db_url).render_as_string(hide_password=True)
        if self.db_url.startswith("sqlite:///") and not Path(unquote(self.db_url[10:])).is_file():
            raise GradingError(f"There is no gradebook at {address}; {how}.")  # opening it would make an empty one
        try:
            book = Gradebook(self.db_url, self.course_id)
        except (SQLAlchemyError, ImportError) as error:
            raise GradingError(f"The gradebook {address} cannot be opened: {str(error).splitlines()[0]}") from error
        with book:
            try:
                book.find_notebook(lesson, lesson)
            except MissingEntry:
                known = ", ".join(sorted(a.name for a in book.assignments)) or "none"
                raise GradingError(f"The gradebook does not know {lesson} (it knows {known}); {how}.") from None
            yield book

    def graded(self, lesson: str, student: str) -> Path:
        """The notebook as it was graded."""
        return self._path(self.folders.autograded_directory, student, lesson) / f"{lesson}.ipynb"

    def sanitizer(self, lesson: str) -> "Pipeline":
        """nbgrader's steps before a notebook runs: the instructor's checks, with their hidden part, come back."""
        converter = self._converter(Autograde)
        return Pipeline(self, lesson, converter, [*converter.sanitize_preprocessors, AlwaysRunChecks])

    def finisher(self, lesson: str) -> "Pipeline":
        """nbgrader's steps after a notebook has run, up to the gradebook."""
        converter = self._converter(Autograde)
        without = (Execute, AlwaysRunChecks, *SAVING)
        return Pipeline(self, lesson, converter, [s for s in converter.autograde_preprocessors if s not in without])

    def merge(self, lesson: str, student: str, notebook: NotebookNode, tampered: bool) -> dict[str, float]:
        """Enter an executed notebook into the gradebook and into autograded/, as nbgrader does. Returns the points.

        One transaction: all of it or nothing. What a person has entered by hand stays. Doing it twice changes nothing.
        """
        self._write_autograded(lesson, student, notebook)
        with _together(self.db_url, self.course_id) as book:
            timestamp = self._timestamp(lesson, student)
            book.update_or_create_student(student)
            given = {"timestamp": timestamp} if timestamp else {}
            book.update_or_create_submission(lesson, student, **given)
            converter = self._converter(Autograde)
            steps = [step for step in converter.autograde_preprocessors if step in SAVING]
            Pipeline(self, lesson, converter, steps)(student, notebook)
            entry = book.find_submission_notebook(lesson, lesson, student)
            if tampered:
                for grade in entry.grades:
                    grade.needs_manual_grade = True
            return {grade.name: float(grade.auto_score or 0.0) for grade in entry.grades}

    def _timestamp(self, lesson: str, student: str) -> datetime | None:
        """When it was handed in, from nbgrader's timestamp.txt; None if there is none that can be read."""
        try:
            text = (self.submission(lesson, student) / "timestamp.txt").read_text(encoding="utf-8")[:100].strip()
            return utils.parse_utc(text) if text else None
        except (OSError, ValueError, OverflowError):
            return None

    def feedback(self, lesson: str, students: list[str]) -> None:
        """Write nbgrader's feedback pages for the given students, in this process."""
        self.folders.assignment_id = lesson
        for student in ["*"] if set(students) == set(self.students(lesson)) else students:
            self.folders.student_id = student
            converter = self._converter(GenerateFeedback)
            converter.force = True
            converter.start()

    def _write_autograded(self, lesson: str, student: str, notebook: NotebookNode) -> None:
        target = self._path(self.folders.autograded_directory, student, lesson)
        making = target.with_name(f".{target.name}.writing")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for source in (self.submission(lesson, student), self._path(self.folders.source_directory, ".", lesson)):
            _copy_plain_files(source, making, self.folders.ignore)
        (making / f"{lesson}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        if target.exists():
            utils.rmtree(str(target))
        os.replace(making, target)

    def _converter(self, kind: type) -> Autograde | GenerateFeedback:
        return kind(coursedir=self.folders, parent=self._app)

    def _path(self, step: str, student: str, lesson: str) -> Path:
        return Path(os.path.normpath(self.folders.format_path(step, student, lesson)))


class Pipeline:
    """A list of nbgrader's preprocessors, configured as the course has them, for one lesson."""

    def __init__(self, course: Course, lesson: str, converter: Autograde, steps: list[type[NbGraderPreprocessor]]):
        self._steps = [step(parent=converter) for step in steps]
        self._resources = {"assignment": lesson, "notebook": lesson, "db_url": course.db_url}

    def __call__(self, student: str, notebook: NotebookNode) -> NotebookNode:
        """The notebook after all steps."""
        resources = {"nbgrader": {"student": student, **self._resources}, "unique_key": self._resources["notebook"]}
        for step in self._steps:
            notebook, resources = step(notebook, resources)
        return notebook


@contextlib.contextmanager
def _together(db_url: str, course_id: str) -> Iterator[Gradebook]:
    """A gradebook in which all that nbgrader does until the end of the block is one transaction.

    nbgrader's preprocessors open a gradebook of their own and commit after every cell; meanwhile they get this one.
    """
    book = Gradebook(db_url, course_id)
    commit, close = book.db.commit, book.close
    book.db.commit, book.close = book.db.flush, lambda: None
    homes = [sys.modules[step.__module__] for step in SAVING]
    try:
        for home in homes:
            home.Gradebook = lambda *_, **__: book
        yield book
        commit()
    finally:
        for home in homes:
            home.Gradebook = Gradebook
        close()


def _copy_plain_files(source: Path, target: Path, ignore: list[str]) -> None:
    """Everything beside the notebooks, as nbgrader copies it, but no links: they could point anywhere."""
    for name in utils.find_all_files(str(source), [*ignore, "*.ipynb"]):
        if not os.path.islink(name) and os.path.isfile(name):
            copy = target / os.path.relpath(name, source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(name, copy)
