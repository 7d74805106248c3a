"""GANs on 2-D mixtures, where what was learned can be counted."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from gancourse.data import DrawnBatches, Mixture, grid, ring
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import high_quality_share, misplaced_share, modes_covered
from gancourse.nets import PointDiscriminator, PointGenerator
from gancourse.objectives import generator_loss
from gancourse.recipes.base import Players, Recipe, Scorer
from gancourse.recipes.game import VanillaGame, generate
from gancourse.show import Picture, scatter
from gancourse.training import Step

MIXTURES = {"ring": ring, "grid": grid}
SCORED = 10_000


@dataclass(frozen=True)
class PointRecipe(Recipe):
    """What recipes for 2-D mixtures share. width: of the MLPs' hidden layers."""

    gpu_data = "grid"
    metric = "misplaced"
    variety = "modes"

    batch_size: int = 256
    latent_dim: int = 2
    ema_half_life: float = 35_000.0
    width: int = 128

    def validate(self) -> None:
        super().validate()
        self.at_least(1, "width")
        if self.loading != "auto":
            raise RecipeError("loading has no place here: points are drawn, not loaded.")

    def load_data(self, source: str = "grid", split: str = "train") -> Mixture:
        source = "grid" if source == "embedded" else source
        if source not in MIXTURES:
            raise DataError(f"There is no mixture {source!r}. Choose 'grid' or 'ring'.")
        return MIXTURES[source]()

    def players(self, data: Mixture, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = PointGenerator(self.latent_dim, self.width).to(device)
        discriminator = PointDiscriminator(self.width).to(device)
        return self.both(generator, discriminator)

    def batches(self, data: Mixture, device: torch.device | str = "cpu") -> DrawnBatches:
        return DrawnBatches(data, self.batch_size, self.seed, device)

    def scorer(self, source: str = "grid", device: torch.device | str = "cpu") -> "PointScorer":
        return PointScorer(self, self.load_data(source))

    def floor(self, source: str = "grid") -> float:
        """The misplaced share of real points: one in a hundred leaves its circle, and chance does the rest."""
        mixture = self.load_data(source)
        return PointScorer(self, mixture).floor(mixture)

    def sample(self, generator: nn.Module, n: int, seed: int = 2) -> Tensor:
        """n points (n, 2) from fixed noise, on the CPU."""
        return generate(generator, self.noise(n, seed), batch=n).cpu()

    def reals(self, data: Mixture, n: int) -> list[Tensor]:
        return [data.sample(n, torch.Generator().manual_seed(3))]

    def fakes(self, generator: nn.Module, n: int, seed: int = 3) -> list[Tensor]:
        return [self.sample(generator, n, seed)]

    def picture(self, generator: nn.Module, n: int = 2000, seed: int = 1) -> Picture:
        return scatter({"generated": self.sample(generator, n, seed)}, torch.empty(0, 2), f"{n} generated points")


@dataclass(frozen=True)
class PointScorer(Scorer):
    """Counts generated points over the bumps of a mixture."""

    recipe: PointRecipe
    mixture: Mixture

    def __call__(self, generator: nn.Module) -> dict[str, float]:
        return point_scores(self.recipe.sample(generator, SCORED), self.mixture)

    def floor(self, train: Mixture) -> float:
        return point_scores(train.sample(SCORED, torch.Generator().manual_seed(2)), self.mixture)["misplaced"]


def point_scores(samples: Tensor, mixture: Mixture) -> dict[str, float]:
    """What can be counted in samples (N, 2): see metrics.modes."""
    where = (samples, mixture.centers, mixture.std)
    return {
        "modes": modes_covered(*where),
        "high_quality": high_quality_share(*where),
        "misplaced": misplaced_share(*where),
        "n_fake": len(samples),
    }


@dataclass(frozen=True)
class Points(PointRecipe):
    """An MLP GAN on the grid of 25 bumps, or with --data ring on the ring of 8. r1_every: see VanillaGame."""

    name = "points"
    title = "GAN on a 2-D mixture"
    budgets = {
        "smoke": {"images": 20 * 256, "record_every": 5},
        "laptop": {"images": 5000 * 256},
        "gpu": {"images": 20_000 * 1024, "batch_size": 1024},
    }

    gamma: float = 0.3
    r1_every: int = 1
    saturating: bool = False

    @classmethod
    def broken(cls, seed: int = 0) -> Self:
        """The game as equation 1 has it: saturating loss, no R1, no decay, and Adam as torch ships it."""
        return cls.for_budget("laptop", seed=seed, gamma=0.0, saturating=True, betas=(0.9, 0.999), decay_from=0.999)

    def validate(self) -> None:
        super().validate()
        self.at_least(0, "gamma")
        self.at_least(1, "r1_every")

    def step(self, players: Players) -> Step:
        loss = partial(generator_loss, saturating=self.saturating)
        return VanillaGame(players, self.latent_dim, self.gamma, generator_loss=loss, r1_every=self.r1_every).step()
