"""Day and night landscapes, drawn by a program: two domains whose true pairs are known.

Every scene is a table of numbers, drawn once; both pictures are painted from the same table. Nothing is random in one
domain only, so the night of a day is a function of it. A mirrored scene is as likely as the scene itself.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gancourse.cards import load_card
from gancourse.data.images import Images
from gancourse.data.unpaired import Unpaired
from gancourse.errors import DataError

FINER = 2  # painted so many times larger, then averaged: soft edges

# (red, green, blue) by day and by night, in [0, 1].
SKY_TOP = (0.35, 0.60, 0.95), (0.02, 0.02, 0.12)
SKY_BOTTOM = (0.80, 0.90, 1.00), (0.12, 0.10, 0.28)
SUN_OR_MOON = (1.00, 0.90, 0.30), (0.90, 0.90, 0.85)
HILLS = (0.35, 0.50, 0.40), (0.05, 0.07, 0.12)
MEADOW = (0.40, 0.65, 0.25), (0.04, 0.09, 0.07)
SEA = (0.20, 0.45, 0.70), (0.04, 0.06, 0.20)
WALL = (0.85, 0.75, 0.60), (0.20, 0.17, 0.18)
WINDOW = (0.30, 0.40, 0.55), (1.00, 0.80, 0.30)
TRUNK = (0.40, 0.25, 0.12), (0.07, 0.05, 0.05)
LEAVES = (0.15, 0.45, 0.15), (0.03, 0.08, 0.05)
ROOFS = (0.75, 0.20, 0.15), (0.30, 0.30, 0.35), (0.50, 0.30, 0.15)
ROOF_AT_NIGHT = 0.22  # of its brightness by day
TINT_AT_NIGHT = 0.3  # of the scene's tint by day


@dataclass(frozen=True)
class Scenes:
    """What there is in N scenes. Lengths are parts of the picture's side, x from the left and y from the top.

    tint: (N, 3, 1, 1) added to every colour; everything else: (N, 1, 1).
    """

    tint: Tensor
    horizon: Tensor
    sun_x: Tensor
    sun_y: Tensor
    sun_radius: Tensor
    hill_heights: tuple[Tensor, Tensor]
    hill_phases: tuple[Tensor, Tensor]
    is_sea: Tensor
    has_house: Tensor
    house_x: Tensor
    house_width: Tensor
    house_height: Tensor
    roof: Tensor
    has_tree: Tensor
    tree_x: Tensor
    tree_height: Tensor

    def part(self, start: int, stop: int) -> "Scenes":
        """The scenes from start to stop."""

        def cut(value: Any) -> Any:
            return tuple(map(cut, value)) if isinstance(value, tuple) else value[start:stop]

        return Scenes(**{f.name: cut(getattr(self, f.name)) for f in fields(self)})


def draw_scenes(n: int, seed: int) -> Scenes:
    """N scenes, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, channels: int | None = None) -> Tensor:
        shape = (n, channels, 1, 1) if channels else (n, 1, 1)
        return low + (high - low) * torch.rand(shape, generator=generator)

    return Scenes(
        tint=uniform(-0.06, 0.06, channels=3),
        horizon=uniform(0.45, 0.65),
        sun_x=uniform(0.15, 0.85),
        sun_y=uniform(0.10, 0.32),
        sun_radius=uniform(0.06, 0.11),
        hill_heights=(uniform(0.03, 0.11), uniform(0.02, 0.07)),
        hill_phases=(uniform(0, 2 * math.pi), uniform(0, 2 * math.pi)),
        is_sea=uniform(0, 1) < 0.35,
        has_house=uniform(0, 1) < 0.7,
        house_x=uniform(0.24, 0.76),
        house_width=uniform(0.18, 0.30),
        house_height=uniform(0.14, 0.24),
        roof=(3 * uniform(0, 1)).long(),
        has_tree=uniform(0, 1) < 0.8,
        tree_x=uniform(0.08, 0.92),
        tree_height=uniform(0.14, 0.28),
    )


def paint(scenes: Scenes, night: bool, size: int = 32) -> Tensor:
    """The scenes by day or by night, (N, 3, size, size) in [-1, 1]."""
    side = torch.linspace(0, 1, FINER * size)
    y, x = side[None, :, None], side[None, None, :]
    tint = scenes.tint * (TINT_AT_NIGHT if night else 1)
    height = (y / scenes.horizon).clamp(0, 1)[:, None]
    sky = _colour(SKY_TOP, night) * (1 - height) + _colour(SKY_BOTTOM, night) * height + tint
    canvas = sky = sky.expand(-1, -1, -1, FINER * size)
    for inside, colour in _layers(scenes, x, y, sky, tint, night):
        canvas = torch.where(inside[:, None], colour, canvas)
    return torch.nn.functional.avg_pool2d(canvas.clamp(0, 1), FINER) * 2 - 1


