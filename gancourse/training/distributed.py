"""One run in several processes: torchrun starts them, torch.distributed carries what they tell one another.

Every process holds the same networks and takes its part of every batch (shares.py). Once backward is done, one flat
all-reduce averages the gradients. That is right for every loss, whatever its backward does; wrappers that hook into
backward were tried and are not (docs/scale_out.md). A process that is alone pays nothing: all functions are no-ops.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gancourse.errors import GANCourseError, ProcessLost, TrainingInterrupted

TIMEOUT = timedelta(minutes=10)  # how long a process waits for the others, who may be drawing and scoring
Result = TypeVar("Result")


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if _joined() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _joined() else 1


def is_first() -> bool:
    """Whether this process is the one that writes, draws, scores and shows."""
    return rank() == 0


def _joined() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def processes(timeout: timedelta = TIMEOUT) -> Iterator[None]:
    """Join the processes that torchrun started, if it did, and leave them at the end.

    gloo carries what lies on the CPU, NCCL what lies on GPUs. Of an error that all of them meet, one process tells;
    the others end with the same exit code in silence.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    store = _join(timeout)
    try:
        yield
    except GANCourseError as error:
        if not _tells_first(store):
            time.sleep(1)  # torchrun ends the others as soon as one is gone: let the one that tells finish
            raise SystemExit(130 if isinstance(error, TrainingInterrupted) else 2) from error
        raise
    dist.destroy_process_group()  # not after an error: it would wait for processes that are gone


def _join(timeout: timedelta) -> dist.Store:
    try:
        store, number, count = next(dist.rendezvous("env://", timeout=timeout))
    except ValueError as error:
        raise GANCourseError(
            f"WORLD_SIZE asks for several processes, but they cannot find one another: {error}. Start them with "
            "`torchrun --nproc-per-node 2 -m gancourse train ...`, or unset WORLD_SIZE."
        ) from error
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(
        backend, store=dist.PrefixStore("group", store), rank=number, world_size=count, timeout=timeout
    )
    return store


def _tells_first(store: dist.Store) -> bool:
    try:
        return store.add("told", 1) == 1
    except RuntimeError:  # the process that held the store is gone
        return True


def own_device(device: torch.device) -> torch.device:
    """Where this process computes: with several on CUDA, on the GPU of its number. Raises GANCourseError."""
    if world_size() == 1 or device.type == "cpu":
        return device
    if device.type != "cuda":
        raise GANCourseError(f"Several processes train on the CPU or on CUDA, not on {device.type}. Use --device cpu.")
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", world_size())), torch.cuda.device_count()
    if here > gpus:
        raise GANCourseError(
            f"{here} processes want a GPU each, but this machine has {gpus}. "
            f"Start fewer (torchrun --nproc-per-node {gpus}), or use --device cpu."
        )
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank())))
    torch.cuda.set_device(own)
    return own


@contextmanager
def _talking() -> Iterator[None]:
    """Around everything that needs the other processes. Raises ProcessLost when one of them does not answer."""
    try:
        yield
    except RuntimeError as error:
        _outlive_torchrun()
        reason = str(error).partition("] ")[2].partition(". ")[0] or error  # between the place in gloo and its advice
        raise ProcessLost(f"Another process of the run is gone or does not answer ({reason}).") from error


def _outlive_torchrun() -> None:
    """torchrun asks the others to end as soon as one is gone, and ends them after 30 s: time to say what happened."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def sum_in_place(x: Tensor) -> Tensor:
    """Replace x, of the same shape in all processes, by its sum over them."""
    with _talking():
        dist.all_reduce(x)
    return x


def mean(x: Tensor) -> Tensor:
    """The mean over the processes of a tensor that has the same shape in all of them."""
    return x if world_size() == 1 else sum_in_place(x.clone()) / world_size()


def agreed(answer: bool, ask: bool) -> bool:
    """Whether any process says yes. They ask one another only when `ask`, which must be the same in all of them."""
    if world_size() == 1:
        return answer
    return ask and bool(sum_in_place(torch.tensor(float(answer))))


def average_gradients(player: nn.Module) -> None:
    """Replace the gradients of a player by their means over the processes, in one flat all-reduce.

    A weight without a gradient stays without one. All processes run the same graph, so these are the same weights.
    """
    if world_size() == 1:
        return
    gradients = [p.grad for p in player.parameters() if p.grad is not None]
    flat = sum_in_place(torch.cat([g.flatten() for g in gradients])) / world_size()
    parts = flat.split([g.numel() for g in gradients])
    torch._foreach_copy_(gradients, [part.view_as(g) for part, g in zip(parts, gradients, strict=True)])


@torch.no_grad()
def copy_from_first(modules: list[nn.Module]) -> None:
    """Give weights and buffers the values that they have in process 0."""
    if world_size() == 1:
        return
    with _talking():
        for module in modules:
            for x in (*module.parameters(), *module.buffers()):
                dist.broadcast(x, src=0)


def first_does(action: Callable[[], Result]) -> Result:
    """What `action` returns in process 0, the only one that runs it. All raise the GANCourseError that it raises."""
    if world_size() == 1:
        return action()
    outcome: list = [None, None]
    if is_first():
        outcome = _outcome(action)
    with _talking():
        dist.broadcast_object_list(outcome, src=0)
    result, error = outcome
    if error is not None:
        raise error
    return result


def _outcome(action: Callable[[], Result]) -> list:
    try:
        return [action(), None]
    except GANCourseError as error:
        return [None, error]


def first_then_all(action: Callable[[], Result]) -> Result:
    """What `action` returns in each process; the others wait until process 0 has been through it.

    For what may download or write something: they find it done.
    """
    if world_size() == 1:
        return action()
    kept: list = []
    first_does(lambda: kept.append(action()))
    return kept[0] if is_first() else action()
