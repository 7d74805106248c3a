"""Files of a class that are whole or not there, without waiting for torch (see training.write_atomically)."""

import contextlib
import os
from pathlib import Path

from gancourse.errors import GradingError


def write_text(path: Path, text: str) -> None:
    """Write text beside the old file and move it over it. Raises GradingError; the old file is kept."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise GradingError(f"{path} could not be written: {error}. What stood there before was kept.") from error
