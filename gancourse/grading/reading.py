"""From the bytes that were handed in to cells, as much of them as can be read.

Nothing is executed, and nothing of a student's metadata is believed but names: outputs are dropped, kernels ignored.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gancourse.grading.conflict import conflict_sides
from gancourse.grading.notes import Note, named
from gancourse.grading.script import cells_of_script, looks_like_python

LARGEST = 64 * 2**20  # bytes; beyond that a file is not read
CONSPICUOUS = 5 * 2**20  # bytes; a lesson with its pictures has a fifth of it
_KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}
_FOREIGN = {
    b"%PDF": "a PDF",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"\x89PNG": "a picture",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
    b"{\\rtf": "a document of a word processor",
}


@dataclass
class Cell:
    """What repair needs of a cell: its text, its type and the names by which it may be known."""

    kind: str
    source: str
    id: str = ""
    grade_id: str = ""
    checksum: str = ""
    attachments: dict = field(default_factory=dict)
    made: bool = False  # cut out of a cell by repair


@dataclass
class Reading:
    """The cells of a submission and what had to be done to read them."""

    cells: list[Cell] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    readable: bool = True

    def say(self, kind: str, words: str) -> None:
        self.notes.append(Note(kind, "file", words))


def read(data: bytes, name: str = "") -> Reading:
    """The cells in the bytes of a submission; name: its file name, which may tell a script. Bad bytes raise nothing."""
    reading = Reading()
    if len(data) > LARGEST:
        return _refuse(
            reading, "too-large", f"The file has {len(data) >> 20} MB and was not read: a notebook is small."
        )
    if data.startswith(b"PK\x03\x04"):
        name, data = _unpacked(data, reading)
        if not name:
            return _refuse(reading, "unreadable", "The archive is damaged or holds no notebook.")
    if not data.strip(b"\x00 \t\r\n"):
        return _refuse(reading, "empty", "The file is empty.")
    text = decoded(data, reading)
    if foreign := next((what for start, what in _FOREIGN.items() if data.startswith(start)), None):
        return _refuse(reading, "unreadable", f"The file is {foreign}, not a notebook: nothing in it could be graded.")
    reading.cells = _cells_of_text(text, name, reading)
    if not reading.cells:
        return _refuse(reading, "unreadable", "No cell of a notebook could be found in the file.")
    if len(data) > CONSPICUOUS:
        reading.say(
            "outputs", f"Your file has {len(data) >> 20} MB, most of it output. Output is made again and was left out."
        )
    return reading


def _refuse(reading: Reading, kind: str, words: str) -> Reading:
    reading.say(kind, words + " All exercises count as not answered.")
    reading.readable = False
    return reading


def _unpacked(data: bytes, reading: Reading) -> tuple[str, bytes]:
    """The one notebook (else script) in an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if not re.search(r"(^|/)(__MACOSX|\.[^.])", m.filename)]
            ranked = sorted(members, key=lambda m: (not m.filename.endswith(".ipynb"), not m.filename.endswith(".py")))
            if ranked and ranked[0].file_size <= LARGEST and ranked[0].filename.endswith((".ipynb", ".json", ".py")):
                reading.say("unpacked", f"You handed in an archive; {named(ranked[0].filename)} was taken out of it.")
                with archive.open(ranked[0]) as member:
                    return ranked[0].filename, member.read(LARGEST)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        pass  # a damaged archive holds nothing that could be graded
    return "", b""


def decoded(data: bytes, reading: Reading) -> str:
    """Text in whatever encoding an editor left it."""
    encoding = _encoding(data)
    text = data.decode(encoding, errors="replace")
    if encoding == "utf-8" and "\ufffd" in text and not re.search(r"[^\x00-\x7f\ufffd]", text):
        encoding, text = "cp1252", data.decode("cp1252", errors="replace")
    if encoding != "utf-8":
        reading.say("encoding", f"Your file was not in UTF-8 but in {encoding}; it was converted.")
    if "\x00" in text:
        reading.say("encoding", "Your file held zero bytes; they were left out.")
        text = text.replace("\x00", "")
    return text


