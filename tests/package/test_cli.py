"""The command line: what it makes, and what it says when it is called wrongly."""

import contextlib
import io
import json
import os
import subprocess
import sys

import pytest
import torch
from processes import run_module

from gancourse import cli
from gancourse.recipes.points import Points
from gancourse.recipes.runs import Run

PNG = b"\x89PNG"


def gancourse(*args, cwd=None, env=None):
    """Run the command as a user does, in a process of its own."""
    environment = os.environ | {"COLUMNS": "200", "TERM": "dumb"} | (env or {})
    return run_module("gancourse.cli", *args, cwd=cwd, env=environment)


def called(*args):
    """The same code as the command in this process, which has imported torch already: (exit code, output, errors)."""
    output, errors, sys_argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["gancourse", *map(str, args)]
    code = 0
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            cli.main()
    except SystemExit as stopped:
        code = stopped.code or 0
    finally:
        sys.argv = sys_argv
    return code, output.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def vanilla_run(tmp_path_factory):
    """A short run of the image recipe, and what was said."""
    folder = tmp_path_factory.mktemp("runs") / "vanilla"
    code, output, errors = called("train", "vanilla", "--budget", "smoke", "--out", folder)
    assert code == 0, errors
    return folder, output


def test_help_needs_no_torch():
    code = (
        "import sys; sys.argv = ['gancourse', '--help']\n"
        "from gancourse.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for command in ("train", "sample", "evaluate", "again", "runs", "doctor", "check"):
        assert command in result.stdout


def test_train_leaves_a_folder_to_look_at(vanilla_run):
    folder, said = vanilla_run
    config = json.loads((folder / "config.json").read_text())
    assert config["recipe"] == "vanilla" and config["seed"] == 0 and config["data"] == "embedded"
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["torch"] == torch.__version__ and environment["threads"] == 1
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {"images", "steps", "discriminator", "generator"} <= records[0].keys()
    assert records[-1]["n_real"] == 2000 and "extractor" in records[-1]
    samples = sorted((folder / "samples").glob("*.png"))
    assert len(samples) >= 2 and all(p.read_bytes().startswith(PNG) for p in samples)
    report = (folder / "report.md").read_text()
    assert all(f"samples/{p.name}" in report for p in samples) and "nfd" in report
    assert list((folder / "tensorboard").glob("events*"))
    assert "nfd" in said and "report.md" in said


def test_tensorboard_holds_losses_and_scores(vanilla_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(vanilla_run[0] / "tensorboard"))
    board.Reload()
    assert {"loss/discriminator", "loss/generator", "score/nfd"} <= set(board.Tags()["scalars"])


@pytest.mark.slow
def test_sample_and_evaluate_a_run(vanilla_run, tmp_path):
    folder, _ = vanilla_run
    result = gancourse("sample", folder, "--n", 30, "--out", tmp_path / "new" / "grid.png")
    assert result.returncode == 0 and (tmp_path / "new" / "grid.png").read_bytes().startswith(PNG)
    result = gancourse("evaluate", folder)
    assert result.returncode == 0 and "nfd" in result.stdout and "n_real" in result.stdout


@pytest.mark.slow
def test_a_complete_run_says_so_and_is_left_alone(vanilla_run):
    folder, _ = vanilla_run
    before = (folder / "checkpoint.pt").read_bytes()
    result = gancourse("train", "--resume", folder)
    assert result.returncode == 0 and "complete" in result.stdout
    assert (folder / "checkpoint.pt").read_bytes() == before


@pytest.mark.slow
def test_resume_reaches_the_same_end(tmp_path):
    recipe = Points.for_budget("smoke")
    for name in ("straight", "halved"):
        Run(tmp_path / name, recipe, "ring").start()
    assert gancourse("train", "--resume", tmp_path / "straight").returncode == 0
    half = Run.open(tmp_path / "halved").trainer()
    half.total_images //= 2
    half.learning_rate = lambda progress: 1.0  # the first half of the schedule
    half.run()
    assert gancourse("train", "points", "--resume", tmp_path / "halved").returncode == 0
    ends = [Run.open(tmp_path / name).generator().state_dict() for name in ("straight", "halved")]
    assert all(torch.equal(a, b) for a, b in zip(ends[0].values(), ends[1].values(), strict=True))


@pytest.mark.slow
def test_doctor_finds_this_machine_healthy():
    result = gancourse("doctor")
    assert result.returncode == 0, result.stdout
    for what in ("Python", "torch + torchvision", "device", "memory", "this folder", "data: fashion_mnist"):
        assert what in result.stdout


def test_doctor_names_the_command_that_repairs(tmp_path):
    """A package that is missing, seen through a meta path that hides it."""
    code = (
        "import importlib.metadata as m, gancourse.doctor as d\n"
        "real = m.version\n"
        "def version(name):\n"
        "    if name == 'typer': raise m.PackageNotFoundError(name)\n"
        "    return '0.1' if name == 'rich' else real(name)\n"
        "m.version = version\n"
        "found = {f.what: f for f in d._requirements()}\n"
        "assert found['typer'].good is False and 'pip install' in found['typer'].repair, found\n"
        "assert found['rich'].good is False and 'rich>=' in found['rich'].repair\n"
        "assert found['torch'].good is True\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture
def broken_run(tmp_path, vanilla_run):
    """Copies of a healthy run to be damaged, one way each."""

    def make(name, file, content):
        folder = tmp_path / name
        folder.mkdir()
        for part in ("config.json", "checkpoint.pt"):
            (folder / part).write_bytes((vanilla_run[0] / part).read_bytes())
        (folder / file).write_bytes(content)
        return folder

    return make


def _wrong_calls(tmp, broken):
    """(arguments, what the message must contain)."""
    (tmp / "empty").mkdir()
    (tmp / "file.txt").write_text("x")
    (tmp / "occupied").mkdir()
    (tmp / "occupied" / "config.json").write_text("{}")
    fine = broken("fine", "environment.json", b"{}")
    cut = broken("cut", "checkpoint.pt", b"PK half")
    garbled = broken("garbled", "config.json", b'{"recipe": "vanilla", ')
    foreign = broken("foreign", "config.json", b'{"recipe": "stylegan9", "data": "embedded"}')
    unknown = broken("unknown", "config.json", b'{"recipe": "vanilla", "flavour": 3, "data": "embedded"}')
    train = ("train", "vanilla", "--budget", "smoke", "--out", tmp / "new")
    return [
        (("train", "dcgun"), "Recipes: vanilla, points"),
        (("train",), "Name a recipe"),
        (("train", "vanilla", "--budget", "galactic"), "Budgets: smoke, laptop, gpu"),
        ((*train, "--data", tmp / "nowhere"), "There is no data"),
        ((*train, "--data", tmp / "empty"), "holds no picture"),
        ((*train, "--data", tmp / "file.txt"), "There is no data"),
        ((*train, "--set", "images=0"), "images must be above 0"),
        ((*train, "--set", "batch_size=-4"), "batch_size must be above 0"),
        ((*train, "--set", "batch_size=100000"), "more than all images of the run"),
        ((*train, "--set", "batch_size=100000", "--set", "images=9999999"), "10000 images"),
        ((*train, "--set", "learning_rate=fast"), "must be of type float"),
        ((*train, "--set", "learning_rate=nan"), "learning_rate must be"),
        ((*train, "--set", "flavour=red"), "has no number 'flavour'"),
        ((*train, "--set", "gamma"), "name=value"),
        ((*train, "--set", "betas=0.9"), "two numbers"),
        ((*train, "--set", "betas=0.9,1.5"), "betas must lie in"),
        ((*train, "--device", "tpu"), "Choose auto, cpu, cuda or mps"),
        ((*train, "--threads", "0"), "--threads must be at least 1"),
        (("train", "vanilla", "--out", tmp / "occupied"), "holds a run already"),
        (("train", "vanilla", "--budget", "smoke", "--out", tmp / "file.txt" / "run"), "could not be written"),
        (("train", "--resume", tmp / "empty"), "no run folder"),
        (
            ("train", "--resume", fine, "--budget", "smoke", "--seed", "1"),
            "--budget, --seed cannot be given with --resume",
        ),
        (("train", "--resume", fine, "--set", "gamma=1"), "keeps its gamma; only loading and workers may be set anew"),
        ((*train, "--seed", "1763812345000"), "seed must lie between 0 and 2^31 - 1"),
        (("sample", fine, "--seed", 2**64), "--seed must lie between"),
        (("train", "--resume", cut), "damaged"),
        (("train", "points", "--resume", cut), "is a run of 'vanilla'"),
        (("train", "points", "--data", "torus"), "Choose 'grid' or 'ring'"),
        (("sample", tmp / "nowhere"), "no run folder"),
        (("sample", cut), "damaged"),
        (("sample", garbled), "damaged"),
        (("sample", foreign), "There is no recipe 'stylegan9'"),
        (("sample", unknown), "has no number 'flavour'"),
        (("sample", cut, "--n", 0), "--n must lie between"),
        (("evaluate", tmp / "empty"), "no run folder"),
        (("check", tmp / "nowhere.ipynb"), "There is no file"),
        (("check", tmp / "file.txt"), "neither a notebook"),
    ]


def _tree(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_wrong_calls_end_in_one_message_and_exit_code_2_and_destroy_nothing(tmp_path, broken_run):
    """Through main() in this process: the same code as the command, thirty times faster."""
    calls = _wrong_calls(tmp_path, broken_run)
    assert len(calls) >= 15
    before = _tree(tmp_path)
    for arguments, message in calls:
        code, output, errors = called(*arguments)
        flat = " ".join(errors.split())
        assert code == 2, (arguments, code, output, errors)
        assert flat.startswith("Error: ") and message in flat, (arguments, flat)
        assert "Traceback" not in errors + output
        assert _tree(tmp_path) == before, f"{arguments} changed files"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample",), "Name the folder of a run"),
        (("frobnicate",), "No such command"),
        (("train", "vanilla", "--sed", "1"), "--sed"),
    ],
)
def test_wrong_calls_through_the_real_command(arguments, message):
    result = gancourse(*arguments)
    assert result.returncode == 2 and message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_no_permission_is_told():
    """In /proc not even root may make a folder."""
    code, _, errors = called("train", "vanilla", "--budget", "smoke", "--out", "/proc/run")
    assert code == 2 and "could not be written" in errors


@pytest.mark.slow
def test_checks_from_the_command_line_use_the_same_words(tmp_path):
    answers = tmp_path / "01_answers.py"
    answers.write_text(
        "import torch\n"
        "def sample_noise(n, latent_dim, device='cpu'):\n"
        "    return torch.rand(n, latent_dim, device=device)\n"
    )
    result = gancourse("check", answers)
    assert result.returncode == 1 and "uniform, not normal noise" in result.stdout
    assert gancourse("check", answers, "modes_covered").returncode == 2
    answers.write_text(answers.read_text().replace("rand(", "randn("))
    result = gancourse("check", answers, "sample_noise")
    assert result.returncode == 0 and "1 of 1 points" in result.stdout
