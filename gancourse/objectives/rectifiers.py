"""Rectifiers for what is differentiated twice: nothing is carried through a second derivative that is zero."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class MaskedRectifiers(TorchFunctionMode):
    """Within it, ReLU and LeakyReLU are products with a mask: the same values and slopes, bit for bit.

    A penalty's backward reaches a rectifier's slope, which does not change with its input. torch carries these zeros
    back through the whole network all the same; a mask has no way back, and a pass over the critic is saved.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is F.relu:
            return masked(args[0], 0.0)
        if func is F.leaky_relu:
            return masked(args[0], args[1] if len(args) > 1 else (kwargs or {}).get("negative_slope", 0.01))
        return func(*args, **(kwargs or {}))


def masked(x: Tensor, slope: float) -> Tensor:
    """x where it is above 0, slope * x elsewhere.

    The mask is what the rectifier's own backward makes of ones: several numbers at once, not one by one as torch.where.
    """
    with torch.no_grad():
        factor = torch.ops.aten.leaky_relu_backward(x.new_ones(()).expand_as(x), x, slope, False)
    return x * factor
