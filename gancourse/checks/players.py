"""A game so small that every gradient is a known number, to examine one step of training.

G has one weight theta and answers theta to any noise; D has one weight w and gives x the logit w x. With
s = sigmoid, the gradients that the two players must follow are

    D:  mean(-x s(-w x)) + theta s(w theta)        G:  -w s(-w theta)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.checks.core import Wrong, call, near, with_given

D_RATE, G_RATE = 0.5, 0.25


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@dataclass(frozen=True)
class Table:
    """Where the game stands: both weights, the real batch and the length of the noise."""

    theta: float
    w: float
    real: list[float]
    latent_dim: int


class _SpyGenerator(nn.Module):
    def __init__(self, theta: float):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta))
        self.noises: list[Tensor] = []
        self.modes: list[bool] = []

    def forward(self, z: Tensor) -> Tensor:
        self.noises.append(z.detach().clone())
        self.modes.append(self.training)
        return self.theta.expand(len(z), 1, 1, 1).clone()


class _SpyDiscriminator(nn.Module):
    def __init__(self, w: float):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))
        self.modes: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(self.training)
        return self.w * x.flatten(1).sum(1)


@dataclass(frozen=True)
class OptimizerStep:
    """What an optimiser found when it was told to step: whose it is, and the gradients of both players."""

    player: str
    w_grad: float | None
    theta_grad: float | None


class _SpySGD(torch.optim.SGD):
    """Plain gradient descent on one player that writes down each step."""

    def __init__(self, player: str, owner: nn.Module, rate: float, log: list[OptimizerStep], both: tuple):
        super().__init__(owner.parameters(), lr=rate)
        self._player, self._log, self._both = player, log, both

    def step(self, closure: Callable | None = None) -> None:
        w_grad, theta_grad = (None if p.grad is None else p.grad.item() for p in self._both)
        self._log.append(OptimizerStep(self._player, w_grad, theta_grad))
        return super().step(closure)


@dataclass
class Played:
    """One or two steps as they went: the weights before and after each, and everything that the spies saw."""

    table: Table
    w: list[float]
    theta: list[float]
    generator: _SpyGenerator
    discriminator: _SpyDiscriminator
    log: list[OptimizerStep] = field(default_factory=list)
    losses: Any = None

    def returned(self) -> str:
        """Two numbers, D's loss first. Raises Wrong for anything else."""
        if self.losses is None:
            raise Wrong("you gave None", "the function has no return")
        if not isinstance(self.losses, tuple | list) or len(self.losses) != 2:
            raise Wrong(f"you gave a {type(self.losses).__name__}, wanted the two losses: d_loss, g_loss")
        for loss in self.losses:
            if isinstance(loss, Tensor) and loss.ndim > 0:
                raise Wrong(f"a loss has shape {tuple(loss.shape)}, wanted a scalar ()")
            if not isinstance(loss, Tensor | float | int):
                raise Wrong(f"a loss is a {type(loss).__name__}, wanted a scalar tensor")
        return "two losses"


class Move(Enum):
    """The parts of a game that are examined one by one."""

    DISCRIMINATOR = "D's first turn"
    GENERATOR = "G's first turn"
    SECOND = "the second step"


def _sample_noise(n: int, latent_dim: int, device: torch.device | str = "cpu") -> Tensor:
    return torch.randn(n, latent_dim, device=device)


def play(answer: Callable, table: Table, steps: int = 1) -> Played:
    """Let the learner's step play. Raises Wrong with what it raised."""
    torch.manual_seed(0)
    generator, discriminator = _SpyGenerator(table.theta), _SpyDiscriminator(table.w)
    played = Played(table, [table.w], [table.theta], generator, discriminator)
    both = (discriminator.w, generator.theta)
    g_optimizer = _SpySGD("G", generator, G_RATE, played.log, both)
    d_optimizer = _SpySGD("D", discriminator, D_RATE, played.log, both)
    answer = with_given(
        answer,
        discriminator_loss=objectives.discriminator_loss,
        generator_loss=objectives.generator_loss,
        sample_noise=_sample_noise,
    )
    for _ in range(steps):
        real = torch.tensor(table.real).view(-1, 1, 1, 1)
        played.losses = call(answer, generator, discriminator, g_optimizer, d_optimizer, real, table.latent_dim)
        played.w.append(discriminator.w.item())
        played.theta.append(generator.theta.item())
    return played


# The gradients that players follow, right and wrong.


def _d_real(w: float, real: list[float]) -> float:
    return fmean(-x * _sigmoid(-w * x) for x in real)


