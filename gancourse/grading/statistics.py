"""How hard each exercise was, how well it tells students apart, and which mistakes were made most."""

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from gancourse.grading.diagnoses import BLANK, kind_of
from gancourse.grading.results import ClassResults, Exercise, Result

ENOUGH_TO_CORRELATE = 5
WEAK = 0.2  # below it an item hardly tells students apart: a rule of thumb (Ebel 1979)


@dataclass(frozen=True)
class Diagnosis:
    """One kind of mistake in one exercise: the words most often said of it, and the students who made it."""

    exercise: str
    words: str
    students: list[str]

    @property
    def blank(self) -> bool:
        """Whether it says only that nothing was written."""
        return self.words == BLANK


@dataclass(frozen=True)
class ExerciseStatistics:
    """One exercise over the class.

    share: mean points over the maximum, in [0, 1], None when nobody has a grade; the higher the easier.
    discrimination: correlation in [-1, 1] of its points with the points of all the others, or None, and then
    `undefined` says why.
    """

    exercise: Exercise
    graded: int
    waiting: int
    full: int
    share: float | None
    discrimination: float | None
    undefined: str = ""
    diagnoses: list[Diagnosis] = field(default_factory=list)

    @property
    def weak(self) -> bool:
        return self.discrimination is not None and self.discrimination < WEAK


@dataclass(frozen=True)
class LessonStatistics:
    """A lesson over the class. totals: of the graded students, in points."""

    results: ClassResults
    states: dict[str, int]
    totals: list[float]
    exercises: list[ExerciseStatistics]

    @property
    def diagnoses(self) -> list[Diagnosis]:
        """All of them, the most frequent first; what was left blank comes last."""
        everything = [d for exercise in self.exercises for d in exercise.diagnoses]
        return sorted(everything, key=lambda d: (d.blank, -len(d.students), d.exercise, d.words))

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.totals) if self.totals else None

    @property
    def median(self) -> float | None:
        return statistics.median(self.totals) if self.totals else None


def lesson_statistics(results: ClassResults) -> LessonStatistics:
    """Count a lesson over its graded students; those who crashed or are missing appear only among the states."""
    states = Counter(result.state for result in results.students)
    totals = [result.total for result in results.graded]
    exercises = [_exercise(exercise, results) for exercise in results.exercises]
    return LessonStatistics(results, dict(states.most_common()), totals, exercises)


def _exercise(exercise: Exercise, results: ClassResults) -> ExerciseStatistics:
    known = [result for result in results.graded if result.points.get(exercise.name) is not None]
    points = [result.points[exercise.name] for result in known]
    discrimination, undefined = _discrimination(exercise, known, results)
    return ExerciseStatistics(
        exercise,
        graded=len(known),
        waiting=len(results.graded) - len(known),
        full=sum(p >= exercise.points for p in points),
        share=statistics.fmean(points) / exercise.points if points and exercise.points else None,
        discrimination=discrimination,
        undefined=undefined,
        diagnoses=_diagnoses(exercise.name, results.students),
    )


def _discrimination(exercise: Exercise, known: list[Result], results: ClassResults) -> tuple[float | None, str]:
    """The corrected item-total correlation: with the rest of the points, so that no item is compared with itself.

    The rest is made of the exercises that have a grade for every student compared.
    """
    if len(known) < ENOUGH_TO_CORRELATE:
        return None, f"fewer than {ENOUGH_TO_CORRELATE} students have a grade"
    others = [e.name for e in results.exercises if e.name != exercise.name]
    others = [name for name in others if all(result.points.get(name) is not None for result in known)]
    if not others:
        return None, "there is no other graded exercise"
    own = [result.points[exercise.name] for result in known]
    rest = [sum(result.points[name] for name in others) for result in known]
    if len(set(own)) == 1:
        return None, f"all have {own[0]:g} points"
    if len(set(rest)) == 1:
        return None, "all have the same points in the other exercises"
    return statistics.correlation(own, rest), ""


def _diagnoses(exercise: str, students: list[Result]) -> list[Diagnosis]:
    """The kinds of mistake in an exercise, the most frequent first; a student counts once for a kind."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for result in students:
        for words in result.diagnoses.get(exercise, []):
            said[kind_of(words)].setdefault(result.student, words)
    found = [Diagnosis(exercise, Counter(by.values()).most_common(1)[0][0], sorted(by)) for by in said.values()]
    return sorted(found, key=lambda d: (-len(d.students), d.words))
