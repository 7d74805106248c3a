"""What a feedback page shows, read as a person would, and what it must not show."""

import re
from html import unescape

from nbformat import NotebookNode

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"\s+")


def words_of(page: str) -> str:
    """The text of a page in one line: no tags, no style sheets, entities resolved."""
    body = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(_TAG.sub("", body)).split())


def hidden_text_on(page: str, source: NotebookNode) -> list[str]:
    """The hidden lines of the source's checks that a page shows, however it colours, splits or escapes them."""
    everything = _SPACE.sub("", words_of(page) + unescape(page))
    hidden = [line for cell in source.cells for part in HIDDEN.findall(cell.source) for line in part.splitlines()]
    assert hidden, "the source has no hidden tests"
    marks = ["BEGIN HIDDEN TESTS", "END HIDDEN TESTS"]
    return [line for line in [*marks, *hidden] if _SPACE.sub("", line) in everything]
