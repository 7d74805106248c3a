"""Every check is proven: wrong answers get their diagnosis, right ones pass, an incomplete exercise is refused."""

import builtins
import os
import shutil
import sys
import time
import warnings

import pytest
import torch
from typer.testing import CliRunner

from gancourse.authoring.__main__ import app
from gancourse.authoring.answers import ANSWERS, Answer, collect_answers, examine_answers
from gancourse.authoring.lint import lint_course
from gancourse.authoring.project import SOLUTIONS
from gancourse.checks import EXERCISES, check, report
from gancourse.checks.core import UNUSABLE, load_lessons
from gancourse.errors import CheckError

load_lessons()
ALL = collect_answers()


@pytest.mark.parametrize("lesson", sorted({answer.lesson for answer in ALL}))
def test_rates(lesson, record_property):
    """Of every lesson: all wrong answers killed, 95 % with the right diagnosis, no right one refused."""
    rates = examine_answers([answer for answer in ALL if answer.lesson == lesson])
    record_property("rates", f"{lesson}\n{rates}")
    assert rates.wrong and rates.right
    assert rates.killed == rates.wrong, str(rates)
    assert rates.diagnosed >= 0.95 * rates.wrong, str(rates)
    assert rates.accepted == rates.right, str(rates)


def test_the_command_prints_the_rates(monkeypatch):
    """With the answers of one exercise: test_rates puts all of them to their checks."""
    monkeypatch.setattr(
        "gancourse.authoring.answers.collect_answers", lambda: [a for a in ALL if a.exercise == "one_hot"]
    )
    result = CliRunner().invoke(app, ["answers"])
    assert result.exit_code == 0 and "0 of" in result.output and "kill rate" in result.output, result.output


def test_a_check_that_cannot_fail_would_be_seen():
    """Right answers labelled wrong, and wrong ones labelled right, must spoil the rates."""
    right = next(a for a in ALL if a.says is None)
    wrong = next(a for a in ALL if a.says)
    rates = examine_answers([Answer(right.lesson, right.exercise, right.function, "never said"), _as_right(wrong)])
    assert not rates.good and rates.killed == rates.diagnosed == rates.accepted == 0


def _as_right(answer):
    return Answer(answer.lesson, answer.exercise, answer.function, None)


@pytest.mark.parametrize("name", sorted(EXERCISES))
def test_points_are_builtin_floats_and_partial_credit_is_bounded(name, capsys):
    mine = [a for a in ALL if f"{a.lesson[:2]}.{a.exercise}" == name]
    for answer in mine[:6]:
        points = check(name, answer.function)
        assert type(points) is builtins.float and repr(points) == str(float(points))
        assert 0 <= points <= EXERCISES[name].points
    assert "passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(EXERCISES))
@pytest.mark.filterwarnings("ignore:a warning")
def test_a_check_is_quick_silent_and_leaves_no_trace(name, capfd):
    answer = next(a.function for a in ALL if f"{a.lesson[:2]}.{a.exercise}" == name and a.says is None)
    report(name, answer)  # the first call imports torch's lazy parts

    def noisy(*args, **kwargs):
        warnings.warn("a warning", stacklevel=1)
        os.write(2, b"from below")
        print("careful", file=sys.stderr)
        torch.manual_seed(99)
        return answer(*args, **kwargs)

    before = torch.get_rng_state()
    began = time.monotonic()
    outcome = report(name, noisy, hidden=True)
    assert time.monotonic() - began < 2
    assert capfd.readouterr().err == "" and "careful" in outcome.noise
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), RecursionError("deep"), MemoryError("full")])
def test_whatever_an_answer_raises_becomes_a_diagnosis(error):
    def answer(*args, **kwargs):
        raise error

    outcome = report("01.generator_loss", answer)
    assert outcome.points == 0 and type(error).__name__ in outcome.diagnoses


def test_a_diagnosis_points_to_the_line():
    def answer(fake_logits, saturating=False):
        doubled = fake_logits * 2
        return doubled.nonsense()

    assert "line 3 of your function: return doubled.nonsense()" in report("01.generator_loss", answer).diagnoses


@pytest.mark.parametrize("value", [None, 1.0, "1.0", True, torch.zeros(2), torch.tensor(1), [torch.tensor(0.5)]])
def test_no_kind_of_value_passes_by_accident(value):
    for name in EXERCISES:
        assert not report(name, lambda *args, **kwargs: value).passed


class AlwaysEqual:
    """Agrees with everything."""

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return AlwaysEqual()

    def __call__(self, *args, **kwargs):
        return AlwaysEqual()

    __hash__ = None


