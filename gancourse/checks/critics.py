"""Critics and a generator so small that every slope is known, and a table at which they play one step of WGAN-GP.

The critic gives x (d numbers) the score w * sum(x) + k / 2 * |x|^2 + b. Its slope there is w + k x, of length
sqrt(d w^2 + 2 w k sum(x) + k^2 |x|^2). The generator answers theta + scale * z with the first numbers of its noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.checks.core import Wrong, call, near, seed_checks, with_given

CRITIC_RATE, G_RATE = 0.01, 0.25
Row = tuple[float, ...]


class Bowl(nn.Module):
    """The critic. It writes down what it was asked, and in which mode."""

    def __init__(self, w: float = 0.0, k: float = 1.0, b: float = 0.0):
        super().__init__()
        self.w, self.k, self.b = (nn.Parameter(torch.tensor(v)) for v in (w, k, b))
        self.asked: list[Tensor] = []
        self.modes: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().clone())
        self.modes.append(self.training)
        rows = x.flatten(1)
        return self.w * rows.sum(1) + self.k / 2 * rows.pow(2).sum(1) + self.b

    def rows(self) -> list[Row]:
        """Every sample that it was asked about, flat."""
        return rows_of(torch.cat([x.flatten(1) for x in self.asked])) if self.asked else []

    def refuse_traces(self) -> None:
        """Raise Wrong where a call left something behind in the critic."""
        if any(p.grad is not None for p in self.parameters()):
            raise Wrong(
                "your call left a gradient in the critic's weights",
                "backward() writes into every weight on its way: use torch.autograd.grad, which returns the slope",
            )
        if not all(p.requires_grad for p in self.parameters()):
            raise Wrong("your call froze the critic's weights", "it could not learn from now on")
        if not (self.training and all(self.modes)):
            raise Wrong("the critic was put into eval mode", "the penalty belongs to training")


def rows_of(x: Tensor) -> list[Row]:
    """Each sample of a batch, flat, as Python floats."""
    return [tuple(row) for row in x.detach().flatten(1).tolist()]


@dataclass(frozen=True)
class Weights:
    """The critic's numbers, and what follows from them at a flat sample, by hand."""

    w: float
    k: float

    def score(self, x: Row, b: float = 0.0) -> float:
        return self.w * sum(x) + self.k / 2 * sum(v * v for v in x) + b

    def slope(self, x: Row) -> Row:
        return tuple(self.w + self.k * v for v in x)

    def length(self, x: Row) -> float:
        return math.hypot(*self.slope(x))

    def length_by_w(self, x: Row) -> float:
        """The derivative of the length by w."""
        return sum(self.slope(x)) / max(self.length(x), 1e-30)

    def length_by_k(self, x: Row) -> float:
        return sum(s * v for s, v in zip(self.slope(x), x, strict=True)) / max(self.length(x), 1e-30)


# One step of WGAN-GP at a table where every number is known.


@dataclass(frozen=True)
class Table:
    """Where the game stands. reals: one batch of pairs of numbers for each of the critic's turns."""

    reals: list[list[Row]]
    w: float = 0.4
    k: float = 0.3
    theta: float = 0.7
    scale: float = 0.3
    latent_dim: int = 3
    gp_weight: float = 10.0

    def batches(self) -> Tensor:
        """(turns, N, 1, 1, 2)"""
        return torch.tensor(self.reals)[:, :, None, None, :]


class _Generator(nn.Module):
    def __init__(self, table: Table, log: list):
        super().__init__()
        self.theta, self.scale = nn.Parameter(torch.tensor(table.theta)), nn.Parameter(torch.tensor(table.scale))
        self.noises: list[Tensor] = []
        self.made: list[tuple[Row, Row]] = []
        self.modes: list[bool] = []

    def forward(self, z: Tensor) -> Tensor:
        self.noises.append(z.detach().clone())
        self.modes.append(self.training)
        out = (self.theta + self.scale * z[:, :2]).view(-1, 1, 1, 2)
        self.made += list(zip(rows_of(out), rows_of(z[:, :2]), strict=True))
        return out


@dataclass
class Turn:
    """What one optimiser step found: who moved, what the critic had been asked since the last one, and the weights."""

    player: str
    asked: list[Row]
    before: tuple[float, ...]
    after: tuple[float, ...]
    critic: Weights
    g_grad: float


