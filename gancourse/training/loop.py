"""The training loop. It knows that players take turns, and nothing of any particular GAN."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancourse.errors import CheckpointError, ProcessLost, TrainingError, TrainingInterrupted
from gancourse.training import distributed, shares
from gancourse.training.checkpoint import load_checkpoint, random_state, restore_random_state, save_checkpoint
from gancourse.training.ema import EMA
from gancourse.training.schedules import Schedule, constant

Step = Callable[[Any, int], dict[str, Tensor | float]]
LONGEST_UNSAVED = 300.0  # seconds between two checkpoints, however slow the disk is
REHEARSED_STEPS = 4


def rehearsing() -> bool:
    """Whether GANCOURSE_REHEARSAL asks to walk through a lesson without training: to see that every cell runs."""
    return os.environ.get("GANCOURSE_REHEARSAL", "") not in ("", "0")


class Batches(Protocol):
    """Where batches come from, in an order that can be saved. What a batch is, only the step has to know.

    Those that can spare the work have next_part(part), for the rows that a process takes; those that have workers have
    close(), which ends them, and told(), within which a lost one is told.
    """

    batch_size: int

    def next(self) -> Any: ...
    def state_dict(self) -> dict: ...
    def load_state_dict(self, state: dict) -> None: ...


@dataclass
class Phase:
    """One player's turn, in every `every`-th step. loss: a real batch to a scalar, a mean over its samples."""

    name: str
    player: nn.Module
    optimizer: Optimizer
    loss: Callable[[Any], Tensor]
    every: int = 1

    def take(self, real: Any) -> Tensor:
        """One optimiser step of this player alone. Returns the loss, still on its device."""
        self.player.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = shares.backward(self.loss, real)
        distributed.average_gradients(self.player)
        self.optimizer.step()
        self.player.requires_grad_(False)
        return loss


def take_turns(phases: Sequence[Phase]) -> Step:
    """A step in which the phases follow one another, each with only its own player requiring gradients."""
    for phase in phases:
        phase.player.requires_grad_(False)

    def step(real: Any, number: int) -> dict[str, Tensor]:
        return {phase.name: phase.take(real) for phase in phases if number % phase.every == 0}

    return step


class Monitor:
    """Watches a run. Overwrite what you need; the losses are means since the last call, as floats.

    only_in_turn: leave out the record that Ctrl-C asks for between two regular ones, so that what is seen of a run does
    not depend on when it was interrupted.
    """

    only_in_turn = False

    def start(self, trainer: "Trainer") -> None: ...
    def record(self, trainer: "Trainer", losses: dict[str, float]) -> None: ...
    def end(self, trainer: "Trainer") -> None: ...


