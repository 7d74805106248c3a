"""Lesson 03, WGAN-GP: what must hold of each answer, and what each known wrong value means."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from gancourse import objectives
from gancourse.checks.core import (
    Case,
    Exercise,
    Wrong,
    as_scalar,
    call,
    expect,
    hinted,
    kept,
    listed,
    near,
    needs,
    seed_checks,
    sigmoid,
    softplus,
    with_given,
)
from gancourse.checks.critics import (
    Bowl,
    Row,
    Table,
    Weights,
    examine_critic_turns,
    examine_fairness,
    examine_generator_turn,
    examine_losses,
    examine_turns,
    play,
    rows_of,
)


def _leaf(values: list[float]) -> Tensor:
    return torch.tensor(values, requires_grad=True)


def _grad(value: Tensor, leaves: Tensor | tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    """The slopes of an answer's value. Raises Wrong where the answer has used up the graph or frozen a weight."""
    try:
        return torch.autograd.grad(value, leaves, allow_unused=True)
    except RuntimeError as error:
        likely = "the graph was used up or cut inside your function: no backward() and no freezing in it"
        if "not implemented" in str(error):
            likely = "an operation on the way has no derivative, as unique() has none (and it drops equal numbers)"
        raise Wrong(f"nothing can learn from what you gave: {str(error)[:90]}", likely) from None


# 3.1 wasserstein_1d

wasserstein_1d = Exercise("03.wasserstein_1d", points=2, read='"Moving earth", above')


def _samples(case: Case) -> tuple[list[float], list[float]]:
    x = case.numbers([0.5, 3.0, -1.0, 2.5, 1.2], -3.0, 3.0)
    turned = x[2:] + x[:2]
    y = [round(1.25 * v - 0.25 * fmean(x) + 0.3 + 0.02 * i * i, 3) for i, v in enumerate(turned)]
    return x, y


def _cheapest(x: list[float], y: list[float]) -> float:
    """The truth without sorting: the cheapest of all ways to pair them."""
    return min(fmean(abs(a - b) for a, b in zip(x, p, strict=True)) for p in permutations(y))


def _w1_mistakes(x: list[float], y: list[float]) -> dict[str, float]:
    a, b = sorted(x), sorted(y)
    gaps = [p - q for p, q in zip(a, b, strict=True)]
    return {
        "paired as they came: sort both first": fmean(abs(p - q) for p, q in zip(x, y, strict=True)),
        "squares: this is W2 squared; W1 takes the absolute value": fmean(g * g for g in gaps),
        "this is W2: W1 takes the absolute value, not the root of the mean square": math.sqrt(
            fmean(g * g for g in gaps)
        ),
        "the sum over the samples, not the mean: each sample has the mass 1/N": sum(abs(g) for g in gaps),
        "the distance of the means: W1 also sees that one sample is wider": abs(fmean(gaps)),
        "the absolute value is missing, or is taken after the mean": fmean(gaps),
        "the absolute value is missing: gaps of both signs cancel": -fmean(gaps),
        "only one of the two is sorted": fmean(abs(p - q) for p, q in zip(a, y, strict=True)),
        "only one of the two was sorted": fmean(abs(p - q) for p, q in zip(x, b, strict=True)),
        "one of them is sorted the other way round: that pairs the lowest with the highest": fmean(
            abs(p - q) for p, q in zip(a, b[::-1], strict=True)
        ),
        "the mean over all pairs: each sample is moved to one place only": fmean(abs(p - q) for p in x for q in y),
        "each sample goes to its nearest: two samples may not share one place": fmean(
            min(abs(p - q) for q in y) for p in x
        ),
        "each place takes the nearest sample: a sample cannot be used twice": fmean(
            min(abs(p - q) for p in x) for q in y
        ),
        "the largest gap: W1 is the mean gap": max(abs(g) for g in gaps),
        "half of it: the gap itself is the cost": fmean(abs(g) for g in gaps) / 2,
    }


@wasserstein_1d.aspect("scalar", gate=True)
def w1_scalar(answer: Callable, case: Case) -> str:
    x, y = _samples(case)
    as_scalar(call(answer, torch.tensor(x), torch.tensor(y)))
    return "a scalar"


@wasserstein_1d.aspect("value", share=0.5)
def w1_value(answer: Callable, case: Case) -> str:
    x, y = _samples(case)
    with kept(torch.tensor(x), torch.tensor(y)) as pair:
        given = as_scalar(call(answer, *pair))
    return expect(given, _cheapest(x, y), f"for {listed(x)} and {listed(y)}", _w1_mistakes(x, y))


