"""Whether a data set is kept whole, in the memory of the device that trains, or read as it is needed."""

import os
from pathlib import Path

import torch

from gancourse.errors import DataError

LOADINGS = ("auto", "resident", "streamed")
RESIDENT_SHARE = 0.5  # of the memory that is free; the rest is the networks'
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def is_resident(size: int, device: torch.device | str = "cpu", loading: str = "auto") -> bool:
    """Whether data of so many bytes are kept whole on a device.

    "resident" and "streamed" say so themselves; "auto" keeps what takes at most half of the memory that is free there
    now, and what lies on a system that does not tell. Raises DataError for another word.
    """
    if loading not in LOADINGS:
        raise DataError(f"loading must be one of {', '.join(LOADINGS)}, but is {loading!r}.")
    if loading != "auto":
        return loading == "resident"
    free = free_memory(device)
    return free is None or size <= RESIDENT_SHARE * free


def free_memory(device: torch.device | str = "cpu") -> int | None:
    """Bytes that are free on a GPU, or on this machine for each process of a run; None where nobody says."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    found = [bytes_ for bytes_ in (_available(), _left_to_container()) if bytes_ is not None]
    return min(found) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if found else None


def _available() -> int | None:
    """What Linux can hand out without swapping; elsewhere all that the machine has."""
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text(encoding="utf-8").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _left_to_container() -> int | None:
    """What a container's limit leaves; None where there is no limit. Files that are only cached count as free."""
    try:
        limit, used = (int((CGROUP / f"memory.{name}").read_text(encoding="utf-8")) for name in ("max", "current"))
    except (OSError, ValueError):  # no container, or its limit is the word "max"
        return None
    return max(0, limit - used + _cached_files())


def _cached_files() -> int:
    try:
        lines = (CGROUP / "memory.stat").read_text(encoding="utf-8").splitlines()
        return int(dict(line.split() for line in lines).get("inactive_file", 0))
    except (OSError, ValueError):
        return 0
