"""Images a second: the field's usual scripts, and the same networks through this package, lever by lever.

    python benchmarks/speed.py [--cases dcgan wgan_gp ...] [--rounds 7] [--threads 2]

One run, interleaved: every round gives each contender its steps in turn, so that a busy moment hits all of them, and
each time in a new process: one process may be a third faster than the next, for all its life, by where its memory lies.
Shown are medians over the rounds, ratios round by round to the usual script (usual/), and the largest size of each
contender's processes, torch included. Same networks (their outputs are compared first), same images, same batch, Adam
with the same numbers. Ours also keeps the average of the generator. The levers add up from row to row. Cases that are
not named keep their rows of the last time. `sngan` needs
`python -m pip install --no-deps torch-mimicry` and is left out without it. Recipes that have no script in that
collection run their own networks in a loop of the usual manner (usual/own.py), penalties left out.
"""

import argparse
import copy
import importlib.util
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, spread, write
from rich.progress import track
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor, resize
from usual import cyclegan, dcgan, own, sngan, wgan_gp
from usual.pictures import as_picture

from gancourse.data import Images, Unpaired, emoji, fashion_mnist, scenes
from gancourse.nets import fuse
from gancourse.recipes import recipe_class
from gancourse.recipes.cyclegan import Judges, Translations
from gancourse.show import Picture
from gancourse.show.picture import figure, picture
from gancourse.show.plots import COLOURS
from gancourse.training import Batches, History, ImagePool, Trainer, seconds_of_compiling

USUAL_SCRIPT = "usual script"
USUAL = {"learning_rate": dcgan.ADAM["lr"], "betas": dcgan.ADAM["betas"]}
Networks = tuple[nn.Module, nn.Module]
Inputs = tuple[Tensor, ...]
Levers = dict[str, Any]  # changes of a recipe, and rewrite: whether the networks go through `fuse`


@dataclass
class Case:
    """One usual script. networks: fresh ones, G and D; usual: its endless training; ours: the levers to a trainer.

    levers: name to what it adds to those before it. sample: inputs of G and of D for the comparison of networks.
    """

    batch: int
    steps: int
    networks: Callable[[], Networks]
    usual: Callable[[Networks], Iterator]
    ours: Callable[[Networks, Levers], Trainer]
    levers: dict[str, Levers]
    sample: tuple[Inputs, Inputs]


def embedded(size: int) -> Images:
    """10,000 garments, enlarged once by the very resizing that the script repeats at every visit."""
    data = fashion_mnist()
    if size == data.shape[1]:
        return data
    larger = torch.stack([pil_to_tensor(resize(as_picture(image), size)) for image in data.images])
    return Images(data.name, larger)


def trainer(
    name: str, networks: Networks, batches: Callable[[Any], Batches], levers: Levers, **numbers: Any
) -> Trainer:
    """Our loop, with a recipe's game and engine, on a script's networks and numbers."""
    levers = dict(levers)
    rewrite = levers.pop("rewrite", False)
    if rewrite:
        networks = tuple(map(fuse, networks))
    recipe = recipe_class(name).for_budget("laptop", **USUAL, **numbers, **levers)
    players = recipe.both(*networks)
    made = recipe.trainer(players, batches(recipe), recipe.step(players))
    made.learning_rate, made.total_images = lambda progress: 1.0, 1
    made.config = recipe.as_config() | {"rewrite": rewrite}
    return made


def ours_on_noise(name: str, data: Images, batch: int, latent: int, **numbers: Any) -> Callable[..., Trainer]:
    """A recipe's game on a script's networks, data and batch, as a case wants it: networks and levers to a trainer."""
    numbers = {"batch_size": batch, "latent_dim": latent, "fused": False} | numbers
    return lambda networks, levers: trainer(name, networks, lambda r: r.batches(data), numbers | levers)