class _SGD(torch.optim.SGD):
    def __init__(self, player: str, rate: float, played: "Played"):
        self._player, self._played = player, played
        self._module = played.critic if player == "critic" else played.generator
        super().__init__(self._module.parameters(), lr=rate)

    def _weights(self) -> tuple[float, ...]:
        return tuple(p.item() for p in self._module.parameters())

    def step(self, closure: Callable | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        played = self._played
        before, critic = self._weights(), Weights(played.critic.w.item(), played.critic.k.item())
        g_grad = sum(0.0 if p.grad is None else abs(p.grad).item() for p in played.generator.parameters())
        super().step()
        played.turns.append(Turn(self._player, played.critic.rows(), before, self._weights(), critic, g_grad))
        played.critic.asked.clear()
        return loss


@dataclass
class Played:
    """Steps as they went."""

    table: Table
    generator: _Generator
    critic: Bowl
    turns: list[Turn] = field(default_factory=list)
    losses: Any = None

    def of(self, player: str) -> list[Turn]:
        return [turn for turn in self.turns if turn.player == player]


def play(answer: Callable, table: Table, steps: int = 1, told: bool = True) -> Played:
    """Let the learner's step play, told the penalty's weight or not. Raises Wrong with what it raised."""
    seed_checks(0)
    played = Played(table, _Generator(table, []), Bowl(table.w, table.k))
    c_optimizer, g_optimizer = _SGD("critic", CRITIC_RATE, played), _SGD("generator", G_RATE, played)
    answer = with_given(
        answer,
        critic_loss=objectives.critic_loss,
        generator_loss=objectives.critic_generator_loss,
        interpolate=objectives.interpolate,
        gradient_norm=objectives.gradient_norm,
        gradient_penalty=objectives.gradient_penalty,
    )
    for _ in range(steps):
        played.losses = call(
            answer, played.generator, played.critic, g_optimizer, c_optimizer,
            table.batches(), table.latent_dim, *((table.gp_weight,) if told else ()),
        )  # fmt: skip
    return played


def examine_losses(played: Played) -> str:
    """Two numbers, the critic's first. Raises Wrong for anything else."""
    if played.losses is None:
        raise Wrong("you gave None", "the function has no return")
    if not isinstance(played.losses, tuple | list) or len(played.losses) != 2:
        raise Wrong(f"you gave a {type(played.losses).__name__}, wanted the two losses: c_loss, g_loss")
    for loss in played.losses:
        if isinstance(loss, Tensor) and loss.ndim > 0:
            raise Wrong(f"a loss has shape {tuple(loss.shape)}, wanted a scalar ()")
        if isinstance(loss, bool) or not isinstance(loss, Tensor | float | int):
            raise Wrong(f"a loss is a {type(loss).__name__}, wanted a scalar tensor")
    return "two losses"


def examine_turns(played: Played) -> str:
    """Who moved how often, and on which batches."""
    n, steps = len(played.table.reals), len(played.of("critic"))
    g_steps = len(played.of("generator"))
    if steps == 0:
        raise Wrong("the critic did not move", "c_optimizer.step() is missing")
    if g_steps == 0:
        raise Wrong("the generator did not move", "g_optimizer.step() is missing")
    if g_steps == n > 1:
        raise Wrong(
            f"G moved {g_steps} times", "G takes one turn, after all turns of the critic: n_critic to one (algorithm 1)"
        )
    if steps == 1 < n:
        raise Wrong(
            f"the critic moved once for {n} batches", "n_critic is forgotten: one turn of the critic for each batch"
        )
    if steps != n or g_steps != 1:
        raise Wrong(f"the critic moved {steps} times, G {g_steps} times; wanted {n} and 1")
    if played.turns[-1].player != "generator":
        raise Wrong("G moved before the critic was done", "the critic takes its turns first, then G (algorithm 1)")
    seen = [_batch_of(turn, played.table) for turn in played.of("critic")]
    if sorted(seen) != list(range(n)):
        raise Wrong(
            f"the critic's turns saw the batches {', '.join(str(i + 1) for i in seen)}",
            "each turn of the critic has a real batch of its own",
        )
    return f"{n} turns of the critic, each on its own batch, then one of G"


def _batch_of(turn: Turn, table: Table) -> int:
    """Which real batch was seen in a turn."""
    for i, real in enumerate(table.reals):
        if _close_rows(real[0], turn.asked):
            return i
    raise Wrong("in a turn of the critic no real batch was scored", "critic(real) is missing")


def _close_rows(row: Row, rows: list[Row]) -> bool:
    return any(all(abs(a - b) < 1e-6 for a, b in zip(row, other, strict=True)) for other in rows)


@dataclass(frozen=True)
class Shares:
    """The critic's gradient by (w, k) in one turn, part by part."""

    gap: Row
    penalty: Row
    loss: float
    penalty_value: float


def _pair_of_means(rows: list[Row], by: tuple[Callable[[Row], float], Callable[[Row], float]]) -> Row:
    return tuple(fmean(f(row) for row in rows) for f in by)


def _score_by_weights() -> tuple[Callable[[Row], float], Callable[[Row], float]]:
    return (lambda x: sum(x)), (lambda x: sum(v * v for v in x) / 2)


def shares_of(turn: Turn, played: Played) -> Shares:
    """Sort what the critic was asked into real, fake and between, and compute each part's gradient by hand."""
    real = played.table.reals[_batch_of(turn, played.table)]
    made = [out for out, _ in played.generator.made]
    fake = [row for row in turn.asked if row in made]
    between = [row for row in turn.asked if row not in made and not _close_rows(row, real)]
    if not fake:
        raise Wrong("in a turn of the critic no fake was scored", "critic(fake) is missing")
    if not between:
        twice = {"real images": _asked_twice(real, turn.asked), "fakes": _asked_twice(fake, turn.asked)}
        place = next((name for name, often in twice.items() if often), None)
        raise Wrong(
            "the critic was never asked between real and fake",
            f"the penalty is taken at the {place}" if place else "the gradient penalty is missing",
        )
    _examine_between(between, list(real), fake)
    c, by = turn.critic, _score_by_weights()
    gap = _minus(_pair_of_means(fake, by), _pair_of_means(list(real), by))
    slope = (
        lambda x: 2 * (c.length(x) - 1) * c.length_by_w(x),
        lambda x: 2 * (c.length(x) - 1) * c.length_by_k(x),
    )
    value = fmean(c.score(x) for x in fake) - fmean(c.score(x) for x in real)
    return Shares(gap, _pair_of_means(between, slope), value, fmean((c.length(x) - 1) ** 2 for x in between))


def _asked_twice(rows: list[Row], asked: list[Row]) -> bool:
    return all(sum(_close_rows(row, [other]) for other in asked) > 1 for row in rows)


def _examine_between(between: list[Row], real: list[Row], fake: list[Row]) -> None:
    """The penalty's images lie on lines from a real one to a fake, each at a share of its own."""
    shares = [[e for r in real for f in fake for e in _share_of(x, r, f)] for x in between]
    lost = next((x for x, found in zip(between, shares, strict=True) if not found), None)
    if lost is not None:
        raise Wrong(
            f"the penalty was taken at {_shown(lost)}, on no line between a real image and a fake",
            "e * real + (1 - e) * fake, one e in (0, 1) for each image (algorithm 1)",
        )
    if len(between) > 1 and any(all(any(near(e, other) for other in found) for found in shares) for e in shares[0]):
        raise Wrong("all of the penalty's images lie at the same share between real and fake", "draw one e an image")


def _share_of(x: Row, real: Row, fake: Row) -> list[float]:
    """[e] where x = e * real + (1 - e) * fake with e in (0, 1), else nothing."""
    way = _minus(real, fake)
    length = sum(v * v for v in way)
    e = sum(a * b for a, b in zip(_minus(x, fake), way, strict=True)) / length
    miss = math.dist(x, mixed(e, real, 1 - e, fake))
    return [e] if -1e-6 <= e <= 1 + 1e-6 and miss < 1e-5 * (1 + math.sqrt(length)) else []


def _minus(a: Row, b: Row) -> Row:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def mixed(a: float, first: Row, b: float, second: Row) -> Row:
    """a * first + b * second."""
    return tuple(a * x + b * y for x, y in zip(first, second, strict=True))


def followed(turn: Turn, rate: float) -> Row:
    """The gradient that an optimiser step followed."""
    return tuple((a - b) / rate for a, b in zip(turn.before, turn.after, strict=True))


def same(a: Row, b: Row) -> bool:
    """Equal but for rounding: what was followed is read from the difference of two weights."""
    return all(near(x, y, 2e-3) for x, y in zip(a, b, strict=True))


def _shown(pair: Row) -> str:
    return ", ".join(f"{v:.4f}" for v in pair)


def examine_critic_turns(played: Played) -> str:
    """The gradients that the critic followed, against the right ones and the known wrong ones."""
    turns, weight = played.of("critic"), played.table.gp_weight
    if all(turn.before == turn.after for turn in turns):
        raise Wrong("the critic did not move", "no backward pass reached it before c_optimizer.step()")
    behind: Row = (0.0, 0.0)
    for turn in turns:
        parts = shares_of(turn, played)
        right = mixed(1, parts.gap, weight, parts.penalty)
        given = followed(turn, CRITIC_RATE)[:2]
        known = {
            "the weight is on the wrong term: it multiplies the penalty, not the gap": mixed(
                weight, parts.gap, 1, parts.penalty
            ),
            "the weight multiplies both terms: only the penalty has it": mixed(
                weight, parts.gap, weight, parts.penalty
            ),
            "gp_weight is not used: the penalty counts gp_weight times": mixed(1, parts.gap, 1, parts.penalty),
            "gp_weight is ignored: 10 is hard-coded": mixed(1, parts.gap, 10, parts.penalty),
            "the penalty does not reach the critic: it is missing, or was cut from the graph": parts.gap,
            "the gap is missing: only the penalty reached the critic": mixed(0, parts.gap, weight, parts.penalty),
            "sign flip: the critic was told to score fakes above reals": mixed(-1, parts.gap, weight, parts.penalty),
            "the penalty has the wrong sign: it is added to the loss": mixed(1, parts.gap, -weight, parts.penalty),
            "the critic goes uphill: it must minimise its loss": mixed(-1, right, 0, right),
            "the critic's gradients are not cleared before each backward": mixed(1, right, 1, behind),
            "the weight is squared": mixed(1, parts.gap, weight**2, parts.penalty),
            "the losses of the turns were averaged": mixed(1 / len(turns), right, 0, right),
        }
        if not same(given, right):
            raise Wrong(
                f"the critic followed the gradient {_shown(given)}, wanted {_shown(right)}",
                next((name for name, value in known.items() if same(given, value)), None),
            )
        behind = mixed(1, behind, 1, right)
    return f"gap + {weight:g} x penalty, in each of {len(turns)} turns"


def examine_generator_turn(played: Played) -> str:
    """The gradient that G followed: it wants higher scores."""
    turn = played.of("generator")[0]
    fakes, right = _wish_of_generator(played, turn)
    given = followed(turn, G_RATE)
    if same(given, right):
        return f"G follows the gradient {given[0]:.4f}"
    if given == (0.0, 0.0):
        raise Wrong("G did not move", "its graph was cut: fakes are made without a graph in the critic's turns only")
    known = {
        "sign flip: G makes its scores lower; it minimises minus their mean": mixed(-1, right, 0, right),
        "the sum over the batch, not the mean": mixed(len(fakes), right, 0, right),
    }
    likely = next((name for name, value in known.items() if same(given, value)), None)
    if likely is None and any(t.g_grad > 0 for t in played.of("critic")):
        likely = "the critic's loss reached G: detach the fakes in the critic's turns"
    raise Wrong(f"G followed the gradient {_shown(given)}, wanted {_shown(right)}", likely)


def _wish_of_generator(played: Played, turn: Turn) -> tuple[list[Row], tuple[float, float]]:
    """The fakes of G's turn, and the gradient of minus their mean score."""
    noise_of = {out: z for out, z in played.generator.made}
    fakes = [row for row in turn.asked if row in noise_of]
    if not fakes:
        likely = "ask the critic again after its last turn, about new fakes"
        raise Wrong("in G's turn the critic was asked about no fake", likely)
    c = turn.critic
    return fakes, (
        -fmean(sum(c.slope(x)) for x in fakes),
        -fmean(sum(s * z for s, z in zip(c.slope(x), noise_of[x], strict=True)) for x in fakes),
    )


def examine_fairness(played: Played, again: Played) -> str:
    """What right gradients can hide. again: the same table, two steps in a row."""
    if any(turn.g_grad > 0 for turn in played.of("critic")):
        raise Wrong(
            "a turn of the critic left a gradient in G", "detach the fakes there, or make them under torch.no_grad()"
        )
    _examine_noise(played)
    if not all([*played.generator.modes, *played.critic.modes, played.generator.training, played.critic.training]):
        raise Wrong("a player was put into eval mode", "training needs train mode")
    if not all(p.requires_grad for m in (played.generator, played.critic) for p in m.parameters()):
        raise Wrong("a player is left frozen", "set requires_grad back after the turn")
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in played.losses):
        raise Wrong("a returned loss has a graph", "return loss.detach(): kept losses would keep every step's memory")
    _examine_values(played)
    _examine_own_steps(again)
    n = len(played.table.reals)
    turns = again.of("critic")
    if len(turns) > n and _own_loss_alone(turns[0], again) and not _own_loss_alone(turns[n], again):
        raise Wrong(
            "in the second step the critic followed more than its own loss",
            "G's turn leaves a gradient in the critic: clear the critic's gradients before its own backward",
        )
    of_generator = again.of("generator")
    if len(of_generator) > 1 and not same(
        followed(of_generator[1], G_RATE), _wish_of_generator(again, of_generator[1])[1]
    ):
        raise Wrong(
            "in the second step G followed more than its own loss",
            "the step before left a gradient in G: clear G's gradients before its own backward",
        )
    return "fresh noise, fakes without a graph, nothing left over"


