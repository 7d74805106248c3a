"""Every lesson where there is a GPU: its training goes there, and nothing is left behind.

The GPU is pretended (pretend_gpu), and the trainings are those of a rehearsal.
"""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from repository.rehearsal import lesson_text, printed, refuse_errors

from gancourse.authoring.project import lesson_names

BEFORE = """
import pretend_gpu
import gancourse.lesson
from gancourse.training import Trainer

gancourse.lesson.best_device = lambda: pretend_gpu.CUDA
pretending = pretend_gpu.pretend_gpu()
pretending.__enter__()
trained_on, run = [], Trainer.run


def noting_run(self):
    trained_on.append(next(self.ema.model.parameters()).device.type)
    run(self)


Trainer.run = noting_run
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", lesson_names())
def test_a_lesson_trains_on_the_gpu(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    monkeypatch.setenv("GANCOURSE_PASSPORT", str(tmp_path / "passport.json"))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    notebook = lesson_text(name)
    before, after = nbformat.v4.new_code_cell(BEFORE), nbformat.v4.new_code_cell("print(*trained_on)")
    notebook.cells = [before, *notebook.cells, after]
    NotebookClient(notebook, timeout=600, allow_errors=True, resources={"metadata": {"path": tmp_path}}).execute()
    refuse_errors([cell for cell in notebook.cells if cell.cell_type == "code"])
    assert printed(after).split().count("cuda") == 1, printed(after)
