"""Settings of nbval that hold from any working folder, and do nothing when nbval is not asked for."""

import os
import tempfile
from pathlib import Path

import pytest

CELL_TIMEOUT = 300.0

# Two workers on two cores: more threads in each would only wait for one another. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What the tests pass is no learner's: it goes into a file of its own, one for each worker.
_passport = tempfile.TemporaryDirectory()
os.environ["GANCOURSE_PASSPORT"] = str(Path(_passport.name) / "passport.json")


def pytest_collectstart(collector: pytest.Collector) -> None:
    """A live picture comes as HTML too, which the stored notebook leaves out."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html",)


def pytest_configure(config: pytest.Config) -> None:
    """`pytest --nbval solutions/` needs no other flag: kernel, timeout and sanitising are set here."""
    option = config.option
    if not (getattr(option, "nbval", False) or getattr(option, "nbval_lax", False)):
        return
    if option.nbval_sanitize_with is None:
        option.nbval_sanitize_with = str(Path(__file__).with_name("nbval_sanitize.cfg"))
    if not option.nbval_kernel_name:
        option.nbval_current_env = True
    if option.nbval_cell_timeout == 2000:  # nbval's own default
        option.nbval_cell_timeout = CELL_TIMEOUT