@wasserstein_1d.aspect("a distance", share=0.3)
def w1_distance(answer: Callable, case: Case) -> str:
    needs(w1_value, answer, case)
    shift = case.number(100.0, 20.0, 300.0)
    x = torch.linspace(-1, 2, case.size(40, 30, 60))
    shuffled = x[torch.randperm(len(x))]
    columns = torch.stack([x, 2 * x], dim=1)  # what comes as a column is not contiguous
    trials = [
        ("a sample and itself in another order", shuffled, x, 0.0),
        (f"a sample and itself, {shift:g} further", x, shuffled + shift, shift),
        (f"a sample and itself, {shift:g} back", shuffled, x - shift, shift),
        ("one number and another", x[:1], x[:1] + 0.25, 0.25),
        ("a sample and one twice as wide", columns[:, 1], columns[:, 0], x.abs().mean().item()),
        ("two samples in float64", x.double(), shuffled.double() + 0.5, 0.5),
    ]
    for name, a, b, truth in trials:
        given = as_scalar(call(answer, a, b))
        if not near(given, truth, 1e-3 if truth < 10 else 1e-4):
            raise Wrong(f"you gave {given:.4f}, wanted {truth:.4f} for {name}")
    return f"0 to itself, {shift:g} to itself shifted by {shift:g}"


@wasserstein_1d.aspect("slope", share=0.2)
def w1_slope(answer: Callable, case: Case) -> str:
    """A generator can learn from it: each sample is pulled to its place with the force 1/N, however far that is."""
    needs(w1_value, answer, case)
    n, far = case.size(4, 3, 8), case.number(1000.0, 500.0, 2000.0)
    x = _leaf([float(i) for i in range(n)][::-1])
    loss = call(answer, x, torch.arange(n) + far)
    if not loss.requires_grad:
        raise Wrong("the distance has no graph", "nothing can learn from it: stay with torch, without .item() or numpy")
    (slope,) = _grad(loss, x)
    if slope is None or not all(near(v, -1 / n) for v in slope.tolist()):
        seen = "none" if slope is None else listed([round(v, 4) for v in slope.tolist()])
        raise Wrong(f"the slopes are {seen}, wanted {-1 / n:.4f} for each sample")
    tied = _leaf([1.0, 0.0])
    (slope,) = _grad(call(answer, tied, torch.tensor([0.0, 3.0])), tied)
    if slope is not None and not slope.isfinite().all():
        likely = "the root of a square has no slope at 0: take the absolute value"
        raise Wrong("where two samples are equal, the slope is no number", likely)
    return f"{-1 / n:g} for each of {n} samples, {far:g} away"


# 3.2 critic_loss and 3.3 generator_loss

critic_loss = Exercise("03.critic_loss", points=2, read='"A price for every place", above')
generator_loss = Exercise("03.generator_loss", points=1, read='"A price for every place", above')


def _scores(case: Case) -> tuple[list[float], list[float]]:
    real = case.numbers([2.0, -1.0, 0.8], -2.5, 2.5)
    return real, [round(-0.6 * v + 0.3 + 0.2 * i, 3) for i, v in enumerate(real)]


def _critic_mistakes(real: list[float], fake: list[float]) -> dict[str, float]:
    r, f, n = fmean(real), fmean(fake), len(real)
    cross_entropy = fmean(softplus(-v) for v in real) + fmean(softplus(v) for v in fake)
    return {
        "the sign: the critic maximises real - fake, so its loss is fake - real": r - f,
        "the sum over the batch, not the mean": (f - r) * n,
        "the sign, and the sum over the batch": (r - f) * n,
        "half of it: the two means are not averaged": (f - r) / 2,
        "both terms have the same sign: fakes must count against reals": f + r,
        "both terms have the same sign, the wrong one for fakes": -f - r,
        "only the fakes: the reals are missing": f,
        "only the reals: the fakes are missing": -r,
        "a sigmoid on the scores: a critic's scores are no probabilities": fmean(map(sigmoid, fake))
        - fmean(map(sigmoid, real)),
        "a sigmoid on the scores, and the sign": fmean(map(sigmoid, real)) - fmean(map(sigmoid, fake)),
        "the loss of lesson 1: a critic's scores are no logits, and there is no logarithm here": cross_entropy,
        "logarithms: this is the loss of lesson 1, averaged; a critic has none": cross_entropy / 2,
        "the hinge loss: nothing is cut off here": fmean(max(0.0, 1 - v) for v in real)
        + fmean(max(0.0, 1 + v) for v in fake),
        "squares: this is the loss of LSGAN": fmean((v - 1) ** 2 for v in real) + fmean(v * v for v in fake),
        "squares: the gap itself is the loss": (f - r) ** 2,
        "a tanh on the scores: nothing may squash them": fmean(map(math.tanh, fake)) - fmean(map(math.tanh, real)),
    }


@critic_loss.aspect("scalar", gate=True)
def critic_scalar(answer: Callable, case: Case) -> str:
    real, fake = _scores(case)
    as_scalar(call(answer, _leaf(real), _leaf(fake)))
    return "a scalar"


@critic_loss.aspect("value", share=0.5)
def critic_value(answer: Callable, case: Case) -> str:
    real, fake = _scores(case)
    with kept(_leaf(real), _leaf(fake)) as scores:
        given = as_scalar(call(answer, *scores))
    swapped = as_scalar(call(answer, _leaf(fake), _leaf(real)))
    if near(given, swapped) and near(abs(given), abs(fmean(fake) - fmean(real))):
        raise Wrong(
            f"you gave {given:.4f} for two batches and for the same batches swapped",
            "an absolute value: the sign tells the critic which way is up",
        )
    about = f"for real {listed(real)}; fake {listed(fake)}"
    return expect(given, fmean(fake) - fmean(real), about, _critic_mistakes(real, fake))


