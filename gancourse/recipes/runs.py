"""A run on disk: everything to look at, to compare, to go on from and to make again.

config.json  environment.json  metrics.jsonl  tensorboard/  samples/  checkpoint.pt  report.md
"""

import importlib.metadata
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gancourse import __version__, show
from gancourse.errors import CheckpointError
from gancourse.recipes.base import Recipe, recipe_class
from gancourse.training import (
    Every,
    JsonLines,
    Monitor,
    TensorBoard,
    Trainer,
    distributed,
    load_checkpoint,
    read_json_lines,
    write_atomically,
)

SAMPLE_TIMES, SCORE_TIMES = 8, 4


class Run:
    """A recipe at work in a folder."""

    def __init__(self, folder: Path, recipe: Recipe, data: str, device: torch.device | str = "cpu"):
        self.folder, self.recipe, self.data, self.device = Path(folder), recipe, data, device

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

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
            recipe = recipe_class(config["recipe"]).from_config({k: v for k, v in config.items() if k != "data"})
            return cls(Path(folder), recipe, config["data"], device)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError) as error:
            raise CheckpointError(f"{path} is damaged: {error}. Restore it, or start a new run.") from error

    @property
    def config(self) -> dict[str, Any]:
        return self.recipe.as_config() | {"data": self.data}

    def start(self) -> None:
        """Make the folder and write down what is about to be done. Raises CheckpointError when a run is there."""
        if (self.folder / "config.json").exists():
            raise CheckpointError(
                f"{self.folder} holds a run already; nothing was changed. "
                f"Go on with `gancourse train --resume {self.folder}` or choose another folder with --out."
            )
        self._write_json("config.json", self.config)
        self._write_json("environment.json", environment(self.device))

    def trainer(self, monitors: tuple[Monitor, ...] = ()) -> Trainer:
        """The trainer of this run, with everything it writes. Going on, it starts at the checkpoint."""
        recipe = self.recipe
        data = distributed.first_then_all(lambda: recipe.load_data(self.data))
        batches = recipe.batches(data, self.device)
        players = recipe.players(data, self.device)
        lines, board = JsonLines(self.folder / "metrics.jsonl"), TensorBoard(self.folder / "tensorboard")
        trainer = recipe.trainer(
            players,
            batches,
            recipe.step(players),
            monitors=(*monitors, lines, board, *self._regular(lines, board)),
            checkpoint=self.checkpoint,
            config=self.config,
        )
        if distributed.first_does(self.checkpoint.is_file):
            trainer.resume()
        return trainer

    def _regular(self, lines: JsonLines, board: TensorBoard) -> list[Monitor]:
        """Samples and scores, some times in a run."""
        if not distributed.is_first():
            return []
        recipe = self.recipe
        scorer = recipe.scorer(self.data, self.device)

        def draw(trainer: Trainer) -> None:
            recipe.picture(trainer.ema.model).save(self.folder / "samples" / f"{trainer.images:09d}.png")

        def score(trainer: Trainer) -> dict:
            scores = scorer(trainer.ema.model)
            lines.add(trainer, scores)
            board.add(trainer, {f"score/{k}": v for k, v in scores.items() if isinstance(v, int | float)})
            return scores

        regular: list[Monitor] = [Every(-(-recipe.images // SAMPLE_TIMES), draw)]
        return regular + ([Every(-(-recipe.images // SCORE_TIMES), score)] if scorer else [])

    def train(self, monitors: tuple[Monitor, ...] = ()) -> None:
        """Train to the end from wherever the run is, then write the report."""
        self.trainer(monitors).run()
        self.write_report()

    def generator(self) -> nn.Module:
        """The averaged generator of the checkpoint, in eval mode."""
        state = load_checkpoint(self.checkpoint, self.device)
        generator = self.recipe.players(self.recipe.load_data(self.data), self.device).generator
        try:
            generator.load_state_dict(state["ema"]["model"])
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(f"{self.checkpoint} does not fit recipe {self.recipe.name!r}: {error}.") from error
        return generator.eval()

    def records(self) -> list[dict]:
        return read_json_lines(self.folder / "metrics.jsonl")

    def last_scores(self) -> dict:
        """The newest record that holds scores; empty when nothing was scored."""
        return next((record for record in reversed(self.records()) if "n_fake" in record), {})

    def write_report(self) -> Path:
        """report.md: the curves, the samples over time and the last scores, to look at."""
        records = self.records()
        names = [n for n in ("discriminator", "generator") if any(n in r for r in records)]
        show.curves(records, names, "The losses of both players over the run").save(self.folder / "losses.png")
        path = self.folder / "report.md"
        text = _report(self, self.last_scores(), sorted((self.folder / "samples").glob("*.png")))
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return path

    def _write_json(self, name: str, content: dict) -> None:
        text = json.dumps(content, indent=2) + "\n"
        write_atomically(self.folder / name, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _report(run: Run, scores: dict, samples: list[Path]) -> str:
    rows = "\n".join(f"| {name} | {_shown(value)} |" for name, value in scores.items())
    pictures = "\n\n".join(
        f"{int(p.stem):,} images shown\n\n![Samples after {int(p.stem):,} images](samples/{p.name})" for p in samples
    )
    numbers = "\n".join(f"| {name} | {value} |" for name, value in run.config.items())
    return (
        f"# {run.recipe.title}\n\nMade by `gancourse train {run.recipe.name}`; go on with "
        f"`gancourse train --resume FOLDER`.\n\n## Scores\n\n| | |\n|---|---|\n{rows}\n\n"
        f"## Losses\n\n![Losses of both players](losses.png)\n\n## Samples\n\n{pictures}\n\n"
        f"## Numbers\n\n| | |\n|---|---|\n{numbers}\n"
    )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def environment(device: torch.device | str) -> dict[str, Any]:
    """What a figure depends on beside the recipe."""
    return {
        "gancourse": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": importlib.metadata.version("numpy"),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if "cuda" in str(device) else str(device),
        "threads": torch.get_num_threads(),
        "command": sys.argv,
        "git": _git_revision(),
    }


def _git_revision() -> str | None:
    """The revision of the checkout that the package runs from, None for an installed one."""
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
