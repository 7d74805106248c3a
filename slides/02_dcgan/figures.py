"""The figures and numbers of this deck: drawn with the package's own functions, or taken from the executed notebook.

python slides/02_dcgan/figures.py    all of them, numbers.json and trained.json (seconds; nothing is trained)
"""

import math
from collections.abc import Callable
from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse import show
from gancourse.authoring.drawing import BLUE, INK, LOOKS, ORANGE, PALE, canvas, save_drawings, save_json
from gancourse.authoring.executed import Executed, draw_deck
from gancourse.metrics import checkerboard_energy
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator, dcgan_init, he_init
from gancourse.recipes.dcgan import DCGAN
from gancourse.show.plots import COLOURS, STYLES

FOLDER = Path(__file__).resolve().parent / "figures"
NOTEBOOK = Executed("02_dcgan")
SHAPE = (1, 32, 32)
RECIPE = DCGAN.for_budget("laptop")


# The lesson's experiments that need no training.


def shuffled(images: Tensor) -> Tensor:
    """Images (N, 1, 32, 32) with their pixels in the lesson's other order."""
    order = torch.randperm(32 * 32, generator=torch.Generator().manual_seed(0))
    return images.flatten(1)[:, order].view_as(images)


def doubled(size: int, kernel: int, output_padding: int = 0) -> Tensor:
    """How many stamps reach each output pixel of a transposed convolution with stride 2 and padding 1."""
    ones = torch.ones(1, 1, kernel, kernel)
    return F.conv_transpose2d(torch.ones(1, 1, size, size), ones, None, 2, 1, output_padding)[0, 0]


def networks(start: Callable[[nn.Module], None] = he_init, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """The lesson's players, width 16."""
    torch.manual_seed(seed)
    return DCGANGenerator(64, SHAPE, 16).apply(start), DCGANDiscriminator(SHAPE, 16).apply(start)


def with_odd_kernels(network: nn.Module) -> nn.Module:
    """The same network with kernel 3 and output_padding 1 in every transposed convolution."""
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.ConvTranspose2d):
                sizes, bias = (layer.in_channels, layer.out_channels), layer.bias is not None
                setattr(parent, name, nn.ConvTranspose2d(*sizes, 3, 2, padding=1, output_padding=1, bias=bias))
    return network


def variance_of_pixels(odd: bool) -> Tensor:
    """How strongly each pixel (32, 32) varies over 100 samples, averaged over 20 untrained generators."""
    maps = []
    for seed in range(20):
        torch.manual_seed(seed)
        network = DCGANGenerator(64, SHAPE, 16)
        network = (with_odd_kernels(network) if odd else network).apply(dcgan_init)
        with torch.no_grad():
            maps.append(network(torch.randn(100, 64))[:, 0].var(0))
    return torch.stack(maps).mean(0)


def unevenness(variance: Tensor) -> float:
    """Over the four pixels of the 2 x 2 cells inside the picture: the largest mean variance by the smallest."""
    means = [variance[4 + i : 28 : 2, 4 + j : 28 : 2].mean().item() for i in (0, 1) for j in (0, 1)]
    return max(means) / min(means)


def everything(module: nn.Module) -> None:
    """N(0, 0.02) for all parameters alike."""
    for parameter in module.parameters(recurse=False):
        nn.init.normal_(parameter, 0.0, 0.02)


STARTS = {"0.02 for everything": everything, "the paper's": dcgan_init, "torch's own": lambda m: None, "He's": he_init}


def stds(network: nn.Module, x: Tensor) -> list[float]:
    """The standard deviation after each stage's activation, and of the output."""
    seen: list[float] = []
    linear = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    hooks = [m.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0].std().item())) for m in linear[1:]]
    with torch.no_grad():
        seen.append(network(x).std().item())
    for hook in hooks:
        hook.remove()
    return seen


def signals() -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """For each start: the standard deviations along the generator and along the discriminator."""
    of_g, of_d = {}, {}
    for name, start in STARTS.items():
        torch.manual_seed(0)
        of_g[name] = stds(DCGANGenerator(64, SHAPE, 16).apply(start), RECIPE.noise(256, seed=3))
        torch.manual_seed(0)
        of_d[name] = stds(DCGANDiscriminator(SHAPE, 16).apply(start), RECIPE.load_data().first(256))
    return of_g, of_d


def slope_at_image(start: Callable[[nn.Module], None]) -> float:
    """How long the gradient of D's logit is when it arrives at a picture of G."""
    generator, discriminator = networks(start)
    pictures = generator(RECIPE.noise(256, seed=3)[:64]).detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(pictures).sum(), pictures)
    return slope.flatten(1).norm(dim=1).mean().item()


# Drawings.


