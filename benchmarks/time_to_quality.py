"""How long our recipes take to reach what the field's usual scripts reach: wall seconds of training, scoring left out.

    python benchmarks/time_to_quality.py [--seeds 3] [--seconds 60] [--threads 2]

The usual script (usual/) trains for so many seconds on the embedded images; its generator is scored at the end. Then
our recipe trains at its laptop budget and is scored twenty times on the way: the moment counts at which its average is
first as good. Both are compared with the same held-out images, N = 2,000. The script draws its pictures in training
mode, where batch norm looks at the batch; its generator is scored in either mode, and the better score counts.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import torch
from common import spread, write
from torch import nn
from usual import dcgan, wgan_gp

from gancourse.data import fashion_mnist
from gancourse.metrics import ImageScorer
from gancourse.recipes import recipe_class
from gancourse.recipes.game import generate
from gancourse.training import Monitor, Trainer

N, BATCH = 2000, 64


class Reached(Exception):
    """The score that was to be reached is reached."""


class Stopwatch(Monitor):
    """Scores the average twenty times in a run. seconds: of training alone, when `wanted` was first reached."""

    def __init__(self, score: Callable[[nn.Module], dict], wanted: float):
        self.score, self.wanted, self.seconds, self.nfd = score, wanted, 0.0, float("inf")

    def start(self, trainer: Trainer) -> None:
        self._every, self._due = trainer.total_images / 20, trainer.total_images / 20
        self._began = time.perf_counter()

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        if trainer.images < self._due:
            return
        self._due += self._every
        self.seconds += time.perf_counter() - self._began
        self.nfd = self.score(trainer.ema.model)["nfd"]
        if self.nfd <= self.wanted:
            raise Reached
        self._began = time.perf_counter()


def usual_run(name: str, pixels: torch.Tensor, out: TextIO) -> tuple[nn.Module, Iterator]:
    """The networks of the script and its endless training; gan.py's loop is dcgan.py's, on wgan_gp.py's networks."""
    generator, other = wgan_gp.Generator(), wgan_gp.Critic()
    if name == "wgan_gp":
        return generator, wgan_gp.train(generator, other, pixels, BATCH, out)
    return generator, dcgan.train(generator, other, pixels, BATCH, out, size=28)


@torch.no_grad()
def usual_score(generator: nn.Module) -> float:
    """The nFD of a script's generator in the mode that suits it better."""
    score, noise = ImageScorer(fashion_mnist("test").first(N)), torch.randn(N, dcgan.LATENT)
    in_training = torch.cat([generator.train()(part) for part in noise.split(BATCH)])
    return min(score(in_training).nfd, score(generate(generator, noise)).nfd)


def measure(name: str, seed: int, seconds: float) -> dict:
    """The script's final score, and when ours is first as good."""
    torch.manual_seed(seed)
    done = 0
    with open(os.devnull, "w") as nowhere:
        generator, steps = usual_run(name, fashion_mnist().images, nowhere)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            next(steps)
            done += 1
    usual = usual_score(generator)
    recipe = recipe_class(name).for_budget("laptop", seed=seed)
    data = recipe.load_data()
    players = recipe.players(data)
    watch = Stopwatch(recipe.scorer(n=N), usual)
    with contextlib.suppress(Reached):
        recipe.trainer(players, recipe.batches(data), recipe.step(players), monitors=[watch]).run()
    return {
        "recipe": name, "seed": seed, "usual_nfd": usual, "usual_seconds": seconds, "usual_steps": done,
        "reached": watch.nfd <= usual, "nfd": watch.nfd, "seconds": watch.seconds, "share": watch.seconds / seconds,
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """A line a recipe, median (range) over the seeds."""
    lines = ["| recipe | usual script: seconds | its nFD then | as good after, seconds | share | reached |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for name in dict.fromkeys(row["recipe"] for row in rows):
        mine = [row for row in rows if row["recipe"] == name]
        cells = [spread([row[key] for row in mine], d) for key, d in (("usual_nfd", 3), ("seconds", 1), ("share", 2))]
        reached = f"{sum(row['reached'] for row in mine)} of {len(mine)}"
        lines.append(f"| {name} | {mine[0]['usual_seconds']:.0f} | " + " | ".join([*cells, reached]) + " |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    for name in ("vanilla", "wgan_gp"):
        for seed in range(options.seeds):
            rows.append(measure(name, seed, options.seconds))
            print(rows[-1], flush=True)
    command = f"python benchmarks/time_to_quality.py --seeds {options.seeds} --seconds {options.seconds:.0f}"
    write(Path(__file__).stem, command, table(rows), rows)


if __name__ == "__main__":
    main()
