"""report.md of a run: what it has come to, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gancourse import show
from gancourse.recipes.state import read_state

if TYPE_CHECKING:
    from gancourse.recipes.runs import Run


def report(run: Run, stopped: str = "") -> str:
    """The text of the report; its pictures of the curves are written beside it. stopped: why a run ended early."""
    records, recipe = run.records(), run.recipe
    show.curves(records, losses_of(records), "The losses of both players over the run").save(run.folder / "losses.png")
    parts = [
        f"# {recipe.title}",
        f"Made by `gancourse train {recipe.name}`; make it again with `gancourse again FOLDER`, go on with "
        "`gancourse train --resume FOLDER`.",
        f"**Ended early.** {stopped}" if stopped else "",
        *(f"**Warning.** {record['warning']}" for record in records if "warning" in record),
        f"## Scores\n\n{_scores(run)}",
        "## Losses\n\n![Losses of both players](losses.png)",
        f"## Samples\n\n{_samples(sample_pictures(run.folder))}",
        f"## Numbers\n\n{_table(['', ''], [[name, str(value)] for name, value in run.config.items()])}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def losses_of(records: list[dict]) -> list[str]:
    """The names of the players' losses in a run's records."""
    return [n for n in ("discriminator", "critic", "generator") if any(n in r for r in records)]


def _scores(run: Run) -> str:
    """Best and last beside each other, and the floor of the metric that decides which is best."""
    last, best, metric = run.last_scores(), run.best_scores(), run.recipe.metric
    if not last:
        return "Nothing was scored."
    text = _table(["", "best", "last"], [[name, shown(best.get(name, "")), shown(last[name])] for name in last])
    floor = read_state(run.folder).get("floor")
    beside = "" if floor is None else f" Real data against real data: {shown(floor)}."
    return f"{text}\n\nBest is the least {metric} (`best.pt`), last the end (`checkpoint.pt`).{beside}"


def sample_pictures(folder: Path) -> list[Path]:
    """The pictures that a run drew of itself, oldest first: samples/000006400.png. Others may lie beside them."""
    return sorted(path for path in (folder / "samples").glob("*.png") if path.stem.isdigit())


def _samples(pictures: list[Path]) -> str:
    return "\n\n".join(
        f"{int(p.stem):,} images shown\n\n![Samples after {int(p.stem):,} images](samples/{p.name})" for p in pictures
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value: Any) -> str:
    """A number as tables show it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
