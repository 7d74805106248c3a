"""The course classifier: a small network that knows Fashion-MNIST, so that images can be compared offline.

Its 64 features play the part that Inception's 2,048 play in the literature. A distance in them is comparable
only with distances in them: it is no FID. datasets/course_classifier/card.md states how it was made and its accuracy.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gancourse.cards import load_card

FEATURES = 64


class CourseClassifier(nn.Module):
    """Grey images (N, 1, 28, 28) in [-1, 1] to logits (N, 10)."""

    def __init__(self, classes: int = 10, width: int = 32):
        super().__init__()
        self.body = nn.Sequential(
            *_halve(1, width),
            *_halve(width, 2 * width),
            *_halve(2 * width, 2 * width),
            nn.Flatten(),
            nn.Linear(2 * width * 4 * 4, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """What the last layer decides from: (N, 64). Images smaller than 32 x 32 get a black border."""
        missing = 32 - images.shape[-1]
        border = (missing // 2, missing - missing // 2) * 2
        return self.body(pad(images, border, value=-1.0) if missing else images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def _halve(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


def load_classifier(device: torch.device | str = "cpu") -> CourseClassifier:
    """The shipped classifier, frozen and in eval mode. Raises DataError when its file is missing or damaged."""
    path = load_card("course_classifier").file("course_classifier.pt")
    classifier = CourseClassifier()
    classifier.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    return classifier.to(device).eval().requires_grad_(False)
