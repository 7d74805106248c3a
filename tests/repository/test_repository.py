"""The repository as a whole: layers, ranges, the README's commands and figures, and what must not be in it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from browser.served import free_port, stop
from processes import run_command
from repository.documents import commands, is_run_by_the_classroom
from repository.rehearsal import FULL

from gancourse import cli
from gancourse.authoring.project import ROOT

FLOORS = {
    "errors": -1, "files": -1, "cards": -1, "tiling": -1, "__init__": 0, "data": 0, "nets": 0, "objectives": 0,
    "training": 1, "metrics": 1, "show": 1, "lesson": 1, "recipes": 2, "doctor": 3, "first_cell": 3,
    "passport": 3,
    "cli": 3, "__main__": 4, "export": 3, "widgets": 3, "checks": 3, "grading": 3, "authoring": 3,
}  # fmt: skip
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def _imports(path: Path) -> set[str]:
    """The rooms of gancourse that a file imports, also inside functions."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            names += [f"gancourse.{alias.name}" for alias in node.names if node.module == "gancourse"]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("gancourse.")} & FLOORS.keys()
    return rooms


def test_no_import_runs_back_up_and_the_ground_floor_rooms_know_nothing_of_each_other():
    wrong = []
    for path in (ROOT / "gancourse").rglob("*.py"):
        room = path.relative_to(ROOT / "gancourse").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for other in _imports(path) - {room}:
            if FLOORS[other] > FLOORS[room] or (FLOORS[room] == FLOORS[other] == 0):
                wrong.append(f"{path.name} of {room} imports {other}")
    assert not wrong


def test_training_knows_no_gan():
    for path in (ROOT / "gancourse" / "training").glob("*.py"):
        assert not _imports(path) & {"nets", "objectives", "data", "metrics", "show"}


def _requirements(lines: list[str]) -> dict[str, str]:
    return {re.split("[<>=!~]", line, maxsplit=1)[0]: re.sub(r"^[a-z0-9_.-]+", "", line) for line in lines}


def test_environment_yml_has_the_ranges_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = _requirements(project["dependencies"])
    for extra in ("lab", "teach"):
        wanted |= _requirements([r for r in project["optional-dependencies"][extra] if not r.startswith("gancourse")])
    wanted = {CONDA_NAMES.get(name, name): bounds for name, bounds in wanted.items()}
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["channels"] == ["conda-forge"]
    given = _requirements([d for d in conda["dependencies"] if isinstance(d, str)])
    assert given.pop("python") == project["requires-python"]
    assert given.pop("pip") == ""
    assert given == wanted


def test_dependencies_are_ranges_not_pins_and_the_notebook_stack_is_an_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    everything = project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]
    assert not [r for r in everything if "==" in r]
    core = _requirements(project["dependencies"])
    assert all(bounds.startswith(">=") and "," not in bounds for bounds in core.values())
    assert not core.keys() & {"jupyterlab", "notebook", "nbgrader", "nbval", "ipykernel"}


def test_versions_agree():
    import gancourse

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == gancourse.__version__


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_public_address_is_one_setting():
    """Everything generated reads it from pyproject.toml; nobody else writes it down."""
    address = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    generated = {".ipynb"}
    named = [
        p for p in _tracked() if p.suffix in {".py", ".md", ".yml", ".toml", ".css"} and p.name != "pyproject.toml"
    ]
    outside = [str(p) for p in named if address in p.read_text(encoding="utf-8") and p.suffix not in generated]
    assert [Path(p).name for p in outside] in ([], ["README.md"])


def test_links_in_markdown_lead_somewhere():
    for path in _tracked():
        if path.suffix == ".md":
            for target in re.findall(r"\]\((?!http|#|\{\{)([^)\s]+)\)", path.read_text(encoding="utf-8")):
                assert (path.parent / target.split("#")[0]).exists(), f"{path.name} links to {target}"


README = (ROOT / "README.md").read_text(encoding="utf-8")


# Each command of the README, and what runs it.
RUN_HERE = {
    "gancourse doctor", "gancourse train vanilla",
    "gancourse sample runs/vanilla-0", "gancourse evaluate runs/vanilla-0",
    "gancourse export runs/vanilla-0", "gancourse sample --onnx runs/vanilla-0/generator.onnx",
    "gancourse runs", "gancourse runs --plot runs/scores.png --csv runs/all.csv",
    "gancourse check lessons/01_vanilla_gan/01_vanilla_gan.ipynb",
    "gancourse progress", "gancourse progress --export progress.html",
}  # fmt: skip
RUN_ELSEWHERE = {
    "gancourse grade 01_vanilla_gan": "test_the_commands_of_the_guide_work_as_they_stand",
    "gancourse class statistics 01_vanilla_gan": "test_the_commands_of_the_guide_work_as_they_stand",
    "make lab": "test_make_lab_serves_lesson_1",
    "make test": "it is what runs this test",
    "make site": "tests/browser/test_site.py builds the site by the same script, without the decks",
    "gancourse again runs/vanilla-0": "test_a_run_is_made_again_bit_for_bit_by_one_command, on a smaller run",
    "pytest --nbval solutions/": "the second half of make test",
    'pip install -e ".[teach]"': "the environment of make test, whose extra contains it",
    "python3 -m venv .venv && source .venv/bin/activate": "the Makefile's rule for the environment",
}
NOT_RUN = {
    "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu": "needs PyTorch's own index"
}


