"""The generated class: the same for the same seed, its answers survive damage and repair, its points are right."""

import pytest
from class_of import DAMAGE, class_of, expected_points, points_of
from corpus import CASES, LESSON, full_points, released
from corpus.notebooks import ROOT
from variants import variants

from gancourse.grading.repair import repair
from gancourse.grading.slots import slots_of
from gancourse.grading.syntax import is_blank, meaning

LESSONS = sorted(path.name for path in (ROOT / "lessons").iterdir() if path.is_dir())


def test_the_same_seed_gives_the_same_class():
    assert class_of(12, seed=3) == class_of(12, seed=3) != class_of(12, seed=4)


def test_damage_that_is_drawn_costs_nothing():
    for name in DAMAGE:
        assert CASES[name].points == full_points() and not CASES[name].hostile


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_answer_of_the_exercises_is_a_cell_of_its_own(lesson):
    """It compiles and defines the exercise; no answer is lost on the way from the file."""
    found = variants(lesson)
    text = "".join((ROOT / "tests" / "exercises" / lesson / f"{k}.py").read_text() for k in ("right", "wrong"))
    assert len(found) - len(full_points(lesson)) == text.count("\n@right(") + text.count("\n@wrong(")
    for variant in found:
        scope = compile(variant.text, variant.name, "exec")
        assert variant.exercise in scope.co_names


def test_repair_finds_what_every_student_answered(tmp_path):
    stubs = {slot.name: slot.node.source for slot in slots_of(released())}
    for student in class_of(40, seed=5, damaged=1.0):
        folder = tmp_path / student.name / LESSON
        for name, data in student.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        found = {s.name: s.node.source for s in slots_of(repair(folder, released()).notebook) if s.role == "answer"}
        for exercise, answer in student.answers.items():
            if answer is None or is_blank(answer.text, stubs[exercise]):
                assert is_blank(found[exercise], stubs[exercise]), (student.name, student.damage, exercise)
            else:
                assert meaning(found[exercise]) == meaning(answer.text), (student.name, student.damage, exercise)


@pytest.mark.slow
def test_points_of_the_cells_are_those_of_the_functions():
    """Right answers get all points as cells too, wrong ones not all of them."""
    for variant in variants(LESSON):
        full = full_points()[variant.exercise]
        assert (points_of(LESSON, variant) == full) == (variant.says is None), variant.name


@pytest.mark.slow
def test_a_class_has_all_kinds_of_students():
    totals = [sum(expected_points(student).values()) for student in class_of(100, seed=1)]
    assert min(totals) < 4 and max(totals) == sum(full_points().values())
    assert len(set(totals)) > 20
