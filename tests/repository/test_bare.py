"""Every lesson alone, as on Colab: an environment without the course, a folder with nothing but the notebook, a GPU.

The notebook's own first cell installs the wheel, to which GANCOURSE_FROM points; there is no network. The GPU is
pretended (pretend_gpu): the lesson's training goes there, and nothing may be left behind. Here this is a rehearsal:
`gancourse.training.Trainer` takes four steps in the place of a training (GANCOURSE_REHEARSAL), and rehearsal.toml makes
the lessons' own loops and largest samples smaller. Nothing is learned, so a claim about what was learned is false:
an AssertionError is let pass, in cells marked as training and nowhere else. Any other exception fails, every other
cell must run without one, and each check must give all its points.

To save the start of Python, torch and a kernel, the lessons share an environment and a kernel, whose names are cleared
after each (%reset).

    GANCOURSE_FULL=1 python -m pytest tests/repository/test_bare.py -s

does the same with whole trainings on the CPU, every lesson in an environment of its own, four minutes each: then no
cell may raise, and the time to the first picture is printed.
"""

import json
import os
import shutil
import subprocess
import zipfile
from datetime import datetime
from functools import cache

import nbformat
import pytest
from repository.network import cut
from repository.rehearsal import FULL, lesson_text, printed, refuse_errors
from repository.wheels import bare_python, build_wheel, own_packages

from gancourse.authoring.build import write_notebook
from gancourse.authoring.project import ROOT, lesson_names
from gancourse.authoring.source import setup_cell

GPU_IS_THERE = """
import pretend_gpu
import gancourse.lesson
from gancourse.training import Trainer

gancourse.lesson.best_device = lambda cuda=pretend_gpu.CUDA: cuda
pretend_gpu.trained_on, pretend_gpu.kept = [], pretend_gpu.pretend_gpu()
pretend_gpu.kept.__enter__()
device = gancourse.ready()


def noting_run(self, note=pretend_gpu.trained_on.append, run=Trainer.run):
    note(next(self.ema.model.parameters()).device.type)
    run(self)


Trainer.run = noting_run
"""
WHERE = """
import pretend_gpu

print("trained on", *pretend_gpu.trained_on)
pretend_gpu.trained_on.clear()
%reset -f
"""
KERNEL = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def executed(wheel, tmp_path_factory):
    """The executed code cells of a lesson, and the folder that it was in."""
    names = lesson_names()
    groups = [[name] for name in names] if FULL else [names]

    @cache
    def group(number):
        folder = tmp_path_factory.mktemp("bare")
        return folder, run_alone(groups[number], wheel, folder)

    def lesson(name):
        folder, notebook = group(next(i for i, g in enumerate(groups) if name in g))
        return [c for c in notebook.cells if c.metadata["lesson"] == name and c.cell_type == "code"], folder

    return lesson


def run_alone(names, wheel, folder):
    """The executed notebook of lessons that are alone in their folder, by plain `jupyter nbconvert --execute`."""
    python, desk = bare_python(folder), folder / "desk"
    kernel = folder / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": [str(python), *KERNEL], "display_name": "bare", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    write_notebook(one_after_another(names), desk / f"{names[0]}.ipynb")
    command = [*cut(), str(python), "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors"]
    command += ["--KernelManager.transport=ipc", "--output-dir", "../done", f"{names[0]}.ipynb"]
    result = subprocess.run(command, cwd=desk, env=_environment(folder, wheel), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in desk.iterdir()] == [f"{names[0]}.ipynb"]
    assert (own_packages(folder) / "gancourse" / "__init__.py").is_file()
    return nbformat.read(folder / "done" / f"{names[0]}.ipynb", 4)


def one_after_another(names):
    """The lessons as one notebook; each cell knows its lesson. The GPU is found once the course is there."""
    whole = nbformat.v4.new_notebook()
    for name in names:
        notebook = lesson_text(name)
        if not FULL:
            notebook.cells.append(nbformat.v4.new_code_cell(WHERE, id="where"))
        for cell in notebook.cells:
            cell.metadata["lesson"], cell.id = name, f"{name}-{cell.id}"
        whole.metadata, whole.cells = notebook.metadata, whole.cells + notebook.cells
    if not FULL:
        setup = next(i for i, cell in enumerate(whole.cells) if cell.cell_type == "code")
        whole.cells.insert(setup + 1, nbformat.v4.new_code_cell(GPU_IS_THERE, id="gpu", metadata={"lesson": names[0]}))
    return whole


