"""Runs beside each other: what each has come to, in a table and in a picture. Nothing in a folder can stop it."""

import csv
import datetime
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gancourse import show
from gancourse.errors import CheckpointError, GANCourseError
from gancourse.recipes.runs import Run
from gancourse.recipes.state import is_running, read_state
from gancourse.show import Picture
from gancourse.training import read_json_lines


@dataclass(frozen=True)
class Summary:
    """A line of the table. state: running, complete, stopped, diverged, interrupted, failed, killed (it ended without
    a word), new, damaged, or no run; best, last, floor: of the metric, less is better; seconds: of training; note: why
    it ended early or what is damaged."""

    folder: str
    state: str
    recipe: str = ""
    data: str = ""
    seed: int | None = None
    images: int | None = None
    total: int | None = None
    metric: str = ""
    best: float | None = None
    best_at: int | None = None
    last: float | None = None
    floor: float | None = None
    seconds: float | None = None
    date: str = ""
    note: str = ""


SORTS: dict[str, Callable[[Summary], Any]] = {
    "folder": lambda s: s.folder,
    "recipe": lambda s: s.recipe,
    "state": lambda s: s.state,
    "best": lambda s: (s.metric, s.best),
    "last": lambda s: (s.metric, s.last),
    "images": lambda s: s.images,
    "time": lambda s: s.seconds,
    "date": lambda s: s.date,
}


def find_runs(root: Path) -> list[Path]:
    """The folder itself if a run is in it, else all folders in it. Raises CheckpointError when there is no folder."""
    if not root.is_dir():
        raise CheckpointError(f"There is no folder {root}. Train first, or name the folder that holds your runs.")
    if (root / "config.json").is_file():
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def summarise(folder: Path) -> Summary:
    """What a folder holds. A damaged or foreign one is told as such."""
    if not (folder / "config.json").is_file():
        return Summary(str(folder), "no run", note="there is no config.json")
    try:
        return _summary(Run.open(folder))
    except (GANCourseError, OSError, ValueError, TypeError) as error:
        return Summary(str(folder), "damaged", note=str(error).split("\n")[0])


def _summary(run: Run) -> Summary:
    records, state, metric = run.records(), read_state(run.folder), run.recipe.metric
    best, last = run.best_scores(), run.last_scores()
    images = max((record["images"] for record in records), default=0)
    changed = (run.folder / ("metrics.jsonl" if records else "config.json")).stat().st_mtime
    return Summary(
        str(run.folder),
        _state(run, state, images),
        run.recipe.name,
        run.data,
        run.recipe.seed,
        images,
        run.recipe.images,
        metric,
        best.get(metric),
        best.get("images"),
        last.get(metric),
        state.get("floor"),
        state.get("seconds"),
        datetime.datetime.fromtimestamp(changed).strftime("%Y-%m-%d %H:%M"),
        str(state.get("reason", "")).split("\n")[0],
    )


def _state(run: Run, state: dict, images: int) -> str:
    """What state.json says, unless the process that wrote it is gone."""
    if is_running(run.folder):
        return "running"
    if images >= run.recipe.images:
        return "complete"
    written = state.get("state", "")
    if written in ("", "running", "complete"):
        return "killed" if images else "new"
    return str(written)


def chosen(
    summaries: Sequence[Summary], sort: str = "date", recipe: str | None = None, state: str | None = None
) -> list[Summary]:
    """Those of a recipe and a state, in the order of a column; what has no value there comes last.

    Raises GANCourseError for a column that does not exist.
    """
    if sort not in SORTS:
        raise GANCourseError(f"There is no order {sort!r}. Choose {', '.join(SORTS)}.")
    kept = [s for s in summaries if recipe in (None, s.recipe) and state in (None, s.state)]
    missing = {None, "", ("", None)}

    def key(summary: Summary) -> tuple:
        value = SORTS[sort](summary)
        lacks = value in missing or (isinstance(value, tuple) and None in value)
        return (lacks, 0 if lacks else value)

    return sorted(kept, key=key)


def as_csv(summaries: Sequence[Summary]) -> str:
    """All columns, a line for each run."""
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Summary)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(summary) for summary in summaries)
    return text.getvalue()


def comparison(summaries: Sequence[Summary]) -> Picture:
    """The metric of each run against the images shown, a panel for each metric, with its floor.

    Raises GANCourseError when none of the runs was scored.
    """
    panels: dict[str, dict[str, tuple[list, list]]] = {}
    floors: dict[str, float] = {}
    for summary in summaries:
        records = read_json_lines(Path(summary.folder) / "metrics.jsonl") if summary.last is not None else []
        found = [(r["images"], r[summary.metric]) for r in records if summary.metric in r]
        if found:
            name = f"{Path(summary.folder).name} (seed {summary.seed})"
            panels.setdefault(summary.metric, {})[name] = tuple(map(list, zip(*found, strict=True)))
        if found and summary.floor is not None:
            floors[summary.metric] = min(summary.floor, floors.get(summary.metric, summary.floor))
    if not panels:
        raise GANCourseError("None of these runs was scored: there is nothing to draw.")
    ends = "; ".join(
        f"{name} ends at {metric} {y[-1]:.3g}" for metric, p in panels.items() for name, (_, y) in p.items()
    )
    return show.races(panels, floors, f"Scores against images shown, less is better: {ends}")
