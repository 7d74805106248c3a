"""Own cells that an answer needs must run before its check."""

import builtins

from gancourse.grading.notes import Note
from gancourse.grading.reading import Cell
from gancourse.grading.slots import Slot
from gancourse.grading.syntax import bindings, needs

Cells = dict[int, list[Cell]]


def hoisted(slots: list[Slot], texts: dict[int, str], before: Cells, after: Cells) -> list[Note]:
    """Move own cells that define what an answer uses, and that stand below it, to just above it. Changes the dicts."""
    notes = []
    known = set(dir(builtins)) | {name for cell in after.get(-1, []) for name in bindings(cell.source)}
    for slot in slots:
        known |= {name for cell in before.get(slot.index, []) for name in bindings(cell.source)}
        if slot.role == "answer":
            notes += _fetch(slot, needs(texts[slot.index]) - known, before, after)
        if slot.kind == "code":
            known |= bindings(texts[slot.index])
        known |= {name for cell in after.get(slot.index, []) for name in bindings(cell.source)}
    return notes


def _fetch(slot: Slot, wanted: set[str], before: Cells, after: Cells) -> list[Note]:
    """Bring the own cells that bind a wanted name, and what these need in turn, from below."""
    notes = []
    while found := _first_below(slot, wanted, after):
        place, cell = found
        after[place].remove(cell)
        before.setdefault(slot.index, []).insert(0, cell)
        given = ", ".join(f"`{name}`" for name in sorted(wanted & bindings(cell.source)))
        notes.append(Note("moved", slot.name, f"Your cell with {given} was moved above `{slot.name}`, which needs it."))
        wanted = (wanted | needs(cell.source)) - bindings(cell.source)
    return notes


def _first_below(slot: Slot, wanted: set[str], after: Cells) -> tuple[int, Cell] | None:
    for place in sorted(place for place in after if place > slot.index):
        for cell in after[place]:
            if cell.kind == "code" and wanted & bindings(cell.source) and not set(slot.defines) & bindings(cell.source):
                return place, cell
    return None
