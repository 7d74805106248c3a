"""Conditional GANs: both players are told the class, by concatenation (Mirza and Osindero 2014) or by conditional batch
norm and projection (Miyato and Koyama 2018)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import objectives
from gancourse.data import Images, image_batches
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import label_agreement, load_classifier
from gancourse.nets import (
    ConcatDiscriminator,
    ConcatGenerator,
    NormGenerator,
    ProjectionDiscriminator,
    he_init,
)
from gancourse.recipes.base import Players
from gancourse.recipes.game import generate, sample_noise
from gancourse.recipes.images import ImageRecipe, ImagesScorer, as_scored, held_out
from gancourse.show import Picture, image_grid
from gancourse.training import Batches, Phase, Step, looked_at, take_turns

LabelledBatch = tuple[Tensor, Tensor]
LABEL_IN_G = {"concat": ConcatGenerator, "norm": NormGenerator}
LABEL_IN_D = {"planes": ConcatDiscriminator, "projection": ProjectionDiscriminator}


class ConditionalGame:
    """What each player minimises when D sees every image with its label.

    The fakes carry the labels of the real batch, so that labels alone tell D nothing. mismatch: the share of what D has
    to reject that is real images with a wrong label, instead of fakes (Reed et al. 2016, section 4.2, with 1/2). gamma:
    the weight of R1, in a turn of its own every r1_every steps and as much stronger (lazy regularisation, Karras et al.
    2020, section 3.1).
    """

    def __init__(self, players: Players, latent_dim: int, gamma: float = 0.0, r1_every: int = 1, mismatch: float = 0.0):
        self.players, self.latent_dim = players, latent_dim
        self.gamma, self.r1_every, self.mismatch = gamma, r1_every, mismatch
        self.generator, self.discriminator = players.generator, players.discriminator
        self._generate, self._judge = players.engine.call(self.generator), players.engine.call(self.discriminator)

    def _fake_logits(self, labels: Tensor, graph: bool) -> Tensor:
        with torch.set_grad_enabled(graph):
            fake = self._generate(sample_noise(len(labels), self.latent_dim, labels.device), labels)
        return self._judge(fake, labels)

    def discriminator_loss(self, batch: LabelledBatch) -> Tensor:
        real, labels = batch
        real_logits, fake_logits = self._judge(real, labels), self._fake_logits(labels, graph=False)
        loss = objectives.discriminator_loss(real_logits, fake_logits)
        if self.mismatch > 0:
            wrong_logits = self._judge(real, wrong_labels(labels, self.generator.classes))
            loss = (1 - self.mismatch) * loss + self.mismatch * objectives.discriminator_loss(real_logits, wrong_logits)
        return loss

    def steepness(self, batch: LabelledBatch) -> Tensor:
        """R1, weighted for the steps that go without it."""
        real, labels = batch
        return objectives.logits_and_r1(lambda x: self.discriminator(x, labels), real, self.gamma, self.r1_every)[1]

    def generator_loss(self, batch: LabelledBatch) -> Tensor:
        _, labels = batch
        return objectives.generator_loss(self._fake_logits(labels, graph=True))

    def step(self) -> Step:
        """D's turn, then G's, then from time to time D's turn with R1."""
        generator, g_optimizer = self.generator, self.players.generator_optimizer
        discriminator, d_optimizer = self.discriminator, self.players.discriminator_optimizer
        phases = [
            Phase("discriminator", discriminator, d_optimizer, self.discriminator_loss),
            Phase("generator", generator, g_optimizer, self.generator_loss),
        ]
        if self.gamma > 0:
            phases.append(Phase("steepness", discriminator, d_optimizer, self.steepness, self.r1_every))
        return take_turns(phases)


def wrong_labels(labels: Tensor, classes: int) -> Tensor:
    """For each label (N,) another of the classes, all others equally likely: (N,)."""
    return (labels + torch.randint(1, classes, labels.shape, device=labels.device)) % classes


def labels_in_rows(n: int, classes: int) -> Tensor:
    """n labels (n,) in the order of the classes, each as often as the others where classes divides n."""
    return torch.arange(n) // -(-n // classes)


def generate_labelled(generator: nn.Module, noise: Tensor, labels: Tensor, batch: int = 500) -> Tensor:
    """Samples for noise (N, latent_dim) and labels (N,), in eval mode; the mode is restored afterwards."""
    return generate(generator, noise, labels, batch=batch)


class LabelledScorer(ImagesScorer):
    """Scores images, and says how many of them are of the class that was asked for (agreement).

    agreement_real is the same share of the held-out real images, with their labels (N,): the classifier errs too.
    """

    def __init__(self, recipe: ImageRecipe, real: Tensor, labels: Tensor):
        super().__init__(recipe, real)
        self.classifier = load_classifier(real.device)
        self.agreement_real = label_agreement(self.classifier, as_scored(real), labels)

    def __call__(self, generator: nn.Module) -> dict[str, Any]:
        images = self.samples(generator)
        labels = labels_in_rows(self.n, generator.classes).to(self.device)
        agreement = label_agreement(self.classifier, images, labels)
        return self.score(images) | {"agreement": agreement, "agreement_real": self.agreement_real}


