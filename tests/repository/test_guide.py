"""The instructor's guide: every command in it is run by a test, most of them here and as they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from processes import run_command
from repository.documents import commands, is_run_by_the_classroom

from gancourse.authoring.lint import lint_course
from gancourse.authoring.project import ROOT
from gancourse.authoring.source import read_lesson
from gancourse.grading import sandbox

GUIDE = "docs/instructors.md"
LESSON = "01_vanilla_gan"

RUN_HERE = {
    "export GANCOURSE_HIDDEN_SEED=271828", "nbgrader generate_assignment 01_vanilla_gan --force",
    "nbgrader db student import students.csv", "gancourse grade 01_vanilla_gan",
    "gancourse class status 01_vanilla_gan", "nbgrader release_feedback 01_vanilla_gan",
    "gancourse class statistics 01_vanilla_gan", "gancourse grade 01_vanilla_gan --student ada",
    'nbgrader db assignment add 01_vanilla_gan --duedate="2026-12-01 23:59:00 UTC"',
    "gancourse grade 01_vanilla_gan --resume", "gancourse class plagiarism 01_vanilla_gan --out answers",
}  # fmt: skip
# Each by the name of a test that runs it, or of the target of make that does.
RUN_ELSEWHERE = {
    "gancourse doctor": "test_commands_of_the_readme_work_as_they_stand",
    'pip install -e ".[teach]"': "make test",
    'pip install -e ".[teach,postgres]"': "make test",
    "python3 -m venv .venv && source .venv/bin/activate": "make test",
    "jupyter lab": "test_a_score_and_a_comment_by_hand_reach_the_feedback",
    "python -m gancourse.authoring lint": "make check",
    "python -m gancourse.authoring answers": "test_the_command_prints_the_rates",
    "python -m gancourse.authoring mutants 03": "test_a_change_that_is_accepted_is_named_until_it_is_judged",
    "export NBGRADER_EXCHANGE=/srv/nbgrader/exchange": "test_export_holds_the_same_totals",
    "export GANCOURSE_GRADEBOOK=postgresql+psycopg://grader:PASSWORD@localhost/gancourse":
        "test_nbgraders_commands_work_with_two_graders_at_once",
    "sbatch --array=1-8 --wrap 'gancourse grade 01_vanilla_gan --part $SLURM_ARRAY_TASK_ID/8'":
        "test_two_workers_at_once_then_one_run_that_enters_all",
}  # fmt: skip
NOT_RUN = {
    "sudo apt install bubblewrap": "needs the administrator; .ci/run does the same",
    "sudo -u postgres createuser --pwprompt grader": "needs the administrator of a server",
    "sudo -u postgres createdb --owner grader gancourse": "needs the administrator of a server",
}


def test_every_command_of_the_guide_is_run_by_a_test():
    for command in commands(GUIDE):
        known = command in RUN_HERE or command in RUN_ELSEWHERE or command in NOT_RUN
        assert known or is_run_by_the_classroom(command), f"no test runs: {command}"
    assert set(commands(GUIDE)) >= RUN_HERE | RUN_ELSEWHERE.keys() | NOT_RUN.keys()


def test_the_tests_that_are_said_to_run_them_are_there():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for where in RUN_ELSEWHERE.values():
        assert where.startswith("make ") or f"def {where}(" in tests, where


def test_a_variant_under_a_new_name_has_the_same_checks(tmp_path):
    """As the guide says of exams and of lessons with submissions: the first two digits find the checks."""
    variant = tmp_path / f"{LESSON}_exam.py"
    shutil.copy(ROOT / "solutions" / f"{LESSON}.py", variant)
    sources = [cell.source for cell in read_lesson(variant).cells]
    assert any('check("01.train_step", train_step, hidden=True)' in source for source in sources)
    assert lint_course(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(bool(sandbox.available()), reason=f"no sandbox here: {sandbox.available()}")
def test_the_commands_of_the_guide_work_as_they_stand(tmp_path):
    """In their order, in a copy of the course with two students; one of them is late by a day."""
    for name in ("solutions", "lessons"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "students.csv").write_text("id,first_name,last_name,email\nada,Ada,L,ada@example.org\n")
    for student, day in (("ada", "2026-12-01"), ("ben", "2026-12-02")):  # as `nbgrader submit` and `collect` leave them
        folder = tmp_path / "submitted" / student / LESSON
        shutil.copytree(ROOT / "lessons" / LESSON, folder)
        (folder / "timestamp.txt").write_text(f"{day} 23:59:00 UTC")
        (folder / "submission_secret.txt").write_text(f"secret of {student}")
    _answer(tmp_path / "submitted" / "ben" / LESSON / f"{LESSON}.ipynb")
    env = _environment(tmp_path)
    for line in [command for command in commands(GUIDE) if command in RUN_HERE]:
        if line.startswith("export "):
            env |= dict(setting.split("=", 1) for setting in shlex.split(line)[1:])
            continue
        result = run_command(line, tmp_path, env)
        assert result.returncode == 0, f"{line}:\n{result.stdout}\n{result.stderr}"
    status = run_command(f"gancourse class status {LESSON}", tmp_path, env).stdout
    assert re.search(r"ben .*graded .*1 of 20 .*24\.0 h", status), status
    assert (tmp_path / "answers" / "submissions" / "ben" / "sample_noise.py").is_file()
    snippet = re.search(r"```python\n(.*?)```", (ROOT / GUIDE).read_text(encoding="utf-8"), re.DOTALL)[1]
    subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True)


def _answer(path: Path) -> None:
    """One right answer; the others stay as they were fetched."""
    notebook = nbformat.read(path, 4)
    cell = next(c for c in notebook.cells if c.id == "sample_noise")
    cell.source = cell.source.replace("raise NotImplementedError", "return torch.randn(n, latent_dim, device=device)")
    nbformat.write(notebook, path)


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    own = {"PATH": path, "HOME": str(folder), "NBGRADER_EXCHANGE": str(exchange)}
    return os.environ | own | {"COLUMNS": "120", "OMP_NUM_THREADS": "1"}
