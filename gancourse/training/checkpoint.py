"""Checkpoints that are whole or not there: written beside the old one, then moved over it."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from gancourse.errors import CheckpointError
from gancourse.files import replace_atomically


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call write(temporary path) and move what it wrote to `path` in one step, as `replace_atomically` does.

    Raises CheckpointError when the folder cannot be written or the disk is full; the old file is kept.
    """
    with told_when_unwritable(path):
        replace_atomically(path, write)


@contextlib.contextmanager
def told_when_unwritable(path: Path) -> Iterator[None]:
    """Turn what the system says about a file or folder that cannot be written into a CheckpointError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = error if isinstance(error, OSError) else f"the disk is probably full ({error})"  # torch's own words
        raise CheckpointError(
            f"{path} could not be written: {reason}. What was there before is unchanged. "
            "Free some space or choose another folder with --out."
        ) from error


def save_checkpoint(path: Path, state: dict) -> None:
    """Save a state of tensors and plain values; see write_atomically for what can go wrong."""
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read a checkpoint, after comparing the checksums inside it.

    Raises CheckpointError when it is missing or damaged.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}. Train first, or name the folder of a run.")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"the checksum of {damaged} does not match")
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise CheckpointError(
            f"{path} is damaged and was left as it is: {error}. Restore it from a copy, or start again in a new folder."
        ) from error


def random_state() -> dict:
    """The state of torch's random generators, of the CPU and of the CUDA device in use."""
    cuda = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_random_state(state: dict) -> None:
    """Undo what happened to the generators since random_state(). A device that is gone is passed over."""
    torch.set_rng_state(state["cpu"].cpu())
    if torch.cuda.is_available() and state["cuda"]:
        torch.cuda.set_rng_state(state["cuda"][0].cpu())
