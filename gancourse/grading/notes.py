"""What repair says: to the student above the notebook, to the instructor in the journal, in the same words."""

from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

NOTES_ID = "what-was-repaired"


@dataclass(frozen=True)
class Note:
    """One thing that was done, or seen. kind: a word for counting; where: an exercise, a cell or "file"."""

    kind: str
    where: str
    words: str


def notes_cell(notes: list[Note]) -> NotebookNode:
    """The cell that stands first in a repaired notebook, and so in its feedback."""
    lines = ["### What was repaired", "", "Your file was not as the course hands it out. Before it was graded:"]
    lines += ["", *(f"- {note.words}" for note in notes)]
    return nbformat.v4.new_markdown_cell("\n".join(lines), id=NOTES_ID)


def named(text: str, longest: int = 60) -> str:
    """A name that a student chose, safe to show in Markdown and HTML."""
    safe = "".join(c if c.isprintable() and c not in "<>&`|[]()!\\" else "_" for c in text)
    return f"`{safe[:longest]}`"


def listed(names: list[str], most: int = 6) -> str:
    """Names in a sentence, the first of many."""
    shown = ", ".join(f"`{name}`" for name in dict.fromkeys(names[:most]))
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
