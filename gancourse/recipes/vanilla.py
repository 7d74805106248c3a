"""The first GAN, on images: two MLPs and the non-saturating loss (Goodfellow et al. 2014), with what makes it steady.

Added since: R1 (Mescheder et al. 2018), an average of the generator (Yazici et al. 2019), learning-rate decay.
"""

from dataclasses import dataclass

import torch

from gancourse.data import Images
from gancourse.nets import MLPDiscriminator, MLPGenerator
from gancourse.recipes.base import Players
from gancourse.recipes.game import VanillaGame
from gancourse.recipes.images import ImageRecipe
from gancourse.training import Step


@dataclass(frozen=True)
class Vanilla(ImageRecipe):
    """An MLP GAN on Fashion-MNIST. width: of the narrowest hidden layer; gamma, r1_every: weight and interval of R1;
    fresh_fakes: see VanillaGame."""

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
    r1_every: int = 1
    fresh_fakes: bool = True

    def validate(self) -> None:
        super().validate()
        self.at_least(0, "gamma")
        self.at_least(1, "r1_every")

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = MLPGenerator(self.latent_dim, data.shape, self.width).to(device)
        discriminator = MLPDiscriminator(data.shape, self.width).to(device)
        return self.both(generator, discriminator)

    def step(self, players: Players) -> Step:
        return VanillaGame(
            players, self.latent_dim, self.gamma, fresh_fakes=self.fresh_fakes, r1_every=self.r1_every
        ).step()
