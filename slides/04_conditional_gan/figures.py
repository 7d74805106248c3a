"""The figures and numbers of this deck: made with the package's own functions, or taken from the executed notebook.

python slides/04_conditional_gan/figures.py    all of them, numbers.json and trained.json (seconds; nothing is trained)
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor, nn

from gancourse import show
from gancourse.authoring import drawing
from gancourse.authoring.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    box,
    canvas,
    chain,
    labelled_rows,
    save_drawings,
    save_json,
    save_svg,
)
from gancourse.authoring.executed import Executed, draw_deck
from gancourse.data import Images
from gancourse.metrics import label_agreement, load_classifier
from gancourse.nets import ConditionalBatchNorm, ProjectionDiscriminator, condition, one_hot
from gancourse.objectives import optimal_discriminator
from gancourse.recipes.conditional import Conditional, labels_in_rows
from gancourse.show.picture import picture
from gancourse.show.plots import COLOURS, tile

FOLDER = Path(__file__).resolve().parent / "figures"
NOTEBOOK = Executed("04_conditional_gan")
SIZE = (8.4, 6.6)  # of a picture with ten rows, in inches
CLASSES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]

# The lesson's smallest world: rows are the label, columns a shirt and a boot.
DATA = torch.tensor([[0.5, 0.0], [0.0, 0.5]])
GENERATORS = {"obeys": DATA, "tosses a coin": torch.full((2, 2), 0.25), "the other one": DATA.flip(0)}
SHUFFLED = DATA.sum(1, keepdim=True) * DATA.sum(0, keepdim=True)

# The lesson's three bumps: where the data have them, where the generator has them, and the rows of the best D.
M = torch.tensor([[2.0, 0.0], [-1.0, 1.5], [0.0, -2.0]])
N = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [1.0, -1.0]])
ROWS = torch.cat([M - N, (N.pow(2).sum(1) - M.pow(2).sum(1))[:, None] / 2], dim=1)


def js(p: Tensor, q: Tensor) -> float:
    """The Jensen-Shannon divergence of two tables of probabilities, divided by log 2."""
    middle = (p + q) / 2
    return sum(torch.where(a > 0, a * (a / middle).log2(), 0.0).sum().item() for a in (p, q)) / 2


# Diagrams.


def arrow(axes: Axes, *way: tuple[float, float], **looks: Any) -> None:
    """Along the points of the way, with a head at the last one."""
    axes.plot(*zip(*way[:-1], strict=True), **{"color": INK, "linewidth": 1.6} | looks)
    drawing.arrow(axes, way[-2], way[-1], shrinkA=0, **looks)


def players_diagram() -> Figure:
    """Who is told the label."""
    fig, axes = canvas(10.4, 3.3)
    box(axes, 0.95, 2.8, "noise z", width=1.3)
    box(axes, 0.95, 1.7, "label y", GREEN, width=1.3)
    box(axes, 3.3, 2.8, "generator G", ORANGE, width=1.7)
    box(axes, 5.5, 2.8, "fake G(z, y)", width=1.6)
    box(axes, 5.5, 0.6, "real x", width=1.6)
    box(axes, 7.9, 1.7, "discriminator D", BLUE, width=1.9)
    box(axes, 9.85, 1.7, "logit", width=0.8)
    chain(axes, 2.8, [(1.65, 2.38), (4.2, 4.63)])
    chain(axes, 1.7, [(8.92, 9.38)])
    arrow(axes, (6.35, 2.8), (7.1, 2.1))
    arrow(axes, (6.35, 0.6), (7.1, 1.3))
    arrow(axes, (1.65, 1.85), (2.5, 2.43), color=GREEN)
    arrow(axes, (1.65, 1.7), (6.9, 1.7), color=GREEN, linestyle=(0, (2, 2)))
    axes.text(3.0, 1.35, "and D?", ha="center", va="center", color=GREEN, style="italic")
    return fig


def table(axes: Axes, x: float, title: str, shares: Tensor) -> None:
    """A world of two labels and two images, its left edge at x."""
    axes.text(x + 0.8, 3.75, title, ha="center", weight="bold")
    for i in range(2):
        axes.text(x + 0.4 + 0.8 * i, 3.35, ("shirt", "boot")[i], ha="center", fontsize=12)
        for j in range(2):
            share, corner = shares[i, j].item(), (x + 0.8 * j, 2.4 - 0.8 * i)
            axes.add_patch(Rectangle(corner, 0.8, 0.8, facecolor=BLUE, alpha=share))
            axes.add_patch(Rectangle(corner, 0.8, 0.8, edgecolor=INK, fill=False))
            axes.text(corner[0] + 0.4, corner[1] + 0.4, f"{share:g}", ha="center", va="center")


def worlds() -> Figure:
    """Data and three generators as tables, and how far they are from the data without and with the label."""
    fig, axes = canvas(11.4, 4.1)
    for i, (title, shares) in enumerate(({"data": DATA} | GENERATORS).items()):
        x = 1.75 + 2.45 * i
        table(axes, x, title, shares)
        if i:
            for y, distance in ((0.95, js(DATA.sum(0), shares.sum(0))), (0.3, js(DATA, shares))):
                axes.text(x + 0.8, y, f"{distance:.2f}", ha="center", weight="bold", fontsize=16)
    for y, text in ((2.8, "told: shirt"), (2.0, "told: boot")):
        axes.text(1.6, y, text, ha="right", va="center", fontsize=12)
    axes.text(3.5, 0.97, "distance, image alone:", ha="right")
    axes.text(3.5, 0.32, "distance, with its label:", ha="right")
    return fig


def turn(axes: Axes, y: float, learns: str) -> None:
    """The chain noise, G, fake, D, loss at height y; the player that does not learn is held."""
    axes.text(0.05, y, f"{learns}'s turn", weight="bold", va="center", fontsize=14.5)
    box(axes, 3.0, y, "new z" if learns == "G" else "z", width=0.9)
    box(axes, 4.7, y, "G learns" if learns == "G" else "G is held", ORANGE, learns != "G", 1.3)
    box(axes, 6.4, y, "fake", width=0.8)
    box(axes, 8.2, y, "D learns" if learns == "D" else "D is held", BLUE, learns != "D", 1.3)
    box(axes, 10.0, y, f"{learns}'s loss", width=1.2)
    chain(axes, y, [(3.5, 3.98), (5.42, 5.93), (6.87, 7.48), (8.92, 9.33)])


def step_diagram() -> Figure:
    """One step of the conditional game: the labels of the real batch go to G and to D."""
    fig, axes = canvas(10.8, 4.9)
    green = {"color": GREEN}
    turn(axes, 3.2, "D")
    turn(axes, 0.95, "G")
    box(axes, 2.1, 4.4, "real batch: x and its y", width=2.6)
    arrow(axes, (3.45, 4.6), (8.3, 4.6), (8.3, 3.58))
    arrow(axes, (3.45, 4.3), (8.1, 4.3), (8.1, 3.58), **green)
    arrow(axes, (4.7, 4.3), (4.7, 3.58), **green)
    arrow(axes, (1.6, 4.03), (1.6, 2.3), (8.2, 2.3), (8.2, 2.82), **green)
    arrow(axes, (1.6, 2.3), (1.6, 1.75), (4.7, 1.75), (4.7, 1.33), **green)
    arrow(axes, (4.7, 1.75), (8.2, 1.75), (8.2, 1.33), **green)
    for x, y, rule in ((8.45, 4.36, "1  its own y"), (6.6, 2.42, "2  the y that made it"), (6.6, 1.87, "2  the same")):
        axes.text(x, y, rule, ha="left" if rule[0] == "1" else "center", color=GREEN, weight="bold")
    axes.text(4.85, 3.87, "3  the batch's y", color=GREEN, weight="bold")
    return fig


def projection_diagram() -> Figure:
    """Where the label enters a projection discriminator."""
    fig, axes = canvas(10.6, 2.0)
    box(axes, 0.9, 1.0, "image x", width=1.4)
    box(axes, 3.3, 1.0, "convolutions", BLUE, width=1.7)
    axes.text(4.55, 1.15, "φ", ha="center", fontsize=16)
    box(axes, 6.6, 1.6, "ψ(φ): real at all?", BLUE, width=2.4)
    box(axes, 6.6, 0.4, r"$v_y$ · φ: does it fit y?", GREEN, width=2.4)
    box(axes, 9.6, 1.0, "sum: logit", width=1.4)
    chain(axes, 1.0, [(1.65, 2.38)])
    for y in (1.6, 0.4):
        arrow(axes, (4.22, 1.0), (4.85, 1.0), (5.33, y))
        arrow(axes, (7.87, y), (8.83, 1.0))
    return fig


# Figures that are computed, not trained.


def bumps() -> Figure:
    """The bump of each class in the data and in the generator, and the line on which the best logit is 0."""
    fig, (axes,) = show.figure(5.8, 4.9)
    for y, (m, n, row, colour) in enumerate(zip(M, N, ROWS, COLOURS[:3], strict=True)):
        axes.add_patch(Circle(m.tolist(), 1, facecolor=colour, alpha=0.3))
        axes.add_patch(Circle(n.tolist(), 1, fill=False, edgecolor=colour, linewidth=2, linestyle=(0, (4, 2))))
        drawing.arrow(axes, n.tolist(), m.tolist(), color=colour, shrinkA=0, shrinkB=0, linewidth=2.5)
        across = 1.4 * torch.stack([-row[1], row[0]]) / row[:2].norm()
        axes.plot(*torch.stack([(m + n) / 2 - across, (m + n) / 2 + across]).T, ":", color=colour, linewidth=2.5)
        for name, place, side in (("m", m, 0.35), ("n", n, -0.35)):
            at = (place + side * row[:2] / row[:2].norm()).tolist()
            axes.text(*at, f"${name}_{y}$", fontsize=16, ha="center", va="center")
    axes.set(aspect="equal", xlim=(-2.4, 3.2), ylim=(-3.1, 2.6), xlabel="$x_1$", ylabel="$x_2$")
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "players.svg": players_diagram,
    "worlds.svg": worlds,
    "step.svg": step_diagram,
    "projection.svg": projection_diagram,
    "bumps.svg": bumps,
}


def photographs() -> Images:
    """The labelled photographs of the lesson."""
    return Conditional.for_budget("laptop").load_data("embedded", "train")


def clothes() -> show.Picture:
    """Real photographs, ten of each kind, a labelled row each."""
    data = photographs()
    index = torch.cat([(data.labels == c).nonzero()[:10, 0] for c in range(10)])
    return labelled_rows(tile(data.batch(index), 10), CLASSES, *SIZE)


def channels() -> show.Picture:
    """What D is shown of a T-shirt, a sandal and a boot, channel by channel; the planes from black, 0, to white, 1."""
    data, labels = photographs(), torch.tensor([0, 5, 9])
    images = data.batch(torch.stack([(data.labels == c).nonzero()[0, 0] for c in labels]))
    planes = condition(images, labels, 10)[:, 1:]
    with matplotlib.rc_context({"font.size": 15}):
        fig, panels = show.figure(11.4, 3.5, 11)
        for i, axes in enumerate(panels):
            column = 2 * planes[:, i - 1] - 1 if i else images[:, 0]
            shown = nn.functional.pad(column, (0, 0, 2, 2), value=math.nan).flatten(0, 1)
            axes.imshow(shown, cmap="gray", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[], title=f"class {i - 1}" if i else "image")
        return picture(fig, alt="Three photographs and ten planes each")


# Numbers.


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    corners = one_hot(torch.arange(10), 10)
    recipe, classifier, layer = Conditional.for_budget("laptop"), load_classifier(), ConditionalBatchNorm(64, 10)
    test = recipe.load_data("embedded", "test")
    judge = ProjectionDiscriminator(10, (1, recipe.size, recipe.size), recipe.width, recipe.batch_std)
    features = judge.embedding.shape[1]
    return {
        "between two corners": f"{(corners[5] - corners[6]).norm().item():.2f}",
        "image alone": ", ".join(f"{js(DATA.sum(0), q.sum(0)):.2f}" for q in GENERATORS.values()),
        "with its label": ", ".join(f"{js(DATA, q):.2f}" for q in GENERATORS.values()),
        "shuffled": ", ".join(f"{js(SHUFFLED, q):.2f}" for q in GENERATORS.values()),
        "real photographs agree": f"{label_agreement(classifier, test.first(2000), test.labels[:2000]):.1%}",
        "v_0": ", ".join(f"{v:g}" for v in ROWS[0].tolist()),
        "learns, remembers": f"{sum(p.numel() for p in layer.parameters())}, {2 * layer.norm.num_features}",
        "std at the start, scale around 1 and 0": ", ".join(f"{spread_at_start(c):.2f}" for c in (1.0, 0.0)),
        "best D that sees the label alone": ", ".join(
            f"{optimal_discriminator(torch.tensor(0.1), torch.tensor(q)).item():.2f}" for q in (1 / 9, 0.0)
        ),
        "features, root of half of them": f"{features}, {math.sqrt(features / 2):.0f}",
    }


def spread_at_start(center: float) -> float:
    """The standard deviation of conditional batch norm's output when its scales start around `center`."""
    torch.manual_seed(0)
    layer = ConditionalBatchNorm(64, 10)
    nn.init.normal_(layer.scale, center, 0.02)
    return layer(torch.randn(32, 64, 8, 8), labels_in_rows(32, 10)).std().item()


