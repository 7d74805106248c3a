"""Honest work is not suspected: every reference, every right and every wrong answer of every lesson, in the sandbox."""

import pytest
from corpus.notebooks import full_points, released, solved, source
from repository.rehearsal import FULL
from variants import variants

from gancourse.authoring.project import lesson_names
from gancourse.grading import sandbox
from gancourse.grading.execution import execute, is_check, needed_cells
from gancourse.grading.grade import imports_of
from gancourse.grading.pool import WarmParent
from gancourse.grading.repair import repair
from gancourse.grading.sandbox import Limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(sandbox.available()), reason=f"STUDENT CODE CANNOT BE ISOLATED HERE: {sandbox.available()}"
    ),
]


@pytest.fixture(scope="module")
def parent():
    modules = [name for lesson in lesson_names() for name in imports_of(released(lesson))]
    parent = WarmParent(list(dict.fromkeys(modules)), Limits())
    parent.start()
    yield parent
    parent.close()


def submission(lesson):
    """A solved notebook as it is graded: repaired, with the instructor's checks."""
    hidden = {cell.id: cell.source for cell in source(lesson).cells if is_check(cell)}
    release = released(lesson)
    for cell in filter(is_check, release.cells):
        cell.source = hidden[cell.id]
    return repair(solved(lesson), release).notebook


def results(notebook):
    """Exercise to what its check cell ends with."""
    found = {}
    for cell in filter(is_check, notebook.cells):
        values = [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]
        found[cell.id.removeprefix("check-")] = float(values[0]) if values else None
    return found


@pytest.mark.parametrize("lesson", lesson_names())
def test_the_references_get_full_points_without_any_evidence(parent, lesson):
    executed = execute(submission(lesson), released(lesson), {}, parent, seed="3")
    assert (executed.evidence, executed.reasons) == ([], [])
    assert results(executed.notebook) == full_points(lesson)
    shown = [o for c in executed.notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in shown if o.output_type == "error"]
    assert any(o.output_type != "stream" and "image/png" in o.data for o in shown)


@pytest.mark.parametrize("lesson", lesson_names())
def test_no_answer_of_the_exercises_is_taken_for_tampering(parent, lesson):
    """Every sixth of them, and with GANCOURSE_FULL=1 all; outside of the sandbox test_rates has them all."""
    notebook = submission(lesson)
    checks = {cell.id.removeprefix("check-"): cell.source for cell in notebook.cells if is_check(cell)}
    needed = needed_cells(notebook, released(lesson))  # an answer may call earlier ones
    setup = [c.source for c in notebook.cells if c.id in needed and c.cell_type == "code" and not is_check(c)]
    suspected, given = {}, {}
    with parent.session({}, checks=True) as session:
        for text in setup:
            session.run(do="cell", source=text)
        for variant in variants(lesson)[:: 1 if FULL else 6]:
            session.run(do="cell", source=variant.text)
            answer = session.run(do="check", source=checks[variant.exercise], seed="3")
            suspected |= {variant.name: answer["evidence"]} if answer["evidence"] else {}
            given[variant] = answer["points"]
    assert suspected == {}
    wrongly_failed = [v.name for v, p in given.items() if v.says is None and p != full_points(lesson)[v.exercise]]
    assert wrongly_failed == []
    assert not [v.name for v, p in given.items() if v.says is not None and p == full_points(lesson)[v.exercise]]


def test_demonstrations_that_no_answer_uses_do_not_run_again():
    notebook = submission("01_vanilla_gan")
    needed = needed_cells(notebook, released("01_vanilla_gan"))
    names = {cell.id for cell in notebook.cells if cell.cell_type == "code"}
    assert {"setup", "cell-002", "sample_noise", "check-train_step", "given-broken_step"} <= needed < names
    assert len(needed) < len(names) - 5 and "cell-040" not in needed  # a picture of both slopes
    assert "cell-030" not in needed  # it makes x and p; answers have local variables of these names


@pytest.mark.parametrize(
    "text",
    [
        "x = bump(line, 0.0, 1.0)", "x = [bump(v, 0, 1) for v in samples]", "x = (lambda: line)()",
        "class Bump:\n        x = line", "global line; line = line + 1", "def inner(x=line): return x",
        "exec('x = 1')", "x = globals()",
    ],
)  # fmt: skip
def test_what_an_answer_uses_runs_again(text):
    notebook = submission("01_vanilla_gan")
    next(cell for cell in notebook.cells if cell.id == "modes_covered").source += f"\n    {text}"
    assert "cell-030" in needed_cells(notebook, released("01_vanilla_gan"))  # where bump and line are made
