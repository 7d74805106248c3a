"""Several processes train as one does: the same weights, averages, losses and checkpoints, whatever their number."""

import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from processes import warm_processes
from torch import nn
from torch.nn.utils import spectral_norm

from gancourse.data import Images, Unpaired, ring
from gancourse.errors import CheckpointError, GANCourseError, TrainingError, TrainingInterrupted
from gancourse.nets import MinibatchStd
from gancourse.recipes import recipe_class
from gancourse.recipes.points import Points
from gancourse.recipes.points_wgan import PointsWGAN
from gancourse.recipes.runs import Run
from gancourse.training import History, ImagePool, Monitor, distributed, load_checkpoint, shares

NUMBERS = {"width": 16, "batch_size": 24, "images": 24 * 30, "record_every": 10}
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}  # float64; Adam divides rounding errors by small numbers


def _work(number, port, pipe):
    """One of two processes: does what comes through the pipe until None comes."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=number, world_size=2)
    while (job := pipe.recv()) is not None:
        try:
            function, args = job
            pipe.send((function(*args), None))
        except Exception:
            pipe.send((None, traceback.format_exc()))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def both():
    """Calls a function in two processes that know one another; returns both answers."""
    context = warm_processes()
    port = 20000 + os.getpid() % 20000
    pipes, workers = [], []
    for number in range(2):
        mine, theirs = context.Pipe()
        workers.append(context.Process(target=_work, args=(number, port, theirs), daemon=True))
        workers[-1].start()
        pipes.append(mine)

    def call(function, *args):
        for pipe in pipes:
            pipe.send((function, args))
        answers = []
        for pipe in pipes:
            assert pipe.poll(60), "a process does not answer"
            answer, error = pipe.recv()
            assert error is None, error
            answers.append(answer)
        return answers

    yield call
    for pipe in pipes:
        pipe.send(None)
    for worker in workers:
        worker.join(10)
        worker.kill()


@pytest.fixture(autouse=True)
def _double():
    """Numbers of 64 bits, as the processes have."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


RECIPES = {
    "no penalty": Points.for_budget("smoke", gamma=0.0, **NUMBERS),
    "R1": Points.for_budget("smoke", gamma=0.5, **NUMBERS),
    "WGAN-GP": PointsWGAN.for_budget("smoke", n_critic=2, **NUMBERS),
    "clipping": PointsWGAN.for_budget("smoke", clip=0.05, **NUMBERS),
}


class _Doubled:
    """Batches of a recipe whose images have 64 bits, as everything else has here."""

    def __init__(self, batches):
        self._batches, self.batch_size = batches, batches.batch_size
        self.state_dict, self.load_state_dict = batches.state_dict, batches.load_state_dict

    def next(self):
        batch = self._batches.next()
        parts = batch if isinstance(batch, tuple) else (batch,)
        parts = tuple(x.double() if x.is_floating_point() else x for x in parts)
        return parts if isinstance(batch, tuple) else parts[0]


class _StopAt(Monitor):
    """Presses Ctrl-C, in the first process alone, before the record after so many steps is saved."""

    def __init__(self, steps):
        self.steps = steps

    def record(self, trainer, losses):
        if trainer.steps == self.steps:
            raise TrainingInterrupted("stopped")


def _train(recipe, players=Points.players, checkpoint=None, stop_at=None):
    """Trains, from the checkpoint if there is one. Returns the whole state and the records of the losses."""
    history, players = History(), players(recipe, ring())
    trainer = recipe.trainer(
        players,
        recipe.batches(ring()),
        recipe.step(players),
        monitors=[history, _StopAt(stop_at)],
        checkpoint=checkpoint,
    )
    if checkpoint and checkpoint.is_file():
        trainer.resume()
    if stop_at:
        with pytest.raises(TrainingInterrupted):
            trainer.run()
    else:
        trainer.run()
    return trainer.state_dict(), history.records


