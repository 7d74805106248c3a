"""A green nbval means something: take away what a claim rests on, and the lesson that makes the claim fails."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gancourse.authoring.project import ROOT, lesson_names

CLAIMS = sorted(Path(__file__).with_name("claims").glob("*.toml"))
# One a lesson in every run; a lesson's second one has a longer name.
ALL = [pytest.param(p, marks=[pytest.mark.full_only] if "-" in p.stem else [], id=p.stem) for p in CLAIMS]


def test_every_lesson_has_a_claim_that_can_fail():
    assert {path.stem for path in CLAIMS if "-" not in path.stem} == set(lesson_names())


@pytest.mark.slow
@pytest.mark.parametrize("path", ALL)
def test_without_its_cause_the_claim_fails(path, tmp_path):
    claim = tomllib.loads(path.read_text(encoding="utf-8"))
    lesson = path.stem.partition("-")[0]
    for part in ("gancourse", "datasets", f"solutions/{lesson}"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("conftest.py", "nbval_sanitize.cfg", "pyproject.toml"):
        shutil.copy(ROOT / part, tmp_path)
    changed = tmp_path / claim["file"]
    text = changed.read_text(encoding="utf-8")
    assert text.count(claim["right"]) == 1, f"{claim['file']} must hold the line that is taken away, once"
    changed.write_text(text.replace(claim["right"], claim["removed"]), encoding="utf-8")
    env = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "--nbval", "solutions/", "-x", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout and "assert" in result.stdout
