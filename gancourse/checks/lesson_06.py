"""Lesson 06, progressive growing: what must hold of each answer, and what each known wrong value means."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.checks.core import Case, Exercise, Wrong, call, kept, near, needs, with_given
from gancourse.nets import ProgressiveDiscriminator, ProgressiveGenerator
from gancourse.nets import fade_in as course_fade_in


def _tensor(given: Any, shape: tuple[int, ...], about: str = "") -> Tensor:
    """The answer, if it is a float tensor of this shape."""
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if not isinstance(given, Tensor) or type(given) not in (Tensor, nn.Parameter):
        raise Wrong(f"you gave a {type(given).__name__}, wanted a torch tensor")
    if tuple(given.shape) != shape:
        raise Wrong(f"you gave shape {tuple(given.shape)}, wanted {shape} {about}".rstrip())
    if not given.is_floating_point():
        raise Wrong(f"you gave dtype {given.dtype}, wanted a float")
    return given


def _same(a: Tensor, b: Tensor, tolerance: float = 1e-4) -> bool:
    return a.shape == b.shape and torch.allclose(a.detach().double(), b.double(), rtol=tolerance, atol=tolerance)


def _compare(given: Tensor, truth: Tensor, known: dict[str, Tensor], about: str) -> str:
    """Compare whole tensors; the message shows the first number that differs and the mistake that explains them all."""
    if _same(given, truth):
        return f"{truth.flatten()[0].item():.4f}, the first number {about}"
    likely = next((name for name, value in known.items() if _same(given, value)), None)
    wrong = ((given.detach().double() - truth.double()).abs() > 1e-4 * (1 + truth.double().abs())) | ~given.isfinite()
    at = tuple(int(i) for i in wrong.nonzero()[0])
    raise Wrong(f"you gave {given[at].item():.4f}, wanted {truth[at].item():.4f} at {list(at)} {about}", likely)


def _random(case: Case, *shape: int, seed: int = 0) -> Tensor:
    """Unequal numbers that are the same in every visible check, and others in the hidden one."""
    generator = torch.Generator().manual_seed(seed + case.size(1, 100, 10_000))
    return torch.randn(*shape, generator=generator)


# 6.1 fade_in

fade_in = Exercise("06.fade_in", points=2, read='"Fading in", above')


def _blocks(old: Tensor, factor: int) -> Tensor:
    """Each pixel repeated into a block of factor x factor."""
    return old.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)


def _old_and_new(case: Case, factor: int = 2) -> tuple[Tensor, Tensor]:
    n, c, h, w = case.size(2, 2, 4), case.size(3, 2, 5), case.size(2, 2, 4), case.size(3, 5, 6)
    return _random(case, n, c, h, w), _random(case, n, c, factor * h, factor * w, seed=1)


@fade_in.aspect("shape", gate=True)
def fade_shape(answer: Callable, case: Case) -> str:
    old, new = _old_and_new(case)
    given = call(answer, old, new, 0.25)
    if isinstance(given, Tensor) and given.shape == old.shape:
        raise Wrong(f"you gave {tuple(given.shape)}, wanted {tuple(new.shape)}", "the new picture was shrunk")
    _tensor(given, tuple(new.shape), "the shape of `new`")
    return f"{tuple(new.shape)} from {tuple(old.shape)} and {tuple(new.shape)}"


@fade_in.aspect("value", share=0.4)
def fade_value(answer: Callable, case: Case) -> str:
    old, new = _old_and_new(case)
    alpha = case.number(0.25, 0.1, 0.4)
    with kept(old, new) as (a, b):
        given = _tensor(call(answer, a, b, alpha), tuple(new.shape))
    large, size = _blocks(old, 2), new.shape[2:]
    smooth = F.interpolate(old, size=size, mode="bilinear")
    corners = F.interpolate(old, size=size, mode="bilinear", align_corners=True)
    tiled = old.repeat(1, 1, 2, 2)
    swapped = "alpha is reversed: at alpha = 0 the picture is the OLD one"
    smoothed = "the old picture was smoothed when it was enlarged: repeat each pixel (nearest)"
    known = {
        swapped: alpha * large + (1 - alpha) * new,
        smoothed: (1 - alpha) * smooth + alpha * new,
        f"{smoothed}, corners aligned": (1 - alpha) * corners + alpha * new,
        f"{smoothed}, bicubic": (1 - alpha) * F.interpolate(old, size=size, mode="bicubic") + alpha * new,
        f"{swapped}; and {smoothed}": alpha * smooth + (1 - alpha) * new,
        "the old picture was laid out four times side by side: repeat each pixel, not the picture": (1 - alpha) * tiled
        + alpha * new,
        "alpha was not used: this is the new picture": new,
        "alpha was not used: this is the old picture": large,
        "the old picture is not faded out: it counts 1 - alpha": large + alpha * new,
        "the new picture is not faded in: it counts alpha": (1 - alpha) * large + new,
        "the mean of both, whatever alpha is": (large + new) / 2,
        "the two are only added": large + new,
    }
    return _compare(given, (1 - alpha) * large + alpha * new, known, f"for alpha = {alpha:g}")


@fade_in.aspect("both ends", share=0.25)
def fade_ends(answer: Callable, case: Case) -> str:
    old, new = _old_and_new(case)
    at_0 = _tensor(call(answer, old, new, 0.0), tuple(new.shape))
    if _same(at_0, new):
        needs(fade_value, answer, case)
        raise Wrong("at alpha = 0 the picture is the new one", "in `if alpha` and in `alpha or ...`, 0 counts as False")
    if not torch.equal(at_0.detach(), _blocks(old, 2)):
        likely = "at alpha = 0 not one bit may change: repeat the pixels"
        if _same(at_0, _blocks(old, 2)):
            likely = "rounding, and at alpha = 0 not one bit may change: write (1 - alpha) * old + alpha * new"
        raise Wrong("at alpha = 0 the picture is not the old one", likely)
    at_1 = _tensor(call(answer, old, new, 1.0), tuple(new.shape))
    if not _same(at_1, new, 1e-5):
        raise Wrong("at alpha = 1 the picture is not the new one")
    return "the old picture exactly at alpha = 0, the new one at 1"


@fade_in.aspect("sizes", share=0.2)
def fade_sizes(answer: Callable, case: Case) -> str:
    needs(fade_value, answer, case)
    for factor in (1, 4):
        old, new = _old_and_new(case, factor)
        truth = 0.5 * _blocks(old, factor) + 0.5 * new
        with kept(old, new) as (a, b):
            given = _tensor(call(answer, a, b, alpha=0.5), tuple(new.shape), f"where `new` is {factor} times as large")
        likely = "enlarge to the size of `new`, whatever the factor is"
        _compare(given, truth, {likely: given.detach()}, f"where `new` is {factor} times as large")
    one_old, one_new = _random(case, 1, 1, 1, 2), _random(case, 1, 1, 2, 4, seed=1).double()
    given = _tensor(call(answer, one_old.double(), one_new, 0.5), (1, 1, 2, 4))
    _compare(given, 0.5 * _blocks(one_old.double(), 2) + 0.5 * one_new, {}, "for one picture in float64")
    return "the same size, twice and four times as large"


@fade_in.aspect("gradient", share=0.15)
def fade_gradient(answer: Callable, case: Case) -> str:
    """Old and new layers learn at the same time, each as much as it counts."""
    old, new = (t.requires_grad_() for t in _old_and_new(case))
    alpha = case.number(0.25, 0.1, 0.4)
    given = _tensor(call(answer, old, new, alpha), tuple(new.shape))
    grads = _gradients(given.sum(), old, new)
    for name, grad, wanted in zip(("old", "new"), grads, (4 * (1 - alpha), alpha), strict=True):
        if grad is None:
            raise Wrong(
                f"no gradient reaches `{name}`", "both halves learn while a layer fades in: nothing is detached"
            )
        if not _same(grad, torch.full_like(grad, wanted)):
            raise Wrong(f"the gradient of `{name}` is {grad.flatten()[0]:.4f}, wanted {wanted:.4f}")
    return "old and new learn, each as much as it counts"


def _gradients(loss: Tensor, *inputs: Tensor) -> tuple[Tensor | None, ...]:
    if not loss.requires_grad:
        raise Wrong(
            "the result has no graph", "something was detached, or turned into a number: nobody can learn from it"
        )
    return torch.autograd.grad(loss, inputs, allow_unused=True)


# 6.2 pixel_norm

pixel_norm = Exercise("06.pixel_norm", points=1, read='"A length for every pixel", above')


def _maps(case: Case) -> Tensor:
    return 2 * _random(case, case.size(2, 3, 4), case.size(3, 4, 6), case.size(2, 2, 3), case.size(4, 5, 6)) + 0.5


@pixel_norm.aspect("shape", gate=True)
def norm_shape(answer: Callable, case: Case) -> str:
    x = _maps(case)
    _tensor(call(answer, x), tuple(x.shape), "the shape it had")
    return f"{tuple(x.shape)}, as it was"


@pixel_norm.aspect("value", share=0.5)
def norm_value(answer: Callable, case: Case) -> str:
    x = _maps(case)
    with kept(x) as (lent,):
        given = _tensor(call(answer, lent), tuple(x.shape))

    def over(*axes: int) -> Tensor:
        return x / x.pow(2).mean(axes, keepdim=True).sqrt()

    centred = x - x.mean(1, keepdim=True)
    known = {
        "over the batch: each picture would depend on the others. The channels are axis 1": over(0),
        "over the places of a channel: that is nearer to instance norm. The channels are axis 1": over(2, 3),
        "over the whole picture: each pixel has a length of its own": over(1, 2, 3),
        "over everything": over(0, 1, 2, 3),
        "over the width only: the channels are axis 1": over(3),
        "over the height only: the channels are axis 1": over(2),
        "the sum of the squares, not their mean: this makes the length 1": x / x.pow(2).sum(1, keepdim=True).sqrt(),
        "the root is missing: divide by the root of the mean square": x / x.pow(2).mean(1, keepdim=True),
        "multiplied by the root instead of divided": x * x.pow(2).mean(1, keepdim=True).sqrt(),
        "divided by the standard deviation: nothing is centred here, it is the mean square": x
        / x.var(1, correction=0, keepdim=True).sqrt(),
        "divided by the standard deviation (of n - 1): it is the mean square": x / x.std(1, keepdim=True),
        "centred and divided by the standard deviation: that is a layer norm over the channels": centred
        / x.var(1, correction=0, keepdim=True).sqrt(),
        "divided by the mean of the absolute values: it is the root of the mean square": x
        / x.abs().mean(1, keepdim=True),
        "divided by the mean: it is the root of the mean square": x / x.mean(1, keepdim=True),
        "divided by the largest": x / x.abs().amax(1, keepdim=True),
        "nothing was changed": x,
    }
    return _compare(given, over(1), known, f"for {x.shape[1]} channels")


@pixel_norm.aspect("noise", share=0.15)
def norm_vectors(answer: Callable, case: Case) -> str:
    needs(norm_value, answer, case)
    for shape in ((case.size(3, 2, 5), case.size(4, 5, 8)), (1, 3, 2)):
        z = 3 * _random(case, *shape)
        given = _tensor(call(answer, z), shape)
        likely = "the axes were counted from the end, or four of them were taken for granted: only axis 1 is sure"
        _compare(given, z / z.pow(2).mean(1, keepdim=True).sqrt(), {likely: given.detach()}, f"for shape {shape}")
    return "vectors (N, C) too"


@pixel_norm.aspect("dark pixel", share=0.15)
def norm_of_zero(answer: Callable, case: Case) -> str:
    dim = 3e-3 * _maps(case)
    given = _tensor(call(answer, dim), tuple(dim.shape))
    if not _same(given, dim / dim.pow(2).mean(1, keepdim=True).sqrt(), 5e-3):
        raise Wrong("dark pixels, of size 0.003, are not brought to length 1", "the small constant is 1e-8, no more")
    x = _maps(case)
    x[0, :, 0, 0] = 0
    x.requires_grad_()
    given = _tensor(call(answer, x), tuple(x.shape))
    if not given.isfinite().all() or given[0, :, 0, 0].abs().max() > 1e-3:
        raise Wrong(f"where all channels are 0 you gave {given[0, 0, 0, 0].item():g}, wanted 0", "the small constant")
    (grad,) = _gradients((given * given.detach()).sum(), x)
    if grad is None or not grad.isfinite().all():
        raise Wrong("where all channels are 0 the gradient is no number", "add the small constant inside the root")
    return "0 stays 0"


@pixel_norm.aspect("gradient", share=0.2)
def norm_gradient(answer: Callable, case: Case) -> str:
    """The result does not depend on a pixel's length, so the gradient has no part along the pixel."""
    needs(norm_value, answer, case)
    x = _maps(case).requires_grad_()
    weights = _random(case, *x.shape, seed=2)
    given = _tensor(call(answer, x), tuple(x.shape))
    (grad,) = _gradients((weights * given).sum(), x)
    if grad is None or (grad * x).sum(1).abs().max() > 1e-3:
        raise Wrong("the gradient has a part along the pixel's own vector", "the length was detached from the graph")
    return "at right angles to each pixel"


