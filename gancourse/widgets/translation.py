"""Send a picture there and back, with noise on the way."""

import torch
from torch import Tensor, nn

from gancourse.recipes.cyclegan import translate
from gancourse.show import Picture, image_rows
from gancourse.widgets.still import WithStill

STILL = (0.0, 0.05, 0.1, 0.2, 0.4)


class RoundTrip(WithStill):
    """A slider for the picture and one for the noise; a still row of pictures where nothing can be moved."""

    def __init__(self, there: nn.Module, back: nn.Module, images: Tensor):
        self.there, self.back, self.images = there, back, images

    def trip(self, index: int, noise: float) -> tuple[Tensor, Tensor, Tensor]:
        """The picture, its translation with noise of that standard deviation, and what comes back: (1, C, H, W)."""
        source = self.images[index : index + 1]
        grain = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
        fake = translate(self.there, source).cpu() + noise * grain
        return source, fake.clamp(-1, 1), translate(self.back, fake).cpu()

    def picture(self, index: int, noise: float) -> Picture:
        """The three pictures of one trip side by side."""
        return image_rows({"": torch.cat(self.trip(index, noise))}, alt="A picture, its translation and the way back")

    def still(self) -> Picture:
        """The trip of the first picture, with more and more noise on the translation."""
        trips = [self.trip(0, noise) for noise in STILL]
        rows = {name: torch.cat([t[i] for t in trips]) for i, name in enumerate(("picture", "translated", "back"))}
        levels = ", ".join(f"{noise:g}" for noise in STILL)
        return image_rows(
            rows, alt=f"One picture there and back, from left to right with noise of {levels} on its translation"
        )

    def widget(self) -> object:
        """The ipywidgets box."""
        import ipywidgets as widgets

        index = widgets.IntSlider(description="picture", min=0, max=len(self.images) - 1)
        noise = widgets.FloatSlider(description="noise", min=0, max=0.5, step=0.01)
        image = widgets.Image(value=self.picture(0, 0.0).png, layout=widgets.Layout(width="400px"))

        def redraw(change: dict) -> None:
            image.value = self.picture(index.value, noise.value).png

        for slider in (index, noise):
            slider.observe(redraw, names="value")
        return widgets.VBox([widgets.HBox([index, noise]), image])


def round_trip(there: nn.Module, back: nn.Module, images: Tensor) -> RoundTrip:
    """Explore two translations with images (N, C, H, W) in [-1, 1] of the first one's domain."""
    return RoundTrip(there, back, images)
