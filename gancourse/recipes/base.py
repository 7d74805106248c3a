"""A recipe is a frozen dataclass with all the numbers of a run, and named budgets that scale it."""

import importlib
import typing
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from gancourse.data.memory import LOADINGS
from gancourse.errors import RecipeError
from gancourse.show import Picture
from gancourse.training import EMA, SCHEDULES, Batches, Engine, Schedule, Step, Trainer, looked_at, warmed_up

MODULES = {
    "vanilla": "gancourse.recipes.vanilla:Vanilla",
    "points": "gancourse.recipes.points:Points",
    "dcgan": "gancourse.recipes.dcgan:DCGAN",
    "wgan_gp": "gancourse.recipes.wgan_gp:WGANGP",
    "points_wgan": "gancourse.recipes.points_wgan:PointsWGAN",
    "conditional": "gancourse.recipes.conditional:Conditional",
    "cyclegan": "gancourse.recipes.cyclegan:CycleGAN",
    "progressive": "gancourse.recipes.progressive:Progressive",
}
BUDGETS = ("smoke", "laptop", "gpu")
DATA_NAMES = ("embedded", "full", "cifar10", "celeba", "scenes", "emoji", "horse2zebra", "grid", "ring")


@dataclass
class Players:
    """Generator, discriminator and an Adam for each: what a step works on, and the engine that computes it."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    engine: Engine = field(default_factory=Engine)


class Scorer:
    """Gives a generator named numbers, always against the same held-out data."""

    def __call__(self, generator: nn.Module) -> dict[str, Any]:
        raise NotImplementedError

    def floor(self, train: Any) -> float | None:
        """The metric of real data, those that are trained on, None where there is no such thing. Raises DataError."""
        return None


@dataclass(frozen=True)
class Recipe(Engine):
    """The numbers that every recipe has, beside the switches of its engine.

    images: shown to the discriminator in all; ema_half_life: in images;
    accumulate: micro-batches that a batch is cut into where memory is short.
    loading: "auto" keeps finite data in the device's memory where they take at most half of what is free there, and
    else has `workers` processes read them ahead; "resident" and "streamed" say so themselves. Same order, same images.
    learning_rate: the generator's; discriminator_rate: the discriminator's, as a multiple of it (Heusel et al. 2017).
    schedule: "linear" or "cosine", down to 0 from the share `decay_from` of the run on, or "constant"; warmup: images
    over which the rates rise from 0 at the start.

    metric: the one of its scores by which two moments of a run, or two runs, are compared; less is better.
    variety: the one that says how much of the data is made, more is better; none where the spread alone says it.
    gpu_data: what the gpu budget trains on where nothing else is named; the other budgets take the embedded data.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    budgets: ClassVar[dict[str, dict[str, Any]]]
    gpu_data: ClassVar[str] = "full"
    metric: ClassVar[str]
    variety: ClassVar[str] = ""

    seed: int = 0
    images: int = 0
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-3
    discriminator_rate: float = 1.0
    betas: tuple[float, float] = (0.0, 0.99)
    schedule: str = "linear"
    decay_from: float = 0.5
    warmup: int = 0
    ema_half_life: float = 10_000.0
    latent_dim: int = 64
    record_every: int = 50
    loading: str = "auto"
    workers: int = 2

    @classmethod
    def for_budget(cls, budget: str = "laptop", **changes: Any) -> Self:
        """The recipe at a budget, with single numbers changed. Raises RecipeError for what does not exist or fit."""
        if budget not in cls.budgets:
            raise RecipeError(f"Recipe {cls.name!r} has no budget {budget!r}. Budgets: {', '.join(cls.budgets)}.")
        recipe = replace(cls(**cls.budgets[budget]), **cls._converted(changes))
        recipe.validate()
        return recipe

    @classmethod
    def _converted(cls, changes: dict[str, Any]) -> dict[str, Any]:
        """Words from a command line to the fields' types; other values must have the type already."""
        types = typing.get_type_hints(cls)
        known = {f.name for f in fields(cls)}
        converted = {}
        for name, value in changes.items():
            if name not in known:
                raise RecipeError(f"Recipe {cls.name!r} has no number {name!r}. It has: {', '.join(sorted(known))}.")
            converted[name] = _convert(name, value, types[name])
        return converted

    def validate(self) -> None:
        """Raise RecipeError that names the number that makes no sense."""
        self.validate_switches()
        self.above_zero("images", "batch_size", "accumulate", "latent_dim", "record_every")
        self.above_zero("ema_half_life", "learning_rate", "discriminator_rate")
        self.at_least(0, "workers")
        if not 0 <= self.seed < 2**31:  # the order of the data puts it before the number of the pass
            raise RecipeError(f"seed must lie between 0 and 2^31 - 1, but is {self.seed}.")
        if self.loading not in LOADINGS:
            raise RecipeError(f"loading must be one of {', '.join(LOADINGS)}, but is {self.loading!r}.")
        if self.batch_size > self.images:
            raise RecipeError(f"batch_size {self.batch_size} is more than all images of the run, {self.images}.")
        if self.accumulate > 1 and not getattr(self, "fresh_fakes", True):
            raise RecipeError("fresh_fakes=false keeps the fakes of one whole batch, so accumulate must be 1 there.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise RecipeError(f"betas must lie in [0, 1), but are {self.betas}.")
        if not 0 <= self.decay_from < 1:
            raise RecipeError(f"decay_from must lie in [0, 1), but is {self.decay_from}.")
        if self.schedule not in SCHEDULES:
            raise RecipeError(f"schedule must be one of {', '.join(SCHEDULES)}, but is {self.schedule!r}.")
        if not 0 <= self.warmup < self.images:
            raise RecipeError(f"warmup must lie between 0 and the {self.images} images, but is {self.warmup}.")

    def at_least(self, lowest: float, *names: str) -> None:
        """Raise RecipeError that names the first of these numbers that lies below the lowest that makes sense."""
        for name in names:
            if not getattr(self, name) >= lowest:
                raise RecipeError(f"{name} must be at least {lowest}, but is {getattr(self, name)}.")

    def above_zero(self, *names: str) -> None:
        """Raise RecipeError that names the first of these numbers that is not above 0."""
        for name in names:
            if not getattr(self, name) > 0:
                raise RecipeError(f"{name} must be above 0, but is {getattr(self, name)}.")

    def as_config(self) -> dict[str, Any]:
        """All numbers, as they are written to config.json and compared when a run goes on."""
        return {"recipe": self.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The recipe that as_config() wrote down."""
        numbers = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items() if k != "recipe"}
        recipe = cls(**cls._converted(numbers))
        recipe.validate()
        return recipe

    def adam(self, player: nn.Module, rate: float = 1.0) -> torch.optim.Adam:
        """Adam for a player, at so many times the recipe's learning rate."""
        return torch.optim.Adam(player.parameters(), rate * self.learning_rate, self.betas, fused=self.fused)

    def both(self, generator: nn.Module, discriminator: nn.Module) -> Players:
        """Two players, each with its Adam."""
        generator, discriminator = self.prepare(generator), self.prepare(discriminator)
        return Players(
            generator, discriminator, self.adam(generator), self.adam(discriminator, self.discriminator_rate), self
        )

    def trainer(self, players: Players, batches: Batches, step: Step, **options: Any) -> Trainer:
        """The loop for these players. options: monitors, checkpoint, config of the Trainer."""
        return Trainer(
            self.stepping(step),
            batches,
            {"generator": players.generator, "discriminator": players.discriminator},
            {"generator": players.generator_optimizer, "discriminator": players.discriminator_optimizer},
            EMA(players.generator, self.ema_half_life),
            self.images,
            self.learning_rate_schedule(),
            record_every=self.record_every,
            accumulate=self.accumulate,
            **options,
        )

    def learning_rate_schedule(self) -> Schedule:
        """The factor of both learning rates over the run."""
        return warmed_up(SCHEDULES[self.schedule](self.decay_from), self.warmup / self.images)

    def noise(self, n: int, seed: int, device: torch.device | str = "cpu") -> Tensor:
        """Latents (n, latent_dim) for pictures and measurements, without touching the global random generators."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(n, self.latent_dim, generator=generator).to(device)

    @classmethod
    def default_data(cls, budget: str) -> str:
        """The data of a budget where nobody names others."""
        return cls.gpu_data if budget == "gpu" else "embedded"

    # What each recipe says for itself.

    def load_data(self, source: str, split: str = "train") -> Any:
        """The data named by `--data`."""
        raise NotImplementedError

    def players(self, data: Any, device: torch.device | str = "cpu") -> Players:
        """Freshly initialised players, the same for the same seed."""
        raise NotImplementedError

    def batches(self, data: Any, device: torch.device | str = "cpu") -> Batches:
        raise NotImplementedError

    def step(self, players: Players) -> Step:
        """How these players take their turns."""
        raise NotImplementedError

    def scorer(self, source: str, device: torch.device | str = "cpu") -> Scorer | None:
        """What scores generators against held-out data of a source, or None where these data cannot be scored."""
        raise NotImplementedError

    def picture(self, generator: nn.Module, n: int = 100, seed: int = 1) -> Picture:
        """Samples from fixed noise."""
        raise NotImplementedError

    def reals(self, data: Any, n: int) -> list[Tensor]:
        """About n real samples, in the groups (classes, directions) within which samples should vary."""
        raise NotImplementedError

    def fakes(self, generator: nn.Module, n: int, seed: int = 3) -> list[Tensor]:
        """About n samples from fixed noise, in the groups of `reals`."""
        raise NotImplementedError

    def logits(self, players: Players, batch: Any) -> tuple[Tensor, Tensor]:
        """What D says of a real batch and of as many fakes from fixed noise, flat. Leaves the players as they are."""
        generator, discriminator = players.generator, players.discriminator
        with looked_at(generator, discriminator):
            fake = generator(self.noise(len(batch), 3, batch.device))
            return discriminator(batch).flatten(), discriminator(fake).flatten()


def _convert(name: str, value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind) or kind
    try:
        if origin is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            a, b = (float(part) for part in parts)
            return (a, b)
        if origin is bool and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()]
        if origin is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        return origin(value)
    except (KeyError, TypeError, ValueError):
        wanted = "two numbers, like 0.5,0.99" if origin is tuple else f"of type {origin.__name__}"
        raise RecipeError(f"{name} must be {wanted}, but is {value!r}.") from None


def recipe_class(name: str) -> type[Recipe]:
    """The recipe of that name. Raises RecipeError that lists the names there are."""
    if name not in MODULES:
        raise RecipeError(f"There is no recipe {name!r}. Recipes: {', '.join(MODULES)}.")
    module, _, attribute = MODULES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
