"""A class split over several machines: each grades its part into the journal, one run afterwards enters them all."""

import hashlib
import re
from dataclasses import dataclass

from gancourse.errors import GradingError


@dataclass(frozen=True)
class Part:
    """Part `index` of `count`, from 1. A student belongs to one part by name alone.

    So machines that see different lists, because somebody handed in meanwhile, still never share a student and never
    leave one out. Parts are of equal size only on average.
    """

    index: int = 1
    count: int = 1

    @property
    def whole(self) -> bool:
        """Whether this is the class itself."""
        return self.count == 1

    def of(self, students: list[str]) -> list[str]:
        """Those of the students who belong to this part, in their order."""
        return [student for student in students if _place(student, self.count) == self.index]

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_part(text: str | None) -> Part:
    """ "2/8" is the second of eight; None the whole. Raises GradingError for anything else."""
    if text is None:
        return Part()
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise GradingError(f"--part takes I/N with I from 1 to N, for instance 2/8, but got {text!r}.")
    return Part(int(found[1]), int(found[2]))


def _place(student: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(student.encode()).digest()[:8]) % count + 1
