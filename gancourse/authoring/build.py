"""Build the course: executed solutions, the students' lessons (by nbgrader itself), the README's table of contents."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from gancourse.authoring.project import LESSONS, ROOT, SOLUTIONS, lesson_names, lesson_title
from gancourse.authoring.source import colab_badge, read_lesson
from gancourse.authoring.syllabus import write_syllabus
from gancourse.errors import GANCourseError

CELL_TIMEOUT = 300
WIDGET = "application/vnd.jupyter.widget-view+json"
CONTENTS = re.compile(r"(<!-- lessons: built by make course -->\n).*?(<!-- /lessons -->)", re.DOTALL)


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run a notebook as a learner would, in its own folder. Raises GANCourseError with the cell that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    with tempfile.TemporaryDirectory() as elsewhere:  # the passport is a learner's who begins with this lesson
        env = os.environ | {"PYTHONHASHSEED": "0", "GANCOURSE_PASSPORT": str(Path(elsewhere) / "passport.json")}
        try:
            client.execute(env=env)
        except CellExecutionError as error:
            raise GANCourseError(f"A cell of {folder.name} failed:\n{error}") from error
    return notebook


def canonical(notebook: NotebookNode) -> NotebookNode:
    """Leave out what changes from run to run and says nothing: widget states, versions, pieces of streams."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _merged(cell.outputs)
    return notebook


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Consecutive pieces of the same stream become one."""
    merged: list[NotebookNode] = []
    for output in outputs:
        data = output.get("data", {})
        data.pop(WIDGET, None)  # its state is not saved: the still picture beside it stays
        if "image/png" in data:
            data.pop("text/html", None)  # the same picture again
        if output.output_type == "display_data" and not data:
            continue  # it was the widget alone
        if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """One stable form: indent 1, sorted keys, one newline at the end."""
    nbformat.validate(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook, indent=1).rstrip("\n") + "\n", encoding="utf-8")


def build_solution(lesson: str) -> Path:
    """Execute a lesson's text into solutions/NN_name/NN_name.ipynb."""
    folder = SOLUTIONS / lesson
    notebook = canonical(execute(read_lesson(SOLUTIONS / f"{lesson}.py"), folder))
    path = folder / f"{lesson}.ipynb"
    write_notebook(notebook, path)
    return path


def release(lesson: str, lessons: Path = LESSONS) -> None:
    """Let nbgrader make the students' version of a built solution."""
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson, "--no-db", "--force"]
    command += [f"--CourseDirectory.root={ROOT}", f"--CourseDirectory.release_directory={lessons}"]
    with tempfile.TemporaryDirectory() as elsewhere:  # nbgrader leaves a log where it runs
        result = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    if result.returncode:
        raise GANCourseError(f"nbgrader could not make the students' version of {lesson}:\n{result.stderr[-2000:]}")


def contents(names: list[str]) -> str:
    """The README's table: a row a lesson, with its title and where to open it."""
    rows = ["| | lesson | |", "|---|---|---|"]
    for name in names:
        rows.append(f"| {name[:2]} | [{lesson_title(name)}](lessons/{name}/{name}.ipynb) | {colab_badge(name)} |")
    return "\n".join(rows) + "\n"


def write_contents(readme: Path = ROOT / "README.md") -> None:
    """Renew the part of the README between its two marks."""
    text = readme.read_text(encoding="utf-8")
    table = contents(lesson_names())
    readme.write_text(CONTENTS.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8")


def build(names: list[str]) -> None:
    """The whole course, or the named lessons of it."""
    unknown = set(names) - set(lesson_names())
    if unknown:
        raise GANCourseError(f"There is no lesson {', '.join(sorted(unknown))}. Lessons: {', '.join(lesson_names())}.")
    write_syllabus()
    for name in names or lesson_names():
        print(f"{name}: executing, this takes some minutes ...", flush=True)
        build_solution(name)
        release(name)
        print(f"{name}: built", flush=True)
    write_contents()
