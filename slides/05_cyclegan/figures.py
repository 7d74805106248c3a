"""The figures and numbers of this deck: made with the package's own functions, or taken from the executed notebook.

python slides/05_cyclegan/figures.py    all of them and numbers.json (seconds; nothing is trained)
"""

import itertools
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from gancourse import show
from gancourse.authoring.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    READABLE,
    arrow,
    box,
    canvas,
    label_rows,
    save_drawings,
    save_json,
)
from gancourse.authoring.executed import Executed, draw_deck
from gancourse.data import emoji, scenes
from gancourse.nets import PatchDiscriminator
from gancourse.objectives import (
    cycle_loss,
    cyclegan_generator_loss,
    generator_loss,
    identity_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from gancourse.recipes.cyclegan import CycleGAN, l1
from gancourse.show.picture import picture
from gancourse.show.plots import tile

FOLDER = Path(__file__).resolve().parent / "figures"
NOTEBOOK = Executed("05_cyclegan")
SIDE = 32  # of an image, in pixels
OURS, PAPERS = ((4, 2), (4, 2), (4, 1)), ((4, 2), (4, 2), (4, 2), (4, 1), (4, 1))  # (kernel, stride) of the judges

# Diagrams.


def way(axes: Axes, y: float, boxes: Sequence[tuple[str, str, float]], gap: float = 0.42) -> list[float]:
    """A chain of boxes (text, edge, width) from the left at height y. Returns their middles."""
    middles, x = [], 0.1
    for i, (text, edge, width) in enumerate(boxes):
        box(axes, x + width / 2, y, text, edge, width=width)
        middles.append(x + width / 2)
        x += width
        if i + 1 < len(boxes):
            arrow(axes, (x + 0.06, y), (x + gap - 0.02, y))
        x += gap
    return middles


def judges_diagram() -> Figure:
    """Two translations, and who judges them."""
    fig, axes = canvas(10.4, 3.6)
    for y, names, real in (
        (3.2, ("day a", "AB", "fake night", "B"), "nights"),
        (1.4, ("night b", "BA", "fake day", "A"), "days"),
    ):
        given, both, fake, judge = names
        chained = [
            (given, INK, 1.2),
            (f"$G_{{{both}}}$", ORANGE, 1.4),
            (fake, INK, 1.6),
            (f"judge $D_{judge}$", BLUE, 1.6),
        ]
        middles = way(axes, y, [*chained, ("a night?" if judge == "B" else "a day?", INK, 1.4)], 0.66)
        box(axes, middles[2], y - 0.9, f"real {real}", width=1.6)
        arrow(axes, (middles[2] + 0.86, y - 0.9), (middles[3] - 0.3, y - 0.38))
    return fig


def cycle_diagram() -> Figure:
    """Both round trips, and what is compared."""
    fig, axes = canvas(10.4, 3.3)
    trips = (2.75, "day a", "AB", "fake night", "BA"), (1.05, "night b", "BA", "fake day", "AB")
    for y, start, there, fake, back in trips:
        boxes = [
            (start, INK, 1.3),
            (f"$G_{{{there}}}$", ORANGE, 1.2),
            (fake, INK, 1.6),
            (f"$G_{{{back}}}$", ORANGE, 1.2),
        ]
        middles = way(axes, y, [*boxes, (f"{start}, again?", INK, 2.1)], 0.62)
        low = y - 0.75
        axes.plot([middles[0]] * 2 + [middles[-1]] * 2, [y - 0.37, low, low, y - 0.37], color=GREEN, linewidth=2)
        label = {"ha": "center", "va": "center", "color": GREEN, "weight": "bold"}
        axes.text(sum(middles) / 5, low, "absolute difference", backgroundcolor="white", **label)
    return fig


def counting_diagram() -> Figure:
    """Three of the 256 translations of a world of four places."""
    fig, panels = show.figure(10.4, 2.7, 3)
    tables = {"all days, one night": (1, 1, 1, 1), "exchanged": (2, 0, 3, 1), "right": (0, 1, 2, 3)}
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        for place, night in enumerate(table):
            colour = GREEN if night == place else ORANGE
            arrow(axes, (0.12, 3 - place), (0.88, 3 - night), color=colour, linewidth=2.2)
            axes.plot(0, 3 - place, "o", color="#ffcc33", markeredgecolor=INK, markersize=16)
            axes.plot(1, 3 - place, "o", color="#1c1c4a", markeredgecolor=INK, markersize=16)
            axes.text(-0.16, 3 - place, f"day {place + 1}", ha="right", va="center")
            axes.text(1.16, 3 - place, f"night {place + 1}", ha="left", va="center")
        axes.set(xlim=(-0.7, 1.8), ylim=(-0.4, 3.4), title=title)
        axes.axis("off")
    return fig


def patch_diagram() -> Figure:
    """What one logit sees, followed back to the pixels."""
    fig, axes = canvas(6.0, 4.0)
    middle, scale = 2.9, 0.185
    rows_of_places, heights = [[0.0]], (3.75, 2.75, 1.7, 0.65)
    for (kernel, _), step in zip(reversed(OURS), (4, 2, 1), strict=True):  # inputs lie so many pixels apart
        around = [(i - (kernel - 1) / 2) * step for i in range(kernel)]
        rows_of_places.append(sorted({place + offset for place in rows_of_places[-1] for offset in around}))
    names = "logit", "of layer 2", "of layer 1", "pixels"
    for places, y, name, colour in zip(rows_of_places, heights, names, (BLUE, ORANGE, ORANGE, GREEN), strict=True):
        for place in places:
            corner = (middle + scale * place - 0.08, y - 0.1)
            axes.add_patch(Rectangle(corner, 0.16, 0.2, facecolor=colour, alpha=0.75, edgecolor=INK))
        at = (middle, y - 0.42) if name == "pixels" else (middle + scale * places[-1] + 0.25, y)
        horizontal = "center" if name == "pixels" else "left"
        axes.text(*at, f"{len(places)} {name}", va="center", ha=horizontal, weight="bold", fontsize=15)
    lower = zip(rows_of_places[1:], heights[1:], strict=True)
    for places, y, (below, to), (kernel, stride) in zip(rows_of_places, heights, lower, reversed(OURS), strict=False):
        for end in (0, -1):
            ends = [middle + scale * places[end], middle + scale * below[end]]
            axes.plot(ends, [y - 0.12, to + 0.12], color="#999999")
        axes.text(0, (y + to) / 2 + 0.3, f"kernel {kernel},\nstride {stride}", va="center", fontsize=14)
    return fig


# Figures that are computed, not trained.


def slopes() -> Figure:
    """How steep both losses of a translation are at the logit of its fake."""
    logits = torch.linspace(-3, 7, 101, dtype=torch.float64)
    fig, (axes,) = show.figure(5.8, 4.2)
    for loss, line, colour in ((least_squares_generator_loss, "-", BLUE), (generator_loss, "--", ORANGE)):
        axes.plot(logits, slope(loss, logits), line, color=colour, linewidth=2.4)
        axes.plot(6, slope(loss, torch.tensor([6.0])), "o", color=colour, markersize=9)
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.text(2.6, 6.2, "square", color=BLUE, ha="right")
    axes.text(-2.9, 0.5, "logarithm", color=ORANGE)
    axes.set(xlabel="logit of a fake", ylabel="slope of the translation's loss", xlim=(-3, 7))
    return fig


def waiting() -> Figure:
    """How many images go by before a kept one comes back: each time with probability 1/2 * 1/50."""
    age = torch.arange(1, 401, 3, dtype=torch.float64)
    chance = 0.01 * 0.99 ** (age - 1)
    fig, (axes,) = show.figure(5.8, 3.7)
    axes.fill_between(age, chance, color=BLUE, alpha=0.4)
    axes.axvline(100, color=ORANGE, linewidth=2.5, linestyle="--")
    axes.text(107, 0.0088, "mean: 100", color=ORANGE)
    axes.set(xlabel="images until a kept one comes back", ylabel="probability", xlim=(0, 400), ylim=(0, 0.0105))
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "judges.svg": judges_diagram,
    "cycle.svg": cycle_diagram,
    "counting.svg": counting_diagram,
    "patch.svg": patch_diagram,
    "slopes.svg": slopes,
    "waiting.svg": waiting,
}


