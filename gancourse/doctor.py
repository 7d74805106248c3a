"""What `gancourse doctor` looks at. A finding is good, bad, or missing where only some need it."""

import importlib
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
from packaging.version import Version

from gancourse.errors import DataError

PYTHON = f'"{sys.executable}"' if " " in sys.executable else sys.executable
PIP = f"{PYTHON} -m pip install"
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
    return [_python(), *_requirements(), _torch_pair(), *_machine(), *_jupyter()]


def glance() -> list[Finding]:
    """What a lesson's first cell looks at: no other process, and hardly longer than importing torch."""
    first = [_python(), *_requirements(), _torch_pins()]
    missing = any(finding.good is False and finding.what in ("torch", "torchvision") for finding in first)
    return first if missing else [*first, *_machine()]


def _machine() -> list[Finding]:
    """What can only be asked once torch is there."""
    device = _device()
    return [device, _memory(), *_writable(), *_data()] if device.good else [device, _memory()]


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    repair = "" if good else "install Python 3.11 or newer, then run `make lab` again"
    return Finding("Python", good, platform.python_version(), repair)


def _requirements() -> list[Finding]:
    """Each dependency of the installed package against the version that is there."""
    findings = []
    for line in _required_by("gancourse"):
        requirement = Requirement(line)
        if requirement.marker is None:
            findings.append(_requirement(requirement))
    return findings


def _required_by(package: str) -> list[str]:
    """The lines of its metadata; none where it lies on the path without having been installed."""
    try:
        return importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _requirement(requirement: Requirement) -> Finding:
    repair = f'{PIP} "{requirement.name}{requirement.specifier}"'  # cmd.exe would take a single quote as it stands
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


def _torch_pins() -> Finding:
    """The same without another process: torchvision names its torch, and builds that differ in name are tried."""
    what = "torch + torchvision"
    try:
        torch, torchvision = (importlib.metadata.version(name) for name in ("torch", "torchvision"))
    except importlib.metadata.PackageNotFoundError as error:
        return Finding(what, False, f"{error.name} is missing", f"{PIP} torch torchvision")
    pins = [Requirement(line) for line in _required_by("torchvision")]
    fit = all(pin.specifier.contains(torch, prereleases=True) for pin in pins if pin.name == "torch")
    if Version(torch).local != Version(torchvision).local:  # like +cpu beside a build for CUDA
        fit = fit and _imports("torchvision")
    if fit:
        return Finding(what, True, "a matching pair")
    repair = f"{PIP} --force-reinstall torch torchvision"
    return Finding(what, False, f"torch {torch} does not fit torchvision {torchvision}", repair)


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError):  # RuntimeError: torchvision::nms does not exist
        return False
    return True


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
    return Finding("memory", total >= 3, f"{total:.0f} GiB", "" if total >= 3 else "use a machine with 3 GiB or more")


def _writable() -> list[Finding]:
    from gancourse.data import data_folder

    here = _takes_files("this folder", Path.cwd())
    try:
        return [here, _takes_files("downloads", data_folder())]
    except DataError as error:
        return [here, Finding("downloads", False, str(error), "set GANCOURSE_DATA to a folder that can be written")]


def _takes_files(what: str, folder: Path) -> Finding:
    """Whether a folder, or the one in which it would be made, can be written and has room."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / 2**30
    if not os.access(there, os.W_OK):
        return Finding(what, False, f"{folder} cannot be written", f'chmod u+w "{there}"')
    repair = "" if free > 0.5 else "free some space: half a GiB is needed"
    return Finding(what, not repair, f"{folder}, {free:.1f} GiB free", repair)


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
            findings.append(Finding(f"data: {card.name}", False, str(error).split(". ")[0], _restore(card.name)))
    return findings


def _restore(name: str) -> str:
    """How embedded data come back: from git in a checkout, with the package where it was installed."""
    from gancourse.cards import PACKAGE, datasets_folder

    if datasets_folder().parent == PACKAGE:
        return f"{PIP} --force-reinstall --no-deps gancourse=={importlib.metadata.version('gancourse')}"
    return f"git checkout -- datasets/{name}"


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
