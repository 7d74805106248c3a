"""What a run looks at on the way: samples, scores, the signs of its health, the best moment, and when to stop."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gancourse.errors import RecipeError
from gancourse.metrics import relative_spread
from gancourse.recipes.base import Players, Recipe
from gancourse.training import (
    Batches,
    Every,
    JsonLines,
    Monitor,
    Rule,
    StoppingRules,
    TensorBoard,
    Trainer,
    collapsed,
    exploding,
    narrowed,
    saturated,
    save_checkpoint,
    stalled,
    told_when_unwritable,
    weights_and_gradients,
)

SAMPLE_TIMES, SIGN_TIMES = 8, 50
SIGN_SAMPLES = 100


@dataclass(frozen=True)
class Options:
    """How a run is watched. None of it changes what is learned.

    scores: evaluations in a run; stop: whether the stopping rules may end it; patience: evaluations without a better
    score after which it ends, 0 for never.
    """

    scores: int = 4
    stop: bool = True
    patience: int = 0

    def __post_init__(self) -> None:
        if self.scores < 1 or self.patience < 0:
            raise RecipeError(
                "scores must be at least 1 and patience at least 0 (0 is never), "
                f"but they are {self.scores} and {self.patience}."
            )


class Watch:
    """The monitors of a run of `recipe` on `data` that writes into `folder`."""

    def __init__(self, folder: Path, recipe: Recipe, options: Options):
        self.folder, self.recipe, self.options = folder, recipe, options
        self.lines, self.board = JsonLines(folder / "metrics.jsonl"), TensorBoard(folder / "tensorboard")

    def monitors(self, data: Any, batches: Batches, players: Players, score: Callable | None) -> list[Monitor]:
        """In the order in which they have to look: what the rules read is recorded before them."""
        self.players, self.score = players, score
        self.batch, self.reals = first_batch(batches), self.recipe.reals(data, SIGN_SAMPLES)
        regular: list[Monitor] = [self._often(SAMPLE_TIMES, self.draw), self._often(SIGN_TIMES, self.look)]
        if score is not None:
            regular.append(self._often(self.options.scores, self.evaluate))
        rules = StoppingRules(lambda: self.lines.records, self._rules(), self._concerns(), self.warn)
        return [self.lines, self.board, *regular, rules]

    def _often(self, times: int, action: Callable[[Trainer], dict | None]) -> Every:
        return Every(-(-self.recipe.images // times), action)

    def draw(self, trainer: Trainer) -> None:
        """Samples from the same noise each time, and the distributions of weights, gradients and logits."""
        picture = self.recipe.picture(trainer.ema.model)
        path = self.folder / "samples" / f"{trainer.images:09d}.png"
        with told_when_unwritable(path):
            picture.save(path)
        self.board.add_picture(trainer, "samples", picture.png)
        real, fake = self.recipe.logits(self.players, self.batch)
        logits = {"logits/real": real, "logits/fake": fake}
        self.board.add_histograms(trainer, logits | weights_and_gradients(trainer))

    def look(self, trainer: Trainer) -> dict[str, float]:
        """The signs of health: see `signs`."""
        fakes = self.recipe.fakes(trainer.ema.model, SIGN_SAMPLES)
        found = signs(fakes, self.reals, *self.recipe.logits(self.players, self.batch))
        self.lines.add(trainer, found)
        self.board.add(trainer, {f"signs/{name}": value for name, value in found.items()})
        return found

    def evaluate(self, trainer: Trainer) -> dict[str, Any]:
        """Scores against held-out data; the checkpoint of the best ones is kept as best.pt."""
        scores = self.score(trainer.ema.model)
        best = best_record(self.lines.records, self.recipe.metric)
        self.lines.add(trainer, scores)
        self.board.add(trainer, {f"score/{name}": value for name, value in scores.items()})
        metric = self.recipe.metric
        if metric in scores and (not best or scores[metric] < best[metric]):
            save_checkpoint(self.folder / "best.pt", trainer.state_dict())
        return scores

    def warn(self, trainer: Trainer, text: str) -> None:
        """Say now what may have gone wrong, and keep it with the run."""
        self.lines.add(trainer, {"warning": text})
        warnings.warn(text, stacklevel=2)

    def _rules(self) -> dict[Rule, str]:
        """The rules that may end this run, each with what to try when it does."""
        if not self.options.stop:
            return {}
        recipe, anyway = self.recipe, f"Go on all the same with `gancourse train --resume {self.folder} --no-stop`."
        again = f"Try `gancourse again {self.folder} --set"
        slower = f"learning_rate={recipe.learning_rate / 3:.2g}`, a learning rate 3 times smaller"
        steadier = _steadier(recipe)
        rules = {}
        if self.options.patience:
            rules[stalled(recipe.metric, self.options.patience)] = (
                f"The best checkpoint is {self.folder / 'best.pt'} (`--which best`). {again} {slower}. {anyway}"
            )
        gentler = f"discriminator_rate={recipe.discriminator_rate / 4:.2g}`: a D that learns more slowly"
        return rules | {
            exploding: f"{again} {slower}{steadier}. {anyway}",
            saturated: f"{again} {gentler}{steadier}. {anyway}",
            collapsed: f"{again} {slower}, or another seed{steadier}. {anyway}",
        }

    def _concerns(self) -> dict[Rule, str]:
        """The rules that only warn, each with what to try."""
        recipe = self.recipe
        slower = f"learning_rate={recipe.learning_rate / 3:.2g}`, a learning rate 3 times smaller"
        larger = f"`--set batch_size={2 * recipe.batch_size}`, which shows D more of the data at once"
        advice = (
            "The run goes on. If it stays so, use the checkpoint with the best score (`--which best`), and try "
            f"`gancourse again {self.folder} --set {slower}, or {larger}{_steadier(recipe)}."
        )
        return {narrowed(recipe.variety): advice, narrowed("spread", lasting=True, enough=1.0): advice}


def _steadier(recipe: Recipe) -> str:
    """The penalty that this recipe has, three times as strong."""
    for name in ("gamma", "gp_weight"):
        if hasattr(recipe, name):
            return f", or `--set {name}={3 * getattr(recipe, name) or 1:.2g}`, a stronger penalty"
    return ""


def first_batch(batches: Batches) -> Any:
    """The batch that comes next, which still comes next afterwards."""
    before = batches.state_dict()
    batch = batches.next()
    batches.load_state_dict(before)
    return batch


def signs(fakes: list[Tensor], reals: list[Tensor], real_logits: Tensor, fake_logits: Tensor) -> dict[str, float]:
    """spread: of the fakes, a share of the reals'; the mean logits; told_apart: the share of pairs of a real and a fake
    in which D gives the real the higher logit, 0.5 when it guesses."""
    return {
        "spread": relative_spread(fakes, reals),
        "logit_real": real_logits.mean().item(),
        "logit_fake": fake_logits.mean().item(),
        "told_apart": (real_logits[:, None] > fake_logits).float().mean().item(),
    }


def best_record(records: list[dict], metric: str) -> dict:
    """The record with the best score, the first of equals; empty when there is none."""
    scored = [record for record in records if math.isfinite(record.get(metric, math.nan))]
    return min(scored, key=lambda record: record[metric], default={})
