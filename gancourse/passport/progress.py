"""What a passport says: what is done, what was tried, what is worth redoing, and what comes next."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gancourse.errors import PassportError
from gancourse.passport.keep import Entry, graded, read
from gancourse.passport.syllabus import Lesson, Task, syllabus

MANY_TRIES = 5
LONG_AGO = timedelta(days=30)


@dataclass(frozen=True)
class Row:
    """One exercise. state: "passed", "tried" or ""; redo: why it is worth doing once more, empty if it is not."""

    lesson: Lesson
    task: Task
    entry: Entry | None
    state: str
    redo: str


@dataclass(frozen=True)
class Progress:
    """All exercises of the course beside what is known of them. note: what must be said of the file."""

    rows: tuple[Row, ...]
    note: str = ""

    @classmethod
    def now(cls, now: datetime | None = None) -> "Progress":
        """As the passport has it. Raises PassportError when that cannot be read."""
        entries, note = read()
        moment = now or datetime.now(UTC)
        rows = [_row(lesson, task, entries.get(task.name), moment) for lesson in syllabus() for task in lesson.tasks]
        return cls(tuple(rows), note)

    def of(self, lesson: Lesson) -> list[Row]:
        return [row for row in self.rows if row.lesson == lesson]

    def done(self, lesson: Lesson) -> bool:
        return all(row.state == "passed" for row in self.of(lesson))

    def next_lesson(self, after: Lesson | None = None) -> Lesson | None:
        """The first lesson with something left to pass, looked for from `after` on; None when all is passed."""
        lessons = list(syllabus())
        start = lessons.index(after) if after in lessons else 0
        return next((lesson for lesson in lessons[start:] + lessons[:start] if not self.done(lesson)), None)


def _row(lesson: Lesson, task: Task, entry: Entry | None, now: datetime) -> Row:
    if entry is None:
        return Row(lesson, task, None, "", "")
    return Row(lesson, task, entry, "passed" if entry.passed else "tried", _worth_redoing(entry, now))


def _worth_redoing(entry: Entry, now: datetime) -> str:
    """Passed, but it broke since, or was passed long ago, or was hard and has not been done again on another day."""
    if entry.passed is None:
        return ""
    if not entry.holds:
        return "its last check failed"
    age = now - datetime.fromisoformat(entry.passed)
    if age > LONG_AGO:
        return f"passed {age.days} days ago"
    hard = entry.tries >= MANY_TRIES and entry.days == 1 and now.date() > datetime.fromisoformat(entry.passed).date()
    return f"took {entry.tries} tries" if hard else ""


def passed(rows: list[Row]) -> str:
    """Like "5 of 7"."""
    return f"{sum(row.state == 'passed' for row in rows)} of {len(rows)}"


def points(rows: list[Row]) -> str:
    """The best so far, like "10.5 of 16"."""
    found = sum(row.entry.points for row in rows if row.entry)
    return f"{found:g} of {sum(row.task.points for row in rows)}"


def summary(rows: list[Row]) -> str:
    """Like "5 of 7 exercises passed, 10.5 of 16 points"."""
    return f"{passed(rows)} exercises passed, {points(rows)} points"


def tried(rows: list[Row]) -> list[str]:
    """What was tried and not passed, each with its points."""
    return [f"{r.task.function} ({r.entry.points:g} of {r.task.points})" for r in rows if r.state == "tried"]


def redo(rows: list[Row]) -> list[str]:
    """What is worth redoing, each with the reason."""
    return [f"{row.task.function} ({row.redo})" for row in rows if row.redo]


def show_progress(lesson: str) -> None:
    """Print how far this lesson is, like "01", and what comes next. Says nothing while a class is graded."""
    if graded():
        return
    here = next((found for found in syllabus() if found.number == lesson[:2]), None)
    try:
        progress = Progress.now()
    except PassportError as error:
        print(error)
        return
    for line in _lines(progress, here):
        print(line)


def _lines(progress: Progress, here: Lesson | None) -> list[str]:
    lines = [progress.note] if progress.note else []
    if here:
        rows = progress.of(here)
        lines.append(f"{here.title}: {summary(rows)}.")
        lists = {
            "tried, not passed": tried(rows),
            "not tried": [row.task.function for row in rows if not row.state],
            "worth redoing": redo(rows),
        }
        lines += [f"  {what}: {', '.join(names)}" for what, names in lists.items() if names]
    coming = progress.next_lesson(here)
    if coming is None:
        lines.append("Every exercise of the course is passed.")
    elif coming != here:
        lines.append(f"Next: {coming.title}, {coming.notebook}")
    return lines
