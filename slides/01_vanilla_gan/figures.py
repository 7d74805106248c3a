"""The figures and numbers of this deck, made with the package's own functions.

python slides/01_vanilla_gan/figures.py            every figure, and numbers.json (seconds)
python slides/01_vanilla_gan/figures.py --train    also the grid of 25 heaps and the generated clothes (minutes)
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor
from torch.nn.functional import softplus

from gancourse import show
from gancourse.authoring.drawing import (
    BLUE,
    GREEN,
    INK,
    LOOKS,
    ORANGE,
    arrow,
    box,
    canvas,
    chain,
    save_drawings,
    save_json,
    save_svg,
)
from gancourse.data import fashion_mnist, grid, ring
from gancourse.metrics import high_quality_share, modes_covered
from gancourse.metrics.modes import FAIR_SHARE, HIGH_QUALITY_STDS
from gancourse.objectives import discriminator_loss, generator_loss, optimal_discriminator
from gancourse.recipes.base import Players
from gancourse.recipes.game import generate, sample_noise
from gancourse.recipes.points import Points
from gancourse.recipes.vanilla import Vanilla
from gancourse.training import History

FOLDER = Path(__file__).resolve().parent / "figures"
LOG_4 = math.log(4)


# Densities on a line, as in the lesson, in float64 so that every machine draws the same curve.


def bump(x: Tensor, center: float, std: float) -> Tensor:
    """The density of a normal distribution."""
    return torch.exp(-0.5 * ((x - center) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def densities() -> tuple[Tensor, Tensor, Tensor]:
    """The line, the data's density p and the generator's density q on it."""
    line = torch.linspace(-4, 4, 801, dtype=torch.float64)
    return line, 0.5 * bump(line, -1.5, 0.5) + 0.5 * bump(line, 1.5, 0.5), bump(line, 0.5, 1.0)


def best_in_the_plane() -> Tensor:
    """D* of the widened ring against one cloud, (121, 121), on [-2, 2] squared."""
    axis = torch.linspace(-2, 2, 121, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x.flatten(), y.flatten()], dim=1)
    squared = torch.cdist(points, ring().centers.double()).pow(2)
    p = (torch.exp(-squared / (2 * 0.15**2)) / (2 * math.pi * 0.15**2)).mean(1)
    q = torch.exp(-0.5 * points.pow(2).sum(1)) / (2 * math.pi)
    return optimal_discriminator(p, q).view(121, 121)


# Diagrams.


def players_diagram() -> Figure:
    """Who is given what in the game."""
    fig, axes = canvas(10.4, 2.9)
    box(axes, 1.0, 2.4, "noise z", width=1.3)
    box(axes, 3.2, 2.4, "generator G", ORANGE, width=1.7)
    box(axes, 5.3, 2.4, "fake G(z)", width=1.5)
    box(axes, 5.3, 0.7, "real x", width=1.5)
    box(axes, 7.6, 1.55, "discriminator D", BLUE, width=1.9)
    box(axes, 9.75, 1.55, "logit", width=0.9)
    chain(axes, 2.4, [(1.7, 2.28), (4.12, 4.48)])
    chain(axes, 1.55, [(8.62, 9.22)])
    arrow(axes, (6.12, 2.4), (6.68, 1.85))
    arrow(axes, (6.12, 0.7), (6.68, 1.25))
    axes.text(3.2, 0.7, "G never sees\na real sample", ha="center", va="center", style="italic")
    axes.text(9.7, 0.85, "below 0: fake\nabove 0: real", ha="center", va="center", fontsize=12)
    return fig


def turn(axes: Axes, y: float, title: str, learns: str) -> None:
    """The chain noise, G, fake, D, loss at height y; the player that does not learn is held."""
    axes.text(0.1, y, title, weight="bold", va="center", fontsize=14.5)
    box(axes, 2.1, y, "new z" if learns == "G" else "z", width=0.9)
    box(axes, 3.7, y, "G learns" if learns == "G" else "G is held", ORANGE, learns != "G", 1.3)
    box(axes, 5.4, y, "fake", width=0.8)
    box(axes, 7.3, y, "D learns" if learns == "D" else "D is held", BLUE, learns != "D", 1.3)
    box(axes, 9.4, y, f"{learns}'s loss", width=1.2)
    chain(axes, y, [(2.6, 2.98), (4.42, 4.93), (5.87, 6.58), (8.02, 8.73)])


def gradient(axes: Axes, start: float, end: float, y: float, label: str) -> None:
    """The way of the gradient, from right to left."""
    arrow(axes, (start, y), (end, y), color=GREEN, linewidth=2.5, linestyle=(0, (1, 1)))
    axes.text((start + end) / 2, y - 0.24, label, ha="center", va="center", color=GREEN, fontsize=12.5)


def step_diagram() -> Figure:
    """One step of the game: what is cut, what is not, and when gradients are cleared."""
    fig, axes = canvas(10.4, 4.6)
    turn(axes, 3.75, "D's turn", "D")
    box(axes, 5.4, 2.85, "real", width=0.8)
    arrow(axes, (5.87, 2.95), (6.62, 3.5))
    axes.plot([6.22, 6.22], [3.4, 4.1], color=INK, linewidth=4)
    axes.text(6.22, 4.3, "1  cut", ha="center", weight="bold")
    gradient(axes, 9.4, 7.0, 3.05, "gradient stops in D")
    turn(axes, 1.45, "G's turn", "G")
    axes.text(6.22, 1.95, "2  do not cut", ha="center", weight="bold")
    gradient(axes, 9.4, 3.5, 0.78, "gradient runs through D to G, and leaves a trace in D")
    axes.text(9.4, 4.3, "3  clear first", ha="center", weight="bold")
    axes.text(9.4, 1.95, "3  clear first", ha="center", weight="bold")
    axes.plot([0.1, 10.2], [2.4, 2.4], color="#aaaaaa", linewidth=0.8)
    return fig


# Figures that are computed, not trained.


def best_on_a_line() -> Figure:
    """D* over the two densities that it is made of."""
    line, p, q = (values[::8] for values in densities())
    fig, (axes,) = show.figure(6.0, 3.9)
    axes.fill_between(line, p, color=BLUE, alpha=0.15)
    axes.plot(line, p, "-", color=BLUE, label="p, data")
    axes.plot(line, q, "--", color=ORANGE, label="q, generator")
    axes.plot(line, optimal_discriminator(p, q), "-.", color=GREEN, linewidth=2.5, label="D* = p / (p + q)")
    axes.axhline(0.5, color="#999999", linewidth=0.8)
    axes.set(xlabel="x", ylim=(0, 1.25), xlim=(-4, 4), yticks=[0, 0.5, 1])
    axes.legend(loc="upper center", ncols=3, fontsize=11, columnspacing=1.0)
    return fig


def best_as_a_map() -> Figure:
    """D* in the plane, with a line where D* is one half."""
    axis = torch.linspace(-2, 2, 121)[::2]
    heights = best_in_the_plane()[::2, ::2]
    fig, (axes,) = show.figure(4.4, 3.9)
    shown = axes.contourf(axis, axis, heights, levels=torch.linspace(0, 1, 5), cmap="cividis")
    axes.contour(axis, axis, heights, levels=[0.5], colors="white", linewidths=1.2)
    axes.set(aspect="equal", xticks=[], yticks=[], title="white line: D* = ½")
    fig.colorbar(shown, ax=axes, ticks=[0, 0.5, 1], label="D*")
    return fig


def slopes() -> Figure:
    """The slopes of both losses of the generator at the logit of a fake."""
    logits = torch.linspace(-8, 8, 161, dtype=torch.float64)
    fig, (axes,) = show.figure(5.8, 4.1)
    for saturating, line, end, colour in ((True, "-", "o", BLUE), (False, "--", "s", ORANGE)):
        axes.plot(logits, slope_at(logits, saturating), line, color=colour, linewidth=2.2)
        axes.plot([-8, 8], slope_at(torch.tensor([-8.0, 8.0]), saturating), end, color=colour, clip_on=False)
    axes.text(-7.6, -0.05, "saturating\nlog(1 − D)", va="top", color=BLUE)
    axes.text(-7.6, -0.95, "non-saturating\n−log D", va="bottom", color=ORANGE)
    axes.set(xlabel="logit of a fake (left: D is sure that it is fake)", xlim=(-8, 8))
    axes.set(ylabel="slope", ylim=(-1.12, 0.12))
    return fig


def heap() -> Figure:
    """One heap: which samples count as good."""
    generator = torch.Generator().manual_seed(0)
    near = torch.randn(70, 2, generator=generator)
    thread = torch.stack([torch.linspace(1.5, 7.5, 13), torch.linspace(-0.8, -2.6, 13)], dim=1)
    samples = torch.cat([near, thread])
    good = samples.norm(dim=1) < HIGH_QUALITY_STDS
    fig, (axes,) = show.figure(5.6, 3.9)
    axes.add_patch(Circle((0, 0), HIGH_QUALITY_STDS, fill=False, linewidth=1.5, edgecolor=INK))
    axes.plot(*samples[good].T, "o", markersize=5, color=BLUE, label="counts")
    axes.plot(*samples[~good].T, "x", markersize=7, color=ORANGE, label="does not count")
    axes.plot(0, 0, "+", markersize=14, color=INK)
    axes.set(aspect="equal", xlim=(-3.6, 8), ylim=(-4, 3.6), xlabel="standard deviations from the centre", yticks=[])
    axes.legend(loc="upper right")
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "players.svg": players_diagram,
    "step.svg": step_diagram,
    "best_on_a_line.svg": best_on_a_line,
    "best_as_a_map.svg": best_as_a_map,
    "slopes.svg": slopes,
    "heap.svg": heap,
}


def clothes() -> show.Picture:
    """Real photographs, five of each kind, a column each."""
    data = fashion_mnist("train")
    index = torch.cat([(data.labels == c).nonzero()[:5, 0] for c in range(10)])
    by_row = index.view(10, 5).T.flatten()
    return show.image_grid(data.batch(by_row), alt="Fifty grey photographs of clothes")


# Figures from short runs. Another machine draws almost, not exactly, the same.


def first_game() -> show.Picture:
    """The lesson's first game: the ring after 1,000 steps."""
    recipe = Points.for_budget("laptop", images=1000 * 256, gamma=0.1, learning_rate=2e-3)
    heaps = ring()
    players = recipe.players(heaps)
    trainer = recipe.trainer(players, recipe.batches(heaps), recipe.step(players))
    before = recipe.sample(players.generator, 2000)
    trainer.run()
    after = recipe.sample(trainer.ema.model, 2000)
    clouds = {"real": heaps.sample(2000), "before": before, "after 1,000 steps": after}
    with matplotlib.rc_context(LOOKS):
        return show.scatter(clouds, heaps.centers, alt="Real and generated points")


