"""The places of a released lesson: what belongs where, and what a learner may write."""

from dataclasses import dataclass

from nbformat import NotebookNode

from gancourse.grading.syntax import definitions

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
        """The text as students were given it."""
        return self.node.source.strip()

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