def dcgan_case() -> Case:
    """32 x 32, batch 64."""
    pixels, data = fashion_mnist().images, embedded(32)

    def networks() -> Networks:
        return dcgan.Generator().apply(dcgan.start), dcgan.Discriminator().apply(dcgan.start)

    return Case(
        64,
        8,
        networks,
        lambda nets: dcgan.train(*nets, pixels, 64, open(os.devnull, "w")),
        ours_on_noise("dcgan", data, 64, dcgan.LATENT, gamma=0.0),
        {
            "our loop: data in memory, nothing read, D frozen in G's turn": {},
            "one pass of G a step": {"fresh_fakes": False},
            "fused Adam": {"fused": True},
            "exact rewriting": {"rewrite": True},
            "freed memory kept": {"keep_memory": True},
            "channels last": {"channels_last": True},
            "bf16": {"precision": "bf16"},
        },
        ((torch.randn(8, dcgan.LATENT),), (torch.rand(8, 1, 32, 32),)),
    )


def wgan_gp_case() -> Case:
    """MLPs, 28 x 28, batch 64, five turns of the critic for one of G."""
    data = embedded(28)

    return Case(
        64,
        100,
        lambda: (wgan_gp.Generator(), wgan_gp.Critic()),
        lambda nets: wgan_gp.train(*nets, data.images, 64, open(os.devnull, "w")),
        ours_on_noise("wgan_gp", data, 64, dcgan.LATENT, n_critic=wgan_gp.CRITIC_TURNS, penalty_every=1),
        {
            "our loop: data in memory, nothing read, no graph to G in D's turn": {},
            "fused Adam": {"fused": True},
            "freed memory kept": {"keep_memory": True},
            "bf16": {"precision": "bf16"},
        },
        ((torch.randn(8, dcgan.LATENT),), (torch.rand(8, 1, 28, 28),)),
    )


class Pair(nn.Module):
    """Two networks of a kind as one module."""

    def __init__(self, first: nn.Module, second: nn.Module):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.first(x), self.second(x)])


def cyclegan_case(batch: int) -> Case:
    """64 x 64 in colour."""
    data: Unpaired = scenes("train", 64)

    def networks() -> Networks:
        generators = Pair(cyclegan.Generator(), cyclegan.Generator())
        return generators.apply(cyclegan.start), Pair(cyclegan.Discriminator(), cyclegan.Discriminator()).apply(
            cyclegan.start
        )

    def ours(networks: Networks, levers: Levers) -> Trainer:
        generators, judges = networks
        pools = ImagePool(50, data.shape), ImagePool(50, data.shape)
        players = Translations(*generators.children(), data), Judges(*judges.children(), *pools)
        numbers = {
            "batch_size": batch, "size": 64, "cycle_weight": 10.0, "identity_weight": 5.0, "fused": False,
            "fresh_fakes": True,
        }  # fmt: skip
        return trainer("cyclegan", players, lambda r: r.batches(data), numbers | levers)

    return Case(
        batch,
        4 if batch == 1 else 2,
        networks,
        lambda nets: cyclegan.train(
            tuple(nets[0].children()),
            tuple(nets[1].children()),
            (data.a.images, data.b.images),
            batch,
            open(os.devnull, "w"),
        ),
        ours,
        {
            "our loop: data in memory, nothing read, judges frozen in G's turn": {"fresh_fakes": False},
            "fused Adam": {"fused": True},
            "what changes and what stays in one pass": {"joined": True},
            "exact rewriting": {"rewrite": True},
            "freed memory kept": {"keep_memory": True},
            "bf16": {"precision": "bf16"},
            "bf16, channels last": {"channels_last": True},
        },
        ((torch.rand(2, 3, 64, 64),), (torch.rand(2, 3, 64, 64),)),
    )


