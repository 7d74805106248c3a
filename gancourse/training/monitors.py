"""What watches a run: progress, history, files. None of them draws from the global random generators."""

import json
from collections.abc import Callable
from pathlib import Path

from gancourse.training.checkpoint import told_when_unwritable, write_atomically
from gancourse.training.loop import Monitor, Trainer


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

    only_in_turn = True

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
    """One JSON object a record, appended to a file. Going on from a checkpoint drops what was written after it.

    records: all of them, also those of the time before the run was interrupted.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records: list[dict] = []

    def start(self, trainer: Trainer) -> None:
        self.records = [r for r in read_json_lines(self.path) if r["images"] <= trainer.images]
        text = "".join(json.dumps(r) + "\n" for r in self.records)
        write_atomically(self.path, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.add(trainer, losses)

    def add(self, trainer: Trainer, numbers: dict) -> None:
        """Append numbers under the current count of images. Raises CheckpointError when the disk is full."""
        record = {"images": trainer.images, "steps": trainer.steps, **numbers}
        with told_when_unwritable(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.records.append(record)


def read_json_lines(path: Path) -> list[dict]:
    """The records of a file; none when it is missing. A last line that a killed process left half is dropped."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(record, dict) or "images" not in record:
            break
        records.append(record)
    return records
