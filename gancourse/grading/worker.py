"""The warm parent: it has imported torch and the lesson's modules once, and forks a fresh process for every submission.

Runs inside the sandbox, alone in its process and with one thread, so that a fork is safe. The host sends requests
through a socket, each with another socket that only the fork uses: what a submission says cannot reach the parent.
No submission's code ever runs in the parent, so none can leave anything to the next.
"""

import ast
import base64
import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gancourse.grading import namespaces
from gancourse.grading.sandbox import Limits, become_nobody

SEALED = ("worker", "integrity", "namespaces", "sandbox")


def main() -> None:
    """Serve requests until the host goes away. Arguments: the number of the control socket, "isolated" or "unsafe"."""
    control = socket.socket(fileno=int(sys.argv[1]))
    isolated = sys.argv[2] == "isolated"
    if isolated:
        become_nobody()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    namespaces.adopt_orphans()
    parent = Parent(control, isolated)
    while (message := socket.recv_fds(control, 1 << 20, 1))[0]:
        answer = parent.answer(json.loads(message[0]), message[1])
        control.sendall(json.dumps(answer).encode() + b"\n")


class Parent:
    """The warm process. One submission at a time runs in its fork."""

    def __init__(self, control: socket.socket, isolated: bool):
        self.control, self.isolated, self.process, self.folder = control, isolated, 0, Path()
        self.fork, self.walled = Fork(Limits()), isolated and namespaces.walls()

    def answer(self, request: dict, passed: list[int]) -> dict[str, Any]:
        """Do what the host asks: warm, fork, interrupt or end."""
        if request["do"] == "warm":
            self.fork = Fork(Limits(**request["limits"]))
            count = warm(request["modules"])
            self.fork.remember()
            gc.collect()
            gc.freeze()  # what is shared is no longer searched for garbage in every fork, which would copy it
            return {"walled": self.walled, "threads": count}
        if request["do"] == "fork":
            channel, self.folder = socket.socket(fileno=passed[0]), Path(tempfile.mkdtemp(prefix="work-"))
            self.process = namespaces.spawn(lambda: self._become(channel), self.fork.limits, self.walled)
            channel.close()
        elif request["do"] == "interrupt" and self.process:
            os.kill(self.process, signal.SIGINT)
        elif request["do"] == "end" and self.process:
            code, self.process = namespaces.end(self.process, request["patience"]), 0
            self._sweep()
            return {"code": code}
        return {}

    def _become(self, channel: socket.socket) -> None:
        self.control.close()
        self.fork.serve(channel, self.folder)

    def _sweep(self) -> None:
        """Remove what a submission has written; behind a wall of its own it could write nothing here."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.isolated and not self.walled:
            for path in (*Path("/tmp").iterdir(), *Path("/dev/shm").iterdir()):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink()


def warm(modules: list[str]) -> int:
    """Import everything that submissions will need, and use an optimiser once: the first step imports much more.

    Returns how many threads this process has: a fork of more than one would not be safe.
    """
    import torch

    from gancourse.checks.core import load_lessons

    torch.set_num_threads(1)
    load_lessons()
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    weight = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    for kind in _below(torch.optim.Optimizer):
        with contextlib.suppress(AttributeError):  # torch wraps `step` when a class is first used: not to be mistaken
            kind.__new__(kind)._patch_step_function()  # for a patch of the student's
    return threads()


def threads() -> int:
    """How many threads this process has; 1 where that cannot be known."""
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1


def _below(kind: type) -> set[type]:
    """All subclasses that are known, theirs too."""
    return set(kind.__subclasses__()).union(*map(_below, kind.__subclasses__()))


class Fork:
    """What a fork does: read requests from its own socket, run cells and checks, answer with signed lines."""

    def __init__(self, limits: Limits):
        from gancourse.grading.shell import RecordingShell

        self.limits, self.shell = limits, RecordingShell.start(limits.output)
        self.offered: list[str] = []  # the seed, while a hidden check is about to read it

    def remember(self) -> None:
        """What everything a check relies on is like, before any student code runs."""
        from gancourse.checks import core
        from gancourse.grading.integrity import Pristine

        core._hidden_seed = _read_once(self.offered, core._hidden_seed())
        self.pristine = Pristine()

    def serve(self, channel: socket.socket, folder: Path) -> None:
        """Run until the host has no more requests. Everything that must not be forged is local to this call."""
        reader = channel.makefile("rb")
        first = json.loads(reader.readline())
        send = _signer(bytes.fromhex(first["key"]), channel)
        _prepare_folder(folder, first["files"])
        examine = _examiner(self.shell, self.limits, self.pristine, self.offered) if first["checks"] else None
        if first["checks"]:
            os.environ["MPLBACKEND"] = "agg"  # nobody looks at the pictures of this run
        shell = self.shell
        _seal()
        del self, first
        send({"ready": True})
        for line in reader:
            request = json.loads(line)
            with _interruptible():
                if request["do"] == "cell":
                    send({"outputs": shell.run(request["source"]), "threads": threads()})
                else:
                    send(examine(request["source"], request["seed"]))
            del request, line


def _signer(key: bytes, channel: socket.socket) -> Callable[[dict], None]:
    """A function that sends a numbered message with its signature. It uses nothing that Python code can replace."""
    from _hashlib import hmac_digest
    from json.encoder import c_make_encoder, encode_basestring_ascii

    encode = c_make_encoder(None, str, encode_basestring_ascii, None, ": ", ", ", False, True, True)
    number, join, write = [0], "".join, channel.sendall

    def send(message: dict) -> None:
        number[0] += 1
        payload = join(encode({"number": number[0], **message}, 0)).encode()
        write(hmac_digest(key, payload, "sha256").hex().encode() + b" " + payload + b"\n")

    return send


def _prepare_folder(folder: Path, files: dict[str, str]) -> None:
    """An empty working folder with what was handed in beside the notebook; input and output lead nowhere."""
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
    sys.path.insert(0, "")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _examiner(shell: Any, limits: Limits, pristine: Any, offered: list[str]) -> Callable[[str, str | None], dict]:
    """A function that runs a check cell around the student's functions and says whether it was left alone."""
    from gancourse.checks import check, core
    from gancourse.grading import integrity
    from gancourse.grading.shell import Outputs, Stream

    watch, transformations = integrity.Watch(), _transformations(shell)
    canary, modes = integrity.canary(core.EXERCISES, core.report), integrity.modes_pushed
    watch.install()

    def examine(source: str, seed: str | None) -> dict:
        outputs, evidence = Outputs(limits.output), pristine.changed() + modes()
        kept = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Stream("stdout", outputs), Stream("stderr", outputs)
        watch.seen.clear()
        watch.on = True
        points, error = _value(source, {**shell.user_ns, "check": check}, seed, offered)
        offered.clear()
        watch.on = False
        sys.stdout, sys.stderr = kept
        evidence += [*pristine.changed(), *modes(), *watch.seen]
        if _transformations(shell) != transformations:
            evidence.append("the notebook's shell was made to change the text of cells")
        evidence += [] if evidence else canary(source)  # after tampering it would only say the same, or fail
        return {"outputs": outputs.finished() + error, "points": points, "evidence": list(dict.fromkeys(evidence))}

    return examine


