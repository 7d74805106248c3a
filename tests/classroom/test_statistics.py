"""Statistics, the page and the registrar's table, from a small class whose numbers can be worked out by hand."""

import csv
import io
import re
import statistics

import pytest
from classroom import books

from gancourse.errors import GradingError
from gancourse.grading.diagnoses import diagnoses_in, diagnoses_of
from gancourse.grading.page import write_statistics
from gancourse.grading.registrar import grades_csv, harmless
from gancourse.grading.results import ClassResults, Exercise, Result, read_results
from gancourse.grading.statistics import lesson_statistics

LESSON, CLASS = books.LESSON, books.CLASS

SWAPPED_REPORT = f"""\
discriminator_loss   2 of 3 passed   0.3 of 3 points
  ok  returns      a scalar
  no  value        you gave 1.2345, wanted 0.5432 over the batch
      likely       {books.SWAPPED}
  ..  graph        not reached
      read         "The loss", above"""
HIDDEN_REPORT = SWAPPED_REPORT.replace("3 points", "3 points   (other sizes and numbers)").replace("1.2345", "7.5")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Ten graded students; one crashed, one unreadable, one who handed nothing in."""
    folder = books.course_folder(tmp_path_factory.mktemp("course"))
    books.fill(f"sqlite:///{folder / 'gradebook.db'}")
    for student in ("eli", "fay", "gus"):
        books.autograded(folder, student, [books.check_cell("discriminator_loss", SWAPPED_REPORT, HIDDEN_REPORT)])
    books.record(folder, "hal", "graded", diagnoses={"discriminator_loss": ["not written yet"]})
    books.record(folder, "leo", "failed", reasons=["the kernel died: <script>alert(1)</script>"])
    books.record(folder, "max", "unreadable", reasons=["no JSON"])
    odd = {"kind": "reads", "where": "train_step", "words": "reads the frames of its caller"}
    books.record(folder, "ada", "graded", suspicions=[odd])
    return folder


@pytest.fixture(scope="module")
def results(course):
    return read_results(course, LESSON)


@pytest.fixture(scope="module")
def found(results):
    return lesson_statistics(results)


def _exercise(found, name):
    return next(e for e in found.exercises if e.exercise.name == name)


def test_states_points_and_lateness_are_those_of_gradebook_and_records(results):
    by = {result.student: result for result in results.students}
    assert [by[s].state for s in ("ada", "hal", "kim", "leo", "max")] == [
        "graded", "graded", "missing", "failed", "unreadable",
    ]  # fmt: skip
    assert by["cem"].points == {"sample_noise": 1, "discriminator_loss": 3, "train_step": 3.2, "what_half_means": 3}
    assert by["ida"].points["what_half_means"] is None and by["ida"].waits and not by["ada"].waits
    assert (by["ben"].seconds_late, by["ben"].penalty, by["ben"].total) == (5400, 1, 10)
    assert [e.name for e in results.exercises] == [*books.POINTS, "what_half_means"]


def test_share_is_the_mean_over_the_maximum(found):
    points = [scores[1] for scores in CLASS.values()]
    assert _exercise(found, "discriminator_loss").share == pytest.approx(sum(points) / 10 / 3)
    assert _exercise(found, "discriminator_loss").full == 5
    written = _exercise(found, "what_half_means")
    assert (written.graded, written.waiting) == (8, 2)
    assert written.share == pytest.approx(16 / 8 / 4)


def test_discrimination_compares_an_exercise_with_the_rest_of_the_points(found):
    own = [scores[1] for scores in CLASS.values()]
    rest = [scores[0] + scores[2] for scores in CLASS.values()]  # the written answer is not there for all
    exercise = _exercise(found, "discriminator_loss")
    assert exercise.discrimination == pytest.approx(statistics.correlation(own, rest))
    graded = [scores for scores in CLASS.values() if scores[3] is not None]
    written = statistics.correlation([s[3] for s in graded], [sum(s[:3]) for s in graded])
    assert _exercise(found, "what_half_means").discrimination == pytest.approx(written)


def test_discrimination_is_undefined_with_a_reason(found):
    assert _exercise(found, "sample_noise").discrimination is None
    assert _exercise(found, "sample_noise").undefined == "all have 1 points"
    few = ClassResults(LESSON, found.results.exercises, found.results.students[:3])
    assert {e.undefined for e in lesson_statistics(few).exercises} == {"fewer than 5 students have a grade"}
    lone = ClassResults(LESSON, found.results.exercises[:1], found.results.students)
    assert lesson_statistics(lone).exercises[0].undefined == "there is no other graded exercise"


def test_a_mistake_counts_once_a_student_whatever_its_numbers(found):
    first, *others = found.diagnoses
    assert (first.exercise, first.words, first.students) == (
        "discriminator_loss", books.SWAPPED, ["eli", "fay", "gus"],
    )  # fmt: skip
    assert [(d.words, d.students) for d in others] == [("not written yet", ["hal"])]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  no  value        not written yet: replace `raise`", "not written yet"),
        ("  no  value        your code raised TypeError: bad in line 3", "your code raised TypeError"),
        ("  no  D's turn     D did not move", "D's turn: D did not move"),
        ("  no  no probability you gave a logit", "no probability: you gave a logit"),
    ],
)
def test_without_a_likely_mistake_the_aspect_is_named(line, said):
    assert diagnoses_in(f"f   0 of 1 passed   0.0 of 3 points\n{line}\n      read         above") == [said]


def test_the_parser_reads_what_the_checks_print():
    """The real report, of an exercise with a gate, a likely mistake and an aspect with a long name."""
    from gancourse.checks.core import EXERCISES, Exercise, Outcome, Report

    exercise = Exercise("99.parsed", 3, "above")
    del EXERCISES["99.parsed"]
    outcomes = [
        Outcome("returns", "ok", "likely a scalar"),
        Outcome("no probability", "no", "you gave 0.5"),
        Outcome("value", "no", "you gave 1", "the square was taken after the mean"),
        Outcome("graph", "..", "not reached"),
    ]
    cell = books.check_cell(
        "parsed", "noise of the learner", *(str(Report(exercise, outcomes, 1.0, h)) for h in (0, 1))
    )
    notebook = type("Notebook", (), {"cells": [cell]})
    assert diagnoses_of(notebook) == {"parsed": ["no probability: you gave 0.5", "the square was taken after the mean"]}


def test_the_page_says_it_in_a_minute_and_needs_no_network(course):
    page, table = write_statistics(course, LESSON)
    html = page.read_text(encoding="utf-8")
    assert "10 graded, 1 missing, 1 failed, 1 unreadable" in html
    assert f"Most frequent mistake, 3 students, discriminator_loss: {books.SWAPPED}." in html
    assert "eli (Eli Test), fay (Fay Test), gus (Gus Test)" in html
    assert "2 wait for a person in formgrader" in html
    assert "reads the frames of its caller" in html[html.index("Look at these yourself") :]
    assert "not defined: all have 1 points" in html
    assert html.count('role="img" aria-label="') == 2
    assert "<script" not in html and "&lt;script&gt;" in html
    fetched = re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!#)[^)]*\)|@import', html)
    assert not fetched
    assert not list(page.parent.glob("tmp*")) and table.name == "grades.csv"


def test_the_histogram_counts_every_graded_student(course, found):
    page = write_statistics(course, LESSON)[0].read_text(encoding="utf-8")
    label = re.search(r'aria-label="Histogram of total points\. Students: ([^"]*)\."', page)[1]
    counts = {int(a): int(n) for n, a, b in re.findall(r"(\d+) from (\d+) to (\d+)", label)}
    assert sum(counts.values()) == len(found.totals) == 10
    assert counts[12 - 1] == 1  # ada alone has all 12 points: the last bar is closed on both sides


def test_the_registrars_table(course, results):
    rows = list(csv.DictReader(io.StringIO(grades_csv(results))))
    by = {row["student_id"]: row for row in rows}
    assert len(rows) == 13
    assert by["ben"]["total"] == "10" and by["ben"]["minutes_late"] == "90" and by["ben"]["penalty"] == "1"
    assert by["ida"]["what_half_means"] == "" and by["ida"]["state"] == "incomplete"
    assert by["kim"]["state"] == "missing" and by["kim"]["total"] == "0" and by["kim"]["train_step"] == ""
    assert by["kim"]["last_name"] == '\'=HYPERLINK("http://x","grade")'
    assert {row["maximum"] for row in rows} == {"12"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_no_cell_is_a_formula(text):
    assert harmless(text).startswith("'")
    student = Result(text, last_name=text, state="failed")
    row = list(csv.reader(io.StringIO(grades_csv(ClassResults(LESSON, [Exercise("a", 1, False)], [student])))))[1]
    assert row[:2] == [f"'{text}"] * 2
    assert harmless("Anne-Marie =") == "Anne-Marie ="


def test_a_class_without_a_grade_still_has_a_page(tmp_path):
    from nbgrader.api import Gradebook

    folder = books.course_folder(tmp_path)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gancourse") as book:
        book.add_assignment(LESSON)
        book.add_notebook(LESSON, LESSON)
    page, _ = write_statistics(folder, LESSON)
    assert "Nobody has a grade yet." in page.read_text(encoding="utf-8")


def test_mistakes_of_the_instructor_end_in_one_message(tmp_path):
    with pytest.raises(GradingError, match=r"it has no nbgrader_config\.py"):
        write_statistics(tmp_path, LESSON)
    folder = books.course_folder(tmp_path)
    with pytest.raises(GradingError, match="nbgrader generate_assignment 01_vanilla_gan"):
        write_statistics(folder, LESSON)
    assert not (folder / "gradebook.db").exists()
    books.fill(f"sqlite:///{folder / 'gradebook.db'}")
    with pytest.raises(GradingError, match=r"does not know 09_none \(it knows 01_vanilla_gan\)"):
        write_statistics(folder, "09_none")
    books.record(folder, "zoe", "graded")
    (folder / "grading" / LESSON / "zoe.json").write_text("{")
    with pytest.raises(GradingError, match=r"zoe\.json cannot be read"):
        write_statistics(folder, LESSON)
