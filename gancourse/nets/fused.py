"""Exact rewritings: neighbouring layers computed as one, with fewer multiplications and the same result.

A convolution after nearest upsampling reads each pixel several times over: the weights of its copies can be added up
first. What is added up are weights, at every forward pass, so gradients arrive at the plain weights and training is the
same training. Equal to the plain form up to rounding, 1e-12 in float64, gradients too (tests/package/test_fused.py).
"""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F

Model = TypeVar("Model", bound=nn.Module)
Layer = Callable[[Tensor], Tensor]


def fuse(model: Model) -> Model:
    """Have a model compute the same with less work. In place; weights, their names and the modules stay as they are.

    In every nn.Sequential of it, nearest Upsample before Conv2d and Conv2d before AvgPool2d are computed together, a
    1 x 1 Conv2d goes before any Upsample and after AvgPool2d, and InstanceNorm2d goes by its faster name. A model
    without them comes back unchanged. A layer with hooks, such as nn.utils.spectral_norm's, is computed as it is.
    """
    for module in model.modules():
        if type(module) is nn.Sequential:
            module.__class__ = FusedSequential
    return model


class FusedSequential(nn.Sequential):
    """The layers of an nn.Sequential under the same names, neighbours computed together where that is exact."""

    def forward(self, x: Tensor) -> Tensor:
        layers = list(self)
        while layers:
            pair = fused_pair(*layers[:2]) if len(layers) > 1 else None
            x = (pair or fused_layer(layers[0]))(x)
            layers = layers[2 if pair else 1 :]
        return x


def fused_pair(first: nn.Module, second: nn.Module) -> Layer | None:
    """The function that computes two layers together; None where there is no exact one, or where a hook waits."""
    if _has_hooks(first) or _has_hooks(second):
        return None
    if (type(first) is nn.Upsample and _is_pointwise(second)) or (_is_pointwise(first) and _pooling(second)):
        return _swapped(first, second)
    if (scale := _upsampling(first)) and _is_plain_conv(second):
        return lambda x: upsample_conv(x, second.weight, second.bias, scale, second.padding[0])
    if (size := _pooling(second)) and _is_plain_conv(first):
        return lambda x: conv_pool(x, first.weight, first.bias, size, first.padding[0])
    return None


def _swapped(first: nn.Module, second: nn.Module) -> Layer:
    """A 1 x 1 convolution mixes channels, a resampling mixes pixels with weights that sum to 1: their order is free."""
    return lambda x: first(second(x))


def upsample_conv(x: Tensor, weight: Tensor, bias: Tensor | None, scale: int, padding: int) -> Tensor:
    """Nearest upsampling, then a convolution of stride 1: (N, C, H, W) to (N, O, H', W').

    As one transposed convolution, whose kernel is the flipped sum of the plain one's shifts: 3 x 3 becomes 4 x 4, of
    which each output pixel meets 4 instead of 9.
    """
    kernel = sum_of_shifts(weight, scale).flip(2, 3).transpose(0, 1)
    return F.conv_transpose2d(x, kernel, bias, stride=scale, padding=weight.shape[2] - 1 - padding)


def conv_pool(x: Tensor, weight: Tensor, bias: Tensor | None, size: int, padding: int) -> Tensor:
    """A convolution of stride 1, then average pooling over size x size: (N, C, H, W) to (N, O, H', W').

    As one convolution of stride `size` with the mean of the kernel's shifts: 3 x 3 becomes 4 x 4, and 16 products do
    what 36 did.
    """
    return F.conv2d(x, sum_of_shifts(weight, size) / size**2, bias, stride=size, padding=padding)


def sum_of_shifts(weight: Tensor, size: int) -> Tensor:
    """The sum of a kernel's size x size shifts: (O, I, k, k) to (O, I, k + size - 1, k + size - 1)."""
    return F.avg_pool2d(F.pad(weight, [size - 1] * 4), size, stride=1, divisor_override=1)


def fused_layer(layer: nn.Module) -> Layer:
    """The function that computes one layer: instance norm as a group norm of single channels, others as they are."""
    if type(layer) is nn.InstanceNorm2d and not layer.track_running_stats and not _has_hooks(layer):
        return lambda x: F.group_norm(x, x.shape[1], layer.weight, layer.bias, layer.eps)
    return layer


def _has_hooks(layer: nn.Module) -> bool:
    """Whether somebody wants to know when the layer is called."""
    return any((layer._forward_pre_hooks, layer._forward_hooks, layer._backward_pre_hooks, layer._backward_hooks))


def _upsampling(layer: nn.Module) -> int | None:
    """The whole factor of a nearest upsampling, None for any other layer."""
    if type(layer) is not nn.Upsample or layer.mode != "nearest" or layer.scale_factor is None:
        return None
    return _same_whole(layer.scale_factor)


def _pooling(layer: nn.Module) -> int | None:
    """The side of the squares that an average pooling makes one, None for any other layer."""
    if type(layer) is not nn.AvgPool2d or layer.ceil_mode or layer.divisor_override is not None:
        return None
    size = _same_whole(layer.kernel_size)
    return size if size == _same_whole(layer.stride) and _same_whole(layer.padding) == 0 else None


def _same_whole(value: float | tuple[float, ...]) -> int | None:
    """The whole number that stands for both axes, None where they differ or have fractions."""
    numbers = {float(v) for v in value} if isinstance(value, tuple) else {float(value)}
    number = numbers.pop()
    return int(number) if not numbers and number.is_integer() else None


def _is_pointwise(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that looks at one pixel at a time."""
    return _is_plain_conv(layer) and layer.kernel_size == (1, 1)


def _is_plain_conv(layer: nn.Module) -> bool:
    """Whether a layer is a convolution of stride 1, a square kernel and zeros around; its weights may be derived."""
    return (
        isinstance(layer, nn.Conv2d)
        and type(layer).forward is nn.Conv2d.forward
        and layer.padding_mode == "zeros"
        and layer.groups == 1
        and set(layer.stride) == set(layer.dilation) == {1}
        and not isinstance(layer.padding, str)
        and len(set(layer.kernel_size)) == len(set(layer.padding)) == 1
        and layer.padding[0] < layer.kernel_size[0]
    )
