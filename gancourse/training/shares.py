"""A batch in parts, one for each process and micro-batch. Together they are the batch, number for number.

Three things in a GAN's step look beyond a single sample: random numbers drawn for the batch (noise, the points between
real and fake), batch norm, and the standard deviation over the batch that a discriminator is told. Processes make them
for the whole batch together, so a run does not depend on how many they are. Micro-batches follow one another in time:
they share the random numbers, but batch norm and the standard deviation see one micro-batch only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from gancourse.errors import TrainingError
from gancourse.training.distributed import rank, sum_in_place, world_size

_micro_batches = 1  # of the run in progress; set by sharing()


@contextmanager
def sharing(players: Iterable[nn.Module], micro_batches: int) -> Iterator[None]:
    """Within it, backward() goes through so many micro-batches and shows all processes' samples to those who ask.

    A layer asks by an attribute looks_across_batch, as MinibatchStd does.
    """
    global _micro_batches
    before, _micro_batches = _micro_batches, micro_batches
    hooks = [hook for player in players for hook in _look_at_whole_batch(player)] if world_size() > 1 else []
    try:
        yield
    finally:
        _micro_batches = before
        for hook in hooks:
            hook.remove()


def _look_at_whole_batch(player: nn.Module) -> Iterator[RemovableHandle]:
    for module in player.modules():
        if getattr(module, "looks_across_batch", False):
            yield module.register_forward_pre_hook(lambda _, inputs: gathered(*inputs) if WholeBatch.active else None)
            yield module.register_forward_hook(lambda _, inputs, out: scattered(out) if WholeBatch.active else None)


def refuse_uneven(batch_size: int, micro_batches: int) -> None:
    """Raise TrainingError when a batch cannot be cut into equal parts for all processes and micro-batches."""
    parts = world_size() * micro_batches
    if batch_size % parts:
        smaller = batch_size // parts * parts
        fitting = f"{smaller} or {smaller + parts}" if smaller else str(parts)
        raise TrainingError(
            f"A batch of {batch_size} cannot be shared evenly by {world_size()} process(es) with {micro_batches} "
            f"micro-batch(es) each. Use a multiple of {parts}, for instance --set batch_size={fitting}."
        )


def own_part(batch: Any) -> Any:
    """What this process takes of a whole batch, a tensor (N, ...) or a tuple of them: of every micro-batch its part."""
    if world_size() == 1:
        return batch
    if isinstance(batch, Tensor):
        return batch.unflatten(0, (_micro_batches, world_size(), -1))[:, rank()].flatten(0, 1)
    return tuple(own_part(part) for part in batch)


def _cut(batch: Any) -> list:
    """This process's part of a batch in micro-batches."""
    if isinstance(batch, Tensor):
        return list(batch.chunk(_micro_batches))
    return list(zip(*[_cut(part) for part in batch], strict=True))


def backward(loss: Callable[[Any], Tensor], batch: Any) -> Tensor:
    """Add the gradients of this process's part of a batch. Returns the mean loss over the part, without a graph.

    loss: a mean over samples. Exact then: the mean of the micro-batches' gradients is the part's gradient.
    """
    if world_size() == _micro_batches == 1:
        value = loss(batch)
        value.backward()
        return value.detach()
    values, whole = [], WholeBatch()
    for number, micro_batch in enumerate(_cut(batch)):
        with whole.part(number):
            values.append(loss(micro_batch) / _micro_batches)
            values[-1].backward()
    return torch.stack(values).detach().sum()


class SumOverProcesses(torch.autograd.Function):
    """Differentiable any number of times: the gradient of a sum that all see is the sum of all their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return sum_in_place(x.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return SumOverProcesses.apply(gradient)


def gathered(x: Tensor) -> Tensor:
    """The x (n, ...) of all processes in a row (n * processes, ...), with a graph through them."""
    if world_size() == 1:
        return x
    before, after = rank() * len(x), (world_size() - 1 - rank()) * len(x)
    return SumOverProcesses.apply(F.pad(x, [0, 0] * (x.ndim - 1) + [before, after]))


def scattered(x: Tensor) -> Tensor:
    """This process's rows of what gathered() gave."""
    return x.chunk(world_size())[rank()]


