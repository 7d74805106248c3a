"""The passport as a file for somebody else: JSON, CSV, or a page."""

import csv
import html
import io
import json
from pathlib import Path

from gancourse.errors import PassportError
from gancourse.files import replace_atomically
from gancourse.passport.progress import Progress, Row, summary
from gancourse.passport.syllabus import syllabus

COLUMNS = ("lesson", "exercise", "title", "state", "points", "of", "tries", "passed", "worth redoing")
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Progress in gancourse</title>
<style>body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto }} table {{ border-collapse: collapse }}
th, td {{ border-bottom: 1px solid #767676; padding: 0.2em 0.6em; text-align: left }}</style></head>
<body>
<h1>Progress in gancourse</h1>
{lessons}
</body>
</html>
"""


def export(progress: Progress, path: Path) -> None:
    """Write all exercises; the name's ending chooses the form. Raises PassportError for another ending."""
    forms = {".json": as_json, ".csv": as_csv, ".html": as_html}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise PassportError(f"{path} ends in none of {', '.join(forms)}: the ending says what to write.")
    text = form(progress)
    try:
        replace_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))
    except OSError as error:
        raise PassportError(f"{path} could not be written: {error}. Choose another place.") from error


def as_json(progress: Progress) -> str:
    """A list of exercises, each with the columns as keys."""
    rows = [dict(zip(COLUMNS, _values(row), strict=True)) for row in progress.rows]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def as_csv(progress: Progress) -> str:
    """A header, then a line an exercise."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *map(_values, progress.rows)])
    return out.getvalue()


def as_html(progress: Progress) -> str:
    """A page that stands alone: a heading and a table a lesson."""
    parts = []
    for lesson in syllabus():
        rows = progress.of(lesson)
        head = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS[1:])
        body = "\n".join(f"<tr>{_cells(row)}</tr>" for row in rows)
        parts.append(f"<h2>{html.escape(lesson.title)}</h2>\n<p>{summary(rows)}</p>")
        parts.append(f"<table>\n<tr>{head}</tr>\n{body}\n</table>")
    return PAGE.format(lessons="\n".join(parts))


def _values(row: Row) -> tuple:
    entry = row.entry
    known = (entry.points, entry.of, entry.tries, _day(entry.passed)) if entry else (0.0, row.task.points, 0, "")
    return row.lesson.name, row.task.function, row.task.title, row.state or "open", *known, row.redo


def _day(time: str | None) -> str:
    return time[:10] if time else ""


def _cells(row: Row) -> str:
    return "".join(f"<td>{html.escape(str(value))}</td>" for value in _values(row)[1:])
