"""The figures and numbers of this deck: drawn with the package's own functions, or taken from the executed notebook.

python slides/03_wgan_gp/figures.py            every figure and numbers.json; needs the built notebook for trained.json
"""

import math
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from torch import Tensor

from gancourse import show
from gancourse.authoring.drawing import BLUE, INK, LOOKS, ORANGE, save_drawings, save_json
from gancourse.authoring.executed import Executed, draw_deck
from gancourse.data import fashion_mnist
from gancourse.metrics.modes import HIGH_QUALITY_STDS
from gancourse.nets import DCGANDiscriminator
from gancourse.objectives import critic_generator_loss, critic_loss, generator_loss, gradient_norm, interpolate
from gancourse.objectives import wasserstein_1d as w1

FOLDER = Path(__file__).resolve().parent / "figures"
NOTEBOOK = Executed("03_wgan_gp")
FAKES, REALS = torch.tensor([0.0, 4.0]), torch.tensor([1.0, 2.0])  # the two heaps of earth on the slide


# What the lesson computes.


def jensen_shannon(p: Tensor, q: Tensor) -> float:
    """JSD of two distributions (K,) on the same places."""
    middle = (p + q) / 2
    parts = (torch.where(a > 0, a * (a / middle).log(), 0.0).sum() for a in (p, q))
    return (sum(parts) / 2).item()


def divergence_at(theta: float) -> float:
    """JSD of the pile at 0 and the pile at theta, on a line with a place every 0.1."""
    places = torch.linspace(-5, 5, 101)
    return jensen_shannon(*(((places - at).abs() < 0.05).float() for at in (0.0, theta)))


def seven_numbers() -> tuple[Tensor, Tensor]:
    """The lesson's two samples of seven."""
    seven = torch.Generator().manual_seed(3)
    x = torch.randn(7, generator=seven, dtype=torch.float64)
    return x, torch.randn(7, generator=seven, dtype=torch.float64) + 0.5


def prices_of_plans() -> Tensor:
    """What each of the 5040 plans costs."""
    x, y = seven_numbers()
    return (x[:, None] - y[None]).abs()[torch.arange(7), torch.tensor(list(permutations(range(7))))].mean(1)


def earnings_of_critics() -> tuple[Tensor, Tensor, Tensor]:
    """The 14 places in their order, the scores there of each of the 8192 critics, and what each of them earns."""
    x, y = seven_numbers()
    places, order = torch.cat([x, y]).sort()
    signs = torch.tensor(list(product([-1.0, 1.0], repeat=13)), dtype=torch.float64)
    heights = torch.cat([torch.zeros(len(signs), 1, dtype=torch.float64), (signs * places.diff()).cumsum(1)], dim=1)
    real = order < 7
    return places, heights, heights[:, real].mean(1) - heights[:, ~real].mean(1)


def change_of_slope(batch_norm: bool) -> float:
    """By how many per cent the slope at four boots changes with who else is in the batch."""
    clothes = fashion_mnist("train").padded(32)
    boots, bags = (clothes.batch((clothes.labels == label).nonzero()[:n, 0]) for label, n in ((9, 16), (8, 12)))
    torch.manual_seed(0)
    critic = DCGANDiscriminator(clothes.shape, width=16, batch_norm=batch_norm)
    first, second = (gradient_norm(critic, torch.cat([boots[:4], others]))[:4].detach() for others in (boots[4:], bags))
    return 100 * ((second - first).abs() / first).mean().item()


