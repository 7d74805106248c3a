"""Long runs: what a folder keeps, when a run is ended and why, how it is made again and compared with others."""

import contextlib
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gancourse import cli
from gancourse.data import ring
from gancourse.errors import (
    CheckpointError,
    GANCourseError,
    ProcessLost,
    TrainingError,
    TrainingInterrupted,
    TrainingStopped,
)
from gancourse.metrics import relative_spread, spread
from gancourse.nets import PointGenerator
from gancourse.recipes import MODULES, provenance, recipe_class
from gancourse.recipes.overview import as_csv, chosen, comparison, find_runs, summarise
from gancourse.recipes.points import Points
from gancourse.recipes.runs import Run
from gancourse.recipes.state import RunState, is_running, read_state
from gancourse.recipes.watching import Options, first_batch
from gancourse.training import (
    Course,
    JsonLines,
    Monitor,
    ProgressBar,
    Trainer,
    collapsed,
    exploding,
    load_checkpoint,
    narrowed,
    read_json_lines,
    saturated,
    stalled,
)
from gancourse.widgets.monitor import monitor_run

CURVES = json.loads((Path(__file__).parent / "curves.json").read_text(encoding="utf-8"))
RULES = (exploding, collapsed, saturated, narrowed("spread", lasting=True))
SMALL = {"width": 8, "batch_size": 16, "images": 1600, "record_every": 10}


