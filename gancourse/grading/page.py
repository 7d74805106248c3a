"""The page about a lesson that an instructor reads in a minute, and the files that go with it."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader

from gancourse.grading.journal import Journal, write_atomically
from gancourse.grading.plots import difficulty_against_discrimination, totals_histogram
from gancourse.grading.registrar import grades_csv
from gancourse.grading.results import GRADED, MISSING, read_results
from gancourse.grading.statistics import Diagnosis, LessonStatistics, lesson_statistics

PAGE, TABLE = "statistics.html", "grades.csv"


def write_statistics(course_folder: Path, lesson: str) -> list[Path]:
    """Write grading/LESSON/statistics.html and grades.csv in a course folder; returns their paths.

    Reads gradebook and records, changes neither. Raises GradingError when there is no course, gradebook or lesson.
    """
    found = lesson_statistics(read_results(course_folder, lesson))
    folder = Journal(course_folder, lesson).folder
    written = {folder / PAGE: statistics_page(found), folder / TABLE: grades_csv(found.results)}
    for path, text in written.items():
        write_atomically(path, text)
    return list(written)


def statistics_page(found: LessonStatistics) -> str:
    """The page as HTML that needs no network. What students wrote is escaped."""
    template = Environment(loader=PackageLoader("gancourse.grading", "."), autoescape=True, trim_blocks=True)
    compared = any(e.discrimination is not None for e in found.exercises)
    return template.get_template(PAGE).render(
        found=found,
        lesson=found.results.lesson,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sentences=_sentences(found),
        histogram=totals_histogram(found) if found.totals else "",
        scatter=difficulty_against_discrimination(found) if compared else "",
        trouble=[r for r in found.results.students if r.suspicions or r.state not in (GRADED, MISSING)],
        names={r.student: f"{r.first_name} {r.last_name}".strip() for r in found.results.students},
    )


def _sentences(found: LessonStatistics) -> list[str]:
    """What to know first."""
    said = [", ".join(f"{n} {state}" for state, n in found.states.items()) or "no students", _totals(found)]
    known = [e for e in found.exercises if e.share is not None]
    if known:
        hardest = min(known, key=lambda e: e.share)
        said.append(f"Hardest: {hardest.exercise.name}, with {hardest.share:.0%} of its points.")
    said.append(_most_frequent(found.diagnoses))
    weak = [e.exercise.name for e in found.exercises if e.weak]
    if weak:
        said.append(f"Look at {', '.join(weak)}: who does well elsewhere hardly does better there.")
    waiting = sum(result.waits for result in found.results.graded)
    if waiting:
        said.append(f"{waiting} wait for a person in formgrader; totals will rise.")
    return [sentence for sentence in said if sentence]


def _totals(found: LessonStatistics) -> str:
    if not found.totals:
        return "Nobody has a grade yet."
    return f"Mean {found.mean:.1f} and median {found.median:.1f} of {found.results.points:g} points."


def _most_frequent(diagnoses: list[Diagnosis]) -> str:
    if not diagnoses or diagnoses[0].blank:
        return ""
    first = diagnoses[0]
    return f"Most frequent mistake, {len(first.students)} students, {first.exercise}: {first.words}."
