"""Programs written in JavaScript: found, and their packages installed on first use, as their package.json says."""

import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from gancourse.authoring.project import ROOT
from gancourse.errors import GANCourseError

LOCK = ROOT / "build" / "npm.lock"


class NodeError(GANCourseError):
    """Node.js, npm or one of their packages is missing; the message says what to do."""


def find_program(name: str) -> str:
    """The path of node or npm. Raises NodeError that says where to get it."""
    found = shutil.which(name)
    if found is None:
        raise NodeError(f"{name} was not found. Install Node.js 20 or newer (https://nodejs.org), then try again.")
    return found


def ensure_packages(file: Path, what: str) -> None:
    """Install the packages of the folder around node_modules, unless this file of theirs is there.

    file: FOLDER/node_modules/...; what: how a message calls it. Raises NodeError when npm cannot.
    """
    if file.is_file():
        return
    LOCK.parent.mkdir(exist_ok=True)
    with FileLock(LOCK):  # two tests may ask at once
        if not file.is_file():
            _install(file, what)


def _install(file: Path, what: str) -> None:
    folder = next(parent.parent for parent in file.parents if parent.name == "node_modules")
    print(f"Installing {what} into {folder.name}/node_modules ...")
    command = [find_program("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=folder).returncode != 0 or not file.is_file():
        raise NodeError(f"npm could not install {what}. Check the network, then run `npm install` in {folder.name}/.")
