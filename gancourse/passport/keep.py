"""The file: read, written whole or not at all, set aside when it is damaged. One entry an exercise."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from gancourse.errors import PassportError
from gancourse.files import replace_atomically

FORMAT = 1
LOCK_SECONDS = 1.0  # a check never waits longer for another notebook


@dataclass(frozen=True)
class Entry:
    """One exercise. points: the best so far; tries: up to the first pass; times are ISO 8601 in UTC.

    passed: when it was passed last, None if never; days: on how many days it was; holds: whether the last try passed.
    """

    points: float
    of: int
    tries: int
    tried: str
    passed: str | None = None
    days: int = 0
    holds: bool = False


def passport_path() -> Path:
    """$GANCOURSE_PASSPORT, or passport.json in gancourse/ of the user's data folder.

    Raises PassportError where nobody says which folder that is.
    """
    if named := os.environ.get("GANCOURSE_PASSPORT"):
        return Path(named)
    try:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError as error:
        raise PassportError("This user has no home folder. Name a file in GANCOURSE_PASSPORT.") from error
    return data / "gancourse" / "passport.json"


def graded() -> bool:
    """Whether nbgrader runs this notebook: then nothing is kept, for it is not the learner who is at work."""
    return "NBGRADER_EXECUTION" in os.environ


def record(exercise: str, points: float, of: int, passed: bool, now: datetime | None = None) -> str:
    """Keep how a check went. Returns what the learner must be told of the file, nearly always nothing.

    A file that cannot be written, is in use or comes from a later version is left as it is: no check fails for it.
    """
    if graded():
        return ""
    try:
        with _locked(passport_path()) as path:
            entries, note = _read(path)
            entries[exercise] = _after(entries.get(exercise), points, of, passed, now or datetime.now(UTC))
            _write(path, entries)
        return note
    except (OSError, Timeout, PassportError):
        return ""


def _after(before: Entry | None, points: float, of: int, passed: bool, now: datetime) -> Entry:
    """The entry once more is known. A pass counts no more tries; a second pass on the same day is no other day."""
    time = now.isoformat(timespec="seconds")
    entry = before or Entry(points, of, 0, time)
    entry = replace(entry, of=of, points=max(entry.points, points), tried=time, holds=passed)
    if entry.passed is None:
        entry = replace(entry, tries=entry.tries + 1)
    if passed:
        another = entry.passed is None or entry.passed[:10] != time[:10]
        entry = replace(entry, passed=time, days=entry.days + another)
    return entry


def read() -> tuple[dict[str, Entry], str]:
    """All entries by the exercise's name, and what the learner must be told of the file.

    Raises PassportError when the file cannot be read or comes from a later version.
    """
    path = passport_path()
    try:
        if not path.is_file():
            return {}, ""
        with _locked(path):
            return _read(path)
    except (OSError, Timeout) as error:
        raise PassportError(f"{path} could not be read: {error}. Name another file in GANCOURSE_PASSPORT.") from error


def forget() -> Path | None:
    """Delete the passport, and what was set aside of damaged ones. Returns its file, None if there was none.

    The lock stays: a check that waits for it must not find another one in its place.
    """
    path = passport_path()
    if not path.is_file():
        return None
    try:
        with _locked(path):
            for file in (path, *path.parent.glob(f"{path.stem}.damaged*{path.suffix}")):
                file.unlink(missing_ok=True)
    except (OSError, Timeout) as error:
        raise PassportError(f"{path} could not be deleted: {error}.") from error
    return path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """One process at a time reads and writes: two notebooks may be open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS):
        yield path


def _read(path: Path) -> tuple[dict[str, Entry], str]:
    """The entries; a damaged file is moved aside, for a person to look at."""
    if not path.is_file():
        return {}, ""
    try:
        return _entries(json.loads(path.read_text(encoding="utf-8"))), ""
    except (ValueError, TypeError, KeyError, AttributeError):
        aside = _free_name(path)
        os.replace(path, aside)
        return {}, f"Your progress file was damaged. It is kept as {aside}; a new one was begun."


def _entries(raw: dict) -> dict[str, Entry]:
    if isinstance(raw["format"], int) and raw["format"] > FORMAT:
        raise PassportError(
            f"{passport_path()} was written by a later version of gancourse. Update with `pip install -U gancourse`, "
            "or name another file in GANCOURSE_PASSPORT."
        )
    return {str(name): _entry(values) for name, values in raw["exercises"].items()}


def _entry(values: dict) -> Entry:
    """Raises ValueError or TypeError for what no passport holds."""
    entry = Entry(**values)
    times = [datetime.fromisoformat(time) for time in (entry.tried, entry.passed) if time is not None]
    kinds = {"points": int | float, "of": int, "tries": int, "days": int, "holds": bool}
    known = all(isinstance(getattr(entry, name), kind) for name, kind in kinds.items())
    if not known or any(time.tzinfo is None for time in times):
        raise ValueError(f"no entry of a passport: {values}")
    return entry


def _free_name(path: Path) -> Path:
    """passport.damaged.json, or the first of passport.damaged-2.json and so on that does not exist."""
    name, number = path.with_name(f"{path.stem}.damaged{path.suffix}"), 2
    while name.exists():
        name, number = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}"), number + 1
    return name


def _write(path: Path, entries: dict[str, Entry]) -> None:
    made = {"format": FORMAT, "exercises": {name: asdict(entry) for name, entry in sorted(entries.items())}}
    text = json.dumps(made, indent=1) + "\n"
    replace_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
