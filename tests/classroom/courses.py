"""A course in a folder of its own, as an instructor has it after the release."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from corpus.notebooks import LESSON, ROOT


def released_course(root: Path, lesson: str = LESSON) -> Path:
    """A copy of the course with one lesson, released by nbgrader."""
    (root / "solutions").mkdir(parents=True)
    shutil.copytree(ROOT / "solutions" / lesson, root / "solutions" / lesson)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson]
    environment = os.environ | {"HOME": str(root), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return root


def hand_in(course: Path, student: str, files: dict[str, bytes], lesson: str = LESSON) -> None:
    """Put a submission where `nbgrader collect` puts it."""
    for name, content in files.items():
        path = course / "submitted" / student / lesson / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