def _read_once(offered: list[str], public: int) -> Callable[[], int]:
    """A function that hands out the seed that is offered, once: it is gone before the first answer is called."""
    return lambda: int(offered.pop()) if offered else public


def _transformations(shell: Any) -> list[int]:
    """The identities of what the notebook's shell does to the text of a cell; none if it was taken apart."""
    try:
        return [*map(id, [*shell.input_transformers_cleanup, *shell.input_transformers_post, *shell.ast_transformers])]
    except Exception:
        return []


def _value(source: str, names: dict, seed: str | None, offered: list[str]) -> tuple[float | None, list[dict]]:
    """Run a check cell; the value of its last expression, if it is a builtin float, and the error if there was one."""
    value = None
    try:
        for statement in ast.parse(source).body:
            offered[:] = [seed] if seed is not None and _asks_hidden(statement) else []
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), "<check>", "eval"), names)
            else:
                value = exec(compile(ast.Module([statement], []), "<check>", "exec"), names)
    except BaseException as error:  # whatever an answer raises is the answer's result
        name = type(error).__name__
        return None, [{"output_type": "error", "ename": name, "evalue": _words(error), "traceback": [name]}]
    return (value, []) if type(value) is float else (None, [])


def _asks_hidden(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.keyword) and node.arg == "hidden" for node in ast.walk(statement))


def _words(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except BaseException:
        return "(its message could not be read)"


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT counts only while student code runs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _seal() -> None:
    """Take this machinery out of reach of `import`: a module imported anew is another one."""
    package = sys.modules["gancourse.grading"]
    for name in SEALED:
        sys.modules.pop(f"gancourse.grading.{name}", None)
        if hasattr(package, name):
            delattr(package, name)


if __name__ == "__main__":
    main()