def _environment(folder, wheel):
    """Nothing of this user or checkout, and pip without an index: what it does not find it cannot install."""
    gpu = folder / "gpu"
    gpu.mkdir()
    shutil.copy(ROOT / "tests" / "pretend_gpu.py", gpu)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "JUPYTER_DATA_DIR": str(folder / "jupyter")}
    env |= {"GANCOURSE_FROM": str(wheel), "PIP_NO_INDEX": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return env if FULL else env | {"GANCOURSE_REHEARSAL": "1", "PYTHONPATH": str(gpu)}


def seconds_to_first_picture(cells):
    """From the first cell, which installs, to the end of the first one that shows a picture."""
    first = next(c for c in cells if any("image/png" in o.get("data", {}) for o in c.outputs))
    began, ended = cells[0].metadata.execution["iopub.execute_input"], first.metadata.execution["shell.execute_reply"]
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


@pytest.mark.slow
@pytest.mark.parametrize("name", lesson_names())
def test_a_lesson_alone_installs_the_course_and_runs_to_its_end(name, executed):
    code, folder = executed(name)
    refuse_errors(code)
    for cell in code:
        assert not [o for o in cell.outputs if o.get("name") == "stderr"], f"{cell.id} writes to stderr"
    assert printed(code[0]).startswith("Ready: ") and printed(code[0]).count("\n") == 1
    checks = [cell for cell in code if cell.metadata.get("nbgrader", {}).get("grade")]
    for cell in checks:
        assert cell.outputs[-1].data["text/plain"] == str(float(cell.metadata.nbgrader.points)), cell.id
    (progress,) = (cell for cell in code if "gancourse.show_progress(" in cell.source)
    assert f"{len(checks)} of {len(checks)} exercises passed" in printed(progress)
    assert FULL or printed(code[-1]).split().count("cuda") == 1, printed(code[-1])
    assert (folder / ".local" / "share" / "gancourse" / "passport.json").is_file()
    print(f"\n{name}: first picture after {seconds_to_first_picture(code):.0f} s")


def run_first_cell(python, folder, **env):
    """What a lesson's first cell says when a plain IPython runs it."""
    command = [python, "-m", "IPython", "--colors=NoColor", "--no-banner", "-c", setup_cell()]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PIP_NO_INDEX": "1", "OMP_NUM_THREADS": "1"} | env
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_an_installation_that_fails_says_what_to_do(tmp_path):
    result = run_first_cell(bare_python(tmp_path), tmp_path, GANCOURSE_FROM="gancourse-9.9-py3-none-any.whl")
    said = result.stdout + result.stderr
    assert "could not be installed from gancourse-9.9-py3-none-any.whl. pip said: " in said
    assert "put the wheel beside this notebook" in said and "run this cell again" in said
    assert "Traceback" not in said and len(said.strip().splitlines()) <= 4, said


@pytest.mark.slow
def test_an_older_version_is_replaced_and_nothing_else(wheel, tmp_path):
    python = bare_python(tmp_path)
    old = own_packages(tmp_path) / "gancourse"
    old.mkdir()
    (old / "__init__.py").write_text('__version__ = "0.0.9"\n')
    metadata = own_packages(tmp_path) / "gancourse-0.0.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gancourse\nVersion: 0.0.9\n")
    (metadata / "INSTALLER").write_text("pip\n")
    (metadata / "RECORD").write_text("gancourse/__init__.py,,\ngancourse-0.0.9.dist-info/METADATA,,\n")
    before = {path.name for path in own_packages(tmp_path).iterdir()}
    result = run_first_cell(python, tmp_path, GANCOURSE_FROM=str(wheel))
    assert result.stdout.startswith("Ready: gancourse "), result.stdout + result.stderr
    after = {path.name for path in own_packages(tmp_path).iterdir()}
    assert {name.partition("-")[0] for name in after - before} == {"gancourse"}


def test_where_the_course_is_the_cell_installs_nothing(wheel, tmp_path):
    python = bare_python(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(own_packages(tmp_path))
    result = run_first_cell(python, tmp_path, GANCOURSE_FROM="nowhere")
    assert result.stdout.startswith("Ready: gancourse "), result.stdout + result.stderr
