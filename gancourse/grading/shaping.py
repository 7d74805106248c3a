"""Splitting and joining: the cells of a submission cut as the release cuts them."""

import re
from dataclasses import replace

from gancourse.grading.conflict import conflict_sides
from gancourse.grading.notes import Note, listed
from gancourse.grading.reading import Cell
from gancourse.grading.slots import Slot
from gancourse.grading.syntax import bindings, compiles, definitions, pieces

_OPENS = re.compile(r"(?:@|(?:async\s+)?def\b|class\b|if\b|for\b|while\b|with\b|try\b|else\b|elif\b)")
LONGEST = 500_000  # characters in which texts of the release are looked for
SHORTEST_BLOCK = 12  # characters: shorter texts occur by chance


def shape(cells: list[Cell], slots: list[Slot]) -> tuple[list[Cell], list[Note]]:
    """Cells with the release's boundaries, and what was done."""
    notes: list[Note] = []
    known = {slot.name for slot in slots} | {slot.node.get("id") for slot in slots}
    cells = [cell for cell in cells if cell.source.strip() or cell.grade_id in known or cell.id in known]
    cells = [part for cell in cells for part in _both_sides(cell, notes)]
    cells = _joined(cells, slots, notes)
    cells = _without_blocks(cells, slots, notes)
    return [part for cell in cells for part in _one_answer_each(cell, slots, notes)], notes


def _both_sides(cell: Cell, notes: list[Note]) -> list[Cell]:
    """A cell with the marks of an unfinished merge becomes two."""
    sides = conflict_sides(cell.source)
    if sides is None:
        return [cell]
    words = "A cell held the marks of an unfinished merge; both sides were read."
    notes.append(Note("conflict", cell.grade_id or "file", words))
    return [replace(cell, source=side) for side in sides]


def _joined(cells: list[Cell], slots: list[Slot], notes: list[Note]) -> list[Cell]:
    """Cells that are parts of one function become one again."""
    answers = {name for slot in slots for name in slot.defines}
    out: list[Cell] = []
    for cell in cells:
        if out and _continues(out[-1], cell, answers):
            first = out[-1]
            whole = f"{first.source}\n{cell.source}"
            if not _is_noted(notes, first):
                notes.append(_note_of_join(first))
            out[-1] = replace(first, source=whole, grade_id=first.grade_id or cell.grade_id, id=first.id or cell.id)
        else:
            out.append(cell)
    return out


def _note_of_join(cell: Cell) -> Note:
    name = (definitions(cell.source) or [cell.grade_id or "a cell"])[-1]
    return Note("split", name, f"The cell of `{name}` was split; its parts were joined again.")


def _is_noted(notes: list[Note], cell: Cell) -> bool:
    return bool(notes) and notes[-1] == _note_of_join(cell)


def _continues(first: Cell, second: Cell, answers: set[str]) -> bool:
    """Whether the second cell is the rest of the first: alone one of them is no whole code, together they are."""
    if first.kind != "code" or second.kind != "code" or answers & set(definitions(second.source)):
        return False
    indented = second.source.lstrip("\n")[:1] in (" ", "\t")
    last = [line for line in first.source.split("\n") if line.strip() and not line[0].isspace()]
    opened = bool(last) and (bool(_OPENS.match(last[-1])) or last[-1].startswith((")", "]", "}")))
    if indented and opened:
        return compiles(f"{first.source}\n{second.source}") or not compiles(second.source)
    return not compiles(first.source) and compiles(f"{first.source}\n{second.source}")


def _without_blocks(cells: list[Cell], slots: list[Slot], notes: list[Note]) -> list[Cell]:
    """Takes texts of the release out of cells into which they were merged; they become cells again."""
    present = {cell.source.strip() for cell in cells}
    names = {name for cell in cells for name in (cell.id, cell.grade_id) if name}
    missing = [
        slot
        for slot in slots
        if slot.shown not in present and len(slot.shown) >= SHORTEST_BLOCK and slot.role != "written"
        and not {slot.name, slot.node.get("id")} & names
    ]  # fmt: skip
    cut = [_cut(cell, [*missing, *_own_prose(cell, slots)]) for cell in cells]
    merged = [cell for cell, parts in zip(cells, cut, strict=True) if len(parts) > 1]
    if merged:
        places = [cell.grade_id or next(iter(definitions(cell.source)), cell.kind) for cell in merged]
        notes.append(Note("merged", "file", f"Cells were merged; they were taken apart again: {listed(places)}."))
    return [part for parts in cut for part in parts]


