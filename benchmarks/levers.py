"""Each lever of speed alone, beside the same game without it, on the networks where it matters.

    python benchmarks/levers.py [--levers "bf16" ...] [--rounds 7] [--threads 2]

The networks are those of the usual scripts (speed.py, which adds the levers up). One run a case, interleaved: in every
round each contender makes its steps in a new process; shown are the median and the range of images a second and, round
by round, of the ratio to the same game without the lever. The steps that warm up count for nothing, and what
torch.compile took in them the first time is told apart (less where an earlier run has left its kernels: clear
TORCHINDUCTOR_CACHE_DIR). Below 1 a lever loses. CUDA graphs and tf32 are for a GPU, and are not measured here. Levers
that are not named keep their rows of the last time.
"""

import argparse
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from common import RESULTS, spread, write
from speed import CASES, Cost, Levers, interleaved, stepper
from torch import Tensor

from gancourse.objectives import penalties


@dataclass(frozen=True)
class Lever:
    """change: what it switches; base: what both sides have; without: see WITHOUT; exact: whether numbers stay the same,
    up to rounding."""

    name: str
    case: str
    change: Levers = field(default_factory=dict)
    base: Levers = field(default_factory=dict)
    without: str = ""
    exact: bool = True


def one_by_one(mine: list[Tensor], theirs: list[Tensor], weight: float) -> None:
    """The average as it is usually written: a kernel for each parameter."""
    for a, b in zip(mine, theirs, strict=True):
        a.lerp_(b, weight)


# What has no switch, for it is always on: how it is taken out of the side without the lever.
WITHOUT: dict[str, Callable[[], Any]] = {
    "foreach": lambda: setattr(torch, "_foreach_lerp_", one_by_one),
    "masks": lambda: setattr(penalties, "MaskedRectifiers", nullcontext),
}
EVERYWHERE = {
    "channels last": ({"channels_last": True}, True),
    "bf16": ({"precision": "bf16"}, False),
    "fused Adam": ({"fused": True}, True),
    "freed memory kept": ({"keep_memory": True}, True),
    "torch.compile": ({"compile": True}, True),
    "read by two workers": ({"loading": "streamed"}, True),
}
WHERE = {  # those of EVERYWHERE that can matter there
    "dcgan": tuple(EVERYWHERE),
    "wgan_gp": ("bf16", "fused Adam", "freed memory kept", "torch.compile", "read by two workers"),
    "cyclegan_4": ("channels last", "bf16", "fused Adam", "freed memory kept"),
}
SPECIAL = (
    Lever("exact rewriting", "dcgan", {"rewrite": True}),
    Lever("one pass of G a step", "dcgan", {"fresh_fakes": False}, exact=False),
    Lever("average by one kernel", "dcgan", without="foreach"),
    Lever("R1 every 4th step", "dcgan", {"r1_every": 4}, base={"gamma": 1.0}, exact=False),
    Lever("penalty every 2nd step", "wgan_gp", {"penalty_every": 2}, exact=False),
    Lever("penalty past its rectifiers", "wgan_gp", without="masks"),
    Lever("exact rewriting", "cyclegan_4", {"rewrite": True}),
    Lever("what changes and what stays in one pass", "cyclegan_4", {"joined": True}),
    Lever("judges see the images of G's turn", "cyclegan_4", {"fresh_fakes": False}, exact=False),
)


def levers() -> list[Lever]:
    """All of them, case by case."""
    found = [
        Lever(name, case, EVERYWHERE[name][0], exact=EVERYWHERE[name][1])
        for case, names in WHERE.items()
        for name in names
    ]
    return sorted([*found, *SPECIAL], key=lambda lever: list(WHERE).index(lever.case))


def contender(case_name: str, changes: Levers, without: str) -> Callable[[int], None]:
    """A game as a function that makes so many steps; all of a case start from the same weights."""
    if without:
        WITHOUT[without]()
    case = CASES[case_name]()
    torch.manual_seed(0)
    ours = case.ours(case.networks(), changes)
    ours.batches.close = lambda: None  # workers go on from what warms up to what is timed
    return stepper(ours)


def refuse_what_changes_nothing(lever: Lever) -> None:
    """Raise AssertionError for a lever whose two sides would be the same game: its base holds what it switches."""
    case = CASES[lever.case]()
    without, with_it = (
        case.ours(case.networks(), changes).config for changes in (lever.base, lever.base | lever.change)
    )
    assert lever.without or without != with_it, f"{lever.name}: both sides of {lever.case} have {lever.change}"


def measure(case_name: str, chosen: list[Lever], rounds: int, threads: int) -> list[dict]:
    """A row a lever of one case: images a second with and without it in each round, and seconds of compiling."""
    for lever in chosen:
        refuse_what_changes_nothing(lever)
    sides = {}  # a side that several levers are compared with runs once
    for lever in chosen:
        for changes, without in ((lever.base, lever.without), (lever.base | lever.change, "")):
            sides[_key(changes, without)] = contender, (case_name, changes, without)
    speeds, costs = interleaved(sides, CASES[case_name](), rounds, threads)
    return [_row(lever, speeds, costs) for lever in chosen]


def _key(changes: Levers, without: str) -> str:
    return json.dumps([changes, without], sort_keys=True)


def _row(lever: Lever, speeds: dict[str, list[float]], costs: dict[str, Cost]) -> dict:
    with_it, plain = _key(lever.base | lever.change, ""), _key(lever.base, lever.without)
    ratio = [fast / slow for fast, slow in zip(speeds[with_it], speeds[plain], strict=True)]
    return {
        "case": lever.case, "lever": lever.name, "exact": lever.exact, "images_a_second": speeds[with_it],
        "without": speeds[plain], "ratio": ratio, "compile_seconds": costs[with_it].compiling,
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """A line a lever, median (range) over the rounds."""
    lines = [
        "| networks of | lever, alone | same numbers | images a second with it | times without it | compiling, s |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["case"], row["lever"], "yes" if row["exact"] else "no", spread(row["images_a_second"], 1)]
        cells += [spread(row["ratio"], 2), f"{row['compile_seconds']:.0f}" if row["compile_seconds"] else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    everything = levers()
    names = list(dict.fromkeys(lever.name for lever in everything))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levers", nargs="+", default=names, choices=names, metavar="LEVER", help=", ".join(names))
    parser.add_argument("--cases", nargs="+", default=list(WHERE), choices=WHERE)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    path = RESULTS / "levers.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    order = [(lever.case, lever.name) for lever in everything]
    command = f"python benchmarks/levers.py --rounds {options.rounds} --threads {options.threads}"
    for case in options.cases:
        chosen = [lever for lever in everything if lever.case == case and lever.name in options.levers]
        made = measure(case, chosen, options.rounds, options.threads)
        measured = {(row["case"], row["lever"]): row for row in rows + made}
        rows = [measured[key] for key in order if key in measured]
        write("levers", command, table(rows), rows)


if __name__ == "__main__":
    main()
