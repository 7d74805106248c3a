"""The game of Goodfellow et al. 2014: what each player minimises, and who learns when."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.recipes.base import Players
from gancourse.training import Phase, Step, take_turns


def sample_noise(n: int, latent_dim: int, device: torch.device | str = "cpu") -> Tensor:
    """Standard normal noise (n, latent_dim): what the generator starts from."""
    return torch.randn(n, latent_dim, device=device)


class VanillaGame:
    """What each player minimises. Fakes for D are made without a graph; G's turn draws fresh noise.

    gamma: the weight of R1 in D's loss (gamma / 2 * R1), in every `r1_every`-th step and as much stronger; 0 leaves it
    out. The three functions are the course's own unless others are given: a learner's game runs through the same loop.
    fresh_fakes: False lets G move first and shows D the images of G's turn, which saves one of G's passes a step; they
    are then one update of G old.
    """

    def __init__(
        self,
        players: Players,
        latent_dim: int,
        gamma: float = 0.0,
        sample_noise: Callable[..., Tensor] = sample_noise,
        discriminator_loss: Callable[..., Tensor] = objectives.discriminator_loss,
        generator_loss: Callable[..., Tensor] = objectives.generator_loss,
        fresh_fakes: bool = True,
        r1_every: int = 1,
    ):
        self.players, self.latent_dim, self.fresh_fakes = players, latent_dim, fresh_fakes
        self.gamma, self.r1_every = gamma, r1_every
        self.generator, self.discriminator = players.generator, players.discriminator
        self._generate, self._judge = players.engine.call(self.generator), players.engine.call(self.discriminator)
        self._sample_noise = sample_noise
        self._discriminator_loss, self._generator_loss = discriminator_loss, generator_loss

    def _fakes(self, real: Tensor) -> Tensor:
        return self._generate(self._sample_noise(len(real), self.latent_dim, device=real.device))

    def _fakes_for_d(self, real: Tensor) -> Tensor:
        """Fakes without a graph to G: D's turn is not G's."""
        if not self.fresh_fakes:
            return self._last_fakes
        with torch.no_grad():
            return self._fakes(real)

    def discriminator_loss(self, real: Tensor, penalised: bool = True) -> Tensor:
        """D's loss, with R1 or without; R1 also stands for the steps that go without."""
        fake = self._fakes_for_d(real)
        if self.gamma == 0 or not penalised:
            return self._discriminator_loss(self._judge(real), self._judge(fake))
        # differentiated twice: D itself, never through the engine
        real_logits, r1 = objectives.logits_and_r1(self.discriminator, real, self.gamma, self.r1_every)
        return self._discriminator_loss(real_logits, self._judge(fake)) + r1

    def generator_loss(self, real: Tensor) -> Tensor:
        fake = self._fakes(real)
        if not self.fresh_fakes:
            self._last_fakes = fake.detach()
        return self._generator_loss(self._judge(fake))

    def step(self) -> Step:
        """D's turn, then G's; G's first where D is shown the fakes of G's turn."""
        bare = partial(self.discriminator_loss, penalised=False)
        return lazily(self._turns(self.discriminator_loss), self._turns(bare), self.r1_every)

    def _turns(self, discriminator_loss: Callable[[Tensor], Tensor]) -> Step:
        players = self.players
        turns = [
            Phase("discriminator", players.discriminator, players.discriminator_optimizer, discriminator_loss),
            Phase("generator", players.generator, players.generator_optimizer, self.generator_loss),
        ]
        return take_turns(turns if self.fresh_fakes else turns[::-1])


def lazily(penalised: Step, bare: Step, every: int) -> Step:
    """The one with a penalty in every so many steps, from the first on; the bare one in the others."""
    return lambda real, number: (bare if number % every else penalised)(real, number)


@torch.no_grad()
def generate(generator: nn.Module, *inputs: Tensor, batch: int = 500) -> Tensor:
    """Samples for inputs of N rows each (noise, labels, images to translate), in eval mode; the mode is restored."""
    training = generator.training
    generator.eval()
    try:
        device = next(generator.parameters()).device
        parts = zip(*(values.split(batch) for values in inputs), strict=True)
        return torch.cat([generator(*(values.to(device) for values in part)) for part in parts])
    finally:
        generator.train(training)
