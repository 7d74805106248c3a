"""What of a solution students must not see."""

import re

from nbformat import NotebookNode


def secret_lines(cell: NotebookNode) -> list[str]:
    """The lines of an answer cell of a solution that its stub lacks."""
    if cell.cell_type == "markdown":
        return [line for line in cell.source.splitlines() if len(line) > 20]
    region = cell.source.partition("### BEGIN SOLUTION")[2].partition("### END SOLUTION")[0]
    lines = [line.strip() for line in region.splitlines() if re.search(r"\w", line)]
    assert lines, f"{cell.id} has no solution region"
    return lines
