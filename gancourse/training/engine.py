"""How a step is computed, never what: switches that make the same game faster on one machine or another."""

import ctypes
import platform
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gancourse.errors import RecipeError

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Engine:
    """The switches, each measured recipe by recipe in benchmarks/ and off where it loses.

    channels_last: keep a pixel's channels side by side in memory, which suits most networks of convolutions, not all.
    precision: "bf16" computes the networks with 8 bits of mantissa where autocast allows it; weights, losses, penalties
    and everything that is differentiated twice stay in "fp32".
    fused: one kernel for an optimiser's whole step, in place of one a parameter and operation.
    compile: have torch.compile write kernels for the networks. Takes a minute before the first step.
    tf32: let a GPU multiply float32 with 10 bits of mantissa.
    keep_memory: on Linux, have the process keep what a step frees for the next one, instead of handing it back.
    """

    channels_last: bool = False
    precision: str = "fp32"
    fused: bool = True
    compile: bool = False
    tf32: bool = False
    keep_memory: bool = False

    def validate_switches(self) -> None:
        """Raise RecipeError that names the switch that cannot be."""
        if self.precision not in PRECISIONS:
            raise RecipeError(f"precision must be one of {', '.join(PRECISIONS)}, but is {self.precision!r}.")

    def prepare(self, player: nn.Module) -> nn.Module:
        """Lay out a player's weights, before its optimiser and its average are made. Returns the same player."""
        if self.tf32:
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.allow_tf32 = True
        if self.keep_memory:
            keep_freed_memory()
        return player.to(memory_format=torch.channels_last) if self.channels_last else player

    def call(self, network: nn.Module) -> Callable[..., Tensor]:
        """The network as a function that the engine computes, with float32 results.

        Not for what is differentiated twice, like a penalty's D: there call the network itself.
        """
        function = torch.compile(network) if self.compile else network
        return function if self.precision == "fp32" else in_bf16(function)


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory; the large tensors of a step would else be mapped and cleared anew every time.

    For the whole process, and for good. Returns whether there is a glibc that took it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mmap_threshold, trim_threshold = -3, -1  # the names' numbers in malloc.h
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(mmap_threshold, 32 * 2**20) and mallopt(trim_threshold, 2**31 - 1))


def in_bf16(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under autocast to bfloat16. Takes and returns float32."""

    def call(*inputs: Tensor) -> Tensor:
        with torch.autocast(inputs[0].device.type, torch.bfloat16):
            out = function(*inputs)
        return out.float()

    return call
