"""DCGAN (Radford et al. 2016): the same game as the first GAN's, between convolutional networks."""

from dataclasses import dataclass

import torch
from torch import nn

from gancourse.data import Images
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, he_init
from gancourse.recipes.base import Players
from gancourse.recipes.game import VanillaGame
from gancourse.recipes.images import ImageRecipe
from gancourse.training import Step


@dataclass(frozen=True)
class DCGAN(ImageRecipe):
    """A DCGAN, started so that narrow networks keep their signal (He et al. 2015)."""

    name = "dcgan"
    title = "DCGAN: convolutions on images"
    gpu_data = "celeba"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 8},
        "laptop": {"images": 2400 * 32},
        "gpu": {
            "images": 10_000_000, "batch_size": 128, "size": 64, "colour": True, "width": 64, "latent_dim": 128,
            "learning_rate": 2e-4, "ema_half_life": 50_000.0, "record_every": 500,
        },
    }  # fmt: skip

    batch_size: int = 32
    betas: tuple[float, float] = (0.5, 0.99)
    size: int = 32
    width: int = 16

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = self.start(DCGANGenerator(self.latent_dim, data.shape, self.width)).to(device)
        discriminator = self.start(DCGANDiscriminator(data.shape, self.width)).to(device)
        return self.pair(generator, discriminator)

    def start(self, network: nn.Module) -> nn.Module:
        """The network with the weights from which it sets out."""
        return network.apply(he_init)

    def pair(self, generator: nn.Module, discriminator: nn.Module) -> Players:
        """These two networks with the recipe's optimisers: a learner's own play by the same rules."""
        return Players(generator, discriminator, self.adam(generator), self.adam(discriminator))

    def step(self, players: Players) -> Step:
        return VanillaGame(players, self.latent_dim).step()
