"""The first cell of a lesson: one line when all is well, what to type when it is not, and nothing while grading."""

import importlib.metadata
import re
import subprocess
import sys
import time
import types

import pytest

import gancourse
from gancourse import doctor
from gancourse.authoring.project import ROOT
from gancourse.doctor import PIP, Finding, glance
from gancourse.errors import SetupError


@pytest.fixture
def without(monkeypatch):
    """Make the metadata say that a package is missing, or of another version."""
    version = importlib.metadata.version

    def change(name, to=None):
        def changed(asked):
            if asked == name and to is None:
                raise importlib.metadata.PackageNotFoundError(asked)
            return to if asked == name else version(asked)

        monkeypatch.setattr(importlib.metadata, "version", changed)

    return change


def test_one_line_says_that_all_is_ready(capsys, monkeypatch):
    monkeypatch.delenv("GANCOURSE_REHEARSAL", raising=False)
    device = gancourse.ready()
    said = capsys.readouterr()
    assert re.fullmatch(r"Ready: gancourse \d+\.\d+\.\d+, Python 3\.\d+, .+, \d+ CPU cores, data present\.\n", said.out)
    assert said.err == "" and device.type in ("cpu", "cuda")


def test_nbval_compares_the_line_by_its_first_word():
    pattern = re.search(r"^regex: (\^Ready.*)$", (ROOT / "nbval_sanitize.cfg").read_text(), re.MULTILINE)[1]
    assert re.sub(pattern, "READY", "Ready: gancourse 9.9.9, a supercomputer\n") == "READY\n"
    assert not re.search(pattern, "Not ready: device: Ready: no")


def test_a_rehearsal_says_that_it_is_one(capsys, monkeypatch):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    gancourse.ready()
    assert "rehearsal" in capsys.readouterr().out


def test_a_glance_takes_half_a_second_and_starts_no_process(monkeypatch):
    import torch  # noqa: F401  every lesson imports it anyway

    monkeypatch.setattr(subprocess, "Popen", None)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert all(finding.good is not False for finding in glance())
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5


def test_what_is_missing_is_named_with_what_to_type(capsys, without):
    without("tensorboard")
    gancourse.ready()
    said = capsys.readouterr().out
    wanted = f'Not ready: tensorboard: not installed. Type in a new cell: !{PIP} "tensorboard>='
    assert said.startswith(wanted) and said.count("\n") == 1


def test_without_torch_a_lesson_stops_with_words(without):
    without("torch")
    with pytest.raises(SetupError, match=r"Not ready: torch: not installed\. Type in a new cell: !") as stopped:
        gancourse.ready()
    assert len(stopped.value._render_traceback_()) == 1


@pytest.mark.parametrize("torch, good", [("2.5.0", False), (importlib.metadata.version("torch"), True)])
def test_a_torch_for_which_torchvision_was_not_built_is_seen_without_an_import(torch, good, without, monkeypatch):
    lines = [f"torch=={importlib.metadata.version('torch')}"]
    monkeypatch.setattr(doctor, "_required_by", lambda package: lines if package == "torchvision" else [])
    without("torch", torch)
    assert doctor._torch_pins().good is good


def test_builds_of_two_kinds_are_tried_by_an_import(without, monkeypatch):
    """As with a CPU torch beside the usual torchvision: metadata alone cannot tell."""
    monkeypatch.setattr(doctor, "_required_by", lambda package: [])
    without("torch", "2.15.0+other")
    assert doctor._torch_pins().good is True
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert doctor._torch_pins().good is False


def test_advice_that_is_no_command_is_not_typed(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_memory", lambda: Finding("memory", False, "1 GiB", "close other programs"))
    gancourse.ready()
    assert capsys.readouterr().out == "Not ready: memory: 1 GiB. What helps: close other programs.\n"


def test_a_graded_notebook_is_not_looked_at(capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    gancourse.ready()
    assert capsys.readouterr() == ("", "")


def test_colab_is_asked_to_show_widgets(monkeypatch):
    asked = []
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: asked.append(True)
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    gancourse.ready()
    assert asked == [True]
