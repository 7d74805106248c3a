"""Where a run's figures come from: machine, versions, revision, command. What it takes to make them again."""

import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from gancourse import __version__

COMPARED = ("gancourse", "python", "torch", "numpy", "platform", "device", "threads", "git")


def environment(device: torch.device | str) -> dict[str, Any]:
    """What a figure depends on beside the recipe."""
    return {
        "gancourse": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": importlib.metadata.version("numpy"),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if "cuda" in str(device) else str(device),
        "threads": torch.get_num_threads(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "folder": str(Path.cwd()),
        "git": git_revision(),
    }


def git_revision() -> str | None:
    """The revision of the checkout that the package runs from, None for an installed one."""
    here = Path(__file__).resolve()
    git = ["git", "-C", str(here.parent)]
    ours = [*git, "ls-files", "--error-unmatch", here.name]  # an environment may lie in a checkout of something else
    try:
        subprocess.run(ours, capture_output=True, check=True)
        described = subprocess.run(
            [*git, "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
        return described.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is no longer as it was, a line each."""
    return [
        f"{name}: {then.get(name)} then, {now.get(name)} now" for name in COMPARED if then.get(name) != now.get(name)
    ]
