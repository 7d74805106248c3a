"""Emoji in two drawing styles, Noto (A) and Twemoji (B): real art whose true pairs are known by name."""

from functools import cache

import numpy as np
import torch

from gancourse.cards import load_card
from gancourse.data.images import Images
from gancourse.data.unpaired import Unpaired
from gancourse.errors import DataError

TEST = 311


def emoji(split: str = "train") -> Unpaired:
    """1,911 emoji, (N, 3, 32, 32) on white. train: 800 in Noto's style, 800 *other* ones in Twemoji's; test: 311 pairs.

    Labels are the categories; the names are `emoji_names(split)`. Raises DataError for another split.
    """
    if split not in ("train", "test"):
        raise DataError(f"The emoji have the splits 'train' and 'test', not {split!r}.")
    index_a, index_b = _split(split)
    arrays = _arrays()
    card, classes = load_card("emoji"), tuple(arrays["categories"].tolist())
    a, b = (
        Images(
            style,
            torch.from_numpy(arrays[style])[index],
            torch.from_numpy(arrays["category"])[index].long(),
            classes,
            card,
        )
        for style, index in (("noto", index_a), ("twemoji", index_b))
    )
    return Unpaired("emoji", a, b, paired=split == "test")


def emoji_names(split: str = "test") -> tuple[list[str], list[str]]:
    """What the images of A and of B show, in words."""
    names = _arrays()["names"]
    return tuple(names[index.numpy()].tolist() for index in _split(split))


@cache
def _arrays() -> dict[str, np.ndarray]:
    with np.load(load_card("emoji").file("emoji.npz")) as arrays:
        return dict(arrays)


def _split(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Places in the file: the same for both styles in test, different ones in train."""
    order = torch.randperm(len(_arrays()["names"]), generator=torch.Generator().manual_seed(0))
    test, train = order[:TEST], order[TEST:]
    return (test, test) if split == "test" else (train[0::2], train[1::2])