@critic_loss.aspect("no probability", share=0.25)
def critic_scale(answer: Callable, case: Case) -> str:
    """Any number is a score: adding to all changes nothing, and larger gaps count in full."""
    needs(critic_value, answer, case)
    real, fake = _scores(case)
    add, times = case.number(100.0, 50.0, 200.0), case.number(300.0, 100.0, 400.0)
    truth = fmean(fake) - fmean(real)
    for name, a, b, wanted in (
        (f"with {add:g} added to every score", [v + add for v in real], [v + add for v in fake], truth),
        (f"with every score times {times:g}", [v * times for v in real], [v * times for v in fake], truth * times),
        ("for a batch of one", real[:1], fake[:1], fake[0] - real[0]),
    ):
        given = as_scalar(call(answer, _leaf(a), _leaf(b)))
        if not near(given, wanted, 1e-3):
            likely = "scores were squashed, cut off or clamped: they are no probabilities"
            raise Wrong(f"you gave {given:.4f}, wanted {wanted:.4f} {name}", likely)
    given = as_scalar(call(answer, _leaf(real).double(), _leaf(fake).double()))
    expect(given, truth, "for scores in float64")
    return f"the same with {add:g} added to every score"


@critic_loss.aspect("slope", share=0.25)
def critic_slope(answer: Callable, case: Case) -> str:
    """No sample is ever settled: the slope is the same at every score."""
    real, fake = (_leaf(v) for v in _scores(case))
    loss = call(answer, real, fake)
    as_scalar(loss)
    n = len(real)
    slopes = _slopes(loss, (real, fake), ("real", "fake"), "the critic")
    for name, slope, wanted in zip(("real", "fake"), slopes, (-1 / n, 1 / n), strict=True):
        if not all(near(v, wanted) for v in slope.tolist()):
            seen = listed([round(v, 4) for v in slope.tolist()])
            raise Wrong(f"the slope at the {name} scores is {seen}, wanted {wanted:.4f}")
    return f"{-1 / n:.4f} at each real score, {1 / n:.4f} at each fake one"


def _slopes(loss: Tensor, leaves: tuple[Tensor, ...], names: tuple[str, ...], who: str) -> list[Tensor]:
    """The gradients of a loss. Raises Wrong where one is missing."""
    if not loss.requires_grad:
        raise Wrong("the loss has no graph", f"{who} cannot learn from it: something was detached or made a number")
    slopes = _grad(loss, leaves)
    for name, slope in zip(names, slopes, strict=True):
        if slope is None:
            raise Wrong(f"no gradient reaches the {name} scores", f"{who} cannot learn from the {name} samples")
    return list(slopes)


@generator_loss.aspect("scalar", gate=True)
def g_scalar(answer: Callable, case: Case) -> str:
    as_scalar(call(answer, _leaf(_scores(case)[0])))
    return "a scalar"


@generator_loss.aspect("value", share=0.6)
def g_value(answer: Callable, case: Case) -> str:
    fake = _scores(case)[0]
    with kept(_leaf(fake)) as scores:
        given = as_scalar(call(answer, *scores))
    f, n = fmean(fake), len(fake)
    known = {
        "the sign: G wants high scores, so it minimises minus their mean": f,
        "the sum over the batch, not the mean": -f * n,
        "the sign, and the sum over the batch": f * n,
        "a sigmoid on the scores: they are no probabilities": -fmean(map(sigmoid, fake)),
        "the loss of lesson 1: a critic's scores are no logits": fmean(softplus(-v) for v in fake),
        "the saturating loss of lesson 1: a critic's scores are no logits": -fmean(softplus(v) for v in fake),
        "log D of lesson 1, and its sign: a critic's scores are no logits": -fmean(softplus(-v) for v in fake),
        "squares: this is the loss of LSGAN": fmean((v - 1) ** 2 for v in fake),
        "an absolute value: the sign tells G which way is up": abs(f),
        "an absolute value, and the sign": -fmean(map(abs, fake)),
        "1 minus the mean: that belongs to probabilities": 1 - f,
    }
    return expect(given, -f, f"for scores {listed(fake)}", known)


@generator_loss.aspect("slope", share=0.4)
def g_slope(answer: Callable, case: Case) -> str:
    needs(g_value, answer, case)
    low = -case.number(1000.0, 500.0, 2000.0)
    scores = _leaf([low, 0.0, -low, low])
    loss = call(answer, scores)
    as_scalar(loss)
    (slope,) = _slopes(loss, (scores,), ("fake",), "G")
    if not all(near(v, -0.25) for v in slope.tolist()):
        raise Wrong(
            f"the slopes at the scores {low:g}, 0, {-low:g} are {listed([round(v, 4) for v in slope.tolist()])}, "
            "wanted -0.25 each"
        )
    return f"-0.25 for each of 4 samples, even at the score {low:g}"


# 3.4 interpolate

interpolate = Exercise("03.interpolate", points=2, read='"Where the slope is asked for", above')
IMAGES, POINTS = (5, 3, 4, 6), (7, 2)


