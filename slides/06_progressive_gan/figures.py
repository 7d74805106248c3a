"""The figures and numbers of this deck: made with the package's own functions, or taken from the executed notebook.

python slides/06_progressive_gan/figures.py    all of them, and numbers.json (seconds; nothing is trained)
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gancourse import show
from gancourse.authoring.drawing import (
    BLUE,
    INK,
    ORANGE,
    arrow,
    box,
    canvas,
    labelled_rows,
    save_drawings,
    save_json,
    save_svg,
)
from gancourse.authoring.executed import Executed, draw_deck
from gancourse.nets.blocks import EqualizedConv2d, fade_in, minibatch_stddev, pixel_norm
from gancourse.recipes.progressive import Progressive
from gancourse.show.plots import COLOURS, tile

FOLDER = Path(__file__).resolve().parent / "figures"
NOTEBOOK = Executed("06_progressive_gan")
SIZES = (4, 8, 16, 32)

RECIPE = Progressive.for_budget("laptop", images=1600 * 16)  # the lesson's
CLOTHES = RECIPE.load_data()
TEN = CLOTHES.batch(torch.tensor([(CLOTHES.labels == c).nonzero()[0].item() for c in range(10)]))

# nFD of long runs that the lesson reports: by learning rate, and after equal time, grown and direct.
RATES = {0.01: 0.33, 0.02: 0.24, 0.03: 0.21, 0.04: 0.19, 0.07: 0.61}
EQUAL_TIME = {"32 × 32": [(0.409, 0.316), (0.375, 0.292), (0.434, 0.338)], "64 × 64": [(0.295, 0.387)]}


# What the lesson computes.


def share_of_variance(side: int) -> float:
    """How much of the pixels' variance over 2,000 photographs is left in their side x side averages."""
    photographs = CLOTHES.first(2000)
    blurred = interpolate(avg_pool2d(photographs, 32 // side), size=(32, 32))
    return (blurred.var(0).sum() / photographs.var(0).sum()).item()


def through_ten_layers(norm: Callable[[Tensor], Tensor]) -> float:
    """Root mean square of a signal of size 1 behind ten layers that enlarge by 1.5 each."""
    x = pixel_norm(torch.randn(4, 16, 8, 8, generator=torch.Generator().manual_seed(0)))
    for _ in range(10):
        x = norm(1.5 * x.roll(1, dims=1))
    return x.pow(2).mean().sqrt().item()


def he_conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution with He's weights."""
    layer = nn.Conv2d(inputs, outputs, kernel)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (inputs * kernel**2)))
    return layer


def relative_step(layer: nn.Module, inputs: int, kernel: int) -> float:
    """Size of Adam's first step as a share of the size of the weights."""
    before = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    layer(torch.randn(8, inputs, kernel, kernel)).pow(2).mean().backward()
    optimizer.step()
    return ((layer.weight - before).norm() / before.norm()).item()


def relative_steps() -> dict[str, list[float]]:
    """The lesson's three layers, with He's weights and equalised."""
    torch.manual_seed(0)
    shapes = ((1, 64, 1), (8, 16, 4), (64, 64, 4))
    kinds = {"He": he_conv, "equalised": EqualizedConv2d}
    return {kind: [relative_step(layer(*s), s[0], s[2]) for s in shapes] for kind, layer in kinds.items()}


def appended(images: Tensor) -> float:
    """The number that minibatch_stddev appends."""
    return minibatch_stddev(images)[0, -1, 0, 0].item()


def spreads() -> tuple[list[float], list[float]]:
    """That number for 50 batches of 32 photographs, and for 50 of four photographs, eight times each."""
    starts = range(0, 1600, 32)
    honest = [appended(CLOTHES.batch(torch.arange(i, i + 32))) for i in starts]
    return honest, [appended(CLOTHES.batch(torch.arange(i, i + 4).repeat(8))) for i in starts]


def memory_of_start(warm_up: bool, updates: int = 500) -> Tensor:
    """The share of the start in an average with beta = 0.999 after each update."""
    t = torch.arange(1, updates + 1, dtype=torch.float64)
    warm = ((1 + t) / (10 + t)).clamp(max=0.999)
    return (warm if warm_up else torch.full_like(t, 0.999)).cumprod(0)