# 6.3 EqualizedConv2d

equalized_conv = Exercise("06.EqualizedConv2d", points=3, read='"The same step for every layer", above')


def _layer(answer: Callable, inputs: int, outputs: int, kernel: int, *rest: int, **named: int) -> nn.Module:
    layer = call(answer, inputs, outputs, kernel, *rest, **named)
    if layer is None:
        raise Wrong("you gave None", "a class is wanted")
    if not isinstance(layer, nn.Module):
        raise Wrong(f"you gave a {type(layer).__name__}, wanted a torch.nn.Module")
    return layer


def _weight_and_bias(layer: nn.Module, shape: tuple[int, int, int, int]) -> tuple[nn.Parameter, nn.Parameter]:
    """The two parameters. Raises Wrong that says what is missing or too much."""
    parameters = list(layer.named_parameters())
    if not parameters:
        raise Wrong("the layer has no parameters", "wrap both in torch.nn.Parameter, and call super().__init__() first")
    found = {tuple(p.shape): p for _, p in parameters}
    if shape not in found:
        seen = ", ".join(f"{name} {tuple(p.shape)}" for name, p in parameters)
        outputs, inputs, *kernel = shape
        swapped = (inputs, outputs, *kernel) in found and inputs != outputs
        raise Wrong(
            f"no parameter of shape {shape}, but {seen}", "outputs come first, then inputs" if swapped else None
        )
    if (shape[0],) not in found:
        raise Wrong(f"no parameter of shape {(shape[0],)}", "the bias is missing: one number for each output")
    if len(parameters) > 2:
        names = [name for name, p in parameters if tuple(p.shape) not in (shape, (shape[0],))]
        raise Wrong(
            f"{len(parameters)} parameters, wanted weight and bias",
            f"{', '.join(names) or 'one of them'} would be learned: the scale is a plain number",
        )
    if not all(p.requires_grad for _, p in parameters):
        raise Wrong("a parameter does not require gradients", "both weight and bias are learned")
    return found[shape], found[(shape[0],)]


