"""Lesson 02, DCGAN: what must hold of each answer, and what each known wrong value means."""

import math
import operator
from collections.abc import Callable
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.checks.core import (
    Case,
    Exercise,
    Wrong,
    as_scalar,
    call,
    expect,
    expect_stable,
    hinted,
    kept,
    near,
    needs,
    seed_checks,
    sigmoid,
    softplus,
    with_given,
)
from gancourse.checks.networks import (
    batch_norm,
    build,
    compare_output,
    learns,
    run,
    same,
    steady_in_eval,
    weight,
)

# 2.1 conv_transpose_out

conv_transpose_out = Exercise("02.conv_transpose_out", points=1, read='"How a picture is doubled", above')

VISIBLE_SIZES = [(4, 4, 2, 1, 0), (4, 3, 2, 1, 1), (1, 4, 1, 0, 0), (7, 5, 3, 2, 1), (6, 2, 2, 0, 0), (4, 2, 3, 0, 0)]


def _sizes(case: Case) -> list[tuple[int, int, int, int, int]]:
    """(size, kernel, stride, padding, output_padding) that torch accepts."""
    if not case.hidden:
        return VISIBLE_SIZES
    found = []
    for _ in range(6):
        stride = case.size(2, 2, 4)
        kernel = stride + case.size(2, 1, 3)
        found.append((case.size(4, 3, 12), kernel, stride, case.size(1, 1, 2), case.size(1, 1, stride - 1)))
    return [*found, (case.size(4, 3, 9), 2, 3, 0, 0)]  # a stamp may be shorter than a step


def _whole(given: Any) -> int:
    """The whole number that was given. Raises Wrong for everything that is none."""
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    given = given.item() if type(given) is Tensor and given.ndim == 0 else given
    if isinstance(given, float):
        raise Wrong(f"you gave {given!r}, a float", "a size is a whole number: divide with //, or not at all")
    try:
        if isinstance(given, bool):
            raise TypeError
        return operator.index(given)
    except TypeError:
        raise Wrong(f"you gave a {type(given).__name__}, wanted a whole number") from None


@conv_transpose_out.aspect("number", gate=True)
def size_number(answer: Callable, case: Case) -> str:
    _whole(call(answer, *_sizes(case)[0]))
    return "a whole number"


def _size_mistakes(n: int, k: int, s: int, p: int, op: int) -> dict[str, int]:
    truth = (n - 1) * s - 2 * p + k + op
    return {
        "off by one: between n inputs there are n - 1 steps": n * s - 2 * p + k + op,
        "this is the output of a convolution, which shrinks: the transposed one goes the other way": (n + 2 * p - k)
        // s
        + 1,
        "output_padding is ignored": truth - op,
        "output_padding is added on one side only, once": truth + op,
        "padding is cut off on both sides: 2 * padding": truth + p,
        "padding is not added here, it is cut off": truth + 4 * p,
        "padding is ignored: it is cut off on both sides": truth + 2 * p,
        "off by one: the kernel reaches over `kernel` pixels, so the last input adds kernel, not kernel - 1": truth - 1,
        "off by one": truth + 1,
        "the size is not always `stride` times as large: kernel and padding decide too": n * s,
        "steps of size stride: (size - 1) * stride": truth - (n - 1) * (s - 1),
    }


@conv_transpose_out.aspect("value", share=0.8)
def size_value(answer: Callable, case: Case) -> str:
    sizes = _sizes(case)
    truths = [(n - 1) * s - 2 * p + k + op for n, k, s, p, op in sizes]
    given = [_whole(call(answer, *size)) for size in sizes]
    if given == truths:
        return f"{truths[0]} from size {sizes[0][0]}, kernel {sizes[0][1]}, stride {sizes[0][2]}, padding {sizes[0][3]}"
    mistakes = [_size_mistakes(*size) for size in sizes]
    likely = next(
        (name for name in mistakes[0] if all(m[name] == g for m, g in zip(mistakes, given, strict=True))), None
    )
    i = next(i for i, (g, t) in enumerate(zip(given, truths, strict=True)) if g != t)
    n, k, s, p, op = sizes[i]
    raise Wrong(
        f"you gave {given[i]}, wanted {truths[i]}: size {n}, kernel {k}, stride {s}, padding {p}, output_padding {op}",
        likely,
    )


@conv_transpose_out.aspect("defaults", share=0.2)
def size_defaults(answer: Callable, case: Case) -> str:
    needs(size_value, answer, case)
    n, k = case.size(5, 3, 9), case.size(3, 4, 6)
    trials = [
        ((n, k), {}, n - 1 + k, "stride 1"),
        ((n, k), {"stride": 2}, 2 * (n - 1) + k, "stride 2"),
        ((n, k), {"stride": 2, "padding": 1}, 2 * (n - 1) + k - 2, "stride 2, padding 1"),
    ]
    for args, kwargs, truth, about in trials:
        given = _whole(call(answer, *args, **kwargs))
        if given != truth:
            seen = f"you gave {given}, wanted {truth} for size {n}, kernel {k}, {about}"
            raise Wrong(seen, "what is not given has its default: stride 1, padding 0, output_padding 0")
    return "stride 1, padding 0 and output_padding 0 unless others are given"


# 2.2 GeneratorBlock

generator_block = Exercise("02.GeneratorBlock", points=3, read='"Where batch norm goes", above')


def _block(answer: Callable, case: Case) -> tuple[nn.Module, Tensor, tuple[int, int]]:
    """A block, a batch (4, inputs, 3, 5) that is neither centred nor square, and (inputs, outputs)."""
    inputs, outputs = case.size(5, 6, 9), case.size(3, 2, 4)
    block = build(answer, inputs, outputs)
    x = torch.randn(4, inputs, 3, 5) * torch.linspace(0.5, 2, inputs).view(-1, 1, 1) + 0.3
    return block, x, (inputs, outputs)


@generator_block.aspect("shape", share=0.2, gate=True)
def block_shape(answer: Callable, case: Case) -> str:
    block, x, (_, outputs) = _block(answer, case)
    given, wanted = tuple(run(block, x).shape), (4, outputs, 6, 10)
    if given == wanted:
        return f"{tuple(x.shape)} to {wanted}"
    likely = None
    if len(given) == 4 and given[2] == given[3]:
        likely = "a picture need not be square: height and width are doubled each by itself"
    elif given[:2] != wanted[:2]:
        likely = "the arguments are the channels: GeneratorBlock(inputs, outputs)"
    elif given[2:] in ((5, 9), (7, 11)):
        likely = "off by one: put kernel, stride and padding into your conv_transpose_out; 4, 2, 1 doubles exactly"
    elif given[2:] == (8, 12):
        likely = "the padding is missing: kernel 4, stride 2, padding 1"
    raise Wrong(f"you gave {given} for {tuple(x.shape)}, wanted {wanted}", likely)


