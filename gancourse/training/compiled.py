"""Networks through torch.compile: what it takes is counted apart, and where it fails the run goes on without it."""

import time
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

_seconds = 0.0


def seconds_of_compiling() -> float:
    """The seconds that this process has spent in calls for which kernels had to be written."""
    return _seconds


class Compiled:
    """A network as a function whose kernels torch.compile writes at the first call of each kind.

    mode: torch.compile's; "reduce-overhead" replays CUDA graphs. A kind is what kernels are written anew for: the
    shapes and types of the inputs, and what of all requires gradients. Where it fails, a warning says so once, and the
    network itself is called from then on.
    """

    def __init__(self, network: nn.Module, mode: str | None = None):
        self.network, self._function = network, torch.compile(network, mode=mode)
        self._written: set[tuple] = set()

    def __call__(self, *inputs: Tensor) -> Tensor:
        kind = self._kind(inputs)
        if kind in self._written:
            return self._function(*inputs)
        self._written.add(kind)
        return self._timed(inputs)

    def _kind(self, inputs: tuple[Tensor, ...]) -> tuple:
        first = next(self.network.parameters(), None)
        learning = first is not None and first.requires_grad
        shapes = tuple((x.shape, x.dtype, x.requires_grad) for x in inputs)
        return shapes, learning, torch.is_grad_enabled(), self.network.training

    def _timed(self, inputs: tuple[Tensor, ...]) -> Tensor:
        global _seconds
        began = time.perf_counter()
        try:
            with _way_back_too():
                return self._function(*inputs)
        except Exception as error:  # a compiler's backend can raise anything
            out = self.network(*inputs)  # which tells its own mistakes, if that is what it was
            self._function = self.network
            warnings.warn(_failed(self.network, error), stacklevel=4)
            return out
        finally:
            _seconds += time.perf_counter() - began


def _way_back_too() -> AbstractContextManager:
    """torch compiles a backward pass when it is first taken, beyond any clock or except; within this, at once."""
    from torch._functorch import config

    switch = "force_non_lazy_backward_lowering"
    return config.patch({switch: True}) if hasattr(config, switch) else nullcontext()


def _failed(network: nn.Module, error: Exception) -> str:
    said: Any = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return (
        f"torch.compile failed for {type(network).__name__} ({said}). Going on without it: same numbers, plain speed. "
        "On a CPU it needs a C++ compiler (Debian and Ubuntu: `apt install g++`); --set compile=false leaves it out."
    )
