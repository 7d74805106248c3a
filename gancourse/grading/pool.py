"""The host's side of a warm parent: start it in a sandbox, open a session for a submission, talk, end everything."""

import base64
import contextlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil

import gancourse
from gancourse.errors import GradingError
from gancourse.grading import sandbox
from gancourse.grading.sandbox import Limits

WARM_SECONDS = 120.0
GRACE_SECONDS = 3.0
WATCH_SECONDS = 0.5
LONGEST_MESSAGE = 64 << 20


class SessionEnded(Exception):
    """The process that ran a submission is gone, or had to be ended. Its words are the reason."""


class ForgedMessage(Exception):
    """Somebody other than the check wrote into the channel of the results."""


class WarmParent:
    """A process that has imported torch, in a sandbox, and forks a fresh child for every session.

    isolated: False runs student code with the rights of the caller, who must have asked for it.
    """

    def __init__(self, modules: list[str], limits: Limits, isolated: bool = True):
        self.modules, self.limits, self.isolated = modules, limits, isolated
        self._process: subprocess.Popen | None = None

    def start(self) -> dict:
        """Start and warm it. Returns what it reports: how many threads it has, and whether forks get own walls."""
        here, there = socket.socketpair()
        argv = [sys.executable, "-m", "gancourse.grading.worker", str(there.fileno())]
        argv.append("isolated" if self.isolated else "unsafe")
        self._process = subprocess.Popen(
            sandbox.command(argv, self.limits.disk) if self.isolated else argv,
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=None if self.isolated else _unsafe_environment(),
            start_new_session=True,
        )
        there.close()
        self._control = here
        try:
            return self._ask({"do": "warm", "modules": self.modules, "limits": asdict(self.limits)}, WARM_SECONDS)
        except SessionEnded as error:
            said = self._process.stderr.read().decode(errors="replace")[-800:]
            raise GradingError(f"The grading process did not start: {error}. It said: {said or 'nothing'}") from error

    def close(self) -> None:
        """End it, and with it everything in its sandbox."""
        if self._process is None:
            return
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()
        self._process = None

    @contextlib.contextmanager
    def session(self, files: dict[str, bytes], checks: bool) -> Iterator["Session"]:
        """A fresh process for one submission, which finds `files` in its folder; checks: whether it may run them."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self.start()
        here, there = socket.socketpair()
        self._ask({"do": "fork"}, GRACE_SECONDS * 10, there)
        there.close()
        session = Session(self, here)
        try:
            session.open(files, checks)
            yield session
        finally:
            here.close()
            with contextlib.suppress(SessionEnded):
                self.end(0.0)

    def memory(self) -> int:
        """Bytes of memory of all its processes. What a fork shares with its parent counts in both."""
        total = 0
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                info = process.memory_info()
                total += info.rss - getattr(info, "shared", 0)
        return total

    def interrupt(self) -> None:
        """SIGINT for the running session."""
        self._ask({"do": "interrupt"}, GRACE_SECONDS)

    def end(self, patience: float) -> int:
        """End the running session and all its processes. Returns its exit code; 128 + n after signal n."""
        return self._ask({"do": "end", "patience": patience}, patience + 30).get("code", 0)

    def _ask(self, request: dict, seconds: float, passed: socket.socket | None = None) -> dict:
        """One request, one answer. A parent that does not answer is ended; the next session starts another."""
        try:
            self._control.settimeout(seconds)
            socket.send_fds(self._control, [json.dumps(request).encode()], [passed.fileno()] if passed else [])
            answer = b""
            while not answer.endswith(b"\n"):
                part = self._control.recv(1 << 16)
                if not part:
                    raise ConnectionError("it went away")
                answer += part
            return json.loads(answer)
        except OSError as error:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            raise SessionEnded(f"the process that serves the submissions was lost ({error})") from error


def _unsafe_environment() -> dict[str, str]:
    """The caller's environment, without the seed of the hidden checks."""
    mine = {name: value for name, value in os.environ.items() if name != "GANCOURSE_HIDDEN_SEED"}
    return mine | sandbox.environment() | {"PYTHONPATH": str(Path(gancourse.__file__).parents[1])}


class Session:
    """One submission's process. Every message is numbered and signed with a key that only it and the host know."""

    def __init__(self, parent: WarmParent, channel: socket.socket):
        self._parent, self._channel = parent, channel
        self._key, self._number, self._rest = secrets.token_bytes(32), 0, b""
        self._ends = time.monotonic() + parent.limits.total_seconds

    def open(self, files: dict[str, bytes], checks: bool) -> None:
        """Hand over the key and the files, and wait until it is ready."""
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        try:
            self._send({"key": self._key.hex(), "files": encoded, "checks": checks})
            self._receive(time.monotonic() + WARM_SECONDS)
        except OSError:
            raise SessionEnded(f"it could not be started: {self._why()}") from None

    def run(self, **request: str | None) -> dict:
        """Send a cell or a check; its answer, with "timed_out" if it had to be interrupted.

        Raises SessionEnded when the process did not survive it, ForgedMessage when the answer is not its own.
        """
        limits, now = self._parent.limits, time.monotonic()
        deadline = min(now + limits.cell_seconds, self._ends)
        try:
            self._send(request)
            return self._receive(deadline)
        except TimeoutError:
            return self._interrupted()
        except OSError:
            raise SessionEnded(self._why()) from None

    def _interrupted(self) -> dict:
        spent = f"{self._parent.limits.cell_seconds:g} s"
        if time.monotonic() >= self._ends:
            spent = f"{self._parent.limits.total_seconds:g} s for the whole notebook"
        try:
            self._parent.interrupt()
            return self._receive(time.monotonic() + GRACE_SECONDS) | {"timed_out": spent}
        except OSError:
            self._parent.end(0.0)
            raise SessionEnded(f"it ran longer than {spent} and could not be interrupted") from None

    def _send(self, message: dict) -> None:
        self._channel.settimeout(GRACE_SECONDS * 10)
        self._channel.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self, deadline: float) -> dict:
        while b"\n" not in self._rest:
            part = self._part(deadline)
            if not part:
                raise ConnectionError
            self._rest += part
            if len(self._rest) > LONGEST_MESSAGE:
                raise ForgedMessage("more was written into the channel of the results than a cell may output")
        line, _, self._rest = self._rest.partition(b"\n")
        return self._verified(line)

    def _part(self, deadline: float) -> bytes:
        """What comes next. While nothing comes, the memory of all the submission's processes is watched."""
        while True:
            left = deadline - time.monotonic()
            self._channel.settimeout(max(0.001, min(left, WATCH_SECONDS)))
            try:
                return self._channel.recv(1 << 20)
            except TimeoutError:
                if left <= WATCH_SECONDS:
                    raise
            if self._parent.memory() > self._parent.limits.memory_in_all:
                self._parent.end(0.0)
                gigabytes = self._parent.limits.memory_in_all / 2**30
                raise SessionEnded(f"its processes used more than {gigabytes:g} GiB of memory together")

    def _verified(self, line: bytes) -> dict:
        signature, _, payload = line.partition(b" ")
        good = hmac.new(self._key, payload, "sha256").hexdigest().encode()
        message = json.loads(payload) if hmac.compare_digest(signature, good) else {}
        self._number += 1
        if message.get("number") != self._number:
            raise ForgedMessage("something other than the check wrote into the channel of the results")
        return message

    def _why(self) -> str:
        """How the process ended, in words."""
        code = self._parent.end(2.0)
        if code > 128:
            return f"the process was ended by signal {code - 128}"
        return f"the process ended itself with exit code {code}"
