"""A game of points in the plane that can be stopped between any two turns, and what can be seen of it."""

import linecache
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import gancourse
from gancourse.data import Mixture
from gancourse.errors import RecipeError
from gancourse.metrics import modes_covered
from gancourse.recipes.base import Players
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.game import VanillaGame
from gancourse.recipes.points import PointRecipe, Points
from gancourse.recipes.points_wgan import PointsWGAN
from gancourse.training import Step, looked_at
from gancourse.training.checkpoint import random_state, restore_random_state

SURFACE = 33  # points a side of D's surface
LINES, ALONG = 11, 25  # lines of the latent grid in each direction, and points on each
REAL, FAKE, ARROWS, SCORED = 200, 300, 60, 500
HISTORY = 240  # moments that are kept; when they are full every second one is dropped
NOT_THEIRS = (Path(gancourse.__file__).parent, Path(sysconfig.get_path("stdlib")), Path(torch.__file__).parents[1])

LearnersStep = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Scene:
    """What is to be seen of a game at one moment; everything float32 on the CPU.

    surface: (S, S), what D says on a square grid, first axis y from below. limit: half the side of the square.
    pulls: (A, 2), minus the gradient of G's loss at the first A fakes, each sample's own. grid: (2, L, P, 2), the
    lines of a regular latent grid, in both directions, where G puts them. history: (T, 5), batches shown, D's loss,
    G's loss, modes covered by G and by its average.
    """

    surface: Tensor
    real: Tensor
    fake: Tensor
    pulls: Tensor
    grid: Tensor
    history: Tensor
    limit: float
    modes: int
    updates: dict[str, int]

    @property
    def pull(self) -> float:
        """The median length of the arrows."""
        return self.pulls.norm(dim=1).median().item()


