"""The loop: who learns when, the average, checkpoints that survive anything, and resuming bit for bit."""

import copy
import json
import math
import os
import random
import signal
import time

import pytest
import torch
from processes import warm_processes
from torch import nn

from gancourse.data import ring
from gancourse.errors import CheckpointError, TrainingError, TrainingInterrupted
from gancourse.recipes.points import Points
from gancourse.recipes.runs import Run
from gancourse.training import (
    EMA,
    Every,
    History,
    JsonLines,
    Monitor,
    Phase,
    constant,
    cosine_decay,
    linear_decay,
    load_checkpoint,
    read_json_lines,
    save_checkpoint,
    take_turns,
    warmed_up,
)


def _recipe(**changes):
    return Points.for_budget("smoke", width=8, batch_size=16, images=1600, record_every=10, **changes)


def _trainer(recipe, **options):
    players = recipe.players(ring())
    return recipe.trainer(players, recipe.batches(ring()), recipe.step(players), **options), players


def test_a_rehearsal_goes_through_a_whole_run_in_a_few_steps(monkeypatch):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    history = History()
    trainer, _ = _trainer(_recipe(schedule="linear", decay_from=0.5), monitors=[history])
    trainer.run()
    assert trainer.steps == 4 and trainer.images == trainer.total_images == 1600
    assert [record["images"] for record in history.records] == [400, 800, 1200, 1600]
    rate = trainer.optimizers["generator"].param_groups[0]["lr"]
    assert rate == pytest.approx(trainer._base_rates["generator"][0] / 2)  # three quarters through, half decayed


def test_a_run_that_is_kept_is_never_a_rehearsal(monkeypatch, tmp_path):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    trainer, _ = _trainer(_recipe(), checkpoint=tmp_path / "checkpoint.pt")
    trainer.run()
    assert trainer.steps == 100


def test_only_the_player_whose_turn_it_is_requires_gradients():
    seen = []
    a, b = nn.Linear(1, 1), nn.Linear(1, 1)

    def loss(real):
        seen.append((a.weight.requires_grad, b.weight.requires_grad))
        return (a(real) * b(real)).mean()

    phases = [Phase(name, net, torch.optim.SGD(net.parameters(), 0.1), loss) for name, net in (("a", a), ("b", b))]
    losses = take_turns(phases)(torch.ones(3, 1), 0)
    assert seen == [(True, False), (False, True)]
    assert list(losses) == ["a", "b"] and not any(loss.requires_grad for loss in losses.values())


def test_a_phase_takes_its_turn_at_its_interval():
    turns = []
    nets = {"often": nn.Linear(1, 1), "seldom": nn.Linear(1, 1)}

    def loss_of(name):
        def loss(real):
            turns.append(name)
            return nets[name](real).mean()

        return loss

    step = take_turns(
        [
            Phase(n, net, torch.optim.SGD(net.parameters(), 0.1), loss_of(n), every=1 if n == "often" else 3)
            for n, net in nets.items()
        ]
    )
    for number in range(6):
        step(torch.ones(2, 1), number)
    assert turns.count("often") == 6 and turns.count("seldom") == 2


def test_a_turn_moves_one_player_and_the_step_after_it_moves_both():
    trainer, players = _trainer(_recipe())
    moved = []
    for take in (lambda: trainer.turn("discriminator"), lambda: trainer.turn("generator"), trainer.advance):
        before = [copy.deepcopy(p.state_dict()) for p in (players.discriminator, players.generator)]
        take()
        after = [p.state_dict() for p in (players.discriminator, players.generator)]
        moved.append([any((a[k] != b[k]).any() for k in a) for a, b in zip(before, after, strict=True)])
    assert moved == [[True, False], [False, True], [True, True]]
    assert (trainer.steps, trainer.images) == (1, 3 * 16)


def test_the_average_follows_warms_up_and_copies_buffers():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    nn.init.zeros_(model[0].weight)
    ema = EMA(model, half_life=1000)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].running_mean.fill_(5.0)
    ema.update(model, images=10)
    assert ema.model[1].running_mean.tolist() == [5.0, 5.0]
    assert (ema.model[0].weight - 1).abs().max() < 0.3  # the first step moves it by 1 - 2/11, not by 1 - 0.5^(1/100)
    before = ema.model[0].weight.clone()
    with torch.no_grad():
        model[0].weight.fill_(2.0)
    ema.updates = 10**6
    for _ in range(100):
        ema.update(model, images=10)
    torch.testing.assert_close(ema.model[0].weight, (before + 2) / 2)  # one half-life later


