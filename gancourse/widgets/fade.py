"""Watch a progressive generator grow: the same noise at every size, and in between."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gancourse.nets import ProgressiveGenerator
from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid, image_rows
from gancourse.widgets.still import WithStill

FADES = (0.0, 0.5, 1.0)


class FadeExplorer(WithStill):
    """Sliders for the stage, alpha and the noise over one image; a strip of still images where nothing can be moved."""

    def __init__(self, generator: ProgressiveGenerator, noise: Tensor):
        self.generator, self.noise = generator, noise

    def images(self, stage: int, alpha: float) -> Tensor:
        """The images of all noise vectors at a stage, enlarged to full size. The generator stays as it is."""
        before = self.generator.growth.clone()
        try:
            images = generate(self.generator.grow_to(stage, alpha), self.noise)
        finally:
            self.generator.growth.copy_(before)
        side = 4 * 2 ** (self.generator.stages - 1)
        return interpolate(images, size=(side, side))

    def still(self, rows: int = 3) -> Picture:
        """Three noise vectors, each at every stage and half-way to the next."""
        steps = [(0, 1.0)] + [(s, a) for s in range(1, self.generator.stages) for a in FADES[1:]]
        columns = torch.stack([self.images(stage, alpha)[:rows] for stage, alpha in steps], dim=1)
        return image_rows(
            {f"noise {i + 1}": row for i, row in enumerate(columns)},
            alt="Three rows of seven images. From left to right each changes from 4 x 4 grey squares to a garment of "
            "32 x 32 pixels, a doubling at a time, with a half-faded image between",
        )

    def widget(self) -> object:
        """The ipywidgets box."""
        import ipywidgets as widgets

        stage = widgets.IntSlider(description="stage", value=self.generator.stages - 1, max=self.generator.stages - 1)
        alpha = widgets.FloatSlider(description="alpha", value=1, min=0, max=1, step=0.05)
        which = widgets.IntSlider(description="noise", max=len(self.noise) - 1)

        def png() -> bytes:
            image = self.images(stage.value, alpha.value)[which.value, None]
            return image_grid(image, alt="One generated image", columns=1, scale=7).png

        image = widgets.Image(value=png(), layout=widgets.Layout(width="224px"))

        def redraw(change: dict) -> None:
            image.value = png()

        for slider in (stage, alpha, which):
            slider.observe(redraw, names="value")
        return widgets.HBox([widgets.VBox([stage, alpha, which]), image])


def fade_explorer(generator: ProgressiveGenerator, noise: Tensor) -> FadeExplorer:
    """Explore the sizes of a trained generator, for noise (N, latent_dim)."""
    return FadeExplorer(generator, noise)
