"""The passport of a learner: what is kept, when nothing is, what is said of it, and what a damaged file costs."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import gancourse
from gancourse.authoring.syllabus import syllabus_text
from gancourse.checks.core import EXERCISES, load_lessons
from gancourse.cli import app
from gancourse.errors import GANCourseError, PassportError
from gancourse.passport import Progress, passport_path, read, record, syllabus
from gancourse.passport.export import export
from gancourse.passport.syllabus import SYLLABUS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST = syllabus()[0]


@pytest.fixture(autouse=True)
def passport(tmp_path, monkeypatch):
    path = tmp_path / "me" / "passport.json"
    monkeypatch.setenv("GANCOURSE_PASSPORT", str(path))
    return path


def right(n, d, device="cpu"):
    return torch.randn(n, d, device=device)


def wrong(n, d, device="cpu"):
    return torch.randn(1, d, device=device).expand(n, d)


def unwritten(n, d, device="cpu"):
    raise NotImplementedError


def days_ago(days):
    return NOW - timedelta(days=days)


def row(name):
    return next(row for row in Progress.now(NOW).rows if row.task.name == name)


def test_a_check_is_kept_with_its_points_and_tries(capsys):
    for answer in (wrong, wrong, right, right):
        gancourse.check("01.sample_noise", answer)
    entry = read()[0]["01.sample_noise"]
    assert (entry.points, entry.of, entry.tries, entry.days, entry.holds) == (1.0, 1, 3, 1, True)
    assert datetime.now(UTC) - datetime.fromisoformat(entry.passed) < timedelta(minutes=1)
    assert capsys.readouterr().err == ""


def test_a_later_mistake_keeps_the_pass_and_asks_for_another_look():
    record("01.sample_noise", 1.0, 1, True, days_ago(1))
    record("01.sample_noise", 0.0, 1, False, NOW)
    assert read()[0]["01.sample_noise"].points == 1.0
    assert (row("01.sample_noise").state, row("01.sample_noise").redo) == ("passed", "its last check failed")


@pytest.mark.parametrize(
    "answer, hidden, graded", [(unwritten, False, False), (right, True, False), (right, False, True)]
)
def test_nothing_is_kept_of_a_stub_a_hidden_check_or_a_graded_notebook(answer, hidden, graded, passport, monkeypatch):
    if graded:
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    gancourse.check("01.sample_noise", answer, hidden=hidden)
    assert not passport.parent.exists()


def test_a_passport_that_cannot_be_written_breaks_no_check(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANCOURSE_PASSPORT", str(tmp_path / "file" / "passport.json"))
    assert gancourse.check("01.sample_noise", right) == 1.0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 1}', '{"format": 1, "exercises": {"01.a": {"points": "many"}}}', "\x00" * 100]
)
def test_a_damaged_file_is_set_aside_and_said(damage, passport, capsys):
    passport.parent.mkdir()
    passport.write_text(damage)
    gancourse.check("01.sample_noise", right)
    aside = passport.with_name("passport.damaged.json")
    assert aside.read_text() == damage and str(aside) in capsys.readouterr().out
    assert read()[0]["01.sample_noise"].passed
    passport.write_text(damage)
    assert "passport.damaged-2.json" in Progress.now().note


def test_a_file_of_a_later_version_is_left_as_it_is(passport):
    passport.parent.mkdir()
    passport.write_text('{"format": 2, "all": "different"}')
    gancourse.check("01.sample_noise", right)
    assert passport.read_text() == '{"format": 2, "all": "different"}'
    with pytest.raises(PassportError, match="later version"):
        read()
    result = CliRunner().invoke(app, ["progress"])
    assert result.exit_code == 1 and isinstance(result.exception, PassportError)


WRITE_TEN = """
import sys
from gancourse.passport import keep

keep.LOCK_SECONDS = 60.0  # longer than a check waits: the machine may be busy
print("ready", flush=True)
input()
for number in range(int(sys.argv[1]), int(sys.argv[1]) + 10):
    keep.record(f"01.exercise{number}", 1.0, 1, True)
