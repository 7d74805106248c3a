"""A submission in formgrader, in a real browser: the rubric, a score and a comment by hand, and the feedback with them.

GANCOURSE_SCREENSHOTS=FOLDER keeps the pictures.
"""

import sys

import pytest
from browser.served import browser_page, free_port, needs_browser, screenshot, serve
from classroom.test_pipeline import LESSON, Course, labels_swapped
from corpus.notebooks import FEW
from courses import hand_in_edited
from processes import run_module

from gancourse.grading import sandbox

pytestmark = [needs_browser, pytest.mark.slow]
WRITTEN = "what_half_means"
COMMENT = "Two explanations, one measurement: which number would show the second?"


def swapped_and_words(notebook):
    labels_swapped(notebook)
    next(c for c in notebook.cells if c.id == WRITTEN).source = "D may be too weak to tell."


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """One student with a wrong answer and a written one, graded as a class is."""
    course = Course(tmp_path_factory.mktemp("course"), FEW)
    course.nbgrader("generate_assignment", LESSON)
    hand_in_edited(course.root, "ada", swapped_and_words)
    unsafe = ["--unsafe"] if sandbox.available() else []
    graded = run_module("gancourse", "grade", LESSON, "--jobs", "1", *unsafe, cwd=course.root, env=course.env)
    assert graded.returncode == 0, graded.stderr
    return course


@pytest.fixture(scope="module")
def address(course):
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        sys.executable, "-m", "jupyterlab", f"--port={address.rpartition(':')[2]}", "--no-browser", "--allow-root",
        "--ServerApp.token=", "--ServerApp.password=",
    ]  # fmt: skip
    with serve(command, f"{address}/formgrader/manage_assignments", course.root, course.env):
        yield address


def test_a_score_and_a_comment_by_hand_reach_the_feedback(course, address, tmp_path):
    with browser_page(tmp_path) as page:
        page.goto(f"{address}/formgrader/gradebook/{LESSON}/{LESSON}")
        page.get_by_role("link", name="Submission #1").click()
        _grade_by_hand(page)
        page.goto(f"{address}/formgrader/manage_submissions/{LESSON}")
        page.locator(".status .label", has_text="graded").wait_for()
        screenshot(page, "formgrader_submissions")
        page.locator(".generate-feedback a").click()
        page.get_by_text("Successfully generated feedback").wait_for(timeout=60_000)
        feedback = course.root / "feedback" / "ada" / LESSON / f"{LESSON}.html"
        page.goto(feedback.as_uri())
        _read_feedback(page)


def _grade_by_hand(page) -> None:
    """The rubric stands below the answer; nbgrader saves a score and a comment when their fields are left.

    The fields do nothing before the grades and the comments have come; the score's field is marked then.
    """
    page.locator(f"#{WRITTEN}.needs_manual_grade").wait_for()
    page.wait_for_load_state("networkidle")
    rubric = page.get_by_text("1 point for each explanation that is different from success")
    assert rubric.count() == 1
    page.locator(f"#{WRITTEN}").fill("2.5")
    with page.expect_response(_saves("grade")):
        page.locator(f"#{WRITTEN}").press("Tab")
    page.locator(f"#{WRITTEN}-comment").fill(COMMENT)
    with page.expect_response(_saves("comment")):
        page.locator(f"#{WRITTEN}-comment").blur()
    page.locator(f"#{WRITTEN}").scroll_into_view_if_needed()
    screenshot(page, "formgrader_answer")


def _saves(what: str):
    return lambda answer: f"/api/{what}/" in answer.url and answer.request.method == "PUT"


def _read_feedback(page) -> None:
    text = page.locator("body").inner_text()
    assert COMMENT in text
    assert "Score: 2.5 / 4" in text.replace(".0 ", " ")
    assert "that is what the generator wants" in text  # the check's diagnosis
    assert "1 point for each explanation" not in text
    page.get_by_text(COMMENT).scroll_into_view_if_needed()
    screenshot(page, "feedback")
