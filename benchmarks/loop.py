"""What the training loop itself costs, and whether its memory stays flat over a long run.

    python benchmarks/loop.py [--rounds 9] [--steps 20000]

Overhead: the same players, losses, optimisers and images, once through the Trainer, once in a loop written out by
hand that does nothing but forward, backward and optimiser steps. Rounds alternate between the two. The Trainer also
keeps the average of the generator; "with the average" adds that to the hand's loop as well. Memory: the resident size
of this process after a tenth of the steps of the smallest recipe, and at their end.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from common import spread, write

from gancourse.recipes import recipe_class
from gancourse.recipes.base import Players, Recipe
from gancourse.recipes.game import VanillaGame
from gancourse.training import EMA, Every, Trainer

CASES = {"dcgan": {"batch_size": 64, "size": 32}, "vanilla": {"batch_size": 64}}
STEPS = {"dcgan": 40, "vanilla": 100}


@dataclass
class Setup:
    """One recipe's players, game and batches."""

    recipe: Recipe
    players: Players
    game: VanillaGame

    @classmethod
    def of(cls, name: str) -> "Setup":
        recipe = recipe_class(name).for_budget("laptop", **CASES[name])
        players = recipe.players(recipe.load_data())
        return cls(recipe, players, VanillaGame(players, recipe.latent_dim, recipe.gamma))


def by_hand(setup: Setup, average: bool) -> Callable[[int], None]:
    """The loop that somebody would write for these two players alone."""
    players, game = setup.players, setup.game
    batches = setup.recipe.batches(setup.recipe.load_data())
    ema = EMA(players.generator, setup.recipe.ema_half_life)
    players.generator.requires_grad_(False)

    def run(steps: int) -> None:
        for _ in range(steps):
            real = batches.next()
            players.discriminator.requires_grad_(True)
            loss = game.discriminator_loss(real)
            players.discriminator_optimizer.zero_grad()
            loss.backward()
            players.discriminator_optimizer.step()
            players.discriminator.requires_grad_(False)
            players.generator.requires_grad_(True)
            loss = game.generator_loss(real)
            players.generator_optimizer.zero_grad()
            loss.backward()
            players.generator_optimizer.step()
            players.generator.requires_grad_(False)
            if average:
                ema.update(players.generator, batches.batch_size)

    return run


def through_the_trainer(setup: Setup) -> Callable[[int], None]:
    """The package's loop, as `gancourse train` runs it but for pictures and scores."""
    recipe = setup.recipe
    trainer = recipe.trainer(setup.players, recipe.batches(recipe.load_data()), setup.game.step())
    trainer.learning_rate = lambda progress: 1.0

    def run(steps: int) -> None:
        trainer.total_images = trainer.images + steps * recipe.batch_size
        trainer.run()

    return run


def overhead(name: str, rounds: int) -> list[dict]:
    """Seconds of each contender, round by round, and the Trainer's over the bare loop's."""
    contenders = {
        "by hand": by_hand(Setup.of(name), average=False),
        "by hand, with the average": by_hand(Setup.of(name), average=True),
        "Trainer": through_the_trainer(Setup.of(name)),
    }
    seconds: dict[str, list[float]] = {row: [] for row in contenders}
    for number in range(rounds + 1):  # the first warms up
        for row, run in contenders.items():
            began = time.process_time()
            run(STEPS[name])
            if number:
                seconds[row].append((time.process_time() - began) / STEPS[name] * 1000)
    bare = seconds["by hand"]
    return [
        {"case": name, "row": row, "ms": values, "more": [100 * (v / b - 1) for v, b in zip(values, bare, strict=True)]}
        for row, values in seconds.items()
    ]


def memory(steps: int) -> dict:
    """MiB after each tenth of a long run of the smallest recipe."""
    recipe = recipe_class("points").for_budget("laptop", images=steps * 64, batch_size=64, width=32)
    data = recipe.load_data()
    players = recipe.players(data)
    read = Every(recipe.images // 10, lambda trainer: {"mib": psutil.Process().memory_info().rss / 2**20})
    trainer: Trainer = recipe.trainer(
        players, recipe.batches(data), recipe.step(players), monitors=[read], checkpoint=None
    )
    trainer.run()
    return {"case": "memory", "steps": trainer.steps, "mib": [record["mib"] for record in read.records]}


def table(rows: list[dict]) -> str:
    """Overheads, median (range) over the rounds, and a sentence on memory."""
    lines = ["| recipe, 64 images a step | loop | CPU ms a step | more than by hand, % |", "|---|---|---|---|"]
    for row in rows:
        if row["case"] != "memory":
            more = "" if row["row"] == "by hand" else spread(row["more"], 1)
            lines.append(f"| {row['case']} | {row['row']} | {spread(row['ms'], 2)} | {more} |")
    for row in rows:
        if row["case"] == "memory":
            first, last = row["mib"][0], row["mib"][-1]
            change = f"{first:.1f} MiB after a tenth of {row['steps']:,} steps, {last:.1f} at their end"
            lines += ["", f"Memory of `points` (width 32, 64 points a step): {change}, {last / first - 1:+.2%}."]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for name in CASES for row in overhead(name, options.rounds)] + [memory(options.steps)]
    write(Path(__file__).stem, f"python benchmarks/loop.py --rounds {options.rounds}", table(rows), rows)


if __name__ == "__main__":
    main()
