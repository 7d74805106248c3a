"""How a step is computed, never what: switches that make the same game faster on one machine or another."""

import ctypes
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.errors import RecipeError
from gancourse.training.compiled import Compiled
from gancourse.training.loop import Step

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Engine:
    """The switches, each measured recipe by recipe in benchmarks/ and off where it loses.

    channels_last: keep a pixel's channels side by side in memory, which suits most networks of convolutions, not all.
    precision: "bf16" computes the networks with 8 bits of mantissa where autocast allows it; weights, losses, penalties
    and everything that is differentiated twice stay in "fp32".
    fused: one kernel for an optimiser's whole step, in place of one a parameter and operation.
    compile: have torch.compile write kernels for the networks, which takes up to minutes in the first steps and is
    counted apart; where it fails, a warning says so and the run goes on without it. Not for `progressive`, whose
    networks change while they grow.
    cuda_graphs: on a CUDA device, compile and also replay a network's kernels as one graph (mode "reduce-overhead"):
    for small networks, whose kernels take less time than starting them. Not measured yet. Elsewhere a warning says that
    it does nothing.
    tf32: let a GPU multiply float32 with 10 bits of mantissa within a step; scores are computed as ever.
    keep_memory: on Linux, have the process keep what a step frees for the next one, instead of handing it back.
    """

    channels_last: bool = False
    precision: str = "fp32"
    fused: bool = True
    compile: bool = False
    cuda_graphs: bool = False
    tf32: bool = False
    keep_memory: bool = False

    def validate_switches(self) -> None:
        """Raise RecipeError that names the switch that cannot be."""
        if self.precision not in PRECISIONS:
            raise RecipeError(f"precision must be one of {', '.join(PRECISIONS)}, but is {self.precision!r}.")

    def prepare(self, player: nn.Module) -> nn.Module:
        """Lay out a player's weights, before its optimiser and its average are made. Returns the same player."""
        if self.keep_memory:
            keep_freed_memory()
        return player.to(memory_format=torch.channels_last) if self.channels_last else player

    def call(self, network: nn.Module) -> Callable[..., Tensor]:
        """The network as a function that the engine computes, with float32 results.

        Not for what is differentiated twice, like a penalty's D: there call the network itself.
        """
        function = self._compiled(network)
        return function if self.precision == "fp32" else in_bf16(function)

    def _compiled(self, network: nn.Module) -> Callable[..., Tensor]:
        if self.cuda_graphs and device_type(network) == "cuda":
            return Compiled(network, "reduce-overhead")
        if self.cuda_graphs:
            warnings.warn(
                f"cuda_graphs=true needs a CUDA device, but {type(network).__name__} is on the {device_type(network)}. "
                "Going on without graphs.",
                stacklevel=3,
            )
        return Compiled(network) if self.compile else network

    def stepping(self, step: Step) -> Step:
        """The step with what has to surround it: see tf32 and cuda_graphs."""

        def surrounded(real: Any, number: int) -> dict[str, Tensor]:
            if self.cuda_graphs and torch.cuda.is_available():
                torch.compiler.cudagraph_mark_step_begin()  # what earlier steps computed may be overwritten
            with in_tf32() if self.tf32 else nullcontext():
                return step(real, number)

        return surrounded if self.cuda_graphs or self.tf32 else step


def device_type(network: nn.Module) -> str:
    """cpu, cuda or mps: where the network's parameters are; cpu where it has none."""
    return next((parameter.device.type for parameter in network.parameters()), "cpu")


@contextmanager
def in_tf32() -> Iterator[None]:
    """Within it, a GPU multiplies float32 with 10 bits of mantissa; afterwards as before."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


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
