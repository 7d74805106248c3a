"""Make the embedded part of Fashion-MNIST again: the first images of each class, in file order.

    python datasets/fashion_mnist/make.py [FOLDER WITH THE FOUR IDX FILES]

Prints the sha256 that belongs on the card. numpy writes no time stamps, so the bytes are reproducible.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from gancourse.data.images import DEBIAN_FOLDER, fashion_mnist

EACH_CLASS = {"train": 1000, "test": 200}


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """The sorted positions of the first `count` images of each of the ten classes."""
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))


def main(folder: Path) -> None:
    arrays = {}
    for split, count in EACH_CLASS.items():
        full = fashion_mnist(split, folder)
        labels = full.labels.numpy().astype(np.uint8)
        chosen = first_of_each_class(labels, count)
        arrays[f"{split}_images"] = full.images[chosen, 0].numpy()
        arrays[f"{split}_labels"] = labels[chosen]
    path = Path(__file__).with_name("fashion_mnist_12k.npz")
    np.savez_compressed(path, **arrays)
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEBIAN_FOLDER)