def take_turns(players: Players, real: Tensor, latent_dim: int, clears_late: bool) -> dict[str, Tensor]:
    """One step of the game; clears_late: with the bug of the lesson, gradients cleared after the step."""
    generator, discriminator = players.generator, players.discriminator
    fake = generator(sample_noise(len(real), latent_dim)).detach()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    learn(players.discriminator_optimizer, d_loss, clears_late)
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    learn(players.generator_optimizer, g_loss, clears_late)
    return {"D's loss": d_loss.detach(), "G's loss": g_loss.detach()}


def learn(optimizer: torch.optim.Optimizer, loss: Tensor, clears_late: bool) -> None:
    """Clear, backward, step; or, with the bug, backward, step, clear."""
    if not clears_late:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if clears_late:
        optimizer.zero_grad()


def losses_of_a_game(clears_late: bool) -> History:
    """Both losses over 500 steps on the ring."""
    recipe = Points.for_budget("laptop", images=500 * 256, record_every=10)
    players, history = recipe.players(ring()), History()

    def step(real: Tensor, number: int) -> dict[str, Tensor]:
        return take_turns(players, real, recipe.latent_dim, clears_late)

    recipe.trainer(players, recipe.batches(ring()), step, monitors=[history]).run()
    return history


def bug() -> Figure:
    """The losses of the colleague's step beside those of a right one."""
    fig, panels = show.figure(9.6, 3.7, 2)
    for axes, title in zip(panels, ("the colleague's step", "a right step"), strict=True):
        history = losses_of_a_game(clears_late=title != "a right step")
        steps = range(10, 10 * len(history.records) + 1, 10)
        axes.plot(steps, history["D's loss"], "-", color=BLUE, linewidth=2, label="D's loss")
        axes.plot(steps, history["G's loss"], "--", color=ORANGE, linewidth=2, label="G's loss")
        axes.axhline(LOG_4, color=INK, linewidth=1.8, linestyle=":", label="log 4")
        axes.set(title=title, xlabel="step", ylim=(0, 2.4))
        axes.legend(loc="upper center", ncols=3, fontsize=11, columnspacing=1.0)
    return fig


