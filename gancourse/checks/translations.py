"""Translations and judges with two weights each: every loss of lesson 05 is a number that a pencil can find.

A translation is x -> scale * x + shift, a judge gives each patch (a mean over channels) the logit slope * mean + bias.
The truth is computed on lists of floats, its gradients by central differences.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor, nn

from gancourse.checks.core import Case

Pixels = list[float]
Pair = tuple[float, float]
STEP = 1e-5


class Translation(nn.Module):
    """scale * x + shift, counting its calls."""

    def __init__(self, pair: Pair):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(pair[0]))
        self.shift = nn.Parameter(torch.tensor(pair[1]))
        self.modes: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(self.training)
        return self.scale * x + self.shift

    @property
    def pair(self) -> Pair:
        return self.scale.item(), self.shift.item()

    def gradient(self) -> Pair | None:
        """The gradients that arrived in both weights; None where none did."""
        grads = self.scale.grad, self.shift.grad
        return None if grads[0] is None or grads[1] is None else (grads[0].item(), grads[1].item())


class Judge(Translation):
    """Logits (N, 1, H, W) for images (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mean(dim=1, keepdim=True))


@dataclass(frozen=True)
class World:
    """A batch of each domain, two translations and two judges. a, b: images (N, 2, H, W), not square, N unequal."""

    a: Tensor
    b: Tensor
    ab: Pair
    ba: Pair
    d_a: Pair
    d_b: Pair

    def nets(self) -> tuple[Translation, Translation, Judge, Judge]:
        """Fresh networks with the world's weights: g_ab, g_ba, d_a, d_b."""
        return Translation(self.ab), Translation(self.ba), Judge(self.d_a), Judge(self.d_b)

    def shifted(self, name: str, part: int, by: float) -> "World":
        """The same world with one weight of one network changed."""
        pair = list(getattr(self, name))
        pair[part] += by
        return replace(self, **{name: tuple(pair)})


def world(case: Case, same_size: bool = False) -> World:
    """A world in which no two right or wrong losses agree by accident."""
    draw = random.Random(case.size(7, 100, 10_000))
    height, width = case.size(3, 2, 4), case.size(2, 3, 5)
    n_a = case.size(2, 1, 3)
    n_b = n_a if same_size else n_a + 1

    def images(n: int, low: float, high: float) -> Tensor:
        values = [draw.uniform(low, high) for _ in range(n * 2 * height * width)]
        return torch.tensor(values).view(n, 2, height, width)

    return World(
        a=images(n_a, -0.3, 0.9),
        b=images(n_b, -0.9, 0.2),
        ab=(case.number(0.7, 0.6, 0.8), case.number(-0.3, -0.4, -0.2)),
        ba=(case.number(1.2, 1.1, 1.3), case.number(0.25, 0.2, 0.35)),
        d_a=(case.number(0.9, 0.8, 1.1), case.number(0.15, 0.1, 0.25)),
        d_b=(case.number(-0.6, -0.7, -0.5), case.number(0.35, 0.3, 0.45)),
    )


# The same on lists of floats.


def pixels(images: Tensor) -> Pixels:
    """All numbers of a batch, in order."""
    return images.flatten().tolist()


def moved(net: Pair, xs: Iterable[float]) -> Pixels:
    """A translation of single numbers."""
    return [net[0] * x + net[1] for x in xs]


def distance(xs: Pixels, ys: Pixels) -> float:
    """The mean absolute difference."""
    return fmean(abs(x - y) for x, y in zip(xs, ys, strict=True))


def logits(judge: Pair, images: Tensor, through: Iterable[Pair] = ()) -> Pixels:
    """What a judge says of each patch of images that went through some translations first."""
    patches = images.mean(dim=1).flatten().tolist()  # a mean commutes with scale * x + shift
    for net in through:
        patches = moved(net, patches)
    return moved(judge, patches)


def squares(values: Pixels, target: float) -> float:
    """The mean squared distance from a target."""
    return fmean((v - target) ** 2 for v in values)


def cycle(w: World) -> Pair:
    """Both terms of the cycle loss: A to B and back, B to A and back."""
    a, b = pixels(w.a), pixels(w.b)
    return distance(moved(w.ba, moved(w.ab, a)), a), distance(moved(w.ab, moved(w.ba, b)), b)


def identity(w: World) -> Pair:
    """Both terms of the identity loss: G_AB on B, G_BA on A."""
    a, b = pixels(w.a), pixels(w.b)
    return distance(moved(w.ab, b), b), distance(moved(w.ba, a), a)


def adversarial(w: World) -> Pair:
    """What both translations pay to their judges: G_AB to D_B, G_BA to D_A."""
    return squares(logits(w.d_b, w.a, [w.ab]), 1), squares(logits(w.d_a, w.b, [w.ba]), 1)


def judges(w: World, fake_a: Tensor | None = None, fake_b: Tensor | None = None) -> Pair:
    """What D_A and D_B pay. fake_a, fake_b: what a pool handed out, else the world's own fakes."""
    a = logits(w.d_a, w.b, [w.ba]) if fake_a is None else logits(w.d_a, fake_a)
    b = logits(w.d_b, w.a, [w.ab]) if fake_b is None else logits(w.d_b, fake_b)
    return squares(logits(w.d_a, w.a), 1) + squares(a, 0), squares(logits(w.d_b, w.b), 1) + squares(b, 0)


def slope(loss: Callable[[World], float], w: World, name: str) -> Pair:
    """The gradient of a loss in the two weights of one network, by central differences."""
    found = [(loss(w.shifted(name, i, STEP)) - loss(w.shifted(name, i, -STEP))) / (2 * STEP) for i in (0, 1)]
    return found[0], found[1]
