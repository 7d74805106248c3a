"""The first GAN, on images: two MLPs and the non-saturating loss (Goodfellow et al. 2014), with what makes it steady.

Added since: R1 (Mescheder et al. 2018), an average of the generator (Yazici et al. 2019), learning-rate decay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.data import Images, ShuffledBatches, fashion_mnist, load_images
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import ImageScorer
from gancourse.nets import MLPDiscriminator, MLPGenerator
from gancourse.recipes.base import Players, Recipe
from gancourse.show import Picture, image_grid
from gancourse.training import Phase, Step, take_turns


def sample_noise(n: int, latent_dim: int, device: torch.device | str = "cpu") -> Tensor:
    """Standard normal noise (n, latent_dim): what the generator starts from."""
    return torch.randn(n, latent_dim, device=device)


class VanillaGame:
    """What each player minimises. Fakes for D are made without a graph; G's turn draws fresh noise.

    gamma: the weight of R1 in D's loss (gamma / 2 * R1); 0 leaves it out. The three functions are the course's own
    unless others are given: a learner's game runs through the same loop.
    """

    def __init__(
        self,
        players: Players,
        latent_dim: int,
        gamma: float = 0.0,
        sample_noise: Callable[..., Tensor] = sample_noise,
        discriminator_loss: Callable[..., Tensor] = objectives.discriminator_loss,
        generator_loss: Callable[..., Tensor] = objectives.generator_loss,
    ):
        self.players, self.latent_dim, self.gamma = players, latent_dim, gamma
        self.generator, self.discriminator = players.generator, players.discriminator
        self._sample_noise = sample_noise
        self._discriminator_loss, self._generator_loss = discriminator_loss, generator_loss

    def _fakes(self, real: Tensor) -> Tensor:
        return self.generator(self._sample_noise(len(real), self.latent_dim, device=real.device))

    def discriminator_loss(self, real: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self._fakes(real)
        real = real.requires_grad_(self.gamma > 0)
        real_logits = self.discriminator(real)
        loss = self._discriminator_loss(real_logits, self.discriminator(fake))
        if self.gamma > 0:
            loss = loss + self.gamma / 2 * objectives.r1_penalty(real_logits, real)
        return loss

    def generator_loss(self, real: Tensor) -> Tensor:
        return self._generator_loss(self.discriminator(self._fakes(real)))

    def step(self) -> Step:
        """D's turn, then G's."""
        players = self.players
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
