"""Data: ranges, balance, checksums, orders that can be saved, and what damaged data say."""

import gzip
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import cards
from gancourse.data import (
    DrawnBatches,
    ShuffledBatches,
    fashion_mnist,
    grid,
    image_folder,
    load_card,
    load_images,
    ring,
)
from gancourse.data.images import DEBIAN_FOLDER, data_folder, read_idx
from gancourse.errors import DataError


@pytest.mark.parametrize(("split", "each"), [("train", 1000), ("test", 200)])
def test_embedded_images_are_balanced_and_in_range(split, each):
    data = fashion_mnist(split)
    assert data.shape == (1, 28, 28)
    assert torch.bincount(data.labels).tolist() == [each] * 10
    batch = data.first(50)
    assert batch.min() == -1 and batch.max() == 1


def test_train_and_test_share_no_image():
    seen = {image.numpy().tobytes() for image in fashion_mnist("train").images}
    assert not any(image.numpy().tobytes() in seen for image in fashion_mnist("test").images)


@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_embedded_images_are_the_first_of_each_class_of_the_original():
    full, embedded = fashion_mnist("test", DEBIAN_FOLDER), fashion_mnist("test")
    for c in range(10):
        assert torch.equal(full.images[full.labels == c][:200], embedded.images[embedded.labels == c])


@pytest.mark.parametrize("name", ["fashion_mnist", "mixtures", "course_classifier"])
def test_cards_tell_everything(name):
    card = load_card(name)
    facts = (card.title, card.what, card.count, card.shape, card.value_range, card.licence, card.source, card.maker)
    assert all(facts) and card.text
    for file in card.sha256:
        assert card.file(file).is_file()


def test_every_embedded_file_is_on_a_card():
    folder = cards.datasets_folder()
    files = {p for p in folder.rglob("*") if p.suffix in {".npz", ".pt"}}
    assert files == {
        folder / c.parent.name / f for c in folder.glob("*/card.md") for f in load_card(c.parent.name).sha256
    }


def test_damaged_file_is_told_by_its_checksum(tmp_path, monkeypatch):
    source = cards.datasets_folder() / "fashion_mnist"
    (tmp_path / "fashion_mnist").mkdir()
    (tmp_path / "fashion_mnist" / "card.md").write_text((source / "card.md").read_text())
    monkeypatch.setattr(cards, "datasets_folder", lambda: tmp_path)
    with pytest.raises(DataError, match="missing"):
        fashion_mnist()
    (tmp_path / "fashion_mnist" / "fashion_mnist_12k.npz").write_bytes(b"half a file")
    with pytest.raises(DataError, match="damaged"):
        fashion_mnist()


def _write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_idx_folder_is_read_and_damage_is_named(tmp_path):
    images = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
    _write_idx(tmp_path / "train-images-idx3-ubyte.gz", images)
    _write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([3, 4], np.uint8))
    data = load_images(tmp_path)
    assert torch.equal(data.images[:, 0], torch.from_numpy(images)) and data.labels.tolist() == [3, 4]
    whole = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(whole[:100])
    with pytest.raises(DataError, match="damaged"):
        load_images(tmp_path)
    (tmp_path / "raw").write_bytes(b"not idx")
    with pytest.raises(DataError, match="no IDX"):
        read_idx(tmp_path / "raw")


def test_a_photograph_that_was_taken_on_its_side_stands_upright(tmp_path):
    picture = Image.new("L", (40, 40))
    picture.paste(255, (0, 0, 20, 40))  # bright on the left
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown a quarter turn to the right: bright above
    picture.save(tmp_path / "phone.png", exif=turned)
    image = image_folder(tmp_path, size=28).first(1)[0, 0]
    assert image[:10].min() > 0.9 and image[-10:].max() < -0.9


def test_image_folder_crops_and_names_what_cannot_be_read(tmp_path):
    Image.new("RGB", (60, 40), (255, 255, 255)).save(tmp_path / "white.png")
    data = image_folder(tmp_path, size=28)
    assert data.images.shape == (1, 1, 28, 28) and data.batch(torch.tensor([0])).min() == 1
    assert image_folder(tmp_path, grey=False).shape == (3, 28, 28)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(DataError, match=r"broken\.jpg"):
        image_folder(tmp_path)


def test_failed_download_goes_on_with_embedded_images(tmp_path, monkeypatch):
    import torchvision.datasets

    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr("gancourse.data.images.DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", offline)
    assert data_folder() == tmp_path
    with pytest.warns(UserWarning, match=r"no network.*ubyte\.gz.*apt install"):
        data = fashion_mnist("train", "full")
    assert len(data) == 10_000


@pytest.mark.parametrize("mixture", [ring(), grid()])
def test_mixtures_have_variance_one_and_a_density_that_sums_to_one(mixture):
    assert mixture.centers.mean(0).abs().max() < 1e-6
    assert torch.allclose(mixture.centers.var(0, correction=0), torch.ones(2), atol=1e-5)
    wide = type(mixture)(mixture.name, mixture.centers, 0.2)
    axis = torch.linspace(-4, 4, 401)
    points = torch.cartesian_prod(axis, axis)
    assert math.isclose(wide.density(points).sum().item() * 0.02**2, 1, rel_tol=1e-3)


def test_samples_of_a_mixture_lie_where_its_density_says():
    mixture = ring()
    samples = mixture.sample(4000, torch.Generator().manual_seed(0))
    distance, mode = torch.cdist(samples, mixture.centers).min(1)
    assert abs((distance < 3 * mixture.std).float().mean() - (1 - math.exp(-4.5))) < 0.01
    assert torch.bincount(mode).min() > 400


def test_shuffled_batches_show_every_image_once_an_epoch_in_a_new_order():
    data = fashion_mnist("test")
    batches = ShuffledBatches(data, 100, seed=3)
    first = torch.cat([batches.next() for _ in range(20)])
    second = torch.cat([batches.next() for _ in range(20)])
    assert torch.equal(first.sum((1, 2, 3)).sort().values, data.first(2000).sum((1, 2, 3)).sort().values)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("make", [lambda: ShuffledBatches(fashion_mnist("test"), 300), lambda: DrawnBatches(grid(), 8)])
def test_batches_go_on_where_they_were_saved(make):
    original, other = make(), make()
    for _ in range(9):  # into the second epoch
        original.next()
    other.load_state_dict(original.state_dict())
    assert torch.equal(original.next(), other.next())


def test_batches_leave_the_global_random_state_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    DrawnBatches(ring(), 4).next()
    ShuffledBatches(fashion_mnist("test"), 4).next()
    assert torch.equal(before, torch.get_rng_state())


def test_impossible_batches_and_mixtures_are_refused():
    with pytest.raises(DataError, match="2000 images"):
        ShuffledBatches(fashion_mnist("test"), 3000)
    with pytest.raises(DataError, match="at least 1"):
        DrawnBatches(ring(), 0)
    with pytest.raises(DataError, match="ring needs"):
        ring(0)
    with pytest.raises(DataError, match="grid needs"):
        grid(1)
    with pytest.raises(DataError, match="2000 images"):
        fashion_mnist("test").first(2001)
    with pytest.raises(DataError, match="splits"):
        fashion_mnist("valid")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fashion_mnist("test")