def test_learning_rate_is_constant_then_falls_to_nothing():
    factor = linear_decay(0.5)
    assert [factor(x) for x in (0, 0.5, 0.75, 1)] == pytest.approx([1, 1, 0.5, 0])


def test_schedules_fall_as_they_say_and_warm_up_at_first():
    assert [constant()(x) for x in (0, 0.5, 1)] == [1, 1, 1]
    assert [cosine_decay(0.5)(x) for x in (0, 0.5, 0.75, 1)] == pytest.approx([1, 1, 0.5, 0])
    rising = warmed_up(linear_decay(0.5), 0.2)
    assert [rising(x) for x in (0.1, 0.2, 0.5, 0.75)] == pytest.approx([0.5, 1, 1, 0.5], abs=2e-3)
    assert 0 < rising(0) < 0.01 and warmed_up(rising, 0.0) is rising


def test_history_records_means_on_schedule():
    history = History()
    trainer, _ = _trainer(_recipe(), monitors=[history])
    trainer.run()
    assert [r["steps"] for r in history.records] == list(range(10, 101, 10))
    assert all(0 < loss < 5 for loss in history["discriminator"])


def test_losses_may_be_floats_as_those_of_a_learners_step():
    recipe = _recipe()
    players = recipe.players(ring())
    right = recipe.step(players)

    def floats(real, number):
        return {name: loss.item() for name, loss in right(real, number).items()}

    history = History()
    recipe.trainer(players, recipe.batches(ring()), floats, monitors=[history]).run()
    tensors = History()
    _trainer(recipe, monitors=[tensors])[0].run()
    assert history.records == tensors.records


def test_every_acts_on_schedule_and_at_the_end():
    acted = []
    trainer, _ = _trainer(_recipe(), monitors=[Every(600, lambda t: acted.append(t.images))])
    trainer.run()
    assert acted == [640, 1280, 1600]


def test_nan_stops_with_step_term_and_last_good_checkpoint(tmp_path):
    trainer, _ = _trainer(_recipe(), checkpoint=tmp_path / "checkpoint.pt")
    trainer.save_share = math.inf  # after each record
    healthy = trainer.step

    def poisoned(real, number):
        losses = healthy(real, number)
        return losses | {"generator": losses["generator"] * float("nan")} if number >= 34 else losses

    trainer.step = poisoned
    with pytest.raises(TrainingError, match=r"generator loss became nan at step 35.*checkpoint.pt.*3 times smaller"):
        trainer.run()
    assert load_checkpoint(tmp_path / "checkpoint.pt")["steps"] == 30


class _NaNBatches:
    """Data that hold a NaN."""

    batch_size = 16

    def next(self):
        return torch.full((16, 2), float("nan"))

    def state_dict(self):
        return {}


def test_nan_data_stop_at_the_first_reading_with_the_first_step():
    recipe = _recipe()
    players = recipe.players(ring())
    trainer = recipe.trainer(players, _NaNBatches(), recipe.step(players))
    with pytest.raises(TrainingError, match=r"discriminator loss became nan at step 1:.*NaN in the data"):
        trainer.run()


