"""What every lesson does first: look whether everything is there, fix seeds, and say so in one line."""

import importlib
import os
import platform
import sys
from typing import TYPE_CHECKING

import gancourse
from gancourse.doctor import PYTHON, Finding, glance
from gancourse.errors import SetupError
from gancourse.passport.keep import graded

if TYPE_CHECKING:
    import torch


def ready(seed: int = 0) -> "torch.device":
    """Set up a lesson as `gancourse.setup` does, and print whether it can run here, else what to type.

    A lesson goes on as far as it can. Raises SetupError where not even torch can be imported.
    """
    if not graded():
        _say(glance())
        _let_colab_show_widgets()
    return gancourse.setup(seed)


def _say(findings: list[Finding]) -> None:
    bad = [finding for finding in findings if finding.good is False]
    if not bad:
        print(_line(findings))
        return
    words = "\n".join(f"Not ready: {f.what}: {f.found}. {_what_to_do(f.repair)}" for f in bad)
    if not any(finding.what == "device" and finding.good for finding in findings):
        raise SetupError(words)
    print(words)


def _line(findings: list[Finding]) -> str:
    """One line, which nbval compares by its first word alone: the rest is the machine's."""
    from gancourse.training import rehearsing

    device = next(finding.found for finding in findings if finding.what == "device")
    python = ".".join(platform.python_version_tuple()[:2])
    line = f"Ready: gancourse {gancourse.__version__}, Python {python}, {device}, data present."
    return f"{line} A rehearsal: nothing is really trained." if rehearsing() else line


def _what_to_do(repair: str) -> str:
    """A command of the doctor's as one types it in a notebook; other advice as it stands."""
    is_command = repair.startswith((PYTHON, "git ", "chmod "))
    return f"Type in a new cell: !{repair}   then restart the kernel." if is_command else f"What helps: {repair}."


def _let_colab_show_widgets() -> None:
    """Colab shows widgets that are not its own only when asked to."""
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ:
        try:
            importlib.import_module("google.colab.output").enable_custom_widget_manager()
        except (ImportError, AttributeError):
            print("Widgets stay still pictures here: this Colab cannot show them.")
