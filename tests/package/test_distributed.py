"""Several processes train as one does: the same weights, averages, losses and checkpoints, whatever their number."""

import multiprocessing
import os
import traceback
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from gancourse.data import ring
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, MinibatchStd, PointDiscriminator, PointGenerator
from gancourse.objectives import gradient_penalty, r1_penalty
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.game import VanillaGame
from gancourse.recipes.points import Points
from gancourse.recipes.points_wgan import PointsWGAN
from gancourse.training import History, ImagePool, distributed, load_checkpoint, shares

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
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gancourse.recipes.points_wgan", "torch.distributed"])
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


def _train(recipe, checkpoint=None, images=None, players=None, step=None):
    """Trains, from the checkpoint if there is one. Returns the whole state and the records of the losses."""
    history = History()
    players = players or recipe.players(ring())
    step = step(players) if step else recipe.step(players)
    trainer = recipe.trainer(players, recipe.batches(ring()), step, monitors=[history], checkpoint=checkpoint)
    if checkpoint and checkpoint.is_file():
        trainer.resume()
    trainer.total_images = images or trainer.total_images
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
