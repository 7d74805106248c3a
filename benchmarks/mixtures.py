"""Broken and cured on the grid of 25, over seeds: the table of lesson 1.

python benchmarks/mixtures.py [--seeds 5] [--ablations]

With --ablations the cured game is played without one of its cures at a time.
"""

import argparse
import time

import torch
from common import spread, write

from gancourse.recipes.points import Points

CURED_WITHOUT = {
    "R1": {"gamma": 0.0},
    "the non-saturating loss": {"saturating": True},
    "momentum-free Adam": {"betas": (0.9, 0.999)},
    "a falling learning rate": {"decay_from": 0.999},
    "the average": {},
}
RAW = ("broken", "cured, without the average")


def games(seed: int, ablations: bool) -> dict[str, Points]:
    """The recipes to compare, by name."""
    if not ablations:
        return {"broken": Points.broken(seed), "cured": Points.for_budget("laptop", seed=seed)}
    changed = {name: Points.for_budget("laptop", seed=seed, **change) for name, change in CURED_WITHOUT.items()}
    return {f"cured, without {name}": recipe for name, recipe in changed.items()}


def measure(name: str, recipe: Points) -> dict:
    """Train once; score the averaged generator, or the raw one of the games without an average."""
    data = recipe.load_data("grid")
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    began = time.process_time()
    trainer.run()
    seconds = time.process_time() - began
    scorer = recipe.scorer("grid")
    scores = scorer(players.generator if name in RAW else trainer.ema.model)
    return {"game": name, "seed": recipe.seed, "cpu_seconds": seconds, **scores}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ablations", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(options.seeds):
        for name, recipe in games(seed, options.ablations).items():
            rows.append(measure(name, recipe))
            print(rows[-1], flush=True)
    lines = ["| game | modes of 25 | good samples | CPU seconds |", "|---|---|---|---|"]
    for name in dict.fromkeys(row["game"] for row in rows):
        mine = [row for row in rows if row["game"] == name]
        columns = (("modes", 0), ("high_quality", 3), ("cpu_seconds", 0))
        cells = [spread([row[key] for row in mine], digits) for key, digits in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    flag = " --ablations" if options.ablations else ""
    command = f"python benchmarks/mixtures.py --seeds {options.seeds}{flag}"
    write("mixtures_ablations" if options.ablations else "mixtures", command, "\n".join(lines), rows)


if __name__ == "__main__":
    main()
