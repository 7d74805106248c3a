"""The image recipes on the embedded images, over seeds: quality of the averaged generator, beside the floor.

    python benchmarks/images.py [--recipes dcgan wgan_gp ...] [--seeds 3] [--data embedded] [--n 2000] [--jobs 2]

With --data full the reference is the test set's first n images; 2,500 is what the goals are stated for. Recipes that
are not named keep their row of the last time.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from common import RESULTS, spread, watched_run, write

from gancourse.recipes import recipe_class
from gancourse.recipes.images import ImageRecipe

RECIPES = ("vanilla", "dcgan", "wgan_gp", "conditional", "progressive")
DIGITS = {"best_nfd": 3, "nfd": 3, "precision": 2, "recall": 2, "agreement": 3, "classes": 0, "cpu_seconds": 0}
HEADS = ("nFD best of 10", "nFD last", "precision", "recall", "agreement with the label", "classes", "CPU seconds")


def measure(name: str, seed: int, data: str, n: int, picture: Path | None) -> dict:
    """Train once on the embedded images; score the average ten times on the way: the best of them, and the last."""
    torch.set_num_threads(1)
    recipe: ImageRecipe = recipe_class(name).for_budget("laptop", seed=seed)
    embedded = recipe.load_data("embedded")
    row, records = watched_run(recipe, embedded, recipe.scorer(data, n=n), picture)
    best = min(record["nfd"] for record in records)
    return {"recipe": name, **row, "batch": recipe.batch_size, "best_nfd": best, **records[-1]}


def table(rows: list[dict], data: str, n: int) -> str:
    """A line a recipe, median (range) over its seeds."""
    lines = ["| recipe | steps x batch | seeds | " + " | ".join(HEADS) + " |", "|" + "---|" * (3 + len(HEADS))]
    for name in RECIPES:
        mine = [row for row in rows if row["recipe"] == name]
        if mine:
            cells = [_cell(mine, key, digits) for key, digits in DIGITS.items()]
            head = f"| {name} | {mine[0]['steps']} x {mine[0]['batch']} | {len(mine)} | "
            lines.append(head + " | ".join(cells) + " |")
    floor = recipe_class("vanilla").for_budget("laptop").floor(data, n)
    return "\n".join(lines) + f"\n\nFloor (real train images against the same {n} test images): nFD {floor:.4f}."


def _cell(rows: list[dict], key: str, digits: int) -> str:
    return spread([row[key] for row in rows], digits) if key in rows[0] else ""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=RECIPES, choices=RECIPES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default="embedded", help="where the held-out reference comes from")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--pictures", type=Path, help="a folder for samples of seed 0, NAME.png each")
    options = parser.parse_args()
    name = f"images_{options.data}_{options.n}"
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        runs = []
        for recipe in options.recipes:
            for seed in range(options.seeds):
                picture = options.pictures / f"{recipe}.png" if options.pictures and seed == 0 else None
                runs.append(pool.submit(measure, recipe, seed, options.data, options.n, picture))
        rows = []
        for run in runs:
            rows.append(run.result())
            print(rows[-1], flush=True)
    torch.set_num_threads(1)
    kept = RESULTS / f"{name}.json"
    earlier = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else []
    rows += [row for row in earlier if row.get("recipe") not in options.recipes]
    command = f"python benchmarks/images.py --seeds {options.seeds} --data {options.data} --n {options.n}"
    write(name, command, table(rows, options.data, options.n), rows)


if __name__ == "__main__":
    main()
