"""What watches a run: progress, history, files. None of them draws from the global random generators."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gancourse.training.loop import Monitor, Trainer


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this, which shows rich output, and no terminal."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _summary(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in losses.items())


class ProgressBar(Monitor):
    """Images shown, images a second, time left and the latest losses: a bar in a terminal or in a notebook."""

    def __init__(self, title: str = "training"):
        self.title = title

    def start(self, trainer: Trainer) -> None:
        self._began, self._offset, self._text = time.monotonic(), trainer.images, ""
        self._notebook = _NotebookBar() if in_notebook() else None
        if self._notebook is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[text]}"))
            self._task = self._bar.add_task(
                self.title, total=trainer.total_images, completed=trainer.images, text="images"
            )
            self._bar.start()

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        speed = (trainer.images - self._offset) / max(time.monotonic() - self._began, 1e-9)
        self._text = f"images  {speed:,.0f}/s  {_summary(losses)}"
        if self._notebook is None:
            self._bar.update(self._task, completed=trainer.images, text=self._text)
        else:
            left = (trainer.total_images - trainer.images) / speed
            self._notebook.show(self.title, trainer.images, trainer.total_images, f"{self._text}  {left:.0f} s left")

    def end(self, trainer: Trainer) -> None:
        if self._notebook is None:
            self._bar.stop()
        else:
            self._notebook.show(self.title, trainer.images, trainer.total_images, self._text)


class _NotebookBar:
    """One output that is overwritten. Plain HTML: it needs no widget, so it stays readable in a saved notebook."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._handle = display(HTML(""), display_id=True)

    def show(self, title: str, done: int, total: int, text: str) -> None:
        self._handle.update(
            self._html(f"{title} <progress value='{done}' max='{total}'></progress> {done:,} of {total:,} {text}")
        )


class History(Monitor):
    """Keeps every record in memory: a list of {"images": ..., "steps": ..., loss names: ...}."""

    def __init__(self) -> None:
        self.records: list[dict] = []

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.records.append({"images": trainer.images, "steps": trainer.steps, **losses})

    def __getitem__(self, name: str) -> list[float]:
        return [record[name] for record in self.records if name in record]


class Every(Monitor):
    """Calls `action(trainer)` at the first record at or after each multiple of `images`, and at the run's end.

    An action that returns numbers has them added to `records`.
    """

    def __init__(self, images: int, action: Callable[[Trainer], dict[str, float] | None]):
        self.images, self.action = images, action
        self.records: list[dict] = []

    def start(self, trainer: Trainer) -> None:
        self._due = (trainer.images // self.images + 1) * self.images

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        if trainer.images >= min(self._due, trainer.total_images):
            self._due = (trainer.images // self.images + 1) * self.images
            measured = self.action(trainer)
            if measured:
                self.records.append({"images": trainer.images, **measured})


class JsonLines(Monitor):
    """One JSON object a record, appended to a file. Going on from a checkpoint drops what was written after it."""

    def __init__(self, path: Path):
        self.path = path

    def start(self, trainer: Trainer) -> None:
        kept = [r for r in read_json_lines(self.path) if r["images"] <= trainer.images]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(r) + "\n" for r in kept), encoding="utf-8")

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.add(trainer, losses)

    def add(self, trainer: Trainer, numbers: dict) -> None:
        """Append numbers under the current count of images."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"images": trainer.images, "steps": trainer.steps, **numbers}) + "\n")


def read_json_lines(path: Path) -> list[dict]:
    """The records of a file; none when it is missing. A last line that a killed process left half is dropped."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


class TensorBoard(Monitor):
    """Scalars for TensorBoard, against images shown."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, trainer: Trainer) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(self.folder, purge_step=trainer.images + 1)

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.add(trainer, {f"loss/{name}": value for name, value in losses.items()})

    def add(self, trainer: Trainer, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, trainer.images)

    def end(self, trainer: Trainer) -> None:
        self.writer.close()