def _relu_norm(x: Tensor) -> Tensor:
    return batch_norm(x).relu()


def _block_mistakes(x: Tensor, w: Tensor, up: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """What people compute instead of ReLU(batch norm(transposed convolution))."""
    h = up(x)
    return {
        "there is no batch norm, or it is always in eval mode": h.relu(),
        "there is no batch norm and no ReLU": h,
        "the ReLU is missing": batch_norm(h),
        "batch norm comes after the ReLU: convolution, batch norm, ReLU is the paper's order": batch_norm(h.relu()),
        "batch norm comes before the convolution: its output is what must be kept in range": up(batch_norm(x)).relu(),
        "ReLU in the generator, LeakyReLU only in the discriminator": F.leaky_relu(batch_norm(h), 0.2),
        "a LeakyReLU: the generator has ReLU": F.leaky_relu(batch_norm(h), 0.01),
        "tanh belongs to the output alone: here it is ReLU": batch_norm(h).tanh(),
        "ReLU comes before the convolution": batch_norm(up(x.relu())),
        "BatchNorm2d(outputs, 0.8) puts 0.8 into eps: name the argument that you mean": batch_norm(h, 0.8).relu(),
        "eps is not its default": batch_norm(h, 0.1).relu(),
        "batch norm's scale starts at 0: it must start at 1": torch.zeros_like(h),
        "instance norm: the statistics are those of one sample, not of the batch": F.instance_norm(h).relu(),
        "layer norm: the statistics are those of one sample, not of one channel": F.group_norm(h, 1).relu(),
        "there are two ReLUs, one of them before batch norm": batch_norm(h.relu()).relu(),
    }


@generator_block.aspect("values", share=0.4, gate=True)
def block_values(answer: Callable, case: Case) -> str:
    block, x, (inputs, outputs) = _block(answer, case)
    given = run(block.train(), x)
    w = weight(
        block,
        (inputs, outputs, 4, 4),
        what="one transposed convolution with kernel 4 is wanted",
    )

    def up(a: Tensor) -> Tensor:
        return F.conv_transpose2d(a, w, stride=2, padding=1)

    seen = compare_output(given, _relu_norm(up(x)), _block_mistakes(x, w, up), "what comes out")
    steep = 20.0
    for parameter in block.parameters():
        if tuple(parameter.shape) == (outputs,) and (parameter == 1).all():
            nn.init.constant_(parameter, steep)
            large = (steep * batch_norm(up(x))).relu()
            bounded = {"cut off at 6, as ReLU6 does: ReLU has no upper end": large.clamp(max=6)}
            compare_output(run(block, x), large, bounded, f"what comes out with a scale of {steep:g}")
            nn.init.ones_(parameter)
    return seen


@generator_block.aspect("scale", share=0.1)
def block_scale(answer: Callable, case: Case) -> str:
    """Batch norm can learn: a scale of 1 and a shift of 0 a channel to begin with."""
    block, _, (_, outputs) = _block(answer, case)
    found = [p.detach() for p in block.parameters() if tuple(p.shape) == (outputs,)]
    ones = [p for p in found if (p == 1).all()]
    if not ones:
        raise Wrong("no scale of 1 a channel was found", "batch norm has a scale and a shift to learn: affine=True")
    other = _block(answer, case)[0]
    if {id(p) for p in block.parameters()} & {id(p) for p in other.parameters()}:
        raise Wrong("two blocks share their weights", "each block makes layers of its own, in __init__")
    return "one scale and one shift a channel, at 1 and 0"


@generator_block.aspect("eval mode", share=0.15)
def block_eval(answer: Callable, case: Case) -> str:
    block, x, _ = _block(answer, case)
    return steady_in_eval(block, x)


@generator_block.aspect("learns", share=0.15)
def block_learns(answer: Callable, case: Case) -> str:
    block, x, _ = _block(answer, case)
    return learns(block, x)


# 2.3 Generator


class _Block(nn.Sequential):
    """A right GeneratorBlock."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )


DEFAULTS = "keep the defaults of the stub:"
generator = Exercise("02.Generator", points=3, read='"From noise to a picture", above')


def _generator(answer: Callable, case: Case) -> tuple[nn.Module, Tensor, tuple[int, int, int]]:
    """A generator, noise for it, and (latent_dim, channels, width): no two of its axes have the same length."""
    latent_dim, channels, width = case.size(7, 9, 11), case.size(3, 2, 3), case.size(5, 5, 8)
    network = build(with_given(answer, GeneratorBlock=_Block), latent_dim, channels, width)
    return network, torch.randn(6, latent_dim), (latent_dim, channels, width)


@generator.aspect("shape", share=0.2, gate=True)
def generator_shape(answer: Callable, case: Case) -> str:
    network, z, (_, channels, _) = _generator(answer, case)
    given, wanted = tuple(run(network.train(), z).shape), (len(z), channels, 32, 32)
    if given == wanted:
        _examine_grey(answer)
        return f"{tuple(z.shape)} to {wanted}"
    likely = None
    if len(given) == 4 and given[2:] != (32, 32):
        likely = "4 is doubled three times: 8, 16, 32. The output layer doubles too"
    elif given[1:2] != (channels,):
        likely = "the arguments are latent_dim, channels, width, in this order; the picture has `channels` channels"
    raise Wrong(f"you gave {given} for noise {tuple(z.shape)}, wanted {wanted}", likely)


def _examine_grey(answer: Callable) -> None:
    """Pictures of one channel keep its axis."""
    network = build(with_given(answer, GeneratorBlock=_Block), 4, 1, 2)
    given = tuple(run(network.train(), torch.randn(3, 4)).shape)
    if given != (3, 1, 32, 32):
        raise Wrong(f"you gave {given} for grey pictures, wanted (3, 1, 32, 32)", "one channel is an axis all the same")


def _generator_weights(network: nn.Module, sizes: tuple[int, int, int]) -> list[Tensor]:
    """Projection as (4 width * 16, latent_dim), then the three transposed convolutions."""
    latent_dim, channels, width = sizes
    wide = 4 * width
    linear, seed = (wide * 16, latent_dim), (latent_dim, wide, 4, 4)
    project = weight(network, linear, seed, what="the projection makes 4 * width channels of 4 x 4 out of the noise")
    if project.ndim == 4:
        project = project.flatten(1).T
    shapes = [(wide, 2 * width, 4, 4), (2 * width, width, 4, 4), (width, channels, 4, 4)]
    names = ["4 * width to 2 * width channels", "2 * width to width channels", "width to the picture's channels"]
    what = "a transposed convolution with kernel 4 from {}"
    return [project] + [weight(network, s, what=what.format(n)) for s, n in zip(shapes, names, strict=True)]


def _picture(
    z: Tensor,
    weights: list[Tensor],
    stages: list[Callable[[Tensor], Tensor]],
    last: Callable[[Tensor], Tensor] = torch.tanh,
    channels_first: bool = True,
) -> Tensor:
    """What a generator with these weights gives. stages: what follows the projection and the two blocks."""
    project, *ups = weights
    wide = ups[0].shape[0]
    h = z @ project.T
    h = h.view(-1, wide, 4, 4) if channels_first else h.view(-1, 4, 4, wide).permute(0, 3, 1, 2)
    for up, stage in zip(ups, stages, strict=True):
        h = F.conv_transpose2d(stage(h), up, stride=2, padding=1)
    return last(h)


def _generator_mistakes(z: Tensor, weights: list[Tensor]) -> dict[str, Tensor]:
    right = [_relu_norm] * 3
    flat = [lambda h: F.batch_norm(h.flatten(1), None, None, training=True).view_as(h).relu(), *right[1:]]
    outputs: dict[str, Callable[[Tensor], Tensor]] = {
        "tanh is missing: nothing keeps the output in [-1, 1]": lambda h: h,
        "a sigmoid ends in [0, 1]: the data lie in [-1, 1], so it is tanh": torch.sigmoid,
        "moved to [0, 1]: the data lie in [-1, 1]": lambda h: (h.tanh() + 1) / 2,
        "batch norm on the output: the picture's own mean and contrast would be lost": lambda h: batch_norm(h).tanh(),
        "batch norm on the output, after tanh": lambda h: batch_norm(h.tanh()),
        "a ReLU on the output: no pixel could be darker than the middle": lambda h: h.relu().tanh(),
        "clamped, not tanh: outside of [-1, 1] its gradient is 0": lambda h: h.clamp(-1, 1),
        "batch norm and ReLU on the output: there it is tanh alone": lambda h: _relu_norm(h).tanh(),
        "batch norm and ReLU on the output, and no tanh": _relu_norm,
    }
    known = {name: _picture(z, weights, right, last) for name, last in outputs.items()}
    first: dict[str, Callable[[Tensor], Tensor]] = {
        "the projection is without batch norm and ReLU": lambda h: h,
        "the projection is without batch norm": torch.relu,
        "the projection is without ReLU": batch_norm,
        "the projection has a LeakyReLU: the generator has ReLU": lambda h: F.leaky_relu(batch_norm(h), 0.2),
        "the projection has its batch norm after the ReLU": lambda h: batch_norm(h.relu()),
    }
    known |= {name: _picture(z, weights, [stage, *right[1:]]) for name, stage in first.items()}
    known["batch norm of the flat vector: reshape first, then BatchNorm2d with one scale a channel"] = _picture(
        z, weights, flat
    )
    known["no batch norm anywhere"] = _picture(z, weights, [torch.relu] * 3)
    known["the blocks are without batch norm"] = _picture(z, weights, [_relu_norm, torch.relu, torch.relu])
    known["LeakyReLU everywhere: the generator has ReLU"] = _picture(
        z, weights, [lambda h: F.leaky_relu(batch_norm(h), 0.2)] * 3
    )
    known["BatchNorm2d(channels, 0.8) puts 0.8 into eps"] = _picture(
        z, weights, [lambda h: batch_norm(h, 0.8).relu()] * 3
    )
    return known


@generator.aspect("values", share=0.5, gate=True)
def generator_values(answer: Callable, case: Case) -> str:
    network, z, sizes = _generator(answer, case)
    given = run(network.train(), z)
    weights = _generator_weights(network, sizes)
    right = [_relu_norm] * 3
    if not same(given.detach(), _picture(z, weights, right, channels_first=False)):
        compare_output(given, _picture(z, weights, right), _generator_mistakes(z, weights), "the picture")
    _examine_generator_defaults(answer)
    return "pictures in (-1, 1)"


def _examine_generator_defaults(answer: Callable) -> None:
    network = build(with_given(answer, GeneratorBlock=_Block))
    with hinted(f"{DEFAULTS} latent_dim=64, channels=1, width=16", seen="Generator(): {}"):
        _generator_weights(network, (64, 1, 16))


@generator.aspect("eval mode", share=0.15)
def generator_eval(answer: Callable, case: Case) -> str:
    network, z, _ = _generator(answer, case)
    return steady_in_eval(network, z)


@generator.aspect("learns", share=0.15)
def generator_learns(answer: Callable, case: Case) -> str:
    network, z, _ = _generator(answer, case)
    return learns(network, z)


# 2.4 Discriminator

discriminator = Exercise("02.Discriminator", points=3, read='"The opponent", above')


def _discriminator(answer: Callable, case: Case, norm: bool = False) -> tuple[nn.Module, Tensor, tuple[int, int]]:
    """A discriminator, pictures for it, and (channels, width)."""
    channels, width = case.size(3, 2, 3), case.size(5, 6, 8)
    network = build(answer, channels, width, batch_norm=norm)
    return network, 2 * torch.rand(6, channels, 32, 32) - 1, (channels, width)


@discriminator.aspect("shape", share=0.25, gate=True)
def discriminator_shape(answer: Callable, case: Case) -> str:
    network, x, _ = _discriminator(answer, case)
    for n in (len(x), 1):
        given = tuple(run(network, x[:n]).shape)
        if given == (n,):
            continue
        likely = None
        if given == (n, 1):
            likely = "one column too many: (N, 1) against targets (N,) broadcasts to N x N, and nothing warns"
        elif given == ():
            likely = "squeeze() without an axis takes the batch axis too when there is one picture: squeeze(1)"
        elif given == (n, 1, 1, 1):
            likely = "flatten the answer: one number a picture"
        raise Wrong(f"you gave shape {given} for {n} pictures, wanted {(n,)}", likely)
    return "one logit a picture, (N,)"


def _judge(
    x: Tensor,
    weights: list[Tensor],
    norms: tuple[bool, bool, bool] = (False, False, False),
    slope: float = 0.2,
    last: Callable[[Tensor], Tensor] = lambda a: a,
    before: Callable[[Tensor], Tensor] = lambda a: a,
    norm: Callable[[Tensor], Tensor] = batch_norm,
    norm_last: bool = False,
) -> Tensor:
    """What a discriminator with these weights answers. norms: batch norm after the first, second, third convolution."""
    *downs, head = weights
    h = before(x)
    for down, normed in zip(downs, norms, strict=True):
        h = F.conv2d(h, down, stride=2, padding=1)
        h = norm(h) if normed and not norm_last else h
        h = F.leaky_relu(h, slope)
        h = norm(h) if normed and norm_last else h
    return last(h.flatten(1) @ head)


def _discriminator_weights(network: nn.Module, sizes: tuple[int, int]) -> list[Tensor]:
    channels, width = sizes
    shapes = [(width, channels, 4, 4), (2 * width, width, 4, 4), (4 * width, 2 * width, 4, 4)]
    names = ["the picture's channels to width", "width to 2 * width channels", "2 * width to 4 * width channels"]
    what = "a convolution with kernel 4 from {}"
    downs = [weight(network, s, what=what.format(n)) for s, n in zip(shapes, names, strict=True)]
    head = weight(network, (1, 64 * width), (1, 4 * width, 4, 4), what="one linear layer from all features to a logit")
    return [*downs, head.flatten()]


def _activation_mistakes(x: Tensor, weights: list[Tensor], norms: tuple[bool, bool, bool]) -> dict[str, Tensor]:
    return {
        "negative signals are lost: nn.ReLU(0.2) is a plain ReLU, its first argument is inplace; use LeakyReLU": _judge(
            x, weights, norms, slope=0.0
        ),
        "the slope of LeakyReLU is 0.01, its default: the paper has 0.2": _judge(x, weights, norms, slope=0.01),
        "there is no LeakyReLU": _judge(x, weights, norms, slope=1.0),
        "the answer is a probability: losses work on logits, leave the sigmoid out": _judge(
            x, weights, norms, last=torch.sigmoid
        ),
        "tanh on the answer: a logit has no bounds": _judge(x, weights, norms, last=torch.tanh),
        "LeakyReLU on the answer: a logit is left as it is": _judge(
            x, weights, norms, last=lambda a: F.leaky_relu(a, 0.2)
        ),
        "batch norm on the answers: how real a picture is would depend on the others": _judge(
            x, weights, norms, last=lambda a: batch_norm(a[:, None])[:, 0]
        ),
    }


@discriminator.aspect("values", share=0.35, gate=True)
def discriminator_values(answer: Callable, case: Case) -> str:
    network, x, sizes = _discriminator(answer, case)
    given = run(network.train(), x)
    weights = _discriminator_weights(network, sizes)
    plain = (False, False, False)
    known = _activation_mistakes(x, weights, plain) | {
        "batch_norm=False, but there is batch norm": _judge(x, weights, (False, True, True)),
        "batch_norm=False, but there is batch norm on every stage": _judge(x, weights, (True, True, True)),
        "batch norm on D's input: how bright a batch is, real or not, would be hidden from D": _judge(
            x, weights, plain, before=batch_norm
        ),
    }
    return compare_output(given, _judge(x, weights, plain), known, "the logits")


@discriminator.aspect("batch norm", share=0.25)
def discriminator_norm(answer: Callable, case: Case) -> str:
    network, x, sizes = _discriminator(answer, case, norm=True)
    given = run(network.train(), x)
    weights = _discriminator_weights(network, sizes)
    right, everywhere = (False, True, True), (True, True, True)
    known = {
        "batch_norm=True changes nothing": _judge(x, weights, (False, False, False)),
        "batch norm on the first stage too: the paper leaves it out there": _judge(x, weights, everywhere),
        "batch norm on the first stage only: there it is left out, the others have it": _judge(
            x, weights, (True, False, False)
        ),
        "batch norm on D's input": _judge(x, weights, right, before=batch_norm),
        "one stage is without batch norm": _judge(x, weights, (False, True, False)),
        "the second stage is without batch norm": _judge(x, weights, (False, False, True)),
        "batch norm after LeakyReLU: convolution, batch norm, LeakyReLU is the paper's order": _judge(
            x, weights, right, norm_last=True
        ),
        "BatchNorm2d(channels, 0.8) puts 0.8 into eps": _judge(x, weights, right, norm=lambda h: batch_norm(h, 0.8)),
        "instance norm: the statistics are those of one sample": _judge(x, weights, right, norm=F.instance_norm),
    } | _activation_mistakes(x, weights, right)
    compare_output(given, _judge(x, weights, right), known, "the logits with batch_norm=True")
    steady_in_eval(network, x)
    _examine_discriminator_defaults(answer)
    return "on the second and third stage, and only when asked for"


def _examine_discriminator_defaults(answer: Callable) -> None:
    network, x = build(answer), 2 * torch.rand(6, 1, 32, 32) - 1
    with hinted(f"{DEFAULTS} channels=1, width=16, batch_norm=False", seen="Discriminator(): {}"):
        weights = _discriminator_weights(network, (1, 16))
        compare_output(run(network.train(), x), _judge(x, weights), {}, "the logits")


@discriminator.aspect("learns", share=0.15)
def discriminator_learns(answer: Callable, case: Case) -> str:
    network, x, _ = _discriminator(answer, case)
    return learns(network, x)


# 2.5 init_weights

init_weights = Exercise("02.init_weights", points=2, read='"Where the weights start", above')


def _layers(case: Case) -> dict[str, nn.Module]:
    """A layer of each kind, large enough for its statistics."""
    a, b = case.size(32, 24, 40), case.size(48, 44, 60)
    return {
        "Conv2d": nn.Conv2d(a, b, 4),
        "ConvTranspose2d": nn.ConvTranspose2d(b, a, 4),
        "Linear": nn.Linear(10 * a, b),
    }


def _apply(answer: Callable, network: nn.Module, **options: float) -> None:
    """network.apply(answer), in which every part of it is met, containers and activations too."""
    for module in reversed(list(network.modules())):
        call(answer, module, **options)


@init_weights.aspect("weights", share=0.4)
def init_normal(answer: Callable, case: Case) -> str:
    for std in (None, case.number(0.07, 0.05, 0.09)):
        seed_checks(3)
        layers = _layers(case)
        before = {name: layer.weight.detach().clone() for name, layer in layers.items()}
        for name, layer in layers.items():
            _apply(answer, layer, **({} if std is None else {"std": std}))
            _examine_weight(name, layer.weight.detach(), before[name], std)
    return "N(0, 0.02) in convolutions, transposed ones and linear layers, or the std that is given"


def _examine_weight(name: str, w: Tensor, before: Tensor, asked: float | None) -> None:
    std = 0.02 if asked is None else asked
    mean, spread = w.mean().item(), w.std().item()
    seen = f"{name}: mean {mean:.4f}, std {spread:.4f}, wanted mean 0, std {std:g}"
    if torch.equal(w, before):
        raise Wrong(f"{name} was left as it was", f"convolutions, transposed ones and linear layers: {name} is missing")
    known = {
        "std is the standard deviation, not the variance": std**0.5,
        "std was squared: it is the standard deviation already": std**2,
        "the argument std is ignored": 0.02,
        "a uniform distribution between -std and std: a normal one was asked for": std / 3**0.5,
    }
    if abs(mean - 1) < 0.05:
        raise Wrong(seen, "the mean of the weights is 0; 1 is for batch norm's scale")
    if abs(mean) > 0.1 * std:
        raise Wrong(seen)
    if abs(spread - std) > 0.05 * std:
        likely = next((text for text, value in known.items() if abs(spread - value) < 0.05 * value), None)
        raise Wrong(seen, likely)
    fourth = ((w - mean) / spread).pow(4).mean().item()
    if fourth < 2.3:
        raise Wrong(f"{seen}, never outside [{w.min():.3f}, {w.max():.3f}]", "uniform: a normal distribution is wanted")
    if abs(fourth - 3) > 0.4:
        raise Wrong(f"{seen}, but not normally distributed")


@init_weights.aspect("biases", share=0.1)
def init_biases(answer: Callable, case: Case) -> str:
    for name, layer in _layers(case).items():
        nn.init.constant_(layer.bias, 0.5)
        _apply(answer, layer)
        if layer.bias.any():
            raise Wrong(f"the bias of {name} is not 0", "biases start at 0")
    return "0"


@init_weights.aspect("batch norm", share=0.3)
def init_norm(answer: Callable, case: Case) -> str:
    for options in ({}, {"std": 0.07}):
        _examine_norm(answer, nn.BatchNorm2d(case.size(4000, 3500, 4500)), options)
    return "scale N(1, 0.02), shift 0"


def _examine_norm(answer: Callable, norm: nn.BatchNorm2d, options: dict[str, float]) -> None:
    nn.init.constant_(norm.bias, 0.5)
    nn.init.constant_(norm.weight, 0.7)
    _apply(answer, norm, **options)
    scale = norm.weight.detach()
    mean, spread = scale.mean().item(), scale.std().item()
    seen = f"the scale has mean {mean:.3f}, std {spread:.3f}, wanted mean 1, std 0.02"
    if (scale == 0.7).all():
        raise Wrong("batch norm's scale was left as it was", "batch norm has its own start: N(1, 0.02)")
    if abs(mean) < 0.1:
        likely = "a scale around 0 shrinks what batch norm has just normalised and turns half of the channels over"
        raise Wrong(seen, f"{likely}: it starts around 1")
    if abs(mean - 1) > 0.005:
        raise Wrong(seen)
    if spread == 0:
        raise Wrong(seen, "exactly 1 everywhere: N(1, 0.02) was asked for")
    if abs(spread - 0.02) > 0.002:
        raise Wrong(seen, "the argument std is for the layers: the scale's is always 0.02" if options else None)
    if norm.bias.any():
        raise Wrong("batch norm's shift is not 0", "the shift starts at 0; only the scale is drawn")
    if norm.running_mean.any() or not (norm.running_var == 1).all():
        raise Wrong("the running averages were changed", "they are no weights: leave them alone")


class ConvBlock(nn.Sequential):
    """A container by the name of a layer: it has no weight."""


@init_weights.aspect("network", share=0.2)
def init_network(answer: Callable, case: Case) -> str:
    """A whole network: layers without bias or scale, containers, activations and layers that are not ours."""
    seed_checks(4)
    other, group = nn.Embedding(5, 6), nn.GroupNorm(2, 8)
    twins = [nn.Conv2d(3, 8, 4, bias=False) for _ in range(2)]
    network = nn.Sequential(
        ConvBlock(*twins, nn.BatchNorm2d(8, affine=False), nn.BatchNorm2d(8), group, nn.LeakyReLU(0.2)),
        nn.Flatten(),
        other,
    )
    kept_weight, first = other.weight.detach().clone(), twins[0].weight.detach().clone()
    _apply(answer, network)
    if not torch.equal(other.weight, kept_weight):
        raise Wrong("the weights of an nn.Embedding were changed", "only convolutions, linear layers and batch norm")
    if not (group.weight == 1).all() or group.bias.any():
        raise Wrong("an nn.GroupNorm was changed", "of the norms only BatchNorm2d: everything else is left alone")
    if torch.equal(twins[0].weight, first):
        raise Wrong("the convolutions in the network were left as they were")
    if torch.equal(twins[0].weight, twins[1].weight):
        raise Wrong("two layers got the same weights", "a fixed seed inside the function")
    if not all(p.requires_grad and p.is_leaf for p in network.parameters()):
        raise Wrong("the weights cannot learn any more", "fill them in place: nn.init.normal_(module.weight, 0, std)")
    return "goes through a network with network.apply(init_weights)"


# 2.6 to_images

to_images = Exercise("02.to_images", points=2, read='"Numbers and pixels", above')


def _batch(case: Case) -> Tensor:
    """Images (3, 2, 4, 5) in [-1, 1], no two numbers the same, none on the edge of rounding."""
    n = 3 * 2 * 4 * 5
    levels = torch.arange(n) * 2 + case.size(3, 1, 9)  # up to 247
    away = torch.linspace(-0.4, 0.4, n)[torch.randperm(n, generator=torch.Generator().manual_seed(0))]
    order = torch.randperm(n, generator=torch.Generator().manual_seed(case.size(1, 2, 99)))
    return (((levels + away) / 127.5 - 1)[order]).view(3, 2, 4, 5)


def _pixels(answer: Callable, images: Tensor) -> Tensor:
    """What came back, as a tensor; an array of numpy will do. Raises Wrong for other types."""
    with kept(images) as (own,):
        return _as_pixels(call(answer, own))


def _as_pixels(given: Any) -> Tensor:
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if type(given).__module__ == "numpy" and type(given).__name__ == "ndarray":
        given = torch.from_numpy(given.copy())
    if type(given) is not Tensor:
        raise Wrong(f"you gave a {type(given).__name__}, wanted a tensor")
    return given.detach()


@to_images.aspect("shape", share=0.1, gate=True)
def images_shape(answer: Callable, case: Case) -> str:
    batch = _batch(case)
    for images in (batch, batch[:1], batch[:, :1]):
        n, c, h, w = images.shape
        given = tuple(_pixels(answer, images).shape)
        if given == (n, h, w, c):
            continue
        likely = None
        if given == (n, c, h, w):
            likely = "a picture's channels come last, (H, W, C): what every viewer and file format wants"
        elif given == (n, w, h, c):
            likely = "height and width are swapped: the picture lies on its side"
        elif 1 in (n, c):
            likely = "squeeze() dropped an axis of length 1"
        raise Wrong(f"you gave {given} for {(n, c, h, w)}, wanted {(n, h, w, c)}", likely)
    return "(N, C, H, W) to (N, H, W, C)"


@to_images.aspect("type", share=0.1, gate=True)
def images_type(answer: Callable, case: Case) -> str:
    dtype = _pixels(answer, _batch(case)).dtype
    if dtype != torch.uint8:
        raise Wrong(f"you gave dtype {dtype}, wanted torch.uint8", "pixels are whole numbers from 0 to 255")
    return "uint8"


def _upright(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 2, 3, 1)


def _range_mistakes(x: Tensor) -> dict[str, Tensor]:
    """Wrong ways from x (N, C, H, W) to numbers, before their axes are moved."""
    low, high = x.amin(), x.amax()
    each = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return {
        "cut off, not rounded: every pixel is up to one level too dark": ((x + 1) * 127.5).floor(),
        "the data lie in [-1, 1], not in [0, 1]: everything below 0 became black": (x.clamp(0, 1) * 255).round(),
        "the data lie in [-1, 1], not in [0, 1]": (x * 255).round(),
        "the data lie in [-1, 1], not in [0, 1], and cut off": (x * 255).trunc(),
        "the data lie in [-1, 1], not in [0, 1]; cut off": (x.clamp(0, 1) * 255).trunc(),
        "255 levels, not 256: -1 is 0 and 1 is 255": ((x + 1) * 128).floor().clamp(0, 255),
        "127 is not half of 255: 1 must become 255": ((x + 1) * 127).round(),
        "127 is not half of 255, and cut off": ((x + 1) * 127).floor(),
        "always upwards: round to the nearest": ((x + 1) * 127.5).ceil(),
        "stretched to the batch's own darkest and brightest pixel: black would not stay black": (
            (x - low) / (high - low) * 255
        ).round(),
        "stretched to the batch's own darkest and brightest pixel, and cut off": (
            (x - low) / (high - low) * 255
        ).floor(),
        "each picture was stretched to its own darkest and brightest pixel": (
            (x - each[0]) / (each[1] - each[0]) * 255
        ).round(),
        "turned over: 1 is white": ((1 - x) * 127.5).round(),
    }


@to_images.aspect("axes", share=0.3)
def images_axes(answer: Callable, case: Case) -> str:
    """Whether each number goes where it belongs, whatever its value became."""
    images = _batch(case)
    given = _pixels(answer, images).double()
    right = _upright((images + 1) * 127.5).double()
    n, c, h, w = images.shape

    def follows(arrangement: Tensor) -> bool:
        pair = torch.stack([given.flatten(), arrangement.flatten()])
        return bool(torch.corrcoef(pair)[0, 1] > 0.9)

    if follows(right) or any(
        torch.equal(given, _upright(wrong) % 256) for wrong in _range_mistakes(images.double()).values()
    ):
        return "every pixel at its place, channels last"
    known = {
        "view or reshape does not move axes, it cuts the same numbers otherwise: use permute": images.reshape(
            n, h, w, c
        ),
        "height and width are swapped": images.permute(0, 3, 2, 1).reshape(n, h, w, c),
        "the pictures are upside down": _upright(images.flip(2)),
        "the pictures are mirrored": _upright(images.flip(3)),
        "the channels are in another order": _upright(images.flip(1)),
    }
    likely = next((name for name, arrangement in known.items() if follows(arrangement)), None)
    raise Wrong("the pixels do not go up and down with the numbers at their places", likely)


@to_images.aspect("values", share=0.3)
def images_values(answer: Callable, case: Case) -> str:
    images = _batch(case)
    given = _pixels(answer, images)
    truth = ((images.double() + 1) * 127.5).round()
    if torch.equal(given.double(), _upright(truth)):
        return _round_trip(answer, case)
    where = (given.double() != _upright(truth)).nonzero()[0]
    i, y, x, c = where.tolist()
    seen = f"you gave {given[i, y, x, c]:d} for {images[i, c, y, x]:.4f}, wanted {truth[i, c, y, x]:.0f}"
    mistakes = _range_mistakes(images.double())
    likely = next(
        (name for name, value in mistakes.items() if torch.equal(given.double(), _upright(value) % 256)), None
    )
    raise Wrong(seen, likely)


def _round_trip(answer: Callable, case: Case) -> str:
    """All 256 levels to [-1, 1] and back."""
    all_levels = torch.arange(256.0).view(1, 1, 16, 16)
    rounding, guessing = (
        "cut off, not rounded",
        "the range is [-1, 1] for all pictures, bright ones too: do not guess it",
    )
    for levels, likely in ((all_levels, rounding), (all_levels.double(), rounding), (all_levels[:, :, 9:], guessing)):
        back = _pixels(answer, levels / 127.5 - 1).flatten()
        wrong = (back != levels.flatten()).nonzero()
        if len(wrong):
            level = int(levels.flatten()[wrong[0]])
            raise Wrong(f"level {level} came back as {back[wrong[0]].item():d}", likely)
    return "all 256 levels come back as they were"


@to_images.aspect("beyond", share=0.1)
def images_beyond(answer: Callable, case: Case) -> str:
    needs(images_values, answer, case)
    far = case.number(1.2, 1.1, 1.6)
    given = _pixels(answer, torch.tensor([-far, far, 5.0, -1.001]).view(1, 1, 2, 2)).flatten().tolist()
    if given != [0, 255, 255, 0]:
        seen = f"you gave {given} for {-far:g}, {far:g}, 5, -1.001, wanted [0, 255, 255, 0]"
        raise Wrong(seen, "uint8 starts again after 255: white becomes black. Clamp first")
    return "clamped beyond -1 and 1"


@to_images.aspect("lent", share=0.1)
def images_lent(answer: Callable, case: Case) -> str:
    with kept(_batch(case)) as (images,):
        plain = _pixels(answer, images)
    graph = images.clone().requires_grad_() * 1.0
    strided = images.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2)
    for other in (graph, strided):
        if not torch.equal(_pixels(answer, other), plain):
            raise Wrong("a tensor with other strides in memory, or with a graph, gives other pixels")
    return "leaves the tensor it was given alone, graph or not"


# 2.7 sample_grid

sample_grid = Exercise("02.sample_grid", points=2, read='"Looking at samples", above')
HEIGHT, WIDTH = 3, 2


class _Log(list):
    """A list that copies of its owner share: a learner may sample from a copy of the generator."""

    def __deepcopy__(self, memo: dict) -> "_Log":
        return self


class _SpyGenerator(nn.Module):
    """Draws each sample from its own noise, and writes down how it was called."""

    def __init__(self, channels: int = 3):
        super().__init__()
        self.channels = channels
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.inner = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.noises: list[Tensor] = _Log()
        self.modes: list[bool] = _Log()
        self.graphs: list[bool] = _Log()

    def forward(self, z: Tensor) -> Tensor:
        self.noises.append(z.detach().clone())
        self.modes.extend([self.training, self.inner[0].training, self.inner[1].training])
        shape = (1, self.channels, HEIGHT, WIDTH)
        image = self.scale * z[:, :1, None, None] + torch.linspace(0, 0.2, math.prod(shape)).view(shape)
        self.graphs.append(image.requires_grad)
        return image

    def all_modes(self) -> set[bool]:
        return {module.training for module in self.modules()}


def _right_to_images(x: Tensor) -> Tensor:
    return _upright(((x.detach().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8))


def _sampled(
    answer: Callable, case: Case, training: bool = True, channels: int = 3, rows: int | None = None
) -> tuple[_SpyGenerator, Tensor, Tensor, int]:
    """The spy after the call, the noise, the picture, and the number of columns."""
    columns, rows = case.size(4, 3, 5), rows or case.size(2, 2, 4)
    count = columns * rows
    noise = torch.linspace(-0.9, 0.7, count)[torch.randperm(count, generator=torch.Generator().manual_seed(5))]
    noise = torch.stack([noise] * 4, 1)
    spy = _SpyGenerator(channels).train(training)
    with kept(noise) as (lent,):
        picture = _as_pixels(call(with_given(answer, to_images=_right_to_images), spy, lent, columns))
    if not spy.noises:
        raise Wrong("the generator was not called", "the samples come from generator(noise)")
    return spy, noise, picture, columns


@sample_grid.aspect("shape", gate=True)
def grid_shape(answer: Callable, case: Case) -> str:
    _, noise, picture, columns = _sampled(answer, case)
    rows = len(noise) // columns
    wanted = (rows * HEIGHT, columns * WIDTH, 3)
    given = tuple(picture.shape)
    if given == wanted:
        _examine_grey_and_large(answer, case)
        return f"{len(noise)} pictures of {HEIGHT} x {WIDTH} in {columns} columns: {wanted}"
    likely = None
    if columns != 8 and given == (-(-len(noise) // 8) * HEIGHT, 8 * WIDTH, 3):
        likely = "there are as many columns as the argument says"
    elif given == (columns * HEIGHT, rows * WIDTH, 3):
        likely = "rows and columns are swapped"
    elif given == (len(noise), HEIGHT, WIDTH, 3):
        likely = "the pictures are not put together: one picture of all of them is wanted"
    elif given == (3, wanted[0], wanted[1]):
        likely = "channels come last in a picture"
    elif len(given) == 3 and given[0] > wanted[0] and given[1] > wanted[1]:
        likely = "there is a border between the pictures: none was asked for"
    pictures = f"{len(noise)} pictures of {HEIGHT} x {WIDTH} in {columns} columns"
    raise Wrong(f"you gave {given} for {pictures}, wanted {wanted}", likely)


def _examine_grey_and_large(answer: Callable, case: Case) -> None:
    """Pictures of one channel keep its axis (or get three, as in torchvision's grids), and none is left out."""
    for channels, rows in ((1, 2), (3, 24)):
        _, noise, picture, columns = _sampled(answer, case, channels=channels, rows=rows)
        wanted = (rows * HEIGHT, columns * WIDTH, channels)
        if tuple(picture.shape) not in (wanted, (*wanted[:2], 3)):
            kind = "grey pictures" if channels == 1 else "pictures"
            likely = "one channel is an axis all the same" if channels == 1 else "all of the noise is used"
            raise Wrong(f"you gave {tuple(picture.shape)} for {len(noise)} {kind}, wanted {wanted}", likely)


@sample_grid.aspect("layout", share=0.3)
def grid_layout(answer: Callable, case: Case) -> str:
    spy, noise, picture, columns = _sampled(answer, case)
    tiles = _right_to_images(spy(noise))
    rows = len(noise) // columns

    def laid(tiles: Tensor) -> Tensor:
        return torch.cat([torch.cat(list(row), 1) for row in tiles.split(columns)], 0)

    if picture.dtype != torch.uint8:
        raise Wrong(f"you gave dtype {picture.dtype}, wanted torch.uint8", "use your to_images")
    if torch.equal(picture, laid(tiles)):
        return "row by row, from left to right"
    down = tiles.view(rows, columns, HEIGHT, WIDTH, 3)
    by_columns = torch.cat([torch.cat(list(tiles[r::rows]), 1) for r in range(rows)], 0)
    known = {
        "the pictures run down the columns: row by row was asked for": by_columns,
        "reshape alone does not put pictures side by side: move the axes first (rows, H, columns, W, C)": down.reshape(
            picture.shape
        ),
        "the axes are moved in the wrong order": down.permute(0, 3, 1, 2, 4).reshape(picture.shape),
    }
    likely = next((name for name, value in known.items() if torch.equal(picture, value)), None)
    used = torch.cat(spy.noises[:-1])
    if likely is None and not (used.shape == noise.shape and torch.equal(used, noise)):
        likely = "other noise than the given one: with fixed noise, two pictures in a training can be compared"
    raise Wrong("the picture is not the one that belongs to this noise", likely)


@sample_grid.aspect("eval mode", share=0.25)
def grid_eval(answer: Callable, case: Case) -> str:
    spy, _, _, _ = _sampled(answer, case)
    if any(spy.modes):
        raise Wrong(
            "the generator was in train mode",
            "in train mode batch norm takes the statistics of this batch: each sample depends on the others",
        )
    return "sampled in eval mode"


@sample_grid.aspect("restored", share=0.25)
def grid_restored(answer: Callable, case: Case) -> str:
    for training in (True, False):
        spy, _, _, _ = _sampled(answer, case, training)
        if spy.all_modes() == {training}:
            continue
        if training:
            raise Wrong(
                "the generator is left in eval mode", "training would go on without batch statistics: restore it"
            )
        raise Wrong(
            "the generator was in eval mode before, and is in train mode now",
            "restore the mode that you found: remember generator.training first",
        )
    return "train stays train, eval stays eval"


@sample_grid.aspect("no graph", share=0.2)
def grid_graph(answer: Callable, case: Case) -> str:
    spy, noise, _, _ = _sampled(answer, case)
    if any(spy.graphs):
        raise Wrong("the samples were made with a graph", "nobody learns here: torch.no_grad() saves time and memory")
    used = torch.cat(spy.noises)
    if used.shape != noise.shape or not torch.equal(used, noise):
        raise Wrong("other noise than the given one was used", "fixed noise makes pictures comparable")
    if spy.scale.grad is not None or not spy.scale.requires_grad:
        raise Wrong("the generator's weights were touched", "requires_grad stays as it was")
    if not torch.is_grad_enabled():
        torch.set_grad_enabled(True)
        raise Wrong("gradients are off for everybody now", "use `with torch.no_grad():`, which ends")
    return "made without a graph, from the given noise"


# 2.8 repaired_loss

repaired_loss = Exercise("02.repaired_loss", points=2, read='"Find the bug", above')


class _Judge(nn.Module):
    """Looks up its logits: a picture's first pixel is its number."""

    def __init__(self, logits: list[float], shape: tuple[int, ...]):
        super().__init__()
        self.logits, self.shape = nn.Parameter(torch.tensor(logits)), shape

    def forward(self, x: Tensor) -> Tensor:
        return self.logits[x.flatten(1)[:, 0].round().long()].view(-1, *self.shape)


def _jury(case: Case, shape: tuple[int, ...] = (1,)) -> tuple[_Judge, Tensor, Tensor, list[float], list[float]]:
    """A judge, a real and a fake batch of the same size, and the logits that they get."""
    real = case.numbers([1.5, -0.5, 2.0], -1.5, 2.5)
    fake = [round(0.4 - 0.7 * a + 0.1 * i, 3) for i, a in enumerate(real)]
    numbers = torch.arange(2.0 * len(real)).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return _Judge(real + fake, shape), numbers[: len(real)], numbers[len(real) :], real, fake


def _repaired(answer: Callable, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    with kept(real, fake):
        loss = call(answer, judge, real, fake)
    as_scalar(loss)
    return loss


@repaired_loss.aspect("scalar", gate=True)
def repaired_scalar(answer: Callable, case: Case) -> str:
    judge, real, fake, _, _ = _jury(case)
    _repaired(answer, judge, real, fake)
    return "a scalar"


@repaired_loss.aspect("value", share=0.5)
def repaired_value(answer: Callable, case: Case) -> str:
    judge, real, fake, on_real, on_fake = _jury(case)
    given = float(_repaired(answer, judge, real, fake).detach())
    r, f = fmean(softplus(-a) for a in on_real), fmean(softplus(a) for a in on_fake)
    everything = on_real + on_fake
    known = {
        "still N x N: every logit is compared with every target. Look at the two shapes": fmean(
            softplus(-a) + softplus(a) for a in everything
        ),
        "the mean of the two terms: the colleague's loss is their sum": (r + f) / 2,
        "the labels are swapped: real is 1, fake is 0": fmean(softplus(a) for a in on_real)
        + fmean(softplus(-a) for a in on_fake),
        "the sum over the batch, not the mean": (r + f) * len(on_real),
        "the fakes are missing": r,
        "the real ones are missing": f,
        "the sigmoid was applied twice": fmean(softplus(-sigmoid(a)) for a in on_real)
        + fmean(softplus(sigmoid(a)) for a in on_fake),
        "twice too much: the factor 2 belongs to the mean over both halves": 2 * (r + f),
    }
    return expect(given, r + f, "for logits (N, 1)", known)


@repaired_loss.aspect("slopes", share=0.3)
def repaired_slopes(answer: Callable, case: Case) -> str:
    """Every logit is pulled to its own target and to no other."""
    judge, real, fake, on_real, on_fake = _jury(case)
    loss = _repaired(answer, judge, real, fake)
    if not loss.requires_grad:
        raise Wrong("the loss has no graph", "D cannot learn from it: something was detached or turned into a number")
    loss.backward()
    n = len(on_real)
    truth = [-sigmoid(-a) / n for a in on_real] + [sigmoid(a) / n for a in on_fake]
    given = [0.0] * len(truth) if judge.logits.grad is None else judge.logits.grad.tolist()
    for i, (g, t) in enumerate(zip(given, truth, strict=True)):
        if not near(g, t):
            kind = "real" if i < n else "fake"
            raise Wrong(f"the slope at a {kind} picture's logit is {g:.4f}, wanted {t:.4f}")
    if not judge.training:
        raise Wrong("D is left in eval mode", "a loss leaves the modes as they are")
    return "every logit is pulled to its own target"


@repaired_loss.aspect("shapes", share=0.2)
def repaired_shapes(answer: Callable, case: Case) -> str:
    for shape in ((), (1,)):
        for count in (None, 1):
            judge, real, fake, on_real, on_fake = _jury(case, shape)
            real, fake = real[:count], fake[:count]
            given = float(_repaired(answer, judge, real, fake).detach())
            truth = fmean(softplus(-a) for a in on_real[:count]) + fmean(softplus(a) for a in on_fake[:count])
            logits = "(N,)" if shape == () else "(N, 1)"
            if not near(given, truth):
                one = ", one picture of each" if count else ""
                raise Wrong(
                    f"you gave {given:.4f}, wanted {truth:.4f} for logits {logits}{one}",
                    "logits come as (N,) or as (N, 1), and N may be 1: give logits and targets one shape",
                )
    needs(repaired_value, answer, case)
    judge, real, fake, on_real, on_fake = _jury(case)
    for size in (2000.0, 200.0):
        with torch.no_grad():
            judge.logits.copy_(torch.tensor([-size] * len(on_real) + [size] * len(on_fake)))
        loss = _repaired(answer, judge, real, fake)
        seen = expect_stable(loss, [judge.logits], 2 * size, f"for logits of {-size:g} and {size:g}")
    return seen
