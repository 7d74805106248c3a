"""Wrong answers that nobody wrote: right ones, changed. What the checks accept of them has been judged by somebody."""

import pytest
from repository.rehearsal import FULL
from typer.testing import CliRunner

from gancourse.authoring import mutants as tool
from gancourse.authoring.__main__ import app
from gancourse.authoring.mutants import examine_mutants, folders, judged, mutants
from gancourse.errors import GANCourseError

EVERY = 1 if FULL else 16


@pytest.mark.parametrize("lesson", folders([]), ids=lambda folder: folder.name)
def test_what_a_check_accepts_has_been_judged(lesson, record_property):
    """One change in sixteen, and with GANCOURSE_FULL=1 all: then no judgment is left over either."""
    result = examine_mutants(lesson, EVERY)
    record_property("rates", f"{lesson.name}\n{result}")
    assert not result.unjudged, str(result)
    assert len(result.accepted) < 0.1 * result.total
    if FULL:
        assert result.judged == result.accepted


RIGHT = '''
from gancourse.authoring.answers import right
import torch

@right("critic_loss")
def scores(real_scores, fake_scores):
    """Said, and not changed."""
    with torch.enable_grad():
        real = real_scores.mean()
    return fake_scores.mean() - real
'''


@pytest.fixture
def lesson(tmp_path):
    folder = tmp_path / "03_wgan_gp"
    folder.mkdir()
    (folder / "right.py").write_text(RIGHT, encoding="utf-8")
    return folder


def test_each_place_is_changed_alone_and_put_back(lesson):
    changes = [mutant.change for mutant in mutants(lesson)]
    assert set(changes) == {
        "with torch.enable_grad(): ... -> nothing",
        "with torch.enable_grad(): ... -> if True: ...",
        "real = real_scores.mean() -> nothing",
        "real_scores.mean() -> real_scores.sum()",
        "real_scores.mean() -> real_scores",
        "fake_scores.mean() - real -> fake_scores.mean() + real",
        "fake_scores.mean() - real -> fake_scores.mean()",
        "fake_scores.mean() - real -> real",
        "fake_scores.mean() - real -> real - fake_scores.mean()",
        "fake_scores.mean() -> fake_scores.sum()",
        "fake_scores.mean() -> fake_scores",
    }
    assert len(changes) == len(set(changes))
    assert 0 < len(list(mutants(lesson, every=4))) < len(changes)


def test_a_change_that_is_accepted_is_named_until_it_is_judged(lesson, monkeypatch):
    monkeypatch.setattr(tool, "folders", lambda names: [lesson])
    result = CliRunner().invoke(app, ["mutants", "03"])
    label = "03.critic_loss scores: with torch.enable_grad(): ... -> if True: ..."
    assert (
        result.exit_code == 1
        and f"10 of 11 changed answers rejected\n  accepted, and not judged: {label}" in result.output
    )
    (lesson / tool.JUDGED).write_text(f"# The graph is on anyway.\n{label}\n", encoding="utf-8")
    assert judged(lesson) == {label}
    result = CliRunner().invoke(app, ["mutants", "03"])
    assert result.exit_code == 0 and "not judged" not in result.output


def test_a_lesson_that_is_none_is_named():
    with pytest.raises(GANCourseError, match=r"no answers to '9'. Lessons: 01_vanilla_gan, 02_dcgan"):
        folders(["9"])
