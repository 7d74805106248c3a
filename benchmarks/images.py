"""The vanilla recipe on the embedded images, over seeds: quality of the averaged generator, beside the floor.

    python benchmarks/images.py [--seeds 3] [--data embedded] [--n 2000]

With --data full the reference is the test set's first n images; 2,500 is what the goals are stated for.
"""

import argparse
import time

import torch
from common import spread, write

from gancourse.metrics import ImageScorer
from gancourse.recipes.game import generate
from gancourse.recipes.vanilla import Vanilla
from gancourse.training import Every

KEYS = (("best_nfd", 3), ("nfd", 3), ("precision", 2), ("recall", 2), ("coverage", 2), ("cpu_seconds", 0))


def measure(recipe: Vanilla, scorer: ImageScorer, n: int, picture: str | None) -> dict:
    """Train once on the embedded images; score the average ten times on the way: the best of them, and the last."""
    data = recipe.load_data("embedded")
    players = recipe.players(data)
    noise = recipe.noise(n, seed=2)
    watch = Every(recipe.images // 10, lambda trainer: scorer(generate(trainer.ema.model, noise)).as_dict())
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players), monitors=[watch])
    began = time.process_time()
    trainer.run()
    seconds = time.process_time() - began
    if picture:
        recipe.picture(trainer.ema.model).save(picture)
    best = min(record["nfd"] for record in watch.records)
    return {"seed": recipe.seed, "cpu_seconds": seconds, "best_nfd": best, **watch.records[-1]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default="embedded", help="where the held-out reference comes from")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--picture", help="a PNG to write, with samples of seed 0")
    options = parser.parse_args()
    torch.set_num_threads(1)
    first = Vanilla.for_budget("laptop")
    scorer = ImageScorer(first.load_data(options.data, "test").first(options.n))
    floor = scorer(first.load_data("embedded").first(options.n)).nfd
    rows = []
    for seed in range(options.seeds):
        recipe = Vanilla.for_budget("laptop", seed=seed)
        rows.append(measure(recipe, scorer, options.n, options.picture if seed == 0 else None))
        print(rows[-1], flush=True)
    cells = [spread([row[key] for row in rows], digits) for key, digits in KEYS]
    head = "| N | nFD best of 10 | nFD last | floor | precision | recall | coverage | CPU seconds |"
    row = f"| {options.n} | {cells[0]} | {cells[1]} | {floor:.4f} | {' | '.join(cells[2:])} |"
    table = "\n".join([head, "|" + "---|" * 8, row])
    command = f"python benchmarks/images.py --seeds {options.seeds} --data {options.data} --n {options.n}"
    write(f"images_{options.data}_{options.n}", command, table, rows)


if __name__ == "__main__":
    main()
