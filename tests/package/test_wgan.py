"""Wasserstein distance, critic, penalty and recipes of lesson 03, against closed forms and by what they leave alone."""

from functools import cache
from itertools import permutations

import pytest
import torch
from torch import nn

from gancourse.errors import GANCourseError, RecipeError
from gancourse.nets import DCGANDiscriminator
from gancourse.objectives import (
    clip_weights,
    critic_generator_loss,
    critic_loss,
    gradient_norm,
    gradient_penalty,
    interpolate,
    wasserstein_1d,
)
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.points_wgan import PointsWGAN
from gancourse.recipes.wgan_gp import WGANGP
from gancourse.show import histograms


class Bowl(nn.Module):
    """k / 2 |x|^2, whose slope at x is k |x|."""

    def __init__(self, k=1.0):
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))

    def forward(self, x):
        return self.k / 2 * x.flatten(1).pow(2).sum(1)


def test_w1_is_the_price_of_the_cheapest_plan():
    x, y = torch.randn(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64) * 2 + 0.3
    cheapest = min((x - y[list(plan)]).abs().mean() for plan in permutations(range(6)))
    torch.testing.assert_close(wasserstein_1d(x, y), cheapest)
    torch.testing.assert_close(wasserstein_1d(x, x.flip(0) - 7), torch.tensor(7.0, dtype=torch.float64))


def test_w1_refuses_what_is_no_pair_of_samples():
    for x, y in ((torch.zeros(3), torch.zeros(4)), (torch.zeros(3, 2), torch.zeros(3, 2))):
        with pytest.raises(GANCourseError, match="of one size"):
            wasserstein_1d(x, y)


def test_a_steepest_critic_on_a_line_reports_w1():
    """f(x) = x is the best critic where all of y lies below x."""
    x, y = torch.rand(50) + 2, torch.rand(50)
    torch.testing.assert_close(-critic_loss(x, y), wasserstein_1d(x, y))
    torch.testing.assert_close(critic_generator_loss(y), -y.mean())


def test_clipping_moves_every_weight_into_the_box_and_no_further():
    net = nn.Linear(20, 5)
    before = net.weight.detach().clone()
    clip_weights(net, 0.1)
    torch.testing.assert_close(net.weight.detach(), before.clamp(-0.1, 0.1))
    assert net.weight.requires_grad and net.bias.abs().max() <= 0.1


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (6, 2)])
def test_points_between_pairs_use_one_uniform_share_a_sample(shape):
    share = interpolate(torch.ones(shape), torch.zeros(shape)).flatten(1)
    assert (share == share[:, :1]).all() and len(share[:, 0].unique()) == len(share)
    many = interpolate(torch.ones(20_000, 1), torch.zeros(20_000, 1))
    assert many.min() >= 0 and many.max() < 1
    assert many.mean().item() == pytest.approx(0.5, abs=0.01) and many.var().item() == pytest.approx(1 / 12, abs=0.003)
    assert interpolate(torch.empty(2, 3, device="meta"), torch.empty(2, 3, device="meta")).device.type == "meta"


def test_slope_of_a_bowl_is_known_and_the_penalty_can_be_learned():
    critic, x = Bowl(1.5), torch.randn(5, 2, 3, 4)
    lengths = x.flatten(1).norm(dim=1)
    torch.testing.assert_close(gradient_norm(critic, x), 1.5 * lengths)
    penalty = gradient_penalty(critic, x, x)
    torch.testing.assert_close(penalty, (1.5 * lengths - 1).pow(2).mean())
    (slope,) = torch.autograd.grad(penalty, critic.k)
    torch.testing.assert_close(slope, (2 * (1.5 * lengths - 1) * lengths).mean())
    assert critic.k.grad is None and not x.requires_grad


def test_the_penalty_of_a_flat_critic_is_one_and_teaches_no_nan():
    critic = Bowl(1.0)
    penalty = gradient_penalty(critic, torch.zeros(3, 4), torch.zeros(3, 4))
    (slope,) = torch.autograd.grad(penalty, critic.k)
    assert penalty.item() == 1 and slope.isfinite()


def test_a_critic_has_no_batch_norm_because_it_couples_samples():
    recipe = WGANGP.for_budget("smoke")
    critic = recipe.players(recipe.load_data()).discriminator
    assert not any(isinstance(m, nn.BatchNorm2d) for m in critic.modules())
    torch.manual_seed(0)
    x = torch.rand(6, 1, 32, 32) * 2 - 1
    for batch_norm in (False, True):
        critic = DCGANDiscriminator((1, 32, 32), width=8, batch_norm=batch_norm)
        alone, among = gradient_norm(critic, x[:3]), gradient_norm(critic, x)[:3]
        assert torch.allclose(alone, among, rtol=1e-3) != batch_norm