def rows(images: dict[str, Tensor]) -> show.Picture:
    """Rows of images (N, 3, 32, 32) with names that can be read from the last row of the room."""
    n, names = len(next(iter(images.values()))), list(images)
    width, height, room = 0.9 * n, 0.9 * len(names), 0.17 * max(map(len, names)) + 0.15
    with matplotlib.rc_context(READABLE):
        fig, (axes,) = show.figure(room + width + 0.05, height + 0.1)
        fig.set_layout_engine("none")
        axes.set_position(
            (
                room / (room + width + 0.05),
                0.05 / (height + 0.1),
                width / (room + width + 0.05),
                1 - 0.1 / (height + 0.1),
            )
        )
        label_rows(axes, tile(torch.cat(list(images.values())), n), names)
        return picture(fig, alt="Rows of images")


def maps() -> show.Picture:
    """How much each pixel moves one logit of a judge, without and with its norm."""
    with matplotlib.rc_context(READABLE):
        fig, panels = show.figure(7.6, 4.1, 2)
        for axes, title, field in zip(panels, ("without norm", "with instance norm"), influences(), strict=True):
            axes.imshow((field / field.max()) ** 0.25, vmin=0, vmax=1, cmap="cividis")
            axes.set(xticks=[], yticks=[], title=title)
        return picture(fig, alt="Two maps")