@equalized_conv.aspect("parameters", gate=True)
def conv_parameters(answer: Callable, case: Case) -> str:
    inputs, outputs, kernel = case.size(3, 2, 4), case.size(5, 6, 8), case.size(2, 2, 3)
    shape = (outputs, inputs, kernel, kernel)
    _weight_and_bias(_layer(answer, inputs, outputs, kernel), shape)
    return f"weight {shape}, bias {(outputs,)}"


@equalized_conv.aspect("start", share=0.2)
def conv_start(answer: Callable, case: Case) -> str:
    inputs, outputs, kernel = case.size(24, 20, 30), case.size(40, 41, 50), 3
    layers = [_layer(answer, inputs, outputs, kernel) for _ in range(2)]
    (weight, bias), (other, _) = (_weight_and_bias(layer, (outputs, inputs, kernel, kernel)) for layer in layers)
    fan_in = inputs * kernel**2
    mean, std = weight.mean().item(), weight.std().item()
    seen = f"weights with mean {mean:.3f} and standard deviation {std:.3f}, wanted 0 and 1"
    if near(std, math.sqrt(2 / fan_in), 0.05 * math.sqrt(2 / fan_in)):
        raise Wrong(
            seen, "the scale was applied when the weights were drawn: that is He's initialisation, Adam sees no 1"
        )
    if abs(std - 1) > 0.05 or abs(mean) > 0.05:
        raise Wrong(seen, "draw the weights with torch.randn")
    fourth = ((weight - mean) / std).pow(4).mean().item()
    if abs(fourth - 3) > 0.5:
        raise Wrong(f"{seen}, but not from a normal distribution", "torch.randn, not torch.rand")
    if torch.equal(weight, other):
        raise Wrong("two layers start with the same weights", "a seed inside: all layers would be alike")
    if bias.abs().max() > 0:
        raise Wrong(f"the bias starts at {bias.flatten()[0].item():.3f}, wanted 0")
    return "weights from N(0, 1), bias 0"


def _known_layer(answer: Callable, case: Case, stride: int = 1, padding: int = 0, named: bool = False) -> tuple:
    """A layer with known weights, an input, the plain convolution without bias, and the bias as (1, outputs, 1, 1)."""
    inputs, outputs, kernel = case.size(3, 2, 4), case.size(5, 6, 8), case.size(2, 3, 4)
    options = {"stride": stride, "padding": padding}
    layer = _layer(answer, inputs, outputs, kernel, *([] if named else options.values()), **(options if named else {}))
    weight, bias = _weight_and_bias(layer, (outputs, inputs, kernel, kernel))
    with torch.no_grad():
        weight.copy_(_random(case, *weight.shape, seed=3))
        bias.copy_(_random(case, outputs, seed=4) + 2)
    x = _random(case, case.size(2, 1, 3), inputs, 6, 7, seed=5)
    plain = F.conv2d(x.double(), weight.detach().double(), None, stride, padding)
    return layer, weight, bias, x, plain, bias.detach().double().view(1, -1, 1, 1)