def _mixed(answer: Callable, real: Tensor, fake: Tensor) -> Tensor:
    """What an answer makes of two batches, without a graph. Raises Wrong for a wrong kind, type or shape."""
    with kept(real, fake) as pair:
        given = call(answer, *pair)
    if type(given) is not Tensor:
        raise Wrong(f"you gave a {type(given).__name__}, wanted a tensor", "no return" if given is None else None)
    if given.shape != real.shape:
        raise Wrong(
            f"you gave shape {tuple(given.shape)} for batches of {tuple(real.shape)}",
            "the share has the wrong number of axes: (N, 1, 1, 1) for pictures, (N, 1) for points",
        )
    if given.dtype != real.dtype:
        raise Wrong(f"you gave dtype {given.dtype} for batches of {real.dtype}")
    return given.detach()


def _shares(answer: Callable, shape: tuple[int, ...]) -> Tensor:
    """Which share of `real` is in each number: reals are all 2 and fakes all -1, so it can be read off."""
    return (_mixed(answer, torch.full(shape, 2.0), torch.full(shape, -1.0)) + 1) / 3


@interpolate.aspect("shape", gate=True)
def mix_shape(answer: Callable, case: Case) -> str:
    shapes = [(case.size(5, 2, 9), 3, 4, 6), (1, 1, 5, 3), (case.size(7, 3, 9), 2), (3, 3), (2, 2, 2, 2)]
    for shape in shapes:
        likely = "the share must broadcast: one number a sample, then as many axes of 1 as the data have more"
        with hinted(likely, about="size of tensor", seen=f"{{}} (batches of {shape})"):
            _mixed(answer, torch.full(shape, 2.0), torch.full(shape, -1.0))
    return f"as given, for pictures {shapes[0]} and points {shapes[2]}"


@interpolate.aspect("between", share=0.2, gate=True)
def mix_between(answer: Callable, case: Case) -> str:
    """Between two equal pictures there is only that picture: the two shares add up to 1."""
    same = torch.randn(case.size(6, 4, 9), 3, 4, 5)
    given = _mixed(answer, same, same.clone())
    if not torch.allclose(given, same, atol=1e-4):
        grey = torch.full_like(same, 0.5)
        likely = "the two shares must add up to 1: the same share, e and 1 - e, in both terms, and nothing is added"
        if torch.allclose(_mixed(answer, grey, grey.clone()), grey, atol=1e-4):
            likely = "each real goes with the fake at its own place: nothing is shuffled, and nothing is clamped"
        raise Wrong("between a picture and itself you found another one", likely)
    shares = _shares(answer, (case.size(300, 250, 400), 1, 1, 1))
    if shares.min() < -1e-4 or shares.max() > 1 + 1e-4:
        raise Wrong(
            f"shares of real from {shares.min():.2f} to {shares.max():.2f}",
            "outside the segment: the share is uniform on (0, 1), not normal and not wider",
        )
    return "on the segment from fake to real"


@interpolate.aspect("one a sample", share=0.4)
def mix_one_a_sample(answer: Callable, case: Case) -> str:
    n = case.size(6, 4, 9)
    shares = _shares(answer, (n, 3, 4, 5))
    flat = shares.flatten(1)
    spread_inside = (flat.amax(1) - flat.amin(1)).max()
    if spread_inside > 1e-3:
        by_channel = (shares.amax((2, 3)) - shares.amin((2, 3))).max() < 1e-3
        by_row = (shares.amax(3) - shares.amin(3)).max() < 1e-3
        each = "channel" if by_channel else "row of pixels" if by_row else "pixel"
        if (shares.amax(0) - shares.amin(0)).max() < 1e-3:
            raise Wrong(
                "all samples share one pattern of shares", "the share varies along the wrong axis: one a sample"
            )
        raise Wrong(
            f"within a sample the share differs from {each} to {each}", f"one share for each {each}: one a sample"
        )
    if (flat[:, 0].max() - flat[:, 0].min()) < 1e-4:
        likely = "one share for the whole batch: draw one for each sample"
        if (flat[:, 0] - _shares(answer, (n, 3, 4, 5))[0, 0, 0, 0]).abs().max() < 1e-4:
            likely = f"a constant share, {flat[0, 0]:.2f}: it must be drawn, for each sample"
        raise Wrong("all samples have the same share", likely)
    if len(flat[:, 0].unique()) < n:
        raise Wrong("some samples have the same share", "draw a number of its own for each sample")
    points = _shares(answer, (n, 2))
    if (points[:, 0] - points[:, 1]).abs().max() > 1e-3:
        raise Wrong("the two coordinates of a point have different shares", "one share for each number: one a sample")
    curves = _shares(answer, (n, n, 2)).flatten(1)
    if (curves.amax(1) - curves.amin(1)).max() > 1e-3:
        raise Wrong(
            f"in a batch of shape {(n, n, 2)} the share differs within a sample", "as many axes of 1 as it takes"
        )
    return f"{n} samples, {n} shares"


