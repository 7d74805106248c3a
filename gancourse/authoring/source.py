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

The badge of the first cell and a last cell, which shows the learner's progress, are added to every lesson.
"""

from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from gancourse.authoring.project import colab_address, project, repository
from gancourse.errors import GANCourseError

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
JUPYTEXT_SPACING = ("lines_to_next_cell", "lines_to_end_of_cell_marker")
PROGRESS_TAG = "progress"
MARKS = ("setup", "answer", "check", "given", "written", "predict")

FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # by JupyterLab, by Colab: its line of output stays
SETUP = """\
# @title Set-up: run this first
# Installs the course where it is missing or too old, and changes nothing where it is there. Then it says in one line
# whether everything is ready. To install from elsewhere, write a git address or the path of a wheel here:
import importlib
import os
import re
import subprocess
import sys

GANCOURSE_FROM = os.environ.get("GANCOURSE_FROM", "gancourse @ {archive}")


class NotInstalled(Exception):
    def _render_traceback_(self):
        return [str(self)]


def numbers(version):
    return [int(number) for number in re.findall(r"\\d+", version)[:3]]


def missing():
    try:
        return numbers(importlib.import_module("gancourse").__version__) < numbers("{version}")
    except (ImportError, AttributeError):
        return True


if missing():
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", GANCOURSE_FROM]
    result = subprocess.run(pip, capture_output=True, text=True)
    for name in [name for name in sys.modules if name.partition(".")[0] == "gancourse"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    if missing():
        said = (result.stderr.strip().splitlines() or ["nothing"])[-1]
        raise NotInstalled(f'''The course could not be installed from {{GANCOURSE_FROM}}. pip said: {{said}}
Is there a network? Without one, put the wheel beside this notebook and write its name in the line
GANCOURSE_FROM = "gancourse-{version}-py3-none-any.whl". Then run this cell again.''')

import gancourse

device = gancourse.ready()"""

PROGRESS = """\
# What you have passed is kept on this machine alone. All lessons: `gancourse progress` in a terminal.
gancourse.show_progress("{number}")"""


def archive() -> str:
    """The released version that a set-up cell installs."""
    return f"{repository()}/archive/refs/tags/v{project()['version']}.zip"


def setup_cell() -> str:
    """The first code of every lesson."""
    return SETUP.format(archive=archive(), version=project()["version"])


def colab_badge(lesson: str) -> str:
    """A link that opens the student's notebook in Colab."""
    return f"[Open this lesson in Colab]({colab_address(lesson)})"


def read_lesson(path: Path) -> NotebookNode:
    """The notebook of a lesson's text, not executed. Raises GANCourseError for a mark that makes no sense."""
    notebook = jupytext.read(path, fmt="py:percent")
    cells = [_finished(cell, i, path.stem) for i, cell in enumerate(notebook.cells)]
    cells[0].source += f"\n\n{colab_badge(path.stem)}"
    cells.append(_progress_cell(path.stem))
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


def _progress_cell(lesson: str) -> NotebookNode:
    """The last cell: not graded, and not compared, for it shows what one learner has done."""
    tags = {"tags": [PROGRESS_TAG, "nbval-ignore-output"]}
    return nbformat.v4.new_code_cell(PROGRESS.format(number=lesson[:2]), metadata=tags, id="progress")


def _source(mark: str | None, name: str | None, source: str, lesson: str) -> str:
    if mark == "setup":
        return setup_cell() + ("\n" + source if source.strip() else "")
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
    metadata = ({"tags": tags} if tags else {}) | (FOLDED if mark == "setup" else {})
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