def _own_loss_alone(turn: Turn, played: Played) -> bool:
    """Whether the critic followed its gap and its penalty, and nothing else."""
    parts = shares_of(turn, played)
    return same(followed(turn, CRITIC_RATE)[:2], mixed(1, parts.gap, played.table.gp_weight, parts.penalty))


def _examine_own_steps(played: Played) -> None:
    """Between two steps of an optimiser its player stays as it is."""
    for player, module in (("critic", played.critic), ("generator", played.generator)):
        turns = played.of(player)
        starts = [turn.before for turn in turns[1:]] + [tuple(p.item() for p in module.parameters())]
        if any(turn.after != start for turn, start in zip(turns, starts, strict=True)):
            likely = "no clipping here: the penalty has taken its place" if player == "critic" else None
            raise Wrong(f"the {player}'s weights changed outside of its optimiser's step", likely)


def _examine_noise(played: Played) -> None:
    table, noises = played.table, played.generator.noises
    n = len(table.reals[0])
    for z in noises:
        if z.shape != (n, table.latent_dim):
            raise Wrong(f"G was given noise of shape {tuple(z.shape)}, wanted {(n, table.latent_dim)}")
        if (z == z[0]).all():
            raise Wrong("all rows of the noise are the same", "one noise vector for the whole batch")
    if len(noises) <= len(table.reals) or any(torch.equal(a, b) for i, a in enumerate(noises) for b in noises[:i]):
        raise Wrong("the same noise was used twice", "draw fresh noise for every turn, G's too (algorithm 1)")
    for z in noises:
        count = z.numel()
        if z.mean().abs() > 5 / count**0.5 or (z.std() - 1).abs() > 5 / (2 * count) ** 0.5:
            seen = f"G was given noise of mean {z.mean():.2f} and std {z.std():.2f}"
            raise Wrong(seen, "standard normal noise is wanted: positive and negative numbers, std 1")