def test_every_command_of_the_readme_is_run_by_a_test():
    for command in commands("README.md"):
        known = command in RUN_HERE or command in RUN_ELSEWHERE or command in NOT_RUN
        assert known or is_run_by_the_classroom(command), f"no test runs: {command}"


def test_the_command_is_the_module():
    (command,) = entry_points(group="console_scripts", name="gancourse")
    assert command.load() is cli.main


@pytest.mark.slow
def test_commands_of_the_readme_work_as_they_stand(tmp_path):
    """In their order, in a folder with the lessons; the training, which lesson 1 does whole, is cut short."""
    shutil.copytree(ROOT / "lessons", tmp_path / "lessons")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in [c for c in commands("README.md") if c in RUN_HERE]:
        cut = [] if FULL or not command.startswith("gancourse train") else ["--budget", "smoke"]
        result = run_command(" ".join([command, *cut]), tmp_path, os.environ | {"PATH": path})
        expected = 1 if command.startswith("gancourse check") else 0  # an untouched lesson has no points yet
        assert result.returncode == expected, f"{command}:\n{result.stdout}\n{result.stderr}"
    assert (tmp_path / "runs" / "vanilla-0" / "report.md").is_file()


@pytest.mark.parametrize("name", re.findall(r"<!-- results: (\w+) -->", README))
def test_figures_of_the_readme_are_the_measured_ones(name):
    shown = re.search(rf"<!-- results: {name} -->\n(.*?)<!-- /results -->", README, re.DOTALL)[1]
    assert shown == (ROOT / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8")


def test_make_has_the_targets_that_are_promised():
    text = (ROOT / "Makefile").read_text() + (ROOT / ".ci" / "run").read_text()
    for target in set(re.findall(r"`make (\w+)", README)) | {"lab", "test", "check", "course", "slides"}:
        assert f"\n{target}:" in text
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_what_make_starts_may_keep_what_it_compiles():
    command = ["make", "--silent", "--eval=probe: ; @env", "probe"]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "KEPT": "1"}
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "KEPT=1" in said and not [line for line in said if line.startswith("PYTHONDONTWRITEBYTECODE=")]


def test_make_test_finds_every_test():
    """It names the files, tests/FOLDER/test_NAME.py, to have the long ones first."""
    assert not [p for p in (ROOT / "tests").rglob("test_*.py") if len(p.relative_to(ROOT).parts) != 3]


@pytest.mark.slow
def test_make_lab_serves_lesson_1(tmp_path):
    """HTTP 200 for the lesson, a kernel that starts and can import gancourse; no second installation."""
    from jupyter_client.manager import start_new_kernel

    port = free_port()
    prefix = Path(sys.prefix)
    if not list(prefix.glob(".gancourse-*")):
        pytest.skip("this environment was not made by make: make lab would install into it")
    env = os.environ | {"VIRTUAL_ENV": str(prefix), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    arguments = "--no-browser --ServerApp.token= --ServerApp.password="
    command = ["make", "lab", f"PORT={port}", f"LAB_ARGS={arguments}"]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            page = _fetch(
                f"http://127.0.0.1:{port}/lab/tree/01_vanilla_gan/01_vanilla_gan.ipynb", server, tmp_path / "log"
            )
            assert "JupyterLab" in page
            contents = _fetch(
                f"http://127.0.0.1:{port}/api/contents/01_vanilla_gan/01_vanilla_gan.ipynb?content=0",
                server,
                tmp_path / "log",
            )
            assert '"notebook"' in contents
        finally:
            stop(server)
    assert "01_vanilla_gan" in (tmp_path / "log").read_text()
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        reply = client.execute_interactive(
            "import gancourse; gancourse.setup()", timeout=60, output_hook=lambda m: None
        )
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _fetch(address: str, server: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return answer.read().decode()
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)


def test_nothing_of_a_machine_is_in_the_repository():
    """No absolute path of somebody's machine and no address of a package registry."""
    forbidden = re.compile(r"/(home|Users|root)/\w|file://|pypi\.org/simple|registry\.npmjs")
    for path in _tracked():
        if path.suffix in {".py", ".md", ".toml", ".yml", ".cfg", ".ipynb", ".json", ".css"} and path != Path(__file__):
            found = forbidden.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found[0]}"
