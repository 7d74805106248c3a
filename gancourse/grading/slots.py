"""The places of a released lesson: what belongs where, and what a learner may write."""

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from gancourse.grading.syntax import definitions

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS\n?", re.DOTALL)
SETUP_TAG = "setup"


@dataclass(frozen=True)
class Slot:
    """A cell of the release. role: "answer", "written", "check", "given" (locked) or "free"."""

    index: int
    node: NotebookNode
    role: str
    name: str
    defines: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.node.cell_type

    @property
    def shown(self) -> str:
        """The text as students have it, without hidden tests."""
        return HIDDEN.sub("", self.node.source).strip()

    @property
    def sets_up(self) -> bool:
        return SETUP_TAG in self.node.metadata.get("tags", [])


def slots_of(release: NotebookNode) -> list[Slot]:
    """The cells of a release as places, in order."""
    return [_slot(i, cell) for i, cell in enumerate(release.cells)]


def _slot(index: int, cell: NotebookNode) -> Slot:
    marks = cell.metadata.get("nbgrader", {})
    name = marks.get("grade_id") or cell.get("id", f"cell-{index:03d}")
    if marks.get("solution") or marks.get("task"):
        role = "answer" if cell.cell_type == "code" else "written"
    elif marks.get("grade"):
        role = "check"
    else:
        role = "given" if marks.get("locked") else "free"
    defines = tuple(definitions(cell.source)) if role == "answer" else ()
    return Slot(index, cell, role, name, defines)


def with_hidden_tests(released: NotebookNode, source: NotebookNode) -> NotebookNode:
    """The students' version whose checks are the instructor's: what a submission is repaired to for grading."""
    checks = {slot.name: slot.node for slot in slots_of(source) if slot.role == "check"}
    merged = NotebookNode(released)
    merged.cells = [_with_source(slot, checks) for slot in slots_of(released)]
    return merged


def _with_source(slot: Slot, checks: dict[str, NotebookNode]) -> NotebookNode:
    if slot.role != "check" or slot.name not in checks:
        return slot.node
    cell = NotebookNode(slot.node)
    cell.source = checks[slot.name].source
    return cell
