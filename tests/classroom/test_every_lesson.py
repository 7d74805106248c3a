"""Repair of all lessons: every answer of each of them survives the commonest kinds of damage."""

import random

import pytest
from corpus.cells import is_check, retype
from corpus.notebooks import ROOT, dump, is_answer, load, own, references, released, solved, text_of

from gancourse.grading.repair import repair
from gancourse.grading.slots import slots_of
from gancourse.grading.syntax import meaning

LESSONS = sorted(path.name for path in (ROOT / "lessons").iterdir() if path.is_dir())


def stripped(notebook):
    """No ids, no metadata."""
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"] = {}


def shuffled_without_checks(notebook):
    notebook["cells"] = [cell for cell in notebook["cells"] if not is_check(cell)]
    random.Random(1).shuffle(notebook["cells"])


def merged_with_checks(notebook):
    """Each answer and its check in one cell."""
    merged = []
    for cell in notebook["cells"]:
        if is_check(cell):
            merged[-1]["source"] = f"{text_of(merged[-1])}\n\n{text_of(cell)}"
        else:
            merged.append(cell)
    notebook["cells"] = merged


def split_in_the_middle(notebook):
    """Each answer in two cells, cut where its body begins or later."""
    parts = []
    for i, cell in enumerate(notebook["cells"]):
        lines = text_of(cell).split("\n")
        at = max(2, 2 * len(lines) // 3)
        parts.append(cell)
        if is_answer(cell) and cell["cell_type"] == "code" and lines[at:]:
            cell["source"] = "\n".join(lines[:at])
            parts.append(own("\n".join(lines[at:]), name=f"part{i}"))
    notebook["cells"] = parts


def answers_as_markdown(notebook):
    for cell in filter(is_answer, notebook["cells"]):
        retype(cell, "markdown")


def stubs_below_the_answers(notebook):
    """Everything twice: first as it was answered, then as it was fetched."""
    notebook["cells"] += load(dump(released(notebook["lesson"])))["cells"]


DAMAGE = (
    stripped,
    shuffled_without_checks,
    merged_with_checks,
    split_in_the_middle,
    answers_as_markdown,
    stubs_below_the_answers,
)


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_answers_survive(lesson, damage):
    release = released(lesson)
    notebook = load(solved(lesson)) | {"lesson": lesson}
    damage(notebook)
    repaired = repair(dump(notebook), release)
    found = {slot.name: slot for slot in slots_of(repaired.notebook) if slot.role in ("answer", "written")}
    for name, text in references(lesson).items():
        assert meaning(found[name].node.source) == meaning(text), name
    assert [s.node.source for s in slots_of(repaired.notebook) if s.role == "check"] == [
        s.node.source for s in slots_of(release) if s.role == "check"
    ]
    assert repaired.notes


@pytest.mark.parametrize("lesson", LESSONS)
def test_nothing_is_said_of_an_undamaged_file(lesson):
    repaired = repair(solved(lesson), released(lesson))
    assert repaired.notes == repaired.suspicions == []
    assert len(repaired.notebook.cells) == len(released(lesson).cells)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_file_cut_anywhere_keeps_what_stands_above(lesson):
    """Never an answer that is not there, never one lost that is."""
    data, release = solved(lesson), released(lesson)
    stubs = {slot.name: slot.node.source for slot in slots_of(release)}
    for part in range(1, 10):
        cut = data[: len(data) * part // 10]
        repaired = repair(cut, release)
        for slot in slots_of(repaired.notebook):
            if slot.role == "answer" and slot.node.source != stubs[slot.name]:
                assert references(lesson)[slot.name].startswith(slot.node.source)
        whole = [name for name in stubs if f'"id": "check-{name}"'.encode() in cut]
        found = {slot.name: slot.node.source for slot in slots_of(repaired.notebook)}
        assert all(found[name] == references(lesson)[name] for name in whole)
