"""The game between a generator and a critic: WGAN, with a gradient penalty or with clipped weights."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gancourse import objectives
from gancourse.recipes.base import Players
from gancourse.recipes.game import lazily, sample_noise
from gancourse.training import Phase, Step, take_turns


class CriticGame:
    """What critic and generator minimise. G takes a turn in every `n_critic`-th step; the critic in each.

    gp_weight: lambda, the weight of the gradient penalty in the critic's loss. penalty_every: the penalty is taken in
    every so many steps, and as much stronger (lazy regularisation, Karras et al. 2020, section 3.1). clip: the bound of
    the critic's weights (Arjovsky et al. 2017), instead of the penalty; 0 clips nothing. The functions are the course's
    own unless others are given: a learner's game runs through the same loop.
    """

    def __init__(
        self,
        players: Players,
        latent_dim: int,
        gp_weight: float = 10.0,
        n_critic: int = 1,
        clip: float = 0.0,
        critic_loss: Callable[..., Tensor] = objectives.critic_loss,
        generator_loss: Callable[..., Tensor] = objectives.critic_generator_loss,
        gradient_penalty: Callable[..., Tensor] = objectives.gradient_penalty,
        penalty_every: int = 1,
    ):
        self.players, self.latent_dim = players, latent_dim
        self.gp_weight, self.n_critic, self.clip, self.penalty_every = gp_weight, n_critic, clip, penalty_every
        self.generator, self.critic = players.generator, players.discriminator
        self._generate, self._judge = players.engine.call(self.generator), players.engine.call(self.critic)
        self._critic_loss, self._generator_loss = critic_loss, generator_loss
        self._gradient_penalty = gradient_penalty

    def _fakes(self, real: Tensor) -> Tensor:
        return self._generate(sample_noise(len(real), self.latent_dim, device=real.device))

    def critic_loss(self, real: Tensor, penalised: bool = True) -> Tensor:
        """The critic's loss, with its penalty or without; the penalty also stands for the steps that go without."""
        with torch.no_grad():
            fake = self._fakes(real)
        loss = self._critic_loss(self._judge(real), self._judge(fake))
        if not penalised:
            return loss
        return loss + self.penalty_every * self.gp_weight * self._gradient_penalty(self.critic, real, fake)

    def generator_loss(self, real: Tensor) -> Tensor:
        return self._generator_loss(self._judge(self._fakes(real)))

    def step(self) -> Step:
        """The critic's turn, then G's when it is due."""
        critic, optimizer = self.critic, self.players.discriminator_optimizer
        g_optimizer = self.players.generator_optimizer
        other = Phase("generator", self.generator, g_optimizer, self.generator_loss, self.n_critic)
        bare = partial(self.critic_loss, penalised=False)
        if self.clip > 0:
            # after each step of the optimiser, and only then: a critic that is held stays where it is
            optimizer.register_step_post_hook(lambda *_: objectives.clip_weights(critic, self.clip))
            return take_turns([Phase("critic", critic, optimizer, bare), other])
        with_penalty = take_turns([Phase("critic", critic, optimizer, self.critic_loss), other])
        without = take_turns([Phase("critic", critic, optimizer, bare), other])
        return lazily(with_penalty, without, self.penalty_every)