@equalized_conv.aspect("value", share=0.4)
def conv_value(answer: Callable, case: Case) -> str:
    layer, weight, _, x, plain, shift = _known_layer(answer, case)
    outputs, inputs, kernel, _ = weight.shape
    with kept(x) as (lent,):
        given = _tensor(call(layer, lent), tuple(plain.shape))
    scale = math.sqrt(2 / (inputs * kernel**2))
    forgotten = "the scale is forgotten in forward: it belongs there, at every pass"
    factors = {
        forgotten: 1.0,
        "the area of the kernel is missing in the fan-in: inputs * kernel * kernel": math.sqrt(2 / inputs),
        "the kernel counts only once in the fan-in: it has kernel * kernel places": math.sqrt(2 / (inputs * kernel)),
        "fan-out, not fan-in: count the inputs": math.sqrt(2 / (outputs * kernel**2)),
        "the 2 is missing: a rectifier lets half of the signal through": math.sqrt(1 / (inputs * kernel**2)),
        "the root is missing": 2 / (inputs * kernel**2),
        "upside down: divided by the scale": 1 / scale,
        "the scale was applied twice": scale**2,
        "the inputs are missing in the fan-in: inputs * kernel * kernel": math.sqrt(2 / kernel**2),
        "the bias was counted into the fan-in": math.sqrt(2 / (inputs * kernel**2 + 1)),
        "the fan-in is not the number of all weights: one output is made from inputs * kernel * kernel": math.sqrt(
            2 / (outputs * inputs * kernel**2)
        ),
        "the mean of fan-in and fan-out (Xavier): take the fan-in": math.sqrt(2 / ((inputs + outputs) * kernel**2)),
    }
    known = {name: factor * plain + shift for name, factor in factors.items()}
    known |= {
        "the bias was scaled too: only the weight is": scale * (plain + shift),
        "the bias is missing": scale * plain,
        "neither scale nor bias": plain,
    }
    return _compare(given, scale * plain + shift, known, f"for {inputs} inputs and kernel {kernel}")


@equalized_conv.aspect("learns", share=0.25)
def conv_learns(answer: Callable, case: Case) -> str:
    layer, weight, bias, x, plain, _ = _known_layer(answer, case)
    start = weight.detach().clone()
    first = _tensor(call(layer, x), tuple(plain.shape))
    second = _tensor(call(layer, x), tuple(plain.shape))
    if not torch.equal(weight.detach(), start):
        raise Wrong(
            "forward changes the stored weight",
            "scale a product, not the weight itself: it would shrink with each call",
        )
    if not _same(first, second.detach()):
        raise Wrong("two passes over the same input differ")
    grads = _gradients(first.sum(), weight, bias)
    scale = math.sqrt(2 / weight[0].numel())
    (plain_grad,) = torch.autograd.grad(F.conv2d(x, (probe := weight.detach().clone().requires_grad_())).sum(), probe)
    if grads[0] is None or grads[1] is None:
        name = "weight" if grads[0] is None else "bias"
        raise Wrong(f"no gradient reaches the {name}", "it was detached, or .data was used")
    _compare(grads[0], scale * plain_grad, {"the gradient misses the scale": plain_grad}, "of the weight's gradient")
    _compare(grads[1], torch.full_like(bias, plain[:, 0].numel()), {}, "of the bias's gradient")
    return "weight and bias get their gradients"


@equalized_conv.aspect("stride", share=0.15)
def conv_stride(answer: Callable, case: Case) -> str:
    for named in (False, True):
        layer, weight, _, x, plain, shift = _known_layer(answer, case, stride=2, padding=1, named=named)
        scale = math.sqrt(2 / weight[0].numel())
        given = call(layer, x)
        if isinstance(given, Tensor) and given.shape != plain.shape:
            likely = "stride and padding must reach conv2d, in this order"
            raise Wrong(
                f"you gave {tuple(given.shape)}, wanted {tuple(plain.shape)} for stride 2 and padding 1", likely
            )
        _compare(_tensor(given, tuple(plain.shape)), scale * plain + shift, {}, "for stride 2 and padding 1")
    return "stride 2 and padding 1 halve the picture"


# 6.4 minibatch_stddev

minibatch_stddev = Exercise("06.minibatch_stddev", points=2, read='"How much does a batch vary?", above')


def _batch(case: Case) -> Tensor:
    """Maps whose spread differs from feature to feature, and whose mean over the batch is not 0."""
    n, c, h, w = case.size(3, 4, 6), case.size(2, 3, 4), case.size(2, 2, 3), case.size(4, 5, 6)
    return _random(case, n, c, h, w) * (1 + torch.arange(c).view(1, c, 1, 1)) + _random(case, 1, c, h, w, seed=6)


@minibatch_stddev.aspect("shape", gate=True)
def spread_shape(answer: Callable, case: Case) -> str:
    x = _batch(case)
    n, c, h, w = x.shape
    given = call(answer, x)
    if isinstance(given, Tensor) and given.shape == (n, 2 * c, h, w):
        raise Wrong(
            f"you gave {tuple(given.shape)}, wanted {(n, c + 1, h, w)}", "one channel for all, not one for each"
        )
    if isinstance(given, Tensor) and given.ndim == 0:
        raise Wrong("you gave a scalar", "append it to x as a channel: (N, 1, H, W), then torch.cat")
    given = _tensor(given, (n, c + 1, h, w), "one channel more")
    if _same(given[:, 1:], x):
        raise Wrong("the new channel comes first", "append it as the last one")
    if not _same(given[:, :c], x):
        raise Wrong("the first channels are not x", "x stays as it is; the number is appended")
    return f"{(n, c + 1, h, w)} from {tuple(x.shape)}"


def _appended(answer: Callable, x: Tensor) -> Tensor:
    n, c, *rest = x.shape
    return _tensor(call(answer, x), (n, c + 1, *rest), "one channel more")[:, c:]