def test_an_object_that_agrees_with_everything_gets_nothing():
    for name in EXERCISES:
        assert report(name, lambda *args, **kwargs: AlwaysEqual()).points == 0


def test_an_earlier_mistake_is_not_punished_twice():
    """train_step is examined with right losses, whatever the notebook's own ones are."""
    step = next(a.function for a in ALL if a.exercise == "train_step" and a.says is None)
    scope = dict(step.__globals__)
    scope["discriminator_loss"] = scope["generator_loss"] = lambda *args, **kwargs: torch.tensor(float("nan"))
    exec("def poisoned(*args):\n    return step(*args)", scope)
    spoiled = type(step)(step.__code__, scope)
    assert report("01.train_step", spoiled).passed


def test_the_hidden_check_uses_other_numbers_and_an_instructors_seed(monkeypatch):
    seen = []

    def answer(fake_logits, saturating=False):
        seen.append(tuple(fake_logits.tolist()))
        raise ValueError

    for seed in (None, "1", "2"):
        if seed:
            monkeypatch.setenv("GANCOURSE_HIDDEN_SEED", seed)
        report("01.generator_loss", answer, hidden=seed is not None)
    assert len(set(seen)) == 3


def test_what_a_hard_coded_answer_gets():
    """Right for the visible numbers only."""
    visible = {}

    def recorder(real_logits, fake_logits, real_target=1.0):
        from gancourse.objectives import discriminator_loss

        loss = discriminator_loss(real_logits, fake_logits, real_target)
        visible[(*real_logits.tolist(), *fake_logits.tolist(), real_target)] = loss.item()
        return loss

    def parrot(real_logits, fake_logits, real_target=1.0):
        value = visible.get((*real_logits.tolist(), *fake_logits.tolist(), real_target), 0.0)
        return value + 1e-9 * (real_logits.sum() + fake_logits.sum())

    report("01.discriminator_loss", recorder)
    assert report("01.discriminator_loss", parrot).passed
    assert not report("01.discriminator_loss", parrot, hidden=True).passed


def test_unknown_checks_are_refused_with_the_names_there_are():
    with pytest.raises(CheckError, match=r"no check '01\.nothing'.*01\.sample_noise"):
        check("01.nothing", print)


def test_the_course_is_complete():
    assert lint_course() == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("●○○ · 5 min · 1 point\n# Return `n` latent", "Return `n` latent", "no statement headed"),
        ("<details><summary>Hint</summary>One vector a sample", "<p>One vector a sample", "no collapsible hint"),
        ('# %% check="sample_noise" points=1', '# %% check="sample_noise" points=2', "the points differ"),
        ("    ### BEGIN SOLUTION\n    return torch.randn(n, ", "    return torch.randn(n, ", "no reference between"),
        ("def sample_noise(n: int", "def noise(n: int", "defines no `sample_noise`"),
        ('# %% check="sample_noise" points=1', "# %%", "no check cell"),
    ],
)  # fmt: skip
def test_the_lint_refuses_an_incomplete_exercise(tmp_path, old, new, problem):
    text = (SOLUTIONS / "01_vanilla_gan.py").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "01_vanilla_gan.py").write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any("sample_noise" in found and problem in found for found in lint_course(tmp_path)), lint_course(tmp_path)


@pytest.mark.parametrize(("file", "problem"), [("wrong.py", "wrong answers"), ("right.py", "accepted variants")])
def test_the_lint_refuses_an_exercise_without_its_answers(tmp_path, file, problem):
    shutil.copytree(ANSWERS / "01_vanilla_gan", tmp_path / "01_vanilla_gan")
    (tmp_path / "01_vanilla_gan" / file).unlink()
    found = [line for line in lint_course(answers=tmp_path) if line.startswith("01_vanilla_gan")]
    assert len(found) == 7 and all(problem in line for line in found)


def test_what_breaks_a_check_is_told_so_and_costs_the_other_aspects_nothing():
    """An answer that no oracle foresaw: the check goes on, and the learner's cell ends in points. Of a known wrong one
    it is no diagnosis: see examine_answers."""

    class Odd(torch.Tensor):
        @property
        def shape(self):
            raise IndexError("no shape here")

    seen = report("04.one_hot", lambda labels, classes: torch.eye(classes)[labels].as_subclass(Odd))
    assert not seen.passed and seen.points == 0.0
    assert f"{UNUSABLE}: IndexError: no shape here" in str(seen)
