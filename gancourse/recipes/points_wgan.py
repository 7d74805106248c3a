"""WGANs on 2-D mixtures: the gradient penalty, or the weight clipping that it replaced."""

from dataclasses import dataclass

from gancourse.recipes.base import Players
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.points import PointRecipe
from gancourse.training import Step


@dataclass(frozen=True)
class PointsWGAN(PointRecipe):
    """A WGAN on the grid of 25 bumps. clip: bound of the critic's weights, instead of the penalty; 0 is WGAN-GP."""

    name = "points_wgan"
    title = "WGAN on a 2-D mixture"
    budgets = {
        "smoke": {"images": 20 * 128, "record_every": 5},
        "laptop": {"images": 9000 * 128},
        "gpu": {"images": 40_000 * 1024, "batch_size": 1024},
    }

    batch_size: int = 128
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.9)
    n_critic: int = 2
    gp_weight: float = 1.0
    penalty_every: int = 1
    clip: float = 0.0

    def validate(self) -> None:
        super().validate()
        self.at_least(1, "n_critic", "penalty_every")
        self.at_least(0, "clip")
        self.above_zero("gp_weight")

    def step(self, players: Players) -> Step:
        numbers = self.gp_weight, self.n_critic, self.clip
        return CriticGame(players, self.latent_dim, *numbers, penalty_every=self.penalty_every).step()