def slope_felt(scores: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The slope of a mean loss at each of the scores (N,), as if each were alone."""
    at = scores.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(at) * len(at), at)
    return slope


# Figures.


def flat() -> Figure:
    """Divergence and way against the place of the generator's pile."""
    theta = torch.linspace(-5, 5, 101)
    fig, (axes,) = show.figure(6.4, 3.8)
    axes.plot(theta, [divergence_at(t) for t in theta.tolist()], "-", color=BLUE, linewidth=2.2)
    axes.plot(theta, theta.abs(), "--", color=ORANGE, linewidth=2.2)
    axes.text(-4.8, 0.8, "divergence (JSD)", color=BLUE)
    axes.text(-2.9, 3.2, "distance to carry", color=ORANGE)
    axes.set(xlabel="θ, where the generator puts its pile", xlim=(-5, 5), ylim=(0, 5))
    return fig


def plan(axes: Axes, ends: list[tuple[float, float]], title: str) -> None:
    """Fakes and reals on a line, with an arc for each unit that is carried."""
    for start, end in ends:
        bend = {"connectionstyle": f"arc3,rad={-0.55 if end > start else 0.55}"}
        arc = FancyArrowPatch((start, 0.08), (end, 0.08), arrowstyle="-|>", mutation_scale=16, linewidth=1.8, **bend)
        arc.set_color(INK)
        axes.add_patch(arc)
        top = {"xytext": (0, 4 + 18 * abs(end - start)), "textcoords": "offset points"}  # as high as the arc
        axes.annotate(f"{abs(end - start):g}", ((start + end) / 2, 0.08), ha="center", weight="bold", **top)
    axes.plot(FAKES, [0, 0], "s", color=ORANGE, markersize=13, clip_on=False, label="fake")
    axes.plot(REALS, [0, 0], "o", color=BLUE, markersize=13, clip_on=False, label="real")
    axes.set(xlim=(-0.5, 4.5), ylim=(-0.1, 0.95), yticks=[], xticks=range(5), title=title)
    axes.spines[["top", "left", "right"]].set_visible(False)


def earth() -> Figure:
    """The two plans that carry two fakes to two reals."""
    fig, panels = show.figure(9.6, 2.6, 2)
    a, b = FAKES.tolist(), REALS.tolist()
    plan(panels[0], list(zip(a, b, strict=True)), f"cost ({b[0] - a[0]:g} + {a[1] - b[1]:g}) / 2")
    plan(panels[1], list(zip(a, b[::-1], strict=True)), f"cost ({b[1] - a[0]:g} + {a[1] - b[0]:g}) / 2")
    panels[0].legend(loc="upper right")
    return fig


def prices() -> Figure:
    """What all plans cost, and where sorting is."""
    found = prices_of_plans()
    fig, (axes,) = show.figure(5.8, 3.7)
    axes.hist(found.numpy(), bins=30, color=BLUE, alpha=0.55)
    sorting = w1(*seven_numbers()).item()
    axes.axvline(sorting, color=ORANGE, linewidth=2.5, linestyle="--")
    axes.text(sorting + 0.01, axes.get_ylim()[1] * 0.9, "sorting", color=ORANGE)
    axes.set(xlabel=f"cost of each of {len(found)} plans", ylabel="plans")
    return fig


def zigzag() -> Figure:
    """The best of all critics, over the places that it was made for."""
    places, heights, earned = earnings_of_critics()
    best = heights[earned.argmax()]
    x, y = seven_numbers()
    fig, (axes,) = show.figure(6.0, 3.9)
    axes.plot(places, best, "-", color=INK, linewidth=2)
    for sample, look, colour, name in ((x, "o", BLUE, "real"), (y, "s", ORANGE, "fake")):
        heights_there = best[torch.searchsorted(places, sample)]
        axes.plot(sample, heights_there, look, color=colour, markersize=9, label=name)
    axes.set(xlabel="place", ylabel="score", aspect="equal")
    axes.legend()
    return fig


def felt() -> Figure:
    """How steep the generator's loss is at the score of a fake, in lesson 1 and here."""
    scores = torch.linspace(-8, 8, 161, dtype=torch.float64)
    fig, (axes,) = show.figure(5.6, 3.7)
    axes.plot(scores, slope_felt(scores, critic_generator_loss), "-", color=INK, linewidth=2.4, label="critic")
    axes.plot(scores, slope_felt(scores, generator_loss), "--", color=ORANGE, linewidth=2.2, label="−log D")
    saturating = slope_felt(scores, lambda at: generator_loss(at, saturating=True))
    axes.plot(scores, saturating, "-.", color=BLUE, linewidth=2.2, label="log(1 − D)")
    axes.set(xlabel="score of a fake", ylabel="slope of G's loss", ylim=(-1.12, 0.12), xlim=(-8, 8))
    axes.legend(loc="center right", fontsize=12)
    return fig


def shares() -> Figure:
    """Where four ways to draw the share put the points between three pairs."""
    real = torch.tensor([[2.0, 2.2], [2.6, 1.0], [2.2, -0.4]])
    fake = torch.tensor([[-2.0, 0.6], [-2.4, -0.8], [-1.4, -1.8]])
    torch.manual_seed(2)
    many, least = (t.repeat(30, 1) for t in (real, fake))

    def mixed(share: Tensor) -> Tensor:
        return share * many + (1 - share) * least

    clouds = {
        "one a sample": interpolate(many, least),
        "one a number": mixed(torch.rand_like(many)),
        "one a batch": mixed(torch.rand(1)),
        "normal": mixed(torch.randn(len(many), 1)),
    }
    fig, panels = show.figure(11.4, 2.35, 4)
    for axes, (name, points) in zip(panels, clouds.items(), strict=True):
        for pair in zip(real, fake, strict=True):
            axes.plot(*torch.stack(pair).T, "-", color="#aaaaaa", linewidth=1)
        axes.plot(*fake.T, "s", color=ORANGE, markersize=9)
        axes.plot(*real.T, "o", color=BLUE, markersize=9)
        axes.plot(*points.T, ".", color=INK, markersize=4)
        axes.set(title=name, xlim=(-4.2, 4.2), ylim=(-2.7, 3.0), aspect="equal", xticks=[], yticks=[])
    return fig


def soft() -> Figure:
    """What a critic earns with slope s, for three weights of the penalty."""
    slope = torch.linspace(0.5, 2.5, 101, dtype=torch.float64)
    fig, (axes,) = show.figure(5.8, 3.9)
    for weight, line, colour in ((1, "-.", BLUE), (10, "-", INK), (100, "--", ORANGE)):
        best = 1 + 2 / (2 * weight)
        axes.plot(
            slope, 2 * slope - weight * (slope - 1) ** 2, line, color=colour, linewidth=2.2, label=f"λ = {weight}"
        )
        axes.plot(best, 2 * best - weight * (best - 1) ** 2, "o", color=colour, markersize=8)
    axes.set(xlabel="slope s", ylabel="2 s − λ (s − 1)²", ylim=(0, 4), xlim=(0.5, 2.5))
    axes.legend(loc="lower right")
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "flat.svg": flat,
    "earth.svg": earth,
    "prices.svg": prices,
    "zigzag.svg": zigzag,
    "felt.svg": felt,
    "shares.svg": shares,
    "soft.svg": soft,
}


