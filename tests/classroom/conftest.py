"""Courses for the tests of the classroom: released once, copied for each."""

import shutil
from pathlib import Path

import pytest
from courses import released_course


@pytest.fixture(scope="session")
def blank_course(tmp_path_factory):
    """A released course that nobody has handed anything in for; to be copied."""
    return released_course(tmp_path_factory.mktemp("released") / "course")


@pytest.fixture
def course(blank_course, tmp_path):
    return Path(shutil.copytree(blank_course, tmp_path / "course"))
