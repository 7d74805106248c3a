"""A class of generated students: right answers in many styles, wrong ones, blanks, and damage to one file in three.

class_of(100, seed=1) is the same class on every machine; expected_points says what each of them must get, computed by
the checks themselves from the undamaged answers.
"""

import random
from dataclasses import dataclass
from functools import cache

import nbformat
from corpus import CASES, LESSON, released
from corpus.notebooks import WORDS, full_points, is_answer, references
from variants import Variant, variants

# Damage that hits any answers alike; the other cases of the corpus bring answers of their own.
DAMAGE = (
    "deleted_check", "deleted_every_check", "deleted_prose", "deleted_setup_and_imports", "only_answers_left",
    "copied_check", "copied_answer", "copied_everything", "merged_with_its_check", "merged_into_the_statement",
    "reversed_order", "shuffled", "answers_at_the_end", "answers_as_markdown", "answers_as_raw", "checks_as_markdown",
    "everything_as_raw", "points_edited", "checks_tagged_as_training", "own_cell_claims_points", "no_ids",
    "no_grade_marks", "colab", "vs_code", "wrong_kernel", "format_3", "lines_without_line_ends", "forged_outputs",
    "null_metadata_and_strange_cells", "browser_copy", "renamed", "zipped", "byte_order_mark", "utf_16", "zero_bytes",
    "windows_line_ends", "cut_after_the_answers", "missing_comma", "trailing_comma", "garbage_at_the_end",
    "written_twice", "json_in_a_string", "percent_script", "script_of_colab",
)  # fmt: skip


@dataclass(frozen=True)
class Student:
    """A submission. files: {relative name: bytes}; answers: exercise to variant, None for a blank; damage: a case."""

    name: str
    lesson: str
    files: dict[str, bytes]
    answers: dict[str, Variant | None]
    damage: str | None


def class_of(count: int, seed: int = 0, lesson: str = LESSON, damaged: float = 1 / 3) -> list[Student]:
    """`count` students, each with a skill of their own. damaged: the share of damaged files (lesson 1 only)."""
    generator = random.Random(f"{lesson} {seed}")
    return [_student(f"student{i:03d}", lesson, generator, damaged) for i in range(count)]


def _student(name: str, lesson: str, generator: random.Random, damaged: float) -> Student:
    skill = generator.random()
    answers = {exercise: _answer(exercise, lesson, skill, generator) for exercise in full_points(lesson)}
    files = {f"{lesson}.ipynb": notebook_of(answers, lesson)}
    damage = generator.choice(DAMAGE) if lesson == LESSON and generator.random() < damaged else None
    if damage:
        files = CASES[damage].make(files[f"{lesson}.ipynb"])
    return Student(name, lesson, files, answers, damage)


def _answer(exercise: str, lesson: str, skill: float, generator: random.Random) -> Variant | None:
    mine = [v for v in variants(lesson) if v.exercise == exercise]
    right, wrong = [v for v in mine if v.says is None], [v for v in mine if v.says is not None]
    drawn = generator.random()
    if drawn < 0.1 * (1 - skill):
        return None
    return generator.choice(right if drawn < 0.1 + 0.9 * skill else wrong)


def notebook_of(answers: dict[str, Variant | None], lesson: str = LESSON) -> bytes:
    """The fetched lesson with these answers typed in, and some words."""
    notebook = released(lesson)
    for cell in notebook.cells:
        if is_answer(cell):
            answer = answers.get(cell.metadata.nbgrader.grade_id)
            cell.source = WORDS if cell.cell_type == "markdown" else answer.text if answer else cell.source
    return nbformat.writes(notebook, indent=1).encode()


def expected_points(student: Student) -> dict[str, float]:
    """Exercise to points, by the checks with their hidden part. Imports torch."""
    return {
        exercise: points_of(student.lesson, answer) if answer else 0.0 for exercise, answer in student.answers.items()
    }


@cache
def points_of(lesson: str, answer: Variant) -> float:
    """What the check gives for an answer that stands below the lesson's imports and right earlier answers.

    Earlier answers do not matter, except that they are there: checks put right ones in their place.
    """
    from gancourse.checks import report

    imports = next(cell.source for cell in released(lesson).cells if "import torch" in cell.source)
    scope: dict = {}
    for text in (imports, *(references(lesson)[name] for name in full_points(lesson)), answer.text):
        exec(compile(text, answer.name, "exec"), scope)
    return report(f"{lesson[:2]}.{answer.exercise}", scope[answer.exercise], hidden=True).points
