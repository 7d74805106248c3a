"""Repair of every damaged submission: the answers are those of the undamaged one, and what was done is said."""

import nbformat
import pytest
from corpus import CASES, released, solved, source
from corpus.notebooks import references

from gancourse.grading.notes import NOTES_ID
from gancourse.grading.repair import repair
from gancourse.grading.slots import slots_of, with_hidden_tests
from gancourse.grading.syntax import meaning

DAMAGED = {name: case for name, case in CASES.items() if not case.hostile}
RELEASE = with_hidden_tests(released(), source())


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
            assert found[name] == stubs[name]
        elif name in case.differs or case.points.get(name) == 0:
            assert meaning(found[name]) not in (meaning(text), meaning(stubs[name]))
        else:
            assert meaning(found[name]) == meaning(text)


def test_repairing_again_changes_nothing(repaired):
    again = repair(nbformat.writes(repaired.notebook).encode(), RELEASE)
    mine = [cell.source for cell in repaired.notebook.cells if cell.id != NOTES_ID]
    assert [cell.source for cell in again.notebook.cells if cell.id != NOTES_ID] == mine