class Trainer:
    """Runs a step over batches until so many images were shown, and keeps everything that is needed to go on.

    step: a real batch and the step's number to named losses, tensors that stay on the device until they are recorded.
    players, optimizers: by name, what the checkpoint holds beside the average and the counters.
    learning_rate: progress in [0, 1] to a factor of each optimiser's own rate.
    record_every: steps between two readings of the losses, the only moments at which the host waits for the device.
    save_share: a record is followed by a checkpoint as long as saving takes no more than this share of the time.
    accumulate: micro-batches that each batch is cut into, where a whole one does not fit into memory.
    In a rehearsal a run that is not kept takes a few steps, each counted as its share of all the images: growth and
    schedules are gone through, and nothing is learned.
    Of several processes the first one alone has the monitors and writes; a checkpoint fits any number of them.
    """

    def __init__(
        self,
        step: Step,
        batches: Batches,
        players: dict[str, nn.Module],
        optimizers: dict[str, Optimizer],
        ema: EMA,
        total_images: int,
        learning_rate: Schedule | None = None,
        monitors: Sequence[Monitor] = (),
        record_every: int = 50,
        checkpoint: Path | None = None,
        config: dict | None = None,
        save_share: float = 0.02,
        accumulate: int = 1,
    ):
        shares.refuse_uneven(batches.batch_size, accumulate)
        self.step, self.batches = step, batches
        self.players, self.optimizers, self.ema = players, optimizers, ema
        self.total_images, self.learning_rate = total_images, learning_rate or constant()
        self.monitors = monitors if distributed.is_first() else ()
        self.record_every, self.accumulate = record_every, accumulate
        self.checkpoint, self.config = checkpoint, config or {}
        self.save_share, self._save_due = save_share, 0.0
        self.images = self.steps = 0
        self._images_a_step = batches.batch_size
        if checkpoint is None and rehearsing():
            self._images_a_step, self.record_every = max(batches.batch_size, -(-total_images // REHEARSED_STEPS)), 1
        self._base_rates = {name: [g["lr"] for g in o.param_groups] for name, o in optimizers.items()}
        self._unread: list[dict[str, Tensor | float]] = []

    def run(self) -> None:
        """Train to the end. Raises TrainingError when a loss is no number, TrainingInterrupted after Ctrl-C."""
        self._begin_alike()
        started: list[Monitor] = []
        try:
            for monitor in self.monitors:
                monitor.start(self)
                started.append(monitor)
            with (
                stop_after_step() as stopped,
                workers_of(self.batches),
                shares.sharing(self.players.values(), self.accumulate),
            ):
                while self.images < self.total_images:
                    self.advance()
                    last = self.images >= self.total_images
                    due = last or self.steps % self.record_every == 0
                    if due:
                        self._record(last)
                    elif stopped() and distributed.world_size() == 1:  # several stop together, when due
                        self._record_out_of_turn()
                    if not last and distributed.agreed(stopped(), ask=due):
                        distributed.first_does(self.save)
                        raise TrainingInterrupted(self._farewell())
        except ProcessLost as error:
            raise ProcessLost(f"{error} {self._after_loss()}") from error
        finally:
            for monitor in started:
                monitor.end(self)

    def _begin_alike(self) -> None:
        """Of several processes, all start with the first one's weights and random numbers."""
        distributed.copy_from_first([*self.players.values(), self.ema.model])
        if distributed.world_size() > 1:
            restore_random_state(distributed.first_does(random_state))

    def advance(self) -> None:
        """One step over the next batch. run() repeats this; one by one, they are for those who watch closely."""
        self._take(self.steps * (self._images_a_step // self.batches.batch_size))  # a rehearsal's steps stand for many
        self.steps += 1

    def turn(self, player: str) -> None:
        """The turn of one player alone, over the next batch: a step in which the others' optimisers are held.

        It counts as images shown, not as a step. Buffers that a forward pass moves, as batch norm's, move in it too.
        """
        with held(*(optimizer for name, optimizer in self.optimizers.items() if name != player)):
            self._take(0)  # in step 0 every phase is due

    def _take(self, number: int) -> None:
        """Take the step of that number over the next batch, and let the average follow."""
        self._set_learning_rates()
        real = self._own_part_of_next()
        self._unread.append(self.step(real, number))
        self.ema.update(self.players["generator"], self.batches.batch_size)
        self.images += self._images_a_step

    def _own_part_of_next(self) -> Any:
        """What this process takes of the next batch. Batches that can leave the rest out do."""
        next_part = getattr(self.batches, "next_part", None)
        return next_part(shares.own_part) if next_part else shares.own_part(self.batches.next())

    def _set_learning_rates(self) -> None:
        factor = self.learning_rate(min(1.0, self.images / self.total_images))  # who plays on by hand has no end
        for name, optimizer in self.optimizers.items():
            for group, rate in zip(optimizer.param_groups, self._base_rates[name], strict=True):
                group["lr"] = factor * rate

    def _record(self, last: bool) -> None:
        """Read the losses since the last record, show them to the monitors, save if it is the last or time for it."""
        losses = self.read_losses()
        distributed.first_does(lambda: self._show_and_save(losses, last))

    def _record_out_of_turn(self) -> None:
        """Read the losses for those who keep them; what looks at regular moments must not look at this one."""
        losses = self.read_losses()
        for monitor in self.monitors:
            if not monitor.only_in_turn:
                monitor.record(self, losses)

    def _show_and_save(self, losses: dict[str, float], last: bool) -> None:
        for monitor in self.monitors:
            monitor.record(self, losses)
        if last or time.monotonic() >= self._save_due:
            self.save()

    def read_losses(self) -> dict[str, float]:
        """The mean of each loss since the last reading. Raises TrainingError at the first that is no number."""
        first = self.steps - len(self._unread)
        means = {}
        for name in dict.fromkeys(name for losses in self._unread for name in losses):
            steps = [i for i, losses in enumerate(self._unread) if name in losses]
            values = [torch.as_tensor(self._unread[i][name]) for i in steps]  # a learner's step may return floats
            values = distributed.mean(torch.stack(values).float()).cpu()
            if not values.isfinite().all():
                bad = int((~values.isfinite()).nonzero()[0])
                step = first + steps[bad] + 1
                raise TrainingError(self._diverged(f"{name} loss became {values[bad].item()} at step {step}"))
            means[name] = values.mean().item()
        self._unread.clear()
        return means

    def _diverged(self, what: str) -> str:
        return (
            f"The {what}: training has diverged and was stopped. {self.kept()} "
            "Try a learning rate 3 times smaller, or look for a logarithm of 0 and for NaN in the data."
        )

    def kept(self) -> str:
        """What is on the disk of this run, as a sentence."""
        if not self._has_checkpoint():
            return "No checkpoint was kept."
        return f"The last checkpoint, whose weights are all finite, is {self.checkpoint}."

    def _farewell(self) -> str:
        done = f"Stopped after step {self.steps} ({self.images:,} of {self.total_images:,} images)."
        if not self._has_checkpoint():
            return done + " The networks hold what they have learned so far."
        how = f"go on with `gancourse train --resume {self.checkpoint.parent}`"
        return f"{done} Everything is kept in {self.checkpoint}; {how}."

    def _after_loss(self) -> str:
        if not self._has_checkpoint():
            return f"The run was stopped in step {self.steps + 1}. No checkpoint was kept: start it again."
        return (
            f"The run was stopped in step {self.steps + 1}; the last checkpoint is {self.checkpoint}. Look above for "
            "what ended that process (a kill, or too little memory); then go on, with as many processes as you like, "
            f"by `torchrun --nproc-per-node N -m gancourse train --resume {self.checkpoint.parent}`."
        )

    def _has_checkpoint(self) -> bool:
        return self.checkpoint is not None and self.checkpoint.is_file()

    def save(self) -> None:
        """Write the checkpoint, if the trainer was given a place for one. Raises TrainingError for weights of NaN."""
        if self.checkpoint is None:
            return
        began = time.monotonic()
        for name, player in self.players.items():  # a last finite loss can leave a step behind that is not
            if not torch.stack([p.detach().isfinite().all() for p in player.parameters()]).all():
                raise TrainingError(self._diverged(f"weights of the {name} are no longer numbers at step {self.steps}"))
        save_checkpoint(self.checkpoint, self.state_dict())
        now = time.monotonic()
        self._save_due = now + min((now - began) / self.save_share, LONGEST_UNSAVED)

    def resume(self) -> None:
        """Go back to the moment of the checkpoint. Raises CheckpointError when it is damaged or of another run."""
        self.load_state_dict(distributed.first_does(lambda: load_checkpoint(self.checkpoint)))

    def state_dict(self) -> dict:
        return {
            "config": self.config,
            "images": self.images,
            "steps": self.steps,
            "players": {name: player.state_dict() for name, player in self.players.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "ema": self.ema.state_dict(),
            "batches": self.batches.state_dict(),
            "random": random_state(),
        }

    def load_state_dict(self, state: dict) -> None:
        refuse_other_config(state.get("config", {}), self.config)
        try:
            for name, player in self.players.items():
                player.load_state_dict(state["players"][name])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            self.ema.load_state_dict(state["ema"])
            self.batches.load_state_dict(state["batches"])
            self.images, self.steps = state["images"], state["steps"]
            restore_random_state(state["random"])
            self._unread.clear()  # they belong to another moment
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"The checkpoint does not fit these networks: {error}. It was left as it is; resume it with the "
                "version of gancourse that its environment.json names."
            ) from error


def refuse_other_config(saved: dict, wanted: dict) -> None:
    """Raise CheckpointError that names each number in which a saved run and the wanted one differ."""
    differing = sorted(k for k in saved.keys() | wanted.keys() if saved.get(k) != wanted.get(k))
    if differing:
        lines = [f"{key}: {saved.get(key)!r} in the checkpoint, {wanted.get(key)!r} now" for key in differing]
        raise CheckpointError(
            "This run was started with other numbers, so going on would not be the same run.\n  "
            + "\n  ".join(lines)
            + "\nResume with the old numbers, or start a new run in another folder."
        )


@contextmanager
def workers_of(batches: Batches) -> Iterator[None]:
    """Around a run: where batches have workers, a lost one is told within it, and all of them end with it."""
    if not hasattr(batches, "close"):
        yield
        return
    try:
        with batches.told():
            yield
    finally:
        batches.close()


@contextmanager
def held(*optimizers: Optimizer) -> Iterator[None]:
    """Within it, step() of these optimisers changes nothing: their players are led through a turn and stay put."""
    for optimizer in optimizers:
        optimizer.step = lambda closure=None: None  # on the object, where it hides the class's method
    try:
        yield
    finally:
        for optimizer in optimizers:
            del optimizer.step


@contextmanager
def stop_after_step() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C (and SIGTERM) into a flag that is read between steps; a second Ctrl-C stops at once."""
    asked = False

    def ask(signum: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: asked
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is ask:  # a process that was lost asks for more time
                signal.signal(number, handler)