def whole_batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """F.batch_norm with the statistics of the x (n, C, ...) of all processes.

    torch's SyncBatchNorm cannot be differentiated twice, as a penalty needs, and does not run on a CPU.
    """
    if not training or world_size() == 1:
        return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    axes, shape = [0, *range(2, x.ndim)], [1, -1] + [1] * (x.ndim - 2)
    count = x.numel() // x.shape[1] * world_size()
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # sums of bf16 numbers lose too much
    centre = SumOverProcesses.apply(wide.sum(axes)) / count
    wide = wide - centre.view(shape)
    variance = SumOverProcesses.apply(wide.pow(2).sum(axes)) / count
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(centre.detach().to(running_mean), momentum)
        running_var.lerp_((variance * count / (count - 1)).detach().to(running_var), momentum)
    wide = wide * (variance + eps).rsqrt().view(shape)
    scaled = wide if weight is None else wide * weight.view(shape)
    return (scaled if bias is None else scaled + bias.view(shape)).to(x)


class WholeBatch(TorchFunctionMode):
    """Within part(i), what a loss does to a part of the batch comes out as if it had done it to the whole batch.

    torch.randn, rand, randint, randn_like and rand_like draw for the whole batch, in all processes the same, and
    return the rows of this part; so a loss need not know of processes. A single number () is the same for all parts,
    and a draw from a generator of one's own is left alone. F.batch_norm becomes whole_batch_norm.
    """

    active = False

    def __init__(self) -> None:
        super().__init__()
        self._drawn: list[Tensor] = []

    @contextmanager
    def part(self, micro_batch: int) -> Iterator[None]:
        """The part of this process in a micro-batch."""
        self._index, self._next = micro_batch * world_size() + rank(), 0
        WholeBatch.active = True
        try:
            with self:
                yield
        finally:
            WholeBatch.active = False

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return whole_batch_norm(*args, **kwargs)
        if func in SHAPES and kwargs.get("generator") is None:
            return self._rows(*SHAPES[func](func, args, kwargs))
        return func(*args, **kwargs)

    def _rows(self, draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...]) -> Tensor:
        if not shape:
            return draw(shape)
        if self._next == len(self._drawn):  # the first micro-batch draws for those that follow
            self._drawn.append(draw((shape[0] * world_size() * _micro_batches, *shape[1:])))
        self._next += 1
        first = self._index * shape[0]
        return self._drawn[self._next - 1][first : first + shape[0]]


def _sized(func: Callable, args: tuple, kwargs: dict) -> tuple[Callable, tuple[int, ...]]:
    """torch.randn and torch.rand take the shape as numbers, as one argument, or by name."""
    named = dict(kwargs)
    size = named.pop("size", None) or (args if not args or isinstance(args[0], int) else args[0])
    return lambda shape: func(shape, **named), tuple(size)


def _ranged(func: Callable, args: tuple, kwargs: dict) -> tuple[Callable, tuple[int, ...]]:
    """torch.randint takes it after its bounds, or by name."""
    named = dict(kwargs)
    size, bounds = (named.pop("size"), args) if "size" in named else (args[-1], args[:-1])
    return lambda shape: func(*bounds, shape, **named), tuple(size)


def _like(func: Callable, args: tuple, kwargs: dict) -> tuple[Callable, tuple[int, ...]]:
    """torch.randn_like and torch.rand_like take it from a tensor."""
    x = args[0]
    named = {"dtype": x.dtype, "device": x.device} | kwargs
    source = torch.randn if func is torch.randn_like else torch.rand
    return lambda shape: source(shape, **named), tuple(x.shape)


SHAPES = {
    torch.randn: _sized,
    torch.rand: _sized,
    torch.randint: _ranged,
    torch.randn_like: _like,
    torch.rand_like: _like,
}
