"""What an instructor sees of a run: a bar with the time that is left, and one table at its end."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from gancourse.errors import GradingError
from gancourse.grading.grade import Options, grade, with_seconds
from gancourse.grading.journal import Record
from gancourse.grading.parts import Part
from gancourse.grading.sandbox import Limits

UNSAFE = "Student code runs with your rights: it can read, change and send whatever you can."


def grade_with_progress(
    root: Path,
    lesson: str,
    jobs: int,
    students: tuple[str, ...],
    resume: bool,
    unsafe: bool,
    timeout: float,
    part: Part,
    console: Console,
) -> None:
    """Grade, show how far it is, then a table. Raises GradingError for what only the instructor can mend."""
    if jobs < 0:
        raise GradingError(f"--jobs must be at least 1, or 0 for as many as fit, but is {jobs}.")
    if unsafe:
        console.print(f"[bold red]Unsafe.[/bold red] {UNSAFE}")
    options = Options(jobs, students, resume, unsafe, with_seconds(Limits(), timeout), part=part)
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(lesson, total=None)

        def show(done: int, count: int, record: Record) -> None:
            bar.update(task, completed=done, total=count, description=f"{lesson}  {escape(record.student)}")

        records = grade(root, lesson, options, show)
    console.print(table_of(records))
    if not part.whole:
        console.print(
            f"Part {part}: {len(records)} students, recorded in grading/{lesson}/. When every part is done, "
            f"`gancourse grade {lesson} --resume` enters them into the gradebook."
        )
        return
    console.print(f"Feedback is in feedback/. Statistics, grades and each student's record are in grading/{lesson}/.")


def table_of(records: list[Record]) -> Table:
    """A row for each student: points, state, and why something was not as it should be."""
    table = Table("student", "points", "state", "what happened")
    for record in records:
        happened = [*record.reasons, *(f"repaired: {note['kind']}" for note in record.notes)]
        happened += [f"look at: {suspicion['words']}" for suspicion in record.suspicions]
        words = "; ".join(dict.fromkeys(happened))
        total = f"{sum(record.points.values()):g}" if record.points else ""  # a part has none yet
        table.add_row(escape(record.student), total, record.state, escape(words[:300]))
    return table