def _run(folder, recipe=None, options=None, **changes):
    run = Run(folder, recipe or Points.for_budget("smoke", **(SMALL | changes)), "ring", options=options)
    run.start()
    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A complete run on the ring, scored eight times."""
    numbers = {"width": 64, "batch_size": 64, "images": 64 * 240, "record_every": 30, "learning_rate": 3e-3}
    recipe = Points.for_budget("smoke", ema_half_life=1000.0, **numbers)
    run = _run(tmp_path_factory.mktemp("runs") / "first", recipe, Options(scores=8))
    run.train()
    return run


def _command(*arguments):
    """The command line in this process. Returns the exit code."""
    before, sys.argv = sys.argv, ["gancourse", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as ended:
        return ended.code
    finally:
        sys.argv = before


# What a folder keeps.


def test_a_folder_says_what_was_done_where_and_how_it_ended(trained):
    config = json.loads((trained.folder / "config.json").read_text())
    assert config["seed"] == 0 and config["data"] == "ring" and config["options"]["scores"] == 8
    made = trained.environment()
    assert {"torch", "git", "command", "threads", "folder"} <= made.keys() and isinstance(made["command"], str)
    state = read_state(trained.folder)
    assert state["state"] == "complete" and state["images"] == 64 * 240 and state["seconds"] > 0
    assert state["floor"] == pytest.approx(trained.recipe.floor("ring"))
    report = (trained.folder / "report.md").read_text()
    assert "| best | last |" in report and "Real data against real data" in report


def test_best_and_last_are_the_generators_of_their_scores(trained):
    """Scored again, each gives the numbers that were recorded, and best is the least of all."""
    scored = trained.scored()
    assert len(scored) == 8
    best = min(scored, key=lambda record: record["misplaced"])
    score = trained.recipe.scorer("ring")
    for which, record in (("best", best), ("last", scored[-1])):
        again = score(trained.generator(which))
        assert all(again[name] == record[name] for name in again)
    assert load_checkpoint(trained.folder / "best.pt")["images"] == best["images"]
    assert trained.best_scores() == best and trained.last_scores() == scored[-1]


def test_tensorboard_holds_pictures_distributions_and_signs(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(trained.folder / "tensorboard"), size_guidance={"images": 0})
    board.Reload()
    tags = board.Tags()
    assert tags["images"] == ["samples"] and len(board.Images("samples")) == 8
    for name in (
        "logits/real",
        "logits/fake",
        "weights/generator/net.0.weight",
        "gradients/discriminator/net.0.weight",
    ):
        assert name in tags["histograms"], tags["histograms"]
    assert {"loss/generator", "score/misplaced", "signs/spread", "signs/told_apart"} <= set(tags["scalars"])


@pytest.mark.slow
def test_training_data_are_loaded_once(tmp_path, monkeypatch):
    loads, load = [], Points.load_data
    monkeypatch.setattr(Points, "load_data", lambda self, *a: loads.append(a) or load(self, *a))
    run = Run(tmp_path / "run", Points.for_budget("smoke", **SMALL), "ring")
    run.start()
    run.train()
    assert loads == [("ring",)] * 2  # to train on, and the held-out ones: the floor needs no more
    assert read_state(run.folder)["floor"] == pytest.approx(run.recipe.floor("ring"))


def test_one_process_at_a_time_trains_in_a_folder(tmp_path):
    run = _run(tmp_path / "run")
    with RunState(run.folder).held():
        assert is_running(run.folder) and summarise(run.folder).state == "running"
        with pytest.raises(CheckpointError, match=r"trained by another process.*nothing was changed"):
            Run.open(run.folder).train()
    assert not is_running(run.folder) and not run.checkpoint.exists()


def test_a_step_behind_the_last_finite_loss_is_not_saved(tmp_path):
    """The loss of a step is computed before its update: weights of NaN must not replace the good checkpoint."""
    trainer = _run(tmp_path / "run").trainer()
    trainer.save()
    with torch.no_grad():
        next(trainer.players["generator"].parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"weights of the generator are no longer numbers.*checkpoint.pt"):
        trainer.save()
    assert all(w.isfinite().all() for w in load_checkpoint(trainer.checkpoint)["players"]["generator"].values())


def test_saving_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    """A slow disk is written to less often; the end is always saved."""
    now, saved = [0.0], []
    monkeypatch.setattr("gancourse.training.loop.time.monotonic", lambda: now[0])

    def slow(path, state):
        now[0] += 1.0
        saved.append(state["steps"])

    monkeypatch.setattr("gancourse.training.loop.save_checkpoint", slow)

    class Clock(Monitor):
        def record(self, trainer, losses):
            now[0] += 20.0

    recipe = Points.for_budget("smoke", **SMALL)
    players = recipe.players(ring())
    recipe.trainer(
        players, recipe.batches(ring()), recipe.step(players), monitors=[Clock()], checkpoint=tmp_path / "c.pt"
    ).run()
    assert saved == [10, 40, 70, 100]  # 1 s of saving is followed by at least 50 s without


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    """No file may grow beyond a limit, each time one at which another file does not fit; then the run goes on."""
    straight = _run(tmp_path / "straight")
    straight.train()
    wanted, soft_hard = load_checkpoint(straight.checkpoint), resource.getrlimit(resource.RLIMIT_FSIZE)
    places = ("checkpoint.pt", "samples/*", "tensorboard/*", "losses.png", "metrics.jsonl")
    refused = 0
    for limit in [min(p.stat().st_size for p in straight.folder.glob(place)) - 1 for place in places]:
        run = _run(tmp_path / f"full-{limit}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, soft_hard[1]))
        try:
            run.train()
        except CheckpointError as error:
            refused += 1
            assert re.search(
                r"could not be written: .*(File too large|disk is probably full).*Free some space", str(error)
            ), error
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, soft_hard)
        run = Run.open(run.folder)
        run.train()
        _assert_same(load_checkpoint(run.checkpoint)["ema"], wanted["ema"])
        assert run.records() == straight.records() and (run.folder / "report.md").is_file()
    assert refused == len(places)


def _assert_same(a, b):
    assert a.keys() == b.keys() and a["updates"] == b["updates"]
    assert all(torch.equal(a["model"][name], b["model"][name]) for name in a["model"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_record_that_does_not_fit_is_told(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.symlink_to("/dev/full")
    lines = JsonLines(path)
    trainer = Points.for_budget("smoke", **SMALL)
    players = trainer.players(ring())
    with pytest.raises(CheckpointError, match="No space left"):
        lines.add(trainer.trainer(players, trainer.batches(ring()), trainer.step(players)), {"loss": 1.0})


# How a run is made again, and compared.


@pytest.mark.slow
def test_a_run_is_made_again_bit_for_bit_by_one_command(trained, capsys):
    torch.set_num_threads(1)
    assert _command("again", trained.folder) == 0
    said = " ".join(capsys.readouterr().out.split())
    made = Run.open(Path(f"{trained.folder}-again"))
    assert "The same as" in said and "bit for bit, in all of 16 readings" in said
    assert made.records() == trained.records() and made.config == trained.config
    _assert_same(load_checkpoint(made.checkpoint)["ema"], load_checkpoint(trained.checkpoint)["ema"])


class CtrlC(Monitor):
    """Pressed within the step that follows this record."""

    def __init__(self, images):
        self.images = images

    def record(self, trainer, losses):
        if trainer.images == self.images:
            trainer.step = self._pressed(trainer.step)

    def _pressed(self, step):
        def pressed(real, number):
            os.kill(os.getpid(), signal.SIGINT)
            return step(real, number)

        return pressed


@pytest.mark.slow
def test_a_run_that_was_interrupted_reads_at_the_same_moments(tmp_path):
    straight, interrupted = _run(tmp_path / "straight"), _run(tmp_path / "interrupted")
    straight.train()
    first = straight.records()[0]["images"]
    with pytest.raises(TrainingInterrupted):
        interrupted.train((CtrlC(first),))
    stopped = load_checkpoint(interrupted.checkpoint)["images"]
    assert stopped == first + straight.recipe.batch_size  # between two records
    Run.open(interrupted.folder).train()
    assert [r["images"] for r in interrupted.records()] != [r["images"] for r in straight.records()]
    assert interrupted.readings() == straight.readings()


@pytest.mark.slow
def test_a_report_of_an_early_end_is_not_taken_for_the_end(tmp_path):
    run = _run(tmp_path / "run")
    run.train()
    run.write_report("It had collapsed.")
    state = run.folder / "state.json"
    state.write_text(json.dumps(read_state(run.folder) | {"state": "interrupted"}))
    assert Run.open(run.folder).train() and "collapsed" not in (run.folder / "report.md").read_text()
    assert read_state(run.folder)["state"] == "complete" and not Run.open(run.folder).train()


@pytest.mark.slow
def test_a_picture_of_somebody_elses_among_the_samples_is_passed_over(tmp_path):
    run = _run(tmp_path / "run")
    (run.folder / "samples").mkdir(exist_ok=True)
    (run.folder / "samples" / "mine.png").write_bytes(b"mine")
    run.train()
    assert read_state(run.folder)["state"] == "complete" and "mine" not in (run.folder / "report.md").read_text()
    assert monitor_run(run.folder) is not None


def test_a_lost_process_is_a_failure_not_a_divergence(tmp_path):
    state = RunState(tmp_path)
    with pytest.raises(ProcessLost), state.held():
        raise ProcessLost("gone")
    assert read_state(tmp_path)["state"] == "failed"


def test_a_size_that_no_network_has_is_told_before_a_folder_is_made(tmp_path, capsys):
    folder = tmp_path / "odd"
    assert _command("train", "dcgan", "--budget", "smoke", "--set", "size=30", "--out", folder) == 2
    assert "30" in capsys.readouterr().err and not folder.exists()


@pytest.mark.slow
def test_larger_images_are_scored_at_the_size_that_the_classifier_knows(tmp_path):
    recipe = recipe_class("dcgan").for_budget("smoke", size=64, images=64)
    run = Run(tmp_path / "large", recipe, "embedded", options=Options(scores=1))
    run.start()
    run.train()
    assert run.loaded.shape == (1, 64, 64) and run.last_scores()["nfd"] > 5 * read_state(run.folder)["floor"] > 0


@pytest.mark.slow
def test_a_name_in_brackets_is_shown_as_it_is(tmp_path, capsys):
    folder = tmp_path / "lr[a=1]"
    assert _command("train", "points", "--budget", "smoke", "--data", "ring", "--out", folder) == 0
    assert "lr[a=1]/report.md" in capsys.readouterr().out
    assert _command("train", "--resume", folder) == 0 and "lr[a=1] is complete" in capsys.readouterr().out
    assert _command("sample", folder) == 0 and "lr[a=1]/sample.png" in capsys.readouterr().out


def test_a_run_in_this_very_folder_is_made_again_beside_it(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert cli._free_folder(Path(".")) == tmp_path / "mine-again"
    assert cli._free_folder(Path("runs/mine")) == Path("runs/mine-again")


def test_a_checkout_of_something_else_is_not_the_packages_revision(tmp_path, monkeypatch):
    package = tmp_path / "venv" / "provenance.py"
    package.parent.mkdir()
    package.write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "mine"], check=True)
    monkeypatch.setattr(provenance, "__file__", str(package))
    assert provenance.git_revision() is None
    subprocess.run([*git, "add", "venv"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "its own"], check=True)
    assert re.fullmatch(r"[0-9a-f]{7,}", provenance.git_revision())


@pytest.mark.slow
def test_a_like_run_with_another_number_says_what_came_of_it(trained, tmp_path, capsys):
    (trained.folder / "environment.json").write_text(json.dumps(trained.environment() | {"torch": "1.0"}))
    assert _command("again", trained.folder, "--out", tmp_path / "other", "--set", "learning_rate=0.002") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Not as it was: torch: 1.0 then" in said
    assert re.search(r"Not the same as \S+: misplaced at the end is [01]\.\d+ now and was [01]\.\d+ then", said)
    assert Run.open(tmp_path / "other").recipe.learning_rate == 0.002


@pytest.fixture
def shelf(tmp_path, trained):
    """A folder with runs in every state, and with what is none."""
    (tmp_path / "notes").mkdir()
    for name, content in (("torn", '{"recipe": "po'), ("foreign", '{"recipe": "nobody"}'), ("list", "[1]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(content)
    _run(tmp_path / "new")
    killed = _run(tmp_path / "killed")
    (killed.folder / "metrics.jsonl").write_bytes(b'{"images": 160, "generator": 1.0}\n{"ima\xff')
    (killed.folder / "state.json").write_text('{"state": "running", "seconds": 3.0}')
    better = _run(tmp_path / "better", seed=1, learning_rate=5e-3)
    better.train()
    os.symlink(trained.folder, tmp_path / "first")
    return tmp_path


@pytest.mark.slow
def test_runs_are_listed_compared_and_drawn_whatever_lies_there(shelf, capsys):
    plot, table = shelf / "out" / "plot.png", shelf / "out" / "table.csv"
    assert _command("runs", shelf, "--plot", plot, "--csv", table) == 0
    said = capsys.readouterr().out
    for word in ("no run", "damaged", "new", "killed", "complete", "misplaced"):
        assert word in said
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert len(table.read_text().splitlines()) == 1 + 8 and "there is no config.json" in table.read_text()


@pytest.mark.slow
def test_runs_are_sorted_and_chosen(shelf):
    found = [summarise(path) for path in find_runs(shelf)]
    assert find_runs(shelf / "better") == [shelf / "better"]
    complete = chosen(found, "best", recipe="points", state="complete")
    assert [Path(s.folder).name for s in complete] == sorted(
        ("first", "better"), key=lambda name: Run.open(shelf / name).best_scores()["misplaced"]
    )
    assert all(s.best <= s.last and s.floor < 0.1 and s.images == s.total for s in complete)
    by_time = [s.seconds for s in chosen(found, "time")]
    assert by_time == sorted(by_time, key=lambda s: (s is None, s or 0))
    assert "first (seed 0) ends at misplaced" in comparison(found).alt
    assert as_csv(found).splitlines()[0].startswith("folder,state,recipe,data,seed")
    with pytest.raises(GANCourseError, match="nothing to draw"):
        comparison([s for s in found if s.state != "complete"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("runs", "NOWHERE"), "There is no folder"),
        (("runs", "RUN", "--sort", "colour"), "There is no order 'colour'"),
        (("runs", "RUN", "--plot", "/dev/null/scores.png"), "Choose another place with --plot"),
        (("runs", "RUN", "--csv", "/dev/null/all.csv"), "Choose another place with --csv"),
        (("again", "NOWHERE"), "no run folder"),
        (("again", "RUN", "--out", "RUN"), "holds a run already"),
        (("again", "RUN", "--set", "flavour=red"), "has no number 'flavour'"),
        (("sample", "RUN", "--which", "middle"), "Choose last or best"),
        (("sample", "NEW", "--which", "best"), "keeps no best checkpoint"),
        (("train", "points", "--scores", "0", "--out", "NOWHERE"), "scores must be at least 1"),
        (("train", "points", "--patience", "-1", "--out", "NOWHERE"), "patience at least 0"),
        (("train", "points", "--set", "schedule=stairs", "--out", "NOWHERE"), "constant, linear, cosine"),
        (("train", "points", "--set", "warmup=99999999", "--out", "NOWHERE"), "warmup must lie between"),
    ],
)
def test_wrong_calls_are_told(trained, tmp_path, capsys, arguments, message):
    new = _run(tmp_path / "new")
    places = {"RUN": trained.folder, "NEW": new.folder, "NOWHERE": tmp_path / "nowhere"}
    assert _command(*(places.get(a, a) for a in arguments)) == 2
    said = capsys.readouterr()
    assert message in " ".join(said.err.split()) and "Traceback" not in said.err + said.out
    assert not (tmp_path / "nowhere").exists()


# When a run is ended.


def _course(total=10_000, **series):
    """Records at every hundredth of a run; a series is a function of the share of it that is over."""
    length = len(next(iter(series.values())))
    images = [round((i + 1) / length * total) for i in range(length)]
    records = [{"images": n, **{name: values[i] for name, values in series.items()}} for i, n in enumerate(images)]
    losses = tuple(name for name in series if name in ("discriminator", "critic", "generator"))
    return Course(records, losses, total, steps=10_000)


def test_rules_speak_about_what_is_broken():
    calm = [1.0] * 98
    assert "generator loss has exploded: it is 500" in exploding(_course(generator=[*calm, 400.0, 500.0]))
    assert "critic loss has exploded" in exploding(_course(critic=[3000.0, -5000.0] * 50))
    assert "vary 3.0 % as much" in collapsed(_course(spread=[0.9] * 80 + [0.03] * 20))
    won = _course(discriminator=[1.0] * 50 + [1e-3] * 50, told_apart=[0.8] * 50 + [1.0] * 50)
    assert "its loss is 0.001" in saturated(won)
    lost = "is no longer made: recall is 0.2, and was 0.5 at 5,000 images"
    assert lost in narrowed("recall")(_course(recall=[0.3, 0.5, 0.6 * 0.49, 0.2]))
    assert "spread is 0.4, and was 0.9 at 8,500 images" in narrowed("spread", True)(
        _course(spread=[0.9] * 85 + [0.4] * 15)
    )
    assert "not become better than 0.2 in 3 evaluations" in stalled("nfd", 3)(_course(nfd=[0.5, 0.2, 0.3, 0.4, 0.21]))


def test_rules_are_silent_about_what_is_not():
    calm = [1.0] * 98
    assert exploding(_course(generator=[*calm, 500.0, 2.0])) is None  # once
    assert exploding(_course(generator=[1e5, *calm])) is None  # at first
    assert collapsed(Course(_course(spread=[0.01] * 100).records[:20], (), 10_000, 10_000)) is None  # at first
    assert collapsed(Course(_course(spread=[0.01] * 100).records, (), 10_000, 300)) is None  # in so few steps
    assert collapsed(_course(spread=[0.9] * 97 + [0.01] * 3)) is None  # not for long
    assert saturated(_course(discriminator=[1e-3] * 100, told_apart=[0.9] * 100)) is None  # not never wrong
    assert saturated(_course(critic=[1e-3] * 100, told_apart=[1.0] * 100)) is None  # a distance has no ceiling
    assert stalled("nfd", 3)(_course(nfd=[0.5, 0.2, 0.3, 0.4])) is None
    assert stalled("nfd", 1)(_course(generator=calm)) is None  # never scored
    assert narrowed("recall")(_course(recall=[0.5, 0.31])) is None  # not by half
    assert narrowed("recall")(_course(recall=[0.09, 0.01])) is None  # there was not much to lose
    assert narrowed("recall")(_course(recall=[0.2, 0.5])) is narrowed("recall")(_course(spread=calm)) is None
    assert narrowed("spread", True)(_course(spread=[0.9] * 97 + [0.4] * 3)) is None  # not for long


@pytest.mark.parametrize("name", CURVES["runs"])
def test_no_rule_speaks_in_a_healthy_run(name):
    """What the laptop budgets recorded, at each moment of the run."""
    run = CURVES["runs"][name]
    records = [dict(zip(run["names"], values, strict=True)) for values in run["records"]]
    losses = tuple(n for n in run["names"] if n in ("discriminator", "critic", "generator", "steepness"))
    for moment in range(1, len(records) + 1):
        course = Course(records[:moment], losses, run["total"], steps=10_000)
        assert [rule(course) for rule in RULES] == [None] * len(RULES)


def test_the_healthy_curves_are_of_every_recipe():
    assert {name.split()[0] for name in CURVES["runs"]} == set(MODULES)


class Deaf(PointGenerator):
    """A generator that does not hear its noise."""

    def forward(self, noise):
        return super().forward(noise * 0)


class DeafPoints(Points):
    """Points with a generator without noise."""

    def players(self, data, device="cpu"):
        torch.manual_seed(self.seed)
        hearing = super().players(data, device)
        return self.both(Deaf(self.latent_dim, self.width), hearing.discriminator)


LONGER = {"width": 32, "batch_size": 32, "images": 32 * 1200, "record_every": 20}
BROKEN = {
    "exploded": (Points, {"learning_rate": 0.3, "gamma": 0.0}, r"loss has exploded.*learning_rate=0.1`, a learning"),
    "collapsed": (DeafPoints, {}, r"has collapsed: its samples vary 0.0 %.*another seed.*--set gamma=0.9"),
    "saturated": (Points, {"learning_rate": 2e-5, "discriminator_rate": 50.0, "gamma": 0.0},
                  r"discriminator is saturated.*discriminator_rate=12"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROKEN)
def test_a_run_that_is_really_broken_is_ended_with_reason_remedy_and_what_was_kept(tmp_path, kind):
    torch.set_num_threads(1)
    recipe, changes, message = BROKEN[kind]
    run = _run(tmp_path / kind, recipe.for_budget("smoke", **(LONGER | changes)))
    with pytest.raises(TrainingStopped) as stopped:
        run.train()
    said = " ".join(str(stopped.value).split())
    assert re.search(message, said), said
    assert "checkpoint.pt" in said and f"gancourse train --resume {run.folder} --no-stop" in said
    state = read_state(run.folder)
    assert state["state"] == "stopped" and kind[:6] in state["reason"]
    assert state["images"] < run.recipe.images and "Ended early" in (run.folder / "report.md").read_text()
    with pytest.raises(TrainingStopped) as again:  # resumed, it is ended where it was before
        Run(run.folder, run.recipe, "ring").train()
    assert str(again.value) == str(stopped.value)
    if kind == "collapsed":  # and it can be gone on with all the same
        Run(run.folder, run.recipe, "ring", options=Options(stop=False)).train()
        assert read_state(run.folder)["state"] == "complete"


class KnowsTheRing(nn.Module):
    """A generator that makes the ring's bumps from noise, and once it is told to forget, every second one alone."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("forgets", torch.tensor(False))

    def forward(self, noise):
        mixture, share = ring(), torch.special.ndtr(noise[:, 0])
        bump = (share * 8).long().clamp(max=7)
        bump = torch.where(self.forgets, bump // 2 * 2, bump)
        return self.scale * (mixture.centers[bump] + mixture.std * noise[:, 1:])


class KnownPoints(Points):
    """Points with a generator that has nothing to learn."""

    def players(self, data, device="cpu"):
        torch.manual_seed(self.seed)
        return self.both(KnowsTheRing(), super().players(data, device).discriminator)


class Forget(Monitor):
    """Has the generator lose half of the modes when so many images were shown."""

    def record(self, trainer, losses):
        trainer.ema.model.forgets.fill_(trainer.images > 900)
        trainer.players["generator"].forgets.fill_(trainer.images > 900)


@pytest.mark.slow
@pytest.mark.parametrize("forgets", [True, False])
def test_half_of_the_modes_lost_is_told_once_and_the_run_goes_on(tmp_path, forgets):
    recipe = KnownPoints.for_budget("smoke", **(SMALL | {"latent_dim": 3, "learning_rate": 1e-9}))
    run = _run(tmp_path / "run", recipe, Options(scores=8))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run.train((Forget(),) if forgets else ())
    told = [str(warning.message) for warning in said if "no longer made" in str(warning.message)]
    assert [record["modes"] for record in run.scored()] == ([8] * 4 + [4] * 4 if forgets else [8] * 8)
    assert read_state(run.folder)["state"] == "complete" and len(told) == forgets
    if forgets:
        assert re.search(
            r"modes is 4, and was 8 at 800 images.*goes on.*best.*again.*batch_size=32.*gamma=0.9", told[0]
        )
        assert [r["warning"] for r in run.records() if "warning" in r] == told
        assert f"**Warning.** {told[0]}" in (run.folder / "report.md").read_text()


@pytest.mark.slow
def test_patience_ends_a_run_that_gets_no_better(tmp_path):
    torch.set_num_threads(1)
    recipe = Points.for_budget("smoke", **(LONGER | {"learning_rate": 1e-9}))
    run = _run(tmp_path / "run", recipe, Options(scores=40, patience=5))
    with pytest.raises(TrainingStopped, match=r"(?s)misplaced has not become better.*best\.pt"):
        run.train()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_no_smoke_run_is_ended_and_every_recipe_is_watched(tmp_path, name):
    torch.set_num_threads(1)
    recipe = recipe_class(name).for_budget("smoke")
    run = Run(tmp_path / name, recipe, recipe.default_data("smoke"), options=Options(scores=1))
    run.start()
    run.train()
    signs = [record for record in run.records() if "spread" in record]
    assert signs and all(r["spread"] > 0 and 0 <= r["told_apart"] <= 1 for r in signs)
    assert (run.folder / "best.pt").is_file() and recipe.metric in run.last_scores()


@pytest.mark.parametrize("name", MODULES)
def test_looking_at_a_run_leaves_players_batches_and_chance_alone(name):
    recipe = recipe_class(name).for_budget("smoke")
    data = recipe.load_data(recipe.default_data("smoke"))
    players, batches, chance = recipe.players(data), recipe.batches(data), torch.get_rng_state()
    before = [{k: v.clone() for k, v in p.state_dict().items()} for p in (players.generator, players.discriminator)]
    order = batches.state_dict()
    real, fake = recipe.logits(players, first_batch(batches))
    groups = recipe.reals(data, 20), recipe.fakes(players.generator, 20)
    assert real.shape == fake.shape and real.ndim == 1 and not real.requires_grad
    assert len(groups[0]) == len(groups[1]) and relative_spread(groups[0], groups[0]) == 1
    assert torch.equal(torch.get_rng_state(), chance) and str(batches.state_dict()) == str(order)
    for player, was in zip((players.generator, players.discriminator), before, strict=True):
        assert player.training and all(torch.equal(v, was[k]) for k, v in player.state_dict().items())


def test_spread_is_the_root_of_the_mean_variance():
    assert spread(torch.tensor([[0.0, 0.0], [2.0, 0.0]])) == pytest.approx(1.0)  # variances 2 and 0
    wide, narrow, none = torch.tensor([[0.0], [4.0]]), torch.tensor([[0.0], [1.0]]), torch.zeros(2, 1)
    assert relative_spread([narrow, wide], [wide, wide]) == pytest.approx(0.25)
    assert relative_spread([narrow, narrow], [wide, none]) == pytest.approx(0.25)  # a group without spread says nothing
    assert relative_spread([narrow], [none]) == float("inf")


# How far it is.


def _watched(output, monkeypatch, line_every=30.0):
    """A short run whose progress goes to a stream."""
    monkeypatch.setattr(sys, "stdout", output)
    recipe = Points.for_budget("smoke", **SMALL)
    players = recipe.players(ring())
    bar = ProgressBar("points", line_every)
    Trainer.run(recipe.trainer(players, recipe.batches(ring()), recipe.step(players), monitors=[bar]))


def test_a_pipe_gets_a_line_now_and_then(tmp_path, monkeypatch):
    for line_every, lines in ((1000.0, 2), (0.0, 11)):  # the first and the end; every record and the end
        path = tmp_path / f"{lines}.log"
        with open(path, "w") as output:
            _watched(output, monkeypatch, line_every)
        log = path.read_text().splitlines()
        assert len(log) == lines and "\x1b" not in path.read_text()
        assert re.fullmatch(r"points  160 of 1,600 images  [\d,]+/s  discriminator .* generator .* s left", log[0])
        assert log[-1].startswith("points  1,600 of 1,600 images")


def test_the_time_of_compiling_is_told_apart_from_images_a_second(tmp_path, monkeypatch):
    compiled, clock = iter([5.0] + [1005.0] * 100), iter(range(0, 10**6, 1100))
    monkeypatch.setattr("gancourse.training.progress.seconds_of_compiling", lambda: next(compiled))
    monkeypatch.setattr("gancourse.training.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with open(tmp_path / "log", "w") as output:
        _watched(output, monkeypatch, 0.0)
    assert re.search(r"160 of 1,600 images  2/s after 1,000 s of compiling  disc", (tmp_path / "log").read_text())


def _all_of(reader):
    """What a terminal was told, to its end: one read gives 4 KiB at most, and a slow machine draws more bars."""
    parts = []
    with open(reader, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # Linux ends a terminal with EIO
        while part := terminal.read(1 << 16):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_gets_a_bar(monkeypatch):
    reader, writer = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    with open(writer, "w") as output:
        _watched(output, monkeypatch)
    said = _all_of(reader)
    assert "1600/1600" in said and "/s" in said and "generator" in said and "\x1b[" in said
    assert re.search(r"\d:\d\d:\d\d", said)  # the time left


def test_a_notebook_gets_one_output_that_is_overwritten(monkeypatch):
    shown = []

    class Output:
        def update(self, content):
            shown.append(content.data)

    monkeypatch.setattr("gancourse.training.progress.in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda content, display_id: Output())
    _watched(sys.stdout, monkeypatch)
    assert len(shown) == 11 and "max='1600'" in shown[0] and re.search(r"/s  discriminator .* s left", shown[0])
    assert "1,600 of 1,600" in shown[-1] and "left" not in shown[-1]


def test_a_damaged_line_ends_the_records(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"images": 1}\n[2]\n{"images": 3}\n')
    assert read_json_lines(path) == [{"images": 1}]
