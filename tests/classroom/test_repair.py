"""Repair of every damaged submission: the answers are those of the undamaged one, and what was done is said."""

import json
import time

import nbformat
import pytest
from corpus import CASES, released, solved
from corpus.notebooks import ROOT, references

from gancourse.grading.notes import NOTES_ID
from gancourse.grading.reading import Cell
from gancourse.grading.repair import repair
from gancourse.grading.slots import slots_of
from gancourse.grading.suspicion import suspicions_of
from gancourse.grading.syntax import is_blank, meaning

DAMAGED = {name: case for name, case in CASES.items() if not case.hostile}
LESSONS = sorted(path.name for path in (ROOT / "lessons").iterdir() if path.is_dir())
RELEASE = released()


@pytest.fixture(scope="module", params=DAMAGED)
def case(request):
    return DAMAGED[request.param]


@pytest.fixture(scope="module")
def repaired(case, tmp_path_factory):
    """Repaired from files, as the classroom does it."""
    folder = tmp_path_factory.mktemp("student") / "01_vanilla_gan"
    for name, data in case.make(solved()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return repair(folder, RELEASE)


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def answers_of(notebook):
    return {slot.name: slot.node.source for slot in slots_of(notebook) if slot.role in ("answer", "written")}


def test_what_was_done_is_said(case, repaired):
    said = "\n".join(note.words for note in repaired.notes)
    assert {note.kind for note in repaired.notes} == case.kinds, said
    for words in case.says:
        assert words in said or words == "SyntaxError"
    first = repaired.notebook.cells[0]
    assert (first.id == NOTES_ID) == bool(case.kinds)
    assert all(note.words in first.source for note in repaired.notes)
    assert repaired.readable == ("unreadable" not in case.states)


def test_the_form_is_the_release(repaired):
    """Same cells in the same order with the same marks; checks word by word; ids unique; valid."""
    nbformat.validate(repaired.notebook)
    cells = by_id(repaired.notebook)
    assert len(cells) == len(repaired.notebook.cells)
    ids = [cell.id for cell in RELEASE.cells]
    assert [cell.id for cell in repaired.notebook.cells if cell.id in ids] == ids
    for cell in RELEASE.cells:
        mine = cells[cell.id]
        assert mine.cell_type == cell.cell_type and mine.metadata == cell.metadata
        assert mine.get("outputs", []) == []
        if cell.metadata.get("nbgrader", {}).get("locked"):
            assert mine.source == cell.source
    assert not any(cell.metadata for cell in repaired.notebook.cells if cell.id not in ids)


def test_answers_are_those_of_the_undamaged_one(case, repaired):
    """Lost ones are the stub: nothing is made up."""
    found, stubs, wanted = answers_of(repaired.notebook), answers_of(RELEASE), references()
    if "graded" not in case.states:
        assert found == stubs
        return
    for name, text in wanted.items():
        if name in case.blank:
            assert found[name] == stubs[name] or is_blank(found[name], stubs[name])
        elif name in case.differs or case.points.get(name) == 0:
            assert meaning(found[name]) not in (meaning(text), meaning(stubs[name]))
        else:
            assert meaning(found[name]) == meaning(text)


def test_repairing_again_changes_nothing(repaired):
    again = repair(nbformat.writes(repaired.notebook).encode(), RELEASE)
    mine = [cell.source for cell in repaired.notebook.cells if cell.id != NOTES_ID]
    assert [cell.source for cell in again.notebook.cells if cell.id != NOTES_ID] == mine


HOSTILE = {name: case for name, case in CASES.items() if case.hostile}
TARGET = "modes_covered"


@pytest.fixture(scope="module", params=HOSTILE)
def attack(request, tmp_path_factory):
    """A hostile submission, repaired: (its case, the files, what repair made of them, seconds)."""
    case = HOSTILE[request.param]
    folder = tmp_path_factory.mktemp("student") / "01_vanilla_gan"
    files = case.make(solved())
    for name, data in files.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    began = time.process_time()
    repaired = repair(folder, RELEASE)
    return case, files, repaired, time.process_time() - began


def test_no_bytes_stop_repair(attack):
    """It comes to an end soon, changes no answer, and only unreadable files count as unreadable."""
    case, files, repaired, seconds = attack
    nbformat.validate(repaired.notebook)
    assert seconds < 10
    assert repaired.readable == (case.states != ("unreadable",))
    if repaired.readable:
        assert answers_of(repaired.notebook)[TARGET] in (references()[TARGET], handed_in(files))


def handed_in(files):
    """The target's answer as it was handed in; None for a file that is no plain JSON."""
    try:
        cells = json.loads(files["01_vanilla_gan.ipynb"])["cells"]
    except (ValueError, RecursionError, KeyError):
        return None
    return next("".join(cell["source"]) for cell in cells if cell.get("id") == TARGET)


def test_an_instructor_is_told_where_to_look(attack):
    case, _, repaired, _ = attack
    if case.states == ("tampered",):
        assert repaired.suspicions


def honest_answers():
    """Every right answer of another style, and the references."""
    for path in sorted((ROOT / "tests" / "exercises").glob("*/right.py")):
        yield (
            path.parent.name,
            path.read_text(encoding="utf-8").partition('"""\n')[2].replace("gancourse.authoring", "torch"),
        )
    for lesson in LESSONS:
        for name, text in references(lesson).items():
            yield f"{lesson}: {name}", text


@pytest.mark.parametrize(("where", "text"), [pytest.param(*pair, id=pair[0]) for pair in honest_answers()])
def test_no_honest_answer_is_suspected(where, text):
    assert suspicions_of([], {}, [Cell("code", text)]) == []