@minibatch_stddev.aspect("value", share=0.5)
def spread_value(answer: Callable, case: Case) -> str:
    x = _batch(case)
    with kept(x) as (lent,):
        given = _appended(answer, lent).detach()
    variance = x.var(0, correction=0)
    numbers = {
        "divided by N - 1: take the population's standard deviation (unbiased=False)": x.var(0).sqrt().mean(),
        "over the channels: the batch is axis 0": x.var(1, correction=0).sqrt().mean(),
        "over the channels, with N - 1: the batch is axis 0": x.std(1).mean(),
        "over the places: the batch is axis 0": x.var((2, 3), correction=0).sqrt().mean(),
        "over the places, with N - 1: the batch is axis 0": x.std((2, 3)).mean(),
        "over everything at once: first over the batch, for each feature by itself": x.var(correction=0).sqrt(),
        "over everything at once, with N - 1: first over the batch, for each feature by itself": x.std(),
        "over each picture: the batch is axis 0": x.var((1, 2, 3), correction=0).sqrt().mean(),
        "over batch and places together: each place of a channel is a feature of its own": x.var(
            (0, 2, 3), correction=0
        )
        .sqrt()
        .mean(),
        "over batch and places together, with N - 1: each place is a feature of its own": x.std((0, 2, 3)).mean(),
        "the root is missing: this is the mean variance": variance.mean(),
        "the root of the mean variance: take the root of each feature first, then the mean": variance.mean().sqrt(),
        "the sum over the features, not their mean": variance.sqrt().sum(),
        "the mean absolute deviation: square, mean, root": (x - x.mean(0)).abs().mean(),
        "the mean of x itself: it says nothing of how x varies": x.mean(),
    }
    truth = variance.sqrt().mean()
    known = {name: value.expand_as(given) for name, value in numbers.items()}
    known |= {
        "one number for each place: the mean is over channels and places": variance.sqrt().mean(0).expand_as(given),
        "a number of its own for each picture, over its channels and places: the batch is axis 0": x.var(
            (1, 2, 3), correction=0, keepdim=True
        )
        .sqrt()
        .expand_as(given),
        "one number for each picture: the batch is axis 0": x.std((1, 2, 3), keepdim=True).expand_as(given),
        "one number for each pixel, over its channels: the batch is axis 0": x.std(1, keepdim=True).expand_as(given),
    }
    seen = _compare(given, truth.expand_as(given), known, "in the appended channel")
    for n in (8, 16):
        _examine_one_group(answer, _random(case, n, 3, 2, 4, seed=n) * (1 + torch.arange(n).view(n, 1, 1, 1)))
    return seen