def vanilla_case() -> Case:
    """gan.py: MLPs, 28 x 28, batch 64; its loop is dcgan.py's on the networks of wgan_gp.py."""
    data = embedded(28)

    return Case(
        64,
        60,
        lambda: (wgan_gp.Generator(), wgan_gp.Critic()),
        lambda nets: dcgan.train(*nets, data.images, 64, open(os.devnull, "w"), size=28),
        ours_on_noise("vanilla", data, 64, dcgan.LATENT, gamma=0.0),
        {
            "our loop: data in memory, nothing read, D frozen in G's turn": {},
            "one pass of G a step": {"fresh_fakes": False},
            "fused Adam": {"fused": True},
            "freed memory kept": {"keep_memory": True},
            "bf16": {"precision": "bf16"},
        },
        ((torch.randn(8, dcgan.LATENT),), (torch.rand(8, 1, 28, 28),)),
    )


def sngan_case() -> Case:
    """torch-mimicry's SNGAN, 32 x 32 in colour, batch 16, one step of D for each of G."""
    data = Images("emoji", emoji().a.images)

    return Case(
        16,
        1,
        sngan.networks,
        lambda nets: sngan.train(*nets, data.images, 16, open(os.devnull, "w")),
        ours_on_noise("dcgan", data, 16, sngan.LATENT, gamma=0.0),
        {
            "our loop: data in memory, nothing read, D frozen in G's turn": {},
            "one pass of G a step": {"fresh_fakes": False},
            "fused Adam": {"fused": True},
            "freed memory kept": {"keep_memory": True},
            "channels last": {"channels_last": True},
            "bf16": {"precision": "bf16"},
        },
        ((torch.randn(8, sngan.LATENT),), (torch.rand(8, 3, 32, 32),)),
    )


def own_case(name: str, **numbers: Any) -> Case:
    """A recipe's own networks at its own size and batch, in the usual loop and in ours, both without penalties."""
    recipe = recipe_class(name).for_budget("laptop", **USUAL, gamma=0.0, **numbers)
    data = recipe.load_data()
    pixels = data.images
    labels = data.labels if name == "conditional" else None
    told = () if labels is None else (labels[:8],)

    def ours(networks: Networks, levers: Levers) -> Trainer:
        changes = {"gamma": 0.0, "fused": False} | numbers | levers
        return trainer(name, networks, lambda r: r.batches(data), changes)

    def networks() -> Networks:
        players = recipe.players(data)
        return players.generator, players.discriminator

    return Case(
        recipe.batch_size,
        20,
        networks,
        lambda nets: own.train(*nets, pixels, recipe.batch_size, open(os.devnull, "w"), recipe.latent_dim, labels),
        ours,
        {
            "our loop: data in memory, nothing read, no graph to G in D's turn, D frozen in G's": {},
            "fused Adam": {"fused": True},
            "exact rewriting": {"rewrite": True},
            "freed memory kept": {"keep_memory": True},
            "channels last": {"channels_last": True},
            "bf16": {"precision": "bf16"},
        },
        ((recipe.noise(8, 0), *told), (data.first(8), *told)),
    )


CASES: dict[str, Callable[[], Case]] = {
    "vanilla": vanilla_case,
    "dcgan": dcgan_case,
    "wgan_gp": wgan_gp_case,
    "conditional": lambda: own_case("conditional", mismatch=0.0),
    "progressive": lambda: own_case("progressive", direct=True),
    "sngan": sngan_case,
    "cyclegan_1": lambda: cyclegan_case(1),
    "cyclegan_4": lambda: cyclegan_case(4),
}


def contender(case_name: str, name: str) -> Callable[[int], Any]:
    """One of a case's contenders as a function that makes so many steps; all start from the same weights."""
    case = CASES[case_name]()
    torch.manual_seed(0)
    networks = case.networks()
    if name == USUAL_SCRIPT:
        steps = case.usual(networks)
        return lambda n: [next(steps) for _ in range(n)]
    return stepper(case.ours(networks, levers_up_to(case, name)))


def levers_up_to(case: Case, name: str) -> Levers:
    """The levers of a row: its own and those of the rows above it."""
    levers: Levers = {}
    for row, added in case.levers.items():
        levers = levers | added
        if row == name:
            break
    return levers


def stepper(ours: Trainer) -> Callable[[int], None]:
    """Run a trainer on for so many steps at a time."""

    def run(n: int) -> None:
        ours.total_images = ours.images + n * ours.batches.batch_size
        ours.run()

    return run