# Numbers.


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    paid, (_, _, earned) = prices_of_plans(), earnings_of_critics()
    scores = torch.tensor([-50.0, 0.0, 50.0])
    three = torch.tensor([0.5, 3.0, 1.0])
    a, b = scores[:2], scores[1:]
    bell = torch.randn(500, generator=torch.Generator().manual_seed(0))
    changed = critic_loss(a + 100, b + 100) - critic_loss(a, b)
    return {
        "JSD at 5, at 0.1": ", ".join(f"{divergence_at(theta):.4f}" for theta in (5.0, 0.1)),
        "log 2": f"{math.log(2):.4f}",
        "W1 of the two heaps": f"{w1(FAKES, REALS).item():.1f}",
        "the other plan": f"{(FAKES - REALS.flip(0)).abs().mean().item():.1f}",
        "distance of the means": f"{(FAKES.mean() - REALS.mean()).abs().item():.1f}",
        "plans, critics": f"{len(paid)}, {len(earned)}",
        "cheapest, dearest plan": f"{paid.min().item():.4f}, {paid.max().item():.4f}",
        "best critic": f"{earned.max().item():.4f}",
        "W1 by sorting": f"{w1(*seven_numbers()).item():.4f}",
        "500 numbers, 3 and 6 apart": f"{w1(bell, bell + 3).item():.0f}, {w1(bell, bell - 6).item():.0f}",
        "change of the loss with 100 added": f"{changed.item():.0f}",
        "slope felt at -50, 0, 50": ", ".join(f"{s:.0f}" for s in slope_felt(scores, critic_generator_loss).tolist()),
        "slopes of a picture of 3 x 32 x 32 along axis 1": f"{torch.zeros(3, 32, 32).norm(dim=0).numel()}",
        "numbers of such a picture": f"{3 * 32 * 32}",
        "slope with other company, without and with batch norm": ", ".join(
            f"{change_of_slope(batch_norm):.0f}%" for batch_norm in (False, True)
        ),
        "real samples within 3 std": f"{1 - math.exp(-(HIGH_QUALITY_STDS**2) / 2):.1%}",
        "penalty of three slopes": f"{(three - 1).pow(2).mean().item():.4f}",
        "with the mean first": f"{(three.mean() - 1).pow(2).item():.4f}",
        "with the norm squared": f"{(three.pow(2) - 1).pow(2).mean().item():.4f}",
        "best slope, then what it earns": f"{1 + 2 / 20:.1f}, {1.1 * 2 - 10 * 0.1**2:.1f}",
        "best slope with the bug, then what it earns": f"{1 + 10 * 2 / 2:.0f}, {10 * 11 * 2 - 10**2}",
    }