"""


def test_two_notebooks_at_once_lose_nothing(passport):
    env = os.environ | {"GANCOURSE_PASSPORT": str(passport)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen([sys.executable, "-c", WRITE_TEN, first], env=env, **pipes) for first in ("0", "10")]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n", "ready\n"]
    for worker in workers:  # both are there: now they write at once
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(read()[0]) == 20


def test_what_is_worth_redoing():
    record("01.sample_noise", 1.0, 1, True, days_ago(31))
    record("01.generator_loss", 3.0, 3, True, days_ago(29))
    for name in ("01.train_step", "01.modes_covered"):
        for _ in range(4):
            record(name, 0.5, 4, False, days_ago(3))
        record(name, 4.0, 4, True, days_ago(3))
    record("01.modes_covered", 2.0, 2, True, days_ago(2))
    for _ in range(5):
        record("01.repaired_step", 2.0, 2, _ == 4, NOW)
    expected = {"01.sample_noise": "passed 31 days ago", "01.train_step": "took 5 tries"}
    assert {row.task.name: row.redo for row in Progress.now(NOW).rows if row.redo} == expected
    tomorrow = Progress.now(NOW + timedelta(days=1))
    assert "took 5 tries" in {row.redo for row in tomorrow.rows if row.task.name == "01.repaired_step"}


def test_the_next_lesson_is_the_first_with_something_left():
    assert Progress.now(NOW).next_lesson() == FIRST
    for task in FIRST.tasks:
        record(task.name, task.points, task.points, True, NOW)
    assert Progress.now(NOW).next_lesson() == syllabus()[1]
    assert Progress.now(NOW).next_lesson(syllabus()[-1]) == syllabus()[-1]
    for lesson in syllabus():
        for task in lesson.tasks:
            record(task.name, task.points, task.points, True, NOW)
    assert Progress.now(NOW).next_lesson() is None


def test_a_lessons_last_cell_tells_where_the_learner_is(capsys, monkeypatch):
    record("01.sample_noise", 1.0, 1, True)
    record("01.train_step", 1.5, 4, False)
    gancourse.show_progress("01")
    said = capsys.readouterr().out
    assert said.startswith("Lesson 1: the vanilla GAN: 1 of 7 exercises passed, 2.5 of 16 points.\n")
    assert "tried, not passed: train_step (1.5 of 4)" in said and "not tried: discriminator_loss" in said
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    gancourse.show_progress("01")
    assert capsys.readouterr() == ("", "")


def test_the_command_shows_and_exports(tmp_path):
    record("01.sample_noise", 1.0, 1, True)
    result = CliRunner().invoke(app, ["progress", "--export", str(tmp_path / "me.csv")])
    assert result.exit_code == 0 and "1 of 7" in result.output and "lessons/01_vanilla_gan" in result.output
    with open(tmp_path / "me.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(lesson.tasks) for lesson in syllabus())
    assert (rows[0]["exercise"], rows[0]["state"], rows[0]["points"]) == ("sample_noise", "passed", "1.0")
    export(Progress.now(), tmp_path / "me.json")
    assert json.loads((tmp_path / "me.json").read_text())[0]["tries"] == 1
    export(Progress.now(), tmp_path / "me.html")
    page = _Page()
    page.feed((tmp_path / "me.html").read_text())
    assert page.open == [] and page.rows == len(rows) + len(syllabus())
    with pytest.raises(PassportError, match=r"\.json, \.csv, \.html"):
        export(Progress.now(), tmp_path / "me.doc")


class _Page(HTMLParser):
    """Counts rows and keeps the tags that are open."""

    def __init__(self):
        super().__init__()
        self.open, self.rows = [], 0

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_forgetting_asks_first(passport):
    passport.parent.mkdir(exist_ok=True)
    passport.write_text("half a fi")
    record("01.sample_noise", 1.0, 1, True)
    assert len(list(passport.parent.glob("passport*.json"))) == 2, "the damaged one was set aside"
    both = CliRunner().invoke(app, ["progress", "--forget", "--export", str(passport.parent / "me.json")])
    assert isinstance(both.exception, GANCourseError) and passport.is_file()
    assert CliRunner().invoke(app, ["progress", "--forget"], input="n\n").exit_code == 1 and passport.is_file()
    assert CliRunner().invoke(app, ["progress", "--forget"], input="y\n").exit_code == 0
    assert [path.name for path in passport.parent.iterdir()] == [".passport.json.lock"]
    assert "Nothing is kept" in CliRunner().invoke(app, ["progress", "--forget"]).output


def test_the_command_needs_no_torch():
    script = (
        "import sys; from gancourse.cli import app\n"
        "try: app(['progress'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules and 'nbformat' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_without_a_setting_it_lies_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("GANCOURSE_PASSPORT")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert passport_path() == tmp_path / "gancourse" / "passport.json"


def test_without_a_home_a_named_file_does_and_else_it_is_said(monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("GANCOURSE_PASSPORT", str(tmp_path / "mine.json"))
    record("01.sample_noise", 1.0, 1, True)
    assert read()[0]["01.sample_noise"].holds
    monkeypatch.delenv("GANCOURSE_PASSPORT")
    assert record("01.sample_noise", 1.0, 1, True) == ""
    with pytest.raises(PassportError, match=r"no home folder\. Name a file in GANCOURSE_PASSPORT"):
        read()


def test_the_syllabus_is_what_the_lessons_say():
    assert SYLLABUS.read_text(encoding="utf-8") == syllabus_text(), "run `make course` and commit"
    load_lessons()
    listed = {task.name: task.points for lesson in syllabus() for task in lesson.tasks}
    assert listed == {name: exercise.points for name, exercise in EXERCISES.items()}
