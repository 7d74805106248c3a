"""The wall between a submission and the process that serves it: a fork in namespaces of its own, with limits.

The fork is the first process but one of its own process namespace: it sees and can signal nobody else, and when it ends
the kernel ends all that it has started. It has /tmp of its own, no privileges and no way to get any. Where the kernel
forbids such namespaces the fork still has its limits, and what it leaves behind is found and ended.
"""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from gancourse.grading.sandbox import Limits

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
MS_BIND, MS_REC = 0x1000, 0x4000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
CAPABILITY_VERSION = 0x20080522
INNER_USER = 1000

libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Processes whose parents end become children of this one, so that they can be found and ended."""
    if sys.platform == "linux":
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # a change of user takes it away, and with it one's own /proc files


def walls() -> bool:
    """Whether this kernel lets a fork have namespaces of its own here."""
    child = os.fork()
    if child == 0:
        _leave(_enter_namespaces)
    return os.waitpid(child, 0)[1] == 0


def spawn(body: Callable[[], None], limits: Limits, walled: bool) -> int:
    """Run body in a fork behind the wall. Returns the process to wait for: its exit code is body's, or 128 + signal.

    walled: what `walls` said. SIGINT to that process reaches body as KeyboardInterrupt.
    """
    guardian = os.fork()
    if guardian == 0:
        _leave(lambda: _guard(body, limits, walled))
    return guardian


def _guard(body: Callable[[], None], limits: Limits, walled: bool) -> None:
    """Enter the namespaces. The next fork is the new namespace's process 1, and the one after it the submission's."""
    _die_with_parent()
    if not walled:
        _hand_on(lambda: _student(body, limits))
    _enter_namespaces()
    _hand_on(lambda: _first(body, limits))


def _first(body: Callable[[], None], limits: Limits) -> None:
    _private_folders(limits)
    _hand_on(lambda: _student(body, limits))


def _leave(action: Callable[[], None]) -> NoReturn:
    """A fork must never return into its parent's code."""
    with contextlib.suppress(BaseException):
        action()
        os._exit(0)
    os._exit(70)


def _hand_on(inner: Callable[[], None]) -> NoReturn:
    """Fork once more, hand interrupts on, and end as the child ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        _die_with_parent()
        _leave(inner)
    signal.signal(signal.SIGINT, lambda *_: os.kill(child, signal.SIGINT))
    _, status = os.waitpid(child, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _student(body: Callable[[], None], limits: Limits) -> None:
    os.setsid()
    for kind, limit in {
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_FSIZE: limits.disk,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits.total_seconds) + 1,
    }.items():
        with contextlib.suppress(ValueError, OSError):  # macOS knows some of them only by name
            resource.setrlimit(kind, (limit, limit))
    _drop_privileges()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    body()


def _enter_namespaces() -> None:
    """Leave the process, mount and message namespaces of the parent. Raises OSError where the kernel forbids it."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in {
        "setgroups": "deny",
        "uid_map": f"{INNER_USER} {user} 1",
        "gid_map": f"{INNER_USER} {group} 1",
    }.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _private_folders(limits: Limits) -> None:
    """An empty /tmp and, where the kernel allows it, a /proc that shows only the namespace's own processes."""
    size = f"size={limits.disk},mode=1777".encode()
    kept = {place: os.open(place, os.O_PATH | os.O_DIRECTORY) for place in _mounted_below("/tmp")}
    libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, size)
    for place, descriptor in kept.items():
        os.makedirs(place, mode=0o755, exist_ok=True)
        libc.mount(f"/proc/self/fd/{descriptor}".encode(), place.encode(), None, MS_BIND | MS_REC, None)
        os.close(descriptor)
    libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, size)
    libc.mount(b"proc", b"/proc", b"proc", 0, None)


def _mounted_below(folder: str) -> list[str]:
    """What is mounted somewhere in a folder. In /tmp it is the interpreter and the package, if installed there."""
    with open("/proc/self/mountinfo") as mounts:
        places = [line.split()[4].replace("\\040", " ") for line in mounts]
    return [place for place in places if place.startswith(f"{folder}/")]


def _drop_privileges() -> None:
    """Give up every capability in the new namespace, and the way to get any by a set-user-id program."""
    if sys.platform != "linux":
        return
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION, 0))
    libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *[0] * 6)))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end(process: int, patience: float = 2.0) -> int:
    """Wait for what spawn started, at most `patience` seconds, end it, and end all it left. Returns the exit code."""
    deadline = time.monotonic() + patience
    done, status = os.waitpid(process, os.WNOHANG)
    while not done and time.monotonic() < deadline:
        time.sleep(0.005)
        done, status = os.waitpid(process, os.WNOHANG)
    if not done:
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    end_children()
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def end_children() -> int:
    """End every child of this process, and theirs, which become its own. Returns how many there were."""
    ended = 0
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
            ended += 1
    return ended


def _children() -> list[int]:
    """The direct children of this process, from /proc; none where there is no /proc."""
    me, found = os.getpid(), []
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []):
        with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat", "rb") as file:
            if int(file.read().rpartition(b")")[2].split()[1]) == me:
                found.append(int(name))
    return found