@cache
def data() -> tuple[Tensor, ...]:
    """Test days and their nights, training days, training nights, and the mean of these."""
    train, test = scenes("train"), scenes("test")
    nights = train.b.first(2000)
    return *test.first(500), train.a.first(2000), nights, nights.mean(0, keepdim=True)


def cheat() -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Tensor]:
    """The lesson's two lines: there, back, and what comes back when the fake night has a trace of noise."""
    day, night = data()[:2]
    elsewhere = night[7:8]
    noise = torch.randn(day.shape, generator=torch.Generator().manual_seed(0))

    def there(a: Tensor) -> Tensor:
        return elsewhere + 0.01 * a

    def back(b: Tensor) -> Tensor:
        return (b - elsewhere) / 0.01

    return there, back, back(there(day) + 0.01 * noise)


def computed_rows() -> dict[str, dict[str, Tensor]]:
    """The pictures that need no training."""
    day, night, days, nights, _ = data()
    there, back, disturbed = cheat()
    shown = {"train: day": days[:10], "train: night": nights[:10], "test: day": day[:10], "its night": night[:10]}
    cheated = {"day": day, "cheat's night": there(day), "and back": back(there(day)), "back, noise": disturbed}
    mirrored = {"day": day, "in a mirror": night.flip(3), "and back": day, "true night": night}
    return {
        "scenes.png": shown,
        "cheat.png": {name: images[:8] for name, images in (cheated | {"true night": night}).items()},
        "mirror.png": {name: images[:8] for name, images in mirrored.items()},
    }


# Numbers.


def slope(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    """The slope of a mean loss at each of the logits (N,), as if each were alone."""
    at = logits.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(at) * len(at), at)
    return found


def seen(layers: Sequence[tuple[int, int]]) -> int:
    """The side of what one logit sees."""
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step * stride
    return side


@cache
def influences() -> tuple[Tensor, Tensor]:
    """How much each of 64 x 64 pixels moves the logit in the middle of the map, without and with instance norm."""
    torch.manual_seed(0)
    judge, fields = PatchDiscriminator(width=32), []
    plain = nn.Sequential(*[layer for layer in judge.net if not isinstance(layer, nn.GroupNorm)])
    for judging in (plain, judge):
        image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
        logits = judging(image)
        logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
        fields.append(image.grad.abs().sum((0, 1)))
    return fields[0], fields[1]


