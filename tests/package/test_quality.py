"""What the laptop budgets must reach, on a seed that no notebook runs and in half of their images.

    GANCOURSE_FULL=1 python -m pytest tests/package/test_quality.py

In every `make test` the lessons' notebooks assert the same of seed 0: after the whole budget in lessons 1 and 4, after
two thirds of it in 2 and 5, after half or less in 3 and 6. Whole budgets on three seeds: benchmarks/images.py and
benchmarks/translation.py.
"""

from collections.abc import Callable

import pytest
import torch

from gancourse.recipes import recipe_class

MUST_HOLD: dict[str, Callable[[dict], bool]] = {
    "vanilla": lambda s: s["nfd"] <= 0.30 and s["classes"] >= 8,
    "conditional": lambda s: s["agreement"] >= 0.80 * s["agreement_real"] and s["recall"] >= 0.30,
    "cyclegan": lambda s: s["a_to_b"] <= 0.085 and s["b_to_a"] <= 0.13,
    "progressive": lambda s: s["nfd"] <= 0.30 and s["classes"] >= 8,
}


@pytest.mark.slow
@pytest.mark.full_only
@pytest.mark.parametrize("name", MUST_HOLD)
def test_half_a_laptop_budget_reaches_what_ci_asks_for(name):
    torch.set_num_threads(1)
    whole = recipe_class(name).for_budget("laptop", seed=1)
    recipe = type(whole).from_config(whole.as_config() | {"images": whole.images // 2})
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    trainer.run()
    scores = recipe.scorer()(trainer.ema.model)
    assert MUST_HOLD[name](scores), scores