@interpolate.aspect("uniform", share=0.25)
def mix_uniform(answer: Callable, case: Case) -> str:
    shares = _shares(answer, (case.size(6000, 5500, 6500), 1))[:, 0].double()
    mean, std = shares.mean().item(), shares.std().item()
    if std < 1e-3:
        raise Wrong(
            f"the share is {mean:.2f} in all of {len(shares)} samples", "a constant share, or one for the batch"
        )
    level = (torch.arange(len(shares)) + 0.5) / len(shares)
    off = (shares.sort().values - level).abs().max().item()  # Kolmogorov's distance, about 0.01 by chance
    if off > 0.035:
        raise Wrong(
            f"shares of mean {mean:.2f} and std {std:.2f}, wanted 0.50 and 0.29",
            "the share is not uniform on (0, 1)",
        )
    return f"mean {mean:.2f}, std {std:.2f}"


@interpolate.aspect("fresh", share=0.15)
def mix_fresh(answer: Callable, case: Case) -> str:
    seed = case.size(1, 2, 1000)
    seed_checks(seed)
    first, second = _shares(answer, (4, 2)), _shares(answer, (4, 2))
    if torch.equal(first, second):
        raise Wrong("two calls give the same shares", "nothing is drawn, or with a fixed seed inside the function")
    seed_checks(seed)
    if not torch.equal(first, _shares(answer, (4, 2))):
        raise Wrong(
            "torch.manual_seed does not govern it", "drawn from another library: use torch, so that runs repeat"
        )
    meta = torch.empty(2, 1, 3, 3, device="meta")
    given = call(answer, meta, meta)
    if type(given) is not Tensor or given.device.type != "meta":
        raise Wrong("the share is not made where the data are", "give torch.rand the device of real")
    return "new in every call, repeatable, on the device of the data"


# 3.5 gradient_norm

gradient_norm = Exercise("03.gradient_norm", points=3, read='"How steep is the critic?", above')


def _batch(case: Case, shape: tuple[int, ...] = (2, 3, 4)) -> Tensor:
    """Pictures (N, *shape) of unequal lengths, in a storage that is not contiguous."""
    n = case.size(3, 4, 6)
    size = math.prod(shape)
    grow = torch.linspace(0.15, 0.6, n)[:, None]
    values = grow * torch.sin(torch.arange(n * size, dtype=torch.float32).view(n, size) * 1.7 + case.number(0.3, 0, 1))
    return values.view(n, *shape).transpose(-1, -2).contiguous().transpose(-1, -2)


def _critic(case: Case) -> tuple[Bowl, Weights]:
    w, k = case.number(0.2, 0.1, 0.3), case.number(1.5, 1.2, 1.8)
    return Bowl(w, k), Weights(w, k)


def _norms(answer: Callable, critic: Bowl, x: Tensor) -> Tensor:
    """The norms (N,) that an answer gives. Raises Wrong for every other kind and shape."""
    given = _asked(lambda: call(answer, critic, x))
    n = len(x)
    if type(given) is not Tensor:
        kind = type(given).__name__
        raise Wrong(f"you gave a {kind}, wanted a tensor of shape {(n,)}", "no return" if given is None else None)
    if given.shape == (n,):
        return given
    likely = None
    if given.ndim == 0:
        likely = "one norm for the whole batch: each sample has its own"
    elif given.shape == x.shape:
        likely = "this is the gradient, or a norm along a wrong axis: one number a sample is wanted"
    elif given.shape == (n, 1) or given.numel() == n:
        likely = "one number a sample, without further axes"
    elif given.shape[0] == n:
        likely = "the norm over the channels only, or over one axis: flatten each sample first"
    raise Wrong(f"you gave shape {tuple(given.shape)}, wanted {(n,)} for samples of {tuple(x.shape[1:])}", likely)


def _asked(ask: Callable[[], Any]) -> Any:
    """Say more of three errors that autograd reports in its own words."""
    for_autograd = "autograd needs a sample that requires a gradient before the critic is asked: requires_grad_()"
    that_very = "the scores were not computed from what you differentiate by: ask the critic about that very tensor"
    a_sum = "add up the scores first: each depends on its own sample only"
    with (
        hinted(for_autograd, about="does not require grad"),
        hinted(that_very, about="not have been used"),
        hinted(a_sum, about="implicitly created only for scalar"),
    ):
        return ask()


@gradient_norm.aspect("shape", gate=True)
def norm_shape(answer: Callable, case: Case) -> str:
    x = _batch(case)
    _norms(answer, _critic(case)[0], x)
    _norms(answer, _critic(case)[0], x[:1])
    _norms(answer, _critic(case)[0], x[:, 0, 0, :2])
    return f"one number a sample, ({len(x)},) for {tuple(x.shape)}"