def _own_prose(cell: Cell, slots: list[Slot]) -> list[Slot]:
    """The prose that a cell once was, when an answer was merged into it."""
    inside = set(definitions(cell.source))
    if not any(set(slot.defines) & inside for slot in slots):
        return []
    return [
        slot for slot in slots if slot.kind == "markdown" and slot.role == "free" and slot.node.get("id") == cell.id
    ]


def _cut(cell: Cell, missing: list[Slot]) -> list[Cell]:
    """The cell and the blocks in it, in their order."""
    found = [(at, slot) for slot in missing if (at := _find(cell.source[:LONGEST], slot.shown)) >= 0]
    if not found:
        return [cell]
    found.sort(key=lambda pair: pair[0])
    parts, done = [], 0
    for at, slot in found:
        if at < done:
            continue
        parts.append(_rest(cell, cell.source[done:at], missing))
        parts.append(Cell(slot.kind, slot.shown, slot.node.get("id", ""), slot.name, made=True))
        done = at + len(slot.shown)
    parts.append(_rest(cell, cell.source[done:], missing))
    return _identified(cell, [part for part in parts if part.source.strip()])


def _find(text: str, block: str) -> int:
    """Where the block stands as whole lines, or -1."""
    at = text.find(block)
    while at >= 0:
        end = at + len(block)
        if (at == 0 or text[at - 1] == "\n") and (end == len(text) or text[end] == "\n"):
            return at
        at = text.find(block, at + 1)
    return -1


def _rest(cell: Cell, text: str, missing: list[Slot]) -> Cell:
    """What stood between two blocks; an answer whose own cell is missing gets its name."""
    inside = set(definitions(text))
    name = next((slot.name for slot in missing if inside & set(slot.defines)), "")
    return Cell("code" if inside else cell.kind, text.strip("\n"), grade_id=name, made=True)


def _identified(cell: Cell, parts: list[Cell]) -> list[Cell]:
    """The names of the merged cell go to the part that is its own: the one that defines it, else the first."""
    unnamed = [part for part in parts if not part.grade_id]
    own = next((part for part in unnamed if cell.grade_id and cell.grade_id in definitions(part.source)), None)
    own = own or next((part for part in unnamed if cell.id and cell.id in definitions(part.source)), None)
    if own is None and unnamed and unnamed[0].kind == cell.kind:
        own = unnamed[0]
    if own is not None:
        own.id, own.grade_id, own.attachments = cell.id, cell.grade_id, cell.attachments
    return parts


def _one_answer_each(cell: Cell, slots: list[Slot], notes: list[Note]) -> list[Cell]:
    """A cell with several answers becomes one cell an answer; what else it defines stays with the earliest."""
    order = {name: slot for slot in slots for name in slot.defines}
    inside = [name for name in definitions(cell.source) if name in order]
    homes = list(dict.fromkeys(order[name].name for name in inside))
    if cell.kind == "markdown" or len(homes) < 2:
        return [cell]
    notes.append(Note("merged", homes[0], f"Several answers stood in one cell; each got its own: {listed(homes)}."))
    return _dealt(pieces(cell.source), order, homes)


def _dealt(parts: list[str], order: dict[str, Slot], homes: list[str]) -> list[Cell]:
    earliest = min(homes, key=lambda home: next(s.index for s in order.values() if s.name == home))
    dealt: dict[str, list[str]] = {home: [] for home in homes}
    current = earliest
    for part in parts:
        own = [order[name].name for name in definitions(part) if name in order]
        if own:
            current = own[0]
        dealt[current if own or not bindings(part) else earliest].append(part)
    return [Cell("code", "\n\n\n".join(dealt[home]), grade_id=home, made=True) for home in homes]
