"""The sandbox of a grading machine: what student code may see and use. Bubblewrap makes it from Linux namespaces.

Seen: the system's libraries, this Python, the package and its data, all read-only, and an empty /tmp. Not seen: other
submissions, the gradebook, the sources with the hidden tests, home, the network. `gancourse.grading.namespaces` adds
a second wall inside, between a submission and the process that serves it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gancourse
from gancourse.cards import datasets_folder

NOBODY = 65534
COURSE = "/opt/gancourse"  # where the package lies inside
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/usr/share/datasets")


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes in bytes, times in seconds of the clock; output in characters a cell.

    memory: of one process; memory_in_all: of all of them and of the warm parent, which has about half a gigabyte.
    """

    cell_seconds: float = 30.0
    total_seconds: float = 300.0
    memory: int = 3 << 30
    memory_in_all: int = 8 << 30
    processes: int = 64
    disk: int = 256 << 20
    output: int = 1_000_000


@cache
def available() -> str:
    """Empty if the sandbox works here, else why not and what to do, in one line."""
    if not shutil.which("bwrap"):
        return "bubblewrap (bwrap) is not installed: `apt install bubblewrap`, or grade in the image of Containerfile"
    result = subprocess.run(command(["/bin/true"]), capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    said = " ".join(result.stderr.split())[:200]
    return (
        f"bubblewrap may not make namespaces here ({said}); grade in the image of Containerfile, or on another machine"
    )


def command(argv: list[str], disk: int = 256 << 20) -> list[str]:
    """argv inside a sandbox. File descriptors that are passed on stay open.

    Started by the administrator it keeps the right to become another user; argv must use it at once (`become_nobody`).
    """
    apart = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    walls = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", *apart, "--cap-drop", "ALL"]
    walls += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.geteuid() == 0 else ["--unshare-user"]
    for name, value in environment().items():
        walls += ["--setenv", name, value]
    folders = ["--proc", "/proc", "--dev", "/dev", "--size", str(disk), "--tmpfs", "/tmp"]
    folders += ["--size", str(disk), "--tmpfs", "/dev/shm", "--chmod", "1777", "/tmp", "--chmod", "1777", "/dev/shm"]
    shut = ["--remount-ro", "/", "--remount-ro", "/dev"]
    return [*walls, *_system(), *folders, *_python(), *shut, "--chdir", "/tmp", "--", *argv]


def become_nobody() -> None:
    """Give up the administrator's rights for good, inside the sandbox that they have made."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def environment() -> dict[str, str]:
    """All that student code finds in its environment; the user's own variables stay outside."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": COURSE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "HOME": "/tmp",
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "NBGRADER_EXECUTION": "autograde",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GANCOURSE_THREADS"), "1"),
    }


def _system() -> list[str]:
    """The system's folders, read-only; links stay links."""
    arguments = []
    for name in SYSTEM:
        if os.path.islink(name):
            arguments += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            arguments += ["--ro-bind", name, name]
    for name in SETTINGS:
        arguments += ["--ro-bind-try", name, name]
    return arguments


def _python() -> list[str]:
    """This interpreter, its libraries, the package and the package's data. No source of a lesson is among them."""
    libraries = [sys.base_prefix, sys.prefix, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    seen = {place: place for place in libraries if not place.startswith("/usr/")}
    seen |= {str(Path(gancourse.__file__).resolve().parent): f"{COURSE}/gancourse"}
    seen |= {str(datasets_folder()): f"{COURSE}/datasets"}
    above = {str(folder) for inside in seen.values() for folder in reversed(Path(inside).parents[:-1])}
    arguments = [part for folder in sorted(above) for part in ("--perms", "0755", "--dir", folder)]
    return arguments + [part for place, inside in seen.items() for part in ("--ro-bind", place, inside)]
