"""A game so small that every gradient is a known sum, to examine one step of training.

G answers theta + scale * z_1 to the noise z; D gives x the logit w x + bias. With s = sigmoid, the slope of a loss at a
logit a is -s(-a) where the sample should be called real and s(a) where it should be called fake; D's weights get the
slope times (x, 1), and G's get it times w (1, z_1).

At a table with labels, each class has a number t, its tag: G answers theta + scale * z_1 + (t - 1) / 2, and D's logit
is w x + bias t. A sample is a pair (x, t), and t is 1 where there are no labels.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.checks.core import Wrong, call, kept, near, seed_checks, sigmoid, softplus, with_given

D_RATE, G_RATE = 0.5, 0.25
TAGS = (1.6, -0.8, 0.5, 2.3, -1.7, 1.1)
Pair = tuple[float, float]


@dataclass(frozen=True)
class Table:
    """Where the game stands: G's theta, D's w, the real batch (all different), its labels and the noise's length."""

    theta: float
    w: float
    real: list[float]
    latent_dim: int
    scale: float = 0.3
    bias: float = 0.1
    labels: list[int] | None = None

    @property
    def samples(self) -> list[Pair]:
        return list(zip(self.real, _tags(self.labels, len(self.real)), strict=True))


def _tags(labels: list[int] | None, n: int) -> list[float]:
    return [1.0] * n if labels is None else [TAGS[label] for label in labels]


@dataclass(frozen=True)
class Arrival:
    """A gradient that reached a player's weights in a backward pass."""

    player: str


@dataclass(frozen=True)
class OptimizerStep:
    """What an optimiser found when it was told to step: whose it is, and the gradients of both players."""

    player: str
    d_grad: Pair | None
    g_grad: Pair | None


class _Spy(nn.Module):
    """A player with two weights that writes down the modes it is called in and the gradients that arrive."""

    def __init__(self, player: str, first: float, second: float, log: list):
        super().__init__()
        self.first, self.second = nn.Parameter(torch.tensor(first)), nn.Parameter(torch.tensor(second))
        self.modes: list[bool] = []
        self.first.register_hook(lambda grad: log.append(Arrival(player)))

    @property
    def weights(self) -> Pair:
        return self.first.item(), self.second.item()

    @property
    def gradient(self) -> Pair | None:
        grads = [0.0 if p.grad is None else p.grad.item() for p in (self.first, self.second)]
        return None if self.first.grad is None and self.second.grad is None else tuple(grads)


class _SpyGenerator(_Spy):
    def __init__(self, table: Table, log: list):
        super().__init__("G", table.theta, table.scale, log)
        self.table = table
        self.noises: list[Tensor] = []
        self.labels: list[list[int] | None] = []
        self.made: dict[float, int] = {}

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None and len(z) != len(labels):
            seen = f"G was given noise for {len(z)} samples, and {len(labels)} labels"
            raise Wrong(seen, "as many fakes as there are reals: len(real), and a label for each")
        known = _known_labels("G", self.table, labels, len(z))
        tags = torch.tensor(_tags(known, len(z)))
        self.noises.append(z.detach().clone())
        self.labels.append(known)
        self.modes.append(self.training)
        x = self.first + self.second * z[:, 0] + (tags - 1) / 2
        self.made |= dict(zip(x.tolist(), known or [], strict=False))
        return in_halves(x)


def in_halves(x: Tensor) -> Tensor:
    """Samples (N, 1, 2, 1) of two equal numbers, whose sum is x (N,): rows and pixels cannot be mixed up unseen."""
    return (x / 2).view(-1, 1, 1, 1).repeat(1, 1, 2, 1)


