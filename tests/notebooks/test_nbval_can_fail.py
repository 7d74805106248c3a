"""A green nbval means something: flip one sign of the package, and the lesson's solution fails."""

import os
import shutil
import subprocess
import sys

import pytest

from gancourse.authoring.project import ROOT

FLIPS = {
    "generator": ("return softplus(-fake_logits).mean()", "return -softplus(-fake_logits).mean()"),
    "discriminator": (
        "return real.mean() + softplus(fake_logits).mean()",
        "return real.mean() - softplus(fake_logits).mean()",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("player", FLIPS)
def test_a_flipped_loss_sign_in_the_package_is_caught(player, tmp_path):
    for part in ("gancourse", "solutions", "datasets"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("conftest.py", "nbval_sanitize.cfg", "pyproject.toml"):
        shutil.copy(ROOT / part, tmp_path)
    path = tmp_path / "gancourse" / "objectives" / "minimax.py"
    right, flipped = FLIPS[player]
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, flipped))
    env = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "--nbval", "solutions/", "-x", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout and "assert" in result.stdout
