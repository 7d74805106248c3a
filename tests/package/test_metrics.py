"""Metrics, against torchmetrics, scipy-free closed forms and sets whose answer is known."""

import math

import pytest
import torch

from gancourse.data import fashion_mnist, ring
from gancourse.errors import DataError
from gancourse.metrics import (
    ImageScorer,
    frechet_distance,
    high_quality_share,
    kernel_distance,
    load_classifier,
    mean_and_covariance,
    modes_covered,
    neighbours,
    normalised_frechet,
)


def _cloud(n, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.2, 0.0, 1.5]])
    return torch.randn(n, 3, generator=generator) @ mix + shift


def test_frechet_of_gaussians_in_one_dimension():
    one = torch.eye(1, dtype=torch.float64)
    given = frechet_distance(torch.zeros(1), 4 * one, torch.tensor([3.0]), 9 * one)
    assert given == pytest.approx(3**2 + (2 - 3) ** 2)


def test_frechet_with_covariances_that_do_not_commute():
    """sqrt(A) sqrt(B) for sqrt(A B) is a common mistake that commuting matrices hide."""
    a = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    b = torch.tensor([[1.0, -0.5], [-0.5, 3.0]], dtype=torch.float64)
    trace_of_root = torch.linalg.eigvals(a @ b).sqrt().sum().real
    expected = (a.trace() + b.trace() - 2 * trace_of_root + 1).item()
    assert frechet_distance(torch.zeros(2), a, torch.tensor([1.0, 0.0]), b) == pytest.approx(expected)


def test_frechet_equals_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    a, b = _cloud(500, 0), _cloud(400, 1, shift=0.3)
    (m1, c1), (m2, c2) = mean_and_covariance(a), mean_and_covariance(b)
    assert frechet_distance(m1, c1, m2, c2) == pytest.approx(_compute_fid(m1, c1, m2, c2).item(), rel=1e-6)


def test_kernel_distance_equals_torchmetrics_and_is_unbiased():
    from torchmetrics.image.kid import poly_mmd

    a, b = _cloud(200, 0), _cloud(200, 1, shift=0.3)
    assert kernel_distance(a, b) == pytest.approx(poly_mmd(a.double(), b.double()).item(), rel=1e-6)
    same = [kernel_distance(_cloud(100, 2 * i), _cloud(100, 2 * i + 1)) for i in range(60)]
    assert min(same) < 0 < max(same)
    assert abs(sum(same) / 60) < 3 * torch.tensor(same).std().item() / math.sqrt(60)


def test_frechet_is_biased_in_n_so_the_floor_falls_with_n():
    floors = [normalised_frechet(_cloud(n, 0), _cloud(n, 1)) for n in (50, 500, 5000)]
    assert floors[0] > floors[1] > floors[2] > 0


def test_neighbours_tell_collapse_from_noise():
    real = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    collapsed = real[:1].repeat(300, 1) + 1e-3 * torch.randn(300, 4)
    collapse, noise, same = neighbours(real, collapsed), neighbours(real, real + 50), neighbours(real, real)
    assert collapse.precision > 0.9 and collapse.recall < 0.1 and collapse.coverage < 0.1
    assert noise.precision == noise.recall == noise.coverage == 0
    assert same.precision == same.recall == same.coverage == 1


def test_modes_and_quality_on_known_points():
    mixture = ring()
    samples = torch.cat(
        [mixture.centers[:3].repeat(20, 1), mixture.centers[3:4] + 5 * mixture.std, mixture.centers[4:5]]
    )
    assert modes_covered(samples, mixture.centers, mixture.std) == 3
    assert high_quality_share(samples, mixture.centers, mixture.std) == pytest.approx(61 / 62)
    real = mixture.sample(20_000, torch.Generator().manual_seed(0))
    assert high_quality_share(real, mixture.centers, mixture.std) == pytest.approx(1 - math.exp(-4.5), abs=0.003)


def test_course_classifier_is_as_accurate_as_its_card_says():
    test = fashion_mnist("test")
    with torch.no_grad():
        guesses = load_classifier()(test.first(2000)).argmax(1)
    assert (guesses == test.labels).float().mean().item() == pytest.approx(0.929, abs=0.002)


def test_classifier_is_frozen_in_eval_mode():
    classifier = load_classifier()
    assert not classifier.training and not any(p.requires_grad for p in classifier.parameters())


@pytest.fixture(scope="module")
def scorer():
    return ImageScorer(fashion_mnist("test").first(1000))


def test_scores_order_real_worn_and_noise(scorer):
    real = fashion_mnist("train").first(1000)
    worn = (real + 0.3 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    best, middle, worst = (scorer(images) for images in (real, worn, torch.rand(1000, 1, 28, 28) * 2 - 1))
    assert best.nfd < 0.02 < middle.nfd < worst.nfd
    assert best.kernel < middle.kernel
    assert best.recall > 0.8 and worst.recall < 0.05
    assert (best.n_real, best.n_fake) == (1000, 1000) and "classifier" in best.extractor


def test_half_of_the_classes_missing_is_seen_by_distance_and_count(scorer):
    data = fashion_mnist("train")
    half = data.batch((data.labels < 5).nonzero()[:1000, 0])
    scores = scorer(half)
    assert scores.classes <= 7 and scores.nfd > 0.1 and scores.recall < 0.7


def test_what_cannot_be_compared_is_refused(scorer):
    with pytest.raises(DataError, match="grey images"):
        scorer(torch.zeros(4, 3, 28, 28))
    with pytest.raises(DataError, match="NaN"):
        scorer(torch.full((4, 1, 28, 28), float("nan")))