def _assert_close(a, b, **tolerance):
    """Equal through nested dicts and lists, numbers within a tolerance."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            _assert_close(a[key], b[key], **tolerance)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            _assert_close(x, y, **tolerance)
    elif isinstance(a, torch.Tensor):
        torch.testing.assert_close(a, b, **tolerance)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-6)  # losses are read in 32 bits
    else:
        assert a == b


@pytest.mark.slow
@pytest.mark.parametrize("penalty", RECIPES)
def test_two_processes_equal_one(both, penalty):
    """Weights, both Adams, the average, the sampler, the random numbers; and the loss that is shown."""
    alone, records = _train(RECIPES[penalty])
    (first, shown), (second, silent) = both(_train, RECIPES[penalty])
    _assert_close(alone, first, **TOLERANCE)
    _assert_close(first, second, rtol=0, atol=0)
    _assert_close(records, shown)
    assert silent == []


def _players_after_a_scorer(recipe, data):
    """As in a run: the first process alone builds what scores, and that takes random numbers."""
    players = Points.players(recipe, data)
    if distributed.is_first():
        nn.Linear(3, 3)
    return players


@pytest.mark.slow
def test_what_only_the_first_process_draws_puts_nobody_out_of_step(both):
    recipe = RECIPES["R1"]
    one, records = _train(recipe, _players_after_a_scorer)
    for two, read in both(_train, recipe, _players_after_a_scorer):
        _assert_close(two, one, **TOLERANCE)
        assert not read or len(read) == len(records)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", RECIPES)
def test_micro_batches_equal_the_batch_in_one_process_and_in_two(both, penalty):
    alone, records = _train(RECIPES[penalty])
    cut = replace(RECIPES[penalty], accumulate=3)
    _assert_close(alone, _train(cut)[0], **TOLERANCE)
    (first, shown), _ = both(_train, replace(cut, accumulate=2))
    _assert_close(alone, first, **TOLERANCE)
    _assert_close(records, shown)


def _knowing_players(recipe, data):
    """Players with everything that looks across a batch or keeps buffers: batch norm, spectral norm, MinibatchStd."""
    torch.manual_seed(recipe.seed)
    generator = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    discriminator = nn.Sequential(
        spectral_norm(nn.Linear(2, 16)),
        nn.BatchNorm1d(16),
        nn.Softplus(),
        MinibatchStd(),
        nn.Linear(17, 1),
        nn.Flatten(0),
    )
    return recipe.both(generator, discriminator)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["no penalty", "R1"])
def test_batch_statistics_and_buffers_are_those_of_the_whole_batch(both, penalty):
    """R1 differentiates batch norm and the standard deviation twice, through both processes."""
    alone, _ = _train(RECIPES[penalty], _knowing_players)
    (first, _), (second, _) = both(_train, RECIPES[penalty], _knowing_players)
    assert any("running_var" in name for name in alone["ema"]["model"])
    assert any("_u" in name for name in alone["players"]["discriminator"])
    _assert_close(alone, first, rtol=1e-6, atol=1e-7)  # a batch norm's spread amplifies rounding
    _assert_close(first, second, rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 2)])
def test_a_checkpoint_goes_on_with_any_number_of_processes(both, tmp_path, before, after):
    """The interrupted run has its checkpoint at step 10, in the middle of everything."""
    recipe, checkpoint = RECIPES["WGAN-GP"], tmp_path / "checkpoint.pt"

    def run(count, **options):
        job = (recipe, Points.players, checkpoint, options.get("stop_at"))
        return _train(*job) if count == 1 else both(_train, *job)[0]

    run(before, stop_at=20)
    assert load_checkpoint(checkpoint)["steps"] == 10
    straight = _train(recipe)[0] if after == 1 or before == 1 else both(_train, recipe)[0][0]
    resumed, _ = run(after)
    assert resumed["steps"] == 30
    exact = {"rtol": 0, "atol": 0} if before == after else TOLERANCE
    _assert_close(straight, resumed, **exact)
    _assert_close(straight, load_checkpoint(checkpoint), **exact)


def _draws(micro_batches):
    """What a loss draws for its part of a batch of 8, and what it draws outside of it."""
    torch.manual_seed(0)
    mine = 8 // distributed.world_size() // micro_batches
    seen = []

    def loss(part):
        seen.append(
            [
                torch.randn(mine, 2),
                torch.rand((mine, 1, 1)),
                torch.randint(10, (mine,)),
                torch.randint(5, 10, size=(mine, 2)),
                torch.rand_like(part),
                torch.randn_like(part, dtype=torch.float32),
            ]
        )
        return part.mean()

    with shares.sharing([], micro_batches):
        shares.backward(loss, shares.own_part(torch.zeros(8, 3, requires_grad=True)))
    return [torch.cat(x) for x in zip(*seen, strict=True)], torch.rand(3)


@pytest.mark.slow
def test_random_numbers_are_parts_of_those_of_the_whole_batch(both):
    whole, after = _draws(1)
    (first, after_first), (second, after_second) = both(_draws, 1)
    for x, a, b in zip(whole, first, second, strict=True):
        assert torch.equal(x, torch.cat([a, b])) and x.dtype == a.dtype
    for x, cut in zip(whole, _draws(4)[0], strict=True):
        assert torch.equal(x, cut)
    assert torch.equal(after, after_first) and torch.equal(after, after_second)


def _normed(x, weight, bias, direction):
    """whole_batch_norm's output for this process's part, its running statistics, and gradients of order one and two."""
    x, shape = shares.scattered(x).requires_grad_(), [5]
    running = torch.zeros(shape), torch.ones(shape)
    y = shares.whole_batch_norm(x, *running, weight, bias, True, 0.3, 1e-3)
    (slope,) = torch.autograd.grad((y.sin() * shares.scattered(direction)).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.pow(2).sum(), x)
    return [y.detach(), slope.detach(), bend], running


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 5), (8, 5, 3, 2)])
def test_whole_batch_norm_is_torchs_in_value_and_both_derivatives(both, shape):
    inputs = torch.randn(shape), torch.randn(5), torch.randn(5), torch.randn(shape)
    expected, running = _normed(*inputs)  # alone: F.batch_norm itself
    (first, running_first), (second, _) = both(_normed, *inputs)
    for x, a, b in zip(expected, first, second, strict=True):
        torch.testing.assert_close(x, torch.cat([a, b]))
    torch.testing.assert_close(running, running_first)


def _pooled(images):
    """What a pool of 6 hands out for this process's part of some batches, and what it holds then."""
    torch.manual_seed(0)
    pool = ImagePool(6, (1, 2, 2))
    return [pool.query(shares.scattered(x)) for x in images], pool.state_dict()


