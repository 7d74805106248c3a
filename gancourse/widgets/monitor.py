"""Watch a training in a notebook, pause it, and look back; or look at a run that `gancourse train` has written."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from torch import nn

from gancourse.errors import CheckpointError, GANCourseError, TrainingInterrupted
from gancourse.recipes.report import losses_of, sample_pictures
from gancourse.recipes.runs import Run
from gancourse.recipes.state import read_state
from gancourse.show import Picture
from gancourse.training import Monitor, Trainer, in_notebook
from gancourse.widgets.album import Album, AlbumView
from gancourse.widgets.background import FAILED, FINISHED, PAUSED, PLAYING, STOPPED, Background
from gancourse.widgets.panel import button

WHOLE_PNG = b"IEND\xaeB`\x82"  # a run that is being trained may be writing its newest samples


class TrainingMonitor(AlbumView, Monitor):
    """Samples from fixed noise over time, a score of them, and the losses, while the networks learn.

    draw: the averaged generator to a picture, always from the same noise; score: to named numbers, among them `metric`.
    frames: how many pictures are taken in a run, beside the one before it.

    As one of a trainer's monitors it shows itself below the cell. `play(trainer)` trains in the background instead:
    the notebook answers, and the run can be paused, stopped, and gone on with.
    """

    def __init__(
        self,
        draw: Callable[[nn.Module], Picture],
        metric: str = "",
        score: Callable[[nn.Module], dict[str, Any]] | None = None,
        floor: float | None = None,
        frames: int = 12,
    ):
        self._draw, self._score, self._times = draw, score, frames
        self._run: Background | None = None
        self._shown = None
        super().__init__(Album(metric, floor))

    def buttons(self) -> list[widgets.Widget]:
        self._play = button("play", "Train, or go on after a pause", self.play, "play")
        self._pause = button("pause", "Wait before the next step", self.pause, "pause")
        self._stop = button("stop", "End the training; what was learned is kept", self.stop, "stop")
        self._enable("")
        return [self._play, self._pause, self._stop]

    def _enable(self, state: str) -> None:
        """Only what can be done in a state can be pressed. Without a state nothing runs in the background."""
        self._play.disabled = state not in (PAUSED, STOPPED, FAILED)
        self._pause.disabled = state != PLAYING
        self._stop.disabled = state not in (PLAYING, PAUSED)

    # What the trainer calls.

    def start(self, trainer: Trainer) -> None:
        self._begin(trainer)
        if self._run is None and in_notebook():
            self._shown = self.display()

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.album.losses = tuple(losses)
        self.album.records.append({"images": trainer.images, **losses})
        if trainer.images >= min(self._due, trainer.total_images):
            self._take(trainer)
        self.say(f"{PLAYING}: {trainer.images:,} of {trainer.total_images:,} images")

    def end(self, trainer: Trainer) -> None:
        """The last picture, or what ended the run. A saved notebook gets the still picture of the whole run."""
        error = sys.exception() if trainer.images < trainer.total_images else None
        if error is None or isinstance(error, TrainingInterrupted):
            self._take(trainer)
        self.renew()
        self.say_why(error)
        if self._run is None:
            self.say(f"{FINISHED if error is None else STOPPED} after {trainer.images:,} images")
        if self._shown is not None:
            self.renew_still(self._shown)

    def _begin(self, trainer: Trainer) -> None:
        """The frame before the first step."""
        self.album.total, self._every = trainer.total_images, -(-trainer.total_images // self._times)
        self._take(trainer)

    def _take(self, trainer: Trainer) -> None:
        """A frame of this moment, with its score, unless there is one."""
        self._due = (trainer.images // self._every + 1) * self._every
        if self.album.frames and self.album.frames[-1][0] == trainer.images:
            return
        generator = trainer.ema.model
        self.album.frames.append((trainer.images, self._draw(generator)))
        if self._score is not None and trainer.images > 0:
            value = self._score(generator)[self.album.metric]
            self.album.records.append({"images": trainer.images, self.album.metric: value})
        self.renew(whole=False)

    # Training in the background.

    def play(self, trainer: Trainer | None = None) -> "TrainingMonitor":
        """Train in the background, or go on after a pause. Returns itself, so that a cell that ends with it shows it.

        trainer: has this monitor among its monitors; it need not be given again.
        """
        if trainer is not None:
            self._run = Background(trainer, self._on_state)
            self._begin(trainer)  # here and now: a cell that ends with this monitor is about to show it
        self._running().play()
        return self

    def _running(self) -> Background:
        if self._run is None:
            raise GANCourseError("Nothing runs in the background yet. Call play(trainer) first.")
        return self._run

    def pause(self) -> None:
        """Wait before the next step."""
        self._running().pause()

    def stop(self) -> None:
        """End the training and its thread; the networks keep what they have learned."""
        self._running().stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of a training in the background, or so many seconds. Returns whether it has ended."""
        return self._running().wait(seconds)

    def _on_state(self, state: str, error: BaseException | None) -> None:
        trainer = self._run.trainer
        self._enable(state)
        if state == PAUSED:
            self.renew()
        self.say_why(error)
        self.say(f"{state}: {trainer.images:,} of {trainer.total_images:,} images")


class RunMonitor(AlbumView):
    """A run folder to look at: its saved samples, its scores beside the floor, its losses."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        super().__init__(album_of(self.folder))
        self._renewed()

    def buttons(self) -> list[widgets.Widget]:
        return [button("look again", "Read the folder again: a run that is being trained goes on", self.look_again)]

    def look_again(self) -> None:
        """Read the folder again."""
        with self._frame.telling():
            self.album = album_of(self.folder)
            self._renewed()

    def _renewed(self) -> None:
        state = read_state(self.folder)
        self.say(f"{self.folder}: {state.get('state', 'of unknown state')}. {state.get('reason', '')}")
        self.renew()


def album_of(folder: Path) -> Album:
    """What a run folder holds. Raises CheckpointError where there is no run, or no samples yet."""
    run = Run.open(folder)
    records = run.records()
    album = Album(
        run.recipe.metric, read_state(folder).get("floor"), run.recipe.images, losses_of(records), records=records
    )
    for path in sample_pictures(folder):
        png = path.read_bytes()
        if png.endswith(WHOLE_PNG):
            album.frames.append((int(path.stem), Picture(png, f"Samples of {run.recipe.name} from fixed noise")))
    if not album.frames:
        raise CheckpointError(f"{folder} has no samples yet: they come after an eighth of the run. Look again later.")
    return album


def monitor_run(folder: Path | str) -> RunMonitor:
    """Look at a run that `gancourse train` has written, or is writing. Raises CheckpointError where there is none."""
    return RunMonitor(folder)
