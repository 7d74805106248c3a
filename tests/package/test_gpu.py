"""What happens on a GPU, as far as a machine without one can tell: nothing is left behind on the CPU."""

from dataclasses import replace

import pytest
import torch
from pretend_gpu import pretend_gpu

from gancourse import show
from gancourse.recipes import MODULES, recipe_class
from gancourse.recipes.images import ImageRecipe


@pytest.mark.parametrize(
    "meeting",
    [
        lambda there, here: there + here,
        lambda there, here: there @ here[:, None],
        lambda there, here: torch.cat([there, here]),
        lambda there, here: torch.nn.Linear(3, 1)(there),
        lambda there, here: here[there.long()],
        lambda there, here: torch.nn.Linear(3, 1).to("cuda")(here),
        lambda there, here: there.numpy(),
        lambda there, here: torch.randn(3, device="cuda", generator=torch.Generator()),
    ],
)
def test_what_a_gpu_refuses_is_refused(meeting):
    with pretend_gpu(), pytest.raises((RuntimeError, TypeError), match=r"cuda"):
        meeting(torch.ones(3, device="cuda"), torch.ones(3))


def test_what_a_gpu_allows_is_allowed_and_stays_there():
    with pretend_gpu() as gpu:
        x = torch.ones(3, device=gpu, requires_grad=True)
        for made in (
            x * 2,
            x * torch.tensor(2.0),
            x[torch.tensor([0, 2])],
            torch.zeros_like(x),
            x.view(1, 3),
            x.double(),
            torch.ones(2).to(x),
        ):
            assert made.device == gpu
        assert torch.ones(2).to(x.bfloat16()).dtype == torch.bfloat16
        assert x.to("meta").is_meta
        back = x.cpu()
        assert back.device.type == "cpu"
        (back * torch.ones(3)).sum().backward()
        assert x.grad.device == gpu


def trained(name, device):
    """The weights of the averaged generator of a short smoke run, brought to the CPU, and its scores."""
    whole = recipe_class(name).for_budget("smoke")
    recipe = replace(whole, images=12 * whole.batch_size)  # all phases and stages have their turns
    data = recipe.load_data("embedded")
    players = recipe.players(data, device)
    trainer = recipe.trainer(players, recipe.batches(data, device), recipe.step(players))
    trainer.run()
    generator = trainer.ema.model
    assert next(generator.parameters()).device.type == torch.device(device).type
    recipe.logits(players, recipe.batches(data, device).next())
    assert isinstance(recipe.picture(generator, 10), show.Picture)
    few = {"n": 300} if isinstance(recipe, ImageRecipe) else {}
    for scorer in (recipe.scorer(device=device, **few), recipe.scorer(**few)):
        scores = scorer(generator)
    return [value.cpu() for value in generator.state_dict().values()], scores


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_recipe_trains_there_with_the_same_numbers(name):
    expected, scores = trained(name, "cpu")
    with pretend_gpu() as gpu:
        found, found_scores = trained(name, gpu)
    assert all(map(torch.equal, found, expected))
    assert found_scores == pytest.approx(scores, nan_ok=True)
