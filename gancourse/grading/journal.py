"""What is known of each submission, a file a student, written whole or not at all: a run can go on from it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gancourse.errors import GradingError
from gancourse.files import replace_atomically

MOST_BYTES = 20 << 20
STATES = ("graded", "failed", "tampered", "unreadable")


@dataclass
class Record:
    """One submission as it was graded. points: by graded cell; diagnoses: likely mistakes by exercise."""

    student: str
    lesson: str
    state: str
    points: dict[str, float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    notes: list[dict] = field(default_factory=list)
    suspicions: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    diagnoses: dict[str, list[str]] = field(default_factory=dict)
    submission_sha256: str = ""


class Journal:
    """The folder grading/LESSON of a course: STUDENT.json and the executed STUDENT.ipynb."""

    def __init__(self, course: Path, lesson: str):
        self.folder = course / "grading" / lesson
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, record: Record, notebook: NotebookNode) -> None:
        """The notebook first: a record that is there has its notebook."""
        write_atomically(self.folder / f"{record.student}.ipynb", nbformat.writes(notebook))
        write_atomically(
            self.folder / f"{record.student}.json", json.dumps(asdict(record), indent=1, ensure_ascii=False)
        )

    def read(self, student: str) -> tuple[Record, NotebookNode] | None:
        """What an earlier run found; None if there is nothing or it cannot be read."""
        try:
            record = Record(**json.loads((self.folder / f"{student}.json").read_text(encoding="utf-8")))
            return record, nbformat.read(self.folder / f"{student}.ipynb", 4)
        except (OSError, ValueError, TypeError, nbformat.ValidationError):
            return None


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it. Raises GradingError; the old file is kept."""
    try:
        replace_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))
    except OSError as error:
        raise GradingError(f"{path} could not be written: {error}. What stood there before was kept.") from error


def handed_in(folder: Path) -> dict[str, bytes]:
    """The plain files of a submission by their relative names; links are not followed, and 20 MB are enough."""
    files, size = {}, 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or ".ipynb_checkpoints" in path.parts:
            continue
        size += path.stat().st_size
        if size > MOST_BYTES and path.suffix != ".ipynb":
            continue
        files[str(path.relative_to(folder))] = path.read_bytes()
    return files


def digest(files: dict[str, bytes], *also: str) -> str:
    """One checksum for all files of a submission and for what else its grade depends on."""
    total = hashlib.sha256("\0".join(also).encode())
    for name, content in sorted(files.items()):
        total.update(name.encode(errors="replace") + b"\0" + hashlib.sha256(content).digest())
    return total.hexdigest()