def refuse_other_networks(case: Case) -> float:
    """The largest difference between a script's networks and ours, in float64. Raises AssertionError above 1e-12."""
    torch.manual_seed(0)
    for dtype, bound in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        worst = 0.0
        for network, inputs in zip(case.networks(), case.sample, strict=True):
            outs = []
            for net in (network.to(dtype), fuse(copy.deepcopy(network).to(dtype))):
                torch.manual_seed(1)  # the same dropout
                outs.append(net(*(x.to(dtype) if x.is_floating_point() else x for x in inputs)))
            worst = max(worst, (outs[0] - outs[1]).abs().max().item())
        assert worst <= bound, f"the networks differ by {worst} in {dtype}"
    return worst


@dataclass(frozen=True)
class Cost:
    """compiling: seconds in which torch.compile wrote kernels; memory: the process at its largest, MiB, if known."""

    compiling: float
    memory: float | None


def in_its_own_process(
    make: Callable[..., Callable[[int], Any]], arguments: tuple, steps: int, threads: int
) -> tuple[float, Cost]:
    """The seconds of so many steps, after as many that warm up, in a process that begins and ends with them.

    make(*arguments) gives, in that process, the function that makes so many steps. None has another's memory, threads
    or settings.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_timed, make, arguments, steps, threads).result()


def _timed(make: Callable[..., Callable[[int], Any]], arguments: tuple, steps: int, threads: int) -> tuple[float, Cost]:
    torch.set_num_threads(threads)
    run = make(*arguments)
    run(steps)
    began = time.perf_counter()
    run(steps)
    return time.perf_counter() - began, Cost(seconds_of_compiling(), peak_memory())


def peak_memory() -> float | None:
    """The largest size of this process in memory so far, MiB, from Linux; None elsewhere.

    Not getrusage's ru_maxrss: that begins at the size of the process that started this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


def measure(name: str, rounds: int, threads: int) -> list[dict]:
    """A row a contender: images a second in each round, ratios, and its processes' memory."""
    case = CASES[name]()
    difference = refuse_other_networks(case)
    contenders = {row: (contender, (name, row)) for row in (USUAL_SCRIPT, *case.levers)}
    speeds, costs = interleaved(contenders, case, rounds, threads)
    usual = speeds[USUAL_SCRIPT]
    return [
        {"case": name, "row": row, "images_a_second": values, "networks_differ_by": difference,
         "ratio": [v / u for v, u in zip(values, usual, strict=True)], "peak_mib": costs[row].memory}
        for row, values in speeds.items()
    ]  # fmt: skip


def interleaved(
    contenders: dict[str, tuple[Callable, tuple]], case: Case, rounds: int, threads: int
) -> tuple[dict[str, list[float]], dict[str, Cost]]:
    """Images a second of each contender in each round, and the most that it took beside its time.

    contenders: by name, the first two arguments of in_its_own_process.
    """
    speeds: dict[str, list[float]] = {row: [] for row in contenders}
    costs: dict[str, list[Cost]] = {row: [] for row in contenders}
    turns = [turn for _ in range(rounds) for turn in contenders.items()]
    for row, (make, arguments) in track(turns, "rounds"):
        seconds, cost = in_its_own_process(make, arguments, case.steps, threads)
        speeds[row].append(case.steps * case.batch / seconds)
        costs[row].append(cost)
    return speeds, {row: most(found) for row, found in costs.items()}


def most(costs: list[Cost]) -> Cost:
    """The largest of each; later processes find the kernels that the first one compiled."""
    known = [cost.memory for cost in costs if cost.memory is not None]
    return Cost(max(cost.compiling for cost in costs), max(known, default=None))


