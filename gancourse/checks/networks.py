"""What the checks of networks share: build a learner's class, run it, and compute by hand what it should give.

Two networks with the same weights must give the same numbers, so the truth is computed from the weights that are found
in the learner's network, by their shapes; names and order do not matter.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.checks.core import Wrong, call, seed_checks

AFFINE = (nn.modules.conv._ConvNd, nn.Linear)
EPS = 1e-5


def build(answer: Callable, *args: Any, **kwargs: Any) -> nn.Module:
    """The learner's network with reproducible weights and all biases of its linear layers at 0."""
    seed_checks(1)
    network = call(answer, *args, **kwargs)
    if isinstance(network, type):
        raise Wrong("you gave a class, wanted a network", "make an object of it: call the class with its sizes")
    if not isinstance(network, nn.Module):
        likely = "the function has no return" if network is None else "the class must inherit from nn.Module"
        raise Wrong(f"you gave a {type(network).__name__}, wanted an nn.Module", likely)
    if not any(True for _ in network.parameters()):
        likely = "layers are made in __init__ and kept as attributes of self (or in nn.Sequential, nn.ModuleList)"
        raise Wrong("the network has no weights", likely)
    for module in network.modules():
        if isinstance(module, AFFINE) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network


def run(network: nn.Module, x: Tensor) -> Tensor:
    """The network's answer to x, a float tensor without NaN. Raises Wrong for everything else, or when x is changed."""
    before = x.detach().clone()
    out = call(network, x)
    if out is None:
        raise Wrong("forward gave None", "forward has no return")
    if type(out) is not Tensor:
        raise Wrong(f"forward gave a {type(out).__name__}, wanted a tensor")
    if not torch.equal(x.detach(), before):
        raise Wrong("the input came back changed", "a layer works in place on the input")
    if not out.isfinite().all():
        raise Wrong("the output holds NaN or infinite values")
    return out


def weight(network: nn.Module, *shapes: tuple[int, ...], what: str) -> Tensor:
    """The one weight of the network that has one of these shapes. Raises Wrong, listing what was found."""
    found = [p.detach() for p in network.parameters() if tuple(p.shape) in shapes]
    if len(found) == 1:
        return found[0]
    if found:
        raise Wrong(f"{len(found)} weights have the shape {shapes[0]}, wanted one", f"one layer too many: {what}")
    there = [tuple(p.shape) for p in network.parameters() if p.ndim > 1]
    raise Wrong(f"no weight has the shape {shapes[0]}; found {', '.join(map(str, there[:5]))}", _of_shapes(there, what))


def _of_shapes(there: list[tuple[int, ...]], what: str) -> str:
    kernels = {shape[-1] for shape in there if len(shape) == 4}
    if kernels and 4 not in kernels:
        uneven = ", and an odd kernel covers the pixels unevenly at stride 2" if min(kernels) % 2 else ""
        return f"the kernel is {min(kernels)}{uneven}: {what}"
    return what


def batch_norm(x: Tensor, eps: float = EPS) -> Tensor:
    """Each channel of (N, C, ...) to mean 0 and variance 1 over all other axes."""
    return F.batch_norm(x, None, None, training=True, eps=eps)


def same(a: Tensor, b: Tensor, tolerance: float = 2e-4) -> bool:
    """Equal to a relative (above 1) or absolute tolerance; false for other shapes."""
    return a.shape == b.shape and bool((a - b).abs().max() <= tolerance * max(1.0, float(b.abs().max())))


def compare_output(given: Tensor, truth: Tensor, known: dict[str, Tensor], about: str) -> str:
    """The learner's output against the truth; if it is one of the known wrong ones, name the mistake."""
    given = given.detach()
    if same(given, truth):
        return f"{about}: std {truth.std():.3f}"
    likely = next((name for name, value in known.items() if same(given, value)), None)
    raise Wrong(f"{about}: you gave mean {given.mean():.3f}, std {given.std():.3f}; "
                f"wanted mean {truth.mean():.3f}, std {truth.std():.3f}", likely)  # fmt: skip


def learns(network: nn.Module, x: Tensor) -> str:
    """Whether a gradient reaches the input and every weight."""
    if not all(p.requires_grad for p in network.parameters()):
        raise Wrong(
            "some weights do not require gradients", "a network that is made for training must be able to learn"
        )
    x = x.clone().requires_grad_()
    out = run(network.train(), x)
    if not out.requires_grad:
        raise Wrong("the output has no graph", "detach, no_grad or .data in forward: nothing could learn")
    (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
    if x.grad is None or not x.grad.abs().sum() > 0:
        raise Wrong(
            "no gradient reaches the input", "detach, no_grad or .data in forward: the player before it starves"
        )
    deaf = [tuple(p.shape) for p in network.parameters() if p.grad is None]
    deaf += [tuple(p.shape) for p in network.parameters() if p.ndim > 1 and p.grad is not None and not p.grad.any()]
    if deaf:
        raise Wrong(f"no gradient reaches a weight of shape {deaf[0]}", "a layer is made and not used, or was cut off")
    return "a gradient reaches the input and every weight"


def steady_in_eval(network: nn.Module, x: Tensor) -> str:
    """Whether in eval mode, after some batches, a sample's answer is the same alone and in company."""
    seed_checks(2)
    for _ in range(3):
        run(network.train(), torch.randn_like(x) + 0.5)
    kept = [m.running_mean for m in network.modules() if getattr(m, "running_mean", None) is not None]
    if any(not mean.any() for mean in kept):
        raise Wrong("after three batches running averages are still 0", "leave momentum as nn.BatchNorm2d has it")
    network.eval()
    with torch.no_grad():
        whole, alone = run(network, x), run(network, x[:1])
        once_more = run(network, x)
    network.train()
    if alone.shape[0:1] != (1,) or whole.shape[1:] != alone.shape[1:]:
        raise Wrong(f"for one sample the shape is {tuple(alone.shape)}", "the batch axis was lost")
    if not same(whole, once_more):
        raise Wrong("in eval mode two calls differ", "dropout or noise that does not listen to eval()")
    if not same(whole[:1], alone):
        raise Wrong(
            "in eval mode a sample depends on its company",
            "batch norm must use its running averages in eval mode: use nn.BatchNorm2d as it is",
        )
    return "in eval mode a sample is the same alone and in company"
