"""The CycleGAN recipe where pairs are known, over seeds: error of the averaged translations, best of ten and last.

    python benchmarks/translation.py [--seeds 3] [--data scenes] [--jobs 2]

The pairs are used for the error only. Copying the input, and always answering the mean image of the other side, stand
beside it.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from common import spread, watched_run, write

from gancourse.recipes.cyclegan import CycleGAN, l1

KEYS = ("best_a_to_b", "a_to_b", "best_b_to_a", "b_to_a", "identity", "cycle", "cpu_seconds")
HEADS = ("A to B, best of 10", "A to B, last", "B to A, best of 10", "B to A, last", "identity", "cycle", "CPU seconds")


def measure(seed: int, data: str, picture: Path | None) -> dict:
    """Train once at the laptop budget; read both errors ten times on the way."""
    torch.set_num_threads(1)
    recipe = CycleGAN.for_budget("laptop", seed=seed)
    train = recipe.load_data(data)
    row, records = watched_run(recipe, train, recipe.scorer(data), picture)
    best = {f"best_{key}": min(record[key] for record in records) for key in ("a_to_b", "b_to_a")}
    return row | best | records[-1]


def baselines(data: str) -> str:
    """A sentence with the errors of a copy and of the mean image."""
    recipe = CycleGAN.for_budget("laptop")
    train, test = recipe.load_data(data), recipe.load_data(data, "test")
    a, b = test.a.first(len(test.a)), test.b.first(len(test.b))
    mean_a, mean_b = (side.first(len(side)).mean(0, keepdim=True) for side in (train.a, train.b))
    to_b, to_a = l1(mean_b.expand_as(b), b), l1(mean_a.expand_as(a), a)
    return (
        f"A copy: {l1(a, b):.3f} both ways. The mean image of the other side: {to_b:.3f} from A to B, {to_a:.3f} from "
        f"B to A. {len(a)} held-out pairs."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default="scenes", choices=("scenes", "emoji"))
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--pictures", type=Path, help="a folder for translations of seed 0, cyclegan.png")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        pictures = [
            options.pictures / "cyclegan.png" if options.pictures and seed == 0 else None
            for seed in range(options.seeds)
        ]
        rows = list(pool.map(measure, range(options.seeds), [options.data] * options.seeds, pictures))
    torch.set_num_threads(1)
    cells = [spread([row[key] for row in rows], 0 if key == "cpu_seconds" else 3) for key in KEYS]
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS), "| " + " | ".join(cells) + " |"]
    command = f"python benchmarks/translation.py --seeds {options.seeds} --data {options.data}"
    write(f"translation_{options.data}", command, "\n".join(lines) + f"\n\n{baselines(options.data)}", rows)


if __name__ == "__main__":
    main()
