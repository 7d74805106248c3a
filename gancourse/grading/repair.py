"""A submission put back into the form of the release: its cells, in its order, with the student's answers in place.

Nothing is executed and no answer is made up. Checks are always the release's. Where a cell stands twice with two
answers, the one counts that was in force when the last copy of its check ran from top to bottom: the last one above
it, else the last of all. Cells of the student's own stay where they are, for answers may need them.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gancourse.grading.folder import find_submission
from gancourse.grading.matching import owners_of
from gancourse.grading.notes import NOTES_ID, Note, notes_cell
from gancourse.grading.reading import Cell, Reading, read
from gancourse.grading.rebuild import Rebuild
from gancourse.grading.shaping import shape
from gancourse.grading.slots import Slot, slots_of
from gancourse.grading.syntax import LONGEST

OF_CELLS = {"merged", "split", "found", "metadata"}  # notes that say nothing of a file that never had cells
MOST_CELLS, MOST_CODE = 2_000, 1_000_000  # a lesson has about a hundred cells and 60,000 characters


@dataclass
class Repaired:
    """A notebook that can be graded; what was done to it; what an instructor should look at.

    readable: False when no cell could be found: the notebook is the release as it was handed out.
    """

    notebook: NotebookNode
    notes: list[Note] = field(default_factory=list)
    suspicions: list[Note] = field(default_factory=list)
    readable: bool = True


def repair(submission: Path | bytes, release: NotebookNode, lesson: str = "") -> Repaired:
    """Rebuild a submission from the release and the student's answers.

    submission: bytes, a file, or a folder in which the notebook is looked for (`lesson`.ipynb first, by default the
    folder's name). release: the students' version.
    Raises nothing for bad content: what cannot be read counts as not answered, with a note.
    """
    slots = slots_of(release)
    reading = _read(submission, lesson, slots)
    if not reading.readable:
        return Repaired(_notebook(release, [s.node for s in slots], reading.notes), reading.notes, [], False)
    cells, notes = shape(_bounded([cell for cell in reading.cells if not _is_ours(cell)], slots, reading), slots)
    rebuild = Rebuild(slots, cells, owners_of(cells, slots), [*reading.notes, *notes])
    nodes = rebuild.nodes()
    if any(note.kind == "script" for note in rebuild.notes):  # it has no cells: that says it all
        rebuild.notes = [note for note in rebuild.notes if note.kind not in OF_CELLS]
    return Repaired(_notebook(release, nodes, rebuild.notes), rebuild.notes, rebuild.suspicions)


def _read(submission: Path | bytes, lesson: str, slots: list[Slot]) -> Reading:
    if isinstance(submission, bytes):
        return read(submission)
    if submission.is_dir():
        return find_submission(submission, lesson or submission.name, slots)
    return read(submission.read_bytes(), submission.name)


def _is_ours(cell: Cell) -> bool:
    """The notes of an earlier repair."""
    return cell.id == NOTES_ID or (cell.kind == "markdown" and cell.source.startswith("### What was repaired\n"))


def _bounded(cells: list[Cell], slots: list[Slot], reading: Reading) -> list[Cell]:
    """Of a file with far too much code, the cells that carry a name of the release or define one of its functions."""
    if len(cells) <= MOST_CELLS and sum(len(cell.source) for cell in cells if cell.kind == "code") <= MOST_CODE:
        return cells
    reading.say(
        "too-many", f"Your file has {len(cells):,} cells; those that do not belong to the lesson were left out."
    )
    names = {slot.name for slot in slots} | {slot.node.get("id") for slot in slots}
    answers = {name for slot in slots for name in slot.defines}
    known, room = [], MOST_CODE
    for cell in cells:
        if {cell.id, cell.grade_id} & names or any(name in cell.source[:LONGEST] for name in answers):
            room -= len(cell.source)
            known += [cell] if room > 0 and len(known) < MOST_CELLS else []
    return known


def _notebook(release: NotebookNode, nodes: list[NotebookNode], notes: list[Note]) -> NotebookNode:
    notebook = nbformat.v4.new_notebook(metadata=deepcopy(release.metadata))
    notebook.nbformat_minor = 5
    notebook.cells = [notes_cell(notes)] if notes else []
    notebook.cells += [deepcopy(node) for node in nodes]
    return notebook
