"""Processes for tests that begin with torch, the package and nbgrader imported."""

import multiprocessing
import os
import runpy
import shlex
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess

from gancourse.recipes import MODULES

# The first optimiser of a process imports torch._dynamo, the first picture of a run tensorboard: seconds each.
RECIPES = [place.partition(":")[0] for place in MODULES.values()]
IMPORTED = ["gancourse.recipes.runs", *RECIPES, "torch.utils.tensorboard", "torch._dynamo", "nbgrader.apps"]


def warm_processes() -> ForkServerContext:
    """A context whose processes are forks of one that has imported all of that and nothing else.

    Python keeps one such server for all tests that run in a process, with the modules that the first of them asks for:
    so all ask for the same.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def run_module(module: str, *args: object, cwd: Path | None = None, env: dict | None = None) -> CompletedProcess[str]:
    """`python -m module args`, without the seconds that Python takes to import: output and exit status as ever."""
    words = [str(arg) for arg in args]
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        request = module, words, str(cwd or Path.cwd()), dict(os.environ if env is None else env), said
        child = warm_processes().Process(target=_as_main, args=request)
        child.start()
        child.join()
        stdout, stderr = (path.read_text(encoding="utf-8") for path in said)
    return CompletedProcess([module, *words], child.exitcode, stdout, stderr)


def run_command(line: str, cwd: Path, env: dict[str, str]) -> CompletedProcess[str]:
    """A command of the course or of nbgrader as people type it; both are modules too, which begin in the same place."""
    program, *args = shlex.split(line)
    assert program in ("gancourse", "nbgrader"), line
    return run_module(program, *args, cwd=cwd, env=env)


def _as_main(module: str, args: list[str], cwd: str, env: dict[str, str], said: list[Path]) -> None:
    """Become the command: its folder, environment, input and output; what it raises ends it as it ends Python."""
    for number, path in enumerate([Path(os.devnull), *said]):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.path[0] = [module, *args], cwd
    runpy.run_module(module, run_name="__main__", alter_sys=True)