# What the notebook's runs gave: cells are found by a piece of their source, scores by what they printed.

ROWS_OF_IMAGES = {
    "blind.png": ("blind = train(", CLASSES),
    "mine.png": ("floor = recipe.scorer()", CLASSES),
    "between.png": ("def blended(", [f"{share} %" for share in (100, 75, 50, 25, 0)]),
}
SCORES = {
    "label to G only": r"agreement, label to G only: ([\d.]+)",
    "label to both": r"agreement, label to both: ([\d.]+)",
    "rows, learned and exact": r"the exact ones: ([\d.]+) \(mean size ([\d.]+)\)",
    "rows from N(0, 1)": r"agreement, rows from N\(0, 1\): ([\d.]+)",
    "rows from 0": r"agreement, rows from 0: ([\d.]+)",
    "agreement": r"agreement ([\d.]+%), label to G only",
    "nFD, floor, precision, recall": r"nFD ([\d.]+), floor ([\d.]+); precision ([\d.]+), recall ([\d.]+)",
    "precision of pure labels": r"precision, pure labels: ([\d.]+)",
    "precision half-way": r"precision, half and half: ([\d.]+)",
    "all heaps and heap 9, with the bug": r"agreement over all: ([\d.]+); heap by heap:.* ([\d.]+)\n",
    "the same ten a class": r"with generated ([\d.]+%)\n.*GAN on the same ten a class: (-?[\d.]+)",
    "heap 9, repaired": r"^heap by heap:.* ([\d.]+)\n",
} | {
    f"{n} a class": rf"^{n} a class: real alone ([\d.]+%), with generated ([\d.]+%)\n.*: (-?[\d.]+)"
    for n in (10, 50, 500)
}
ONE_CLASS = r"^(\S+) +agreement ([\d.]+) +recall ([\d.]+) +\(real: ([\d.]+)\)"


