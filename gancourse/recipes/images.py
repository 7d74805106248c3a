"""What recipes for pictures share: where the data come from, what a generator is compared with, a grid to look at."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from gancourse.data import Images, image_batches, is_fashion_mnist, load_images
from gancourse.data.images import FASHION_CLASSES
from gancourse.errors import DataError
from gancourse.metrics import ImageScorer
from gancourse.recipes.base import Recipe, Scorer
from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid

SCORED = 32  # the largest side that the course classifier looks at


@dataclass(frozen=True)
class ImageRecipe(Recipe):
    """size: side of the pictures; colour: whether a folder's pictures keep theirs; width: channels of the nets."""

    metric = "nfd"
    variety = (
        "coverage"  # not recall: poor samples lie far apart, and their wide balls hold every real (Naeem et al. 2020)
    )

    size: int = 28
    colour: bool = False
    width: int = 16

    def validate(self) -> None:
        super().validate()
        self.at_least(1, "width")
        self.at_least(8, "size")

    def load_data(self, source: str = "embedded", split: str = "train") -> Images:
        """The data at `size`. Fashion-MNIST gets a border up to 32 x 32 and is enlarged smoothly beyond."""
        if not is_fashion_mnist(source):
            return load_images(source, split, self.size, self.colour, self.loading)
        return load_images(source, split, min(self.size, SCORED)).enlarged(self.size)

    def batches(self, data: Images, device: torch.device | str = "cpu") -> Any:
        return image_batches(data, self.batch_size, self.seed, device, self.loading, self.workers)

    def generate(self, generator: nn.Module, n: int, seed: int) -> torch.Tensor:
        """n images (n, C, H, W) in [-1, 1] from fixed noise."""
        return generate(generator, self.noise(n, seed))

    def scorer(
        self, source: str = "embedded", device: torch.device | str = "cpu", n: int = 2000
    ) -> "ImagesScorer | None":
        return image_scorer(self, source, device, n)

    def floor(self, source: str = "embedded", n: int = 2000) -> float:
        """The nFD of n real train images against n real test images: nothing honest gets below it."""
        return ImagesScorer(self, self.load_data(source, "test").first(n)).floor(self.load_data(source))

    def reals(self, data: Images, n: int) -> list[torch.Tensor]:
        return [data.first(min(n, len(data)))]

    def fakes(self, generator: nn.Module, n: int, seed: int = 3) -> list[torch.Tensor]:
        return [self.generate(generator, n, seed).cpu()]

    def picture(self, generator: nn.Module, n: int = 100, seed: int = 1) -> Picture:
        return image_grid(self.generate(generator, n, seed), f"{n} generated images, in rows of ten")


class ImagesScorer(Scorer):
    """Compares as many generated images as there are held-out real ones (N, 1, H, W) with these."""

    def __init__(self, recipe: ImageRecipe, real: torch.Tensor):
        self.recipe, self.n, self.device = recipe, len(real), real.device
        self.compare = ImageScorer(as_scored(real))

    def __call__(self, generator: nn.Module) -> dict[str, Any]:
        return self.score(self.samples(generator))

    def samples(self, generator: nn.Module) -> torch.Tensor:
        """As many generated images, on the device of the real ones, wherever the generator is."""
        return as_scored(self.recipe.generate(generator, self.n, seed=2)).to(self.device)

    def score(self, images: torch.Tensor) -> dict[str, Any]:
        """The scores of images (N, 1, H, W) in [-1, 1]."""
        return self.compare(images).as_dict()

    def floor(self, train: Images) -> float:
        """The nFD of as many train images: nothing honest gets below it."""
        return self.compare(as_scored(train.first(self.n)).to(self.device)).nfd


def as_scored(images: torch.Tensor) -> torch.Tensor:
    """Images (N, C, H, W) no larger than what the course classifier looks at: larger ones are averaged."""
    return images if images.shape[-1] <= SCORED else F.adaptive_avg_pool2d(images, SCORED)


def image_scorer(
    recipe: ImageRecipe, source: str = "embedded", device: torch.device | str = "cpu", n: int = 2000
) -> ImagesScorer | None:
    """Scores against held-out real images of the same source; None where the course classifier does not apply."""
    test = held_out(recipe, source, device, n)
    return None if test is None else ImagesScorer(recipe, test.first(n))


def held_out(recipe: ImageRecipe, source: str, device: torch.device | str, n: int) -> Images | None:
    """At least n test images of a source, on the device; None where there are fewer or they are no Fashion-MNIST."""
    if not is_fashion_mnist(source):
        return None
    try:
        test = recipe.load_data(source, "test")
    except DataError:
        return None
    return test.to(device) if test.classes == FASHION_CLASSES and len(test) >= n else None
