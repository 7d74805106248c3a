"""When a run is not worth going on with, or has lost something: what is wrong, told from what was recorded, and what to
try next.

A rule is a function of the records alone, so a run that was interrupted and goes on stops where it would have stopped.
What is small, equal or easy to tell apart is no fault in the first steps.
"""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gancourse.errors import TrainingStopped
from gancourse.training.loop import Monitor, Trainer

SPEECHLESS_STEPS = 500
EXPLODED, TOO_MUCH = 100.0, 1000.0
COLLAPSED = 0.15
SATURATED, TOLD_APART = 0.02, 0.999
NARROWED, VARIED = 0.6, 0.1
BEGINNING, LONG = 0.25, 0.1  # shares of a run
READINGS = 4


@dataclass(frozen=True)
class Course:
    """The course of a run so far. records: oldest first; losses: their names; total: images of the whole run."""

    records: list[dict]
    losses: tuple[str, ...]
    total: int
    steps: int

    def of(self, name: str) -> list[tuple[int, float]]:
        """(images, value) of each record that holds a name."""
        return [(record["images"], record[name]) for record in self.records if name in record]

    def lately(self, name: str) -> list[float]:
        """The values of the last tenth of the run, at least the last few; none before its beginning is over."""
        now, found = self.records[-1]["images"], self.of(name)
        if self.steps < SPEECHLESS_STEPS or now < BEGINNING * self.total or len(found) < READINGS:
            return []
        recent = sum(images > now - LONG * self.total for images, _ in found)
        return [value for _, value in found[-max(recent, READINGS) :]]


Rule = Callable[[Course], str | None]


def exploding(course: Course) -> str | None:
    """A loss beyond a hundred times what was usual, or beyond a thousand, in two records."""
    for name in course.losses:
        values = [abs(value) for _, value in course.of(name)]
        if len(values) < READINGS:
            continue
        usual = statistics.median(values[:-2])
        if min(values[-2:]) > min(TOO_MUCH, EXPLODED * (1 + usual)):
            return f"the {name} loss has exploded: it is {values[-1]:.3g}, and was {usual:.3g} in the median before"
    return None


def collapsed(course: Course) -> str | None:
    """Samples from different noise that hardly differ, for a tenth of the run (`spread`, a share of the reals')."""
    values = course.lately("spread")
    if values and max(values) < COLLAPSED:
        return f"the generator has collapsed: its samples vary {100 * values[-1]:.1f} % as much as the data do"
    return None


def narrowed(name: str, lasting: bool = False, enough: float = math.inf) -> Rule:
    """A score of variety (more is better) below 0.6 of its own best earlier in the run: half of the modes were lost.

    lasting: for a tenth of the run, of what is read often; else one evaluation speaks. A best below 0.1 says nothing.
    enough: what the real data have, where more than that is no better: samples can scatter wider than they should.
    """

    def rule(course: Course) -> str | None:
        found = course.of(name)
        recent = course.lately(name) if lasting else [value for _, value in found[-1:]]
        earlier = found[: len(found) - len(recent)]
        best, images = max(((value, images) for images, value in earlier), default=(0.0, 0))
        if not recent or best < VARIED or not max(recent) < NARROWED * min(best, enough):
            return None
        return (
            f"part of the data is no longer made: {name} is {recent[-1]:.3g}, and was {best:.3g} at {images:,} images. "
            "Look at the newest samples for what is missing"
        )

    return rule


def saturated(course: Course) -> str | None:
    """A discriminator that is never wrong, for a tenth of the run: its loss is about 0, and so is what G gets."""
    losses, apart = course.lately("discriminator"), course.lately("told_apart")
    if losses and apart and max(map(abs, losses)) < SATURATED and min(apart) >= TOLD_APART:
        return f"the discriminator is saturated: it tells every fake from every real, and its loss is {losses[-1]:.2g}"
    return None


def stalled(metric: str, patience: int) -> Rule:
    """No better value of a metric (less is better) in so many evaluations."""

    def rule(course: Course) -> str | None:
        values = [value for _, value in course.of(metric)]
        since = len(values) - 1 - values.index(min(values)) if values else 0
        if since < patience:
            return None
        return f"{metric} has not become better than {min(values):.4g} in {since} evaluations"

    return rule


class StoppingRules(Monitor):
    """Ends a run with TrainingStopped at the first record at which a rule speaks; warns once where it may go on.

    records: where the run is recorded, also what it held before it was resumed; this monitor comes last.
    rules: each with what to try when it speaks; concerns: the same of rules that only warn.
    warn: shows a warning, and has it recorded under "warning", so that it is not repeated, also not after a resume.
    """

    def __init__(
        self,
        records: Callable[[], list[dict]],
        rules: Mapping[Rule, str],
        concerns: Mapping[Rule, str] | None = None,
        warn: Callable[[Trainer, str], None] | None = None,
    ):
        self.records, self.rules, self.concerns, self.warn = records, rules, concerns or {}, warn

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        course = Course(self.records(), tuple(losses), trainer.total_images, trainer.steps)
        for rule, advice in self.rules.items():
            reason = rule(course)
            if reason:
                done = f"Stopped after step {trainer.steps} ({trainer.images:,} of {trainer.total_images:,} images)"
                raise TrainingStopped(f"{done}: {reason}. {trainer.kept()}\n{advice}")
        if self.warn and not course.of("warning"):
            self._warn(trainer, course)

    def _warn(self, trainer: Trainer, course: Course) -> None:
        for rule, advice in self.concerns.items():
            reason = rule(course)
            if reason:
                self.warn(trainer, f"After step {trainer.steps}, {reason}. {advice}")
                return
