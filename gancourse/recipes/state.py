"""What became of a run: running, complete, or ended early and why. One process at a time may train in a folder."""

import contextlib
import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gancourse.errors import CheckpointError, ProcessLost, TrainingError, TrainingInterrupted, TrainingStopped
from gancourse.training import Monitor, Trainer, seconds_of_compiling, told_when_unwritable, write_atomically

WRITE_EVERY = 10.0  # seconds
ENDINGS = (
    (TrainingStopped, "stopped"),
    (ProcessLost, "failed"),
    (TrainingError, "diverged"),
    ((TrainingInterrupted, KeyboardInterrupt), "interrupted"),
    (BaseException, "failed"),
)


class RunState(Monitor):
    """Keeps state.json of a run folder: the state, the reason for an early end, images, seconds of training (and how
    many of them torch.compile took, the last time), dates."""

    def __init__(self, folder: Path):
        self.path = folder / "state.json"
        self._lock = FileLock(folder / ".lock")
        self._now: dict[str, Any] = read_state(folder) or {"started": _date(), "seconds": 0.0}
        self._before, self._began, self._due = self._now["seconds"], time.monotonic(), 0.0
        self._compiled = seconds_of_compiling()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The run is this process's until the end of the block, and what ends the block is written down.

        Raises CheckpointError when another process trains in the folder.
        """
        with told_when_unwritable(self.path):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise CheckpointError(
                    f"{self.path.parent} is being trained by another process; nothing was changed. Wait until it is "
                    "done (`gancourse runs` shows how far it is), or stop it with Ctrl-C there."
                ) from None
        try:
            self._write(state="running", reason="")
            yield
        except BaseException as error:
            state = next(name for kinds, name in ENDINGS if isinstance(error, kinds))
            with contextlib.suppress(CheckpointError):  # the first error is the one to be told
                self._write(state=state, reason=str(error))
            raise
        else:
            self._write(state="complete")
        finally:
            self._lock.release()

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + WRITE_EVERY
            self._write(images=trainer.images)

    def end(self, trainer: Trainer) -> None:
        self._now["images"] = trainer.images
        if compiling := seconds_of_compiling() - self._compiled:
            self._now["compile_seconds"] = round(compiling, 2)

    def note(self, **facts: Any) -> None:
        """Write down something more about the run."""
        self._write(**facts)

    def _write(self, **changes: Any) -> None:
        seconds = self._before + time.monotonic() - self._began
        self._now |= {"updated": _date(), "seconds": round(seconds, 2), **changes}
        text = json.dumps(self._now, indent=2) + "\n"
        write_atomically(self.path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_state(folder: Path) -> dict[str, Any]:
    """What state.json says; nothing when it is missing or damaged: the run itself does not depend on it."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return state if isinstance(state.get("seconds"), int | float) else {}
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError):
        return {}


def is_running(folder: Path) -> bool:
    """Whether a process of this machine trains in the folder now."""
    if not (folder / ".lock").is_file():
        return False
    lock = FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _date() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