@pytest.mark.slow
def test_pools_remember_the_images_of_all_processes(both):
    images = torch.randn(5, 4, 1, 2, 2)
    alone, kept = _pooled(images)
    (first, kept_first), (second, kept_second) = both(_pooled, images)
    for x, a, b in zip(alone, first, second, strict=True):
        assert torch.equal(x, torch.cat([a, b]))
    _assert_close(kept, kept_first, rtol=0, atol=0)
    _assert_close(kept, kept_second, rtol=0, atol=0)


def _refused():
    with pytest.raises(CheckpointError) as told:
        distributed.first_does(lambda: load_checkpoint(Path("nowhere") / str(distributed.rank())))
    with pytest.raises(TrainingError) as uneven:
        shares.refuse_uneven(50, 2)
    with pytest.raises(GANCourseError) as device:
        distributed.own_device(torch.device("mps"))
    return [str(error.value) for error in (told, uneven, device)]


@pytest.mark.slow
def test_all_processes_meet_the_same_errors(both):
    first, second = both(_refused)
    assert first == second
    assert "nowhere/0" in first[0]
    assert "batch of 50 cannot be shared evenly by 2 process(es)" in first[1] and "batch_size=48 or 52" in first[1]
    assert "--device cpu" in first[2]


def test_a_batch_that_cannot_be_cut_is_refused_with_what_fits():
    with pytest.raises(TrainingError, match=r"multiple of 7.*batch_size=21 or 28"):
        _train(replace(RECIPES["R1"], accumulate=7))


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "gancourse"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "1000"}


