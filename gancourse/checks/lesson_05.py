"""Lesson 05, CycleGAN: what must hold of each answer, and what each known wrong value means."""

import operator
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from gancourse.checks import translations as tr
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
    seed_checks,
    softplus,
    with_given,
)
from gancourse.checks.translations import Pair, Pixels, Translation, World
from gancourse.objectives import cycle_loss as true_cycle_loss
from gancourse.objectives import (
    cyclegan_generator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from gancourse.objectives import identity_loss as true_identity_loss

# 5.1 patch_receptive_field

patch_receptive_field = Exercise("05.patch_receptive_field", points=1, read='"A judge of patches", above')

Layers = list[tuple[int, int]]


def _seen(layers: Layers) -> int:
    """The side of what one logit sees: the first and the last input of it, followed back layer by layer."""
    first = last = 0
    for kernel, stride in reversed(layers):
        first, last = first * stride, last * stride + kernel - 1
    return last - first + 1


def _field_mistakes(layers: Layers) -> dict[str, int]:
    grown, steps, with_own = _with_steps(layers, operator.mul), 1, 1
    for kernel, stride in layers:
        steps *= stride
        with_own += (kernel - 1) * steps
    kernels = [k for k, _ in layers]
    product, simple = 1, 1
    for kernel, stride in layers:
        product, simple = product * kernel, simple * stride + kernel - stride
    return {
        "each layer is (kernel, stride), in this order": _seen([(stride, kernel) for kernel, stride in layers]),
        "the steps multiply from layer to layer: step *= stride, not step = stride": _with_steps(
            layers, lambda t, s: s
        ),
        "the steps multiply from layer to layer, they are not added": _with_steps(layers, operator.add),
        "the strides are ignored: after a stride of 2, one step of the next kernel is two pixels": 1
        + sum(k - 1 for k in kernels),
        "a layer's own stride counts for the layers after it, not for itself": with_own,
        "the layers were taken in the wrong order: the list goes from the picture to the logit": _with_steps(
            layers[::-1], operator.mul
        ),
        "the 1 is missing: without any layer one pixel is seen": grown - 1,
        "kernels are not multiplied: each adds kernel - 1 steps": product,
        "kernels overlap: each adds kernel - 1 steps, not kernel": sum(kernels),
        "kernels overlap: each adds kernel - 1 steps, not kernel (strides are counted)": _added(layers),
        "the product of the strides is how far apart two patches are, not how large one is": steps,
        "walking back, the rule is (side - 1) * stride + kernel": _walked_back(layers, lambda n, k, s: n * s + k),
        "walking back, the side is multiplied by the stride before the kernel is added": _walked_back(
            layers, lambda n, k, s: (n - 1 + k) * s
        ),
        "the area is not asked for, but the side": grown**2,
        "an output size is not a receptive field": simple,
    }


def _with_steps(layers: Layers, rule: Callable[[int, int], int]) -> int:
    """What comes out where the step after a layer is rule(the step so far, its stride)."""
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step = rule(step, stride)
    return side


def _added(layers: Layers) -> int:
    total, steps = 0, 1
    for kernel, stride in layers:
        total += kernel * steps
        steps *= stride
    return total


def _walked_back(layers: Layers, rule: Callable[[int, int, int], int]) -> int:
    side = 1
    for kernel, stride in reversed(layers):
        side = rule(side, kernel, stride)
    return side


def _field(answer: Callable, layers: Layers) -> str:
    lent = list(layers)
    given = call(answer, lent)
    if lent != layers:
        raise Wrong("the list you were given came back changed", "make a new list, or walk over it without popping")
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if isinstance(given, bool) or not hasattr(type(given), "__index__") or isinstance(given, Tensor):
        kind = f"{given!r}" if isinstance(given, float) else f"a {type(given).__name__}"
        raise Wrong(f"you gave {kind}, wanted a whole number of pixels", "return an int: the side of a square")
    truth = _seen(layers)
    if int(given) == truth:
        return f"{truth} pixels for {layers}"
    found = [name for name, value in _field_mistakes(layers).items() if value == int(given)]
    raise Wrong(f"you gave {int(given)}, wanted {truth} for {layers}", found[0] if found else None)


@patch_receptive_field.aspect("one layer", share=0.2, gate=True)
def field_of_one(answer: Callable, case: Case) -> str:
    return _field(answer, [(case.size(4, 5, 9), case.size(2, 1, 3))])


@patch_receptive_field.aspect("two layers", share=0.3, gate=True)
def field_of_two(answer: Callable, case: Case) -> str:
    _field(answer, [(3, 1), (5, 1)])
    return _field(answer, [(case.size(3, 4, 6), case.size(2, 2, 4)), (case.size(5, 7, 9), case.size(3, 5, 6))])


@patch_receptive_field.aspect("whole judges", share=0.5)
def field_of_judges(answer: Callable, case: Case) -> str:
    _field(answer, [(7, 1), (case.size(3, 4, 6), 3), (2, 2), (case.size(5, 3, 7), 1)])
    _field(answer, [(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)])
    _field(answer, [(1, 2), (3, 2), (5, 1)])
    if case.hidden:
        return _field(answer, [(case.size(0, 2, 6), case.size(0, 1, 3)) for _ in range(case.size(0, 5, 8))])
    return _field(answer, [(4, 2), (4, 2), (4, 1)])


# 5.2 discriminator_loss and 5.3 adversarial_loss

discriminator_loss = Exercise("05.discriminator_loss", points=2, read='"Squares instead of logarithms", above')
NO_AXES = "name no axes: the mean over all of them"
adversarial_loss = Exercise("05.adversarial_loss", points=1, read='"Squares instead of logarithms", above')


def _maps(case: Case) -> tuple[Pixels, Pixels, tuple[int, ...], tuple[int, ...]]:
    """Logits of a real and of a fake batch, of unequal size, and the shapes of the maps that they lie in."""
    h, w, n = case.size(1, 1, 2), case.size(2, 2, 3), case.size(2, 2, 3)
    count = n * h * w
    real = [round(0.9 - 0.37 * i + 0.11 * i * i * (-1) ** i, 3) for i in range(count)]
    fake = [round(-0.6 + 0.71 * i - 0.06 * i * i, 3) for i in range(count + h * w)]
    by = case.number(0.0, -0.3, 0.3)
    return [x + by for x in real], [x - 0.7 * by for x in fake], (n, 1, h, w), (n + 1, 1, h, w)


def _map(values: Pixels, shape: tuple[int, ...]) -> Tensor:
    return torch.tensor(values).view(shape).requires_grad_()


def _wanted(call_it: Callable[[], Any]) -> Tensor:
    value = call_it()
    as_scalar(value)
    return value


@discriminator_loss.aspect("scalar", gate=True)
def d_scalar(answer: Callable, case: Case) -> str:
    real, fake, real_shape, fake_shape = _maps(case)
    _wanted(lambda: call(answer, _map(real, real_shape), _map(fake, fake_shape)))
    with hinted(NO_AXES, seen="for logits of shape (N,): {}"):
        rows = _wanted(lambda: call(answer, _map(real, (len(real),)), _map(fake, (len(fake),))))
        _same_loss(rows, call(answer, _map(real, real_shape), _map(fake, fake_shape)))
    return "a scalar, for maps of logits of any shape"


def _same_loss(rows: Tensor, maps: Tensor) -> None:
    if not near(as_scalar(rows), as_scalar(maps)):
        raise Wrong(f"you gave {as_scalar(rows):.4f}, and {as_scalar(maps):.4f} for the same logits as maps")


def _d_mistakes(real: Pixels, fake: Pixels) -> dict[str, float]:
    r, f = tr.squares(real, 1), tr.squares(fake, 0)
    together = (r * len(real) + f * len(fake)) / (len(real) + len(fake))
    return {
        "the labels are swapped: real is 1, fake is 0": tr.squares(real, 0) + tr.squares(fake, 1),
        "half of it: here the two means are added": (r + f) / 2,
        "one mean over both batches: take the mean of each, then add": together,
        "one mean over both batches (twice): take the mean of each, then add": 2 * together,
        "the sum over the patches, not the mean": r * len(real) + f * len(fake),
        "the sign: D minimises the squares": -(r + f),
        "the fake term has the wrong sign": r - f,
        "only the real half: the fake patches are missing": r,
        "only the fake half: the real patches are missing": f,
        "fakes are labelled 1: that is what the generator wants": r + tr.squares(fake, 1),
        "real is labelled 0": tr.squares(real, 0) + f,
        "fakes are labelled -1: in this lesson they are 0": r + tr.squares(fake, -1),
        "logarithms, not squares: this is the loss of the first GAN": fmean(softplus(-x) for x in real)
        + fmean(softplus(x) for x in fake),
        "the distance, not its square": fmean(abs(x - 1) for x in real) + fmean(abs(x) for x in fake),
        "the square was taken after the mean": (fmean(real) - 1) ** 2 + fmean(fake) ** 2,
        "a sigmoid was applied first: least squares work on the logits as they are": fmean(
            (torch.tensor(x).sigmoid().item() - 1) ** 2 for x in real
        )
        + fmean(torch.tensor(x).sigmoid().item() ** 2 for x in fake),
        "this is the hinge loss": fmean(max(0.0, 1 - x) for x in real) + fmean(max(0.0, 1 + x) for x in fake),
        "scores, not squares: this is the loss of WGAN": fmean(fake) - fmean(real),
        "a root was taken of each mean square": r**0.5 + f**0.5,
    }


@discriminator_loss.aspect("value", share=0.7)
def d_value(answer: Callable, case: Case) -> str:
    real, fake, real_shape, fake_shape = _maps(case)
    with kept(_map(real, real_shape), _map(fake, fake_shape)) as maps:
        given = as_scalar(call(answer, *maps))
    truth = tr.squares(real, 1) + tr.squares(fake, 0)
    return expect(given, truth, f"for real {listed(real)}; fake {listed(fake)}", _d_mistakes(real, fake))


@discriminator_loss.aspect("graph", share=0.3)
def d_graph(answer: Callable, case: Case) -> str:
    real, fake, real_shape, fake_shape = _maps(case)
    maps = _map(real, real_shape), _map(fake, fake_shape)
    _slopes(
        _wanted(lambda: call(answer, *maps)),
        [
            ("real", maps[0], [2 * (x - 1) / len(real) for x in real]),
            ("fake", maps[1], [2 * x / len(fake) for x in fake]),
        ],
        "D",
    )
    return "D learns from real and fake, patch by patch"


def _slopes(loss: Tensor, wanted: list[tuple[str, Tensor, Pixels]], player: str) -> None:
    """Raise Wrong unless the loss has these gradients."""
    if not loss.requires_grad:
        raise Wrong("the loss has no graph", f"{player} cannot learn from it: something was detached or made a number")
    grads = torch.autograd.grad(loss, [leaf for _, leaf, _ in wanted], allow_unused=True)
    for (name, _, truth), grad in zip(wanted, grads, strict=True):
        if grad is None or not grad.abs().sum() > 0:
            raise Wrong(f"no gradient reaches the {name} logits", f"{player} cannot learn from the {name} patches")
        for given, slope in zip(grad.flatten().tolist(), truth, strict=True):
            if not near(given, slope, 1e-3):
                raise Wrong(f"the slope at one {name} patch is {given:.4f}, wanted {slope:.4f}")


@adversarial_loss.aspect("scalar", gate=True)
def g_scalar(answer: Callable, case: Case) -> str:
    _, fake, _, shape = _maps(case)
    _wanted(lambda: call(answer, _map(fake, shape)))
    with hinted(NO_AXES, seen="for logits of shape (N,): {}"):
        _same_loss(_wanted(lambda: call(answer, _map(fake, (len(fake),)))), call(answer, _map(fake, shape)))
    return "a scalar, for maps of logits of any shape"


@adversarial_loss.aspect("value", share=0.7)
def g_value(answer: Callable, case: Case) -> str:
    _, fake, _, shape = _maps(case)
    with kept(_map(fake, shape)) as (logits,):
        given = as_scalar(call(answer, logits))
    truth = tr.squares(fake, 1)
    known = {
        "fakes are labelled 0: that is what D wants; the translation wants them called real, 1": tr.squares(fake, 0),
        "half of it: there is one term only": truth / 2,
        "the sum over the patches, not the mean": truth * len(fake),
        "the sign: the translation minimises the square": -truth,
        "the distance, not its square": fmean(abs(x - 1) for x in fake),
        "the square was taken after the mean": (fmean(fake) - 1) ** 2,
        "logarithms, not squares: this is the loss of the first GAN": fmean(softplus(-x) for x in fake),
        "a sigmoid was applied first: least squares work on the logits as they are": fmean(
            (torch.tensor(x).sigmoid().item() - 1) ** 2 for x in fake
        ),
        "the score itself: this is the loss of WGAN": -fmean(fake),
        "fakes pulled to -1: the sign of the target": tr.squares(fake, -1),
        "D's loss with the sign turned: it pushes fakes away from 0 in both directions": -tr.squares(fake, 0),
        "a root was taken of the mean square": truth**0.5,
    }
    return expect(given, truth, f"for logits {listed(fake)}", known)


@adversarial_loss.aspect("graph", share=0.3)
def g_graph(answer: Callable, case: Case) -> str:
    _, fake, _, shape = _maps(case)
    logits = _map(fake, shape)
    _slopes(
        _wanted(lambda: call(answer, logits)),
        [("fake", logits, [2 * (x - 1) / len(fake) for x in fake])],
        "the translation",
    )
    return "every patch pulls towards 1"


# 5.4 cycle_loss and 5.5 identity_loss

cycle_loss = Exercise("05.cycle_loss", points=2, read='"There and back again", above')
identity_loss = Exercise("05.identity_loss", points=1, read='"What must not change", above')

NETS = {"ab": "G_AB", "ba": "G_BA"}


def _cycled(answer: Callable, w: World) -> tuple[Tensor, Translation, Translation]:
    """The learner's cycle loss of a world, and the two translations it was asked with."""
    g_ab, g_ba, _, _ = w.nets()
    fake_b, fake_a = g_ab(w.a), g_ba(w.b)
    loss = call(answer, w.a, w.b, fake_a, fake_b, g_ab, g_ba)
    return loss, g_ab, g_ba


def _identified(answer: Callable, w: World) -> tuple[Tensor, Translation, Translation]:
    g_ab, g_ba, _, _ = w.nets()
    return call(answer, w.a, w.b, g_ab, g_ba), g_ab, g_ba


def _whole_gradient(loss: Tensor, nets: dict[str, Translation], truth: Callable[[World], float], w: World,
                    known: dict[str, Callable[[World], float]]) -> None:  # fmt: skip
    """Raise Wrong unless every weight of both translations gets its gradient."""
    as_scalar(loss)
    if not loss.requires_grad:
        raise Wrong("the loss has no graph", "no translation can learn from it: something was detached")
    for net in nets.values():
        net.zero_grad(set_to_none=True)
    call(loss.backward)
    for name, net in nets.items():
        given, wanted = net.gradient(), tr.slope(truth, w, name)
        if given is None:
            raise Wrong(f"no gradient reaches {NETS[name]}", "the graph is cut: both translations learn from this loss")
        if not _same(given, wanted):
            i = 0 if not near(given[0], wanted[0], 2e-3) else 1
            found = [words for words, wrong in known.items() if _same(given, tr.slope(wrong, w, name))]
            raise Wrong(
                f"{NETS[name]} gets the gradient {given[i]:.4f}, wanted {wanted[i]:.4f}", next(iter(found), None)
            )


def _same(given: Pair, wanted: Pair) -> bool:
    return near(given[0], wanted[0], 2e-3) and near(given[1], wanted[1], 2e-3)


@cycle_loss.aspect("scalar", gate=True)
def cycle_scalar(answer: Callable, case: Case) -> str:
    as_scalar(_cycled(answer, tr.world(case))[0])
    return "a scalar"


def _cycle_mistakes(w: World) -> dict[str, float]:
    a, b = tr.pixels(w.a), tr.pixels(w.b)
    fake_b, fake_a = tr.moved(w.ab, a), tr.moved(w.ba, b)
    there, back = tr.cycle(w)

    def square(net: Pair, fake: Pixels, real: Pixels) -> float:
        return fmean((x - y) ** 2 for x, y in zip(tr.moved(net, fake), real, strict=True))

    images = len(w.a), len(w.b)
    return {
        "the same generator twice: the way back takes the other one": tr.distance(tr.moved(w.ab, fake_b), a)
        + tr.distance(tr.moved(w.ba, fake_a), b),
        "half of it: the two means are added": (there + back) / 2,
        "ten times too much: the weight of the cycle belongs to generator_loss": 10 * (there + back),
        "squares: equation 2 takes the absolute difference": square(w.ba, fake_b, a) + square(w.ab, fake_a, b),
        "only A to B and back: the other direction is missing": there,
        "only B to A and back: the other direction is missing": back,
        "the fakes were compared, not their way back": tr.distance(fake_b, a) + tr.distance(fake_a, b),
        "the way back was compared with the fake, not with the real image": tr.distance(tr.moved(w.ba, fake_b), fake_b)
        + tr.distance(tr.moved(w.ab, fake_a), fake_a),
        "the real image went in, not the fake: this is the identity loss": sum(tr.identity(w)),
        "the sum over all pixels, not the mean": there * len(a) + back * len(b),
        "the sum over an image's pixels, not the mean": there * len(a) / images[0] + back * len(b) / images[1],
        "the two directions have different signs": there - back,
        "the sign: a loss is minimised": -(there + back),
        "the absolute value was taken after the mean: differences cancel": _after(tr.moved(w.ba, fake_b), a)
        + _after(tr.moved(w.ab, fake_a), b),
        "the differences cancel: take their absolute value": _cancelled(tr.moved(w.ba, fake_b), a)
        + _cancelled(tr.moved(w.ab, fake_a), b),
        "a third trip: fake_b has been through G_AB already": tr.distance(
            tr.moved(w.ba, tr.moved(w.ab, fake_b)), a
        ) + tr.distance(tr.moved(w.ab, tr.moved(w.ba, fake_a)), b),
    }  # fmt: skip


def _cancelled(xs: Pixels, ys: Pixels) -> float:
    return fmean(x - y for x, y in zip(xs, ys, strict=True))


def _after(xs: Pixels, ys: Pixels) -> float:
    return abs(_cancelled(xs, ys))


@cycle_loss.aspect("value", share=0.5, gate=True)
def cycle_value(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    with kept(w.a, w.b):
        given = as_scalar(_cycled(answer, w)[0])
    return expect(given, sum(tr.cycle(w)), "for two scalings", _cycle_mistakes(w))


@cycle_loss.aspect("both learn", share=0.5)
def cycle_gradient(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    loss, g_ab, g_ba = _cycled(answer, w)
    fixed = w

    def no_first(moving: World) -> float:
        """The fakes held still: only the way back learns."""
        fake_b, fake_a = tr.moved(fixed.ab, tr.pixels(w.a)), tr.moved(fixed.ba, tr.pixels(w.b))
        return tr.distance(tr.moved(moving.ba, fake_b), tr.pixels(w.a)) + tr.distance(
            tr.moved(moving.ab, fake_a), tr.pixels(w.b)
        )

    known = {
        "the fake was detached: the first translation of the cycle learns nothing from where its image comes back": (
            no_first
        ),
        "only the first translation learns: the way back was frozen or made without a graph": lambda m: (
            sum(tr.cycle(m)) - no_first(m)
        ),
    }
    _whole_gradient(loss, {"ab": g_ab, "ba": g_ba}, lambda m: sum(tr.cycle(m)), w, known)
    if not (g_ab.scale.requires_grad and g_ba.scale.requires_grad):
        raise Wrong("a translation is left frozen", "set requires_grad back, or do not touch it")
    return "both translations learn from both directions"


@identity_loss.aspect("scalar", gate=True)
def identity_scalar(answer: Callable, case: Case) -> str:
    as_scalar(_identified(answer, tr.world(case))[0])
    return "a scalar"


@identity_loss.aspect("value", share=0.6, gate=True)
def identity_value(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    a, b = tr.pixels(w.a), tr.pixels(w.b)
    on_b, on_a = tr.identity(w)
    wrong_way = tr.distance(tr.moved(w.ab, a), a) + tr.distance(tr.moved(w.ba, b), b)
    known = {
        "through the wrong generator: G_AB must leave B as it is. This asks it to leave A as it is, not to translate": (
            wrong_way
        ),
        "half of it: the two means are added": (on_a + on_b) / 2,
        "five times too much: the weight belongs to generator_loss": 5 * (on_a + on_b),
        "ten times too much: the weight belongs to generator_loss": 10 * (on_a + on_b),
        "only G_AB: the other one is missing": on_b,
        "only G_BA: the other one is missing": on_a,
        "squares: the paper takes the absolute difference": fmean(
            (x - y) ** 2 for x, y in zip(tr.moved(w.ab, b), b, strict=True)
        )
        + fmean((x - y) ** 2 for x, y in zip(tr.moved(w.ba, a), a, strict=True)),
        "this is the cycle loss": sum(tr.cycle(w)),
        "the sum over all pixels, not the mean": on_b * len(b) + on_a * len(a),
        "the sum over an image's pixels, not the mean": on_b * len(b) / len(w.b) + on_a * len(a) / len(w.a),
        "the sign: a loss is minimised": -(on_a + on_b),
        "the wrong generator in one term: G_AB on A": tr.distance(tr.moved(w.ab, a), a) + on_a,
        "the wrong generator in one term: G_BA on B": tr.distance(tr.moved(w.ba, b), b) + on_b,
        "the differences cancel: take their absolute value": _cancelled(tr.moved(w.ab, b), b)
        + _cancelled(tr.moved(w.ba, a), a),
        "the absolute value was taken after the mean: differences cancel": _after(tr.moved(w.ab, b), b)
        + _after(tr.moved(w.ba, a), a),
    }
    with kept(w.a, w.b):
        given = as_scalar(_identified(answer, w)[0])
    return expect(given, on_a + on_b, "for two scalings", known)


@identity_loss.aspect("both learn", share=0.4)
def identity_gradient(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    loss, g_ab, g_ba = _identified(answer, w)
    _whole_gradient(loss, {"ab": g_ab, "ba": g_ba}, lambda m: sum(tr.identity(m)), w, {})
    return "both translations learn"


# 5.6 generator_loss

generator_loss = Exercise("05.generator_loss", points=3, read='"The whole loss", above')


def _given(answer: Callable) -> Callable:
    """The answer with right functions in the place of earlier ones."""
    return with_given(
        answer,
        adversarial_loss=least_squares_generator_loss,
        discriminator_loss=least_squares_discriminator_loss,
        cycle_loss=true_cycle_loss,
        identity_loss=true_identity_loss,
    )


def _total(answer: Callable, w: World, *weights: float) -> float:
    names = ("cycle_weight", "identity_weight")
    return as_scalar(call(_given(answer), w.a, w.b, *w.nets(), **dict(zip(names, weights, strict=False))))


@generator_loss.aspect("scalar", gate=True)
def total_scalar(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    as_scalar(call(_given(answer), w.a, w.b, *w.nets()))
    return "a scalar"


@generator_loss.aspect("adversarial", share=0.25)
def total_adversarial(answer: Callable, case: Case) -> str:
    w = tr.world(case)
    to_b, to_a = tr.adversarial(w)
    crossed = tr.squares(tr.logits(w.d_a, w.a, [w.ab]), 1) + tr.squares(tr.logits(w.d_b, w.b, [w.ba]), 1)
    known = {
        "the judges are crossed: D_B judges what G_AB makes, D_A what G_BA makes": crossed,
        "the judges were shown real images, which no translation can change": tr.squares(tr.logits(w.d_a, w.a), 1)
        + tr.squares(tr.logits(w.d_b, w.b), 1),
        "the translations went the wrong way: G_AB takes A": tr.squares(tr.logits(w.d_b, w.b, [w.ab]), 1)
        + tr.squares(tr.logits(w.d_a, w.a, [w.ba]), 1),
        "the judges saw the way back, not the fakes": tr.squares(tr.logits(w.d_a, w.a, [w.ab, w.ba]), 1)
        + tr.squares(tr.logits(w.d_b, w.b, [w.ba, w.ab]), 1),
        "fakes are labelled 0: that is what the judges want": tr.squares(tr.logits(w.d_b, w.a, [w.ab]), 0)
        + tr.squares(tr.logits(w.d_a, w.b, [w.ba]), 0),
        "half of it: the two adversarial losses are added": (to_a + to_b) / 2,
        "only G_AB is judged": to_b,
        "only G_BA is judged": to_a,
        "the adversarial loss is missing": 0.0,
        "the judges' own loss was used": sum(tr.judges(w)),
        "the weights are ignored: with both at 0 only the adversarial loss is left": to_a
        + to_b
        + 10 * sum(tr.cycle(w))
        + 5 * sum(tr.identity(w)),
        "the cycle loss is there although its weight is 0": to_a + to_b + sum(tr.cycle(w)),
        "the cycle's weight is ignored: it is there although cycle_weight is 0": to_a + to_b + 10 * sum(tr.cycle(w)),
        "the identity's weight is ignored: it is there although identity_weight is 0": to_a
        + to_b
        + 5 * sum(tr.identity(w)),
        "the identity loss is there although its weight is 0": to_a + to_b + sum(tr.identity(w)),
    }
    return expect(_total(answer, w, 0.0, 0.0), to_a + to_b, "with both weights 0", known)


def _part(answer: Callable, w: World, weights: Pair) -> float:
    """What the weights add to the loss."""
    return _total(answer, w, *weights) - _total(answer, w, 0.0, 0.0)


@generator_loss.aspect("cycle", share=0.25)
def total_cycle(answer: Callable, case: Case) -> str:
    w, weight = tr.world(case), case.number(3.0, 2.0, 4.0)
    truth = weight * sum(tr.cycle(w))
    known = {
        "the weight was applied twice": weight * truth,
        "the weight is ignored": truth / weight,
        "the weight is ignored: it is always 10": 10 * truth / weight,
        "the cycle loss is missing": 0.0,
        "the two weights are exchanged": weight * sum(tr.identity(w)),
        "half of it": truth / 2,
        "only one direction of the cycle": weight * tr.cycle(w)[0],
        "only the way from B to A and back": weight * tr.cycle(w)[1],
        "half of cycle_weight also weighs the identity: it has a weight of its own": truth
        + weight / 2 * sum(tr.identity(w)),
        "fake_a and fake_b are exchanged": weight * _crossed_cycle(w),
        "the generators are exchanged on the way back": weight * _same_net_cycle(w),
        "cycle_weight also weighs the identity, which has a weight of its own": truth + weight * sum(tr.identity(w)),
        "cycle_weight also weighs the adversarial loss": truth + weight * sum(tr.adversarial(w)),
    }
    given = _part(answer, w, (weight, 0.0))
    return expect(given, truth, f"more with cycle_weight = {weight:g}", known)


def _crossed_cycle(w: World) -> float:
    """G_BA on the fake of A, compared with A (as far as the batches go)."""
    a, b = tr.pixels(w.a), tr.pixels(w.b)
    if len(a) != len(b):
        return float("nan")
    return tr.distance(tr.moved(w.ba, tr.moved(w.ba, b)), a) + tr.distance(tr.moved(w.ab, tr.moved(w.ab, a)), b)


def _same_net_cycle(w: World) -> float:
    a, b = tr.pixels(w.a), tr.pixels(w.b)
    return tr.distance(tr.moved(w.ab, tr.moved(w.ab, a)), a) + tr.distance(tr.moved(w.ba, tr.moved(w.ba, b)), b)


@generator_loss.aspect("identity", share=0.25)
def total_identity(answer: Callable, case: Case) -> str:
    w, weight = tr.world(case), case.number(2.0, 1.5, 2.9)
    other = case.number(3.0, 3.1, 4.0)
    truth = weight * sum(tr.identity(w))
    a, b = tr.pixels(w.a), tr.pixels(w.b)
    known = {
        "the weight was applied twice": weight * truth,
        "the weight is ignored": truth / weight,
        "the weight is ignored: it is always 5": 5 * truth / weight,
        "the identity loss is missing": 0.0,
        "half of it": truth / 2,
        "lambda was applied twice: identity_weight is the whole weight, not a share of cycle_weight": other * truth,
        "the weight is a share of cycle_weight's half": other * truth / 2,
        "identity through the wrong generator: G_AB leaves B as it is": weight
        * (tr.distance(tr.moved(w.ab, a), a) + tr.distance(tr.moved(w.ba, b), b)),
        "the two weights are exchanged": weight * sum(tr.cycle(w)),
        "identity_weight also weighs the cycle": truth + weight * sum(tr.cycle(w)),
        "identity_weight also weighs the cycle, a second time": truth + weight * other * sum(tr.cycle(w)),
    }
    given = _total(answer, w, other, weight) - _total(answer, w, other, 0.0)
    expect(given, truth, f"more with identity_weight = {weight:g} beside cycle_weight = {other:g}", known)
    alone = _part(answer, w, (0.0, weight))
    return expect(alone, truth, f"more with identity_weight = {weight:g}", known)


@generator_loss.aspect("together", share=0.25)
def total_together(answer: Callable, case: Case) -> str:
    """The defaults, and who learns."""
    w = tr.world(case)

    def truth(moving: World) -> float:
        return sum(tr.adversarial(moving)) + 10 * sum(tr.cycle(moving)) + 5 * sum(tr.identity(moving))

    nets = w.nets()
    with kept(w.a, w.b):
        loss = call(_given(answer), w.a, w.b, *nets)
    seen = expect(as_scalar(loss), truth(w), "with the weights 10 and 5")

    def still(keep: World) -> Callable[[World], float]:
        """The loss in which the first translation of each cycle does not learn."""

        def value(m: World) -> float:
            fake_b, fake_a = tr.moved(keep.ab, tr.pixels(w.a)), tr.moved(keep.ba, tr.pixels(w.b))
            back = tr.distance(tr.moved(m.ba, fake_b), tr.pixels(w.a)) + tr.distance(
                tr.moved(m.ab, fake_a), tr.pixels(w.b)
            )
            return sum(tr.adversarial(m)) + 10 * back + 5 * sum(tr.identity(m))

        return value

    known = {
        "the fakes were detached before the cycle: the first translation learns nothing from the way back": still(w),
        "the adversarial loss is cut off: the translations learn nothing from the judges": lambda m: (
            truth(m) - sum(tr.adversarial(m))
        ),
        "fakes without a graph, for the cycle and for the judges": lambda m: still(w)(m) - sum(tr.adversarial(m)),
    }
    if any(p.grad is not None for net in nets for p in net.parameters()):
        raise Wrong("gradients are left in the networks", "a loss has no backward() in it: the step does that")
    _whole_gradient(loss, {"ab": nets[0], "ba": nets[1]}, truth, w, known)
    for net, name in zip(nets, ("g_ab", "g_ba", "d_a", "d_b"), strict=True):
        if not all(p.requires_grad for p in net.parameters()):
            raise Wrong(f"{name} is left frozen", "it could not learn in its own turn")
        if not all(net.modes):
            raise Wrong(f"{name} was put into eval mode", "training needs train mode")
        if net.pair != {"g_ab": w.ab, "g_ba": w.ba, "d_a": w.d_a, "d_b": w.d_b}[name] and not _same(
            net.pair, {"g_ab": w.ab, "g_ba": w.ba, "d_a": w.d_a, "d_b": w.d_b}[name]
        ):
            raise Wrong(f"{name} came back with other weights", "a loss moves nothing: the optimiser does")
    return seen


# 5.7 ImagePool

image_pool = Exercise("05.ImagePool", points=3, read='"A memory for the judges", above')


def _numbered(first: int, count: int) -> Tensor:
    """Images (count, 1, 2, 3) whose pixels all hold the image's number."""
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 3).clone()


def _pool(answer: Callable, capacity: int) -> Any:
    pool = call(answer, capacity)
    if not callable(getattr(pool, "query", None)):
        raise Wrong(f"you gave a {type(pool).__name__} without a method query", "keep the class and its method query")
    return pool


def _query(pool: Any, images: Tensor) -> Tensor:
    """What the pool hands out, as a tensor of the right shape."""
    with kept(images):
        given = call(pool.query, images)
    if given is None:
        raise Wrong("query gave None", "the method has no return")
    if not isinstance(given, Tensor):
        raise Wrong(
            f"query gave a {type(given).__name__}, wanted a tensor (N, C, H, W)", "torch.stack a list of images"
        )
    if given.shape != images.shape:
        likely = "as many images come back as went in" if len(given) != len(images) else "torch.stack, not torch.cat"
        if given.shape == images.squeeze().shape or given.shape == images.squeeze(0).shape:
            likely = "squeeze() dropped an axis of length 1"
        raise Wrong(f"query gave shape {tuple(given.shape)}, wanted {tuple(images.shape)}", likely)
    if given.dtype != images.dtype:
        raise Wrong(f"query gave dtype {given.dtype}, wanted {images.dtype}", "hand the images out as they came in")
    return given


def _labels(images: Tensor) -> list[int]:
    """The numbers of images; -1 for one that was mixed or changed."""
    flat = images.flatten(1)
    first = flat[:, 0]
    whole = (flat == first[:, None]).all(1) & first.isfinite() & (first == first.round())
    return torch.where(whole, first, -1.0).long().tolist()


@image_pool.aspect("fills", share=0.2, gate=True)
def pool_fills(answer: Callable, case: Case) -> str:
    """While there is room, images come back as they are."""
    capacity = case.size(6, 5, 12)
    _query(_pool(answer, capacity), _numbered(70, capacity))  # another pool, of which the next one must know nothing
    pool = _pool(answer, capacity)
    for first, count in ((0, 2), (2, 1), (3, capacity - 3)):
        given = _labels(_query(pool, _numbered(first, count)))
        if given != list(range(first, first + count)):
            likely = "while there is room, each image comes back as it is (and is kept)"
            if max(given) >= first + count:
                likely = "pools share what they keep: each makes a list of its own, in __init__"
            raise Wrong(f"an empty pool was given {first}..{first + count - 1} and handed out {given}", likely)
    _examine_room(answer, capacity)
    return f"the first {capacity} images come back as they are"


def _examine_room(answer: Callable, capacity: int, pools: int = 24) -> None:
    """A batch of 3 with room for one: that one is kept as it is, for each of the others a coin is tossed."""
    exchanged = [0, 0]
    for seed in range(pools):
        seed_checks(seed)
        pool = _pool(answer, capacity)
        _query(pool, _numbered(0, capacity - 1))
        first, second, third = _labels(_query(pool, _numbered(50, 3)))
        if first != 50:
            raise Wrong(
                f"with room for one more, the first image of a batch of 3 was exchanged for image {first}",
                "look for room for each image, not for the whole batch",
            )
        exchanged = [exchanged[0] + (second != 51), exchanged[1] + (third != 52)]
    if exchanged[1] and not exchanged[0]:
        raise Wrong(
            f"a pool for {capacity} images handed out number {capacity + 1} as it is, {pools} times of {pools}",
            "one image too many is kept: there is room while len(...) < capacity, not <=",
        )
    if not any(exchanged) and _ever_exchanges(answer, capacity):
        raise Wrong(
            f"with room for one more, a batch of 3 came back as it was, {pools} times of {pools}",
            "there is no room for the second and the third: look for room for each image",
        )


def _ever_exchanges(answer: Callable, capacity: int, after: int = 30) -> bool:
    """Whether a pool that is full hands out old images. One that does not is told so by the next aspect."""
    seed_checks(99)
    pool = _pool(answer, capacity)
    _query(pool, _numbered(0, capacity))
    return any(_labels(_query(pool, _numbered(i, 1))) != [i] for i in range(capacity, capacity + after))


@dataclass
class _Played:
    """A long run of a pool: (what went in, what came out) for each image after the pool was full."""

    capacity: int
    pairs: list[tuple[int, int]]

    @property
    def replayed(self) -> list[tuple[int, int]]:
        return [(new, out) for new, out in self.pairs if out != new]


def _played(answer: Callable, case: Case, batch: int = 4) -> _Played:
    capacity, rounds = case.size(10, 8, 14), 200
    seed_checks(case.size(0, 1, 99))
    pool, pairs = _pool(answer, capacity), []
    _query(pool, _numbered(0, capacity))
    for i in range(rounds):
        images = _numbered(capacity + batch * i, batch)
        pairs += list(zip(_labels(images), _labels(_query(pool, images)), strict=True))
    return _Played(capacity, pairs)


@image_pool.aspect("half and half", share=0.3)
def pool_half(answer: Callable, case: Case) -> str:
    played = _played(answer, case)
    if any(out < 0 for _, out in played.pairs):
        raise Wrong("an image came back changed", "images are exchanged as they are, never mixed")
    _examine_capacity(played)
    share = len(played.replayed) / len(played.pairs)
    seen = f"{share:.0%} of {len(played.pairs)} images that came back are old ones"
    if share == 0:
        raise Wrong(seen, "it returns only new images: then the judges remember nothing. Half of them are old ones")
    if share > 0.99:
        raise Wrong(seen, "it returns only old images: half of the new ones go straight to the judge")
    if abs(share - 0.5) > 0.11:
        raise Wrong(f"{seen}, wanted about 50 %", "an old image comes back with probability 1/2, no more and no less")
    mixed = _mixed_batches(played.pairs)
    if not mixed:
        raise Wrong("each batch came back all new or all old", "toss a coin for each image, not for each batch")
    return seen


def _examine_capacity(played: _Played, at_once: int = 30) -> None:
    """A full pool does not hand out thirty new images in a row, but for once in a billion."""
    if played.replayed and all(out == new for new, out in played.pairs[:at_once]):
        seen = f"a pool for {played.capacity} images handed out the next {at_once} as they were too"
        raise Wrong(seen, "`capacity` is ignored: it says when the pool is full")


def _mixed_batches(pairs: list[tuple[int, int]], batch: int = 4) -> int:
    """Batches in which some images are new and some are old."""
    groups = [[out == new for new, out in pairs[i : i + batch]] for i in range(0, len(pairs), batch)]
    return sum(0 < sum(group) < len(group) for group in groups)


@image_pool.aspect("exchange", share=0.3)
def pool_exchange(answer: Callable, case: Case) -> str:
    """An old image is handed out once, and the new one takes its place."""
    played = _played(answer, case)
    old = [out for _, out in played.replayed]
    if not old:
        raise Wrong("no old image ever came back")
    _examine_capacity(played)
    if any(out > new for new, out in played.replayed):
        raise Wrong("an image came back in another one's place, before its turn", "go through the batch in order")
    new_too = [out for new, out in played.pairs if out == new]
    twice = set(new_too) & set(old)
    if twice:
        seen = f"image {min(twice)} came back at once, and again later"
        raise Wrong(seen, "a new image that goes straight to the judge is not kept: only an exchanged one is")
    if len(set(old)) < len(old):
        again = next(out for i, out in enumerate(old) if out in old[:i])
        stale = max(old) < played.capacity
        likely = (
            "the pool never changes: the new image takes the place of the one that is handed out"
            if stale
            else "an image that was handed out must leave the pool: the new one takes its place"
        )
        raise Wrong(f"old image {again} came back more than once", likely)
    _examine_ages(played)
    never = set(range(played.capacity)) - set(old)
    if never:
        raise Wrong(
            f"image {min(never)} was kept at the start and never came back",
            "draw from all places of the pool: randint leaves out its upper end, random.randint does not",
        )
    return "what is handed out leaves, what came in takes its place"


def _examine_ages(played: _Played) -> None:
    """Which of the kept ones is handed out must be drawn at random, from all of them."""
    ages = [new - out for new, out in played.replayed][played.capacity :]
    mean = 2 * played.capacity  # one in two images is kept, and each place waits `capacity` exchanges
    if fmean(ages) < 0.4 * mean:
        raise Wrong(
            f"old images are {fmean(ages):.0f} images old on average, wanted about {mean}",
            "the newest ones are handed out again and again: draw from all places of the pool",
        )
    spread = fmean((age - fmean(ages)) ** 2 for age in ages) ** 0.5
    if spread < 0.5 * fmean(ages):
        raise Wrong(
            f"all old images are about {fmean(ages):.0f} images old",
            "a queue hands out the oldest: draw a random one of those that are kept",
        )


@image_pool.aspect("no graphs", share=0.2)
def pool_detached(answer: Callable, case: Case) -> str:
    """What is kept and what comes back holds no graph, and no memory of the batch."""
    capacity = case.size(4, 3, 7)
    seed_checks(0)
    pool = _pool(answer, capacity)
    weight = torch.ones((), requires_grad=True)
    for i in range(12):
        images = weight * _numbered(i * capacity, capacity)
        if _query(pool, images).requires_grad:
            raise Wrong(
                "what comes back has a graph", "keep and hand out detached images: old graphs would never be freed"
            )
    if _graphs(pool):
        raise Wrong("the pool keeps graphs", "detach before the images are kept: each holds a whole network's memory")
    pool, outs = _pool(answer, capacity), []
    for i in range(30):
        batch = _numbered(i * capacity, capacity)
        outs += _labels(_query(pool, batch))
        batch.fill_(-7.0)
    if -7 in outs:
        raise Wrong("kept images changed when the batch was overwritten", "keep copies: detach().clone()")
    return "copies without a graph are kept and handed out"


def _graphs(holder: Any, depth: int = 3) -> bool:
    """Whether any tensor within an object's attributes, lists, tuples or dicts has a graph."""
    if isinstance(holder, Tensor):
        return holder.grad_fn is not None
    if depth == 0:
        return False
    parts = holder.values() if isinstance(holder, dict) else holder
    if not isinstance(parts, list | tuple | set | deque) and not isinstance(holder, dict):
        parts = list(getattr(holder, "__dict__", {}).values())
    return any(_graphs(part, depth - 1) for part in list(parts))


# 5.8 repaired_step

repaired_step = Exercise("05.repaired_step", points=3, read='"Find the bug", above')
G_RATE, D_RATE = 0.05, 0.2


class _SpyPool:
    """Hands out shifted copies, so that one sees whether its images reached the judge, and notes what came in."""

    def __init__(self, shift: float):
        self.shift, self.seen, self.graphs = shift, [], False

    def query(self, images: Tensor) -> Tensor:
        self.graphs |= images.requires_grad
        self.seen.append(images.detach().clone())
        return images.detach() + self.shift


class _SpySGD(torch.optim.SGD):
    """Counts its steps."""

    def __init__(self, nets: list[Translation], rate: float):
        super().__init__([p for net in nets for p in net.parameters()], rate)
        self.count = 0

    def step(self, closure: Any = None) -> None:
        self.count += 1
        super().step(closure)


@dataclass
class _Stepped:
    """What a step was given and what it did, each time it was called: the worlds before and after."""

    worlds: list[World]
    losses: list[Any]
    nets: tuple[Translation, ...]
    optimizers: tuple[_SpySGD, _SpySGD]
    pools: tuple[_SpyPool, _SpyPool]


SHIFT_A, SHIFT_B = 0.4, -0.3


def _stepped(answer: Callable, case: Case, steps: int = 1) -> _Stepped:
    w = tr.world(case, same_size=True)
    nets = w.nets()
    optimizers = _SpySGD(list(nets[:2]), G_RATE), _SpySGD(list(nets[2:]), D_RATE)
    pools = _SpyPool(SHIFT_A), _SpyPool(SHIFT_B)
    worlds, losses = [w], []
    for _ in range(steps):
        with kept(w.a, w.b):
            losses.append(call(_given_step(answer), *nets, *optimizers, *pools, w.a, w.b))
        pairs = [net.pair for net in nets]
        if not all(v == v and abs(v) < 1e6 for pair in pairs for v in pair):
            raise Wrong("the weights are no numbers any more after one step")
        worlds.append(World(w.a, w.b, *pairs))
    return _Stepped(worlds, losses, nets, optimizers, pools)


def _given_step(answer: Callable) -> Callable:
    return with_given(
        answer,
        generator_loss=cyclegan_generator_loss,
        discriminator_loss=least_squares_discriminator_loss,
        adversarial_loss=least_squares_generator_loss,
        cycle_loss=true_cycle_loss,
        identity_loss=true_identity_loss,
    )


def _moves(before: World, after: World, name: str, rate: float) -> Pair:
    """The gradient that a network followed."""
    old, new = getattr(before, name), getattr(after, name)
    return (old[0] - new[0]) / rate, (old[1] - new[1]) / rate


def _total_of(w: World) -> float:
    return sum(tr.adversarial(w)) + 10 * sum(tr.cycle(w)) + 5 * sum(tr.identity(w))


def _with_judges(w: World, other: World) -> World:
    return replace(w, d_a=other.d_a, d_b=other.d_b)


def _with_translations(w: World, other: World) -> World:
    return replace(w, ab=other.ab, ba=other.ba)


@repaired_step.aspect("returns", gate=True)
def step_returns(answer: Callable, case: Case) -> str:
    losses = _stepped(answer, case).losses[0]
    if losses is None:
        raise Wrong("you gave None", "the step returns the judges' loss and the translations' loss")
    if not isinstance(losses, tuple | list) or len(losses) != 2:
        raise Wrong(
            f"you gave a {type(losses).__name__}, wanted the two losses", "return d_loss.detach(), g_loss.detach()"
        )
    for loss in losses:
        _number(loss)
        if isinstance(loss, Tensor) and loss.requires_grad:
            raise Wrong("a returned loss has a graph", "return loss.detach(): kept losses keep every step's memory")
    return "two losses without a graph"


def _number(loss: Any) -> float:
    """A returned loss, of which nothing learns any more: a float will do. Raises Wrong for what is no number."""
    return float(loss) if isinstance(loss, float) else as_scalar(loss)


@repaired_step.aspect("judges", share=0.4)
def step_judges(answer: Callable, case: Case) -> str:
    """D_A learns real A against what G_BA made of B, D_B the other way round, both through their pools."""
    stepped = _stepped(answer, case)
    before, after = stepped.worlds
    _examine_counts(stepped, 1, "judges", 1)
    found = [_compare_judges(start, before, after) for start in (before, _with_translations(before, after))]
    wrongs = [wrong for wrong in found if wrong is not None]
    if len(wrongs) == 2:
        raise next((w for w in wrongs if w.likely), wrongs[0])
    _examine_pools(stepped, before, after)
    return "each judge learns its own domain, from its own pool"


def _pooled(w: World) -> tuple[Tensor, Tensor]:
    """What the pools hand out for the fakes of A and of B."""
    return w.ba[0] * w.b + w.ba[1] + SHIFT_A, w.ab[0] * w.a + w.ab[1] + SHIFT_B


def _compare_judges(start: World, before: World, after: World) -> Wrong | None:
    """The first judge that followed a wrong gradient, if the fakes were made in `start`."""
    out_a, out_b = _pooled(start)
    fakes = {"d_a": out_a, "d_b": out_b}
    raw = {"d_a": out_a - SHIFT_A, "d_b": out_b - SHIFT_B}
    real = {"d_a": before.a, "d_b": before.b}
    for name, other in (("d_a", "d_b"), ("d_b", "d_a")):
        own = out_a if name == "d_a" else out_b
        followed = _moves(before, after, name, D_RATE)

        def loss(reals: Tensor, fake: Tensor, net: str = name) -> Callable[[World], float]:
            return lambda m: (
                tr.squares(tr.logits(getattr(m, net), reals), 1) + tr.squares(tr.logits(getattr(m, net), fake), 0)
            )

        crossed_shift = {"d_a": SHIFT_B, "d_b": SHIFT_A}[name]
        truth = tr.slope(loss(real[name], own), before, name)
        if _same(followed, truth):
            continue
        label, domain = ("D_A", "A") if name == "d_a" else ("D_B", "B")
        foreign = "B" if domain == "A" else "A"
        known = {
            f"{label} is fed fakes of domain {foreign}: they must be fakes of {domain}": loss(real[name], fakes[other]),
            f"{label} is fed fakes of domain {foreign}, through the pool of {domain}": loss(
                real[name], raw[other] + {"d_a": SHIFT_A, "d_b": SHIFT_B}[name]
            ),
            f"{label} is fed fakes of domain {foreign}, without a pool": loss(real[name], raw[other]),
            f"{label} is fed the right fakes, through the other judge's pool": loss(
                real[name], raw[name] + crossed_shift
            ),
            f"{label} is fed real images of domain {foreign}": loss(real[other], own),
            f"{label} is fed domain {foreign}, real and fake": loss(real[other], fakes[other]),
            f"{label} never sees the pool: its fakes come straight from the translation": loss(real[name], raw[name]),
            f"{label}'s labels are swapped: real is 1": lambda m, r=real[name], f=own, n=name: (
                tr.squares(tr.logits(getattr(m, n), r), 0) + tr.squares(tr.logits(getattr(m, n), f), 1)
            ),
            f"{label} goes uphill": lambda m, r=real[name], f=own, n=name: -loss(r, f, n)(m),
            f"{label}'s loss was halved: the two means are added": lambda m, r=real[name], f=own, n=name: (
                loss(r, f, n)(m) / 2
            ),
            f"{label} did not learn": lambda m: 0.0,
        }  # fmt: skip
        leaked = _leaks(before, after, name)
        for words, wrong in known.items():
            if _same(followed, tr.slope(wrong, before, name)):
                return Wrong(_judge_seen(label, followed, truth), words)
        for extra in leaked:
            if _same(followed, (truth[0] + extra[0], truth[1] + extra[1])):
                words = f"the translations' loss is still in {label}'s gradient: clear it before the judges' backward"
                return Wrong(_judge_seen(label, followed, truth), words)
        return Wrong(_judge_seen(label, followed, truth))
    return None


def _judge_seen(label: str, followed: Pair, truth: Pair) -> str:
    i = 0 if not near(followed[0], truth[0], 2e-3) else 1
    return f"{label} followed the gradient {followed[i]:.4f}, wanted {truth[i]:.4f}"


def _leaks(before: World, after: World, name: str) -> list[Pair]:
    """What the translations' loss would leave in a judge."""
    return [tr.slope(_total_of, w, name) for w in (before, _with_judges(before, after))]


def _examine_counts(stepped: _Stepped, which: int, who: str, wanted: int) -> None:
    name = ("g_optimizer", "d_optimizer")[which]
    if stepped.optimizers[which].count == 0:
        raise Wrong(f"the {who} took no step", f"{name}.step() is missing: each side has an optimiser of its own")
    if stepped.optimizers[which].count > wanted:
        raise Wrong(f"the {who} took {stepped.optimizers[which].count} steps", f"one turn each: {name}.step() once")


def _examine_pools(stepped: _Stepped, before: World, after: World) -> None:
    """Each pool got the fakes of its own domain, once, without a graph."""
    for i, (label, pool) in enumerate(zip(("pool_a", "pool_b"), stepped.pools, strict=True)):
        if not pool.seen:
            raise Wrong(f"{label} was never asked", "the judges learn from what their pools hand out")
        if len(pool.seen) > 1:
            raise Wrong(
                f"{label} was asked {len(pool.seen)} times in one step", "once a step: each query changes the pool"
            )
        own = [_pooled(w)[i] - (SHIFT_A, SHIFT_B)[i] for w in (before, _with_translations(before, after))]
        if not any(torch.allclose(pool.seen[0], fake, atol=1e-3) for fake in own):
            raise Wrong(f"{label} was given other images than the fakes of its domain")


@repaired_step.aspect("translations", share=0.3)
def step_translations(answer: Callable, case: Case) -> str:
    """Both follow the whole loss, asking the judges before or after their turn."""
    stepped = _stepped(answer, case)
    before, after = stepped.worlds
    _examine_counts(stepped, 0, "translations", 1)
    starts = before, _with_judges(before, after)
    for name, label in NETS.items():
        followed = _moves(before, after, name, G_RATE)
        truths = [tr.slope(_total_of, start, name) for start in starts]
        if any(_same(followed, truth) for truth in truths):
            continue
        known = _translation_mistakes(before)
        found = [
            words for words, wrong in known.items() for start in starts if _same(followed, tr.slope(wrong, start, name))
        ]
        d_loss = [
            _sum(truth, tr.slope(lambda m: sum(tr.judges(m, *_shifted_fakes(m))), start, name))
            for truth in truths
            for start in starts
        ]
        if any(_same(followed, pair) for pair in d_loss):
            found = ["the judges' loss reached it: make their fakes without a graph"]
        i = 0 if not near(followed[0], truths[0][0], 2e-3) else 1
        seen = f"{label} followed the gradient {followed[i]:.4f}, wanted {truths[0][i]:.4f}"
        raise Wrong(seen, found[0] if found else None)
    return "both follow the whole loss"


def _shifted_fakes(w: World) -> tuple[Tensor, Tensor]:
    return _pooled(w)


def _sum(x: Pair, y: Pair) -> Pair:
    return x[0] + y[0], x[1] + y[1]


def _translation_mistakes(w: World) -> dict[str, Callable[[World], float]]:
    def still(m: World) -> float:
        fake_b, fake_a = tr.moved(w.ab, tr.pixels(w.a)), tr.moved(w.ba, tr.pixels(w.b))
        back = tr.distance(tr.moved(m.ba, fake_b), tr.pixels(w.a)) + tr.distance(tr.moved(m.ab, fake_a), tr.pixels(w.b))
        return sum(tr.adversarial(m)) + 10 * back + 5 * sum(tr.identity(m))

    def wrong_identity(m: World) -> float:
        a, b = tr.pixels(w.a), tr.pixels(w.b)
        wrong = tr.distance(tr.moved(m.ab, a), a) + tr.distance(tr.moved(m.ba, b), b)
        return sum(tr.adversarial(m)) + 10 * sum(tr.cycle(m)) + 5 * wrong

    return {
        "its fake was detached in the cycle": still,
        "identity through the wrong generator": wrong_identity,
        "lambda was applied twice: to the cycle": lambda m: _total_of(m) + 90 * sum(tr.cycle(m)),
        "lambda was applied twice: to the identity": lambda m: _total_of(m) + 45 * sum(tr.identity(m)),
        "it did not learn": lambda m: 0.0,
        "it goes uphill": lambda m: -_total_of(m),
        "its own judge is missing": lambda m: _total_of(m) - sum(tr.adversarial(m)),
        "the cycle is missing": lambda m: _total_of(m) - 10 * sum(tr.cycle(m)),
        "the identity is missing": lambda m: _total_of(m) - 5 * sum(tr.identity(m)),
        "the judges' loss moved it": lambda m: sum(tr.judges(m, *_pooled(m))),
    }


@repaired_step.aspect("next step", share=0.3)
def step_second(answer: Callable, case: Case) -> str:
    """Nothing is left over from the first step, and the losses are what both sides paid."""
    stepped = _stepped(answer, case, steps=2)
    if not all(p.requires_grad for net in stepped.nets for p in net.parameters()):
        raise Wrong("a network is left frozen after the step", "set requires_grad back after the turn")
    if not all(all(net.modes) and net.training for net in stepped.nets):
        raise Wrong("a network was put into eval mode", "training needs train mode")
    _, second, third = stepped.worlds
    for name, rate, label in (("d_a", D_RATE, "D_A"), ("d_b", D_RATE, "D_B")):
        _examine_second(stepped, name, rate, label)
    for name, label in NETS.items():
        _examine_second(stepped, name, G_RATE, label)
    return _examine_losses(stepped.losses[1], second, third)


def _right_gradients(before: World, after: World, name: str) -> list[Pair]:
    """All gradients that a right step may follow: the other side asked before or after its turn."""
    if name in NETS:
        return [tr.slope(_total_of, w, name) for w in (before, _with_judges(before, after))]
    found = []
    for start in (before, _with_translations(before, after)):
        out_a, out_b = _pooled(start)
        found.append(tr.slope(lambda m, a=out_a, b=out_b: sum(tr.judges(m, a, b)), before, name))
    return found


def _examine_second(stepped: _Stepped, name: str, rate: float, label: str) -> None:
    first, second, third = stepped.worlds
    followed = _moves(second, third, name, rate)
    right = _right_gradients(second, third, name)
    if any(_same(followed, pair) for pair in right):
        return
    earlier = _right_gradients(first, second, name)
    own = "d_optimizer" if name.startswith("d") else "g_optimizer"
    if any(_same(followed, _sum(pair, old)) for pair in right for old in earlier):
        raise Wrong(
            f"{label} followed its last step's gradient too", f"{own}.zero_grad() is missing before the backward"
        )
    if name.startswith("d"):
        left = [extra for w in ((first, second), (second, third)) for extra in _leaks(*w, name)]
        if any(_same(followed, _sum(pair, extra)) for pair in right for extra in left):
            words = "the translations' backward left a gradient in the judges: clear it before the judges' backward"
            raise Wrong(f"{label} followed the translations' wish too", words)
    i = 0 if not near(followed[0], right[0][0], 2e-3) else 1
    raise Wrong(f"in the second step {label} followed the gradient {followed[i]:.4f}, wanted {right[0][i]:.4f}")


def _examine_losses(losses: Any, before: World, after: World) -> str:
    given = _number(losses[0]), _number(losses[1])
    d_right = [sum(tr.judges(before, *_pooled(w))) for w in (before, _with_translations(before, after))]
    g_right = [_total_of(w) for w in (before, _with_judges(before, after))]
    for name, value, right, other in (
        ("judges'", given[0], d_right, g_right),
        ("translations'", given[1], g_right, d_right),
    ):
        if not any(near(value, r, 2e-3) for r in right):
            swapped = any(near(value, r, 2e-3) for r in other)
            likely = "the two losses are returned in the wrong order: the judges' comes first" if swapped else None
            raise Wrong(f"you gave {value:.4f} as the {name} loss, wanted {right[0]:.4f}", likely)
    return "nothing is left over from the first step"
