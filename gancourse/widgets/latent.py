"""Walk through the latent space of a generator."""

import torch
from torch import Tensor, nn

from gancourse.recipes.game import generate
from gancourse.show import Picture, image_grid, image_rows
from gancourse.widgets.still import WithStill

STEPS = (-4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5)


def _frame(latent_dim: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A starting point and two directions of length 1 at right angles, all (latent_dim,)."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(latent_dim, generator=generator)
    directions, _ = torch.linalg.qr(torch.randn(latent_dim, 2, generator=generator))
    return start, directions[:, 0], directions[:, 1]


class LatentExplorer(WithStill):
    """Two sliders and a seed over one image; a still picture where nothing can be moved."""

    def __init__(self, generator: nn.Module, latent_dim: int):
        self.generator, self.latent_dim = generator, latent_dim

    def picture(self, x: float, y: float, seed: int) -> Picture:
        """The image at x and y steps along the two directions from the seed's starting point."""
        start, right, up = _frame(self.latent_dim, seed)
        images = generate(self.generator, (start + x * right + y * up)[None])
        return image_grid(images, alt="One generated image", columns=1, scale=8)

    def still(self) -> Picture:
        """Seven images along each of the two directions."""
        start, right, up = _frame(self.latent_dim, 0)
        rows = {
            name: generate(self.generator, torch.stack([start + step * direction for step in STEPS]))
            for name, direction in (("first direction", right), ("second direction", up))
        }
        return image_rows(rows, alt="Two rows of seven generated images that change step by step from left to right")

    def widget(self) -> object:
        """The ipywidgets box."""
        import ipywidgets as widgets

        x = widgets.FloatSlider(description="direction 1", min=-6, max=6, step=0.2)
        y = widgets.FloatSlider(description="direction 2", min=-6, max=6, step=0.2)
        seed = widgets.IntSlider(description="start", min=0, max=50)
        image = widgets.Image(value=self.picture(0, 0, 0).png, layout=widgets.Layout(width="224px"))

        def redraw(change: dict) -> None:
            image.value = self.picture(x.value, y.value, seed.value).png

        for slider in (x, y, seed):
            slider.observe(redraw, names="value")
        return widgets.HBox([widgets.VBox([x, y, seed]), image])


def latent_explorer(generator: nn.Module, latent_dim: int) -> LatentExplorer:
    """Explore a trained generator: noise (N, latent_dim) to images (N, C, H, W)."""
    return LatentExplorer(generator, latent_dim)
