"""A device that is none: tensors that say they are on "cuda", lie on the CPU, and refuse to meet those that do not.

    with pretend_gpu():
        x = torch.ones(3, device="cuda")  # x.device says cuda:0
        x + torch.ones(3)                 # RuntimeError, as on a GPU

So a machine without a GPU finds the tensor that was left behind, which is what breaks code at its first use on one. It
says nothing about speed, memory or kernels. Modes of torch hold for one thread: others know the CPU alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
aten = torch.ops.aten
CROSSING = {aten.copy_.default, aten._foreach_copy_.default}  # what may have tensors of both places
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}


def there(tensor: Tensor) -> bool:
    """Whether a tensor pretends to be on the GPU. The mark is its storage's, so that views share it."""
    return getattr(tensor.untyped_storage(), "pretends", False)


def mark(tensor: Tensor, on_gpu: bool) -> Tensor:
    tensor.untyped_storage().pretends = on_gpu
    return tensor


def tensors(*values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


class Places(TorchDispatchMode):
    """What comes of tensors on the GPU is there too, and tensors of both places do not meet.

    inside: whether a function was called with a tensor on the GPU, and new ones that it makes on its way are there too.
    """

    inside = False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given = tensors(args, kwargs)
        on_gpu = any(map(there, given)) if given else self.inside
        if given and on_gpu:
            self._refuse_strangers(func, args, given)
        out = func(*args, **(kwargs or {}))
        if on_gpu and func not in CROSSING:
            for tensor in tensors(out):
                mark(tensor, True)
        return out

    def _refuse_strangers(self, func: Any, args: tuple, given: list[Tensor]) -> None:
        if func in CROSSING:
            return
        if func in INDEXED and there(args[0]):  # a tensor on the GPU may be indexed from the CPU
            given = [args[0], *tensors(args[2:])]
        if any(tensor.ndim > 0 and not there(tensor) for tensor in given):
            raise RuntimeError(f"Expected all tensors to be on the same device, but {func} has some on cuda:0 and cpu!")


class Move(torch.autograd.Function):
    """A copy in the other place; the gradient comes back to the first."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, to_gpu: bool) -> Tensor:
        ctx.to_gpu = to_gpu
        return mark(tensor.detach().clone(), to_gpu)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return mark(gradient.detach().clone(), not ctx.to_gpu), None


class Devices(TorchFunctionMode):
    """What people write about devices: `device=`, `.to`, `.cpu()`, `.device`, `.numpy()`."""

    def __init__(self, places: Places):
        super().__init__()
        self.places = places

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        if func == Tensor.device.__get__:
            return CUDA if there(args[0]) else func(*args)
        if func == Tensor.is_cuda.__get__:
            return there(args[0])
        if func in (Tensor.numpy, Tensor.__array__) and there(args[0]):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        if func in (Tensor.cpu, Tensor.cuda):
            return self._moved(args[0], func is Tensor.cuda)
        if func is Tensor.to:
            return self._to(*args, **kwargs)
        return self._made(func, args, kwargs)

    def _moved(self, tensor: Tensor, to_gpu: bool) -> Tensor:
        return tensor if there(tensor) == to_gpu else Move.apply(tensor, to_gpu)

    def _to(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Tensor.to, told a place, a type, both or another tensor: the type and the layout as ever, then the place."""
        target, dtype = kwargs.get("device"), kwargs.get("dtype")
        for value in args:
            if isinstance(value, (str, torch.device)):
                target = value
            elif isinstance(value, torch.dtype):
                dtype = value
            elif isinstance(value, Tensor):
                target, dtype = CUDA if there(value) else CPU, value.dtype
        layout = kwargs.get("memory_format") or torch.preserve_format
        changed = tensor.to(dtype=dtype or tensor.dtype, memory_format=layout)
        kind = "" if target is None else torch.device(target).type
        return self._moved(changed, kind == "cuda") if kind in ("cuda", "cpu") else changed.to(target)

    def _made(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """Functions that make tensors on the device they are told."""
        if kwargs.get("device") is None:
            self.places.inside = any(map(there, tensors(args, kwargs)))
            try:
                return func(*args, **kwargs)
            finally:
                self.places.inside = False
        to_gpu = torch.device(kwargs["device"]).type == "cuda"
        if to_gpu:
            kwargs["device"] = CPU
            generator = kwargs.get("generator")
            if generator is not None:
                raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        made = func(*args, **kwargs)
        return mark(made, to_gpu) if isinstance(made, Tensor) else made


def load(torch_load: Any, *args: Any, map_location: Any = "cpu", **kwargs: Any) -> Any:
    """torch.load, whose tensors are made by no function that the modes hear of."""
    found = torch_load(*args, map_location="cpu", **kwargs)
    for tensor in tensors(found):
        mark(tensor, torch.device(map_location).type == "cuda")
    return found


@contextmanager
def pretend_gpu() -> Iterator[torch.device]:
    """The device, for as long as the block lasts, in this thread."""
    name = mock.patch("torch.cuda.get_device_name", lambda device=None: "a pretended GPU")
    memory = mock.patch("torch.cuda.mem_get_info", lambda device=None: (2**34, 2**34))
    files = mock.patch("torch.load", partial(load, torch.load))
    with name, memory, files, Places() as places, Devices(places):
        yield CUDA