# Numbers.


def slope_at(logits: Tensor, saturating: bool) -> Tensor:
    """The slope of the generator's loss at each of the logits (N,)."""
    at = logits.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(generator_loss(at, saturating) * len(at), at)
    return slope


def slope_of_cost(cost: Callable[[Tensor], Tensor]) -> tuple[float, float]:
    """What D pays for a real sample with the logit -200, and the slope there."""
    logit = torch.tensor(-200.0, requires_grad=True)
    paid = cost(logit)
    (slope,) = torch.autograd.grad(paid, logit)
    return paid.item(), slope.item()


def value_of_best(p: Tensor, q: Tensor, dx: float) -> float:
    """V(D*, G), both expectations as sums over the line."""
    best = optimal_discriminator(p, q)
    return ((p * best.log() + q * (1 - best).log()).sum() * dx).item()


def jensen_shannon(p: Tensor, q: Tensor, dx: float) -> float:
    """The distance between p and q that theorem 1 speaks of."""
    middle = (p + q) / 2
    return ((p * (p / middle).log() + q * (q / middle).log()).sum() * dx / 2).item()


def distance_moved(saturating: bool) -> float:
    """How far 40 steps of gradient descent move the generator of the lesson towards the data."""
    place = torch.tensor(-5.0, requires_grad=True)
    for _ in range(40):
        (slope,) = torch.autograd.grad(generator_loss((3 * (place + 2.5))[None], saturating), place)
        place = (place - 0.05 * slope).detach().requires_grad_()
    return place.item() + 5


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    return numbers_of_the_discriminator() | numbers_of_the_generator()


