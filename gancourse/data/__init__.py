"""Data with a card: 2-D mixtures with a known density, and images in [-1, 1]. See datasets/ for the cards."""

from gancourse.cards import Card, datasets_folder, load_card
from gancourse.data.batches import DrawnBatches, LabelledBatches, ShuffledBatches
from gancourse.data.images import (
    Images,
    celeba,
    cifar10,
    data_folder,
    fashion_mnist,
    image_folder,
    load_images,
    to_range,
)
from gancourse.data.mixtures import Mixture, grid, ring

__all__ = [
    "Card", "DrawnBatches", "Images", "LabelledBatches", "Mixture", "ShuffledBatches",
    "celeba", "cifar10", "data_folder", "datasets_folder", "fashion_mnist", "grid", "image_folder",
    "load_card", "load_images", "ring", "to_range",
]  # fmt: skip
