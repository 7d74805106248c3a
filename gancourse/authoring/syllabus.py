"""The list of what there is to pass, which the package carries: a learner's machine has no text of the lessons."""

import json

from gancourse.authoring.lint import exercises_of
from gancourse.authoring.project import SOLUTIONS, lesson_names, lesson_title
from gancourse.passport.syllabus import SYLLABUS


def syllabus_text() -> str:
    """Lessons and checked exercises as the lessons' text has them, as JSON."""
    return json.dumps([_lesson(name) for name in lesson_names()], indent=1, ensure_ascii=False) + "\n"


def write_syllabus() -> None:
    """Renew the package's list."""
    SYLLABUS.write_text(syllabus_text(), encoding="utf-8")


def _lesson(name: str) -> dict:
    path = SOLUTIONS / f"{name}.py"
    tasks = [
        {
            "name": f"{name[:2]}.{found.name}",
            "number": found.heading["number"] if found.heading else "",
            "title": found.heading["title"] if found.heading else found.name,
            "points": found.check_points,
        }
        for found in exercises_of(path)
    ]
    return {"name": name, "title": lesson_title(name), "tasks": tasks}
