"""WGAN-GP (Gulrajani et al. 2017): a critic that measures a distance, held to slope 1 by a penalty."""

from dataclasses import dataclass

import torch

from gancourse.data import Images
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, dcgan_init
from gancourse.recipes.base import Players
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.images import ImageRecipe
from gancourse.training import Step


@dataclass(frozen=True)
class WGANGP(ImageRecipe):
    """DCGAN's networks, without batch norm in the critic. images: shown to the critic.

    n_critic: turns of the critic for each of G; gp_weight: the paper's lambda; penalty_every: the penalty is taken in
    every so many of the critic's turns, and as much stronger. The gpu budget has the numbers of the paper's section 4:
    lambda 10, 5 turns, Adam at 1e-4 with betas (0, 0.9), batches of 64.
    """

    name = "wgan_gp"
    title = "WGAN-GP: a critic with a gradient penalty"
    gpu_data = "cifar10"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 8},
        "laptop": {
            "images": 2000 * 32, "learning_rate": 4e-3, "batch_size": 32, "n_critic": 1, "penalty_every": 2,
            "decay_from": 0.3, "ema_half_life": 3000.0,
        },
        "gpu": {
            "images": 200_000 * 5 * 64, "width": 128, "latent_dim": 128, "ema_half_life": 50_000.0,
            "decay_from": 0.0, "record_every": 500,
        },
    }  # fmt: skip

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.9)
    size: int = 32
    n_critic: int = 5
    gp_weight: float = 10.0
    penalty_every: int = 1

    def validate(self) -> None:
        super().validate()
        self.at_least(1, "n_critic", "penalty_every")
        self.above_zero("gp_weight")

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        generator = DCGANGenerator(self.latent_dim, data.shape, self.width).apply(dcgan_init).to(device)
        critic = DCGANDiscriminator(data.shape, self.width).apply(dcgan_init).to(device)
        return self.both(generator, critic)

    def step(self, players: Players) -> Step:
        game = CriticGame(players, self.latent_dim, self.gp_weight, self.n_critic, penalty_every=self.penalty_every)
        return game.step()
