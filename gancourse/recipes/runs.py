"""A run on disk: everything to look at, to compare, to go on from and to make again.

config.json  environment.json  state.json  metrics.jsonl  tensorboard/  samples/  checkpoint.pt  best.pt  report.md
"""

import contextlib
import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gancourse.errors import CheckpointError, DataError, RecipeError, TrainingStopped
from gancourse.recipes.base import Players, Recipe, Scorer, recipe_class
from gancourse.recipes.provenance import environment
from gancourse.recipes.report import report
from gancourse.recipes.state import RunState, read_state
from gancourse.recipes.watching import Options, Watch, best_record
from gancourse.training import (
    Batches,
    Monitor,
    Trainer,
    distributed,
    load_checkpoint,
    read_json_lines,
    shares,
    told_when_unwritable,
    write_atomically,
)

READING = ("loading", "workers")  # how data get to the device; what they are does not change with it
CHECKPOINTS = {"last": "checkpoint.pt", "best": "best.pt"}


class Run:
    """A recipe at work in a folder. data: its name, as --data takes it."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        data: str,
        device: torch.device | str = "cpu",
        options: Options | None = None,
    ):
        self.folder, self.recipe, self.data, self.device = Path(folder), recipe, data, device
        self.options = options or Options()

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINTS["last"]

    @classmethod
    def open(cls, folder: Path, device: torch.device | str = "cpu") -> "Run":
        """The run that was started in a folder. Raises CheckpointError when there is none."""
        path = Path(folder) / "config.json"
        if not path.is_file():
            raise CheckpointError(
                f"{folder} is no run folder: there is no config.json in it. Name one that train wrote."
            )
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            numbers = {k: v for k, v in config.items() if k not in ("data", "options")}
            recipe, options = recipe_class(config["recipe"]).from_config(numbers), Options(**config.get("options", {}))
            return cls(Path(folder), recipe, config["data"], device, options)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
            raise CheckpointError(f"{path} is damaged: {error}. Restore it, or start a new run.") from error

    @property
    def config(self) -> dict[str, Any]:
        """What must be the same when the run goes on."""
        same = {name: value for name, value in self.recipe.as_config().items() if name not in READING}
        return same | {"data": self.data}

    def read_otherwise(self, **changes: Any) -> None:
        """Let the rest of the run load its data in another way: other numbers of READING.

        Raises RecipeError for any other number: a run that goes on keeps its own.
        """
        others = [name for name in changes if name not in READING]
        if others:
            raise RecipeError(
                f"A run that goes on keeps its {', '.join(others)}; only {' and '.join(READING)} may be set anew. "
                f"For a like run with other numbers: `gancourse again {self.folder} --set name=value`."
            )
        self.recipe = type(self.recipe).from_config(self.recipe.as_config() | changes)

    @functools.cached_property
    def loaded(self) -> Any:
        """The training data, loaded once. Of several processes the first one loads them before the others."""
        return distributed.first_then_all(lambda: self.recipe.load_data(self.data))

    @functools.cached_property
    def scorer(self) -> Scorer | None:
        """What scores this run's generators; its held-out data are loaded once."""
        return self.recipe.scorer(self.data, self.device)

    def start(self) -> None:
        """Make the folder and write down what is about to be done. Nothing is made where the data do not fit.

        Raises CheckpointError when a run is there, DataError when the data are not there or do not fit the recipe,
        RecipeError when there are no networks of this size.
        """
        shares.refuse_uneven(self.recipe.batch_size, self.recipe.accumulate)
        self.recipe.batches(self.loaded)
        self.recipe.players(self.loaded)
        distributed.first_does(self._start_folder)

    def _start_folder(self) -> None:
        if (self.folder / "config.json").exists():
            raise CheckpointError(
                f"{self.folder} holds a run already; nothing was changed. "
                f"Go on with `gancourse train --resume {self.folder}` or choose another folder with --out."
            )
        numbers = self.recipe.as_config() | {"data": self.data}
        self._write_json("config.json", numbers | {"options": asdict(self.options)})
        self._write_json("environment.json", environment(self.device))

    def trainer(self, monitors: tuple[Monitor, ...] = ()) -> Trainer:
        """The trainer of this run, with everything it writes. Going on, it starts at the checkpoint."""
        recipe = self.recipe
        batches, players = recipe.batches(self.loaded, self.device), recipe.players(self.loaded, self.device)
        trainer = recipe.trainer(
            players,
            batches,
            recipe.step(players),
            monitors=(*monitors, *self._watch(batches, players)),
            checkpoint=self.checkpoint,
            config=self.config,
        )
        if distributed.first_does(self.checkpoint.is_file):
            trainer.resume()
        return trainer

    def _watch(self, batches: Batches, players: Players) -> list[Monitor]:
        """What the first process looks at on the way; the others look at nothing."""
        if not distributed.is_first():
            return []
        watch = Watch(self.folder, self.recipe, self.options)
        return watch.monitors(self.loaded, batches, players, self.scorer)

    def _is_complete(self) -> bool:
        """Whether all images were shown and reported. Raises CheckpointError when the checkpoint is damaged."""
        shown = load_checkpoint(self.checkpoint).get("images", 0) if self.checkpoint.is_file() else 0
        reported = (self.folder / "report.md").is_file() and read_state(self.folder).get("state") == "complete"
        return shown >= self.recipe.images and reported

    def train(self, monitors: tuple[Monitor, ...] = ()) -> bool:
        """Train to the end from wherever the run is, then write the report. False: it was complete and is left alone.

        Raises CheckpointError when another process trains here, TrainingStopped when a stopping rule speaks.
        """
        if distributed.first_does(self._is_complete):
            return False
        shares.refuse_uneven(self.recipe.batch_size, self.recipe.accumulate)
        state = RunState(self.folder)
        with contextlib.ExitStack() as held:
            distributed.first_does(lambda: held.enter_context(state.held()))
            try:
                self.trainer((*monitors, state)).run()
            except TrainingStopped as stopped:
                distributed.first_does(functools.partial(self.write_report, str(stopped)))
                raise
            distributed.first_does(lambda: self._finish(state))
        return True

    def _finish(self, state: RunState) -> None:
        state.note(floor=self.floor())
        self.write_report()

    def floor(self) -> float | None:
        """The metric of real data against real data, None where nothing is scored."""
        try:
            return self.scorer.floor(self.loaded) if self.scorer and self.last_scores() else None
        except DataError:
            return None

    def generator(self, which: str = "last") -> nn.Module:
        """The averaged generator of the last or the best checkpoint, in eval mode."""
        if which not in CHECKPOINTS:
            raise CheckpointError(f"There is no checkpoint {which!r}. Choose {' or '.join(CHECKPOINTS)}.")
        path = self.folder / CHECKPOINTS[which]
        if which == "best" and not path.is_file():
            raise CheckpointError(
                f"{self.folder} keeps no best checkpoint: nothing was scored there yet. Use the last."
            )
        state = load_checkpoint(path, self.device)
        generator = self.recipe.players(self.loaded, self.device).generator
        try:
            generator.load_state_dict(state["ema"]["model"])
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(f"{path} does not fit recipe {self.recipe.name!r}: {error}.") from error
        return generator.eval()

    def environment(self) -> dict[str, Any]:
        """Where the run was started; empty when environment.json is gone or damaged."""
        try:
            return dict(json.loads((self.folder / "environment.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def scored(self) -> list[dict]:
        """The records that hold scores, oldest first."""
        return [record for record in self.records() if "n_fake" in record]

    def readings(self) -> list[dict]:
        """Scores and signs: what is true of a moment. A mean of losses depends on when a run was interrupted, too."""
        return [record for record in self.records() if "n_fake" in record or "spread" in record]

    def records(self) -> list[dict]:
        return read_json_lines(self.folder / "metrics.jsonl")

    def last_scores(self) -> dict:
        """The newest record that holds scores; empty when nothing was scored."""
        return next(reversed(self.scored()), {})

    def best_scores(self) -> dict:
        """The record of the best checkpoint; empty when nothing was scored."""
        return best_record(self.records(), self.recipe.metric)

    def write_report(self, stopped: str = "") -> Path:
        """report.md: the curves, the samples over time, the best and the last scores, to look at."""
        path = self.folder / "report.md"
        with told_when_unwritable(path):
            text = report(self, stopped)
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return path

    def again(self, folder: Path, **changes: Any) -> "Run":
        """A new run with the same numbers, data and options in another folder, some numbers changed."""
        config = self.recipe.as_config() | changes
        recipe = type(self.recipe).from_config(config)
        return Run(folder, recipe, self.data, self.device, self.options)

    def _write_json(self, name: str, content: dict) -> None:
        text = json.dumps(content, indent=2) + "\n"
        write_atomically(self.folder / name, lambda temporary: temporary.write_text(text, encoding="utf-8"))
