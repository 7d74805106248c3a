"""DCGAN (Radford et al. 2016): the same game as the first GAN's, between convolutional networks."""

from dataclasses import dataclass

import torch

from gancourse.data import Images
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, dcgan_init
from gancourse.recipes.base import Players
from gancourse.recipes.game import VanillaGame
from gancourse.recipes.images import ImageRecipe
from gancourse.training import Step


@dataclass(frozen=True)
class DCGAN(ImageRecipe):
    """A DCGAN with the cures of lesson 1: R1, no momentum, D told how much its batch varies, an average, decay.

    The networks start as in the paper: small weights let Adam turn them round quickly. gamma, r1_every: weight
    and interval of R1; fresh_fakes: see VanillaGame.
    """

    name = "dcgan"
    title = "DCGAN: convolutions on images"
    gpu_data = "celeba"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 8},
        "laptop": {"images": 2700 * 16},
        "gpu": {
            "images": 10_000_000, "batch_size": 128, "size": 64, "colour": True, "width": 64, "latent_dim": 128,
            "learning_rate": 2e-4, "ema_half_life": 50_000.0, "record_every": 500,
        },
    }  # fmt: skip

    batch_size: int = 16
    learning_rate: float = 4e-3
    size: int = 32
    width: int = 16
    gamma: float = 1.0
    r1_every: int = 1
    fresh_fakes: bool = True

    def validate(self) -> None:
        super().validate()
        self.at_least(0, "gamma")
        self.at_least(1, "r1_every")

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = DCGANGenerator(self.latent_dim, data.shape, self.width).apply(dcgan_init).to(device)
        discriminator = DCGANDiscriminator(data.shape, self.width, batch_std=True).apply(dcgan_init).to(device)
        return self.both(generator, discriminator)

    def step(self, players: Players) -> Step:
        return VanillaGame(
            players, self.latent_dim, self.gamma, fresh_fakes=self.fresh_fakes, r1_every=self.r1_every
        ).step()
