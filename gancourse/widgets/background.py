"""A training run in a thread of its own: the notebook answers meanwhile, and the run waits or ends between two steps.

Torch lets go of Python's lock while it computes, so the kernel's own thread is free in between. One run at a time: a
cell that is run again must not leave the old run behind, which would take half of the machine and never be seen.
"""

import atexit
import threading
from collections.abc import Callable
from typing import Any

from gancourse.errors import TrainingInterrupted
from gancourse.training import Batches, Trainer

THREAD = "gancourse-training"
PLAYING, PAUSED, STOPPED, FINISHED, FAILED = "playing", "paused", "stopped", "finished", "failed"
PATIENCE = 10.0  # seconds in which a step is over

Told = Callable[[str, BaseException | None], None]


class Gated:
    """Batches that ask before each one. A run that is ended there has lost nothing: it goes on with this batch."""

    def __init__(self, batches: Batches, ask: Callable[[], None]):
        self.batches, self._ask = batches, ask

    def next(self) -> Any:
        self._ask()
        return self.batches.next()

    def next_part(self, part: Callable[[Any], Any]) -> Any:
        """A part of the next batch; the rest is not read where the batches can leave it out."""
        self._ask()
        next_part = getattr(self.batches, "next_part", None)
        return next_part(part) if next_part else part(self.batches.next())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


class Background:
    """Runs a trainer in a thread. told: what is called, from that thread, with each new state and the error of a
    failed run."""

    _latest: "Background | None" = None

    def __init__(self, trainer: Trainer, told: Told):
        if Background._latest is not None and Background._latest.trainer is trainer:
            Background._latest.stop()  # its thread asks at the gate that is replaced below
        self.trainer, self._told = trainer, told
        self._wanted, self._changed = PLAYING, threading.Condition()
        self._thread: threading.Thread | None = None
        batches = trainer.batches.batches if isinstance(trainer.batches, Gated) else trainer.batches
        trainer.batches = Gated(batches, self._wait_for_turn)

    @property
    def alive(self) -> bool:
        """Whether the thread is there, at work or waiting."""
        return self._thread is not None and self._thread.is_alive()

    def play(self) -> None:
        """Start, or go on. Another run in the background is stopped first."""
        self._take_over()
        self._want(PLAYING)
        if not self.alive and self.trainer.images < self.trainer.total_images:
            self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Wait before the next step, until `play` or `stop`."""
        self._want(PAUSED)

    def stop(self) -> None:
        """End the run before the next step, and its thread. What was learned is kept; `play` goes on."""
        self._want(STOPPED)
        self.wait(PATIENCE)

    def wait(self, seconds: float | None = None) -> bool:
        """Until the thread has ended, or so many seconds; returns whether it has."""
        if self.alive and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return not self.alive

    def _take_over(self) -> None:
        before, Background._latest = Background._latest, self
        if before is None:
            atexit.register(_stop_latest)
        elif before is not self:
            before.stop()

    def _want(self, state: str) -> None:
        with self._changed:
            self._wanted = state
            self._changed.notify_all()

    def _wait_for_turn(self) -> None:
        """Called by the run's thread before each step."""
        with self._changed:
            if self._wanted == PAUSED:
                self._told(PAUSED, None)
                self._changed.wait_for(lambda: self._wanted != PAUSED)
                if self._wanted == PLAYING:
                    self._told(PLAYING, None)
            stopped = self._wanted == STOPPED
        if stopped:
            self.trainer.save()
            raise TrainingInterrupted(
                f"Stopped by hand after step {self.trainer.steps} ({self.trainer.images:,} of "
                f"{self.trainer.total_images:,} images). The networks hold what they have learned so far; play goes on."
            )

    def _run(self) -> None:
        self._told(PLAYING, None)
        try:
            self.trainer.run()
        except TrainingInterrupted as stopped:
            self._told(STOPPED, stopped)
        except BaseException as error:  # nobody else would hear of it
            self._told(FAILED, error)
        else:
            self._told(FINISHED, None)


def _stop_latest() -> None:
    """A thread that computes while Python goes down may take the process with it."""
    if Background._latest is not None:
        Background._latest.stop()
