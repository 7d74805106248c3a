"""Feedback of a class that gives every wrong answer of a lesson once: it names the mistake and shows no hidden test."""

import shutil
from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest
from class_of import notebook_of
from corpus import LESSON, full_points
from corpus.notebooks import as_file, short, source
from courses import hand_in
from feedback import hidden_text_on, words_of
from repository.rehearsal import FULL
from variants import variants

from gancourse.grading import sandbox
from gancourse.grading.grade import Options, grade

SOURCE = source()


def wrong_students() -> dict[str, dict]:
    """{student: {exercise: wrong answer}}: the first takes the first wrong answer of each exercise, and so on."""
    by_exercise = [[v for v in variants(LESSON) if v.exercise == e and v.says] for e in full_points(LESSON)]
    rows = zip_longest(*by_exercise)
    return {f"wrong{i:02d}": {v.exercise: v for v in row if v is not None} for i, row in enumerate(rows)}


def test_every_wrong_answer_has_its_student():
    given = [variant for answers in wrong_students().values() for variant in answers.values()]
    assert len(given) == len(set(given)) == sum(v.says is not None for v in variants(LESSON)) > 50


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ('<p>check("01.sample_noise", sample_noise)</p>', False),
        ('<span>check</span>(<span>&quot;01.sample_noise&quot;</span>, sample_noise, hidden<b>=</b>True)', True),
        ('<img alt="check(&#34;01.sample_noise&#34;,sample_noise,hidden=True)">', True),
        ("### BEGIN HIDDEN TESTS", True),
    ],
)  # fmt: skip
def test_the_search_sees_hidden_text_in_any_dress(page, shown):
    assert bool(hidden_text_on(page, SOURCE)) == shown


@pytest.mark.slow
@pytest.mark.skipif(bool(sandbox.available()), reason=f"no sandbox here: {sandbox.available()}")
def test_feedback_of_every_wrong_answer(blank_short_course, tmp_path):
    """Of every third student, and with GANCOURSE_FULL=1 of all; test_rates compares the words of all checks."""
    course = Path(shutil.copytree(blank_short_course, tmp_path / "course"))
    students = dict(list(wrong_students().items())[:: 1 if FULL else 3])
    for name, answers in students.items():
        whole = nbformat.reads(notebook_of(answers).decode(), 4)
        hand_in(course, name, {f"{LESSON}.ipynb": as_file(short(whole))})
    grade(course, LESSON, Options(jobs=1))
    silent = []
    for name, answers in students.items():
        page = (course / "feedback" / name / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
        assert hidden_text_on(page, SOURCE) == [], name
        words = words_of(page).lower()
        silent += [v.name for v in answers.values() if " ".join(v.says.lower().split()) not in words]
    assert silent == []
