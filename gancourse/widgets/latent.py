"""Walk through the latent space of a generator, and look what real images lie nearest."""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gancourse.data import Images
from gancourse.errors import DataError
from gancourse.metrics import nearest
from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid, image_rows
from gancourse.widgets.directions import DIRECTIONS, along, found_directions, slerp, steps_in_words
from gancourse.widgets.still import WithStill

STEPS = (-4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5)
STARTS, NEAREST = 50, 5
ORDINALS = ("first", "second", "third", "fourth")


class RealImages:
    """Real images to hold generated ones against: images (N, C, H, W) in [-1, 1].

    Distances are those of the pixels, as multiples of the usual distance of a real image to the real one nearest to it.
    A copy has 0, and what lies beyond 1 is further away from every real image than those are from one another.
    """

    def __init__(self, real: Tensor | Images):
        self.images = real.first(len(real)) if isinstance(real, Images) else real
        self._pixels = self.images.flatten(1)

    @functools.cached_property
    def usual(self) -> float:
        """The median distance of some real images to the nearest other one."""
        distances, _ = nearest(self._pixels, self._pixels[:200], k=2)
        return distances[:, 1].median().item()

    def nearest(self, image: Tensor) -> tuple[Tensor, list[float]]:
        """The real images (k, C, H, W) nearest to one (1, C, H, W), and how far they are. Raises DataError."""
        if image.shape[1:] != self.images.shape[1:]:
            raise DataError(
                f"The real images are {tuple(self.images.shape[1:])}, the generated ones {tuple(image.shape[1:])}: "
                "give `real` in the generator's size."
            )
        distances, places = nearest(self._pixels, image.flatten(1), min(NEAREST, len(self.images)))
        return self.images[places[0]], (distances[0] / self.usual).tolist()


class LatentExplorer(WithStill):
    """Sliders along found directions and between two starts over one image; a still picture where nothing moves."""

    def __init__(
        self,
        generator: nn.Module,
        latent_dim: int,
        real: Tensor | Images | None = None,
        classes: Sequence[str] = (),
    ):
        self.generator, self.latent_dim, self.classes = generator, latent_dim, tuple(classes)
        self.real = None if real is None else RealImages(real)
        self._found: dict[int, Tensor] = {}

    def images(self, z: Tensor, label: int = 0) -> Tensor:
        """Images of noise (N, latent_dim), of one class where there are classes."""
        labels = [torch.full((len(z),), label)] if self.classes else []
        return generate(self.generator, z, *labels).cpu()

    def directions(self, label: int = 0) -> Tensor:
        """The found directions (DIRECTIONS, latent_dim). Each class has its own: a sleeve is no heel."""
        if label not in self._found:
            n = min(DIRECTIONS, self.latent_dim)
            self._found[label] = found_directions(lambda z: self.images(z, label), self.latent_dim, n)
        return self._found[label]

    def start(self, seed: int) -> Tensor:
        """The starting point (latent_dim,) of a seed."""
        return torch.randn(self.latent_dim, generator=torch.Generator().manual_seed(seed))

    def pictures(
        self, start: int, goal: int = 0, walked: float = 0.0, steps: Sequence[float] = (), label: int = 0
    ) -> dict[str, Picture]:
        """The image so far along the arc between two starts and so many steps along each direction; the real ones
        nearest to it, if there are any. Each over what it shows."""
        z = slerp(self.start(start), self.start(goal), walked)
        z = z + along(self.directions(label), steps) if steps else z
        image = self.images(z[None], label)
        words = self._place(start, goal, walked, steps, label)
        shown = {words: image_grid(image, alt=f"A generated image. {words}", columns=1, scale=8)}
        if self.real is not None:
            found, distances = self.real.nearest(image)
            far = ", ".join(f"{d:.2f}" for d in distances)
            near = f"Nearest real images, at {far} times the usual distance between two nearest real images"
            shown[near] = image_grid(found, alt=near, columns=3, scale=3)
        return shown

    def _place(self, start: int, goal: int, walked: float, steps: Sequence[float], label: int) -> str:
        kind = f"{self.classes[label]}, " if self.classes else ""
        way = f", {walked:.0%} of the way to start {goal}" if walked else ""
        return f"{kind}start {start}{way}{steps_in_words(steps)}"

    def still(self) -> Picture:
        """Seven images along each of the found directions; with classes, along the first one for each of some."""
        z, strides = self.start(0), torch.tensor(STEPS)[:, None]
        if self.classes:
            some = range(0, len(self.classes), 2)
            rows = {self.classes[c]: self.images(z + strides * self.directions(c)[0], c) for c in some}
            alt = f"A row of seven generated images for each of {', '.join(rows)}"
        else:
            names = [f"{ORDINALS[i]} direction" for i in range(len(self.directions()))]
            rows = {name: self.images(z + strides * d) for name, d in zip(names, self.directions(), strict=True)}
            alt = f"{len(rows)} rows of seven generated images, a row a direction"
        return image_rows(rows, alt=f"{alt}; they change step by step from left to right, and are alike in the middle")

    def widget(self) -> object:
        """The ipywidgets box."""
        from gancourse.widgets.panel import Explorer, choice, direction_sliders, float_slider, int_slider

        start = int_slider("start", "Seed of the noise where the walk starts", max=STARTS)
        goal = int_slider("goal", "Seed of the noise where the walk ends", value=1, max=STARTS)
        walked = float_slider("walk", "How far along the arc from start to goal", max=1, step=0.02)
        sliders = direction_sliders(min(DIRECTIONS, self.latent_dim))
        labels = [(name, i) for i, name in enumerate(self.classes)] or [("", 0)]
        label = choice("class", "What is asked for", labels)
        controls = [*([label] if self.classes else []), start, goal, walked, *sliders]
        return Explorer(
            controls,
            lambda: self.pictures(start.value, goal.value, walked.value, [s.value for s in sliders], label.value),
        ).box


def latent_explorer(
    generator: nn.Module,
    latent_dim: int,
    real: Tensor | Images | None = None,
    classes: Sequence[str] = (),
) -> LatentExplorer:
    """Explore a trained generator: noise (N, latent_dim) to images (N, C, H, W).

    real: training images of the same shape, of which the nearest are shown beside each sample.
    classes: names of the labels that the generator takes as (N,) int64 beside the noise.
    """
    return LatentExplorer(generator, latent_dim, real, classes)
