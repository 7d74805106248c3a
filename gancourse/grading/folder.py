"""Which file of a submitted folder is the notebook."""

from pathlib import Path

from gancourse.grading.notes import Note, named
from gancourse.grading.reading import Reading, read
from gancourse.grading.slots import Slot
from gancourse.grading.syntax import definitions, is_blank

_ENDINGS = (".ipynb", ".json", ".txt", ".zip", ".py")
MOST = 20  # files that are looked into


def find_submission(folder: Path, lesson: str, slots: list[Slot]) -> Reading:
    """Read the notebook of a folder: `lesson`.ipynb; if it is missing or holds no answer, the file that holds most.

    Other files are only considered when they could be notebooks. Links are not followed.
    """
    wanted = folder / f"{lesson}.ipynb"
    others = [path for path in _candidates(folder) if path != wanted]
    readings = {path: read(path.read_bytes(), path.name) for path in ([wanted] if _is_file(wanted) else []) + others}
    if not readings:
        note = Note("missing", "file", "No notebook was handed in. All exercises count as not answered.")
        return Reading([], [note], readable=False)
    held = {path: _answers(reading, slots) for path, reading in readings.items()}
    best = max(readings, key=lambda p: (held[p] > 0, p == wanted, readings[p].readable, held[p], p.name))
    reading = readings[best]
    if best != wanted:
        words = f"Your file is called {named(best.name)}; it was taken as {named(wanted.name)}."
        reading.notes.insert(0, Note("renamed", "file", words))
    if len(readings) > 1:
        words = f"You handed in {len(readings)} files that could be the notebook; {named(best.name)} was graded."
        reading.notes.insert(0, Note("several", "file", words))
    return reading


def _candidates(folder: Path) -> list[Path]:
    """Files that could be notebooks, below the folder too, automatic copies last and only if there is nothing else."""
    files = [path for path in sorted(folder.rglob("*")) if _is_file(path) and path.suffix.lower() in _ENDINGS]
    notebooks = [path for path in files if path.suffix == ".ipynb" and ".ipynb_checkpoints" not in path.parts]
    others = [path for path in files if path.suffix != ".ipynb" and not path.name.startswith(".")]
    return (notebooks or others or files)[:MOST]


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _answers(reading: Reading, slots: list[Slot]) -> int:
    """How many exercises a reading answers."""
    code = [cell.source for cell in reading.cells if cell.kind == "code"]
    asked = [slot for slot in slots if slot.role == "answer"]
    return sum(any(_holds(text, slot) for text in code) for slot in asked)


def _holds(text: str, slot: Slot) -> bool:
    return bool(set(slot.defines) & set(definitions(text))) and not is_blank(text, slot.shown)
