"""Data with a card: 2-D mixtures with a known density, and images in [-1, 1]. See datasets/ for the cards."""

from gancourse.cards import Card, datasets_folder, load_card
from gancourse.data.batches import DrawnBatches, LabelledBatches, ShuffledBatches
from gancourse.data.emoji import emoji, emoji_names
from gancourse.data.images import (
    Images,
    celeba,
    cifar10,
    data_folder,
    fashion_mnist,
    image_folder,
    is_fashion_mnist,
    load_images,
    to_range,
)
from gancourse.data.mixtures import Mixture, grid, ring
from gancourse.data.scenes import scenes
from gancourse.data.streaming import StreamedBatches, image_batches
from gancourse.data.unpaired import Unpaired, UnpairedBatches, unpaired_folder

__all__ = [
    "Card", "DrawnBatches", "Images", "LabelledBatches", "Mixture", "ShuffledBatches", "StreamedBatches", "Unpaired",
    "UnpairedBatches", "celeba", "cifar10", "data_folder", "datasets_folder", "emoji", "emoji_names", "fashion_mnist",
    "grid", "image_batches", "image_folder", "is_fashion_mnist", "load_card", "load_images", "ring", "scenes",
    "to_range", "unpaired_folder",
]  # fmt: skip