def _colour(by_day_and_night: tuple, night: bool) -> Tensor:
    """One of the two colours, (1, 3, 1, 1)."""
    return torch.tensor(by_day_and_night[night])[None, :, None, None]


Layer = tuple[Tensor, Tensor]


def _layers(s: Scenes, x: Tensor, y: Tensor, sky: Tensor, tint: Tensor, night: bool) -> Iterator[Layer]:
    """What is painted over the sky, from far to near: where (N, H, W), and in which colour."""
    disc = _circle(x, y, s.sun_x, s.sun_y, s.sun_radius)
    yield disc & ~_shadow(s, x, y) if night else disc, _colour(SUN_OR_MOON, night)
    crest = s.horizon - 0.08
    for height, phase, waves in zip(s.hill_heights, s.hill_phases, (5, 11), strict=True):
        crest = crest - height * torch.sin(waves * (x - 0.5) + phase)
    yield y > crest, _colour(HILLS, night) + tint
    ground = torch.where(s.is_sea[:, None], _colour(SEA, night), _colour(MEADOW, night))
    yield y > s.horizon, ground + tint
    yield from _house(s, x, y, tint, night)
    foot = s.horizon + 0.22
    yield s.has_tree & _box(x, y, s.tree_x, 0.018, foot - s.tree_height, foot), _colour(TRUNK, night)
    crown = _circle(x, y, s.tree_x, foot - s.tree_height, 0.42 * s.tree_height)
    yield s.has_tree & crown, _colour(LEAVES, night) + tint


def _house(s: Scenes, x: Tensor, y: Tensor, tint: Tensor, night: bool) -> Iterator[Layer]:
    """Wall, roof and two windows, which are lit at night."""
    foot, half = s.horizon + 0.16, s.house_width / 2
    top = foot - s.house_height
    yield s.has_house & _box(x, y, s.house_x, half, top, foot), _colour(WALL, night) + tint
    down = (y - top + 0.11) / 0.11  # 0 at the ridge, 1 at the eaves
    inside = (down > 0) & (down < 1) & ((x - s.house_x).abs() < 1.24 * half * down)
    roof = torch.tensor(ROOFS)[s.roof.flatten()][:, :, None, None]
    yield s.has_house & inside, roof * (ROOF_AT_NIGHT if night else 1)
    middle, tall = foot - 0.55 * s.house_height, 0.22 * s.house_height
    for side in (-0.44, 0.44):
        pane = _box(x, y, s.house_x + side * half, 0.26 * half, middle - tall, middle + tall)
        yield s.has_house & pane, _colour(WINDOW, night)


def _box(x: Tensor, y: Tensor, center: Tensor, half: Tensor | float, top: Tensor, bottom: Tensor) -> Tensor:
    return ((x - center).abs() < half) & (y > top) & (y < bottom)


def _circle(x: Tensor, y: Tensor, center_x: Tensor, center_y: Tensor, radius: Tensor) -> Tensor:
    return (x - center_x) ** 2 + (y - center_y) ** 2 < radius**2


def _shadow(s: Scenes, x: Tensor, y: Tensor) -> Tensor:
    """What makes the moon a crescent, open towards the middle of the picture."""
    aside = 0.45 * s.sun_radius * torch.sign(0.5 - s.sun_x)
    return _circle(x, y, s.sun_x + aside, s.sun_y - 0.2 * s.sun_radius, 0.85 * s.sun_radius)


COUNTS = {"train": 2000, "test": 500}
PART = 100  # scenes painted at a time: their canvas fits into a processor's cache


def scenes(split: str = "train", size: int = 32) -> Unpaired:
    """Day (A) and night (B). train: 2,000 scenes by day, 2,000 *other* ones by night; test: 500 true pairs.

    Raises DataError for another split.
    """
    if split not in COUNTS:
        raise DataError(f"The scenes have the splits 'train' and 'test', not {split!r}.")
    seeds = (3, 3) if split == "test" else (1, 2)
    card = load_card("scenes")
    days, nights = (
        Images("night" if night else "day", _painted(COUNTS[split], seed, bool(night), size), card=card)
        for night, seed in enumerate(seeds)
    )
    return Unpaired("scenes", days, nights, paired=split == "test")


@cache
def _painted(n: int, seed: int, night: bool, size: int) -> Tensor:
    """n pictures as bytes, painted once."""
    drawn = draw_scenes(n, seed)
    return torch.cat([_bytes(paint(drawn.part(i, i + PART), night, size)) for i in range(0, n, PART)])


def _bytes(pixels: Tensor) -> Tensor:
    """[-1, 1] to uint8, the inverse of to_range."""
    return ((pixels + 1) * 127.5).round().to(torch.uint8)
