"""The answers of a class in folders that JPlag and MOSS read. Compares nothing; nothing leaves the machine."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gancourse.errors import GradingError
from gancourse.grading.course import Course
from gancourse.grading.journal import write_atomically

_MAGIC = re.compile(r"^(\s*)([%!])", re.MULTILINE)


@dataclass
class Export:
    """What was written where. left_out: what could not be, in words, for a person to look at."""

    code: Path
    base: Path
    written: Path
    students: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def export_answers(course_folder: Path, lesson: str, out: Path) -> Export:
    """Write OUT/submissions/STUDENT/EXERCISE.py, OUT/base/EXERCISE.py (the stubs) and OUT/written/STUDENT/EXERCISE.txt.

    The answers are those of autograded/ where it has the student (its cells are repaired), else of submitted/. An
    answer that Python cannot parse is left out and named: JPlag refuses the whole submission for it. Raises
    GradingError when OUT is not empty, or no one handed in.
    """
    course = Course(course_folder)
    if out.exists() and any(out.iterdir()):
        raise GradingError(f"{out} is not empty. Nothing was written; choose another folder with --out.")
    students, stubs = course.students(lesson), answers(course.release(lesson))
    export = Export(out / "submissions", out / "base", out / "written")
    _write_code(export, export.base, stubs)
    for student in students:
        _export_student(export, student, lesson, stubs, course)
    return export


def answers(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """{exercise: cell} of the cells that a student fills in."""
    known = [(cell.metadata.get("nbgrader", {}), cell) for cell in notebook.cells]
    return {marks["grade_id"]: cell for marks, cell in known if marks.get("solution")}


def _export_student(export: Export, student: str, lesson: str, stubs: dict[str, NotebookNode], course: Course) -> None:
    places = [course.graded(lesson, student).parent, course.submission(lesson, student)]
    notebook = next((found for place in places if (found := _read(place, lesson)) is not None), None)
    given = {name: cell for name, cell in answers(notebook).items() if name in stubs} if notebook else {}
    if not given:
        export.left_out.append(f"{student}: no notebook with the lesson's answers can be read")
        return
    export.students.append(student)
    for name in _write_code(export, export.code / student, given):
        export.left_out.append(f"{student}: {name} is not Python")
    for name, cell in given.items():
        if cell.cell_type == "markdown" and cell.source != stubs[name].source:
            write_atomically(export.written / student / f"{name}.txt", cell.source + "\n")


def _read(folder: Path, lesson: str) -> NotebookNode | None:
    """The notebook in a folder: the one with the lesson's name, else the only one, else None."""
    paths = sorted(folder.glob("*.ipynb"))
    named = [path for path in paths if path.stem == lesson] or (paths if len(paths) == 1 else [])
    try:
        return nbformat.read(named[0], 4) if named else None
    except Exception:  # whatever a student's file makes of nbformat
        return None


def _write_code(export: Export, folder: Path, cells: dict[str, NotebookNode]) -> list[str]:
    """Write each code answer to a file of its own; returns the names of those that are not Python."""
    refused = []
    for name, cell in cells.items():
        if cell.cell_type == "code":
            source = _MAGIC.sub(r"\1# \2", cell.source) + "\n"
            if _is_python(source):
                write_atomically(folder / f"{name}.py", source)
            else:
                refused.append(name)
    return refused


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