def _encoding(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = data[:400]
    if len(head) > 20 and head[1::2].count(0) > len(head) / 3:
        return "utf-16-le"
    if len(head) > 20 and head[0::2].count(0) > len(head) / 3:
        return "utf-16-be"
    return "utf-8"


def _cells_of_text(text: str, name: str, reading: Reading) -> list[Cell]:
    if sides := conflict_sides(text):
        reading.say("conflict", "Your file holds the marks of a merge that was not finished; both sides were read.")
        return _united(*(_cells_of_one(side, name, reading) for side in sides))
    return _cells_of_one(text, name, reading)


def _cells_of_one(text: str, name: str, reading: Reading) -> list[Cell]:
    """Cells of a script, of JSON, of JSON with something around it, or of what is left of JSON."""
    if name.endswith(".py") or looks_like_python(text):
        reading.say(
            "script", "You handed in a Python script instead of a notebook; its cells were put into the notebook."
        )
        return [Cell(kind, source) for kind, source in cells_of_script(text)]
    values = _values(text)
    found = [cell for value in values for cell in cells_of(value)]
    for value in values:
        _say_kernel(value, reading)
    if found and len(values) == 1 and _is_whole(text):
        return found
    if found:
        reading.say("json", "Your file holds more than the notebook, before or after it; the notebook in it was read.")
        return found
    found = salvaged(text)
    if found:
        words = "Your file is damaged and no program can open it as it is."
        reading.say("json", f"{words} {len(found)} cells could be recovered from it.")
        if last_is_cut(text):
            reading.say("cut", "Your file ends in the middle of a cell. What stood after that is lost.")
    return found


def _united(ours: list[Cell], theirs: list[Cell]) -> list[Cell]:
    """Both sides of a merge: where they differ, theirs follows ours."""
    known = {(cell.kind, cell.source) for cell in ours}
    places = {cell.id: i for i, cell in reversed(list(enumerate(ours))) if cell.id}
    after: dict[int, list[Cell]] = {}
    place = -1
    for cell in theirs:
        place = places.get(cell.id, place)
        if (cell.kind, cell.source) not in known:
            after.setdefault(place, []).append(cell)
    both = list(after.get(-1, []))
    for i, cell in enumerate(ours):
        both += [cell, *after.get(i, [])]
    return both


def _values(text: str) -> list[Any]:
    """The JSON values that follow each other from the first brace on."""
    decoder = json.JSONDecoder(strict=False)
    values: list[Any] = []
    at = min((i for i in (text.find("{"), text.find('"')) if i >= 0), default=-1)
    while 0 <= at < len(text) and len(values) < 10:
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        values.append(value)
        at = text.find("{", at)
    return values


def _say_kernel(value: Any, reading: Reading) -> None:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = spec.get("name") if isinstance(spec, dict) else None
    if isinstance(name, str) and name != "python3":
        reading.say("kernel", f"Your file asks for the kernel {named(name)}; the course's own (python3) is used.")


def _is_whole(text: str) -> bool:
    stripped = text.strip()
    return stripped[:1] in '{"' and stripped[-1:] in '}"'


def cells_of(value: Any, depth: int = 0) -> list[Cell]:
    """The cells of a notebook of any format, also when a program has wrapped it."""
    if isinstance(value, str) and depth < 2:
        return [cell for inner in _values(value) for cell in cells_of(inner, depth + 1)]
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in value["worksheets"] if isinstance(sheet, dict)]
        return [cell for sheet in sheets if isinstance(sheet, list) for cell in map(cell_of, sheet) if cell]
    if isinstance(value.get("cells"), list):
        return [cell for cell in map(cell_of, value["cells"]) if cell]
    return cells_of(value["content"], depth + 1) if "content" in value and depth < 2 else []


