"""Layers that several architectures share. Each is a function of tensors first, and a module where it has weights."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GAIN = math.sqrt(2)  # a rectifier lets half of the signal's power through (He et al. 2015, equation 10)


def minibatch_stddev(x: Tensor) -> Tensor:
    """Append one channel, the same number everywhere: the mean standard deviation over the batch.

    Features (N, F) to (N, F + 1), maps (N, C, H, W) to (N, C + 1, H, W). Karras et al. 2018, section 3. It says how
    much the samples differ. The small constant keeps the gradient finite where all of them are equal.
    """
    spread = (x.var(0, correction=0) + 1e-8).sqrt().mean()
    return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)


class MinibatchStd(nn.Module):
    """minibatch_stddev as a layer, or a learner's own."""

    looks_across_batch = True  # several processes show it the samples of all of them

    def __init__(self, minibatch_stddev: Callable[[Tensor], Tensor] = minibatch_stddev):
        super().__init__()
        self.minibatch_stddev = minibatch_stddev

    def forward(self, features: Tensor) -> Tensor:
        return self.minibatch_stddev(features)


def pixel_norm(x: Tensor) -> Tensor:
    """Give every pixel's vector of channels the mean square 1: (N, C, ...) to the same shape.

    Karras et al. 2018, section 4.2.
    """
    return x * (x.pow(2).mean(1, keepdim=True) + 1e-8).rsqrt()


def fade_in(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """(1 - alpha) old + alpha new: `old` at alpha = 0, `new` at 1. Karras et al. 2018, figure 2.

    new: (N, C, H, W); old: the same, or smaller by a whole factor, then each of its pixels is repeated.
    """
    return (1 - alpha) * F.interpolate(old, size=new.shape[2:]) + alpha * new


class EqualizedLinear(nn.Module):
    """Features (N, inputs) to (N, outputs), with weights scaled as those of EqualizedConv2d."""

    def __init__(self, inputs: int, outputs: int, gain: float = GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = gain / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class EqualizedConv2d(nn.Module):
    """Convolution (N, inputs, H, W) to (N, outputs, H', W') with an equalised learning rate.

    Karras et al. 2018, section 4.1. The stored weights are drawn from N(0, 1) and multiplied by gain / sqrt(fan-in) at
    every forward pass, so that one step of Adam changes every layer by the same share of itself.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, gain: float = GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = gain / math.sqrt(inputs * kernel**2)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualizedUpConv2d(nn.Module):
    """Transposed convolution (N, inputs, H, W) to (N, outputs, 2 H, 2 W), kernel 4 and stride 2, scaled as above.

    Each output pixel is made from a fourth of the kernel: fan-in inputs * 4.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs, 4, 4))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = gain / math.sqrt(inputs * 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight * self.scale, self.bias, stride=2, padding=1)