def images_of(text: str) -> np.ndarray:
    """The picture of the cell whose source contains `text`, without its margins and the names of its rows."""
    pixels = np.asarray(NOTEBOOK.image(text).convert("L"))
    inside = pixels < 250
    lines, columns = (np.flatnonzero(inside.mean(axis) > 0.5) for axis in (1, 0))
    return np.stack([pixels[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]] * 3, axis=-1)


def by_class() -> Figure:
    """Agreement and recall of each class, and the recall of real photographs."""
    names, *series = zip(*re.findall(ONE_CLASS, NOTEBOOK.printed(), re.MULTILINE), strict=True)
    fig, (axes,) = show.figure(6.4, 4.7)
    marks = (("agreement", "o", BLUE), ("recall", "s", ORANGE), ("recall, real", "|", INK))
    for (label, marker, colour), values in zip(marks, series, strict=True):
        axes.plot([float(v) for v in values], names, marker, color=colour, label=label, markersize=9, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xticks=[0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="y", color="#dddddd")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=3, fontsize=12, columnspacing=1.0)
    return fig


# Writing.


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    clothes().save(folder / "clothes.png")
    channels().save(folder / "channels.png")
    save_json(numbers(), folder / "numbers.json")


def save_runs(folder: Path) -> None:
    """The notebook's pictures, and trained.json with its scores."""
    for name, (text, names) in ROWS_OF_IMAGES.items():
        labelled_rows(images_of(text), names, *SIZE).save(folder / name)
    NOTEBOOK.image("their_points = play_heaps(").save(folder / "broken.png")
    save_svg(by_class, folder / "by_class.svg")
    save_json(NOTEBOOK.scores(SCORES), folder / "trained.json")


if __name__ == "__main__":
    torch.set_num_threads(1)
    draw_deck(NOTEBOOK, FOLDER, save_exact, save_runs)