class _SpyDiscriminator(_Spy):
    def __init__(self, table: Table, log: list):
        super().__init__("D", table.w, table.bias, log)
        self.table = table
        self.seen: list[tuple[float, int]] = []

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        if x[:1].numel() != 2:
            raise Wrong(
                f"D was given images of shape {tuple(x.shape)}, the real batch has {(len(self.table.real), 1, 2, 1)}",
                "hand the images over as they are: D knows what it does with them",
            )
        known = _known_labels("D", self.table, labels, len(x))
        tags = torch.tensor(_tags(known, len(x)))
        self.modes.append(self.training)
        x = x.flatten(1).sum(1)
        self.seen += list(zip(x.tolist(), known or [], strict=False))
        return self.first * x + self.second * tags


def _known_labels(player: str, table: Table, labels: Any, n: int) -> list[int] | None:
    """The labels that a player was given, one a sample. Raises Wrong when they are missing or no class numbers."""
    if table.labels is None:
        return None
    if labels is None:
        likely = {
            "D": "D must be told the label of every image that it judges: discriminator(images, labels)",
            "G": "G must be told what to make: generator(noise, labels)",
        }
        raise Wrong(f"{player} was asked without labels", likely[player])
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.shape != (n,):
        given = f"shape {tuple(labels.shape)}" if isinstance(labels, Tensor) else f"a {type(labels).__name__}"
        likely = "class numbers, one a sample: the players turn them into one-hot rows or planes themselves"
        raise Wrong(f"{player} was given labels of {given} for {n} samples, wanted ({n},), whole numbers", likely)
    strangers = set(labels.tolist()) - set(table.labels)
    if strangers:
        raise Wrong(
            f"{player} was given the label {min(strangers)}, which no image of the batch has",
            "the fakes carry the labels of the real batch: a number of classes or a range does not belong here",
        )
    return labels.tolist()