def _norm_mistakes(x: Tensor, c: Weights) -> dict[str, list[float]]:
    rows = rows_of(x)
    slopes = [c.slope(row) for row in rows]
    lengths = [c.length(row) for row in rows]
    n, size = len(rows), len(rows[0])
    return {
        "the square of the norm: the root is missing": [v * v for v in lengths],
        "divided by N: differentiate the sum of the scores, not their mean": [v / n for v in lengths],
        "the sum of the absolute values: the Euclidean norm is wanted": [sum(map(abs, s)) for s in slopes],
        "the largest entry: the Euclidean norm is wanted": [max(map(abs, s)) for s in slopes],
        "the root of the mean square: the norm is the root of the sum": [v / math.sqrt(size) for v in lengths],
        "the mean square: the norm is the root of the sum": [v * v / size for v in lengths],
        "the length of the sample: the length of the gradient is wanted": [math.hypot(*row) for row in rows],
        "the mean of the gradient, not its length": [fmean(s) for s in slopes],
        "the sum of the gradient, not its length": [sum(s) for s in slopes],
        "the critic's score, not its slope": [c.score(row) for row in rows],
        "one norm for the whole batch, repeated": [math.hypot(*lengths)] * n,
        "the mean of the norms, repeated: each sample has its own": [fmean(lengths)] * n,
        "1 was subtracted already: the norm itself is wanted": [v - 1 for v in lengths],
        "the mean over the batch's norm and N: differentiate the sum of the scores": [
            v / math.sqrt(n) for v in lengths
        ],
    }


@gradient_norm.aspect("value", share=0.4)
def norm_value(answer: Callable, case: Case) -> str:
    for shape in ((2, 3, 4), (1, 5, 2), (2,)):
        critic, c = _critic(case)
        x = _batch(case, shape)
        _compare_norms(answer, critic, c, x)
    critic, c = _critic(case)
    _compare_norms(answer, critic.double(), c, _batch(case)[:1].double())
    critic, c = _critic(case)
    seen = _compare_norms(answer, critic, c, _batch(case))
    return f"{seen} for {tuple(_batch(case).shape)}"


def _compare_norms(answer: Callable, critic: Bowl, c: Weights, x: Tensor) -> str:
    truth = [c.length(row) for row in rows_of(x)]
    with kept(x) as (own,):
        given = _norms(answer, critic, own).detach().double().tolist()
    if _all_near(given, truth):
        return f"slopes {listed([round(v, 3) for v in truth])}"
    i = next(i for i, (g, t) in enumerate(zip(given, truth, strict=True)) if not near(g, t))
    likely = next((name for name, wrong in _norm_mistakes(x, c).items() if _all_near(given, wrong)), None)
    where = f"sample {i + 1} of {len(truth)}, samples of {tuple(x.shape[1:])}"
    raise Wrong(f"you gave {given[i]:.4f}, wanted {truth[i]:.4f} ({where})", likely)


def _all_near(a: list[float], b: list[float]) -> bool:
    return all(near(x, y, 3e-4) for x, y in zip(a, b, strict=True))


@gradient_norm.aspect("graph", share=0.3)
def norm_graph(answer: Callable, case: Case) -> str:
    needs(norm_value, answer, case)
    critic, c = _critic(case)
    x = _batch(case)
    norms = _norms(answer, critic, x)
    if not norms.requires_grad:
        raise Wrong(
            "the norms have no graph", "the critic cannot learn from them: create_graph=True, and nothing detached"
        )
    weights = torch.arange(1.0, len(x) + 1)
    by_w, by_k = _grad((weights * norms).sum(), (critic.w, critic.k))
    rows = rows_of(x)
    for name, slope, part in (("w", by_w, c.length_by_w), ("k", by_k, c.length_by_k)):
        truth = sum((i + 1) * part(row) for i, row in enumerate(rows))
        if slope is None or not near(slope.item(), truth, 1e-3):
            given = "nothing" if slope is None else f"{slope.item():.4f}"
            raise Wrong(
                f"the critic's weight {name} is told {given}, wanted {truth:.4f}",
                "the critic cannot learn from part of it: create_graph=True, and nothing detached on the way",
            )
    return "the critic can learn from every norm"


@gradient_norm.aspect("flat critic", share=0.2)
def norm_flat(answer: Callable, case: Case) -> str:
    """Where the slope is 0, a square root is infinitely steep."""
    needs(norm_graph, answer, case)
    k = case.number(1.5, 1.2, 1.8)
    critic, x = Bowl(0.0, k), _batch(case)
    x = torch.cat([torch.zeros_like(x[:1]), x[1:]])
    norms = _norms(answer, critic, x)
    if not norms.isfinite().all() or norms[0].abs() > 5e-3:
        raise Wrong(f"you gave {norms[0].item():.4f} where the critic is flat, wanted 0")
    slopes = _grad((norms - 1).pow(2).mean(), (critic.w, critic.k))
    if not all(slope is None or slope.isfinite().all() for slope in slopes):
        raise Wrong(
            "where the critic is flat, its weights are told NaN",
            "the slope of a square root at 0 is infinite: use a norm of torch's, or add 1e-12 under the root",
        )
    return "0, and its gradient is a number"


@gradient_norm.aspect("no trace", share=0.1)
def norm_no_trace(answer: Callable, case: Case) -> str:
    critic, _ = _critic(case)
    with kept(_batch(case)) as (x,):
        _norms(answer, critic, x)
    critic.refuse_traces()
    return "the critic is as it was"


# 3.6 gradient_penalty

gradient_penalty = Exercise("03.gradient_penalty", points=3, read='"Why the norm, sample by sample", above')


