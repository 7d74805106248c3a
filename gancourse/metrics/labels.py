"""Does a generator give what its label asks for, and how much of each class does it know?"""

import torch
from torch import Tensor, nn

from gancourse.metrics.neighbours import neighbours


@torch.no_grad()
def label_agreement(classifier: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images (N, C, H, W) whose most likely class is the label (N,) they were made with.

    The classifier is asked in eval mode and left in the mode it was in. Its own accuracy on real images is the ceiling.
    """
    training = classifier.training
    classifier.eval()
    try:
        return (classifier(images).argmax(1) == labels).float().mean().item()
    finally:
        classifier.train(training)


def class_agreement(classifier: nn.Module, images: Tensor, labels: Tensor, classes: int) -> list[float]:
    """label_agreement of each class by itself; every class must have an image."""
    return [label_agreement(classifier, images[labels == c], labels[labels == c]) for c in range(classes)]


def class_recall(real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor, classes: int) -> list[float]:
    """Recall (Kynkaanniemi et al. 2019) of each class by itself, from features (N, F) and (M, F) and their labels.

    Both sides should have the same number of each class: recall depends on it.
    """
    return [neighbours(real[real_labels == c], fake[fake_labels == c]).recall for c in range(classes)]
