"""CycleGAN (Zhu et al. 2017): two translations that learn from two heaps of images without a single pair."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.data import (
    Unpaired,
    UnpairedBatches,
    data_folder,
    emoji,
    scenes,
    to_range,
    unpaired_folder,
)
from gancourse.errors import DataError, RecipeError
from gancourse.nets import PatchDiscriminator, TranslationGenerator
from gancourse.recipes.base import Players, Recipe, Scorer
from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid
from gancourse.training import ImagePool, Phase, Step, looked_at, take_turns

EXAMPLES = 50


class Translations(nn.Module):
    """Both generators as one player: ab from A to B, ba from B to A.

    examples_a, examples_b: some images (N, C, H, W) uint8, kept with the weights, so that a run can show what it
    does without its data.
    """

    def __init__(self, ab: nn.Module, ba: nn.Module, data: Unpaired):
        super().__init__()
        self.ab, self.ba = ab, ba
        self.register_buffer("examples_a", data.a.images[:EXAMPLES].clone())
        self.register_buffer("examples_b", data.b.images[:EXAMPLES].clone())


class Judges(nn.Module):
    """Both discriminators as one player, each with its pool: a judges what should be in A, b what should be in B."""

    def __init__(self, a: nn.Module, b: nn.Module, pool_a: nn.Module, pool_b: nn.Module):
        super().__init__()
        self.a, self.b, self.pool_a, self.pool_b = a, b, pool_a, pool_b


class AskedAhead:
    """A translation that was asked about some batches of images at once, before its answers are needed one by one.

    images: batches (N, C, H, W). One pass over all of them together is cheaper than several, and the same where nothing
    couples the images of a batch, as instance norm does not. Other images are translated when they come.
    """

    def __init__(self, translation: Callable[[Tensor], Tensor], *images: Tensor):
        self.translation, self.images = translation, images
        self.answers = translation(torch.cat(images)).chunk(len(images))

    def __call__(self, x: Tensor) -> Tensor:
        for image, answer in zip(self.images, self.answers, strict=True):
            if image is x:
                return answer
        return self.translation(x)


class CycleGame:
    """What each side minimises. Functions and pools (of A, of B) are the course's own unless others are given.

    joined: translate what is to be changed and what is to be kept in one pass. fresh_fakes: False shows the judges the
    images of the generators' turn, as the paper's code does, instead of new ones from the generators as they are now.
    """

    def __init__(
        self,
        players: Players,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        generator_loss: Callable[..., Tensor] = objectives.cyclegan_generator_loss,
        discriminator_loss: Callable[..., Tensor] = objectives.least_squares_discriminator_loss,
        pools: tuple[Any, Any] | None = None,
        joined: bool = False,
        fresh_fakes: bool = True,
    ):
        self.players, self.translate, self.judge = players, players.generator, players.discriminator
        self.joined, self.fresh_fakes = joined and identity_weight > 0, fresh_fakes
        call = players.engine.call
        self._ab, self._ba = call(self.translate.ab), call(self.translate.ba)
        self._judge_a, self._judge_b = call(self.judge.a), call(self.judge.b)
        self.weights = {"cycle_weight": cycle_weight, "identity_weight": identity_weight}
        self._generator_loss, self._discriminator_loss = generator_loss, discriminator_loss
        self.pool_a, self.pool_b = pools or (self.judge.pool_a, self.judge.pool_b)

    def generator_loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        a, b = batch
        ab, ba = self._ab, self._ba
        if self.joined or not self.fresh_fakes:
            ab = AskedAhead(ab, a, b) if self.joined else AskedAhead(ab, a)
            ba = AskedAhead(ba, b, a) if self.joined else AskedAhead(ba, b)
        if not self.fresh_fakes:
            self._last_fakes = ba.answers[0].detach(), ab.answers[0].detach()
        return self._generator_loss(a, b, ab, ba, self._judge_a, self._judge_b, **self.weights)

    def _fakes(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Translations into A and into B for the judges to see, without a graph."""
        if not self.fresh_fakes:
            return self._last_fakes
        with torch.no_grad():
            return self._ba(b), self._ab(a)

    def discriminator_loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        a, b = batch
        fake_a, fake_b = self._fakes(a, b)
        fake_a, fake_b = self.pool_a.query(fake_a), self.pool_b.query(fake_b)
        of_a = self._discriminator_loss(self._judge_a(a), self._judge_a(fake_a))
        return of_a + self._discriminator_loss(self._judge_b(b), self._judge_b(fake_b))

    def step(self) -> Step:
        """The translations' turn, then the judges'."""
        players = self.players
        return take_turns(
            [
                Phase("generator", players.generator, players.generator_optimizer, self.generator_loss),
                Phase("discriminator", players.discriminator, players.discriminator_optimizer, self.discriminator_loss),
            ]
        )


