"""The few kinds of picture that the lessons use. Colours are told apart by line style and marker too."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gancourse import tiling
from gancourse.show.picture import Picture, figure, picture

# Four of Okabe and Ito 2008, two of Tol 2021: told apart without red or green, and 3:1 or more on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#332288", "#882255")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "x")


def lines(
    x: Sequence[float] | Tensor,
    series: dict[str, Sequence[float] | Tensor],
    alt: str,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
) -> Picture:
    """Several series over the same x."""
    fig, (axes,) = figure()
    for i, (name, values) in enumerate(series.items()):
        axes.plot(np.asarray(x), np.asarray(values), STYLES[i % 4], color=COLOURS[i % 6], label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.legend()
    return picture(fig, alt)


def curves(records: Sequence[dict], names: Sequence[str], alt: str, levels: dict[str, float] | None = None) -> Picture:
    """Training records, as History and metrics.jsonl hold them, against the images shown.

    levels: values worth comparing with, drawn as thin horizontal lines.
    """
    fig, (axes,) = figure()
    for i, name in enumerate(names):
        found = [(r["images"], r[name]) for r in records if name in r]
        axes.plot(*zip(*found, strict=True), STYLES[i % 4], color=COLOURS[i % 6], label=name)
    for name, value in (levels or {}).items():
        axes.axhline(value, linestyle=":", color="black", linewidth=1, label=name)
    axes.set(xlabel="images shown")
    axes.legend()
    return picture(fig, alt)


def races(panels: dict[str, dict[str, tuple[Sequence, Sequence]]], floors: dict[str, float], alt: str) -> Picture:
    """Curves of several runs beside each other: a panel for each quantity, in it (images, values) for each run's name.

    floors: a level in a panel below which nothing honest gets. Runs differ in colour, line style and marker.
    """
    fig, axes = figure(5.0 * len(panels) + 1, 3.6, len(panels))
    for panel, (quantity, runs) in zip(axes, panels.items(), strict=True):
        for i, (name, (x, y)) in enumerate(runs.items()):
            panel.plot(x, y, STYLES[i % 4], color=COLOURS[i % 6], marker=MARKERS[i % 5], markersize=4, label=name)
        if quantity in floors:
            panel.axhline(floors[quantity], linestyle=(0, (1, 3)), color="black", linewidth=1, label="real data")
        panel.set(xlabel="images shown", ylabel=quantity)
        panel.set_ylim(bottom=0)
        panel.legend(fontsize=7)
    return picture(fig, alt)


def histograms(series: dict[str, Tensor], alt: str, xlabel: str = "", bins: int = 60) -> Picture:
    """The distribution of each series of numbers, a panel for each."""
    fig, panels = figure(3.2 * len(series), 2.6, len(series))
    for axes, (name, values) in zip(panels, series.items(), strict=True):
        axes.hist(np.asarray(values.detach().flatten()), bins=bins, color=COLOURS[0])
        axes.set(title=name, xlabel=xlabel, yticks=[])
    return picture(fig, alt)


def scatter(clouds: dict[str, Tensor], centers: Tensor, alt: str, limit: float = 1.8) -> Picture:
    """2-D samples (N, 2), a panel for each cloud, over circles where the centres (K, 2) of the data lie."""
    fig, panels = figure(3.2 * len(clouds), 3.4, len(clouds))
    for axes, (name, points) in zip(panels, clouds.items(), strict=True):
        axes.scatter(*centers.T, s=60, facecolors="none", edgecolors="#999999", linewidths=0.8)
        axes.scatter(*points.T, s=2, alpha=0.4, color=COLOURS[0], linewidths=0)
        axes.set(title=name, xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    return picture(fig, alt)


def plane(heights: dict[str, Tensor], alt: str, limit: float = 1.8) -> Picture:
    """Functions of the plane as maps in [0, 1], a panel each: heights (S, S), first axis y from bottom to top."""
    fig, panels = figure(3.2 * len(heights) + 0.6, 3.2, len(heights))
    for axes, (name, height) in zip(panels, heights.items(), strict=True):
        extent = (-limit, limit, -limit, limit)
        shown = axes.imshow(height, origin="lower", extent=extent, vmin=0, vmax=1, cmap="cividis")
        axes.set(title=name, xticks=[], yticks=[])
    fig.colorbar(shown, ax=panels)
    return picture(fig, alt)


def tile(images: Tensor, columns: int) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1] as one uint8 array (rows * H, columns * W, 3), filled row by row."""
    return tiling.tile(images.detach().float().cpu().numpy(), columns)


def pixels(image: Tensor, alt: str, scale: int = 2) -> Picture:
    """A finished picture (H, W, C) of bytes, grey or colour, each pixel `scale` pixels wide."""
    return Picture(tiling.png(image.cpu().expand(-1, -1, 3).numpy(), scale), alt)


def image_grid(images: Tensor, alt: str, columns: int = 10, scale: int = 2) -> Picture:
    """Images (N, C, H, W) in [-1, 1], row by row, each pixel `scale` pixels wide."""
    return Picture(tiling.png(tile(images, columns), scale), alt)


def image_rows(rows: dict[str, Tensor], alt: str) -> Picture:
    """A labelled row of images (N, C, H, W) for each name, all with the same N, on any device."""
    n = len(next(iter(rows.values())))
    labels = max(1.3, 0.1 * max(map(len, rows)) + 0.5)
    fig, (axes,) = figure(0.62 * n + labels, 0.66 * len(rows) + 0.1)
    height = next(iter(rows.values())).shape[2]
    axes.imshow(tile(torch.cat([row.cpu() for row in rows.values()]), n), interpolation="nearest")
    axes.set(xticks=[], yticks=[height * (i + 0.5) for i in range(len(rows))], yticklabels=list(rows))
    axes.tick_params(length=0)
    return picture(fig, alt)