def numbers_of_the_discriminator() -> dict[str, str]:
    """Costs, the best answer, and what it is worth."""
    sure_cost, sure_slope = slope_of_cost(lambda logit: softplus(-logit))
    lost_cost, lost_slope = slope_of_cost(lambda logit: -logit.sigmoid().log())
    line, p, q = densities()
    dx = (line[1] - line[0]).item()
    best = best_in_the_plane()
    return {
        "log 4": f"{discriminator_loss(torch.zeros(5), torch.zeros(5)).item():.3f}",
        "cost by softplus, slope": f"{sure_cost:.0f}, {sure_slope:.0f}",
        "cost by log of sigmoid, slope": f"{lost_cost:.0f}, {lost_slope:.0f}",
        "logit of 0.9": f"{math.log(0.9 / 0.1):.2f}",
        "D* where p = 3 q": f"{optimal_discriminator(torch.tensor(3.0), torch.tensor(1.0)).item():.2f}",
        "D* at a heap": f"{best.max().item():.2f}",
        "D* in the middle": f"{best[60, 60].item():.2f}",
        "V of the best D": f"{value_of_best(p, q, dx):.3f}",
        "-log 4 + 2 JSD": f"{-LOG_4 + 2 * jensen_shannon(p, q, dx):.3f}",
        "JSD": f"{jensen_shannon(p, q, dx):.3f}",
        "V where q = p": f"{value_of_best(p, p, dx):.3f}",
    }


