"""The rubric of a written answer, shown to whoever grades it in formgrader and to nobody else."""

from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

Processed = tuple[NotebookNode, ResourcesDict]


class ShowRubric(NbGraderPreprocessor):
    """Puts the source's text, a good answer and its rubric, below each written answer on a formgrader page.

    nbgrader replaces that text by the student's answer and shows it nowhere. The page alone is changed: neither the
    graded notebook nor the feedback has it. Without the source, as on a student's machine, nothing is added.
    """

    source_directory = Unicode("solutions", help="The folder of the course's sources.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> Processed:
        if "submission_id" not in resources:  # formgrader alone gives its pages one; feedback has none
            return nb, resources
        rubrics = self._rubrics(resources["assignment_id"], resources["notebook_id"])
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            if cell.cell_type == "markdown" and utils.is_grade(cell) and utils.is_solution(cell):
                text = rubrics.get(cell.metadata.nbgrader.grade_id)
                cells += [new_markdown_cell(f"**For the grader**\n\n{text}")] if text else []
        nb.cells = cells
        return nb, resources

    def _rubrics(self, assignment: str, notebook: str) -> dict[str, str]:
        path = Path(self.source_directory) / assignment / f"{notebook}.ipynb"
        if not path.is_file():
            return {}
        written = [c for c in nbformat.read(path, 4).cells if c.cell_type == "markdown" and utils.is_grade(c)]
        return {cell.metadata.nbgrader.grade_id: cell.source for cell in written}
