"""Progressive growing (Karras et al. 2018): first 4 x 4, then one doubling after another, each faded in.

Which stage a step belongs to depends on the count of images alone, so a run that stops in the middle of a fade goes on
bit for bit. The optimisers and the average are the same from the first step to the last.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.data import Images
from gancourse.errors import RecipeError
from gancourse.nets import fade_in
from gancourse.nets.progressive import (
    Parts,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    stage_widths,
    stages_of,
)
from gancourse.recipes.base import Players
from gancourse.recipes.game import VanillaGame, generate
from gancourse.recipes.images import ImageRecipe
from gancourse.training import Step

Growth = Callable[[int], tuple[int, float]]


class ProgressiveGame(VanillaGame):
    """The non-saturating game at the size of the moment. Reals are shrunk, and faded as the generator's images are.

    growth: a step's number to (stage, alpha); gamma, r1_every: see VanillaGame.
    """

    def __init__(
        self,
        players: Players,
        latent_dim: int,
        growth: Growth,
        gamma: float,
        r1_every: int = 1,
        fade_in: Callable[[Tensor, Tensor, float], Tensor] = fade_in,
    ):
        super().__init__(players, latent_dim, gamma, r1_every=r1_every)
        self.growth, self.fade_in = growth, fade_in

    def prepare(self, real: Tensor, stage: int, alpha: float) -> Tensor:
        """Bring both players to a stage. Returns the full-size reals (N, C, H, W) as D is to see them there.

        They are averaged over squares, and their finest details are faded in as the fakes' are: else D could tell the
        two apart by their sharpness alone.
        """
        self.generator.grow_to(stage, alpha)
        self.discriminator.grow_to(stage, alpha)
        whole = F.avg_pool2d(real, 2 ** (self.discriminator.stages - 1 - stage))
        return whole if stage == 0 or alpha == 1 else self.fade_in(F.avg_pool2d(whole, 2), whole, alpha)

    def step(self) -> Step:
        turns = super().step()

        def grown(real: Tensor, number: int) -> dict[str, Tensor]:
            return turns(self.prepare(real, *self.growth(number)), number)

        return grown


@dataclass(frozen=True)
class Progressive(ImageRecipe):
    """Growing from 4 x 4 to `size`. width: channels at the largest size; gamma and r1_every: weight and interval of R1.

    stage_growth: each stage is shown so many times the images of the stage before; fade: the share of a stage in
    which its new layers are faded in; direct: leave the growing out, the full size from the first image on.
    """

    name = "progressive"
    title = "Progressive growing: 4 x 4 first"
    gpu_data = "celeba"
    budgets = {
        # not narrower: the pixel norm of two channels can divide by next to nothing, and amplifies rounding errors
        "smoke": {"images": 640, "record_every": 5, "width": 4},
        "laptop": {"images": 3200 * 16},
        "gpu": {
            "images": 12_000_000, "batch_size": 64, "size": 128, "colour": True, "width": 64, "latent_dim": 256,
            "learning_rate": 2e-3, "stage_growth": 1.0, "ema_half_life": 10_000.0, "record_every": 500,
        },
    }  # fmt: skip

    batch_size: int = 16
    learning_rate: float = 3e-2
    ema_half_life: float = 5_000.0
    size: int = 32
    width: int = 8
    gamma: float = 1.0
    r1_every: int = 4
    stage_growth: float = 2.0
    fade: float = 0.5
    direct: bool = False

    def validate(self) -> None:
        super().validate()
        stages_of(self.size)
        self.at_least(0, "gamma", "fade")
        self.at_least(1, "r1_every")
        if self.fade > 1:
            raise RecipeError(f"fade is a share of a stage, from 0 to 1, but is {self.fade}.")
        self.above_zero("stage_growth")

    def growth(self, images: int) -> tuple[int, float]:
        """(stage, alpha) when so many images have been shown: the whole timetable, and nothing else decides it."""
        last = stages_of(self.size) - 1
        if self.direct:
            return last, 1.0
        weights = [self.stage_growth**stage for stage in range(last + 1)]
        position = images / self.images * sum(weights)
        stage = 0
        while stage < last and position >= weights[stage]:
            position, stage = position - weights[stage], stage + 1
        fading = self.fade * weights[stage]
        return stage, 1.0 if stage == 0 or position >= fading else position / fading

    def players(self, data: Images, device: torch.device | str = "cpu", parts: Parts | None = None) -> Players:
        torch.manual_seed(self.seed)
        channels, widths = data.shape[0], stage_widths(self.width, self.size)
        generator = ProgressiveGenerator(self.latent_dim, channels, widths, parts).to(device)
        discriminator = ProgressiveDiscriminator(channels, widths, parts).to(device)
        for player in (generator, discriminator):
            player.grow_to(*self.growth(0))
        return self.both(generator, discriminator)

    def game(self, players: Players, parts: Parts | None = None) -> ProgressiveGame:
        """The game of these players on this recipe's timetable."""
        parts = parts or Parts()
        return ProgressiveGame(
            players,
            self.latent_dim,
            lambda number: self.growth(number * self.batch_size),
            self.gamma,
            self.r1_every,
            parts.fade_in,
        )

    def step(self, players: Players) -> Step:
        return self.game(players).step()

    def load_data(self, source: str = "embedded", split: str = "train") -> Images:
        """The data at exactly `size`: smaller ones are enlarged smoothly."""
        return super().load_data(source, split).enlarged(self.size)

    def generate(self, generator: nn.Module, n: int, seed: int) -> Tensor:
        """n images (n, C, size, size): smaller ones are enlarged by repeating pixels, larger ones averaged."""
        return F.adaptive_avg_pool2d(generate(generator, self.noise(n, seed)), self.size)

    def logits(self, players: Players, batch: Tensor) -> tuple[Tensor, Tensor]:
        """At the size of the moment."""
        grown = players.discriminator
        return super().logits(players, self.game(players).prepare(batch, grown.stage, grown.alpha))
