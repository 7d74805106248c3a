"""The first GAN, on images: two MLPs and the non-saturating loss (Goodfellow et al. 2014), with what makes it steady.

Added since: R1 (Mescheder et al. 2018), an average of the generator (Yazici et al. 2019), learning-rate decay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data import Images, ShuffledBatches, fashion_mnist, load_images
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import ImageScorer
from gancourse.nets import MLPDiscriminator, MLPGenerator
from gancourse.objectives import discriminator_loss, generator_loss, r1_penalty
from gancourse.recipes.base import Players, Recipe
from gancourse.show import Picture, image_grid
from gancourse.training import Phase, Step, take_turns


class VanillaGame:
    """What each player minimises. Fakes for D are made without a graph; G's turn draws fresh noise.

    gamma: the weight of R1 in D's loss (gamma / 2 * R1); 0 leaves it out.
    """

    def __init__(self, players: Players, latent_dim: int, gamma: float = 0.0, saturating: bool = False):
        self.generator, self.discriminator = players.generator, players.discriminator
        self.latent_dim, self.gamma, self.saturating = latent_dim, gamma, saturating

    def _noise(self, real: Tensor) -> Tensor:
        return torch.randn(len(real), self.latent_dim, device=real.device)

    def discriminator_loss(self, real: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self.generator(self._noise(real))
        real = real.requires_grad_(self.gamma > 0)
        real_logits = self.discriminator(real)
        loss = discriminator_loss(real_logits, self.discriminator(fake))
        if self.gamma > 0:
            loss = loss + self.gamma / 2 * r1_penalty(real_logits, real)
        return loss

    def generator_loss(self, real: Tensor) -> Tensor:
        fake = self.generator(self._noise(real))
        return generator_loss(self.discriminator(fake), self.saturating)

    def step(self, players: Players) -> Step:
        """D's turn, then G's."""
        return take_turns(
            [
                Phase("discriminator", players.discriminator, players.discriminator_optimizer, self.discriminator_loss),
                Phase("generator", players.generator, players.generator_optimizer, self.generator_loss),
            ]
        )


@dataclass(frozen=True)
class Vanilla(Recipe):
    """An MLP GAN on Fashion-MNIST. width: of the narrowest hidden layer; gamma: weight of R1."""

    name = "vanilla"
    title = "Vanilla GAN: MLPs on images"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 32},
        "laptop": {"images": 2600 * 64},
        "gpu": {"images": 20_000_000, "batch_size": 256, "width": 1024, "ema_half_life": 100_000.0, "record_every": 500},
    }

    width: int = 256
    gamma: float = 1.0

    def validate(self) -> None:
        super().validate()
        if self.width < 1 or self.gamma < 0:
            raise RecipeError(f"width must be at least 1 and gamma at least 0, but they are {self.width}, {self.gamma}.")

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
        return VanillaGame(players, self.latent_dim, self.gamma).step(players)

    def scorer(self, source: str = "embedded", device: torch.device | str = "cpu") -> Callable[[nn.Module], dict] | None:
        return image_scorer(self, source, device)

    def picture(self, generator: nn.Module, n: int = 100, seed: int = 1) -> Picture:
        images = generate(generator, self.noise(n, seed))
        return image_grid(images, f"{len(images)} generated images, in rows of ten")


@torch.no_grad()
def generate(generator: nn.Module, noise: Tensor, batch: int = 500) -> Tensor:
    """Samples for the noise (N, latent_dim), in eval mode; the mode is restored afterwards."""
    training = generator.training
    generator.eval()
    try:
        device = next(generator.parameters()).device
        return torch.cat([generator(part.to(device)) for part in noise.split(batch)])
    finally:
        generator.train(training)


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
