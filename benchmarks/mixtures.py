"""Broken and cured on the grid of 25, over seeds: the table of lesson 1.

python benchmarks/mixtures.py [--seeds 5]
"""

import argparse
import time

import torch
from common import spread, write

from gancourse.recipes.points import Points


def measure(name: str, recipe: Points) -> dict:
    """Train once; score the raw generator of the broken game and the averaged one of the cured game."""
    data = recipe.load_data("grid")
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    began = time.process_time()
    trainer.run()
    seconds = time.process_time() - began
    generator = players.generator if name == "broken" else trainer.ema.model
    scores = recipe.scorer("grid")(generator)
    return {"game": name, "seed": recipe.seed, "cpu_seconds": seconds, **scores}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    rows = []
    for seed in seeds:
        for name, recipe in (("broken", Points.broken(seed)), ("cured", Points.for_budget("laptop", seed=seed))):
            rows.append(measure(name, recipe))
            print(rows[-1], flush=True)
    lines = ["| game | modes of 25 | good samples | CPU seconds |", "|---|---|---|---|"]
    for name in ("broken", "cured"):
        mine = [row for row in rows if row["game"] == name]
        cells = [
            spread([row[key] for row in mine], digits)
            for key, digits in (("modes", 0), ("high_quality", 3), ("cpu_seconds", 0))
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    write("mixtures", f"python benchmarks/mixtures.py --seeds {len(seeds)}", "\n".join(lines), rows)


if __name__ == "__main__":
    main()
