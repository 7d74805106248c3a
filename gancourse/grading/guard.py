"""Preprocessors for nbgrader: one damaged notebook must not stop a class, and no check may be passed by not running."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import DeduplicateIds, NbGraderPreprocessor

Processed = tuple[NotebookNode, ResourcesDict]
TRAINING_TAG = "train"


class DropDuplicateIds(DeduplicateIds):
    """Takes copies of a graded cell out of grading, the last one of each stays.

    nbgrader marks a copy with empty metadata, which its next step reads as an old format and stops the whole class
    (nbgrader issues 1083, 1933, 1941). A copy without that key is an ordinary cell.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> Processed:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.metadata.get("nbgrader") == {}:
            del cell.metadata["nbgrader"]
        return cell, resources


class AlwaysRunChecks(NbGraderPreprocessor):
    """Takes the training tag off every cell that nbgrader knows: only training is skipped, never a check."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> Processed:
        tags = cell.metadata.get("tags", [])
        if "nbgrader" in cell.metadata and TRAINING_TAG in tags:
            cell.metadata["tags"] = [tag for tag in tags if tag != TRAINING_TAG]
        return cell, resources


class RequireResult(NbGraderPreprocessor):
    """Gives 0 with a reason to a check that ended without a number.

    nbgrader reads "no output" as full points; our checks always end in a float, so without one the check did not run
    to its end.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> Processed:
        if cell.cell_type == "code" and utils.is_grade(cell) and not _is_number_or_error(cell.outputs):
            reason = "This check did not run to its end, so it counts as not passed."
            cell.outputs.append(new_output("error", ename="CheckIncomplete", evalue=reason, traceback=[reason]))
        return cell, resources


class ShortTracebacks(NbGraderPreprocessor):
    """Keeps the last line of a traceback in a check cell: the lines above it show the hidden test (nbgrader 917)."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> Processed:
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


def _is_number_or_error(outputs: list[NotebookNode]) -> bool:
    results = [output for output in outputs if output.output_type == "execute_result"]
    if any(output.output_type == "error" for output in outputs):
        return True
    return len(results) == 1 and _is_points(results[0].data.get("text/plain", ""))


def _is_points(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