def step_after(usual: Sequence[float]) -> float:
    """By how many learning rates Adam moves a weight for the gradient 0.1 after the usual ones."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], 0.01, (0.0, 0.99))
    for gradient in (*usual, 0.1):
        before = weight.item()
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
    return abs(weight.item() - before) / 0.01


# Figures.


def plan() -> Figure:
    """The timetable: which size, and how far the newest layer has been faded in."""
    images = torch.arange(0, RECIPE.images, 50).tolist()
    stages, alphas = zip(*map(RECIPE.growth, images), strict=True)
    fig, (axes,) = show.figure(10.4, 3.5)
    for stage, side in enumerate(SIZES):
        at = [(x, alpha) for x, s, alpha in zip(images, stages, alphas, strict=True) if s == stage]
        axes.fill_between(*zip(*at, strict=True), color=COLOURS[stage], alpha=0.25)
        axes.plot(*zip(*at, strict=True), "-", color=COLOURS[stage], linewidth=2.5)
        axes.text((at[0][0] + at[-1][0]) / 2, 1.08, f"{side} × {side}", ha="center", weight="bold")
    axes.set(xlabel="images shown", ylabel="α of the newest layers", xlim=(0, RECIPE.images), ylim=(0, 1.25))
    axes.set(yticks=[0, 0.5, 1], xticks=range(0, RECIPE.images, 5000))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return fig


def mixture(axes: Axes, y: float, name: str, ends: tuple[str, str], old: str, new: str) -> None:
    """One place where alpha is at work: two ways from a box to a box, and what happens on them."""
    axes.text(0.05, y, name, weight="bold", va="center", fontsize=14.5)
    box(axes, 2.5, y, ends[0], width=1.9)
    box(axes, 10.4, y, ends[1], width=1.9)
    for side, text, share, colour in ((1, old, "1 − α", BLUE), (-1, new, "α", ORANGE)):
        at = y + 0.2 * side
        axes.plot([3.5, 8.35], [at, at], color=colour, linewidth=2)
        arrow(axes, (8.3, at), (9.08, y + 0.08 * side), color=colour, shrinkA=0, linewidth=2)
        axes.text(5.6, at + 0.17 * side, text, ha="center", va="center")
        axes.text(8.0, at + 0.17 * side, share, ha="center", va="center", weight="bold", color=colour)
    axes.text(9.2, y, "+", ha="center", va="center", fontsize=20, weight="bold")


def three_places() -> Figure:
    """Where alpha acts while 8 x 8 is faded in over 4 x 4."""
    fig, axes = canvas(11.5, 3.9)
    old, new = "old exit, each pixel repeated", "new layer, new exit"
    mixture(axes, 3.25, "in G", ("features of G", "picture, 8 × 8"), old, new)
    mixture(axes, 1.95, "in D", ("picture, 8 × 8", "features of D"), "shrunk, old entrance", "new entrance, new layer")
    mixture(axes, 0.65, "reals", ("real, 8 × 8", "shown to D"), "shrunk, each pixel repeated", "as it is")
    return fig


def one_number() -> Figure:
    """The appended number for honest batches and for batches of four photographs."""
    fig, (axes,) = show.figure(6.4, 3.5)
    for row, (values, mark, colour) in enumerate(zip(spreads(), "os", (BLUE, ORANGE), strict=True)):
        heights = [-row + 0.09 * (i % 5 - 2) for i in range(len(values))]
        axes.plot(values, heights, mark, color=colour, markersize=6, alpha=0.8)
    axes.axvline(min(spreads()[0]), color=INK, linestyle=":", linewidth=1.8)
    axes.set(yticks=[0, -1], yticklabels=["32 different", "4, eight\ntimes each"], ylim=(-1.5, 0.5))
    axes.set(xlabel="the appended number")
    return fig


def memory() -> Figure:
    """How long an average remembers the random start."""
    fig, (axes,) = show.figure(5.8, 3.7)
    for warm_up, line, colour in ((False, "-", BLUE), (True, "--", ORANGE)):
        label = "with warm-up" if warm_up else "no warm-up"
        axes.plot(range(501), [1.0, *memory_of_start(warm_up)], line, color=colour, linewidth=2.4, label=label)
    axes.set(xlabel="updates", ylabel="share of the start", xlim=(0, 500), ylim=(-0.02, 1.05))
    axes.legend(loc="center right")
    return fig


def rates() -> Figure:
    """nFD against the learning rate."""
    fig, (axes,) = show.figure(6.0, 3.8)
    axes.plot(list(RATES), list(RATES.values()), "o-", color=BLUE, linewidth=2.2, markersize=9)
    for rate, nfd in RATES.items():
        place = (0, -22) if nfd == min(RATES.values()) else (0, 11)
        axes.annotate(f"{nfd:.2f}", (rate, nfd), place, textcoords="offset points", ha="center", weight="bold")
    axes.set(xscale="log", xlabel="learning rate", ylabel="nFD", ylim=(0, 0.72), xlim=(0.0088, 0.082))
    axes.set_xticks(list(RATES), [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()
    return fig


def pays() -> Figure:
    """nFD of growing divided by nFD of direct training, after equal time, at two sizes."""
    fig, (axes,) = show.figure(6.0, 3.3)
    for row, runs in enumerate(EQUAL_TIME.values()):
        factors = [grown / direct for grown, direct in runs]
        heights = [-row + 0.14 * (len(factors) // 2 - i) for i in range(len(factors))]
        axes.plot(factors, heights, "os"[row], color=COLOURS[row], markersize=10, alpha=0.8)
    axes.axvline(1, color=INK, linewidth=1.8, linestyle=":")
    axes.text(0.98, 0.42, "growing wins", ha="right", va="center")
    axes.text(1.02, 0.42, "direct wins", va="center")
    axes.set(yticks=[0, -1], yticklabels=list(EQUAL_TIME), ylim=(-1.5, 0.65), xlim=(0.6, 1.5))
    axes.set(xlabel="nFD grown / nFD direct", xticks=[0.6, 0.8, 1, 1.2, 1.4])
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "plan.svg": plan,
    "three_places.svg": three_places,
    "one_number.svg": one_number,
    "memory.svg": memory,
    "rates.svg": rates,
    "pays.svg": pays,
}


def rows(pixels: np.ndarray, names: Sequence[str]) -> show.Picture:
    """An image of rows with names that can be read from the last row of the room."""
    return labelled_rows(pixels, names, 11.4, 0.5 + 1.0 * len(names))


def sizes() -> show.Picture:
    """Ten photographs at the four sizes."""
    small = torch.cat([interpolate(avg_pool2d(TEN, 32 // side), size=(32, 32)) for side in SIZES])
    return rows(tile(small, 10), [f"{side} × {side}" for side in SIZES])


def fading() -> show.Picture:
    """The same while 8 x 8 is faded in over 4 x 4."""
    alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
    shown = torch.cat([fade_in(avg_pool2d(TEN, 8), avg_pool2d(TEN, 4), alpha) for alpha in alphas])
    return rows(tile(shown, 10), [f"α = {alpha:g}" for alpha in alphas])


# Numbers.


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    three_four = torch.tensor([[3.0, 4.0]])
    steps, (honest, repeats) = relative_steps(), spreads()
    at_zero = fade_in(avg_pool2d(TEN, 8), avg_pool2d(TEN, 4), 0.0) - interpolate(avg_pool2d(TEN, 8), scale_factor=2)
    return {
        "share of the variance at 4, 8": ", ".join(f"{share_of_variance(side):.2f}" for side in (4, 8)),
        "largest difference at alpha = 0": f"{at_zero.abs().max().item():.0f}",
        "a pixel at alpha = 1/4": f"{fade_in(torch.ones(1, 1, 1, 1), -torch.ones(1, 1, 1, 1), 0.25).item():.1f}",
        "(3, 4) normalised": ", ".join(f"{v:.2f}" for v in pixel_norm(three_four)[0].tolist()),
        "(3, 4) at length 1": ", ".join(f"{v:.1f}" for v in (three_four / three_four.norm())[0].tolist()),
        "ten layers": ", ".join(f"{through_ten_layers(norm):.1f}" for norm in (lambda x: x, pixel_norm)),
        "steps apart": f"{math.sqrt(1024):.0f}",
        "He": ", ".join(f"{s:.{d}f}" for s, d in zip(steps["He"], (3, 2, 2), strict=True)),
        "equalised": ", ".join(f"{s:.{d}f}" for s, d in zip(steps["equalised"], (3, 2, 2), strict=True)),
        "one picture, repeated": f"{appended(TEN[:1].expand(32, -1, -1, -1)):.4f}",
        "photographs": f"{min(honest):.2f}, {max(honest):.2f}",
        "four, repeated": f"{min(repeats):.2f}, {max(repeats):.2f}",
        "repeated batches below all others": f"{sum(r < min(honest) for r in repeats)}",
        "share of the start, no warm-up": f"{memory_of_start(False)[-1].item():.3f}",
        "share of the start, warm-up": f"{memory_of_start(True)[-1].item():.0e}",
        "share of the start after 10 updates, warm-up": f"{memory_of_start(True, 10)[-1].item():.0e}",
        "a tenth of the usual gradient, built anew, kept": f"{step_after([]):.2f}, {step_after([1.0] * 150):.2f}",
        "grown / direct at 32": ", ".join(f"{g / d:.2f}" for g, d in EQUAL_TIME["32 × 32"]),
        "grown / direct at 64": ", ".join(f"{g / d:.2f}" for g, d in EQUAL_TIME["64 × 64"]),
        "log 4": f"{math.log(4):.2f}",
        "floor of nfd": f"{RECIPE.floor():.3f}",
    }


# What the notebook's runs gave: a cell is found by a piece of its source.

ROWS_OF_IMAGES = {
    "sixteen.png": ("def only_stage(", ["row A", "row B"], 4),
    "album.png": ("album.rows |", [*(f"{side} × {side}" for side in SIZES), "real"], 32),
    "equal_time.png": ("recipe.generate(direct, 10, seed=1)", ["grown", "direct"], 32),
}


def images_of(text: str, names: Sequence[str], side: int) -> np.ndarray:
    """Ten images a row, as they were before the notebook enlarged them and put a frame around."""
    pixels = np.asarray(NOTEBOOK.image(text).convert("L"))
    inside = pixels < 200
    lines, columns = (np.flatnonzero(inside.mean(axis) > 0.5) for axis in (1, 0))
    centres = (
        (first + (np.arange(n) + 0.5) * (last - first) / n).astype(int)
        for first, last, n in ((lines[0], lines[-1], side * len(names)), (columns[0], columns[-1], side * 10))
    )
    return np.stack([pixels[np.ix_(*centres)]] * 3, axis=-1)


def price() -> Figure:
    """The share of the variance at each size, and how many images a second the players handle there."""
    found = re.findall(r"(\d+) x \1 ([\d,]*\d)", NOTEBOOK.printed_by("def seconds_per_step("))
    speeds = {int(side): int(speed.replace(",", "")) for side, speed in found}
    names = [f"{side} × {side}" for side in SIZES]
    fig, panels = show.figure(11.0, 3.5, 2)
    titles = ("share of the variance", f"images a second ({speeds[4] / speeds[32]:.1f} to 1)")
    series = ([share_of_variance(side) for side in SIZES], [speeds[side] for side in SIZES])
    for axes, values, title, form, colour in zip(panels, series, titles, (".2f", ",.0f"), (BLUE, ORANGE), strict=True):
        bars = axes.barh(names, values, color=colour, alpha=0.75)
        axes.bar_label(bars, [format(v, form) for v in values], padding=4)
        axes.set(title=title, xticks=[], xlim=(0, 1.2 * max(values)), ylim=(3.6, -0.6))
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    return fig


def repaired() -> Figure:
    """D's loss in the first hundred steps of the fade, theirs and repaired."""
    said = NOTEBOOK.printed_by("growing_pains(repaired_prepare")
    losses = re.search(r"([\d.]+) theirs, ([\d.]+) repaired", said).groups()
    fig, (axes,) = show.figure(6.0, 3.0)
    bars = axes.barh(["theirs", "repaired"], [float(loss) for loss in losses], color=[ORANGE, BLUE], alpha=0.75)
    axes.bar_label(bars, losses, padding=-46, weight="bold")
    axes.axvline(math.log(4), color=INK, linestyle=":", linewidth=1.8)
    axes.text(math.log(4) + 0.02, -0.42, "log 4", va="center")
    axes.set(xlim=(0, 1.65), ylim=(1.6, -0.6), xlabel="D's loss, first hundred steps of the fade")
    return fig


# Writing.


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    sizes().save(folder / "sizes.png")
    fading().save(folder / "fading.png")
    save_json(numbers(), folder / "numbers.json")


def save_runs(folder: Path) -> None:
    """The notebook's pictures, and what is drawn from what it printed."""
    for name, (text, names, side) in ROWS_OF_IMAGES.items():
        rows(images_of(text, names, side), names).save(folder / name)
    NOTEBOOK.image("history, their_loss = growing_pains(").save(folder / "bug.png")
    save_svg(price, folder / "price.svg")
    save_svg(repaired, folder / "repaired.svg")


if __name__ == "__main__":
    torch.set_num_threads(1)
    draw_deck(NOTEBOOK, FOLDER, save_exact, save_runs)