def cell(axes: Axes, x: float, y: float, text: str, fill: str = PALE, side: float = 0.5, dashed: bool = False) -> None:
    """A labelled square whose lower left corner is (x, y)."""
    style = {"linestyle": (0, (3, 2)), "alpha": 0.6} if dashed else {}
    axes.add_patch(Rectangle((x, y), side, side, facecolor=fill, edgecolor=INK, linewidth=1.2, **style))
    axes.text(x + side / 2, y + side / 2, text, ha="center", va="center", fontsize=14)


def doubling() -> Figure:
    """Four inputs stamp a kernel of 4, two pixels apart; one pixel is cut on each side."""
    fig, axes = canvas(9.6, 3.7)
    for i, fill in enumerate(("#cfe3f0", "#f6d9c4", "#cdeade", "#eedbe8")):
        cell(axes, 3.0 + 1.0 * i, 3.15, f"$x_{i + 1}$", fill)
        for j in range(4):
            cell(axes, 2.0 + 1.0 * i + 0.5 * j, 2.4 - 0.52 * i, f"$k_{j + 1}$", fill)
    for i in range(10):
        cut = i in (0, 9)
        cell(axes, 2.0 + 0.5 * i, 0.1, "cut" if cut else str(i), "white" if cut else PALE, dashed=cut)
    for y, text in ((3.4, "4 inputs"), (1.87, "4 stamps,\nstride 2"), (0.35, "sums,\npadding 1")):
        axes.text(1.7, y, text, ha="right", va="center", fontsize=15)
    for y, text in ((1.87, "each output:\n2 stamps"), (0.35, "8 outputs")):
        axes.text(7.3, y, text, va="center", fontsize=15)
    return fig


def stamps() -> Figure:
    """The numbers of stamps, for an even and an odd kernel."""
    fig, panels = show.figure(7.6, 4.0, 2)
    for axes, kernel in zip(panels, (4, 3), strict=True):
        counts = doubled(4, kernel, kernel % 2)
        axes.pcolormesh(counts, vmin=0, vmax=4, cmap="cividis", edgecolors="white", linewidth=1)
        for y in range(8):
            for x in range(8):
                n = int(counts[y, x])
                axes.text(x + 0.5, y + 0.5, n, ha="center", va="center", color="black" if n > 2 else "white")
        axes.set(aspect="equal", xticks=[], yticks=[], title=f"kernel {kernel}")
    return fig


def tower(axes: Axes, x: float, y: float, side: float, depth: int, colour: str) -> float:
    """A stack of `depth` channels around height y, from x on. Returns where it ends."""
    for i in reversed(range(depth)):
        corner = (x + 0.09 * i, y - side / 2 + 0.09 * i)
        axes.add_patch(Rectangle(corner, side, side, facecolor=PALE, edgecolor=colour, linewidth=1.3))
    return x + side + 0.09 * (depth - 1)


def network(makes: bool) -> Figure:
    """Channels and sizes from left to right: of the generator, which makes pictures, or of the discriminator."""
    norm, down = "\nnorm\nReLU", "down\nLeaky\nReLU"
    stages = [(0.4, 8, 64, 4), (0.7, 4, 32, 8), (1.05, 2, 16, 16), (1.6, 1, 1, 32)][:: 1 if makes else -1]
    layers = ["linear" + norm, "up" + norm, "up" + norm, "up\ntanh"] if makes else [down, down, down, "linear"]
    fig, axes = canvas(11.2, 2.75)
    x, y, ends = 2.2 if makes else 0.3, 1.75, [(0.2, 1.0)] if makes else []
    for side, depth, channels, size in stages:
        ends.append((x, tower(axes, x, y, side, depth, ORANGE if makes else BLUE)))
        label = f"{channels} channel{'s' * (channels > 1)}\n{size} × {size}"
        axes.text(sum(ends[-1]) / 2, 0.72, label, ha="center", va="top")
        x = ends[-1][1] + 1.28
    ends += [] if makes else [(x, x)]
    for (_, start), (stop, _), layer in zip(ends[:-1], ends[1:], layers, strict=True):
        axes.annotate("", (stop - 0.06, y), (start + 0.08, y), arrowprops={"arrowstyle": "-|>", "linewidth": 1.6})
        axes.text((start + stop) / 2, y + 0.1, layer, ha="center", va="bottom")
    axes.text(0.5 if makes else x + 0.45, y, "64\nnumbers" if makes else "1 logit", ha="center", va="center")
    return fig


def signal() -> Figure:
    """How large the signal is along both networks, for four starts."""
    fig, panels = show.figure(10.4, 3.0, 2)
    names = (["4 × 4", "8 × 8", "16 × 16", "output"], ["16 × 16", "8 × 8", "4 × 4", "logit"])
    for axes, title, found, ticks in zip(panels, ("generator", "discriminator"), signals(), names, strict=True):
        for i, (name, values) in enumerate(found.items()):
            axes.plot(range(4), values, STYLES[i], marker="osD^"[i], color=COLOURS[i], linewidth=2, label=name)
        axes.set(yscale="log", ylim=(1e-4, 2), xticks=range(4), xticklabels=ticks, title=title)
    panels[0].set(ylabel="standard deviation")
    panels[0].legend(loc="lower left", ncols=2, fontsize=12)
    return fig


