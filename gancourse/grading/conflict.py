"""The marks that an unfinished merge leaves in a text."""

OURS, BASE, THEIRS, END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
_FOLLOWS = {"": (OURS,), OURS: (BASE, THEIRS), BASE: (THEIRS,), THEIRS: (END,)}


def conflict_sides(text: str) -> tuple[str, str] | None:
    """The text with the first side of every conflict, and with the second; None without a whole conflict."""
    if OURS not in text:
        return None
    sides: tuple[list[str], list[str]] = ([], [])
    state, found = "", False
    for line in text.splitlines(keepends=True):
        mark = line[:7]
        if mark in _FOLLOWS[state] and (mark != THEIRS or not line[7:].strip()):
            found |= mark == END
            state = "" if mark == END else mark
            continue
        for side, lines in zip((OURS, THEIRS), sides, strict=True):
            if state in ("", side):
                lines.append(line)
    return ("".join(sides[0]), "".join(sides[1])) if found and not state else None