class _SpySGD(torch.optim.SGD):
    """Plain gradient descent on one player that writes down each step."""

    def __init__(self, player: str, rate: float, log: list, spies: dict[str, _Spy]):
        super().__init__(spies[player].parameters(), lr=rate)
        self._player, self._log, self._spies = player, log, spies

    def step(self, closure: Callable | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._log.append(OptimizerStep(self._player, self._spies["D"].gradient, self._spies["G"].gradient))
        super().step()
        return loss


@dataclass
class Played:
    """One or two steps as they went: the weights before and after each, and everything that the spies saw."""

    table: Table
    generator: _SpyGenerator
    discriminator: _SpyDiscriminator
    log: list
    d: list[Pair] = field(default_factory=list)
    g: list[Pair] = field(default_factory=list)
    losses: Any = None

    def note_weights(self) -> None:
        self.d.append(self.discriminator.weights)
        self.g.append(self.generator.weights)

    def steps_of(self, player: str) -> list[OptimizerStep]:
        return [entry for entry in self.log if isinstance(entry, OptimizerStep) and entry.player == player]

    def arrived(self, player: str) -> bool:
        return any(isinstance(entry, Arrival) and entry.player == player for entry in self.log)

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
    seed_checks(0)
    log: list = []
    generator, discriminator = _SpyGenerator(table, log), _SpyDiscriminator(table, log)
    spies = {"D": discriminator, "G": generator}
    d_optimizer, g_optimizer = _SpySGD("D", D_RATE, log, spies), _SpySGD("G", G_RATE, log, spies)
    played = Played(table, generator, discriminator, log)
    played.note_weights()
    answer = with_given(
        answer,
        discriminator_loss=objectives.discriminator_loss,
        generator_loss=objectives.generator_loss,
        sample_noise=_sample_noise,
    )
    for _ in range(steps):
        batch = [in_halves(torch.tensor(table.real))]
        if table.labels is not None:
            batch.append(torch.tensor(table.labels))
        with kept(*batch):
            played.losses = call(answer, generator, discriminator, g_optimizer, d_optimizer, *batch, table.latent_dim)
        played.note_weights()
    return played


# The gradients that players follow, right and wrong.


def _add(*pairs: Pair) -> Pair:
    return sum(p[0] for p in pairs), sum(p[1] for p in pairs)


def _times(factor: float, pair: Pair) -> Pair:
    return factor * pair[0], factor * pair[1]


def _logits(d: Pair, samples: list[Pair]) -> list[float]:
    return [d[0] * x + d[1] * t for x, t in samples]


def _call_real(logit: float) -> float:
    """The slope of -log D."""
    return -sigmoid(-logit)


def _call_fake(logit: float) -> float:
    """The slope of -log(1 - D)."""
    return sigmoid(logit)


def _on_d(d: Pair, samples: list[Pair], slope: Callable[[float], float]) -> Pair:
    """The gradient that D's weights get from the mean of a loss over samples."""
    slopes = [slope(a) for a in _logits(d, samples)]
    products = [(s * x, s * t) for s, (x, t) in zip(slopes, samples, strict=True)]
    return fmean(p[0] for p in products), fmean(p[1] for p in products)


def _on_g(d: Pair, g: Pair, z: list[Pair], slope: Callable[[float], float]) -> Pair:
    """The gradient that G's weights get from the mean of a loss over its samples."""
    slopes = [slope(a) * d[0] for a in _logits(d, _fakes(g, z))]
    return fmean(slopes), fmean(s * x for s, (x, _) in zip(slopes, z, strict=True))


def _fakes(g: Pair, z: list[Pair]) -> list[Pair]:
    """Samples from pairs of a noise and a tag."""
    return [(g[0] + g[1] * x + (t - 1) / 2, t) for x, t in z]


@dataclass(frozen=True)
class Turns:
    """What one step started from, and the noise of its two turns."""

    d: Pair
    d_after: Pair
    g: Pair
    real: list[Pair]
    z_d: list[Pair]
    z_g: list[Pair]

    @property
    def d_right(self) -> Pair:
        return _add(_on_d(self.d, self.real, _call_real), _on_d(self.d, _fakes(self.g, self.z_d), _call_fake))

    @property
    def g_right(self) -> Pair:
        return _on_g(self.d_after, self.g, self.z_g, _call_real)

    @property
    def left_in_d(self) -> Pair:
        """What G's loss would do to D's weights: it must never be used."""
        return _on_d(self.d_after, _fakes(self.g, self.z_g), _call_real)

    @property
    def d_loss_on_g(self) -> Pair:
        return _on_g(self.d, self.g, self.z_d, _call_fake)


def _turns(played: Played, step: int, swapped: bool = False) -> Turns:
    """The two turns of a step; swapped: G's noise was drawn before D's, which is as good."""
    n = len(played.table.real)
    noises = [
        list(zip(z[:, 0].tolist(), _tags(labels, n), strict=True))
        for z, labels in zip(played.generator.noises, played.generator.labels, strict=True)
        if z.ndim == 2 and len(z) == n
    ]
    mine = noises[2 * step : 2 * step + 2] or noises[-1:] or [[(0.0, 1.0)] * n]
    first, second = mine[0], mine[-1]
    z_d, z_g = (second, first) if swapped else (first, second)
    return Turns(played.d[step], played.d[step + 1], played.g[step], played.table.samples, z_d, z_g)


def _same_pair(a: Pair, b: Pair) -> bool:
    return near(a[0], b[0], 1e-3) and near(a[1], b[1], 1e-3)


def _followed(before: Pair, after: Pair, rate: float) -> Pair:
    return (before[0] - after[0]) / rate, (before[1] - after[1]) / rate


def _compare(player: str, followed: Pair, truth: Pair, known: dict[str, Pair]) -> str:
    """The gradient that was followed, against the right one and the known wrong ones."""
    if _same_pair(followed, truth):
        return f"{player} follows the gradient {followed[0]:.4f}"
    i = 0 if not near(followed[0], truth[0], 1e-3) else 1
    seen = f"{player} followed the gradient {followed[i]:.4f}, wanted {truth[i]:.4f}"
    raise Wrong(seen, next((name for name, value in known.items() if _same_pair(followed, value)), None))


def examine_move(played: Played, move: Move) -> str:
    """Compare one part of the game with the truth, starting from where the learner's own play had led."""
    examine = {Move.DISCRIMINATOR: _examine_d, Move.GENERATOR: _examine_g, Move.SECOND: _examine_second}[move]
    try:
        return examine(played, False)
    except Wrong as wrong:
        try:
            return examine(played, True)
        except Wrong:
            raise wrong from None


def _examine_steps(played: Played, player: str, moved: bool) -> None:
    """Whether the player's optimiser stepped, once, and with a gradient."""
    steps, name = played.steps_of(player), f"{player.lower()}_optimizer"
    if not steps and moved:
        raise Wrong(
            f"{player} moved, but not by {name}", "use the optimiser that you are given: it remembers its past steps"
        )
    if not steps:
        raise Wrong(f"{player} did not move", f"{name}.step() is missing: each player has an optimiser of its own")
    gradient = steps[0].d_grad if player == "D" else steps[0].g_grad
    if gradient is None and played.arrived(player):
        raise Wrong(
            f"{player}'s optimiser found no gradient",
            "the order of a turn is zero_grad, backward, step: here step came before backward, or zero_grad after it",
        )
    if gradient is None and player == "D":
        raise Wrong(
            "D's optimiser found no gradient", "no backward pass reached D: d_loss.backward() comes before the step"
        )
    if gradient is None:
        likely = (
            "G's graph was cut, or there was no backward: fakes are detached (or made under no_grad) in D's turn only"
        )
        raise Wrong("G's optimiser found no gradient", likely)
    if len(steps) > 1:
        raise Wrong(f"{player} moved {len(steps)} times in one step", f"one turn each: {name}.step() once")


def _examine_d(played: Played, swapped: bool) -> str:
    turns = _turns(played, 0, swapped)
    _examine_steps(played, "D", played.d[1] != played.d[0])
    first = next(entry for entry in played.log if isinstance(entry, OptimizerStep))
    if first.player == "G":
        swapped_optimizers = first.g_grad is None and first.d_grad is not None
        likely = "the two optimisers are swapped" if swapped_optimizers else "D takes its turn first (algorithm 1)"
        raise Wrong("G moved before D", likely)
    fakes, right = _fakes(turns.g, turns.z_d), turns.d_right
    real_half, fake_half = _on_d(turns.d, turns.real, _call_real), _on_d(turns.d, fakes, _call_fake)
    g_wish = _on_d(turns.d, fakes, _call_real)
    smoothed = _add(
        _times(0.9, real_half), _times(0.1, _on_d(turns.d, turns.real, _call_fake)), _on_d(turns.d, fakes, _call_fake)
    )
    known = {
        "D's labels are swapped": _add(_on_d(turns.d, turns.real, _call_fake), g_wish),
        "D goes uphill: it must minimise its loss": _times(-1, right),
        "only the real half reached D": real_half,
        "only the fake half reached D": fake_half,
        "D was told that fakes are real": _add(real_half, g_wish),
        "the two terms were averaged": _times(0.5, right),
        "the sum over the batch, not the mean": _times(len(turns.real), right),
        "labels were smoothed: no smoothing was asked for": smoothed,
        "D was moved by G's loss: d_optimizer must step on d_loss": g_wish,
        "G's loss was added to D's gradient: each player follows its own loss only": _add(right, turns.left_in_d),
    }
    return _compare("D", _followed(turns.d, turns.d_after, D_RATE), right, known)


def _examine_g(played: Played, swapped: bool) -> str:
    turns = _turns(played, 0, swapped)
    _examine_steps(played, "G", played.g[1] != played.g[0])
    right, z = turns.g_right, turns.z_g
    saturating = _on_g(turns.d_after, turns.g, z, lambda a: -sigmoid(a))
    known = {
        "G was told to make fakes that D calls fake: label them 1 in G's turn": _times(-1, saturating),
        "the saturating loss: use the non-saturating one": saturating,
        "G goes uphill: it must minimise its loss": _times(-1, right),
        "G played against D as it was before D's turn: ask D again after d_optimizer.step()": _on_g(
            turns.d, turns.g, z, _call_real
        ),
        "D's loss reached G: detach the fakes in D's turn": _add(right, turns.d_loss_on_g),
        "G was moved by D's loss: g_optimizer must step on g_loss": turns.d_loss_on_g,
        "the sum over the batch, not the mean": _times(len(turns.real), right),
        "the saturating loss, and D's loss reached G": _add(saturating, turns.d_loss_on_g),
        "no gradient at all: zero_grad came between backward and step, or the graph was cut": (0.0, 0.0),
    }
    return _compare("G", _followed(turns.g, played.g[1], G_RATE), right, known)


def _examine_second(played: Played, swapped: bool) -> str:
    """Two steps in a row show what is left over from the first one."""
    first, second = _turns(played, 0, swapped), _turns(played, 1, swapped)
    if not played.discriminator.first.requires_grad and second.d == second.d_after:
        raise Wrong("D moved in the first step only", "D was frozen for G's turn and not set free again")
    kept = "D kept the gradient that G's turn left in it: clear D's gradients before its own backward"
    d_known = {
        kept: _add(second.d_right, first.left_in_d),
        "D's gradients are never cleared: they pile up step by step": _add(
            second.d_right, first.d_right, first.left_in_d
        ),
        "D's own gradient of the last step was not cleared": _add(second.d_right, first.d_right),
    }
    g_known = {
        "G's gradients are never cleared: they pile up step by step": _add(second.g_right, first.g_right),
        "G's gradients are never cleared, and D's loss reaches G": _add(
            second.g_right, first.g_right, first.d_loss_on_g, second.d_loss_on_g
        ),
    }
    first_right = _same_pair(_followed(first.d, first.d_after, D_RATE), first.d_right) and _same_pair(
        _followed(first.g, second.g, G_RATE), first.g_right
    )
    try:
        followed = _followed(second.d, second.d_after, D_RATE)
        if first_right and _partly(followed, second.d_right, d_known[kept]):
            raise Wrong(f"D followed the gradient {followed[0]:.4f}, {followed[1]:.4f}", f"{kept}, all of them")
        _compare("D", followed, second.d_right, d_known)
        _compare("G", _followed(second.g, played.g[2], G_RATE), second.g_right, g_known)
    except Wrong as wrong:
        if first_right or wrong.likely:
            raise
    if not first_right:
        raise Wrong("the first step must be right before the second can be")
    return "nothing is left over from the first step"


def _partly(followed: Pair, right: Pair, wrong: Pair) -> bool:
    """Whether one weight followed the right gradient and the other one the wrong one."""
    matches = [(near(f, r, 1e-3), near(f, w, 1e-3)) for f, r, w in zip(followed, right, wrong, strict=True)]
    return matches in ([(True, False), (False, True)], [(False, True), (True, False)])


def examine_fairness(played: Played) -> str:
    """What a right result can hide: shared noise, a wrong mode, gradients in the wrong place, losses with a graph."""
    generator, discriminator = played.generator, played.discriminator
    _examine_noise(played)
    if not all(generator.modes + discriminator.modes + [generator.training, discriminator.training]):
        raise Wrong(
            "a player was put into eval mode", "training needs train mode: batch norm and dropout behave otherwise"
        )
    if not (generator.first.requires_grad and discriminator.first.requires_grad):
        raise Wrong("a player is left frozen", "set requires_grad back after the turn")
    first_d = next(iter(played.steps_of("D")), None)
    if first_d is not None and first_d.g_grad is not None and any(first_d.g_grad):
        _explain_gradient_in_g(played, first_d.g_grad)
    return _examine_losses(played)


def _explain_gradient_in_g(played: Played, found: Pair) -> None:
    turns = _turns(played, 0)
    if _same_pair(found, turns.d_loss_on_g):
        raise Wrong("D's turn left a gradient in G", "detach the fakes in D's turn, or make them under torch.no_grad()")
    raise Wrong(
        "G had its gradient before D's turn was over", "finish D's turn, step included, before G's loss is built"
    )


def _examine_noise(played: Played) -> None:
    table, noises = played.table, played.generator.noises
    n = len(table.real)
    for z in noises:
        if z.ndim != 2 or len(z) != n:
            raise Wrong(f"G was given noise of shape {tuple(z.shape)}", f"as many fakes as there are reals: {n}")
        if z.shape[1] != table.latent_dim:
            raise Wrong(f"G was given noise of shape {tuple(z.shape)}", f"latent_dim is {table.latent_dim} here")
        if (z == z[0]).all():
            raise Wrong("all rows of the noise are the same", "one noise vector for the whole batch")
    if len(noises) < 4:
        raise Wrong(
            f"G was asked {len(noises)} times in two steps", "each turn has fakes of its own, made from new noise"
        )
    if any(torch.equal(a, b) for i, a in enumerate(noises) for b in noises[:i]):
        raise Wrong(
            "the same noise was used twice", "draw fresh noise for each player's turn, in every step (algorithm 1)"
        )
    drawn = torch.cat(noises)
    if drawn.mean().abs() > 0.2 or (drawn.std() - 1).abs() > 0.2:
        seen = f"G was given noise of mean {drawn.mean():.2f} and std {drawn.std():.2f}"
        raise Wrong(seen, "standard normal noise is wanted: torch.randn, or sample_noise as it is")


def _examine_losses(played: Played) -> str:
    """The numbers returned by the last step: what both players paid, without a graph."""
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in played.losses):
        raise Wrong("a returned loss has a graph", "return loss.detach(): kept losses would keep every step's memory")
    given = tuple(float(loss) for loss in played.losses)
    wanted = [_losses(_turns(played, 1, swapped)) for swapped in (False, True)]
    if any(_same_pair(given, pair) for pair in wanted):
        return "fresh noise, train mode, fakes detached where they must be"
    likely = "the two losses are returned in the wrong order" if _same_pair(given[::-1], wanted[0]) else None
    d_true, g_true = wanted[0]
    raise Wrong(f"you gave the losses {given[0]:.4f}, {given[1]:.4f}, wanted {d_true:.4f}, {g_true:.4f}", likely)


