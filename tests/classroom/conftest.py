"""Courses for the tests of the classroom: released once, copied for each."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from corpus.notebooks import FEW
from courses import released_course

# nbgrader calls `alembic` by its name: as in nbgrader_config.py, for tests that open a gradebook themselves
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="session")
def blank_course(tmp_path_factory):
    """A released course of few exercises that nobody has handed anything in for; to be copied."""
    return released_course(tmp_path_factory.mktemp("released") / "course", FEW)


@pytest.fixture(scope="session")
def blank_short_course(tmp_path_factory):
    """The same with all exercises of the lesson."""
    return released_course(tmp_path_factory.mktemp("released") / "course")


@pytest.fixture
def course(blank_course, tmp_path):
    return Path(shutil.copytree(blank_course, tmp_path / "course"))
