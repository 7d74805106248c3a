"""The first GAN, on images: two MLPs and the non-saturating loss (Goodfellow et al. 2014), with what makes it steady.

Added since: R1 (Mescheder et al. 2018), an average of the generator (Yazici et al. 2019), learning-rate decay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gancourse.data import Images, ShuffledBatches, fashion_mnist, load_images
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import ImageScorer
from gancourse.nets import MLPDiscriminator, MLPGenerator
from gancourse.recipes.base import Players, Recipe
from gancourse.recipes.game import VanillaGame, generate
from gancourse.show import Picture, image_grid
from gancourse.training import Step


@dataclass(frozen=True)
class Vanilla(Recipe):
    """An MLP GAN on Fashion-MNIST. width: of the narrowest hidden layer; gamma: weight of R1."""

    name = "vanilla"
    title = "Vanilla GAN: MLPs on images"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 32},
        "laptop": {"images": 2600 * 64},
        "gpu": {
            "images": 20_000_000,
            "batch_size": 256,
            "width": 1024,
            "ema_half_life": 100_000.0,
            "record_every": 500,
        },
    }

    width: int = 256
    gamma: float = 5.0

    def validate(self) -> None:
        super().validate()
        if self.width < 1 or self.gamma < 0:
            raise RecipeError(
                f"width must be at least 1 and gamma at least 0, but they are {self.width}, {self.gamma}."
            )

    def load_data(self, source: str = "embedded", split: str = "train") -> Images:
        return load_images(source, split)

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = MLPGenerator(self.latent_dim, data.shape, self.width).to(device)
        discriminator = MLPDiscriminator(data.shape, self.width).to(device)
        return Players(generator, discriminator, self.adam(generator), self.adam(discriminator))

    def batches(self, data: Images, device: torch.device | str = "cpu") -> ShuffledBatches:
        return ShuffledBatches(data, self.batch_size, self.seed, device)

    def step(self, players: Players) -> Step:
        return VanillaGame(players, self.latent_dim, self.gamma).step()

    def scorer(
        self, source: str = "embedded", device: torch.device | str = "cpu"
    ) -> Callable[[nn.Module], dict] | None:
        return image_scorer(self, source, device)

    def floor(self, source: str = "embedded", n: int = 2000) -> float:
        """The nFD of n real train images against n real test images: nothing honest gets below it."""
        return ImageScorer(self.load_data(source, "test").first(n))(self.load_data(source).first(n)).nfd

    def picture(self, generator: nn.Module, n: int = 100, seed: int = 1) -> Picture:
        images = generate(generator, self.noise(n, seed))
        return image_grid(images, f"{len(images)} generated images, in rows of ten")


def image_scorer(
    recipe: Recipe, source: str = "embedded", device: torch.device | str = "cpu", n: int = 2000
) -> Callable[[nn.Module], dict[str, Any]] | None:
    """Scores against held-out real images of the same source; None where the course classifier does not apply."""
    try:
        test = recipe.load_data(source, "test")
        if test.classes != fashion_mnist("test").classes:
            return None
        scorer = ImageScorer(test.first(n).to(device))
    except DataError:
        return None
    return lambda generator: scorer(generate(generator, recipe.noise(n, seed=2))).as_dict()