class Stage:
    """The learner's two networks, their losses or their step, on a mixture. See theatre() for the arguments."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        data: Mixture,
        generator_loss: Callable[..., Tensor],
        discriminator_loss: Callable[..., Tensor] | None = None,
        gradient_penalty: Callable[..., Tensor] | None = None,
        step: LearnersStep | None = None,
        **numbers: float,
    ):
        if (step is None) == (discriminator_loss is None):
            raise RecipeError("The theatre plays either a whole step (step=) or two losses (discriminator_loss=): one.")
        if step is not None and (gradient_penalty is not None or "gamma" in numbers):
            raise RecipeError("A whole step has its own penalty: put it there, or give the losses in place of step=.")
        for name in {"saturating", "accumulate"} & numbers.keys():
            raise RecipeError(f"The theatre has no {name}: the loss is yours, and its batches are small.")
        self.recipe = _recipe(gradient_penalty is not None, generator, numbers)
        self.data, self.generator_loss = data, generator_loss
        self.scores = gradient_penalty is not None
        self.players = self.recipe.both(generator, discriminator)
        self.updates = dict.fromkeys(("discriminator", "generator"), 0)
        if step is not None:
            play = _whole(step, self.players, self.recipe.latent_dim)
        else:
            play = self._game(discriminator_loss, gradient_penalty)
        self.trainer = self.recipe.trainer(self.players, self.recipe.batches(data), play)
        self.limit = 1.4 * data.centers.abs().max().item()
        self._prepare_views()
        self._count_updates()
        self._random = {**random_state(), "cpu": torch.Generator().manual_seed(self.recipe.seed).get_state()}
        self._start = self._remember()

    def _game(self, d_loss: Callable[..., Tensor], penalty: Callable[..., Tensor] | None) -> Step:
        recipe, players = self.recipe, self.players
        if penalty is None:
            losses = {"discriminator_loss": d_loss, "generator_loss": self.generator_loss}
            return VanillaGame(players, recipe.latent_dim, recipe.gamma, r1_every=recipe.r1_every, **losses).step()
        numbers = (recipe.latent_dim, recipe.gp_weight, recipe.n_critic, recipe.clip)
        losses = {"critic_loss": d_loss, "generator_loss": self.generator_loss, "gradient_penalty": penalty}
        return CriticGame(players, *numbers, penalty_every=recipe.penalty_every, **losses).step()

    def _prepare_views(self) -> None:
        """What is always looked at in the same places: otherwise it would jump about, whatever the players do."""
        line = torch.linspace(-self.limit, self.limit, SURFACE)
        self._plane = torch.cartesian_prod(line, line).flip(1)
        self._real = self.data.sample(REAL, torch.Generator().manual_seed(3))
        self._noise = self.recipe.noise(SCORED, seed=4)
        self._latent_grid = _latent_grid(self.recipe.latent_dim)
        self._history: list[tuple[float, ...]] = []
        self._losses, self._every, self._seen = (float("nan"), float("nan")), 1, 0

    def _count_updates(self) -> None:
        """Count what the optimisers really do, whatever the learner's step says that it does."""
        for name in self.updates:

            def count(optimizer: object, args: object, kwargs: object, name: str = name) -> None:
                self.updates[name] += 1

            self.trainer.optimizers[name].register_step_post_hook(count)

    # Moving on.

    def advance(self) -> None:
        """One whole step. Exceptions of the learner's functions come through."""
        with self._own_randomness():
            self.trainer.advance()

    def turn(self, player: str) -> None:
        """A turn of "discriminator" or "generator" alone."""
        with self._own_randomness():
            self.trainer.turn(player)

    def reset(self) -> None:
        """Back to the start: the same weights, and the same random numbers again."""
        self._recall(self._start)

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """The game has its random numbers for itself: it is the same in each play, and disturbs no other cell."""
        outside = random_state()
        restore_random_state(self._random)
        try:
            yield
        finally:
            self._random = random_state()
            restore_random_state(outside)

    @contextmanager
    def ahead(self, steps: int) -> Iterator[None]:
        """So many steps further within it; afterwards everything is as before."""
        before = self._remember()
        try:
            for done in range(steps):
                self.advance()
                if done % 10 == 9:
                    self.note()
            yield
        finally:
            self._recall(before)

    def _remember(self) -> tuple:
        seen = (self._losses, self._every, self._seen, self._history, self.updates)
        return deepcopy((self.trainer.state_dict(), seen, self._random))

    def _recall(self, moment: tuple) -> None:
        state, seen, self._random = deepcopy(moment)
        outside = random_state()
        self.trainer.load_state_dict(state)
        restore_random_state(outside)
        self._losses, self._every, self._seen, self._history, updates = seen
        self.updates.update(updates)

    # Looking.

    def note(self) -> tuple[int, Tensor]:
        """Write down the losses since the last time, and the modes. Returns the modes now and the scored fakes."""
        losses = list(self.trainer.read_losses().items())
        d = [value for name, value in losses if _is_of_d(name)] or [self._losses[0]]
        g = [value for name, value in losses if not _is_of_d(name)] or [self._losses[1]]
        self._losses = d[0], g[0]
        with looked_at(self.players.generator):
            fake = self.players.generator(self._noise)
            average = self.trainer.ema.model(self._noise)
        modes, of_average = (modes_covered(f, self.data.centers, self.data.std) for f in (fake, average))
        shown = self.trainer.images // self.recipe.batch_size
        if shown >= self._seen + self._every:
            self._seen = shown
            self._history.append((shown, *self._losses, modes, of_average))
            if len(self._history) == HISTORY:
                del self._history[::2]
                self._every = max(1, 2 * shown // HISTORY)
        return modes, fake

    def scene(self) -> Scene:
        """What is to be seen now. Draws no random numbers; exceptions of the learner's functions come through."""
        modes, fake = self.note()
        with self._own_randomness(), looked_at(self.players.generator, self.players.discriminator):
            surface = self.players.discriminator(self._plane).reshape(SURFACE, SURFACE)
            grid = self.players.generator(self._latent_grid).view(2, -1, ALONG, 2)
            pulls = self._pulls(fake[:ARROWS])
        history = torch.tensor(self._history or [(0, *self._losses, modes, modes)])
        parts = (surface, self._real, fake[:FAKE], pulls, grid, history)
        return Scene(*(part.detach().float() for part in parts), self.limit, modes, dict(self.updates))

    def _pulls(self, fake: Tensor) -> Tensor:
        """Where G's loss wants each of these fakes (A, 2) to go: minus its gradient, as if each were alone."""
        with torch.enable_grad():
            fake = fake.detach().requires_grad_()
            loss = self.generator_loss(self.players.discriminator(fake))
            (slope,) = torch.autograd.grad(loss, fake)
        return -len(fake) * slope


def _recipe(critic: bool, generator: nn.Module, numbers: dict[str, float]) -> PointRecipe:
    """The course's numbers for points, but for those given: a constant rate, and no penalty that nobody asked for."""
    usual = {"schedule": "constant", "latent_dim": getattr(generator, "latent_dim", 2)}
    if critic:
        return PointsWGAN.for_budget("laptop", **usual | numbers)
    return Points.for_budget("laptop", **usual | {"gamma": 0.0} | numbers)


def _whole(step: LearnersStep, players: Players, latent_dim: int) -> Step:
    """A learner's step, with the arguments of lesson 1's train_step, for the loop."""
    networks = players.generator, players.discriminator
    optimizers = players.generator_optimizer, players.discriminator_optimizer

    def one(real: Tensor, number: int) -> dict[str, Tensor]:
        d_loss, g_loss = step(*networks, *optimizers, real, latent_dim)
        return {"discriminator": d_loss, "generator": g_loss}

    return one


def _is_of_d(name: str) -> bool:
    return name in ("discriminator", "critic")


def _latent_grid(latent_dim: int) -> Tensor:
    """Lines of equal probability: (2 L P, latent_dim), in the first two coordinates, the others at 0.

    Each cell between them holds as many samples as any other, so a wide cell in the plane is a place with few.
    """
    normal = torch.distributions.Normal(0.0, 1.0)
    across, along = (normal.icdf(torch.linspace(0.02, 0.98, n)) for n in (LINES, ALONG))
    grid = torch.zeros(2, LINES, ALONG, max(latent_dim, 2))
    for direction in range(2):
        grid[direction, :, :, direction] = across[:, None]
        grid[direction, :, :, 1 - direction] = along
    return grid.flatten(0, 2)[:, :latent_dim]


def told(error: BaseException) -> dict[str, str]:
    """An exception for the learner: its type and message, and the line of their own code that it comes from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    where = ""
    if frames:
        last = frames[-1]
        line = last.line or linecache.getline(last.filename, last.lineno or 0).strip()
        where = f"{last.name}, line {last.lineno}: {line}"
    return {"type": type(error).__name__, "message": str(error), "where": where}


def _is_theirs(filename: str) -> bool:
    """Whether a file is no part of this package, of Python or of what is installed beside it."""
    if filename.startswith("<frozen"):
        return False
    return not any(Path(filename).is_relative_to(folder) for folder in NOT_THEIRS)
