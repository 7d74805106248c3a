"""From a lesson's text to the notebook that nbgrader calls its source.

The text is a percent script. A mark on a cell says what it is:

    # %% setup="01"                                 replaced by the set-up cell, the same in every lesson
    # %% answer="sample_noise"                      a function the learner writes (### BEGIN SOLUTION inside)
    # %% check="sample_noise" points=1              its visible check; the hidden one is added here
    # %% given="broken_step"                        code that learners read and must not change
    # %% [markdown] written="equilibrium" points=4  an answer in words, graded by a person
    # %% predict="slope"                            a prediction: `name = ...`, never graded
    # %% tags=["train"]                             output depends on the machine: asserted, not compared; not
                                                    executed when a class is graded
"""

from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from gancourse.authoring.project import colab_address, project, repository
from gancourse.errors import GANCourseError

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
JUPYTEXT_SPACING = ("lines_to_next_cell", "lines_to_end_of_cell_marker")
MARKS = ("setup", "answer", "check", "given", "written", "predict")

SETUP = """\
# On Colab this installs the course. On a machine that has it, it only fixes seeds and threads.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("gancourse") is None:
    source = os.environ.get("GANCOURSE_SOURCE", "gancourse @ {archive}")
    if subprocess.run([sys.executable, "-m", "pip", "install", "-q", source]).returncode:
        raise SystemExit(f"{{source}} could not be installed. Check the network, then run this cell again.")
    importlib.invalidate_caches()

import gancourse

device = gancourse.setup()"""


def archive() -> str:
    """The released version that a set-up cell installs."""
    return f"{repository()}/archive/refs/tags/v{project()['version']}.zip"


def colab_badge(lesson: str) -> str:
    """A link that opens the student's notebook in Colab."""
    return f"[Open this lesson in Colab]({colab_address(lesson)})"


def read_lesson(path: Path) -> NotebookNode:
    """The notebook of a lesson's text, not executed. Raises GANCourseError for a mark that makes no sense."""
    notebook = jupytext.read(path, fmt="py:percent")
    cells = [_finished(cell, i, path.stem) for i, cell in enumerate(notebook.cells)]
    cells[0].source += f"\n\n{colab_badge(path.stem)}"
    _refuse_twins(cells, path)
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}}
    )


def _finished(cell: NotebookNode, index: int, lesson: str) -> NotebookNode:
    """The cell with nbgrader's metadata, a stable id and nothing else."""
    marks = {mark: cell.metadata[mark] for mark in MARKS if mark in cell.metadata}
    unknown = set(cell.metadata) - {*MARKS, "points", "tags", *JUPYTEXT_SPACING}
    if len(marks) > 1 or unknown:
        raise GANCourseError(
            f"{lesson}, cell {index + 1}: one mark of {', '.join(MARKS)}, not {sorted({*marks, *unknown})}."
        )
    mark, name = next(iter(marks.items()), (None, None))
    metadata = _metadata(mark, name, cell.metadata)
    source = _source(mark, name, cell.source, lesson)
    cell_id = metadata.get("nbgrader", {}).get("grade_id", f"cell-{index:03d}")
    new = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
    return new(source, metadata=metadata, id=cell_id)


def _source(mark: str | None, name: str | None, source: str, lesson: str) -> str:
    if mark == "setup":
        return SETUP.format(archive=archive()) + ("\n" + source if source.strip() else "")
    if mark == "check":
        call = f'check("{lesson[:2]}.{name}", {name}'
        return f"{call})\n### BEGIN HIDDEN TESTS\n{call}, hidden=True)\n### END HIDDEN TESTS"
    return source


def _metadata(mark: str | None, name: str | None, found: dict) -> dict:
    tags = list(found.get("tags", []))
    if "train" in tags:
        tags.append("nbval-ignore-output")
    if mark == "setup":
        tags.append("setup")
    metadata = {"tags": tags} if tags else {}
    kinds = {
        "setup": {"grade_id": "setup", "locked": True},
        "answer": {"grade_id": name, "solution": True},
        "check": {"grade_id": f"check-{name}", "grade": True, "locked": True},
        "given": {"grade_id": f"given-{name}", "locked": True},
        "written": {"grade_id": name, "grade": True, "solution": True},
    }
    if mark in kinds:
        nbgrader = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False} | kinds[
            mark
        ]
        if nbgrader["grade"]:
            nbgrader["points"] = int(found["points"])
        metadata["nbgrader"] = dict(sorted(nbgrader.items()))
    return metadata


def _refuse_twins(cells: list[NotebookNode], path: Path) -> None:
    ids = [cell.id for cell in cells]
    twins = sorted({i for i in ids if ids.count(i) > 1})
    if twins:
        raise GANCourseError(f"{path}: two cells are marked {', '.join(twins)}. Every mark needs its own name.")
