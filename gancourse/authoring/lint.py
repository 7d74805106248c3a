"""The lint of exercises: each of them owes the same things, and one that lacks any is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext

from gancourse.authoring.answers import ANSWERS, Answer, collect_answers
from gancourse.authoring.project import SOLUTIONS
from gancourse.checks.core import EXERCISES, load_lessons

HEADING = re.compile(
    r"^### Exercise (?P<number>\d+\.\d+) · (?P<title>.+)   "
    r"(?P<dots>[●○]{3}) · (?P<minutes>\d+) min · (?P<points>\d+) points?$"
)
MIN_WRONG, MIN_RIGHT = 5, 3


@dataclass
class Found:
    """What a lesson's text says of one exercise."""

    name: str
    heading: re.Match | None = None
    hint: bool = False
    stub: str = ""
    check_points: int | None = None
    used_next: bool = False


def lint_course(solutions: Path = SOLUTIONS, answers: Path = ANSWERS) -> list[str]:
    """What is missing, a sentence each; empty when nothing is."""
    load_lessons()
    collected = collect_answers(answers)
    problems = []
    for path in sorted(solutions.glob("[0-9][0-9]_*.py")):
        for found in exercises_of(path):
            problems += [
                f"{path.stem}, {found.name}: {problem}" for problem in lint_exercise(path.stem, found, collected)
            ]
    return problems


def exercises_of(path: Path) -> list[Found]:
    """The graded functions of a lesson, with the markdown before, the stub, the check and the cell after each."""
    cells = jupytext.read(path, fmt="py:percent").cells
    exercises: dict[str, Found] = {}
    text = ""
    for i, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            text = cell.source
        elif "answer" in cell.metadata:
            headings = [found for line in text.splitlines() if (found := HEADING.match(line))]
            name = cell.metadata["answer"]
            exercises[name] = Found(
                name, headings[-1] if headings else None, "<summary>Hint</summary>" in text, cell.source
            )
        elif "check" in cell.metadata:
            found = exercises.setdefault(cell.metadata["check"], Found(cell.metadata["check"]))
            found.check_points = cell.metadata.get("points")
            found.used_next = any(found.name in later.source for later in cells[i + 1 :] if later.cell_type == "code")
    return list(exercises.values())


def lint_exercise(lesson: str, found: Found, answers: list[Answer]) -> Iterator[str]:
    """What one exercise lacks."""
    yield from _lint_text(found)
    yield from _lint_stub(found)
    yield from _lint_check(lesson, found)
    yield from _lint_answers(lesson, found, answers)


def _lint_text(found: Found) -> Iterator[str]:
    if found.heading is None:
        yield "no statement headed `### Exercise N.M · Title   ●○○ · 5 min · 1 point` before the answer cell"
    elif "●" not in found.heading["dots"]:
        yield "no difficulty: fill at least one of the three dots"
    if not found.hint:
        yield "no collapsible hint (`<details><summary>Hint</summary>`) in the statement"
    if not found.used_next:
        yield "the answer is used nowhere after its check"


def _lint_stub(found: Found) -> Iterator[str]:
    if not re.search(rf"^(def|class) {found.name}\b", found.stub, re.MULTILINE):
        yield f"the answer cell defines no `{found.name}`"
    before, _, rest = found.stub.partition("### BEGIN SOLUTION")
    if not rest or "### END SOLUTION" not in rest:
        yield "no reference between ### BEGIN SOLUTION and ### END SOLUTION"
    if '"""' not in before:
        yield "the stub has no docstring outside the solution"


def _lint_check(lesson: str, found: Found) -> Iterator[str]:
    exercise = EXERCISES.get(f"{lesson[:2]}.{found.name}")
    if found.check_points is None:
        yield "no check cell with points"
    if exercise is None:
        yield f"no check {lesson[:2]}.{found.name} is registered in gancourse.checks"
        return
    stated = {int(found.heading["points"]) if found.heading else None, found.check_points, exercise.points}
    if len(stated) > 1:
        yield f"the points differ between statement, check cell and check: {sorted(stated, key=str)}"
    if abs(sum(aspect.share for aspect in exercise.aspects) - 1) > 1e-9:
        yield "the shares of its aspects do not add up to 1"


def _lint_answers(lesson: str, found: Found, answers: list[Answer]) -> Iterator[str]:
    # Like its checks, the answers of a variant are those of its number.
    mine = [a for a in answers if a.lesson[:2] == lesson[:2] and a.exercise == found.name]
    wrong = [a for a in mine if a.says is not None]
    right = len(mine) - len(wrong)
    if len(wrong) < MIN_WRONG:
        yield f"{len(wrong)} wrong answers, {MIN_WRONG} are owed (tests/exercises/{lesson}/wrong.py)"
    if right < MIN_RIGHT:
        yield f"{right} accepted variants, {MIN_RIGHT} are owed (tests/exercises/{lesson}/right.py)"
    if any(not a.says for a in wrong):
        yield "a wrong answer without the diagnosis that it must receive"