@dataclass(frozen=True)
class Conditional(ImageRecipe):
    """A DCGAN that is told the class. label_in_g: "concat" (one-hot beside z) or "norm" (conditional batch norm);
    label_in_d: "planes" (beside the image) or "projection"; gamma: weight of R1, taken every r1_every steps; mismatch:
    share of real images with a wrong label in what D has to reject."""

    name = "conditional"
    title = "Conditional GAN: images of a class"
    gpu_data = "cifar10"
    budgets = {
        "smoke": {"images": 640, "record_every": 5, "width": 8},
        "laptop": {"images": 2300 * 16},
        "gpu": {
            "images": 10_000_000, "batch_size": 64, "width": 64, "latent_dim": 128, "label_in_g": "norm",
            "learning_rate": 2e-4, "betas": (0.0, 0.9), "gamma": 0.1, "mismatch": 0.0,
            "ema_half_life": 50_000.0, "record_every": 500,
        },
    }  # fmt: skip

    batch_size: int = 16
    learning_rate: float = 4e-3
    size: int = 32
    width: int = 16
    label_in_g: str = "concat"
    label_in_d: str = "projection"
    gamma: float = 1.0
    r1_every: int = 4
    batch_std: bool = True
    mismatch: float = 0.07

    def validate(self) -> None:
        super().validate()
        for field, known in (("label_in_g", LABEL_IN_G), ("label_in_d", LABEL_IN_D)):
            if getattr(self, field) not in known:
                raise RecipeError(f"{field} must be one of {', '.join(known)}, but is {getattr(self, field)!r}.")
        self.at_least(0, "gamma")
        self.at_least(1, "r1_every")
        if not 0 <= self.mismatch < 1:
            raise RecipeError(f"mismatch is a share, at least 0 and below 1, but is {self.mismatch}.")

    def load_data(self, source: str = "embedded", split: str = "train") -> Images:
        data = super().load_data(source, split)
        if data.labels is None:
            raise DataError(
                f"{data.name} has no labels to condition on. Sort the pictures into one folder for each class, or use "
                "--data embedded."
            )
        return data

    def players(self, data: Images, device: torch.device | str = "cpu") -> Players:
        torch.manual_seed(self.seed)
        classes = len(data.classes)
        generator = LABEL_IN_G[self.label_in_g](self.latent_dim, classes, data.shape, self.width)
        discriminator = LABEL_IN_D[self.label_in_d](classes, data.shape, self.width, self.batch_std)
        generator, discriminator = (player.apply(he_init).to(device) for player in (generator, discriminator))
        return self.both(generator, discriminator)

    def batches(self, data: Images, device: torch.device | str = "cpu") -> Batches:
        return image_batches(data, self.batch_size, self.seed, device, self.loading, self.workers, labelled=True)

    def step(self, players: Players) -> Step:
        return ConditionalGame(players, self.latent_dim, self.gamma, self.r1_every, self.mismatch).step()

    def generate(self, generator: nn.Module, n: int, seed: int) -> Tensor:
        """n images (n, C, H, W) in [-1, 1] from fixed noise, with the labels of labels_in_rows."""
        return generate_labelled(generator, self.noise(n, seed), labels_in_rows(n, generator.classes))

    def scorer(
        self, source: str = "embedded", device: torch.device | str = "cpu", n: int = 2000
    ) -> ImagesScorer | None:
        test = held_out(self, source, device, n)
        return None if test is None else LabelledScorer(self, test.first(n), test.labels[:n])

    def reals(self, data: Images, n: int) -> list[Tensor]:
        """A group for each class: a class can collapse on its own."""
        each = max(2, -(-n // len(data.classes)))
        members = ((data.labels == label).nonzero().flatten()[:each] for label in range(len(data.classes)))
        return [data.batch(index).cpu() for index in members]

    def fakes(self, generator: nn.Module, n: int, seed: int = 3) -> list[Tensor]:
        each = max(2, -(-n // generator.classes))
        return list(self.generate(generator, each * generator.classes, seed).cpu().split(each))

    def logits(self, players: Players, batch: LabelledBatch) -> tuple[Tensor, Tensor]:
        real, labels = batch
        with looked_at(players.generator, players.discriminator):
            fake = players.generator(self.noise(len(labels), 3, real.device), labels)
            return players.discriminator(real, labels).flatten(), players.discriminator(fake, labels).flatten()

    def picture(self, generator: nn.Module, n: int = 100, seed: int = 1) -> Picture:
        alt = f"{n} generated images, one class in each row"
        return image_grid(self.generate(generator, n, seed), alt, columns=-(-n // generator.classes))