class _Interrupt(Monitor):
    """Presses Ctrl-C in the middle of a run."""

    def record(self, trainer, losses):
        if trainer.steps == 50:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_a_whole_step_keeps_everything_and_says_how_to_go_on(tmp_path):
    recipe = _recipe()
    straight, _ = _trainer(recipe)
    straight.run()
    before = signal.getsignal(signal.SIGINT)
    stopped, _ = _trainer(recipe, monitors=[_Interrupt()], checkpoint=tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(TrainingInterrupted, match=r"after step 50 .*gancourse train --resume"):
        stopped.run()
    assert signal.getsignal(signal.SIGINT) is before
    resumed, _ = _trainer(recipe, checkpoint=tmp_path / "run" / "checkpoint.pt")
    resumed.resume()
    resumed.run()
    _assert_same(straight.state_dict(), resumed.state_dict())


def _assert_same(a, b):
    """Bit for bit, through nested dicts and lists."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            _assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            _assert_same(x, y)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


KILL_RECIPE = {"width": 16, "batch_size": 32, "images": 32 * 900, "record_every": 10}


def _train_in_a_child(folder, started):
    torch.set_num_threads(1)
    run = Run.open(folder)
    trainer = run.trainer()
    started.set()
    trainer.run()


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments_resumes_bit_for_bit(tmp_path):
    """SIGKILL leaves no time for anything: only the last whole checkpoint counts."""
    torch.set_num_threads(1)
    recipe = Points.for_budget("smoke", **KILL_RECIPE)
    straight = Run(tmp_path / "straight", recipe, "ring")
    straight.start()
    began = time.monotonic()
    straight.trainer().run()
    duration = time.monotonic() - began
    wanted = load_checkpoint(straight.checkpoint)
    assert {"players", "optimizers", "ema", "batches", "images", "steps", "random"} <= wanted.keys()
    assert wanted["optimizers"].keys() == wanted["players"].keys() == {"generator", "discriminator"}

    killed = Run(tmp_path / "killed", recipe, "ring")
    killed.start()
    context = warm_processes()
    chance, kills = random.Random(0), 0
    while kills < 20:
        started = context.Event()
        child = context.Process(target=_train_in_a_child, args=(killed.folder, started))
        child.start()
        started.wait(60)
        child.join(chance.uniform(0.0, duration / 12))
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.join()
        if child.exitcode == 0 and kills < 20:  # it reached its end: start again, with the kills counted so far
            _assert_same(wanted, load_checkpoint(killed.checkpoint))
            killed.checkpoint.unlink()
    killed.trainer().run()
    _assert_same(wanted, load_checkpoint(killed.checkpoint))
    renamed = json.dumps(killed.records()).replace(str(killed.folder), str(straight.folder))  # advice names the folder
    assert json.loads(renamed) == straight.records()


def test_resuming_with_other_numbers_is_refused_with_the_differences(tmp_path):
    path = tmp_path / "checkpoint.pt"
    trainer, _ = _trainer(_recipe(), checkpoint=path, config=_recipe().as_config())
    trainer.save()
    other, _ = _trainer(_recipe(gamma=2.0), checkpoint=path, config=_recipe(gamma=2.0).as_config())
    with pytest.raises(CheckpointError, match=r"gamma: 0.3 in the checkpoint, 2.0 now"):
        other.resume()


@pytest.mark.parametrize("damage", ["cut", "flipped bit", "text", "empty"])
def test_damaged_checkpoints_are_told_and_left_alone(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.randn(1000)})
    raw = bytearray(path.read_bytes())
    if damage == "flipped bit":
        raw[len(raw) // 2] ^= 1
    content = {"cut": raw[: len(raw) // 2], "flipped bit": raw, "text": b"no checkpoint", "empty": b""}[damage]
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)
    assert path.read_bytes() == bytes(content)


def test_a_failed_write_keeps_the_old_checkpoint_and_leaves_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def full_disk(state, where):
        where.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path) == {"step": 1} and list(tmp_path.iterdir()) == [path]


def test_json_lines_drop_what_came_after_the_checkpoint_and_half_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"images": 160}) + "\n" + json.dumps({"images": 320}) + '\n{"images": 4')
    trainer, _ = _trainer(_recipe())
    trainer.images = 160
    JsonLines(path).start(trainer)
    assert read_json_lines(path) == [{"images": 160}]


def test_two_runs_with_one_seed_are_equal_and_with_two_are_not():
    a, b, c = (_trainer(_recipe(seed=seed))[0] for seed in (0, 0, 1))
    for seed, trainer in ((0, a), (0, b), (1, c)):
        torch.manual_seed(seed)
        trainer.run()
    _assert_same(a.state_dict(), b.state_dict())
    assert not torch.equal(a.ema.model.net[0].weight, c.ema.model.net[0].weight)


@pytest.mark.slow
def test_monitors_do_not_change_the_run(tmp_path):
    recipe = _recipe()
    plain, _ = _trainer(recipe)
    plain.run()
    watched = Run(tmp_path / "run", recipe, "ring")
    watched.start()
    watched.train()
    state = load_checkpoint(watched.checkpoint)
    _assert_same(plain.state_dict()["players"], state["players"])