def matched(images: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """The images with the mean and the spread of the target's colours."""
    (mean, std), (to, spread) = ([f((0, 2, 3), keepdim=True) for f in (x.mean, x.std)] for x in (source, target))
    return ((images - mean) / std * spread + to).clamp(-1, 1)


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    return numbers_of_the_scenes() | numbers_of_the_judges() | numbers_of_the_cheats()


def numbers_of_the_scenes() -> dict[str, str]:
    """Baselines, lights, and the count of tables."""
    day, night, days, nights, mean_night = data()
    lit = (night.amax(dim=1, keepdim=True) > 0).expand_as(night)
    tables = list(itertools.product(range(4), repeat=4))
    fooling = [g for g in tables if sorted(g) == [0, 1, 2, 3]]
    home = [(g, f) for g in tables for f in tables if all(f[g[p]] == p and g[f[p]] == p for p in range(4))]
    noto, twemoji = emoji("test").first(311)
    weights = sum(p.numel() for p in CycleGAN.for_budget("laptop").players(scenes("train")).generator.ab.parameters())
    return {
        "day to night: copy, colours, mean": f"{l1(day, night):.2f}, {l1(matched(day, days, nights), night):.2f}, "
        f"{l1(mean_night.expand_as(night), night):.2f}",
        "night to day: colours, mean": f"{l1(matched(night, nights, days), day):.2f}, "
        f"{l1(days.mean(0, keepdim=True).expand_as(day), day):.2f}",
        "lit": f"{lit.float().mean():.0%}",
        "lights: mean night, mirror": ", ".join(
            f"{(x - night).abs()[lit].mean():.2f}" for x in (mean_night, night.flip(3))
        ),
        "tables, fooling": f"{len(tables)}, {len(fooling)}",
        "pairs: all, fooling, home": f"{len(tables) ** 2:,}, {len(fooling) ** 2}, {len(home)}",
        "weights of a translation": f"{round(weights, -3):,}",
        "pairs of emoji, error of a copy": f"{len(noto)}, {l1(noto, twemoji):.2f}",
    }


def numbers_of_the_judges() -> dict[str, str]:
    """Patches, squares and the pool."""
    plain, normed = influences()
    inside = plain > 0
    levels = torch.linspace(-0.5, 1.5, 201)
    prices = [least_squares_discriminator_loss(c[None], c[None]).item() for c in levels]
    return {
        "patch: ours, without norm, the paper's": f"{seen(OURS)}, {int((inside.sum(0) > 0).sum())}, {seen(PAPERS)}",
        "with instance norm": f"{int((normed.sum(0) > 0).sum())}, {normed[inside].sum() / normed.sum():.0%}",
        "slope at 6, logarithm": f"{slope(generator_loss, torch.tensor([6.0])).item():.4f}",
        "slope at 6, square": f"{slope(least_squares_generator_loss, torch.tensor([6.0])).item():.0f}",
        "cheapest constant, its price": f"{levels[int(np.argmin(prices))]:.1f}, {min(prices):.1f}",
        "a fake at 0, 1, 6": ", ".join(
            f"{least_squares_generator_loss(torch.tensor([x])):.0f}" for x in (0.0, 1.0, 6.0)
        ),
        "waiting": f"{1 / (0.5 / 50):.0f}",
    }


def numbers_of_the_cheats() -> dict[str, str]:
    """What the losses say of a cheat, a copy and a mirror."""
    day, night = data()[:2]
    there, back, disturbed = cheat()
    copy = (lambda images: images,) * 2
    passed = (lambda images: torch.ones(len(images), 1, 7, 7),) * 2
    return {
        "cheat: cycle, with noise, error": f"{l1(back(there(day)), day):.2f}, {l1(disturbed, day):.2f}, "
        f"{l1(there(day), night):.2f}",
        "added to the night, at most": f"{(there(day) - night[7:8]).abs().max():.2f}",
        "cheat: cycle, identity": f"{cycle_loss(day, night, back(night), there(day), there, back):.2f}, "
        f"{identity_loss(day, night, there, back):.2f}",
        "copy: cycle, identity": f"{cycle_loss(day, night, night, day, *copy):.2f}, "
        f"{identity_loss(day, night, *copy):.2f}",
        "whole loss: cheat, copy": ", ".join(
            f"{cyclegan_generator_loss(day, night, *nets, *passed):.2f}" for nets in ((there, back), copy)
        ),
        "mirror: error by night, by day": f"{l1(night.flip(3), night):.2f}, {l1(day.flip(3), day):.2f}",
    }


# What the notebook's runs drew: cells are found by a piece of their source.

ROWS = {
    "mine.png": (
        '"your night": fake_night',
        ("day", "made night", "true night", "night", "made day", "true day"),
    ),
    "ablation.png": (
        "**{name: translate(t.ab",
        ("day", "all three", "no cycle", "no identity", "no judges", "true night"),
    ),
    "art.png": ('"as Twemoji": translate', ("Noto", "as Twemoji", "Twemoji", "as Noto")),
}
COLUMNS = {"mine.png": (10, 5), "ablation.png": (10, 5), "art.png": (12, 12)}  # in the notebook, and here
PICTURES = {
    "hidden.png": "from_fake = [l1(translate",
    "bug.png": "theirs, their_history = play(",
}

SCORES = {
    "error by night, with pairs": r"day to night: .* mean image ([\d.]+), yours ([\d.]+), with",
    "error by day, with pairs": r"night to day: .* mean image ([\d.]+), yours ([\d.]+), with",
    "over the lights": r"over the lights: mean night ([\d.]+), yours ([\d.]+), with pairs ([\d.]+)",
    "back from fake and true night": r"back from the fake night ([\d.]+), from the true night ([\d.]+)",
}


def images_of(text: str, n_rows: int, columns: int) -> Tensor:
    """The images themselves (rows, columns, 3, 32, 32): the pixels inside the frame, each read in its middle."""
    pixels = np.asarray(NOTEBOOK.image(text).convert("RGB"))
    dark = pixels.max(axis=2) < 100
    top = int(np.argmax(dark.mean(axis=1) > 0.6))
    left, right = np.flatnonzero(dark[top])[[0, -1]]
    bottom = int(np.flatnonzero(dark[:, left : right + 1].all(axis=1))[-1])
    ys, xs = (
        (start + (end - start) * (np.arange(SIDE * n) + 0.5) / (SIDE * n)).astype(int).clip(start + 1, end - 1)
        for start, end, n in ((top, bottom, n_rows), (left, right, columns))
    )
    inside = torch.from_numpy(pixels[ys][:, xs].copy()).float() / 127.5 - 1
    return inside.unflatten(0, (n_rows, SIDE)).unflatten(2, (columns, SIDE)).permute(0, 2, 4, 1, 3)


# Writing.


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    for name, images in computed_rows().items():
        rows(images).save(folder / name)
    maps().save(folder / "influence.png")
    save_json(numbers(), folder / "numbers.json")


def save_runs(folder: Path) -> None:
    """The pictures of the notebook's trainings, and trained.json with their scores."""
    for name, (text, names) in ROWS.items():
        wide, kept = COLUMNS[name]
        images = images_of(text, len(names), wide)[:, :kept]
        rows(dict(zip(names, images, strict=True))).save(folder / name)
    NOTEBOOK.save_pngs(PICTURES, folder)
    save_json(NOTEBOOK.scores(SCORES), folder / "trained.json")


if __name__ == "__main__":
    torch.set_num_threads(1)
    draw_deck(NOTEBOOK, FOLDER, save_exact, save_runs)
