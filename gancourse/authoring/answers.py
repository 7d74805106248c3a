"""The proof of a check: wrong answers with the diagnosis they must get, and right ones it must accept.

They live in tests/exercises/NN_name/wrong.py and right.py:

    @wrong("discriminator_loss", says="labels are swapped")
    def swapped(real_logits, fake_logits, real_target=1.0): ...
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gancourse.authoring.project import ROOT
from gancourse.checks import report
from gancourse.checks.core import UNUSABLE

ANSWERS = ROOT / "tests" / "exercises"


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise; says: what the diagnosis must contain, None for a right answer."""

    lesson: str
    exercise: str
    function: Callable
    says: str | None

    @property
    def label(self) -> str:
        return f"{self.lesson[:2]}.{self.exercise}: {self.function.__name__}"


_COLLECTED: list[tuple[str, Callable, str | None]] = []


def wrong(exercise: str, says: str) -> Callable[[Callable], Callable]:
    """Mark a function as a wrong answer that must be told `says`."""

    def collect(function: Callable) -> Callable:
        _COLLECTED.append((exercise, function, says))
        return function

    return collect


def right(exercise: str) -> Callable[[Callable], Callable]:
    """Mark a function as a right answer in another style."""

    def collect(function: Callable) -> Callable:
        _COLLECTED.append((exercise, function, None))
        return function

    return collect


def collect_answers(folder: Path = ANSWERS) -> list[Answer]:
    """All answers below a folder, lesson by lesson."""
    answers = []
    for path in sorted(folder.glob("[0-9][0-9]_*/*.py")):
        _COLLECTED.clear()
        spec = importlib.util.spec_from_file_location(f"answers_{path.parent.name}_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        answers += [Answer(path.parent.name, *collected) for collected in _COLLECTED]
    return answers


@dataclass
class Rates:
    """What a set of answers showed of the checks."""

    killed: int = 0
    diagnosed: int = 0
    wrong: int = 0
    accepted: int = 0
    right: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """All wrong answers rejected, at least 95 % with their diagnosis, no right one rejected."""
        return self.killed == self.wrong and self.diagnosed >= 0.95 * self.wrong and self.accepted == self.right

    def __str__(self) -> str:
        lines = [
            *self.problems,
            f"kill rate       {self.killed} of {self.wrong} wrong answers rejected",
            f"diagnosis rate  {self.diagnosed} of {self.wrong} with the diagnosis they must get",
            f"false failures  {self.right - self.accepted} of {self.right} right answers rejected",
        ]
        return "\n".join(lines)


def examine_answers(answers: list[Answer] | None = None) -> Rates:
    """Put every answer to the visible and to the hidden check."""
    rates = Rates()
    for answer in collect_answers() if answers is None else answers:
        reports = [
            report(f"{answer.lesson[:2]}.{answer.exercise}", answer.function, hidden) for hidden in (False, True)
        ]
        if answer.says is None:
            rates.right += 1
            rates.accepted += all(r.passed for r in reports)
            rates.problems += [f"{answer.label} is right, but was told:\n{r}" for r in reports if not r.passed]
            continue
        rates.wrong += 1
        rates.killed += not any(r.passed for r in reports)
        told = all(answer.says.lower() in r.diagnoses.lower() and UNUSABLE not in r.diagnoses for r in reports)
        rates.diagnosed += told
        if not told:
            said = "\n".join(r.diagnoses or "(accepted)" for r in reports)
            rates.problems.append(f"{answer.label} should be told {answer.says!r}, but was told:\n{said}")
    return rates
