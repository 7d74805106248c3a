"""What there is to pass: lessons and their checked exercises, built from the lessons' text by `make course`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SYLLABUS = Path(__file__).with_name("syllabus.json")


@dataclass(frozen=True)
class Task:
    """An exercise with a check. name: as the check knows it, like "01.sample_noise"; number: as its heading says."""

    name: str
    number: str
    title: str
    points: int

    @property
    def function(self) -> str:
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class Lesson:
    """A lesson: its name ("01_vanilla_gan"), its title, and what can be passed in it."""

    name: str
    title: str
    tasks: tuple[Task, ...]

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def notebook(self) -> str:
        return f"lessons/{self.name}/{self.name}.ipynb"


@cache
def syllabus() -> tuple[Lesson, ...]:
    """The lessons in their order."""
    raw = json.loads(SYLLABUS.read_text(encoding="utf-8"))
    return tuple(Lesson(r["name"], r["title"], tuple(Task(**task) for task in r["tasks"])) for r in raw)