def agreement(name: str, steps: int) -> dict[str, float]:
    """How far bf16 is from fp32: the mean of each loss over so many steps from one start, difference over spread."""
    case = CASES[name]()
    curves = []
    for row in list(case.levers)[-1], None:
        torch.manual_seed(0)
        networks = case.networks()
        levers = levers_up_to(case, row or list(case.levers)[-1]) | ({} if row else {"precision": "fp32"})
        ours, history = case.ours(networks, levers), History()
        ours.monitors, ours.record_every = [history], 1
        torch.manual_seed(1)
        stepper(ours)(steps)
        curves.append(history)
    terms = [term for term in curves[0].records[0] if term not in ("images", "steps")]
    return {term: _apart(curves[0][term], curves[1][term]) for term in terms}


def _apart(a: list[float], b: list[float]) -> float:
    """The difference of two curves' means over their last half, as a share of the larger mean size."""
    a, b = a[len(a) // 2 :], b[len(b) // 2 :]
    size = max(statistics.fmean(map(abs, a)), statistics.fmean(map(abs, b)))
    return abs(statistics.fmean(a) - statistics.fmean(b)) / size


def table(rows: list[dict]) -> str:
    """A line a contender, median (range) over the rounds."""
    lines = ["| networks of | levers, each with those above it | images a second | times the usual script | MiB |",
             "|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        cells = [row["case"] if row["row"] == USUAL_SCRIPT else "", row["row"], spread(row["images_a_second"], 1)]
        memory = row.get("peak_mib")
        cells += [spread(row["ratio"], 2), "" if memory is None else f"{memory:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(rows: list[dict]) -> Picture:
    """Two bars a case: its fastest row in float32, and in bf16. Whiskers reach over the rounds' range."""
    cases = [name for name in CASES if any(row["case"] == name for row in rows)]
    fig, (axes,) = figure(7.0, 0.5 + 0.62 * len(cases))
    for shift, (precision, hatch) in enumerate((("float32", ""), ("bf16", "//"))):
        shown = [_ratios(rows, name, precision) for name in cases]
        middles = [statistics.median(ratios) for ratios in shown]
        reach = [
            [m - min(r) for m, r in zip(middles, shown, strict=True)],
            [max(r) - m for m, r in zip(middles, shown, strict=True)],
        ]
        heights = [i + 0.38 * shift for i in range(len(cases))]
        axes.barh(heights, middles, 0.36, xerr=reach, color=COLOURS[shift], hatch=hatch, label=precision, edgecolor="w")
        for height, ratios, middle in zip(heights, shown, middles, strict=True):
            axes.text(max(ratios) + 0.05, height, f"{middle:.2f}", va="center")
    axes.axvline(1, color="black", linestyle="--", linewidth=1)
    axes.set_yticks([i + 0.19 for i in range(len(cases))], cases)
    axes.set(xlabel="images a second, times the usual script (dashed)", xlim=(0, 1.15 * axes.get_xlim()[1]))
    axes.invert_yaxis()
    axes.legend()
    return picture(fig, "Bars: how many times as fast as the usual script each network trains, in float32 and in bf16")


def _ratios(rows: list[dict], case: str, precision: str) -> list[float]:
    """The ratios of a case's fastest row in a precision."""
    mine = [
        row["ratio"] for row in rows if row["case"] == case and row["row"].startswith("bf16") == (precision == "bf16")
    ]
    return max(mine, key=statistics.median)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    path = RESULTS / "speed.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    if importlib.util.find_spec("torch_mimicry") is None and "sngan" in arguments.cases:
        arguments.cases.remove("sngan")
        print("sngan is left out: python -m pip install --no-deps torch-mimicry")
    for name in arguments.cases:
        measured = measure(name, arguments.rounds, arguments.threads)
        measured[-1]["bf16_losses_apart"] = agreement(name, 10 * CASES[name]().steps)
        rows = [row for row in rows if row["case"] != name] + measured
        rows.sort(key=lambda row: list(CASES).index(row["case"]))
        command = f"python benchmarks/speed.py --rounds {arguments.rounds} --threads {arguments.threads}"
        write("speed", command, table(rows), rows)
        plot(rows).save(RESULTS.parents[1] / "docs" / "speed.png")


if __name__ == "__main__":
    main()