def _d_fake(w: float, theta: float) -> float:
    return theta * _sigmoid(w * theta)


def _d_gradient(w: float, theta: float, real: list[float]) -> float:
    return _d_real(w, real) + _d_fake(w, theta)


def _g_gradient(w: float, theta: float) -> float:
    return -w * _sigmoid(-w * theta)


def _g_on_w(w: float, theta: float) -> float:
    """What G's loss would do to D's weight: it must never be used."""
    return -theta * _sigmoid(-w * theta)


def _compare(player: str, before: float, after: float, rate: float, truth: float, known: dict[str, float]) -> str:
    """The gradient that was followed, against the right one and the known wrong ones."""
    followed = (before - after) / rate
    if near(followed, truth, 1e-3):
        return f"{player} follows the gradient {followed:.4f}"
    seen = f"{player} followed the gradient {followed:.4f}, wanted {truth:.4f}"
    raise Wrong(seen, next((name for name, value in known.items() if near(followed, value, 1e-3)), None))


def examine_move(played: Played, move: Move) -> str:
    """Compare one part of the game with the truth, starting from where the learner's own play had led."""
    if move is Move.DISCRIMINATOR:
        return _examine_discriminator(played)
    if move is Move.GENERATOR:
        return _examine_generator(played)
    return _examine_second(played)


def _steps_of(played: Played, player: str) -> list[OptimizerStep]:
    return [entry for entry in played.log if entry.player == player]


def _examine_discriminator(played: Played) -> str:
    w, theta, real = played.w[0], played.theta[0], played.table.real
    steps = _steps_of(played, "D")
    if not steps:
        raise Wrong("D did not move", "d_optimizer.step() is missing: each player has an optimiser of its own")
    if steps[0].w_grad is None:
        raise Wrong(
            "D's optimiser found no gradient",
            "the order of a turn is zero_grad, backward, step: here step came before backward, or zero_grad after it",
        )
    if played.log[0].player == "G":
        raise Wrong("G moved before D", "D takes its turn first (algorithm 1)")
    if len(steps) > 1:
        raise Wrong(f"D moved {len(steps)} times in one step", "one turn each: d_optimizer.step() once")
    right = _d_gradient(w, theta, real)
    swapped = fmean(x * _sigmoid(w * x) for x in real) - theta * _sigmoid(-w * theta)
    known = {
        "D's labels are swapped": swapped,
        "D goes uphill: it must minimise its loss": -right,
        "only the real half reached D": _d_real(w, real),
        "only the fake half reached D": _d_fake(w, theta),
        "D was told that fakes are real": _d_real(w, real) + _g_on_w(w, theta),
        "the two terms were averaged": right / 2,
        "the sum over the batch, not the mean": right * len(real),
        "D was moved by G's loss: d_optimizer must step on d_loss": _g_on_w(w, theta),
        "G's loss was added to D's gradient: each player follows its own loss only": right + _g_on_w(w, theta),
    }
    return _compare("D", w, played.w[1], D_RATE, right, known)


def _examine_generator(played: Played) -> str:
    w_before, w, theta, real = played.w[0], played.w[1], played.theta[0], played.table.real
    steps = _steps_of(played, "G")
    if not steps:
        raise Wrong("G did not move", "g_optimizer.step() is missing: each player has an optimiser of its own")
    if steps[0].theta_grad is None:
        likely = "G's graph was cut: fakes are detached (or made under no_grad) in D's turn only"
        raise Wrong("G's optimiser found no gradient", likely)
    if len(steps) > 1:
        raise Wrong(f"G moved {len(steps)} times in one step", "one turn each: g_optimizer.step() once")
    right = _g_gradient(w, theta)
    d_loss_on_theta = w_before * _sigmoid(w_before * theta)
    known = {
        "G was told to make fakes that D calls fake: label them 1 in G's turn": w * _sigmoid(w * theta),
        "the saturating loss: use the non-saturating one": -w * _sigmoid(w * theta),
        "G goes uphill: it must minimise its loss": -right,
        "G played against D as it was before D's turn: ask D again after d_optimizer.step()": _g_gradient(
            w_before, theta
        ),
        "D's loss reached G: detach the fakes in D's turn": right + d_loss_on_theta,
        "G was moved by D's loss: g_optimizer must step on g_loss": d_loss_on_theta,
        "the sum over the batch, not the mean": right * len(real),
        "the saturating loss, and D's loss reached G": -w * _sigmoid(w * theta) + d_loss_on_theta,
        "no gradient at all: zero_grad came between backward and step, or the graph was cut": 0.0,
    }
    return _compare("G", theta, played.theta[1], G_RATE, right, known)


