"""The wheel, and an environment that has everything it needs but not the course."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from gancourse.authoring.project import ROOT


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder. Returns its path."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def bare_python(folder: Path) -> Path:
    """The Python of a new environment that sees every package of this one, pip too, except gancourse.

    Each package is a link of its own: neither the checkout nor an installed gancourse can be found in any way.
    """
    venv.create(folder / "venv", with_pip=False)
    others = folder / "packages"
    others.mkdir()
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for package in Path(place).iterdir():
            if package.suffix != ".pth" and not package.name.startswith("gancourse"):
                (others / package.name).symlink_to(package)
    (own_packages(folder) / "others.pth").write_text(f"{others}\n")
    return folder / "venv" / "bin" / "python"


def own_packages(folder: Path) -> Path:
    """Where pip installs into a bare environment."""
    return next((folder / "venv").glob("lib/python*/site-packages"))