def _own_penalty(answer: Callable) -> Callable:
    return with_given(answer, interpolate=objectives.interpolate, gradient_norm=objectives.gradient_norm)


def _penalty(answer: Callable, critic: Bowl, real: Tensor, fake: Tensor) -> Tensor:
    given = _asked(lambda: call(_own_penalty(answer), critic, real, fake))
    as_scalar(given)
    return given


def _of_lengths(lengths: list[float], shape: tuple[int, ...] = (2, 3, 4)) -> Tensor:
    """Samples of the given lengths, whose numbers are unequal."""
    pattern = torch.sin(torch.arange(math.prod(shape)) * 1.3 + 0.5)
    return (torch.tensor(lengths)[:, None] * pattern / pattern.norm()).view(-1, *shape)


@gradient_penalty.aspect("scalar", gate=True)
def penalty_scalar(answer: Callable, case: Case) -> str:
    x = _of_lengths(case.numbers([0.5, 3.0, 1.0], 0.3, 2.5))
    _penalty(answer, Bowl(), x, x.clone())
    return "a scalar"


def _penalty_mistakes(norms: list[float], channels: list[float]) -> dict[str, float]:
    squares = fmean((n - 1) ** 2 for n in norms)
    return {
        "the square is outside the mean, (mean - 1)², or it is a median: take the mean of (norm - 1)²": (
            (fmean(norms) - 1) ** 2
        ),
        "the norm was squared before 1 was subtracted: (norm² - 1)²": fmean((n * n - 1) ** 2 for n in norms),
        "the absolute value, not the square, of norm - 1": fmean(abs(n - 1) for n in norms),
        "one-sided: slopes below 1 are to be corrected too (equation 3)": fmean(max(0.0, n - 1) ** 2 for n in norms),
        "one-sided, on the wrong side: slopes above 1 are to be corrected too": fmean(
            max(0.0, 1 - n) ** 2 for n in norms
        ),
        "the sum over the batch, not the mean": squares * len(norms),
        "λ = 10 is in it: it belongs to the critic's loss": squares * 10,
        "half of it: there is no 1/2 in equation 3": squares / 2,
        "1 was not subtracted: this pulls the slopes to 0": fmean(n * n for n in norms),
        "norm - 1 was not squared": fmean(norms) - 1,
        "1 - norm was not squared": 1 - fmean(norms),
        "the mean norm alone is no penalty": fmean(norms),
        "a root was taken after the mean": math.sqrt(squares),
        "1 was added, not subtracted": fmean((n + 1) ** 2 for n in norms),
        "one norm for the whole batch: each sample has its own": (math.hypot(*norms) - 1) ** 2,
        "the norm over the channels only: flatten each sample first": fmean(channels),
        "divided by N: differentiate the sum of the scores, not their mean": fmean(
            (n / len(norms) - 1) ** 2 for n in norms
        ),
        "the sign: the penalty is added to the critic's loss, so it is positive": -squares,
    }


def _over_channels(x: Tensor) -> list[float]:
    """What a norm over dimension 1 alone would give."""
    return ((x.double().pow(2).sum(1).sqrt() - 1) ** 2).flatten().tolist()


@gradient_penalty.aspect("value", share=0.4)
def penalty_value(answer: Callable, case: Case) -> str:
    """Real and fake are equal, so every point between them is known, and so is the slope k |x| of the bowl there."""
    lengths = case.numbers([0.5, 3.0, 1.0], 0.3, 2.5)
    k = case.number(1.0, 1.1, 1.4)
    x = _of_lengths(lengths)
    norms = [k * v for v in lengths]
    with kept(x, x.clone()) as pair:
        given = _penalty(answer, Bowl(0.0, k), *pair).item()
    truth = fmean((n - 1) ** 2 for n in norms)
    seen = expect(
        given,
        truth,
        f"for slopes {listed([round(n, 3) for n in norms])}",
        _penalty_mistakes(norms, _over_channels(k * x)),
    )
    for shape in ((2,), (1, 4, 3)):
        y = _of_lengths(lengths[:1], shape)
        given = _penalty(answer, Bowl(0.0, k), y, y.clone()).item()
        expect(given, (norms[0] - 1) ** 2, f"for one sample of shape {shape} and slope {norms[0]:.3f}")
    steep = _of_lengths([40.0], (2,))
    given = _penalty(answer, Bowl(), steep, steep.clone()).item()
    expect(given, 39.0**2, "for a slope of 40", {"cut off: a steep critic must be told so in full": 100.0})
    return seen


@gradient_penalty.aspect("where", share=0.2)
def penalty_where(answer: Callable, case: Case) -> str:
    """The critic writes down where it is asked."""
    for sizes in ((1, 2, 3), (2,)):
        _examine_places(answer, case.size(40, 30, 50), sizes)
    return "between real and fake"


