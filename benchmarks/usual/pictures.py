"""Images the way torchvision's data sets hand them out: one by one, through PIL, transformed at every visit."""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Pictures(Dataset):
    """pixels: (N, C, H, W) uint8. An item is a float image (C, size, size) in [-1, 1] and its label (0: none)."""

    def __init__(self, pixels: Tensor, size: int | None = None, labels: Tensor | None = None):
        self.pixels = pixels
        self.labels = [0] * len(pixels) if labels is None else labels.tolist()
        resize = [transforms.Resize(size)] if size else []
        self.transform = transforms.Compose([*resize, transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.transform(as_picture(self.pixels[i])), self.labels[i]


def as_picture(pixels: Tensor) -> Image.Image:
    """(C, H, W) uint8 to a PIL image."""
    return Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).squeeze(-1).numpy()))


def epochs(data: Dataset, batch_size: int) -> Iterator:
    """Batches of a DataLoader in the main process, epoch after epoch; the last, smaller one of each is left out."""
    loader = DataLoader(data, batch_size=batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def noise(n: int, latent_dim: int) -> Tensor:
    """Standard normal noise by way of NumPy and float64."""
    return torch.Tensor(np.random.normal(0, 1, (n, latent_dim)))
