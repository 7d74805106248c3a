"""One call that compares generated images with held-out real ones, and says with what it compared."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from gancourse.errors import DataError
from gancourse.metrics.classifier import load_classifier
from gancourse.metrics.distances import kernel_distance, normalised_frechet
from gancourse.metrics.neighbours import neighbours

EXTRACTOR = "course classifier, 64 features"


@dataclass(frozen=True)
class Scores:
    """nfd: normalised Frechet distance (0 is best); kernel: kernel distance of the features divided by the root mean
    square of the real ones; the four neighbour shares;
    classes: how many of the ten classes hold at least a fifth of their fair share of the fakes."""

    nfd: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    classes: int
    n_real: int
    n_fake: int
    extractor: str = EXTRACTOR

    def as_dict(self) -> dict:
        return asdict(self)


class ImageScorer:
    """Holds the features of the real images, so that each generator is compared with the same ones.

    real: held-out images (N, 1, H, W) in [-1, 1], H = W <= 32. Raises DataError for other shapes.
    """

    def __init__(self, real: Tensor):
        self.classifier = load_classifier(real.device)
        self.real, _ = self._look_at(real)
        self.scale = self.real.pow(2).mean().sqrt()

    @torch.no_grad()
    def _look_at(self, images: Tensor, batch: int = 500) -> tuple[Tensor, Tensor]:
        """Features (N, 64) and the most likely class (N,) of each image."""
        if images.ndim != 4 or images.shape[1] != 1 or max(images.shape[2:]) > 32:
            raise DataError(
                f"The course classifier compares grey images (N, 1, H, W) up to 32 x 32, not {tuple(images.shape)}."
            )
        if not images.isfinite().all():
            raise DataError("The images to be compared hold NaN or infinite pixels: the generator has diverged.")
        parts = [self.classifier.features(part) for part in images.split(batch)]
        classes = [self.classifier.head(part).argmax(1) for part in parts]
        return torch.cat(parts), torch.cat(classes)

    def __call__(self, fake: Tensor) -> Scores:
        """Score generated images (M, 1, H, W) in [-1, 1]."""
        features, classes = self._look_at(fake)
        near = neighbours(self.real, features)
        return Scores(
            nfd=normalised_frechet(self.real, features),
            kernel=kernel_distance(self.real / self.scale, features / self.scale),
            precision=near.precision,
            recall=near.recall,
            density=near.density,
            coverage=near.coverage,
            classes=int((torch.bincount(classes, minlength=10) >= 0.02 * len(fake)).sum()),
            n_real=len(self.real),
            n_fake=len(fake),
        )
