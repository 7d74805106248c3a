"""The formulas, against independent ones: torch's BCE, closed forms and finite differences."""

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.objectives import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    logits_and_r1,
    optimal_discriminator,
    penalties,
    r1_penalty,
)

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, 1.5, -2.0])


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_discriminator_loss_is_binary_cross_entropy(target):
    bce = F.binary_cross_entropy_with_logits
    expected = bce(REAL, torch.full_like(REAL, target)) + bce(FAKE, torch.zeros(3))
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, target), expected)


def test_generator_losses_are_log_d_and_log_one_minus_d():
    d = FAKE.sigmoid()
    torch.testing.assert_close(generator_loss(FAKE), -d.log().mean())
    torch.testing.assert_close(generator_loss(FAKE, saturating=True), (1 - d).log().mean())


def test_losses_stay_finite_for_a_certain_discriminator():
    big = torch.tensor([500.0])
    for loss in (discriminator_loss(-big, big), generator_loss(-big), generator_loss(big, saturating=True)):
        assert loss.isfinite()


def test_minimax_starves_the_generator_where_d_is_sure_of_a_fake():
    """Not where the generator does well, as some texts say."""
    slopes = []
    for at in (-8.0, 8.0):
        logit = torch.tensor(at, requires_grad=True)
        slopes.append(torch.autograd.grad(generator_loss(logit[None], saturating=True), logit)[0].item())
    assert slopes == pytest.approx([-0.0003, -0.9997], abs=1e-4)


def test_best_discriminator_is_worth_minus_log_4_plus_twice_the_divergence():
    x = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    p = torch.exp(-0.5 * (x + 1) ** 2) / math.sqrt(2 * math.pi)
    q = torch.exp(-0.5 * ((x - 1) / 1.5) ** 2) / (1.5 * math.sqrt(2 * math.pi))
    d, dx = optimal_discriminator(p, q), (x[1] - x[0]).item()
    value = ((p * d.log() + q * (1 - d).log()).sum() * dx).item()
    middle = (p + q) / 2
    divergence = 0.5 * ((p * (p / middle).log() + q * (q / middle).log()).sum() * dx).item()
    assert value == pytest.approx(-math.log(4) + 2 * divergence, abs=1e-6)


def test_one_sided_smoothing_moves_the_best_d_and_two_sided_pulls_towards_the_generator():
    """Minimise the expected loss over D at one point with p = 1, q = 3 (Salimans et al. 2016, section 3.4)."""
    p, q = 1.0, 3.0
    logits = torch.linspace(-6, 6, 200_001, dtype=torch.float64)

    def best(real_target, fake_target):
        def cost(t):
            return t * F.softplus(-logits) + (1 - t) * F.softplus(logits)

        return logits[(p * cost(real_target) + q * cost(fake_target)).argmin()].sigmoid().item()

    assert best(0.9, 0.0) == pytest.approx(0.9 * p / (p + q), abs=1e-3)
    assert best(0.9, 0.1) == pytest.approx((0.9 * p + 0.1 * q) / (p + q), abs=1e-3)


def test_leaked_generator_gradient_moves_the_best_d_to_two_thirds():
    """The bug of lesson 01: D also follows G's loss, and answers (p + q) / (p + 2 q)."""
    p = q = 1.0
    logits = torch.linspace(-6, 6, 200_001, dtype=torch.float64)
    cost = p * F.softplus(-logits) + q * F.softplus(logits) + q * F.softplus(-logits)
    assert logits[cost.argmin()].sigmoid().item() == pytest.approx(2 / 3, abs=1e-4)


def test_r1_of_a_quadratic_is_known_and_has_a_graph():
    """D(x) = k / 2 |x|^2 has the gradient k x, so R1 = k^2 mean |x|^2."""
    k = torch.tensor(0.7, requires_grad=True)
    x = torch.randn(5, 3, 4, requires_grad=True)
    penalty = r1_penalty(0.5 * k * x.flatten(1).pow(2).sum(1), x)
    torch.testing.assert_close(penalty, k**2 * x.flatten(1).pow(2).sum(1).mean())
    (slope,) = torch.autograd.grad(penalty, k)
    torch.testing.assert_close(slope, 2 * k * x.flatten(1).pow(2).sum(1).mean())


def test_r1_with_its_logits_is_weighted_for_the_steps_that_go_without_and_leaves_the_batch_alone():
    critic, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)), torch.randn(5, 3)
    logits, once = logits_and_r1(critic, x, gamma=0.6)
    lazy = logits_and_r1(critic, x, gamma=0.6, every=4)[1]
    assert torch.equal(logits, critic(x)) and not x.requires_grad
    watched = x.clone().requires_grad_()
    torch.testing.assert_close(once, 0.3 * r1_penalty(critic(watched), watched))
    torch.testing.assert_close(lazy, 4 * once)


@pytest.mark.parametrize("rectifier", [nn.ReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(0.3, inplace=True)], ids=str)
def test_masked_rectifiers_give_a_penalty_the_same_value_and_gradients_bit_for_bit(rectifier, monkeypatch):
    def measured():
        torch.manual_seed(0)
        critic = nn.Sequential(
            nn.Conv2d(2, 3, 3), rectifier, nn.Flatten(), nn.Linear(12, 5), rectifier, nn.Linear(5, 1)
        )
        penalty = gradient_penalty(critic.double(), torch.rand(4, 2, 4, 4).double(), torch.rand(4, 2, 4, 4).double())
        return [penalty, *torch.autograd.grad(penalty, [p for p in critic.parameters() if p.ndim > 1])]

    masked = measured()
    monkeypatch.setattr(penalties, "MaskedRectifiers", contextlib.nullcontext)
    assert all(torch.equal(a, b) for a, b in zip(masked, measured(), strict=True))


def test_masked_rectifiers_save_a_penalty_the_way_back_through_the_critic(monkeypatch):
    def products():
        critic = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
        penalty = gradient_penalty(critic, torch.rand(4, 8), torch.rand(4, 8))
        with FlopCounterMode(display=False) as counter:
            penalty.backward()
        return counter.get_total_flops()

    masked = products()
    monkeypatch.setattr(penalties, "MaskedRectifiers", contextlib.nullcontext)
    assert masked < 0.75 * products()