def _loss_of(turn: Turn, played: Played) -> float:
    parts = shares_of(turn, played)
    return parts.loss + played.table.gp_weight * parts.penalty_value


def _examine_values(played: Played) -> None:
    """The two numbers that were returned: of the critic's last turn, and of G's."""
    last = played.of("critic")[-1]
    parts = shares_of(last, played)
    turn = played.of("generator")[0]
    made = {out for out, _ in played.generator.made}
    g_true = -fmean(turn.critic.score(x, played.critic.b.item()) for x in turn.asked if x in made)
    right = (_loss_of(last, played), g_true)
    given = tuple(float(loss) for loss in played.losses)
    if same(given, right):
        return
    known = {
        "the critic's loss without its penalty was returned: return what was minimised": (parts.loss, g_true),
        "the two losses are returned in the wrong order": right[::-1],
        "the critic's loss is that of its first turn: return the last": (
            _loss_of(played.of("critic")[0], played),
            g_true,
        ),
        "the mean over the critic's turns: return the loss of the last": (
            fmean(_loss_of(turn, played) for turn in played.of("critic")),
            g_true,
        ),
    }
    likely = next((name for name, value in known.items() if same(given, value)), None)
    raise Wrong(
        f"you gave the losses {_shown(given)}, wanted {_shown(right)} (the last turns)",
        likely,
    )
