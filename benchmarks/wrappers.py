"""What averages the gradients of two processes rightly: DDP, Fabric, Accelerate or one flat all-reduce after backward.

    python benchmarks/wrappers.py

Two processes (gloo, on the CPU, float64) share a batch; the gradients that they end with are compared with those of one
process that has the whole batch. Every case is a GAN's turn and is taken twice, because some errors show the second
time only. Needs `pip install lightning-fabric accelerate` for their columns.
"""

import copy
import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from common import write
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import spectral_norm

from gancourse.objectives import critic_loss, discriminator_loss, gradient_norm, logits_and_r1
from gancourse.training import distributed, shares

BATCH, WAIT = 8, 10.0  # samples; seconds until a case that hangs is given up
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


def plain(d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Two calls of D before one backward."""
    return discriminator_loss(d(real), d(fake))


def with_r1(d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The same with a penalty, which differentiates D twice."""
    logits, r1 = logits_and_r1(d, real, gamma=2.0)
    return discriminator_loss(logits, d(fake)) + r1


def lazy_r1(d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The penalty in a turn of its own, which gives the last layer's bias no gradient."""
    return logits_and_r1(d, real, gamma=2.0)[1]


def wgan_gp(d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The middle of each pair stands for the random point between: the same for everybody."""
    return critic_loss(d(real), d(fake)) + (gradient_norm(d, (real + fake) / 2) - 1).pow(2).mean()


def player(*, norm: bool = False, spectral: bool = False) -> nn.Module:
    """A small discriminator of points."""
    first = nn.Linear(2, 8)
    layers = [spectral_norm(first) if spectral else first, nn.BatchNorm1d(8) if norm else nn.Identity()]
    return nn.Sequential(*layers, nn.Softplus(), nn.Linear(8, 1), nn.Flatten(0))


CASES: dict[str, tuple[Loss, dict, int]] = {  # loss, what the player has, micro-batches
    "real and fake, one backward": (plain, {}, 1),
    "R1 in D's loss": (with_r1, {}, 1),
    "R1 in a turn of its own": (lazy_r1, {}, 1),
    "WGAN-GP": (wgan_gp, {}, 1),
    "WGAN-GP, two micro-batches": (wgan_gp, {}, 2),
    "spectral norm": (plain, {"spectral": True}, 1),
    "batch norm": (plain, {"norm": True}, 1),
    "batch norm and R1": (with_r1, {"norm": True}, 1),
}


class Flat:
    """The course's own: nothing is wrapped, one all-reduce after backward."""

    def __init__(self, module: nn.Module):
        self.module = module

    def turn(self, loss: Loss, real: Tensor, fake: Tensor, micro_batches: int) -> None:
        """The gradients of this process's half, in so many parts, averaged over both."""
        with shares.sharing([self.module], micro_batches):
            shares.backward(lambda half: loss(self.module, *half), (real, fake))
        distributed.average_gradients(self.module)


class Wrapped:
    """A wrapper around the player that averages while backward runs, here torch's own."""

    options: dict[str, bool] = {}

    def __init__(self, module: nn.Module):
        self.module = DistributedDataParallel(module, **self.options)

    def later(self) -> Any:
        """Around all micro-batches but the last: do not average yet."""
        return self.module.no_sync()

    def backward(self, loss: Tensor) -> None:
        """What stands for loss.backward()."""
        loss.backward()

    def turn(self, loss: Loss, real: Tensor, fake: Tensor, micro_batches: int) -> None:
        """The gradients of this process's half, in so many parts, averaged over both."""
        parts = list(zip(real.chunk(micro_batches), fake.chunk(micro_batches), strict=True))
        for number, part in enumerate(parts, 1):
            with self.later() if number < micro_batches else nullcontext():
                self.backward(loss(self.module, *part) / micro_batches)


class FindingUnused(Wrapped):
    """DDP that looks, in each forward, for weights which will get no gradient."""

    options = {"find_unused_parameters": True}


class WithSyncBatchNorm(Wrapped):
    """DDP with torch's batch norm for several processes."""

    def __init__(self, module: nn.Module):
        super().__init__(nn.SyncBatchNorm.convert_sync_batchnorm(module))


class Fabric(Wrapped):
    """Lightning Fabric with its strategy "ddp"."""

    def __init__(self, module: nn.Module):
        import lightning_fabric

        self.fabric = lightning_fabric.Fabric(accelerator="cpu", devices=2, strategy="ddp")
        self.fabric.launch()
        self.module = self.fabric.setup_module(module)

    def later(self) -> Any:
        return self.fabric.no_backward_sync(self.module)

    def backward(self, loss: Tensor) -> None:
        self.fabric.backward(loss)


class Accelerate(Wrapped):
    """Hugging Face Accelerate as it comes."""

    def __init__(self, module: nn.Module):
        import accelerate

        self.accelerator = accelerate.Accelerator(cpu=True)
        self.module = self.accelerator.prepare(module)

    def later(self) -> Any:
        return self.accelerator.no_sync(self.module)

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)


WAYS = {
    "flat all-reduce": Flat,
    "DDP": Wrapped,
    "DDP, find_unused_parameters": FindingUnused,
    "DDP, SyncBatchNorm": WithSyncBatchNorm,
    "Fabric": Fabric,
    "Accelerate": Accelerate,
}


def turns(rank: int, way: type[Flat] | type[Wrapped], case: str) -> Iterator[float]:
    """How far the gradients of two turns are from those of one process, as a share of the largest of them."""
    loss, options, micro_batches = CASES[case]
    torch.manual_seed(0)
    mine = player(**options)
    alone, shared = copy.deepcopy(mine), way(mine)
    for _ in range(2):
        real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2)
        for net in (mine, alone):
            net.zero_grad(set_to_none=True)
        loss(alone, real, fake).backward()
        shared.turn(loss, real.chunk(2)[rank], fake.chunk(2)[rank], micro_batches)
        pairs = [(p.grad, q.grad) for p, q in zip(mine.parameters(), alone.parameters(), strict=True)]
        got, wanted = (torch.cat([g.flatten() for g in side if g is not None]) for side in zip(*pairs, strict=True))
        yield float((got - wanted).abs().max() / wanted.abs().max())


def work(rank: int, port: int, name: str, case: str, pipe: Any) -> None:
    """One of the two processes. Sends the difference at each turn, and what went wrong."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "trial"}
    dist.init_process_group("gloo", timeout=timedelta(seconds=WAIT))
    seen: list[float | str] = []
    try:
        for difference in turns(rank, WAYS[name], case):
            seen.append(difference)
    except Exception as error:
        seen.append(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
    pipe.send(seen)


def trial(context: Any, port: int, name: str, case: str) -> list[float | str]:
    """What process 0 says of a case, in fresh processes."""
    mine, theirs = context.Pipe(duplex=False)
    _, silent = context.Pipe(duplex=False)
    workers = [context.Process(target=work, args=(r, port, name, case, theirs if r == 0 else silent)) for r in range(2)]
    for worker in workers:
        worker.start()
    answer = mine.recv() if mine.poll(6 * WAIT) else ["hangs"]
    for worker in workers:
        worker.kill()
        worker.join()
    return answer


def shown(answer: list[float | str]) -> str:
    """The answers of both turns for the table, once where they are alike."""
    return ", then ".join(dict.fromkeys(map(_shown, answer)))


def _shown(answer: float | str) -> str:
    if isinstance(answer, str):
        return f"error: {answer.partition('. ')[0]}"
    return "equal" if answer < 1e-12 else "wrong"  # float64 leaves a right average some 1e-15 off


def main() -> None:
    """Try every case in every way that is installed."""
    context = multiprocessing.get_context("forkserver")
    modules = {"Fabric": "lightning_fabric", "Accelerate": "accelerate"}
    ways = [name for name in WAYS if name not in modules or importlib.util.find_spec(modules[name])]
    context.set_forkserver_preload(["torch.distributed", *(modules[n] for n in ways if n in modules), "__main__"])
    rows, port = [], 21000 + os.getpid() % 20000
    for case in CASES:
        rows.append({"case": case})
        for name in ways:
            port += 1
            rows[-1][name] = trial(context, port, name, case)
            print(case, "|", name, "|", rows[-1][name], flush=True)
    head = "| | " + " | ".join(ways) + " |\n|" + "---|" * (len(ways) + 1)
    body = "\n".join(f"| {r['case']} | " + " | ".join(shown(r[name]) for name in ways) + " |" for r in rows)
    write("wrappers", "python benchmarks/wrappers.py", f"{head}\n{body}", rows)


if __name__ == "__main__":
    main()