def _examine_one_group(answer: Callable, x: Tensor) -> None:
    """The statistic of StyleGAN splits a batch into groups; that of the lesson takes it whole."""
    n = len(x)
    given = _appended(answer, x).detach()
    known = {}
    for size in (2, 4, 8):
        strided, blocks = x.reshape(size, n // size, *x.shape[1:]), x.reshape(n // size, size, *x.shape[1:])
        apart = strided.var(0, correction=0).sqrt().mean((1, 2, 3)).repeat(size)
        neighbours = blocks.var(1, correction=0).sqrt().mean((1, 2, 3)).repeat_interleave(size)
        for group, spread in ((f"{size}", apart), (f"{size} neighbours", neighbours)):
            name = f"in groups of {group}, as in StyleGAN: here the whole batch is one group"
            known[name] = spread.view(n, 1, 1, 1).expand_as(given)
    truth = x.var(0, correction=0).sqrt().mean()
    _compare(given, truth.expand_as(given), known, f"for a batch of {n}")


@minibatch_stddev.aspect("no spread", share=0.25)
def spread_of_nothing(answer: Callable, case: Case) -> str:
    one = _batch(case)[:1]
    rounding = "rounding made a variance negative: subtract the mean first, then square"
    for x, about, likely in (
        (one, "a batch of one", "divide by N, not by N - 1"),
        (one.expand(7, -1, -1, -1), "equal pictures", rounding),  # a sum of seven is rounded, one of four is not
    ):
        x = x.clone().requires_grad_()
        given = _appended(answer, x)
        if not given.isfinite().all():
            raise Wrong(f"for {about} you gave {given.flatten()[0].item()}", likely)
        if given.abs().max() > 1e-3:
            needs(spread_value, answer, case)
            raise Wrong(f"for {about} you gave {given.flatten()[0].item():.4f}, wanted 0.0001", "the constant is 1e-8")
        (grad,) = _gradients(given.sum(), x)
        if grad is not None and not grad.isfinite().all():
            raise Wrong(f"for {about} the gradient is no number", "add 1e-8 to the variance before the root")
    return "0.0001 where nothing varies, with a finite gradient"


@minibatch_stddev.aspect("gradient", share=0.25)
def spread_gradient(answer: Callable, case: Case) -> str:
    """The generator must learn to vary, so the number needs a graph to the features."""
    x = _batch(case).double().requires_grad_()
    n, c, *rest = x.shape
    (grad,) = _gradients(_tensor(call(answer, x), (n, c + 1, *rest))[:, :c].sum(), x)
    if grad is None or not _same(grad, torch.ones_like(grad)):
        raise Wrong("of the maps themselves no gradient reaches x", "x stays as it is, with its graph")
    given = _appended(answer, x)
    (grad,) = _gradients(given.sum(), x)
    if grad is None:
        raise Wrong("no gradient reaches x", "the number was detached: a generator could not learn to vary")
    data = x.detach()
    centred, std = data - data.mean(0), data.var(0, correction=0).sqrt()
    copies = given.numel()
    cut = {"the number was detached: a generator could not learn to vary": torch.zeros_like(data)}
    _compare(grad, copies * centred / (len(data) * std * std.numel()), cut, "of the gradient")
    return "a generator can learn to vary"


# 6.5 ema_update

ema_update = Exercise("06.ema_update", points=3, read='"An average that follows", above')


def _pair(case: Case) -> tuple[nn.Module, nn.Module]:
    """An average and a model: nested, with float and whole-number buffers, all numbers unequal."""
    channels = case.size(3, 2, 5)

    def build(seed: int) -> nn.Module:
        inner = nn.Sequential(nn.Linear(2, channels), nn.BatchNorm1d(channels))
        model = nn.ModuleDict({"inner": inner, "outer": nn.Linear(channels, 1, bias=False)})
        model.register_buffer("growth", torch.tensor([float(seed), 0.5], dtype=torch.float64))
        with torch.no_grad():
            for i, tensor in enumerate([*model.parameters(), *inner[1].buffers()]):
                if tensor.is_floating_point():
                    tensor.copy_(_random(case, *tensor.shape, seed=10 * seed + i) + seed)
                else:
                    tensor.fill_(7 * seed)
        return model

    return build(1).requires_grad_(False), build(3)


def _numbers(tensors: Iterator[Tensor]) -> Tensor:
    return torch.cat([t.detach().double().flatten() for t in tensors])


def _after(
    answer: Callable, case: Case, beta: float, step: int, learning: bool = True
) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """One update by a model that is learning or frozen. Returns both nets afterwards, and their weights before."""
    average, model = _pair(case)
    model.requires_grad_(learning)
    a, m = _numbers(average.parameters()), _numbers(model.parameters())
    call(answer, average, model, beta, step)
    return average, model, a, m


@ema_update.aspect("moves", gate=True)
def ema_moves(answer: Callable, case: Case) -> str:
    average, model, a, m = _after(answer, case, 0.5, 10**6)
    if not torch.equal(_numbers(model.parameters()), m):
        raise Wrong("the model was changed", "it is the average that follows")
    if torch.equal(_numbers(average.parameters()), a):
        likely = "change its tensors in place (copy_, lerp_, mul_, add_), every parameter, whatever requires_grad says"
        raise Wrong("the average did not move", likely)
    if any(mine.shape != theirs.shape for mine, theirs in zip(average.parameters(), model.parameters(), strict=True)):
        raise Wrong(
            "a parameter of the average has another shape now", "pair parameters with parameters, buffers with buffers"
        )
    return "the average moves, the model does not"


@ema_update.aspect("value", share=0.35)
def ema_value(answer: Callable, case: Case) -> str:
    beta = case.number(0.9, 0.8, 0.95)
    average, _, a, m = _after(answer, case, beta, 10**6)
    known = {
        "the wrong way round: the average keeps beta of itself": (1 - beta) * a + beta * m,
        "copied: the average forgets everything": m,
        "the model is added in full: it counts 1 - beta": beta * a + m,
        "the average is not faded: it counts beta": a + (1 - beta) * m,
        "half and half, whatever beta is": (a + m) / 2,
        "the warm-up goes on for ever: take the smaller of the two": a,
    }
    given = _numbers(average.parameters())
    truth = beta * a + (1 - beta) * m
    if not _same(given, truth) and _same(given[: len(given) // 4], truth[: len(given) // 4]):
        raise Wrong("some of the weights did not follow", "go through all of parameters(), nested modules included")
    said = _compare(given, truth, known, f"for beta = {beta:g}, long after the start")
    average, _, a, m = _after(answer, case, beta, 10**6, learning=False)
    if not _same(_numbers(average.parameters()), beta * a + (1 - beta) * m):
        seen = "of a model whose weights are frozen, some did not follow"
        raise Wrong(seen, "average every parameter, whatever requires_grad says")
    return said


@ema_update.aspect("warm-up", share=0.25)
def ema_warm_up(answer: Callable, case: Case) -> str:
    for step in (1, case.size(4, 2, 8), 40, 500, 5000):
        average, _, a, m = _after(answer, case, 0.999, step)

        def mixed(beta: float, a: Tensor = a, m: Tensor = m) -> Tensor:
            return beta * a + (1 - beta) * m

        known = {
            "no warm-up, or brackets are missing in (1 + t) / (10 + t): after a thousand steps the random start would "
            "still be a third of the average": mixed(0.999),
            "the steps count from 1: the first update has step = 1": mixed(step / (9 + step)),
            "the update counts itself already: do not add one to step again": mixed((2 + step) / (11 + step)),
            "the wrong way round: the average keeps beta of itself": mixed(1 - (1 + step) / (10 + step)),
            "the first update copies: the warm-up is (1 + t) / (10 + t)": m,
        }
        too_short = "the warm-up ends where (1 + t) / (10 + t) reaches beta, not after a fixed number of steps"
        known = {too_short: mixed(0.999)} if step > 10 else known
        truth = mixed((1 + step) / (10 + step))
        _compare(_numbers(average.parameters()), truth, known, f"for beta = 0.999 at update {step}")
    average, _, a, m = _after(answer, case, 0.3, 20)
    known = {"the warm-up must not exceed beta: take the smaller of the two": 21 / 30 * a + 9 / 30 * m}
    _compare(_numbers(average.parameters()), 0.3 * a + 0.7 * m, known, "for beta = 0.3 at update 20")
    return f"{2 / 11:.4f} at the first update, never above beta"


@ema_update.aspect("buffers", share=0.25)
def ema_buffers(answer: Callable, case: Case) -> str:
    average, model = _pair(case)
    start = [b.clone() for b in average.buffers()]
    wanted = [b.clone() for b in model.buffers()]
    call(answer, average, model, 0.9, 10**6)
    if not all(torch.equal(b, w) for b, w in zip(model.buffers(), wanted, strict=True)):
        raise Wrong("the model's buffers were changed")
    for old, now, new in zip(start, average.buffers(), wanted, strict=True):
        if torch.equal(now, new) and now.dtype == new.dtype:
            continue
        seen = f"a buffer is {now.flatten()[0].item():g}, wanted {new.flatten()[0].item():g}"
        if torch.equal(now, old):
            raise Wrong(seen, "the buffers are forgotten: copy them")
        raise Wrong(seen, "the buffers are averaged: copy them")
    if any(a.data_ptr() == b.data_ptr() for a, b in zip(average.buffers(), model.buffers(), strict=True)):
        raise Wrong("average and model share a buffer", "copy its values (copy_), not the tensor itself")
    return "copied, whole numbers too"


@ema_update.aspect("in place", share=0.15)
def ema_in_place(answer: Callable, case: Case) -> str:
    for learning in (False, True):
        average, model = _pair(case)
        average.requires_grad_(learning).train(learning)
        model.train(not learning)
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        before = list(average.parameters())
        call(answer, average, model, 0.9, 50)
        now = list(average.parameters())
        if any(a is not b for a, b in zip(before, now, strict=True)):
            raise Wrong("the average got new parameters", "change the tensors that it has, in place")
        if any(p.grad_fn is not None for p in now):
            raise Wrong("the average's weights have a graph", "torch.no_grad(): it would keep every step's memory")
        if any(p.requires_grad != learning for p in now) or not all(p.requires_grad for p in model.parameters()):
            raise Wrong("requires_grad was changed", "leave it as you found it")
        if any(a.data_ptr() == b.data_ptr() for a, b in zip(now, model.parameters(), strict=True)):
            raise Wrong("average and model share their weights", "copy values, not tensors")
        if model.training == learning or average.training != learning:
            raise Wrong("a net was switched between train and eval mode", "leave the mode as it is")
        if not all(p.grad is not None and (p.grad == 1).all() for p in model.parameters()):
            raise Wrong("the model's gradients were changed", "its optimiser may still need them")
    return "no graph, no new tensors"


# 6.6 grow

grow = Exercise("06.grow", points=3, read='"Growing", above')


class _Block(nn.Module):
    """Multiplies by its weights: what a block of the lesson is to `grow`."""

    def __init__(self, start: float):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([start, -start]))
        self.bias = nn.Parameter(torch.tensor([start / 2]))


class _Player(nn.Module):
    def __init__(self, blocks: int, first: float):
        super().__init__()
        self.blocks = nn.ModuleList(_Block(first + i) for i in range(blocks))
        self.alpha = 1.0


class _Grown:
    """A player in the middle of its training, after one call of the learner's grow."""

    BUILT, NOW = 0.5, 0.125

    def __init__(self, answer: Callable, case: Case, with_average: bool = True):
        blocks = case.size(2, 1, 4)
        self.player = _Player(blocks, 1.0)
        self.average = _Player(blocks, 5.0).requires_grad_(False) if with_average else None
        self.optimizer = torch.optim.Adam(self.player.parameters(), self.BUILT, (0.25, 0.75))
        sum(p.pow(2).sum() for p in self.player.parameters()).backward()
        self.optimizer.step()
        self.optimizer.param_groups[0]["lr"] = self.NOW  # as a falling learning rate does
        self.optimizer.zero_grad()
        self.old_blocks = list(self.player.blocks)
        self.old = list(self.player.parameters())
        self.values = [p.detach().clone() for p in self.old]
        self.average_values = _numbers(self.average.parameters()) if self.average else None
        self.state = {p: copy.deepcopy(dict(self.optimizer.state[p])) for p in self.old}
        self.block = _Block(case.number(9.0, 8.0, 12.0))
        self.block_values = _numbers(self.block.parameters())
        self.given = call(answer, self.player, self.average, self.optimizer, self.block)


def _alpha(player: nn.Module, name: str) -> float:
    try:
        return float(player.alpha)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"{name}.alpha is a {type(player.alpha).__name__}, wanted 0.0") from None


@grow.aspect("block", share=0.2, gate=True)
def grow_block(answer: Callable, case: Case) -> str:
    grown = _Grown(answer, case)
    blocks = list(grown.player.blocks)
    if not isinstance(grown.player.blocks, nn.ModuleList):
        raise Wrong("player.blocks is no ModuleList any more", "append to the list that is there")
    if len(blocks) == len(grown.old_blocks):
        raise Wrong("the player has as many blocks as before", "player.blocks.append(block)")
    if len(blocks) != len(grown.old_blocks) + 1:
        raise Wrong(f"the player has {len(blocks)} blocks, wanted {len(grown.old_blocks) + 1}")
    if blocks[-1] is not grown.block:
        likely = "put it at the end" if any(b is grown.block for b in blocks) else "the block itself, not a copy of it"
        raise Wrong("the newest block is not the one that was given", likely)
    if any(a is not b for a, b in zip(blocks, grown.old_blocks, strict=False)):
        raise Wrong("the old blocks were replaced", "they have learned something: leave them")
    if not all(torch.equal(p.detach(), v) for p, v in zip(grown.old, grown.values, strict=True)) or not torch.equal(
        _numbers(grown.block.parameters()), grown.block_values
    ):
        raise Wrong("weights were changed by growing", "only the list grows; no weight moves")
    if not all(p.requires_grad for p in grown.player.parameters()):
        raise Wrong("some of the player's weights do not require gradients", "the player learns, the average does not")
    if not all(module.training for module in grown.player.modules()):
        raise Wrong("the player, or its new block, was put into eval mode", "it goes on training")
    return "on top of the old ones, which are untouched"


@grow.aspect("alpha", share=0.2)
def grow_alpha(answer: Callable, case: Case) -> str:
    grown, alone = _Grown(answer, case), _Grown(answer, case, with_average=False)
    seen = _examine_alphas(grown)
    if len(alone.player.blocks) != len(alone.old_blocks) + 1 or _alpha(alone.player, "player") != 0:
        raise Wrong(
            "where average is None the player did not get its block and alpha = 0",
            "the player grows whether it has an average or not",
        )
    return seen


def _examine_alphas(grown: _Grown) -> str:
    for name, player in (("player", grown.player), ("average", grown.average)):
        alpha = _alpha(player, name)
        if alpha == 1:
            likely = "growing must not change the output: start to fade from alpha = 0"
            if name == "average":
                likely = "the average shows the new block at once: it grows as the player does"
            raise Wrong(f"{name}.alpha is 1, wanted 0", likely)
        if alpha != 0:
            raise Wrong(f"{name}.alpha is {alpha:g}, wanted 0", "growing must not change the output: alpha = 0")
    return "0 for the player and for its average"


@grow.aspect("average", share=0.25)
def grow_average(answer: Callable, case: Case) -> str:
    grown = _Grown(answer, case)
    average = grown.average
    if len(average.blocks) == len(grown.old_blocks):
        raise Wrong("the average did not grow", "average.blocks gets a copy of the block")
    if len(average.blocks) != len(grown.old_blocks) + 1:
        raise Wrong(f"the average has {len(average.blocks)} blocks, wanted {len(grown.old_blocks) + 1}")
    old = _numbers(average.parameters())[: len(grown.average_values)]
    if not torch.equal(old, grown.average_values):
        raise Wrong("the average's old weights were changed", "built anew from the player, it forgets what it averaged")
    newest = list(average.blocks[-1].parameters())
    owned = {p.data_ptr() for p in grown.player.parameters()}
    if average.blocks[-1] is grown.block or any(p.data_ptr() in owned for p in newest):
        raise Wrong("player and average hold the same block", "a copy (copy.deepcopy): else this part is no average")
    if not torch.equal(_numbers(iter(newest)), grown.block_values):
        raise Wrong("the average's new block starts with other weights", "copy the block, do not build another one")
    known = {p.data_ptr() for group in grown.optimizer.param_groups for p in group["params"]}
    if any(p.data_ptr() in known for p in average.parameters()):
        raise Wrong("the optimizer was given weights of the average", "the average follows, it is not trained")
    return "a copy of its own; and None is accepted"


@grow.aspect("optimizer", share=0.35)
def grow_optimizer(answer: Callable, case: Case) -> str:
    grown = _Grown(answer, case, with_average=case.hidden)
    groups = grown.optimizer.param_groups
    listed = [p for group in groups for p in group["params"]]
    counts = {id(p): sum(q is p for q in listed) for p in listed}
    new = list(grown.block.parameters())
    missing = [p for p in new if counts.get(id(p), 0) == 0]
    if missing and len(missing) < len(new):
        raise Wrong(
            f"the optimizer knows {len(new) - len(missing)} of {len(new)} new weights", "all of block.parameters()"
        )
    if missing:
        likely = "add them, average or not, to the optimizer that you are given: one built inside is lost"
        raise Wrong("the optimizer does not know the new weights: they would never learn", likely)
    if any(counts.get(id(p), 0) == 0 for p in grown.old):
        raise Wrong("the optimizer has lost the old weights", "add the new ones beside them")
    if any(count > 1 for count in counts.values()):
        raise Wrong("a weight is in the optimizer twice", "add the new block's parameters only")
    for p in grown.old:
        now = grown.optimizer.state.get(p, {})
        if not all(
            torch.equal(torch.as_tensor(now.get(k, math.nan)), torch.as_tensor(v)) for k, v in grown.state[p].items()
        ):
            raise Wrong(
                "the optimizer's memory of the old weights is lost", "it was built anew: add a group to the old one"
            )
    for group in groups:
        if group["lr"] == grown.BUILT and group["lr"] != grown.NOW:
            likely = (
                "that is the rate it was built with; the old weights learn at optimizer.param_groups[0]['lr'] by now"
            )
            raise Wrong(f"the new weights learn at {group['lr']:g}, the old ones at {grown.NOW:g}", likely)
        if group["lr"] != grown.NOW or tuple(group["betas"]) != (0.25, 0.75):
            raise Wrong(
                f"a group has rate {group['lr']:g} and betas {group['betas']}, wanted {grown.NOW:g} and (0.25, 0.75)"
            )
    _learns_after_growing(grown, new)
    return "old weights remembered, new ones added at the rate of now"


def _learns_after_growing(grown: _Grown, new: list[nn.Parameter]) -> None:
    before = [p.detach().clone() for p in new]
    sum(p.sum() for p in new).backward()
    call(grown.optimizer.step)
    if any(not near((b - p.detach()).abs().max().item(), grown.NOW, 1e-3) for p, b in zip(new, before, strict=True)):
        raise Wrong("the optimizer's next step does not move the new weights by the learning rate")


# 6.7 repaired_prepare

repaired_prepare = Exercise("06.repaired_prepare", points=2, read='"Find the bug", above')
CHANNELS = 2


def _prepared(answer: Callable, case: Case, stage: int, alpha: float) -> tuple[Tensor, Any, nn.Module, nn.Module]:
    """(reals as they were lent, what the answer gave, generator, discriminator) for players of three stages."""
    generator = ProgressiveGenerator(2, CHANNELS, [2, 2, 2])
    discriminator = ProgressiveDiscriminator(CHANNELS, [2, 2, 2])
    real = _random(case, case.size(2, 1, 4), CHANNELS, 16, 16).tanh()
    answer = with_given(answer, fade_in=course_fade_in)
    with kept(real) as (lent,):
        given = call(answer, generator, discriminator, lent, stage, alpha)
    return real, given, generator, discriminator


def _pool(real: Tensor, factor: int) -> Tensor:
    """Means over squares of factor x factor."""
    n, c, h, w = real.shape
    return real.view(n, c, h // factor, factor, w // factor, factor).mean((3, 5))


@repaired_prepare.aspect("size", gate=True)
def prepare_size(answer: Callable, case: Case) -> str:
    for stage in (0, 1, 2):
        real, given, *_ = _prepared(answer, case, stage, 1.0)
        _tensor(given, (len(real), CHANNELS, 4 * 2**stage, 4 * 2**stage), f"at stage {stage}")
    return "reals as large as the stage's pictures"


@repaired_prepare.aspect("players", share=0.5)
def prepare_players(answer: Callable, case: Case) -> str:
    for stage, alpha in ((1, case.number(0.25, 0.1, 0.4)), (2, 0.5), (2, 0.0), (2, 1.0), (0, 1.0)):
        *_, generator, discriminator = _prepared(answer, case, stage, alpha)
        for name, player in (("G", generator), ("D", discriminator)):
            if player.stage != stage:
                raise Wrong(f"{name} is at stage {player.stage}, wanted {stage}")
            if near(player.alpha, alpha, 1e-6):
                continue
            likely = "alpha is reversed" if near(player.alpha, 1 - alpha, 1e-6) else None
            if player.alpha == 1:
                likely = f"alpha does not reach {name}: its new layers count in full from the first step on"
            raise Wrong(f"{name}'s alpha is {player.alpha:g}, wanted {alpha:g}", likely)
    return "both at the stage, both at alpha"


@repaired_prepare.aspect("reals", share=0.5)
def prepare_reals(answer: Callable, case: Case) -> str:
    for stage, alpha in ((1, case.number(0.25, 0.1, 0.4)), (2, 0.5), (2, 0.0), (2, 1.0)):
        real, given, *_ = _prepared(answer, case, stage, alpha)
        whole = _pool(real, 2 ** (2 - stage))
        coarse = _blocks(_pool(whole, 2), 2)
        smooth = F.interpolate(_pool(whole, 2), scale_factor=2, mode="bilinear")
        known = {
            "the reals are not faded, or before they were shrunk: D can tell them by their sharpness": whole,
            "alpha is reversed in the reals": alpha * coarse + (1 - alpha) * whole,
            "the reals stay blurred": coarse,
            "the coarse reals were smoothed: repeat each pixel, as the generator does": (1 - alpha) * smooth
            + alpha * whole,
        }
        given = _tensor(given, tuple(whole.shape))
        _compare(given, (1 - alpha) * coarse + alpha * whole, known, f"at stage {stage}, alpha = {alpha:g}")
    for alpha in (1.0, 0.5):
        real, given, *_ = _prepared(answer, case, 0, alpha)
        whole = _pool(real, 4)
        coarse = _blocks(_pool(whole, 2), 2)
        known = {"at stage 0 nothing is faded: there is no older picture": (1 - alpha) * coarse + alpha * whole}
        _compare(_tensor(given, tuple(whole.shape)), whole, known, f"at stage 0, alpha = {alpha:g}")
    return "faded as the fakes are"
