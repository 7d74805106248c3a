"""A lesson as the course site shows it: the students' text, with the pictures and numbers of a right solution."""

import nbformat
from nbformat import NotebookNode

from gancourse.authoring.executed import NOT_PREDICTED
from gancourse.authoring.project import LESSONS, SOLUTIONS
from gancourse.errors import GANCourseError

HIDDEN_REPORT = "(other sizes and numbers)"  # ends the first line of what a hidden check prints
FOLDED = "hide-output"  # myst-nb's tag: shown when asked for


def public_lesson(name: str) -> NotebookNode:
    """The notebook that nbgrader released, each code cell with what the executed solution shows there.

    So an answer is the stub that students get, and a hidden check has left neither text nor output. Numbers that a
    prediction asks for are folded. Raises GANCourseError where release and solution are not of one build.
    """
    notebook = nbformat.read(LESSONS / name / f"{name}.ipynb", 4)
    solution = nbformat.read(SOLUTIONS / name / f"{name}.ipynb", 4)
    shown = {cell.id: cell.get("outputs", []) for cell in solution.cells}
    if [cell.id for cell in notebook.cells] != list(shown):
        raise GANCourseError(f"{name}: lessons/ and solutions/ differ in their cells. Build both: make course")
    notebook.cells = [part for cell in notebook.cells for part in with_outputs(cell, shown[cell.id])]
    return notebook


def with_outputs(cell: NotebookNode, outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The cell with those outputs that say something to a reader; a second picture gets a cell without source.

    myst-nb knows one alt text a cell, therefore one picture a cell.
    """
    if cell.cell_type != "code":
        return [cell]
    parts = [cell]
    if cell.metadata.get("nbgrader", {}).get("grade"):
        outputs = [o for o in outputs if o.output_type == "stream"]  # the points of the hidden check say nothing
    for output in filter(None, map(public_output, outputs)):
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt and "mystnb" in parts[-1].metadata:
            parts.append(nbformat.v4.new_code_cell(id=f"{cell.id}-{len(parts)}", metadata={"tags": ["remove-input"]}))
        if alt:
            parts[-1].metadata["mystnb"] = {"image": {"alt": alt}}
        if NOT_PREDICTED in output.get("text", ""):
            output.text = output.text.replace(NOT_PREDICTED, "")
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), FOLDED]
        parts[-1].outputs.append(output)
    return parts


def public_output(output: NotebookNode) -> NotebookNode | None:
    """Prints without the hidden report, pictures, and values in words; None for what is left of a progress bar."""
    if output.output_type == "stream":
        return nbformat.v4.new_output("stream", name=output.name, text=without_hidden_report(output.text))
    data = output.get("data", {})
    if "image/png" not in data and ("text/html" in data or "text/plain" not in data):
        return None
    data = {kind: value for kind, value in data.items() if kind in ("image/png", "text/plain")}
    return nbformat.v4.new_output("display_data", data=data, metadata=output.get("metadata", {}))


def without_hidden_report(text: str) -> str:
    """What a check cell prints, up to the report of its hidden part."""
    lines = text.splitlines(keepends=True)
    ends = next((i for i, line in enumerate(lines) if HIDDEN_REPORT in line), len(lines))
    return "".join(lines[:ends])
