"""What the benchmarks share: a run scored on its way, medians with their spread, a dated table beside its command."""

import datetime
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gancourse.recipes import Recipe
from gancourse.training import Every, Trainer

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """The processor, the threads in use and the versions that the figures depend on."""
    names = [line for line in _cpu_info() if line.startswith("model name")]
    name = names[0].partition(":")[2].strip() if names else platform.processor()
    threads = torch.get_num_threads()
    return (
        f"{name}, {threads} thread{'s' * (threads > 1)}, Python {platform.python_version()}, torch {torch.__version__}"
    )


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def spread(values: list[float], digits: int = 3) -> str:
    """The median and the range, as text."""
    shown = [f"{v:.{digits}f}" for v in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def watched_run(
    recipe: Recipe, train: Any, scorer: Callable[[nn.Module], dict], picture: Path | None
) -> tuple[dict, list[dict]]:
    """Train once; score the average ten times on the way, out of the time that is counted.

    Returns the seed, the steps and the CPU seconds of training, and the ten records. picture: a PNG of samples.
    """
    players, scoring = recipe.players(train), 0.0

    def score(trainer: Trainer) -> dict:
        nonlocal scoring
        began = time.process_time()
        scores = scorer(trainer.ema.model)
        scoring += time.process_time() - began
        return scores

    watch = Every(recipe.images // 10, score)
    trainer = recipe.trainer(players, recipe.batches(train), recipe.step(players), monitors=[watch])
    began = time.process_time()
    trainer.run()
    seconds = time.process_time() - began - scoring
    if picture:
        recipe.picture(trainer.ema.model).save(picture)
    return {"seed": recipe.seed, "steps": trainer.steps, "cpu_seconds": seconds}, watch.records


def write(name: str, command: str, table: str, rows: list[dict]) -> None:
    """results/NAME.md for people and NAME.json for programs; prints the table."""
    RESULTS.mkdir(exist_ok=True)
    head = f"`{command}`, {datetime.date.today()}, {machine()}"
    (RESULTS / f"{name}.md").write_text(f"{head}\n\n{table}\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"{head}\n\n{table}")
