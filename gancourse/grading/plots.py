"""The pictures of the statistics page, as SVG that stands inside the page and fetches nothing."""

import io
from html import escape
from itertools import count

from gancourse.grading.statistics import WEAK, ExerciseStatistics, LessonStatistics

BLUE, ORANGE = "#0072b2", "#d55e00"  # Okabe and Ito 2008
MOST_BARS = 20


def totals_histogram(lesson: LessonStatistics) -> str:
    """How many of the graded students reached how many points."""
    edges = _edges(lesson.results.points)
    figure, axes = _figure()
    counts, _, _ = axes.hist(lesson.totals, bins=edges, color=BLUE, edgecolor="white")
    axes.axvline(lesson.mean, color=ORANGE, linestyle="--", label=f"mean {lesson.mean:.1f}")
    axes.set(xlabel=f"points of {lesson.results.points:g}", ylabel="students", xlim=(0, edges[-1]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.legend()
    bars = [f"{int(n)} from {a:g} to {b:g}" for n, a, b in zip(counts, edges[:-1], edges[1:], strict=True) if n]
    return _svg(figure, "Histogram of total points. Students: " + ", ".join(bars) + ".", "totals")


def difficulty_against_discrimination(lesson: LessonStatistics) -> str:
    """Every exercise for which both numbers exist, by its number in the table; the weak ones look different."""
    shown = {i: e for i, e in enumerate(lesson.exercises, start=1) if e.discrimination is not None}
    figure, axes = _figure()
    axes.axhspan(-1, WEAK, color="#f3e3d8", zorder=0)
    for e in shown.values():
        axes.plot(e.share, e.discrimination, "D" if e.weak else "o", color=ORANGE if e.weak else BLUE)
    for numbers, first in _labels(shown):
        axes.annotate(numbers, (first.share, first.discrimination), (6, 4), textcoords="offset points")
    lowest = min(e.discrimination for e in shown.values())
    axes.set(xlim=(-0.02, 1.05), ylim=(min(-0.05, lowest - 0.1), 1.05))
    axes.set(xlabel="harder  <   share of the points   >  easier", ylabel="discrimination")
    said = [f"{i} {e.exercise.name} {e.share:.2f} and {e.discrimination:.2f}" for i, e in shown.items()]
    alt = "Each exercise by its share of the points and its discrimination: " + ", ".join(said) + "."
    return _svg(figure, alt, "exercises")


def _labels(shown: dict[int, ExerciseStatistics]) -> list[tuple[str, ExerciseStatistics]]:
    """The numbers to write and beside whose mark; exercises whose marks lie on one another share a label."""
    places: dict[tuple[int, int], list[int]] = {}
    for i, e in shown.items():
        places.setdefault((round(e.share * 40), round(e.discrimination * 25)), []).append(i)
    return [(", ".join(map(str, numbers)), shown[numbers[0]]) for numbers in places.values()]


def _edges(points: float) -> list[float]:
    """Bars of equal width from 0 to the maximum, a whole number of points wide, at most MOST_BARS of them."""
    width = next(w for w in count(1) if points / w <= MOST_BARS)
    return [float(i * width) for i in range(int(-(-points // width)) + 1)]


def _figure() -> tuple:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: object, alt: str, name: str) -> str:
    """The figure as an SVG element with its alt text. name: keeps the ids of two pictures on a page apart."""
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    label = escape(alt, quote=True)
    return svg[svg.index("<svg ") :].replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
