"""Which cell of a submission belongs to which place of the release.

By the course's mark (grade id), by the function that a cell defines, by equal text, by the cell's id, by the names
that it binds, and last by similar text between neighbours that are known.
"""

from collections import Counter
from difflib import SequenceMatcher

from gancourse.grading.reading import Cell
from gancourse.grading.slots import Slot
from gancourse.grading.syntax import bindings, definitions, is_blank

ALIKE = 0.6  # ratio of difflib: an edited or older text of the same cell
LONGEST, MOST = 8_000, 12  # characters and cells that are compared by similarity: more takes too long


def owners_of(cells: list[Cell], slots: list[Slot]) -> list[Slot | None]:
    """For each cell the place that it belongs to; None for a learner's own cell."""
    owners: list[Slot | None] = [_by_mark(cell, slots) for cell in cells]
    for by in (_by_text, _by_id, _by_definition, _by_names, _by_neighbours):
        by(cells, slots, owners)
    return owners


def _by_mark(cell: Cell, slots: list[Slot]) -> Slot | None:
    """The place whose grade id the cell carries, unless it holds the answer to another exercise."""
    marked = next((slot for slot in slots if slot.role != "free" and slot.name == cell.grade_id), None)
    return None if marked is None or _holds_another(cell, marked, slots) else marked


def _holds_another(cell: Cell, marked: Slot, slots: list[Slot]) -> bool:
    """Whether the cell defines no function of its own place but one of another place."""
    inside = set(definitions(cell.source))
    if marked.role == "written" or not inside or inside & set(marked.defines or definitions(marked.shown)):
        return False
    return any(inside & set(slot.defines) for slot in slots)


def _free(slots: list[Slot], owners: list[Slot | None]) -> list[Slot]:
    taken = {owner.index for owner in owners if owner}
    return [slot for slot in slots if slot.index not in taken]


def _by_text(cells: list[Cell], slots: list[Slot], owners: list[Slot | None]) -> None:
    """Equal texts, in order; a second cell of the same text is a copy."""
    places: dict[str, list[Slot]] = {}
    for slot in _free(slots, owners):
        places.setdefault(slot.shown, []).append(slot)
    for i, cell in enumerate(cells):
        waiting = places.get(cell.source.strip())
        if owners[i] is None and waiting:
            owners[i] = waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _by_id(cells: list[Cell], slots: list[Slot], owners: list[Slot | None]) -> None:
    """Ids count where they name an exercise, or where the text is not quite another: they shift between releases."""
    places = {slot.node.get("id"): slot for slot in _free(slots, owners) if slot.node.get("id")}
    for i, cell in enumerate(cells):
        slot = places.get(cell.id)
        if owners[i] is None and slot and not _holds_another(cell, slot, slots):
            named = slot.role != "free"
            if named or (
                slot.kind == cell.kind and (_same_names(cell, slot) or _ratio(cell.source, slot.shown) >= ALIKE)
            ):
                owners[i] = slot


def _by_definition(cells: list[Cell], slots: list[Slot], owners: list[Slot | None]) -> None:
    """A cell that defines an exercise's function answers it, when no marked cell does."""
    for slot in slots:
        if slot.role == "answer" and not _is_answered(slot, cells, owners):
            for i, cell in enumerate(cells):
                if owners[i] is None and set(slot.defines) & set(definitions(cell.source)):
                    owners[i] = slot


def _is_answered(slot: Slot, cells: list[Cell], owners: list[Slot | None]) -> bool:
    mine = [cell for cell, owner in zip(cells, owners, strict=True) if owner is slot]
    return any(not is_blank(cell.source, slot.shown) for cell in mine)


def _by_names(cells: list[Cell], slots: list[Slot], owners: list[Slot | None]) -> None:
    """An edited code cell still binds the names of its place."""
    places = [(slot, bindings(slot.shown)) for slot in _free(slots, owners) if slot.kind == "code"]
    many = Counter(frozenset(names) for _, names in places)
    for i, cell in enumerate(cells):
        if owners[i] is None and cell.kind == "code" and (names := bindings(cell.source)):
            at = next((j for j, (_, own) in enumerate(places) if own == names and many[frozenset(own)] == 1), None)
            if at is not None:
                owners[i] = places.pop(at)[0]


def _same_names(cell: Cell, slot: Slot) -> bool:
    return cell.kind == "code" and bool(bindings(slot.shown)) and bindings(cell.source) == bindings(slot.shown)


def _by_neighbours(cells: list[Cell], slots: list[Slot], owners: list[Slot | None]) -> None:
    """In a gap between two known neighbours, texts that are alike belong together."""
    start = 0
    while start < len(cells):
        if owners[start] is not None:
            start += 1
            continue
        end = start
        while end < len(cells) and owners[end] is None:
            end += 1
        before = owners[start - 1].index if start else -1
        after = owners[end].index if end < len(cells) else len(slots)
        taken = {owner.index for owner in owners if owner}
        gap = [slot for slot in slots[before + 1 : after] if slot.index not in taken and slot.role != "written"]
        _match_gap(cells, range(start, end), gap, owners)
        start = end


def _match_gap(cells: list[Cell], indices: range, gap: list[Slot], owners: list[Slot | None]) -> None:
    if len(indices) > MOST or len(gap) > MOST:
        return
    for i in indices:
        alike = [(slot, _ratio(cells[i].source, slot.shown)) for slot in gap if slot.kind == cells[i].kind]
        slot, ratio = max(alike, key=lambda pair: pair[1], default=(None, 0.0))
        if slot is not None and ratio >= ALIKE:
            owners[i] = slot
            gap = [other for other in gap if other.index > slot.index]


def _ratio(a: str, b: str) -> float:
    if max(len(a), len(b)) > LONGEST:
        return 0.0
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE else 0.0
