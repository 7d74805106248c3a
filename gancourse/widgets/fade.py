"""Watch a progressive generator grow: the same noise, or a step away from it, at every size and in between."""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gancourse.nets import ProgressiveGenerator
from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid, image_rows
from gancourse.widgets.directions import DIRECTIONS, along, found_directions, steps_in_words
from gancourse.widgets.still import WithStill

FADES = (0.0, 0.5, 1.0)


class FadeExplorer(WithStill):
    """Sliders for the stage, alpha, the noise and steps along found directions over one image; a strip of still images
    where nothing can be moved."""

    def __init__(self, generator: ProgressiveGenerator, noise: Tensor):
        self.generator, self.noise = generator, noise

    def images(self, stage: int, alpha: float) -> Tensor:
        """The images of all noise vectors at a stage, enlarged to full size. The generator stays as it is."""
        return self._images(self.noise, stage, alpha)

    def _images(self, noise: Tensor, stage: int, alpha: float) -> Tensor:
        before = self.generator.growth.clone()
        try:
            images = generate(self.generator.grow_to(stage, alpha), noise)
        finally:
            self.generator.growth.copy_(before)
        side = self._side(self.generator.stages - 1)
        return interpolate(images, size=(side, side))

    @staticmethod
    def _side(stage: int) -> int:
        return 4 * 2**stage

    @functools.cached_property
    def directions(self) -> Tensor:
        """The directions (n, latent_dim) found at full size, which hold at every other one."""
        n, last = self.noise.shape[1], self.generator.stages - 1
        return found_directions(lambda z: self._images(z, last, 1.0), n, min(DIRECTIONS, n))

    def picture(self, stage: int, alpha: float, which: int, steps: Sequence[float] = ()) -> dict[str, Picture]:
        """The image of one noise vector, so many steps along each direction, at a stage, over what is mixed in it."""
        side, noise = self._side(stage), self.noise[which : which + 1]
        words = f"Noise {which}{steps_in_words(steps)}, stage {stage}: {side} x {side} pixels"
        if stage > 0 and alpha < 1:
            words += f", {alpha:.0%} of them and {1 - alpha:.0%} of {side // 2} x {side // 2}"
        if any(steps):
            noise = noise + along(self.directions, steps).to(noise)
        image = self._images(noise, stage, alpha)
        return {words: image_grid(image, alt=f"A generated image. {words}", columns=1, scale=7)}

    def still(self, rows: int = 3) -> Picture:
        """Three noise vectors, each at every stage and half-way to the next."""
        steps = [(0, 1.0)] + [(s, a) for s in range(1, self.generator.stages) for a in FADES[1:]]
        columns = torch.stack([self._images(self.noise[:rows], stage, alpha) for stage, alpha in steps], dim=1)
        side = self._side(self.generator.stages - 1)
        return image_rows(
            {f"noise {i + 1}": row for i, row in enumerate(columns)},
            alt=f"{len(columns)} rows of {len(steps)} images. From left to right each changes from 4 x 4 grey "
            f"squares to an image of {side} x {side} pixels, a doubling at a time, with a half-faded image between",
        )

    def widget(self) -> object:
        """The ipywidgets box."""
        from gancourse.widgets.panel import Explorer, direction_sliders, float_slider, int_slider

        last = self.generator.stages - 1
        stage = int_slider(
            "stage", "How far the generator has grown: each stage doubles the side", value=last, max=last
        )
        alpha = float_slider(
            "alpha", "How far this stage is faded in: 0 shows the stage before", value=1.0, max=1, step=0.05
        )
        which = int_slider("noise", "Which of the noise vectors is drawn", max=len(self.noise) - 1)
        sliders = direction_sliders(min(DIRECTIONS, self.noise.shape[1]))
        return Explorer(
            (stage, alpha, which, *sliders),
            lambda: self.picture(stage.value, alpha.value, which.value, [s.value for s in sliders]),
        ).box


def fade_explorer(generator: ProgressiveGenerator, noise: Tensor) -> FadeExplorer:
    """Explore the sizes of a trained generator, for noise (N, latent_dim)."""
    return FadeExplorer(generator, noise)
