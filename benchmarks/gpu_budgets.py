"""What a gpu budget will ask of a device, counted on a CPU: parameters, arithmetic, and the memory of one step.

    python benchmarks/gpu_budgets.py

The costliest step is played with a few images and scaled to the batch. Memory: weights, gradients, both Adam moments,
the average, and the tensors that backward keeps; what a device's libraries take is not in it. Hours are arithmetic
divided by a rate that you can look up for your device, not a measured time, and an upper bound: every step is taken
for the costliest, though sizes grow and some turns come rarely.
"""

from typing import Any

import torch
from common import write
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gancourse.data import Images, Unpaired
from gancourse.recipes import MODULES, recipe_class
from gancourse.recipes.base import Recipe

IMAGES = 4  # in the step that is played
RATE = 10e12  # arithmetic a second for the column of hours
SHAPES = {"cifar10": (3, 32, 10), "celeba": (3, None, 0), "full": (1, None, 10), "horse2zebra": (3, None, 0)}


class Flops(TorchDispatchMode):
    """Counts the arithmetic of convolutions and matrix products, also inside a backward of a backward.

    (torch's own FlopCounterMode puts hooks on modules, which a gradient penalty does not allow.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def stand_in(recipe: Recipe) -> Images | Unpaired | None:
    """Noise of the shape and with the classes of the real data; None for data that are no images."""
    if recipe.gpu_data not in SHAPES:
        return None
    channels, size, classes = SHAPES[recipe.gpu_data]
    size = size or recipe.size
    pixels = torch.randint(0, 256, (64, channels, size, size), dtype=torch.uint8)
    labels = torch.arange(64) % classes if classes else None
    images = Images(recipe.gpu_data, pixels, labels, tuple(map(str, range(classes))))
    return Unpaired("stand-in", images, images) if recipe.gpu_data == "horse2zebra" else images


def count(name: str) -> dict | None:
    """Play one step of a recipe's gpu budget with a few images."""
    recipe = recipe_class(name).for_budget("gpu")
    data = stand_in(recipe)
    if data is None:
        return None
    small = recipe_class(name).for_budget("gpu", batch_size=IMAGES)
    players = small.players(data)
    step, batch = small.step(players), small.batches(data).next()
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {p.data_ptr() for player in (players.generator, players.discriminator) for p in player.parameters()}
    last = recipe.images // IMAGES  # a growing recipe is largest at its end
    last -= last % 60  # a step in which every turn is taken, the rare ones too
    with Flops() as flops, saved_tensors_hooks(keep, lambda tensor: tensor):
        step(batch, last)
    generator, discriminator = (
        sum(p.numel() for p in player.parameters()) for player in (players.generator, players.discriminator)
    )
    fixed = 4 * (5 * generator + 4 * discriminator)
    per_image = flops.total / IMAGES
    return {
        "recipe": name, "data": recipe.gpu_data, "images": recipe.images, "batch": recipe.batch_size,
        "generator": generator, "discriminator": discriminator, "flop_per_image": per_image,
        "flop": per_image * recipe.images, "bytes": fixed + sum(kept.values()) / IMAGES * recipe.batch_size,
    }  # fmt: skip


def line(row: dict) -> str:
    """One row of the table."""
    cells = [
        row["recipe"],
        row["data"],
        f"{row['images'] / 1e6:g} M x {row['batch']}",
        f"{row['generator'] / 1e6:.1f} M, {row['discriminator'] / 1e6:.1f} M",
        f"{row['flop_per_image'] / 1e9:.1f}",
        f"{row['bytes'] / 2**30:.1f}",
        f"{row['flop'] / RATE / 3600:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """The command line."""
    torch.manual_seed(0)
    rows = [row for row in map(count, MODULES) if row]
    head = "| recipe | data | images x batch | parameters G, D "
    head += "| GFLOP an image, at most | GiB a step | hours at 10 TFLOP/s, at most |"
    table = "\n".join([head, "|" + "---|" * 7, *map(line, rows)])
    write("gpu_budgets", "python benchmarks/gpu_budgets.py", table, rows)


if __name__ == "__main__":
    main()