# What the executed notebook holds.


PICTURES = {
    "grid.png": '{"vanilla": of_vanilla[:3000]',
    "clothes.png": "show.image_rows(\n    pictures,",
    "tracks.png": "patient = WGANGP.for_budget(",
    "hurried.png": "hurried = rank_correlation(",
    "bug.png": "her_curve, her_slope = watch(",
}
SCORES = {
    "unbounded": "unbounded = reported(",
    "clipped": "clipped, slope = {}, {}",
    "held": "held = train_critic(penalised)",
    "grid, vanilla": "of_vanilla = play_grid(",
    "grid, clipped": "of_clipped = play_grid(",
    "grid, WGAN-GP": "of_penalised = play_grid(",
    "clothes": "scores = recipe.scorer()(trainer.ema.model)",
    "tracks": "patient = WGANGP.for_budget(",
    "hurried": "hurried = rank_correlation(",
    "bug": "her_curve, her_slope = watch(",
    "repaired": "curve, repaired_slope = watch(",
}


# Writing.


def between() -> show.Picture:
    """Boots, bags, and a picture between each pair."""
    clothes = fashion_mnist("train").padded(32)
    boots, bags = (clothes.batch((clothes.labels == label).nonzero()[:10, 0]) for label in (9, 8))
    torch.manual_seed(0)
    rows = {"boots": boots, "bags": bags, "between": interpolate(boots, bags)}
    with matplotlib.rc_context(LOOKS):
        return show.image_rows(rows, alt="Boots, bags, and double exposures of the two")


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    between().save(folder / "between.png")
    save_json(numbers(), folder / "numbers.json")


def save_runs(folder: Path) -> None:
    """The pictures of the notebook's trainings, and trained.json with what their cells print."""
    NOTEBOOK.save_pngs(PICTURES, folder)
    save_json({name: NOTEBOOK.printed_by(source) for name, source in SCORES.items()}, folder / "trained.json")


if __name__ == "__main__":
    torch.set_num_threads(1)
    draw_deck(NOTEBOOK, FOLDER, save_exact, save_runs)