def cell_of(raw: Any) -> Cell | None:
    """One cell of a JSON notebook, formats 2 to 4; None for something else."""
    if not isinstance(raw, dict) or raw.get("cell_type") not in _KINDS:
        return None
    metadata = raw["metadata"] if isinstance(raw.get("metadata"), dict) else {}
    nbgrader = metadata["nbgrader"] if isinstance(metadata.get("nbgrader"), dict) else {}
    source = joined(raw.get("source", raw.get("input", "")))
    if raw["cell_type"] == "heading":
        source = f"{'#' * raw['level'] if raw.get('level') in range(1, 7) else '#'} {source}"
    names = (raw.get("id") or metadata.get("id"), nbgrader.get("grade_id"), nbgrader.get("checksum"))
    known = [name if isinstance(name, str) else "" for name in names]
    return Cell(_KINDS[raw["cell_type"]], source, *known, attachments=_attachments(raw.get("attachments")))


def _attachments(raw: Any) -> dict:
    """The pictures of a cell of text: {name: {type: text}}, whatever else stands there."""
    if not isinstance(raw, dict):
        return {}
    bundles = {name: data for name, data in raw.items() if isinstance(data, dict)}
    return {name: {mime: joined(text) for mime, text in data.items()} for name, data in bundles.items()}


def joined(source: Any) -> str:
    """A cell's text: a string or a list of lines, with any line ending, with or without one."""
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        bare = len(lines) > 1 and not any(line.endswith("\n") for line in lines)
        source = ("\n" if bare else "").join(lines)
    text = source if isinstance(source, str) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written to a file


# What is left of a notebook that is no JSON any more.

_START = re.compile(r'(?<!\\)"cell_type"\s*:\s*"(code|markdown|raw)"')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_SOURCE = re.compile(r'(?<!\\)"source"\s*:\s*(\[?)\s*')
_NESTED = re.compile(r'"nbgrader"\s*:\s*\{[^{}]*$')


def salvaged(text: str) -> list[Cell]:
    """The cells in a text that is no JSON: whole ones as they are, of others the source and the names."""
    starts = [m.start() for m in _START.finditer(text) if not _NESTED.search(text, max(0, m.start() - 400), m.start())]
    found = []
    for start, end in pairwise([*starts, len(text)]):
        cell = _whole_cell(text, start, end) or _part_of_cell(text[start:end])
        if cell:
            found.append(cell)
    return found


def _whole_cell(text: str, start: int, end: int) -> Cell | None:
    brace = text.rfind("{", max(0, start - 400), start)
    try:
        return cell_of(json.JSONDecoder(strict=False).raw_decode(text[brace:end])[0]) if brace >= 0 else None
    except (ValueError, RecursionError):
        return None


def _part_of_cell(text: str) -> Cell | None:
    found = _SOURCE.search(text)
    if not found:
        return None
    strings = _strings(text, found.end()) if found[1] else _strings(text, found.end())[:1]
    names = [m[1] if (m := re.search(rf'(?<!\\)"{key}"\s*:\s*"([\w.-]+)"', text)) else "" for key in _NAMES]
    return Cell(_START.match(text)[1], joined(strings), *names) if strings else None


_NAMES = ("id", "grade_id", "checksum")


def _strings(text: str, at: int) -> list[str]:
    """The strings of a list up to its end, its damage or the end of the text."""
    strings = []
    while found := _STRING.match(text, at):
        strings.append(_unescaped(found[1]))
        gap = re.compile(r"[\s,]*").match(text, found.end())
        at = gap.end()
    return strings


def _unescaped(text: str) -> str:
    for cut in range(6):  # a file may end within an escape
        try:
            return json.loads(f'"{text[: len(text) - cut]}"', strict=False)
        except ValueError:
            continue
    return ""


def last_is_cut(text: str) -> bool:
    """Whether a text ends before its notebook does."""
    return not text.rstrip().endswith("}")
