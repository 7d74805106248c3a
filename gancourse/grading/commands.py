"""`gancourse class`: what surrounds grading and nbgrader has no command for. Imports nbgrader only when one is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from gancourse.grading.results import Result

class_app = typer.Typer(help="Look at a class: who stands where, statistics, export for JPlag.", no_args_is_help=True)
console = Console()

Lesson = Annotated[str, typer.Argument(help="The lesson, like 01_vanilla_gan.")]
Course = Annotated[Path, typer.Option(help="The course folder, with nbgrader_config.py.")]


@class_app.command()
def status(lesson: Lesson, course: Course = Path()) -> None:
    """Who handed in, who is graded, whom a person must still grade, and what went wrong."""
    from gancourse.grading.results import read_results

    results = read_results(course, lesson)
    table = Table("student", "state", "points", "late", "to do")
    for result in results.students:
        table.add_row(*(escape(text) for text in _status_row(result, results.points)))
    console.print(table)


def _status_row(result: "Result", maximum: float) -> list[str]:
    known = any(points is not None for points in result.points.values())
    points = f"{result.total:g} of {maximum:g}" if known else ""
    late = f"{result.seconds_late / 3600:.1f} h" if result.seconds_late else ""
    return [result.student, result.state, points, late, _to_do(result)]


def _to_do(result: "Result") -> str:
    """What a person must still do, then what grading remarked."""
    remarks = [] if result.state == "graded" else result.reasons
    todo = ["grade"] if result.state == "not graded" else ["grade by hand in formgrader"] if result.waits else []
    return "; ".join(dict.fromkeys([*todo, *remarks, *(f"look at: {words}" for words in result.suspicions)]))


@class_app.command()
def statistics(lesson: Lesson, course: Course = Path()) -> None:
    """Write statistics.html (a page to read in a minute) and grades.csv (for the registrar)."""
    from gancourse.grading.page import write_statistics

    page, table = write_statistics(course, lesson)
    console.print(f"Open [bold]{escape(str(page))}[/bold]. The table is {escape(str(table))}.", soft_wrap=True)


@class_app.command()
def plagiarism(
    lesson: Lesson,
    out: Annotated[Path, typer.Option(help="A new folder for the answers.")],
    course: Course = Path(),
) -> None:
    """Write the answers of the class in the folders that JPlag and MOSS read. Compares nothing itself."""
    from gancourse.grading.plagiarism import export_answers

    export = export_answers(course, lesson, out)
    for words in export.left_out:
        console.print(f"left out: {words}", markup=False, highlight=False)
    console.print(
        f"{len(export.students)} students. JPlag: java -jar jplag.jar -l python3 -bc {export.base} {export.code}\n"
        f"MOSS: moss -l python -d $(printf -- '-b %s ' {export.base}/*.py) {export.code}/*/*.py",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
