"""Grades as a table for those who keep the books: one row a student, safe to open in a spreadsheet."""

import csv
import io

from gancourse.grading.results import ClassResults, Result

# A spreadsheet runs a cell that begins so as a formula (OWASP, "CSV injection"), and a name is a student's text.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def grades_csv(results: ClassResults) -> str:
    """The table as CSV: who, the points of each exercise, total, maximum, lateness, state.

    Empty where there is no grade. `total` is the points less the penalty for lateness; `state` is "incomplete" while a
    person has yet to grade an answer, else as in Result.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    exercises = [exercise.name for exercise in results.exercises]
    table.writerow(
        ["student_id", "last_name", "first_name", *exercises, "total", "maximum", "minutes_late", "penalty", "state"]
    )
    for result in results.students:
        table.writerow(_row(result, exercises, results.points))
    return text.getvalue()


def _row(result: Result, exercises: list[str], maximum: float) -> list[str]:
    who = [harmless(text) for text in (result.student, result.last_name, result.first_name)]
    points = ["" if (p := result.points.get(name)) is None else _number(p) for name in exercises]
    late = _number(round(result.seconds_late / 60, 1))
    return [*who, *points, _number(result.total), _number(maximum), late, _number(result.penalty), _state(result)]


def harmless(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _number(value: float) -> str:
    """Up to four decimals, without an exponent and without trailing zeros."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _state(result: Result) -> str:
    return "incomplete" if result.state == "graded" and result.waits else result.state