def _losses(turns: Turns) -> Pair:
    """What D and G paid in a step."""
    d_fake, g_fake = _fakes(turns.g, turns.z_d), _fakes(turns.g, turns.z_g)
    d_loss = fmean(softplus(-a) for a in _logits(turns.d, turns.real)) + fmean(
        softplus(a) for a in _logits(turns.d, d_fake)
    )
    return d_loss, fmean(softplus(-a) for a in _logits(turns.d_after, g_fake))


def examine_labels(played: Played) -> str:
    """Whether every image that D judged came with its own label, and the fakes' labels are those of the real batch."""
    table = played.table
    real = dict(zip(torch.tensor(table.real).tolist(), table.labels, strict=True))
    for labels in played.generator.labels:
        if sorted(labels) != sorted(table.labels):
            likely = (
                "the fakes carry the labels of the real batch: with another balance of classes D learns from the label"
            )
            if len(set(labels)) == 1:
                likely = "one label for the whole batch: the fakes carry the labels of the real batch"
            raise Wrong(f"G was given the labels {labels}, the real batch has {table.labels}", likely)
    for x, label in played.discriminator.seen:
        if x not in real and x not in played.generator.made:
            raise Wrong(
                "D judged an image that is neither real nor made by G", "give D the images as they are, one by one"
            )
        own = real.get(x, played.generator.made.get(x))
        if label != own and x in real:
            raise Wrong(
                f"D saw a real image of class {own} with the label {label}",
                "real images keep their own labels, or D learns that any label fits",
            )
        if label != own:
            raise Wrong(
                f"D saw a fake made as class {own} with the label {label}",
                "a fake is judged with the label that made it",
            )
    if not played.discriminator.seen:
        raise Wrong("D was never asked", "each turn needs D's logits")
    return "every image with its own label, fakes with the real batch's"