def translate(generator: nn.Module, images: Tensor) -> Tensor:
    """One generator over many images (N, C, H, W), in eval mode; the mode is restored afterwards."""
    return generate(generator, images, batch=100)


def l1(x: Tensor, y: Tensor) -> float:
    """The mean absolute difference of two batches in [-1, 1]."""
    return (x - y).abs().mean().item()


def translation_errors(generator: Translations, data: Unpaired) -> dict[str, float]:
    """L1 on [-1, 1] over all images: to the true partner where it is known, of the identity, and of the cycle."""
    device = next(generator.parameters()).device
    a, b = (images.first(len(images)).to(device) for images in (data.a, data.b))
    fake_b, fake_a = translate(generator.ab, a), translate(generator.ba, b)
    known = {"a_to_b": l1(fake_b, b), "b_to_a": l1(fake_a, a)} if data.paired else {}
    return known | {
        "identity": (l1(translate(generator.ab, b), b) + l1(translate(generator.ba, a), a)) / 2,
        "cycle": (l1(translate(generator.ba, fake_b), a) + l1(translate(generator.ab, fake_a), b)) / 2,
        "n_fake": len(fake_b) + len(fake_a),
    }


@dataclass(frozen=True)
class TranslationScorer(Scorer):
    """Errors on held-out images; to the true partner, and `error`, their mean, only where pairs are known."""

    test: Unpaired

    def __call__(self, generator: Translations) -> dict[str, float]:
        errors = translation_errors(generator, self.test)
        return errors | ({"error": (errors["a_to_b"] + errors["b_to_a"]) / 2} if self.test.paired else {})


