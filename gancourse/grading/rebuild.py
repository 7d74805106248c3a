"""The cells of a submission laid out as the release lays them out: which text stands at each place, and why.

Checks and other locked cells are the release's. Of several answers the one counts that was in force when the last copy
of its check ran from top to bottom. Cells of the student's own stay below the cell that they stood below.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from gancourse.grading.notes import Note, listed
from gancourse.grading.order import hoisted
from gancourse.grading.reading import Cell
from gancourse.grading.slots import Slot
from gancourse.grading.suspicion import suspicions_of
from gancourse.grading.syntax import bindings, definitions, is_blank, meaning, needs, pieces

OWN_CELL = "own-{:03d}"  # the id of a cell that the student added


@dataclass
class Rebuild:
    """The work on one submission: its cells, the place that each belongs to, and what has been said so far."""

    slots: list[Slot]
    cells: list[Cell]
    owners: list[Slot | None]
    notes: list[Note]
    suspicions: list[Note] = field(default_factory=list)
    before: dict[int, list[Cell]] = field(default_factory=dict)
    after: dict[int, list[Cell]] = field(default_factory=dict)
    attachments: dict[int, dict] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)
    retyped: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)

    def nodes(self) -> list[NotebookNode]:
        """The rebuilt cells, in order."""
        self._anchor_own_cells()
        texts = {slot.index: self._text_for(slot) for slot in self.slots}
        self._collect_written(texts)
        self._say_what_concerns_many()
        own = [*(cell for cells in self.before.values() for cell in cells), *self._own_cells()]
        self.suspicions += suspicions_of(self.slots, texts, own)
        moved = hoisted(self.slots, texts, self.before, self.after)
        self.notes += moved
        return self._laid_out(texts)

    def _own_cells(self) -> list[Cell]:
        return [cell for cells in self.after.values() for cell in cells]

    def _anchor_own_cells(self) -> None:
        """A student's own cell follows the place that it follows in the submission."""
        anchor = -1
        for cell, owner in zip(self.cells, self.owners, strict=True):
            if owner is not None:
                anchor = owner.index
            elif cell.source.strip():
                self.after.setdefault(anchor, []).append(cell)

    def _text_for(self, slot: Slot) -> str:
        mine = [(i, cell) for i, cell in enumerate(self.cells) if self.owners[i] is slot]
        if slot.role in ("answer", "written"):
            return self._answer(slot, mine)
        if not mine:
            self.restored.append(slot.name)
        return self._free(slot, mine) if slot.role == "free" else self._locked(slot, mine)

    # Answers

    def _answer(self, slot: Slot, mine: list[tuple[int, Cell]]) -> str:
        """The student's text, or the stub when there is none."""
        written = [(i, cell) for i, cell in mine if not self._is_blank(slot, cell)]
        if not mine:
            self._say("lost", slot, f"The cell of `{slot.name}` is not in your file: it counts as not answered.")
        elif not written and not any(cell.source.strip() for _, cell in mine):
            self._say("lost", slot, f"The cell of `{slot.name}` is empty: it counts as not answered.")
        if not written:
            return self._left_blank(slot, mine)
        at, chosen = self._in_force(slot, written)
        self._settle_copies(slot, [pair for pair in mine if pair[0] != at], at, chosen)
        if chosen.kind != slot.kind:
            self._say(
                "retyped", slot, f"The cell of `{slot.name}` was of another type ({chosen.kind}); it was set back."
            )
        if slot.name not in (chosen.grade_id, chosen.id) and not self._all_lost_their_marks():
            self._say("found", slot, f"Your answer to `{slot.name}` stood in another cell; it was put in its place.")
        if chosen.attachments:
            self.attachments[slot.index] = chosen.attachments
        return chosen.source

    @staticmethod
    def _left_blank(slot: Slot, mine: list[tuple[int, Cell]]) -> str:
        """The stub, with what the student wrote beside it if that is not only words."""
        own = [cell.source for _, cell in mine if cell.source.strip() and meaning(cell.source) != meaning(slot.shown)]
        return own[-1] if own else slot.node.source

    def _is_blank(self, slot: Slot, cell: Cell) -> bool:
        if slot.role == "written":
            return cell.source.strip() in ("", slot.shown)
        return is_blank(cell.source, slot.shown)

    def _in_force(self, slot: Slot, written: list[tuple[int, Cell]]) -> tuple[int, Cell]:
        """The last answer above the last copy of its check, else the last of all."""
        checks = [
            i for i, owner in enumerate(self.owners) if owner and owner.role == "check" and self._checks(owner, slot)
        ]
        above = [pair for pair in written if checks and pair[0] < checks[-1]]
        return (above or written)[-1]

    @staticmethod
    def _checks(check: Slot, slot: Slot) -> bool:
        return bool(set(slot.defines) & needs(check.shown))

    def _settle_copies(self, slot: Slot, others: list[tuple[int, Cell]], at: int, chosen: Cell) -> None:
        """Copies vanish; other answers become own cells, above the one in force or below its check."""
        different = [
            (i, c) for i, c in others if not self._is_blank(slot, c) and meaning(c.source) != meaning(chosen.source)
        ]
        for i, cell in different:
            if i < at:
                self.before.setdefault(slot.index, []).append(cell)
            else:
                self.after.setdefault(self._place_before(i, slot), []).append(cell)
        if different:
            words = f"`{slot.name}` was answered in {len(different) + 1} different ways"
            words += "; the last one above its last check counts."
            self._say("ambiguous", slot, words)
        elif others and slot.name in (chosen.grade_id, chosen.id):
            self._say(
                "duplicate",
                slot,
                f"The cell of `{slot.name}` stood in your file {len(others) + 1} times; one was kept.",
            )

    def _place_before(self, i: int, slot: Slot) -> int:
        """The place after which an answer that does not count is kept: at least below the check."""
        checks = [s.index for s in self.slots if s.role == "check" and self._checks(s, slot)]
        owned = [owner.index for owner in self.owners[:i] if owner is not None]
        return max([*owned[-1:], *checks, slot.index])

    # Cells that are not answers

    def _free(self, slot: Slot, mine: list[tuple[int, Cell]]) -> str:
        """The student's version of a cell that may be edited; imports of the lesson run in any case."""
        edited = [cell for _, cell in mine if cell.source.strip() not in ("", slot.shown)]
        if mine and mine[0][1].kind != slot.kind:
            self.retyped.append(slot.name)
        if not edited:
            return slot.node.source
        rest = edited if slot.sets_up else edited[1:]
        self.after.setdefault(slot.index, [])[:0] = rest
        return slot.node.source if slot.sets_up else edited[0].source

    def _locked(self, slot: Slot, mine: list[tuple[int, Cell]]) -> str:
        """The release's text, always; what a student's version defines beside it is kept as a cell of its own."""
        if len(mine) > 1:
            self._say("duplicate", slot, f"The cell `{slot.name}` stood in your file {len(mine)} times; one was kept.")
        for _, cell in mine:
            if cell.kind != slot.kind:
                self._say(
                    "retyped", slot, f"The cell `{slot.name}` was of another type ({cell.kind}); it was set back."
                )
            if cell.source.strip() and meaning(cell.source) != meaning(slot.shown):
                self._edited(slot, cell)
        return slot.node.source

    def _edited(self, slot: Slot, cell: Cell) -> None:
        if _is_as_released(slot, cell):
            self.older.append(slot.name)
            return
        words = f"The cell `{slot.name}` belongs to the course and was changed in your file; the course's own is used."
        self._say("edited", slot, words)
        if slot.role == "check":
            text = " ".join(cell.source.split())[:200]
            self.suspicions.append(Note("edited-check", slot.name, f"The check was rewritten: {text}"))
        added = "\n\n".join(piece for piece in pieces(cell.source) if _adds(piece, slot))
        if added:
            self.before.setdefault(slot.index, []).append(Cell("code", added))

    # What is said

    def _say(self, kind: str, slot: Slot, words: str) -> None:
        self.notes.append(Note(kind, slot.name, words))

    def _all_lost_their_marks(self) -> bool:
        names = {slot.name for slot in self.slots if slot.role != "free"}
        return not any(cell.grade_id in names or cell.id in names for cell in self.cells)

    def _collect_written(self, texts: dict[int, str]) -> None:
        """An answer in words that stands in cells beside its place, or goes on in them, is put together."""
        for slot in self.slots:
            if slot.role == "written":
                blank = texts[slot.index].strip() == slot.shown
                beside = self._words_beside(slot, blank)
                if beside:
                    texts[slot.index] = "\n\n".join(
                        [*([] if blank else [texts[slot.index]]), *(c.source for c in beside)]
                    )
                    self.notes = [n for n in self.notes if (n.kind, n.where) != ("lost", slot.name)]
                    if not self._all_lost_their_marks() and not all(cell.made for cell in beside):
                        self._say("found", slot, f"Your words outside of the cell of `{slot.name}` were put into it.")

    def _words_beside(self, slot: Slot, blank: bool) -> list[Cell]:
        """Take the student's own text at a place for words; if the place is missing, the only own text there is."""
        places = [slot.index - 1, slot.index] if blank else [slot.index]
        beside = [cell for place in places for cell in self.after.get(place, []) if cell.kind != "code"]
        if not beside and any(self.owners) and not any(owner is slot for owner in self.owners):
            beside = [cell for cell in self._own_cells() if cell.kind != "code"]
            beside = beside if len(beside) == 1 else []
        for cell in beside:
            self.attachments.setdefault(slot.index, {}).update(cell.attachments)
        for place, cells in self.after.items():
            self.after[place] = [cell for cell in cells if not any(cell is taken for taken in beside)]
        return beside

    def _say_what_concerns_many(self) -> None:
        if self._all_lost_their_marks():
            words = "Your file had lost the course's marks, as happens in some editors."
            words += " Cells were found by what they define."
            self.notes.append(Note("metadata", "file", words))
        placed = zip(self.cells, self.owners, strict=True)
        indices = list(dict.fromkeys(owner.index for cell, owner in placed if owner and not cell.made))
        if indices != sorted(indices):
            self.notes.append(
                Note("order", "file", "Your cells were not in the order of the lesson; they were sorted.")
            )
        many = {
            "deleted": (self.restored, "Cells of the lesson were missing and were put back: {}."),
            "retyped": (self.retyped, "Cells had another type than in the lesson; it was set back: {}."),
            "old-release": (
                self.older,
                "Your file is of an older version of the lesson; these cells are the new ones: {}.",
            ),
        }
        for kind, (names, words) in many.items():
            if names:
                self.notes.append(Note(kind, "file", words.format(listed(names))))

    # The result

    def _laid_out(self, texts: dict[int, str]) -> list[NotebookNode]:
        nodes = self._own_nodes(self.after.get(-1, []))
        for slot in self.slots:
            node = deepcopy(slot.node)
            node.source = texts[slot.index]
            if self.attachments.get(slot.index):
                node.attachments = self.attachments[slot.index]
            nodes += [*self._own_nodes(self.before.get(slot.index, [])), node]
            nodes += self._own_nodes(self.after.get(slot.index, []))
        for i, node in enumerate(n for n in nodes if n.id.startswith("own-")):
            node.id = OWN_CELL.format(i)
        return nodes

    @staticmethod
    def _own_nodes(cells: list[Cell]) -> list[NotebookNode]:
        make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
        nodes = [make.get(cell.kind, nbformat.v4.new_raw_cell)(cell.source, id=OWN_CELL.format(0)) for cell in cells]
        for cell, node in zip(cells, nodes, strict=True):
            if cell.attachments and cell.kind == "markdown":
                node.attachments = cell.attachments
        return nodes


def _is_as_released(slot: Slot, cell: Cell) -> bool:
    """Whether a locked cell is untouched since it was handed out, by the checksum that nbgrader wrote into it."""
    if not cell.checksum:
        return False
    from nbgrader.utils import compute_checksum

    node = deepcopy(slot.node)
    node.source = cell.source
    return compute_checksum(node) == cell.checksum


def _adds(piece: str, slot: Slot) -> bool:
    """Whether a statement of an edited course cell is a definition or import that the course's version lacks."""
    statement = piece.lstrip()
    kept = bool(definitions(piece)) or statement.startswith(("import ", "from "))
    return kept and not bindings(piece) & (bindings(slot.shown) | needs(slot.shown))