def numbers_of_the_generator() -> dict[str, str]:
    """Slopes, ways, counts, and the optimum of the step with the bug."""
    ends = torch.tensor([-8.0, 8.0])
    real = grid().sample(10_000, torch.Generator().manual_seed(0))
    two_thirds = torch.tensor([math.log(2)])  # the logit of 2/3
    return {
        "saturating slope at -8, +8": ", ".join(f"{s:.4f}" for s in slope_at(ends, True).tolist()),
        "non-saturating slope at -8, +8": ", ".join(f"{s:.4f}" for s in slope_at(ends, False).tolist()),
        "moved by the saturating form": f"{distance_moved(True):.3f}",
        "moved by the non-saturating form": f"{distance_moved(False):.3f}",
        "real samples within 3 std": f"{1 - math.exp(-(HIGH_QUALITY_STDS**2) / 2):.1%}",
        "real samples cover": f"{modes_covered(real, grid().centers, grid().std)} of 25",
        "a fair share of 5000 samples on 8 heaps, a fifth": f"{5000 / 8:.0f}, {FAIR_SHARE * 5000 / 8:.0f}",
        "D's loss at 2/3": f"{discriminator_loss(two_thirds, two_thirds).item():.2f}",
        "G's loss at 2/3": f"{generator_loss(two_thirds).item():.2f}",
    }


# What takes minutes: drawn only with --train.


def broken_and_cured(broken: Points, cured: Points) -> tuple[show.Picture, dict[str, str]]:
    """The 25 heaps as equation 1 has them, and cured: the raw generator of the one, the average of the other."""
    clouds = {}
    for name, recipe in {"as in equation 1": broken, "cured": cured}.items():
        players = recipe.players(grid())
        trainer = recipe.trainer(players, recipe.batches(grid()), recipe.step(players))
        trainer.run()
        clouds[name] = recipe.sample(players.generator if recipe is broken else trainer.ema.model, 10_000)
    found = {
        f"modes and good samples, {name}": f"{modes_covered(cloud, grid().centers, grid().std)} of 25, "
        f"{high_quality_share(cloud, grid().centers, grid().std):.1%}"
        for name, cloud in clouds.items()
    }
    drawn = {name: cloud[:3000] for name, cloud in clouds.items()}
    with matplotlib.rc_context(LOOKS):
        return show.scatter(drawn, grid().centers, alt="Two clouds over 25 circles"), found


def generated_clothes(recipe: Vanilla) -> tuple[show.Picture, dict[str, str]]:
    """Start, end and real photographs, and the scores next to their floor."""
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    noise = recipe.noise(10, seed=1)
    rows = {"start": generate(trainer.ema.model, noise)}
    trainer.run()
    rows |= {"end": generate(trainer.ema.model, noise), "real": data.first(10)}
    scores = recipe.scorer()(trainer.ema.model)
    found = {name: f"{scores[name]:.2f}" for name in ("nfd", "precision", "recall")}
    found |= {"floor of nfd": f"{recipe.floor():.3f}", "classes": str(scores["classes"])}
    return show.image_rows(rows, alt="Noise, generated clothes, real clothes"), found


# Writing.


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    clothes().save(folder / "clothes.png")
    save_json(numbers(), folder / "numbers.json")


def save_long_runs(folder: Path) -> None:
    """The pictures of the two long runs, and trained.json with what they scored."""
    picture, on_the_grid = broken_and_cured(Points.broken(), Points.for_budget("laptop"))
    picture.save(folder / "broken_and_cured.png")
    picture, on_clothes = generated_clothes(Vanilla.for_budget("laptop"))
    picture.save(folder / "generated_clothes.png")
    save_json(on_the_grid | on_clothes, folder / "trained.json")


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="also the two runs that take minutes")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder to write to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    save_exact(arguments.out)
    first_game().save(arguments.out / "first_game.png")
    save_svg(bug, arguments.out / "bug.svg")
    if arguments.train:
        save_long_runs(arguments.out)


if __name__ == "__main__":
    main()