@dataclass(frozen=True)
class CycleGAN(Recipe):
    """Day to night and back, or with --data emoji between two drawing styles, or a FOLDER with trainA and trainB.

    size: side of scenes and of a folder's pictures; width, scale, blocks: of the generators; patch_width,
    patch_halvings, patch_layers: of the discriminators; pool: images that each of them remembers; joined, fresh_fakes:
    see CycleGame.
    """

    name = "cyclegan"
    title = "CycleGAN: translation without pairs"
    gpu_data = "horse2zebra"
    metric = "error"
    budgets = {
        "smoke": {"images": 40, "batch_size": 2, "record_every": 5, "width": 4, "patch_width": 4, "pool": 4},
        "laptop": {"images": 2400 * 2, "batch_size": 2, "fresh_fakes": False},
        "gpu": {
            "images": 200 * 1067, "batch_size": 4, "size": 128, "width": 256, "scale": 4, "blocks": 6,
            "patch_width": 64, "patch_halvings": 3, "patch_layers": 1, "learning_rate": 2e-4, "betas": (0.5, 0.999),
            "cycle_weight": 10.0, "identity_weight": 5.0, "ema_half_life": 5000.0, "record_every": 200,
        },
    }  # fmt: skip

    batch_size: int = 8
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.5, 0.99)
    ema_half_life: float = 200.0
    cycle_weight: float = 20.0  # twice the paper's weights: measured better at this size
    identity_weight: float = 10.0
    size: int = 32
    width: int = 32
    scale: int = 2
    blocks: int = 2
    patch_width: int = 32
    patch_halvings: int = 2
    patch_layers: int = 0
    pool: int = 50
    joined: bool = False
    fresh_fakes: bool = True

    def validate(self) -> None:
        super().validate()
        self.at_least(1, "size", "width", "scale", "patch_width", "patch_halvings", "pool")
        self.at_least(0, "cycle_weight", "identity_weight", "blocks", "patch_layers")
        if self.size % self.scale or self.size < 8:
            raise RecipeError(f"size must be at least 8 and a multiple of scale {self.scale}, but is {self.size}.")
        if self.latent_dim != Recipe.latent_dim:
            raise RecipeError("latent_dim has no place here: a translation starts from an image, not from noise.")

    def load_data(self, source: str = "embedded", split: str = "train") -> Unpaired:
        if source in ("embedded", "scenes"):
            return scenes(split, self.size)
        if source == "emoji":
            if self.size != 32:
                raise DataError(f"The emoji are 32 x 32, but size is {self.size}. Use --set size=32.")
            return emoji(split)
        folder = data_folder() / "horse2zebra" if source == "horse2zebra" else source
        return unpaired_folder(folder, split, self.size, self.loading)

    def players(self, data: Unpaired, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        channels = data.shape[0]
        ab, ba = (TranslationGenerator(channels, self.width, self.scale, self.blocks) for _ in "ab")
        a, b = (PatchDiscriminator(channels, self.patch_width, self.patch_halvings, self.patch_layers) for _ in "ab")
        translations = Translations(ab, ba, data).to(device)
        judges = Judges(a, b, ImagePool(self.pool, data.shape), ImagePool(self.pool, data.shape)).to(device)
        return self.both(translations, judges)

    def batches(self, data: Unpaired, device: torch.device | str = "cpu") -> UnpairedBatches:
        return UnpairedBatches(data, self.batch_size, self.seed, device, self.loading, self.workers)

    def step(self, players: Players) -> Step:
        weights = self.cycle_weight, self.identity_weight
        return CycleGame(players, *weights, joined=self.joined, fresh_fakes=self.fresh_fakes).step()

    def scorer(self, source: str = "embedded", device: torch.device | str = "cpu") -> "TranslationScorer":
        return TranslationScorer(self.load_data(source, "test"))

    def reals(self, data: Unpaired, n: int) -> list[Tensor]:
        """Images of B, then of A: what each translation should be as varied as."""
        return [domain.first(min(n, EXAMPLES, len(domain))) for domain in (data.b, data.a)]

    def fakes(self, generator: Translations, n: int, seed: int = 3) -> list[Tensor]:
        """The examples of A translated to B, then those of B translated to A; `seed` draws nothing."""
        directions = ((generator.ab, generator.examples_a), (generator.ba, generator.examples_b))
        return [translate(net, to_range(examples[:n])).cpu() for net, examples in directions]

    def logits(self, players: Players, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Every patch of both judges counts."""
        (a, b), translations, judges = batch, players.generator, players.discriminator
        with looked_at(translations, judges):
            fakes = judges.a(translations.ba(b)), judges.b(translations.ab(a))
            reals = judges.a(a), judges.b(b)
        return torch.cat([x.flatten() for x in reals]), torch.cat([x.flatten() for x in fakes])

    def picture(self, generator: Translations, n: int = 100, seed: int = 1) -> Picture:
        """n translations of train images, half of them in each direction, each beside its source."""
        count = min(-(-n // 2), len(generator.examples_a), len(generator.examples_b))
        pairs = []
        for net, examples in ((generator.ab, generator.examples_a), (generator.ba, generator.examples_b)):
            order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[:count]
            sources = to_range(examples.cpu()[order])
            pairs += [torch.stack([sources, translate(net, sources).cpu()], dim=1).flatten(0, 1)]
        alt = f"{count} images of A and {count} of B, each with its translation to the right"
        return image_grid(torch.cat(pairs), alt)