@cache
def _end_of(recipe, **numbers):
    """The averaged weights of a short run: of the unchanged one only once."""
    short = recipe.for_budget("smoke", images=160, batch_size=16, **numbers)
    data = short.load_data()
    players = short.players(data)
    trainer = short.trainer(players, short.batches(data), short.step(players))
    trainer.run()
    return torch.cat([p.flatten() for p in trainer.ema.model.parameters()])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        *((WGANGP, c) for c in ({"n_critic": 2}, {"gp_weight": 1.0}, {"width": 4}, {"penalty_every": 2})),
        *((PointsWGAN, c) for c in ({"n_critic": 3}, {"gp_weight": 10.0}, {"clip": 0.05}, {"betas": (0.5, 0.9)})),
    ],
)  # fmt: skip
def test_every_number_changes_the_run(recipe, change):
    before, after = _end_of(recipe), _end_of(recipe, **change)
    assert before.shape != after.shape or not torch.equal(before, after)


def test_g_takes_a_turn_in_every_nth_step_and_clipping_follows_each_of_the_critics():
    recipe = PointsWGAN.for_budget("smoke", n_critic=3, clip=0.05)
    data = recipe.load_data()
    players = recipe.players(data)
    step, batches = recipe.step(players), recipe.batches(data)
    taken = [sorted(step(batches.next(), number)) for number in range(6)]
    assert taken == [["critic", "generator"], ["critic"], ["critic"]] * 2
    assert max(p.abs().max() for p in players.discriminator.parameters()) <= 0.05


def test_the_penalty_is_taken_in_every_nth_step_and_as_much_stronger():
    recipe = PointsWGAN.for_budget("smoke")
    players, real = recipe.players(recipe.load_data()), torch.randn(8, 2)
    taken = []

    def penalty(critic, real, fake):
        taken.append(len(real))
        return gradient_penalty(critic, real, fake)

    def loss(penalty_every: int, penalised: bool) -> float:
        torch.manual_seed(5)
        game = CriticGame(players, recipe.latent_dim, gp_weight=3.0, penalty_every=penalty_every)
        return game.critic_loss(real, penalised).item()

    once = loss(1, True) - loss(1, False)
    assert once > 0 and loss(4, True) - loss(4, False) == pytest.approx(4 * once, rel=1e-4)
    step = CriticGame(players, recipe.latent_dim, gradient_penalty=penalty, penalty_every=3).step()
    taken_after = []
    for number in range(6):
        assert set(step(real, number)) == {"critic", "generator"}
        taken_after.append(len(taken))
    assert taken_after == [1, 1, 1, 2, 2, 2]


def test_a_learners_functions_are_the_ones_that_are_used():
    recipe = PointsWGAN.for_budget("smoke")
    players = recipe.players(recipe.load_data())
    called = []

    def noting(name, function):
        def noted(*args):
            called.append(name)
            return function(*args)

        return noted

    game = CriticGame(
        players,
        recipe.latent_dim,
        critic_loss=noting("critic", critic_loss),
        generator_loss=noting("generator", critic_generator_loss),
        gradient_penalty=noting("penalty", gradient_penalty),
    )
    game.step()(torch.randn(8, 2), 0)
    assert called == ["critic", "penalty", "generator"]


def test_numbers_that_make_no_sense_are_refused():
    for recipe, change in (
        (WGANGP, {"n_critic": 0}),
        (WGANGP, {"gp_weight": 0.0}),
        (WGANGP, {"penalty_every": 0}),
        (PointsWGAN, {"clip": -1.0}),
    ):
        with pytest.raises(RecipeError, match=next(iter(change))):
            recipe.for_budget("smoke", **change)


def test_the_gpu_budget_has_the_papers_numbers():
    recipe = WGANGP.for_budget("gpu")
    assert (recipe.n_critic, recipe.gp_weight, recipe.learning_rate, recipe.betas) == (5, 10.0, 1e-4, (0.0, 0.9))
    assert recipe.batch_size == 64 and recipe.default_data("gpu") == "cifar10"


def test_histograms_are_drawn():
    picture = histograms({"a": torch.randn(50), "b": torch.zeros(50)}, alt="two heaps of numbers")
    assert picture.png.startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.full_only
def test_wgan_gp_covers_the_grid():
    """What lesson 03 states, on a seed that its notebook does not run."""
    torch.set_num_threads(1)
    recipe = PointsWGAN.for_budget("laptop", seed=1)
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    trainer.run()
    scores = recipe.scorer()(trainer.ema.model)
    assert scores["modes"] >= 24 and scores["high_quality"] >= 0.6
