"""What `gancourse doctor` looks at. A finding is good, bad, or missing where only some need it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from gancourse.errors import DataError

PIP = f"{sys.executable} -m pip install"
NOTEBOOKS = ("jupyterlab", "nbgrader")


@dataclass(frozen=True)
class Finding:
    """good: True, False, or None for something that not everybody needs. repair: a command, empty when all is well."""

    what: str
    good: bool | None
    found: str
    repair: str = ""


def examine() -> list[Finding]:
    """Everything, in the order in which things depend on one another."""
    return [
        _python(),
        *_requirements(),
        _torch_pair(),
        _device(),
        _memory(),
        *_writable(),
        *_data(),
        *_jupyter(),
    ]


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    repair = "" if good else "install Python 3.11 or newer, then run `make lab` again"
    return Finding("Python", good, platform.python_version(), repair)


def _requirements() -> list[Finding]:
    """Each dependency of the installed package against the version that is there."""
    findings = []
    for line in importlib.metadata.requires("gancourse") or []:
        requirement = Requirement(line)
        if requirement.marker is None:
            findings.append(_requirement(requirement))
    return findings


def _requirement(requirement: Requirement) -> Finding:
    repair = f"{PIP} '{requirement.name}{requirement.specifier}'"
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(requirement.name, False, "not installed", repair)
    good = requirement.specifier.contains(version, prereleases=True)
    return Finding(requirement.name, good, version, "" if good else repair)


def _torch_pair() -> Finding:
    """torch and torchvision must be built for one another: a CPU torch with a CUDA torchvision fails at import."""
    if importlib.util.find_spec("torchvision") is None:
        return Finding("torch + torchvision", False, "torchvision is missing", f"{PIP} torch torchvision")
    command = [sys.executable, "-c", "import torchvision"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 0:
        return Finding("torch + torchvision", True, "a matching pair")
    last = (result.stderr.strip().splitlines() or ["import failed"])[-1]
    return Finding("torch + torchvision", False, last[:80], f"{PIP} --force-reinstall torch torchvision")


def _device() -> Finding:
    try:
        import torch

        from gancourse.lesson import best_device
    except (ImportError, OSError) as error:
        return Finding("device", False, str(error)[:80], f"{PIP} --force-reinstall torch torchvision")
    device = best_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else str(device)
    return Finding("device", True, f"{name}, {os.cpu_count()} CPU cores")


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return Finding("memory", None, "unknown on this system")
    return Finding(
        "memory", total >= 3, f"{total:.0f} GiB", "" if total >= 3 else "close other programs: 3 GiB are needed"
    )


def _writable() -> list[Finding]:
    from gancourse.data import data_folder

    findings = []
    for what, folder in (("this folder", Path.cwd()), ("downloads", data_folder())):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        free = shutil.disk_usage(there).free / 2**30
        good = os.access(there, os.W_OK) and free > 0.5
        repair = "" if good else f"chmod u+w {there}, or free some space"
        findings.append(Finding(what, good, f"{folder}, {free:.0f} GiB free", repair))
    return findings


def _data() -> list[Finding]:
    from gancourse.cards import datasets_folder, load_card

    findings = []
    for card_file in sorted(datasets_folder().glob("*/card.md")):
        card = load_card(card_file.parent.name)
        try:
            for file in card.sha256:
                card.file(file)
            findings.append(
                Finding(f"data: {card.name}", True, "present, checksum right" if card.sha256 else "made on the fly")
            )
        except DataError as error:
            repair = f"git checkout -- datasets/{card.name}"
            findings.append(Finding(f"data: {card.name}", False, str(error).split(".")[0], repair))
    return findings


def _jupyter() -> list[Finding]:
    findings = []
    for package in NOTEBOOKS:
        if importlib.util.find_spec(package) is None:
            findings.append(Finding(package, None, "not installed", f"{PIP} {package}"))
        else:
            findings.append(Finding(package, True, importlib.metadata.version(package)))
    if all(finding.good for finding in findings):
        findings += [_extension(), _commands_on_path()]
    return findings


def _commands_on_path() -> Finding:
    """nbgrader starts `alembic` by its bare name, which fails in an environment that is not activated."""
    good = shutil.which("alembic") is not None
    repair = "" if good else f"source {Path(sys.executable).parent / 'activate'}"
    return Finding("nbgrader's helpers", True if good else None, "on the PATH" if good else "not on the PATH", repair)


def _extension() -> Finding:
    """nbgrader's buttons inside JupyterLab."""
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    result = subprocess.run(command, capture_output=True, text=True)
    line = next((x for x in (result.stdout + result.stderr).splitlines() if "@jupyter/nbgrader" in x), "")
    good = "enabled" in line and "OK" in line
    repair = "" if good else f"{sys.executable} -m jupyter labextension enable @jupyter/nbgrader"
    return Finding("nbgrader in JupyterLab", good, "enabled" if good else line.strip() or "not found", repair)
