"""Lesson 01, the vanilla GAN: what must hold of each answer, and what each known wrong value means."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from gancourse.checks.core import (
    Case,
    Exercise,
    Wrong,
    as_scalar,
    call,
    expect,
    expect_stable,
    kept,
    listed,
    near,
    needs,
    seed_checks,
    sigmoid,
    softplus,
)
from gancourse.checks.players import Move, Table, examine_fairness, examine_move, play

# 1.1 sample_noise

sample_noise = Exercise("01.sample_noise", points=1, read='"What the generator starts from", above')


@sample_noise.aspect("shape", gate=True)
def noise_shape(answer: Callable, case: Case) -> str:
    n, latent_dim = case.size(5, 3, 9), case.size(3, 10, 17)
    z = _noise(answer, n, latent_dim)
    if z.shape == (latent_dim, n):
        raise Wrong(f"you gave {tuple(z.shape)}, wanted {(n, latent_dim)}", "n and latent_dim are swapped")
    if z.shape != (n, latent_dim):
        likely = "one noise vector: a batch needs n of them" if z.ndim == 1 or z.shape[:1] == (1,) else None
        likely = likely or ("one number: a batch needs n vectors of latent_dim numbers" if z.ndim == 0 else None)
        raise Wrong(f"you gave {tuple(z.shape)}, wanted {(n, latent_dim)}", likely)
    return f"{(n, latent_dim)} for n = {n}, latent_dim = {latent_dim}"


def _noise(answer: Callable, n: int, latent_dim: int) -> Tensor:
    z = call(answer, n, latent_dim)
    if type(z) is not Tensor:
        raise Wrong(f"you gave a {type(z).__name__}, wanted a torch tensor", "no return" if z is None else None)
    if z.dtype != torch.float32:
        raise Wrong(f"you gave dtype {z.dtype}, wanted torch.float32, the dtype of the networks")
    return z


@sample_noise.aspect("own noise", share=0.3, gate=True)
def noise_rows_differ(answer: Callable, case: Case) -> str:
    z = _noise(answer, case.size(64, 40, 90), 16)
    if not z.isfinite().all() or not _noise(answer, 1, 4).isfinite().all():
        raise Wrong("the noise holds NaN or infinite values")
    if z.std() == 0:
        raise Wrong(f"every number is {z[0, 0]:g}", "constant noise: the generator could make one sample only")
    if (z == z[0]).all():
        raise Wrong("all rows are the same", "one noise vector for the whole batch: every sample would be the same")
    if (z == z[:, :1]).all():
        raise Wrong("within a row all numbers are the same", "one number per sample, repeated over the latent axis")
    if len(z.unique(dim=0)) < len(z):
        raise Wrong("some rows are the same", "noise is repeated within the batch")
    if len(z.unique()) < 0.9 * z.numel():
        raise Wrong(
            f"only {len(z.unique())} different numbers among {z.numel()}", "the noise was rounded or drawn from a list"
        )
    return "no two rows are the same"


@sample_noise.aspect("normal", share=0.4)
def noise_is_normal(answer: Callable, case: Case) -> str:
    z = _noise(answer, case.size(4000, 3500, 4500), 8)
    mean, std = z.mean().item(), z.std().item()
    fourth = ((z - mean) / std).pow(4).mean().item()
    seen = f"mean {mean:.2f}, std {std:.2f}"
    lengths = z.norm(dim=1)
    if lengths.std() < 0.05 * lengths.mean():  # a quarter of it for a normal distribution in 8 dimensions
        raise Wrong("all rows have nearly the same length", "the rows were normalised: leave them as they are drawn")
    if fourth < 2.1:  # 3 for a normal, 1.8 for a uniform distribution
        raise Wrong(f"{seen}, never outside [{z.min():.2f}, {z.max():.2f}]", "uniform, not normal noise")
    if (z - mean).abs().max() < 3.3 * std:  # of 28,000 normal numbers about 27 are further out
        raise Wrong(f"{seen}, never outside [{z.min():.2f}, {z.max():.2f}]", "cut off: normal noise has no bounds")
    if abs(mean) > 0.05:
        raise Wrong(f"{seen}, wanted mean 0", "shifted noise: the mean must be 0")
    if abs(std - 1) > 0.05:
        raise Wrong(f"{seen}, wanted std 1", "scaled noise: the standard deviation must be 1")
    if abs(fourth - 3) > 0.6 or (z.mean(0).abs() > 0.1).any() or (z.std(0) - 1).abs().max() > 0.1:
        raise Wrong(f"{seen}, but not the shape of a standard normal distribution")
    few = torch.stack([_noise(answer, 4, 8) for _ in range(8)])
    standardised = "the batch was standardised: leave it as it is drawn"
    if few.mean(1).abs().mean() < 0.1:  # 0.4 for four independent numbers
        raise Wrong("every column of a small batch has mean 0", standardised)
    if few.mean((1, 2)).abs().max() < 0.01:  # of eight means of 32 numbers one is larger, but for once in 10^11
        raise Wrong("every small batch has mean 0", standardised)
    correlation = (z.T @ z / len(z) - torch.eye(8)).abs().max().item()
    if correlation > 0.15:
        raise Wrong("the columns depend on one another", "each number must be drawn by itself")
    return "mean 0, std 1, normal"


@sample_noise.aspect("fresh", share=0.2)
def noise_is_fresh(answer: Callable, case: Case) -> str:
    seed_checks(case.size(1, 2, 1000))
    first, second = _noise(answer, 4, 6), _noise(answer, 4, 6)
    if (first == second).all():
        raise Wrong(
            "two calls give the same noise",
            "a fixed seed inside the function, or noise that is drawn once and kept: G would only ever see this batch",
        )
    seed_checks(case.size(1, 2, 1000) if not case.hidden else 7)
    again = _noise(answer, 4, 6)
    seed_checks(1 if not case.hidden else 7)
    if not (again == _noise(answer, 4, 6)).all():
        raise Wrong(
            "torch.manual_seed does not govern it",
            "drawn from another library, or with a seed of its own: use torch as it is, so that runs repeat",
        )
    return "new in every call, and repeatable with torch.manual_seed"


@sample_noise.aspect("device", share=0.1)
def noise_device(answer: Callable, case: Case) -> str:
    """The meta device needs no GPU. Some ways to draw do not exist there: raising for it shows that it was used."""
    try:
        z = answer(2, 3, device="meta")
    except Exception as error:
        if "meta" in str(error).lower():
            return "made where it is asked for"
        z = call(answer, 2, 3, device="meta")
    if type(z) is not Tensor or z.device.type != "meta":
        raise Wrong("device='meta' is ignored", "pass the device on: on a GPU the networks could not use this noise")
    return "made where it is asked for"


# 1.2 discriminator_loss

discriminator_loss = Exercise("01.discriminator_loss", points=3, read='"What the discriminator minimises", above')


def _logits(values: list[float]) -> Tensor:
    return torch.tensor(values, requires_grad=True)


def _d_logits(case: Case) -> tuple[list[float], list[float]]:
    real = case.numbers([2.0, -1.0, 0.5], -2.5, 2.5)
    fake = [round(v * -0.6 + 0.3 + 0.2 * i, 3) for i, v in enumerate(real)]
    return real, fake


@discriminator_loss.aspect("scalar", gate=True)
def d_scalar(answer: Callable, case: Case) -> str:
    real, fake = _d_logits(case)
    as_scalar(call(answer, _logits(real), _logits(fake)))
    return "a scalar"


def _d_mistakes(real: list[float], fake: list[float]) -> dict[str, float]:
    """What people compute instead, by the words that name it."""
    r = fmean(softplus(-x) for x in real)
    f = fmean(softplus(x) for x in fake)
    on_probabilities = fmean(softplus(-sigmoid(x)) for x in real) + fmean(softplus(sigmoid(x)) for x in fake)
    return {
        "the labels are swapped: real is 1, fake is 0": fmean(softplus(x) for x in real)
        + fmean(softplus(-x) for x in fake),
        "the sum over the batch, not the mean: the loss must not grow with the batch": (r + f) * len(real),
        "the sign: D minimises -log, so the loss is positive": -(r + f),
        "the mean of the two terms: equation 1 adds them, so this is half of it": (r + f) / 2,
        "the sigmoid was applied twice: the inputs are logits, and the loss takes logits too": on_probabilities,
        "the same, halved: the sigmoid was applied twice, and the two terms were averaged": on_probabilities / 2,
        "only the real half: the fake samples are missing": r,
        "only the fake half: the real samples are missing": f,
        "fakes are labelled 1: that is what the generator wants": r + fmean(softplus(-x) for x in fake),
        "the fake term has the wrong sign": r - f,
        "the real term has the wrong sign": f - r,
        "logits were used as a critic's scores: this is the loss of WGAN": fmean(fake) - fmean(real),
        "squares, not logarithms: this is the loss of LSGAN": fmean((x - 1) ** 2 for x in real)
        + fmean(x**2 for x in fake),
        "a logarithm to base 2 or 10: use the natural one": (r + f) / math.log(2),
        "a logarithm to base 10: use the natural one": (r + f) / math.log(10),
    }


@discriminator_loss.aspect("value", share=0.4)
def d_value(answer: Callable, case: Case) -> str:
    real, fake = _d_logits(case)
    with kept(_logits(real), _logits(fake)) as logits:
        given = as_scalar(call(answer, *logits))
    truth = fmean(softplus(-x) for x in real) + fmean(softplus(x) for x in fake)
    return expect(given, truth, f"for real {listed(real)}; fake {listed(fake)}", _d_mistakes(real, fake))


@discriminator_loss.aspect("graph", share=0.1)
def d_graph(answer: Callable, case: Case) -> str:
    values = _d_logits(case)
    real, fake = (_logits(v) for v in values)
    loss = call(answer, real, fake)
    as_scalar(loss)
    if not loss.requires_grad:
        raise Wrong("the loss has no graph", "D cannot learn from it: something was detached or turned into a number")
    grads = torch.autograd.grad(loss, (real, fake), allow_unused=True)
    for name, grad in zip(("real", "fake"), grads, strict=True):
        if grad is None or not grad.abs().sum() > 0:
            raise Wrong(f"no gradient reaches the {name} logits", f"D cannot learn from the {name} samples")
    return "D learns from real and fake"


@discriminator_loss.aspect("certain D", share=0.2)
def d_stable(answer: Callable, case: Case) -> str:
    needs(d_value, answer, case)
    big = case.number(200.0, 150.0, 250.0)
    _stable_value(answer, [[-10 * big, 10 * big], [10 * big, -10 * big]], 10 * big)
    return _stable_value(answer, [[-big, big], [big, -big]], big)


def _stable_value(answer: Callable, logits: list[list[float]], truth: float, **options: bool) -> str:
    lent = [_logits(values) for values in logits]
    about = f"for logits of ±{abs(truth):g}" + "".join(f", {name}" for name in options)
    return expect_stable(call(answer, *lent, **options), lent, truth, about)


@discriminator_loss.aspect("smoothing", share=0.3)
def d_smoothing(answer: Callable, case: Case) -> str:
    real, fake = _d_logits(case)
    target = case.number(0.9, 0.7, 0.95)
    given = as_scalar(call(answer, _logits(real), _logits(fake), real_target=target))

    def smoothed(values: list[float], t: float) -> float:
        return fmean(t * softplus(-x) + (1 - t) * softplus(x) for x in values)

    truth = smoothed(real, target) + smoothed(fake, 0.0)
    known = {
        "real_target is ignored": smoothed(real, 1.0) + smoothed(fake, 0.0),
        "two-sided: the fake target must stay 0": smoothed(real, target) + smoothed(fake, 1 - target),
        "smoothed on the wrong side: it is the real target that changes": smoothed(real, 1.0)
        + smoothed(fake, 1 - target),
        "the real term was only scaled: the rest of the target, 1 - real_target, belongs to label 0": target
        * smoothed(real, 1.0)
        + smoothed(fake, 0.0),
        "the target was put on the fakes, which keep 0": smoothed(real, 1.0) + smoothed(fake, target),
        "the real target was used for the fakes too": smoothed(real, target) + smoothed(fake, target),
        "the mean of the two terms: equation 1 adds them": truth / 2,
        "real and fake are swapped": smoothed(fake, target) + smoothed(real, 0.0),
    }
    return expect(given, truth, f"for real_target = {target:g}", known)


# 1.3 generator_loss

generator_loss = Exercise("01.generator_loss", points=3, read='"Two losses for the generator", above')


def _g_logits(case: Case) -> list[float]:
    return case.numbers([-1.5, 0.25, 1.0], -2.5, 2.5)


@generator_loss.aspect("scalar", gate=True)
def g_scalar(answer: Callable, case: Case) -> str:
    as_scalar(call(answer, _logits(_g_logits(case))))
    return "a scalar"


def _g_mistakes(fake: list[float]) -> dict[str, float]:
    n = len(fake)
    good, bad = fmean(softplus(-x) for x in fake), fmean(softplus(x) for x in fake)
    return {
        "the fakes are labelled 0: that is what D wants; G wants them to be called real, 1": bad,
        "the sum over the batch, not the mean": good * n,
        "the sign: G minimises -log D, which is positive": -good,
        "this is the saturating form, log(1 - D)": -bad,
        "the sigmoid was applied twice: the inputs are logits already": fmean(softplus(-sigmoid(x)) for x in fake),
        "the score itself: this is the loss of WGAN": -fmean(fake),
        "squares, not logarithms: this is the loss of LSGAN": fmean((x - 1) ** 2 for x in fake),
        "the saturating form, summed over the batch": -bad * n,
        "half of it: there is only one term here": good / 2,
    }


@generator_loss.aspect("value", share=0.4)
def g_value(answer: Callable, case: Case) -> str:
    fake = _g_logits(case)
    with kept(_logits(fake)) as logits:
        given = as_scalar(call(answer, *logits))
    return expect(given, fmean(softplus(-x) for x in fake), f"for logits {listed(fake)}", _g_mistakes(fake))


@generator_loss.aspect("saturating", share=0.3)
def g_saturating(answer: Callable, case: Case) -> str:
    fake = _g_logits(case)
    given = as_scalar(call(answer, _logits(fake), saturating=True))
    good, bad = fmean(softplus(-x) for x in fake), fmean(softplus(x) for x in fake)
    known = {
        "saturating=True changes nothing": good,
        "the sign: G minimises log(1 - D) itself, which is negative": bad,
        "G would be pushed away from real: this is log D, and it must go up": -good,
        "the sum over the batch, not the mean": -bad * len(fake),
        "the sigmoid was applied twice: the inputs are logits already": -fmean(softplus(sigmoid(x)) for x in fake),
    }
    return expect(given, -bad, "with saturating=True", known)


@generator_loss.aspect("certain D", share=0.2)
def g_stable(answer: Callable, case: Case) -> str:
    needs(g_value, answer, case)
    needs(g_saturating, answer, case)
    big = case.number(200.0, 150.0, 250.0)
    for size in (big, 10 * big):
        _stable_value(answer, [[-size]], size)
        _stable_value(answer, [[size]], -size, saturating=True)
    return f"{big:.1f} and {-big:.1f} for logits of ±{big:g}"


@generator_loss.aspect("slope", share=0.1)
def g_slope(answer: Callable, case: Case) -> str:
    at = -case.number(8.0, 6.0, 9.0)
    for saturating, truth in ((False, -sigmoid(-at)), (True, -sigmoid(at))):
        logit = _logits([at])
        loss = call(answer, logit, saturating=saturating)
        as_scalar(loss)
        if not loss.requires_grad:
            raise Wrong(
                "the loss has no graph", "G cannot learn from it: something was detached or turned into a number"
            )
        (grad,) = torch.autograd.grad(loss, logit, allow_unused=True)
        given = 0.0 if grad is None else grad.item()
        form = "saturating" if saturating else "non-saturating"
        if not near(given, truth, 1e-4):
            raise Wrong(f"the {form} slope at logit {at:g} is {given:.4f}, wanted {truth:.4f}")
    return f"{-sigmoid(-at):.4f} at logit {at:g}; saturating {-sigmoid(at):.4f}"


# 1.4 optimal_discriminator

optimal_discriminator = Exercise(
    "01.optimal_discriminator", points=1, read='"The best answer to a fixed generator", above'
)


def _densities(case: Case) -> tuple[list[float], list[float]]:
    p = case.numbers([0.5, 0.1, 0.3, 0.0], 0.05, 0.9)
    q = [round(0.3 + 0.7 * x * (i % 2) - 0.05 * i / len(p), 4) for i, x in enumerate(p)]
    return p, q


@optimal_discriminator.aspect("shape", gate=True)
def best_shape(answer: Callable, case: Case) -> str:
    p, q = _densities(case)
    given = call(answer, torch.tensor(p), torch.tensor(q))
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if type(given) is not Tensor or given.shape != (len(p),):
        shape = f"shape {tuple(given.shape)}" if isinstance(given, Tensor) else f"a {type(given).__name__}"
        raise Wrong(f"you gave {shape}, wanted one number a point, shape {(len(p),)}")
    return "one number a point"


@optimal_discriminator.aspect("value", share=0.6)
def best_value(answer: Callable, case: Case) -> str:
    p, q = _densities(case)
    with kept(torch.tensor(p), torch.tensor(q)) as densities:
        given = call(answer, *densities).double().tolist()
    truth = [a / (a + b) for a, b in zip(p, q, strict=True)]
    if all(near(g, t) for g, t in zip(given, truth, strict=True)):
        return f"{truth[0]:.4f} where p = {p[0]:g} and q = {q[0]:g}"
    known: dict[str, Callable[[float, float], float]] = {
        "p and q are swapped: D answers with the share of the real": lambda a, b: b / (a + b),
        "the ratio p / q is no probability: it must stay between 0 and 1": lambda a, b: a / b,
        "the logit log p - log q: the probability was asked for": lambda a, b: math.log(a / b) if a > 0 else -math.inf,
        "a sigmoid of p - q: it is p / q that decides, not the difference": lambda a, b: sigmoid(a - b),
        "1/2 everywhere is the answer only once p = q": lambda a, b: 0.5,
        "a hard decision: D* says how sure it is": lambda a, b: float(a > b),
        "the density of the data alone": lambda a, b: a,
        "a priori shares were forgotten: the two densities are added, not averaged": lambda a, b: a / ((a + b) / 2),
        "a softmax of the densities: they are no logits": lambda a, b: math.exp(a) / (math.exp(a) + math.exp(b)),
    }
    for name, mistake in known.items():
        if all(near(g, mistake(a, b)) for g, a, b in zip(given, p, q, strict=True)):
            raise Wrong(_at_first_difference(given, truth, p, q), name)
    if near(sum(given), 1.0):
        raise Wrong(
            _at_first_difference(given, truth, p, q), "normalised over the points: each point stands for itself"
        )
    if all(near(g, a / (sum(p) + sum(q))) for g, a in zip(given, p, strict=True)):
        raise Wrong(
            _at_first_difference(given, truth, p, q), "normalised over the points: each point stands for itself"
        )
    raise Wrong(_at_first_difference(given, truth, p, q))


def _at_first_difference(given: list[float], truth: list[float], p: list[float], q: list[float]) -> str:
    i = next(i for i, (g, t) in enumerate(zip(given, truth, strict=True)) if not near(g, t))
    return f"you gave {given[i]:.4f}, wanted {truth[i]:.4f} where p = {p[i]:g} and q = {q[i]:g}"


@optimal_discriminator.aspect("far away", share=0.4)
def best_far_away(answer: Callable, case: Case) -> str:
    needs(best_value, answer, case)
    small = case.number(3.0, 2.0, 6.0) * 1e-30
    p, q = torch.tensor([0.0, small, 0.2, 0.3, 0.0]), torch.tensor([0.0, 3 * small, 0.2, 0.0, 0.4])
    with kept(p, q) as densities:
        given = call(answer, *densities)
    if type(given) is not Tensor or given.shape != (5,):
        raise Wrong("where both densities are 0 the shape changes: every point needs an answer")
    nowhere, tiny, level, data_only, fakes_only = given.double().tolist()
    if not math.isfinite(nowhere):
        raise Wrong(
            f"you gave {nowhere} where p = q = 0, wanted 0.5", "0 / 0: say what D* is where neither density lives"
        )
    if near(tiny, 0.5) and near(data_only, 0.5):
        raise Wrong(f"you gave {data_only:.4f} where p = 0.3 and q = 0", "one empty point decides for all: answer each")
    if not near(tiny, 0.25):
        raise Wrong(
            f"you gave {tiny:.4f} where p = {small:.0e} and q = 3 p, wanted 0.2500",
            "a constant was added to p + q, or small densities were taken for 0: there it decides, not the densities",
        )
    for seen, wanted, where in (
        (nowhere, 0.5, "p = q = 0"),
        (level, 0.5, "p = q = 0.2"),
        (data_only, 1.0, "p = 0.3 and q = 0"),
        (fakes_only, 0.0, "p = 0 and q = 0.4"),
    ):
        if not near(seen, wanted, 1e-7):
            raise Wrong(f"you gave {seen:.7g} where {where}, wanted {wanted:g}")
    return "0.5 where both are 0, 1 and 0 where one is, and right where both are tiny"


# 1.5 train_step and 1.7 repaired_step: two turns at a table where every gradient is a known number

train_step = Exercise("01.train_step", points=4, read='"One step of the game", above')
repaired_step = Exercise("01.repaired_step", points=2, read='"Find the bug", above: compare with your train_step')


def _table(case: Case) -> Table:
    return Table(
        theta=case.number(0.7, 0.4, 1.0),
        w=case.number(0.9, 0.5, 1.2),
        real=case.numbers([1.5, -0.5, 2.0, 0.25], 0.5, 2.5),
        latent_dim=case.size(3, 2, 6),
    )


def _uneven_tables(case: Case) -> list[Table]:
    """One player is far ahead, with a loss near 0; and one is far behind, with a gradient above 1."""
    return [
        Table(theta=-2.0, w=case.number(2.5, 2.2, 2.8), real=[2.0, 3.0, 2.5], latent_dim=2, scale=0.1),
        Table(theta=1.5, w=case.number(-0.8, -1.0, -0.6), real=[4.0, 3.0, 5.0, 4.5], latent_dim=2),
    ]


def _crowded_table(case: Case) -> Table:
    """A batch that is large enough to see how the noise is distributed."""
    return Table(theta=0.7, w=0.9, real=[0.1 * i for i in range(case.size(40, 35, 50))], latent_dim=8)


def _register_step(exercise: Exercise) -> None:
    """The same five aspects for both exercises."""

    @exercise.aspect("returns", gate=True)
    def returns(answer: Callable, case: Case) -> str:
        return play(answer, _table(case)).returned()

    @exercise.aspect("D's turn", share=0.3)
    def discriminator_turn(answer: Callable, case: Case) -> str:
        seen = examine_move(play(answer, _table(case)), Move.DISCRIMINATOR)
        for table in _uneven_tables(case):
            examine_move(play(answer, table), Move.DISCRIMINATOR)
        return seen

    @exercise.aspect("G's turn", share=0.3)
    def generator_turn(answer: Callable, case: Case) -> str:
        seen = examine_move(play(answer, _table(case)), Move.GENERATOR)
        for table in _uneven_tables(case):
            examine_move(play(answer, table), Move.GENERATOR)
        return seen

    @exercise.aspect("next step", share=0.2)
    def second_step(answer: Callable, case: Case) -> str:
        return examine_move(play(answer, _table(case), steps=2), Move.SECOND)

    @exercise.aspect("fair play", share=0.2)
    def fair_play(answer: Callable, case: Case) -> str:
        return examine_fairness(play(answer, _crowded_table(case), steps=2))


_register_step(train_step)
_register_step(repaired_step)


# 1.6 modes_covered

modes_covered = Exercise("01.modes_covered", points=2, read='"Counting what was learned", above')


@dataclass
class Camp:
    """Modes of one kind: how many of them, how many samples each gets, and where these lie from its centre (in std)."""

    modes: int
    samples: int
    offset: tuple[float, float] = (0.0, 0.0)


def _camps(case: Case) -> dict[str, Camp]:
    """Each kind is counted right or wrong by another mistake; as powers of 2, their numbers tell the mistakes apart."""
    return {
        "plain": Camp(5 + case.size(0, 1, 6), 13, (0.1, 0.0)),
        "outside": Camp(1, 14, (2.4, 2.4)),  # 3.4 std away, though within 3 in each coordinate
        "far": Camp(2, 14, (0.0, 6.0)),
        "accident": Camp(4, 1),
        "edge": Camp(8, 2, (2.0, 0.0)),  # exactly a fifth of the fair share
        "rim": Camp(16, 12, (2.05, 2.05)),  # 2.9 std away
        "dropped": Camp(3, 0),
    }


def _points_of(camps: dict[str, Camp], std: float) -> tuple[Tensor, Tensor]:
    """Samples (N, 2) with N = 10 K, and centres (K, 2), in an order that does not give the answer away."""
    kinds = [camp for camp in camps.values() for _ in range(camp.modes)]
    kinds = kinds[1::2] + kinds[0::2]
    centers = [(25.0 * std * i, 5.0 * std * (i % 3)) for i in range(len(kinds))]
    samples = [
        (x + camp.offset[0] * std, y + camp.offset[1] * std)
        for (x, y), camp in zip(centers, kinds, strict=True)
        for _ in range(camp.samples)
    ]
    x, y = centers[kinds.index(camps["plain"])]
    samples += [(x, y + 0.1 * std)] * (10 * len(kinds) - len(samples))
    return torch.tensor(samples[1::2] + samples[0::2]), torch.tensor(centers)


def _count(answer: Callable, samples: Tensor, centers: Tensor, std: float) -> float:
    with kept(samples, centers) as (own_samples, own_centers):
        given = call(answer, own_samples, own_centers, std)
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if isinstance(given, Tensor):
        if given.ndim > 0:
            raise Wrong(
                f"you gave a tensor of shape {tuple(given.shape)}, wanted one number", "count what you have found"
            )
        given = given.item()
    try:
        return float(given)
    except (TypeError, ValueError):
        raise Wrong(f"you gave a {type(given).__name__}, wanted a whole number") from None


@modes_covered.aspect("number", gate=True)
def modes_number(answer: Callable, case: Case) -> str:
    _count(answer, *_points_of(_camps(case), 0.05), 0.05)
    return "a number"


@modes_covered.aspect("count", share=0.6)
def modes_count(answer: Callable, case: Case) -> str:
    std = case.number(0.05, 0.02, 0.09)
    camps = _camps(case)
    samples, centers = _points_of(camps, std)
    n = {name: camp.modes for name, camp in camps.items()}
    truth = n["plain"] + n["edge"] + n["rim"]
    quality = "quality is ignored: a sample counts only within 3 std of its centre, and std is no squared distance"
    known = {
        quality: truth + n["outside"] + n["far"],
        "good means within 3 std of the centre in the plane (Euclidean), not in each coordinate and not further": truth
        + n["outside"],
        "too few samples are enough for you: a mode needs a fifth of its fair share, N / (5 K)": truth + n["accident"],
        "any sample counts for you: neither its distance nor the number of samples matters": len(centers)
        - n["dropped"],
        "a mode with exactly N / (5 K) good samples is covered: use >=, with that threshold, K = len(centers)": truth
        - n["edge"],
        "the rim is missing: good means a Euclidean distance within 3 std, not 1 or 2": truth - n["rim"],
        "good means a distance within 3 std, not within 1; and no distance is compared with a square": n["plain"],
        "all modes were counted, whatever the samples are": len(centers),
        "these are the modes that were missed": len(centers) - truth,
    }
    given = _count(answer, samples, centers, std)
    if given == truth:
        return f"{truth} of {len(centers)} modes"
    likely = next((name for name, count in known.items() if count == given), None)
    if likely is None and given > len(centers):
        likely = "samples were counted, not modes"
    if likely is None and near(given, truth / len(centers)):
        likely = "a share of the modes: the count was asked for"
    raise Wrong(f"you gave {given:g}, wanted {truth} of {len(centers)} modes", likely)


@modes_covered.aspect("extremes", share=0.3)
def modes_extremes(answer: Callable, case: Case) -> str:
    k, std = case.size(8, 5, 12), 0.1
    centers = torch.stack([torch.arange(float(k)), torch.zeros(k)], dim=1)
    trials = [
        ("all of them, 500 samples each", centers.repeat_interleave(500, 0), k, None),
        ("one alone", centers[:1].repeat(10 * k, 1), 1, "N is the number of all samples, K of all centres"),
        ("none", centers + 0.5, 0, None),
        ("each, with one sample", centers, k, "the threshold follows N and K: N / (5 K), here 1/5"),
    ]
    for name, samples, truth, likely in trials:
        given = _count(answer, samples, centers, std)
        if given != truth:
            raise Wrong(f"you gave {given:g}, wanted {truth} of {k} modes when the samples cover {name}", likely)
    three, uneven = centers[:3], torch.tensor([2, 15, 15])
    given = _count(answer, three.repeat_interleave(uneven, 0), three, std)
    if given != 2:
        raise Wrong(
            f"you gave {given:g}, wanted 2 of 3 modes with 2, 15 and 15 samples",
            "32 samples, 3 centres: the threshold is 32 / 15 = 2.13, and nothing is rounded",
        )
    for name, samples, three, truth, likely in _strays():
        given = _count(answer, samples, three, std)
        if given != truth:
            raise Wrong(f"you gave {given:g}, wanted {truth} of {len(three)} modes where {name}", likely)
    return f"{k}, 1 and 0 of {k}"


def _strays() -> list[tuple[str, Tensor, Tensor, int, str]]:
    """Heaps of standard deviation 0.1 whose samples lie elsewhere: (what, samples, centers, covered, the mistake)."""
    three = torch.tensor([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]])
    away = torch.tensor([[0.0, 2.0]])
    return [
        ("most samples are far from all", torch.cat([three, away.repeat(100, 1)]), three, 0,
         "N is the number of all samples, the far ones too"),
        ("half of a heap's samples are far away", torch.cat([three[:1].repeat(50, 1), away.repeat(50, 1)]), three, 1,
         "each sample by itself: count the good ones, a far one spoils none of them"),
    ]  # fmt: skip


@modes_covered.aspect("type", share=0.1)
def modes_type(answer: Callable, case: Case) -> str:
    needs(modes_count, answer, case)
    samples, centers = _points_of(_camps(case), 0.05)
    given = call(answer, samples, centers, 0.05)
    given = given.item() if isinstance(given, Tensor) else given
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise Wrong(f"you gave {given!r}, a {type(given).__name__}", "a number of modes is an int")
    return "a whole number"
