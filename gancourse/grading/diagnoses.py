"""What the checks said was wrong, read back from the report that they printed into a graded notebook."""

import re

from nbformat import NotebookNode

CHECK_CELL = "check-"
BLANK = "not written yet"
_HEAD = re.compile(r"^(\w+)   \d+ of \d+ passed   [\d.]+ of \d+ points(   \(other sizes and numbers\))?$")
_OUTCOME = re.compile(r"^  (ok|no|\.\.)  (?=\S)")
_LIKELY = "      likely       "
_NAME, _SEEN = 6, 18  # the columns in which an aspect's name and what was seen begin
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


def diagnoses_of(notebook: NotebookNode) -> dict[str, list[str]]:
    """{exercise: what was said of it}, for each graded check cell in which something was wrong.

    One line for each aspect that did not hold: the likely mistake where the check names one, else the aspect with
    what was seen. The visible and the hidden check say the same twice; each is kept once.
    """
    found = {}
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.cell_type == "code" and grade_id.startswith(CHECK_CELL):
            said = diagnoses_in(_printed(cell)) + _raised(cell)
            if said:
                found[grade_id.removeprefix(CHECK_CELL)] = list({kind_of(words): words for words in said}.values())
    return found


def diagnoses_in(text: str) -> list[str]:
    """The diagnoses in the printed reports of checks; other text between them is passed over."""
    said: list[str] = []
    inside = open_ = False
    for line in text.splitlines():
        if _HEAD.match(line):
            inside, open_ = True, False
        elif inside and _OUTCOME.match(line):
            open_ = line.startswith("  no")
            said += [_without_a_name(line)] if open_ else []
        elif inside and open_ and line.startswith(_LIKELY):
            said[-1] = line.removeprefix(_LIKELY).strip()
    return said


def kind_of(words: str) -> str:
    """The diagnosis with every number replaced, so that the same mistake with other numbers is the same kind."""
    return _NUMBER.sub("#", words)


def _without_a_name(line: str) -> str:
    """An aspect that did not hold and for which the check knows no likely mistake."""
    end = line.find(" ", _SEEN)
    end = len(line) if end < 0 else end
    name, seen = line[_NAME:end].strip(), line[end:].strip()
    if seen.startswith(BLANK):
        return BLANK
    if seen.startswith("your code raised "):
        return seen.partition(":")[0]
    return f"{name}: {seen}"


def _printed(cell: NotebookNode) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


def _raised(cell: NotebookNode) -> list[str]:
    return [f"{o.ename}: {o.evalue}".splitlines()[0] for o in cell.outputs if o.output_type == "error"]