def _examine_second(played: Played) -> str:
    """Two steps in a row show what is left over from the first one."""
    (w0, w1, w2), (t0, t1, t2), real = played.w, played.theta, played.table.real
    if w2 == w1 and w1 != w0:
        raise Wrong(
            "D moved in the first step and not in the second", "D was frozen for G's turn and not set free again"
        )
    left_by_g = _g_on_w(w1, t0)
    d_right, d_first = _d_gradient(w1, t1, real), _d_gradient(w0, t0, real)
    kept = "D kept the gradient that G's turn left in it: clear D's gradients before its own backward"
    d_known = {
        kept: d_right + left_by_g,
        "D's gradients are never cleared: they pile up step by step": d_right + d_first + left_by_g,
        "D's own gradient of the last step was not cleared": d_right + d_first,
    }
    g_right, g_first = _g_gradient(w2, t1), _g_gradient(w1, t0)
    g_known = {
        "G's gradients are never cleared: they pile up step by step": g_right + g_first,
        "G's gradients are never cleared, and D's loss reaches G": g_right
        + g_first
        + w1 * _sigmoid(w1 * t1)
        + w0 * _sigmoid(w0 * t0),
    }
    first_wrong = not near((w0 - w1) / D_RATE, d_first, 1e-3) or not near((t0 - t1) / G_RATE, g_first, 1e-3)
    try:
        _compare("D", w1, w2, D_RATE, d_right, d_known)
        _compare("G", t1, t2, G_RATE, g_right, g_known)
    except Wrong as wrong:
        if first_wrong and wrong.likely is None:
            raise Wrong("the first step must be right before the second can be") from None
        raise
    if first_wrong:
        raise Wrong("the first step must be right before the second can be")
    return "nothing is left over from the first step"


def name_mistake(played: Played) -> str:
    """What a right result can hide: shared noise, a wrong mode, gradients in the wrong place, losses with a graph."""
    generator, discriminator, table = played.generator, played.discriminator, played.table
    n = len(table.real)
    shapes = {tuple(z.shape) for z in generator.noises}
    if shapes != {(n, table.latent_dim)}:
        found = ", ".join(map(str, sorted(shapes))) or "none"
        raise Wrong(
            f"G was given noise of shape {found}, wanted {(n, table.latent_dim)}", "as many fakes as there are reals"
        )
    if any((z == z[0]).all() for z in generator.noises):
        raise Wrong("all rows of the noise are the same", "one noise vector for the whole batch")
    if len(generator.noises) < 4 or any(
        _same(a, b) for i, a in enumerate(generator.noises) for b in generator.noises[:i]
    ):
        raise Wrong("the same noise was used twice", "draw fresh noise for each player's turn (algorithm 1)")
    if not all(generator.modes + discriminator.modes + [generator.training, discriminator.training]):
        raise Wrong(
            "a player was put into eval mode", "training needs train mode: batch norm and dropout behave otherwise"
        )
    if not (generator.theta.requires_grad and discriminator.w.requires_grad):
        raise Wrong("a player is left frozen", "set requires_grad back after the turn")
    first_d = next((entry for entry in played.log if entry.player == "D"), None)
    if first_d is not None and first_d.theta_grad:
        raise Wrong("D's turn left a gradient in G", "detach the fakes in D's turn, or make them under torch.no_grad()")
    return _examine_losses(played)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _examine_losses(played: Played) -> str:
    """The numbers returned by the last step: what both players paid, without a graph."""
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in played.losses):
        raise Wrong("a returned loss has a graph", "return loss.detach(): kept losses would keep every step's memory")
    d_loss, g_loss = (float(loss) for loss in played.losses)
    w, w_after, theta = played.w[-2], played.w[-1], played.theta[-2]
    d_true = fmean(_softplus(-w * x) for x in played.table.real) + _softplus(w * theta)
    g_true = _softplus(-w_after * theta)
    if near(d_loss, d_true, 1e-3) and near(g_loss, g_true, 1e-3):
        return "fresh noise, train mode, fakes detached where they must be"
    swapped = near(d_loss, g_true, 1e-3) and near(g_loss, d_true, 1e-3)
    likely = "the two losses are returned in the wrong order" if swapped else None
    raise Wrong(f"you gave the losses {d_loss:.4f}, {g_loss:.4f}, wanted {d_true:.4f}, {g_true:.4f}", likely)