def company() -> Figure:
    """One feature of real and fake pictures: as it is, after batch norm in one call, and in two."""
    line = torch.linspace(-4, 6, 201, dtype=torch.float64)
    mixture = math.sqrt(1 + 1.5**2)  # means of 0 and 3, standard deviation 1 each: around 1.5
    panels = {
        "as it is": [(0, 1), (3, 1)],
        "norm, one call": [(-1.5 / mixture, 1 / mixture), (1.5 / mixture, 1 / mixture)],
        "norm, two calls": [(0, 1), (0, 1)],
    }
    fig, axes_list = show.figure(10.4, 2.4, 3)
    for axes, (title, bumps) in zip(axes_list, panels.items(), strict=True):
        for (mean, std), style, colour, name in zip(bumps, ("--", "-"), (ORANGE, BLUE), ("fake", "real"), strict=True):
            height = torch.exp(-0.5 * ((line - mean) / std) ** 2) / std
            axes.plot(line, height, style, color=colour, linewidth=4 if name == "fake" else 2, label=name)
        axes.set(title=title, yticks=[], xlim=(-4, 6), ylim=(0, 2.1), xlabel="a feature in D")
    axes_list[0].legend(loc="upper left")
    return fig


def broadcast() -> Figure:
    """Logits (4, 1) times targets (4,): every logit meets every target."""
    fig, axes = canvas(5.2, 3.9)
    for i in range(4):
        cell(axes, 0.7, 2.2 - 0.7 * i, f"$a_{i + 1}$", "#cfe3f0", 0.65)
        cell(axes, 2.3 + 0.7 * i, 3.2, "1" if i < 2 else "0", "#f6d9c4", 0.65)
        for j in range(4):
            fill = "#cdeade" if i == j else "white"
            cell(axes, 2.3 + 0.7 * j, 2.2 - 0.7 * i, f"$a_{i + 1} \\cdot {int(j < 2)}$", fill, 0.65)
    axes.text(0.45, 1.47, "logits (4, 1)", ha="center", va="center", rotation=90, fontsize=15)
    axes.text(2.1, 3.52, "targets (4,)", ha="right", va="center", fontsize=15)
    return fig


EXACT: dict[str, Callable[[], Figure]] = {
    "doubling.svg": doubling,
    "stamps.svg": stamps,
    "generator.svg": lambda: network(makes=True),
    "discriminator.svg": lambda: network(makes=False),
    "signal.svg": signal,
    "company.svg": company,
    "broadcast.svg": broadcast,
}


def unevenness_maps() -> Figure:
    """How strongly each pixel of an untrained generator varies, for an even and an odd kernel."""
    fig, panels = show.figure(8.4, 4.2, 2)
    for axes, kernel in zip(panels, (4, 3), strict=True):
        variance = variance_of_pixels(odd=kernel == 3)
        axes.imshow(variance / variance.max(), vmin=0, vmax=1, cmap="cividis", interpolation="nearest")
        axes.set(title=f"kernel {kernel}", xticks=[], yticks=[])
    return fig


# Numbers.


def numbers() -> dict[str, str]:
    """Every number of the deck that needs no training, as it is written there."""
    (all_small, paper_g, _, he_g), (_, paper_d, _, he_d) = (list(found.values()) for found in signals())
    uneven = {odd: unevenness(variance_of_pixels(odd)) for odd in (False, True)}
    weak, strong = slope_at_image(dcgan_init), slope_at_image(he_init)
    inside = {kernel: doubled(8, kernel, kernel % 2)[2:-2, 2:-2] for kernel in (4, 3)}
    begin = RECIPE.noise(1000, seed=11)
    straight = (begin + RECIPE.noise(1000, seed=12)) / 2
    mlps = MLPGenerator(64, SHAPE), MLPDiscriminator(SHAPE)
    return {
        "pixels": f"{32 * 32:,}",
        "outputs of kernel 4, 3": ", ".join(str(len(doubled(4, kernel))) for kernel in (4, 3)),
        "most and fewest stamps": ", ".join(f"{c.max():.0f}, {c.min():.0f}" for c in inside.values()),
        "std after the ReLU": f"{math.sqrt(1 / 2 - 1 / (2 * math.pi)):.2f}",
        "unevenness of kernel 4, 3": f"{uneven[False]:.1f}, {uneven[True]:.1f}",
        "cut off, wrapped around": ", ".join(str(int((x + 1) * 127.5) % 256) for x in (0.9999, 1.02)),
        "std with the scale around 0": f"{all_small[0]:.3f}",
        "output of G, the paper's and He's": f"{paper_g[-1]:.2f}, {he_g[-1]:.2f}",
        "logits of D, the paper's and He's": f"{paper_d[-1]:.4f}, {he_d[-1]:.2f}",
        "inputs for 0.02, too small by": f"{2 / 0.02**2:,.0f}, {math.sqrt(2 / 256) / 0.02:.1f}",
        "gradient at a picture, ratio": f"{weak:.4f}, {strong:.2f}, {strong / weak:.0f}",
        "first step as a share of the weight": f"{0.004 / 0.02:.2f}, {0.004 / math.sqrt(2 / 256):.2f}",
        "checkerboard of photographs": f"{1000 * checkerboard_energy(RECIPE.load_data(split='test').first(1000)):.1f}",
        "weights of the DCGAN, the MLPs": ", ".join(
            f"{sum(p.numel() for net in nets for p in net.parameters()):,}" for nets in (networks(), mlps)
        ),
        "length of latents, straight middle": f"{begin.norm(dim=1).mean():.0f}, {straight.norm(dim=1).mean():.1f}",
    }