def _workers(torchrun):
    """The processes that torchrun has started, by their rank."""
    found = {}
    for pid in map(int, Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        found |= {int(x[5:]): pid for x in environment if x.startswith(b"RANK=")}
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_killed_process_ends_the_run_soon_with_a_message_and_a_checkpoint(tmp_path):
    """As the manual says it: torchrun, kill one, read, go on with another number of processes."""
    torch.set_default_dtype(torch.float32)
    folder, numbers = tmp_path / "run", {"width": 8, "batch_size": 16, "images": 16 * 100_000, "record_every": 20}
    changes = [word for name, value in numbers.items() for word in ("--set", f"{name}={value}")]
    command = [*TORCHRUN, "train", "points_wgan", *changes, "--out", str(folder)]
    run = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        checkpoint, patience = folder / "checkpoint.pt", time.monotonic() + 120
        while not checkpoint.is_file() and run.poll() is None and time.monotonic() < patience:
            time.sleep(0.05)
        os.kill(_workers(run)[1], signal.SIGKILL)
        killed = time.monotonic()
        _, told = run.communicate(timeout=90)
        assert time.monotonic() - killed < 45  # a few seconds; torchrun itself gives up after 30
    finally:
        run.kill()
    assert run.returncode != 0
    message = next(line for line in told.splitlines() if line.startswith("Error: Another process of the run is gone"))
    assert str(checkpoint) in message and f"train --resume {folder}" in message
    assert "Traceback" not in told[: told.index("Error:")]
    resumed = Run.open(folder).trainer()
    start = resumed.images
    assert 0 < start == load_checkpoint(checkpoint)["images"]
    resumed.total_images = start + 20 * 16
    resumed.run()
    assert load_checkpoint(checkpoint)["images"] == start + 20 * 16


SMALL = {
    "vanilla": {"width": 8},
    "dcgan": {"width": 2},
    "wgan_gp": {"width": 2, "n_critic": 2},
    "conditional": {"width": 2, "label_in_g": "norm", "r1_every": 2},
    "cyclegan": {"pool": 6},
    "progressive": {"width": 1},
}


def _pictures(seed, shape):
    """64 pictures of blots in three classes: enough for a few steps, and made at once."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(256, (64, shape[0], 4, 4), generator=generator).to(torch.uint8)
    images = coarse.repeat_interleave(shape[1] // 4, 2).repeat_interleave(shape[1] // 4, 3)
    return Images("blots", images, torch.arange(64) % 3, ("a", "b", "c"))


def _train_few_steps(name):
    """Six steps of a recipe at its smoke budget, made smaller; every state there is."""
    recipe = recipe_class(name).for_budget("smoke", images=48, batch_size=8, record_every=3, **SMALL[name])
    shape = (1, recipe.size, recipe.size)
    data = _pictures(0, shape) if name != "cyclegan" else Unpaired("blots", _pictures(0, shape), _pictures(1, shape))
    players, history = recipe.players(data), History()
    trainer = recipe.trainer(players, _Doubled(recipe.batches(data)), recipe.step(players), monitors=[history])
    trainer.run()
    return trainer.state_dict(), history.records


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_every_recipe_on_images_is_the_same_in_two_processes(both, name):
    alone, records = _train_few_steps(name)
    (first, shown), (second, _) = both(_train_few_steps, name)
    _assert_close(alone, first, rtol=1e-5, atol=1e-7)  # progressive learns at 3e-2
    _assert_close(first, second, rtol=0, atol=0)
    _assert_close(records, shown)


def test_the_manual_shows_the_trial_of_wrappers_as_it_was_measured():
    root = Path(__file__).parents[2]
    shown = (root / "docs" / "scale_out.md").read_text(encoding="utf-8")
    measured = (root / "benchmarks" / "results" / "wrappers.md").read_text(encoding="utf-8")
    assert f"<!-- results: wrappers -->\n{measured}<!-- /results -->" in shown