def _examine_places(answer: Callable, n: int, sizes: tuple[int, ...]) -> None:
    real, fake = torch.full((n, *sizes), 2.0), torch.full((n, *sizes), -1.0)
    critic = Bowl(0.3, 0.2)
    _penalty(answer, critic, real, fake)
    rows = [row for row in critic.rows()]
    shares = (torch.tensor(rows) + 1) / 3
    asked = f"the critic was asked at {len(rows)} points for {n} pairs"
    if len(rows) != n:
        raise Wrong(asked, "at one point between each pair, and nowhere else")
    if shares.shape[1] != math.prod(sizes) or (shares.amax(1) - shares.amin(1)).max() > 1e-3:
        likely = (
            "one share for each pixel: one a sample" if len(sizes) > 1 else "points are (N, 2): the share is (N, 1)"
        )
        raise Wrong(f"the share differs within a sample of shape {sizes}", likely)
    shares = shares[:, 0]
    if shares.min() < -1e-4 or shares.max() > 1 + 1e-4:
        raise Wrong(f"shares of real from {shares.min():.2f} to {shares.max():.2f}", "outside the segment")
    if shares.max() - shares.min() < 0.3:
        place = {1.0: "at the real samples", 0.0: "at the fakes"}.get(round(shares[0].item(), 3), "at one share only")
        raise Wrong(f"the penalty was taken {place}", "it is taken between real and fake: use interpolate")


@gradient_penalty.aspect("graph", share=0.25)
def penalty_graph(answer: Callable, case: Case) -> str:
    needs(penalty_value, answer, case)
    lengths, k = case.numbers([0.5, 3.0, 1.0], 0.3, 2.5), case.number(1.2, 1.1, 1.4)
    x, critic = _of_lengths(lengths), Bowl(0.0, k)
    penalty = _penalty(answer, critic, x, x.clone())
    if not penalty.requires_grad:
        raise Wrong(
            "the penalty has no graph", "the critic cannot learn from it: create_graph=True, and nothing detached"
        )
    (slope,) = _grad(penalty, critic.k)
    truth = fmean(2 * (k * v - 1) * v for v in lengths)
    if slope is None or not near(slope.item(), truth, 1e-3):
        given = "nothing" if slope is None else f"{slope.item():.4f}"
        raise Wrong(
            f"the critic's weight is told {given}, wanted {truth:.4f}",
            "the critic cannot learn from part of the penalty",
        )
    return f"the critic's weight is told {truth:.4f}"


@gradient_penalty.aspect("fair", share=0.15)
def penalty_fair(answer: Callable, case: Case) -> str:
    """A flat critic ends in no NaN, and nothing is left behind."""
    needs(penalty_graph, answer, case)
    x = _of_lengths([0.0, 2.0, 0.7])
    critic = Bowl(0.0, case.number(1.0, 1.1, 1.4))
    with kept(x, x.clone()) as pair:
        penalty = _penalty(answer, critic, *pair)
    critic.refuse_traces()
    slopes = _grad(penalty, (critic.w, critic.k))
    if not all(slope is None or slope.isfinite().all() for slope in slopes):
        raise Wrong(
            "where the critic is flat, its weights are told NaN",
            "the slope of a square root at 0 is infinite: use a norm of torch's, or add 1e-12 under the root",
        )
    return "a flat critic, no NaN; the critic is as it was"


# 3.7 repaired_step

repaired_step = Exercise("03.repaired_step", points=3, read='"Find the bug", above')


def _table(case: Case, turns: int = 3) -> Table:
    firsts = case.numbers([1.5, -0.5, 2.0, 0.25], 0.5, 2.5)
    reals: list[list[Row]] = [
        [(round(v + 0.4 * t, 3), round(0.5 * v - 0.3 * i - t, 3)) for i, v in enumerate(firsts)] for t in range(turns)
    ]
    return Table(
        reals,
        w=case.number(0.4, 0.3, 0.6),
        k=case.number(0.3, 0.2, 0.5),
        latent_dim=case.size(3, 2, 6),
        gp_weight=case.number(4.0, 2.0, 7.0),
    )


@repaired_step.aspect("returns", gate=True)
def step_returns(answer: Callable, case: Case) -> str:
    return examine_losses(play(answer, _table(case)))


@repaired_step.aspect("turns", share=0.2, gate=True)
def step_turns(answer: Callable, case: Case) -> str:
    seen = examine_turns(play(answer, _table(case, case.size(3, 2, 5))))
    examine_turns(play(answer, _table(case, 1)))
    return seen


@repaired_step.aspect("critic", share=0.4)
def step_critic(answer: Callable, case: Case) -> str:
    examine_critic_turns(play(answer, _table(case, 1)))
    seen = examine_critic_turns(play(answer, _table(case)))
    with hinted("the default of gp_weight is 10", seen="{}, where no weight was given"):
        examine_critic_turns(play(answer, replace(_table(case), gp_weight=10.0), told=False))
    return seen


@repaired_step.aspect("generator", share=0.2)
def step_generator(answer: Callable, case: Case) -> str:
    return examine_generator_turn(play(answer, _table(case)))


@repaired_step.aspect("fair play", share=0.2)
def step_fair(answer: Callable, case: Case) -> str:
    table = replace(_table(case), latent_dim=64)  # so many numbers that one draw shows how it is distributed
    return examine_fairness(play(answer, table), play(answer, table, steps=2))