# The trainings of the executed notebook.


PICTURES = {
    "starts.png": '"the paper\'s": generate(paper_generator',
    "pixels.png": 'watch_pixels(pixel_records, "kernel 3")',
    "shuffled_game.png": '"shuffled": generate(shuffled_generator',
    "samples.png": "sample_grid(final,",
    "walk.png": 'f"walk {i + 1}"',
    "bug.png": "train_judge(broken_loss)",
}


SCORES = {
    "steps of the MLPs": r"300 steps of the DCGAN: (\d+) of the MLPs",
    "MLPs against DCGAN": r"nFD of the MLPs: ([\d.]+)\nnFD of the DCGAN: ([\d.]+)\n",
    "recall of both": r"recall: MLPs ([\d.]+), DCGAN ([\d.]+)",
    "shuffled pixels": r"nFD, trained on shuffled pixels: ([\d.]+)",
    "starts": r"nFD from the paper's start: ([\d.]+)\nnFD from He's start: ([\d.]+)",
    "right, without batch norm": r"without batch norm: +([\d.]+%) right in the mixture, ([\d.]+%) apart",
    "right, with batch norm": r"with batch norm: +([\d.]+%) right in the mixture, ([\d.]+%) apart",
    "nFD, floor, precision, recall": r"nFD ([\d.]+), floor ([\d.]+); precision ([\d.]+), recall ([\d.]+)",
    "nFD one by one, in train mode": r"nFD one by one, in train mode: ([\d.]+)",
    "bug": r"D's loss at the end: ([\d.]+); log 4 = ([\d.]+); right answers: (\d+%)",
    "repaired": r"D's loss after the repair: ([\d.]+); right answers: (\d+%)",
}
SHARES = {  # printed as a fraction or in percent, shown in percent
    "moved": r"moved, in distances between two pictures: ([\d.]+)",
    "sure of the ends": r"sure of (\d+%) of the ends",
    "in the middle of the arc": r"sure in the middle of the arc: ([\d.]+)",
    "double exposures": r"sure of double exposures: ([\d.]+)",
    "arithmetic with 1": r"works with one sample a kind: ([\d.]+)",
    "arithmetic with 3, with all": r"works with three: ([\d.]+)\nworks with all: ([\d.]+)",
    "a random direction": r"a random direction: ([\d.]+)",
}


def scores() -> dict[str, str]:
    """The scores of the runs as they are written in the deck."""
    shares = NOTEBOOK.scores(SHARES)
    return NOTEBOOK.scores(SCORES) | {n: ", ".join(map(in_percent, s.split(", "))) for n, s in shares.items()}


def in_percent(share: str) -> str:
    """0.55 as 55%, and 55% as it is."""
    return share if "%" in share else f"{float(share):.0%}"


# Writing.


def save_exact(folder: Path) -> None:
    """What every machine makes alike."""
    save_drawings(EXACT, folder)
    clothes = RECIPE.load_data().first(10)
    show.image_grid(torch.cat([clothes, shuffled(clothes)]), "Clothes, shuffled", scale=4).save(folder / "shuffled.png")
    with matplotlib.rc_context(LOOKS):
        unevenness_maps().savefig(folder / "unevenness.png", dpi=130, metadata={"Software": None})
    save_json(numbers(), folder / "numbers.json")


def save_runs(folder: Path) -> None:
    """The pictures of the notebook's trainings, and trained.json with their scores."""
    NOTEBOOK.save_pngs(PICTURES, folder)
    save_json(scores(), folder / "trained.json")


if __name__ == "__main__":
    torch.set_num_threads(1)
    draw_deck(NOTEBOOK, FOLDER, save_exact, save_runs)
