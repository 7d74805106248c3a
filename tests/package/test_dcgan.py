"""DCGAN's nets, where their weights start, and the measure of checkerboards."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gancourse.errors import RecipeError
from gancourse.metrics import checkerboard_energy, power_spectrum
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, dcgan_init, he_init
from gancourse.nets.dcgan import channels_of, doublings
from gancourse.show import pixels


@pytest.mark.parametrize(
    ("shape", "latent_dim"), [((1, 28, 28), 7), ((1, 32, 32), 64), ((3, 64, 64), 16), ((2, 8, 8), 3)]
)
def test_shapes_and_ranges(shape, latent_dim):
    generator = DCGANGenerator(latent_dim, shape, width=4)
    images = generator(10 * torch.randn(3, latent_dim))
    assert images.shape == (3, *shape) and images.abs().max() <= 1
    for options in ({}, {"batch_norm": True}, {"batch_std": True}):
        assert DCGANDiscriminator(shape, 4, **options)(images).shape == (3,)
    assert DCGANDiscriminator(shape, 4)(images[:1]).shape == (1,)


def test_sizes_that_can_be_reached_by_doubling():
    assert doublings(32) == (4, 3) and doublings(28) == (7, 2) and doublings(64) == (4, 4)
    for size in (4, 7, 31, 34):
        with pytest.raises(RecipeError, match=str(size)):
            doublings(size)
    assert channels_of(16, 6) == [16, 32, 64, 128, 128, 128]


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def test_batch_norm_is_where_the_paper_has_it():
    generator = DCGANGenerator(8, (1, 32, 32), 4)
    assert [m.num_features for m in norms(generator)] == [16, 8, 4]
    assert not norms(DCGANDiscriminator((1, 32, 32), 4))
    assert [m.num_features for m in norms(DCGANDiscriminator((1, 32, 32), 4, batch_norm=True))] == [8, 16]


def test_without_batch_norm_the_discriminator_judges_each_picture_alone():
    x = torch.randn(4, 1, 32, 32)
    alone = DCGANDiscriminator((1, 32, 32), 4)
    torch.testing.assert_close(alone(x)[:1], alone(x[:1]))
    together = DCGANDiscriminator((1, 32, 32), 4, batch_norm=True)
    assert not torch.allclose(together(x)[:1], together(x[:1]), atol=1e-3)


def test_the_papers_start():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(32, 64, 4), nn.ConvTranspose2d(64, 32, 4), nn.Linear(200, 100), nn.BatchNorm2d(999)
    )
    network.apply(dcgan_init)
    for layer in network[:3]:
        assert abs(layer.weight.std().item() - 0.02) < 0.001 and not layer.bias.any()
    assert abs(network[3].weight.mean().item() - 1) < 0.003 and abs(network[3].weight.std().item() - 0.02) < 0.002
    DCGANGenerator(8, (1, 32, 32), 4).apply(dcgan_init)  # layers without bias


@pytest.mark.parametrize("width", [8, 64])
def test_hes_start_keeps_the_signal_at_any_width(width):
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator((1, 32, 32), width).apply(he_init)
    logits = discriminator(torch.randn(64, 1, 32, 32))
    assert 0.3 < logits.std() < 3
    generator = DCGANGenerator(64, (1, 32, 32), width).apply(he_init)
    before_tanh = generator(torch.randn(64, 64)).double().clamp(-1 + 1e-7, 1 - 1e-7).atanh()
    assert 0.4 < before_tanh.std() < 1.6
    weak = DCGANDiscriminator((1, 32, 32), 8).apply(dcgan_init)(torch.randn(64, 1, 32, 32))
    assert weak.std() < 0.01


def test_a_transposed_convolution_counts_what_reaches_a_pixel():
    """he_init's number of inputs a unit: (kernel / stride)^2 of each channel."""
    for kernel, stride in ((4, 2), (6, 3), (2, 2)):
        layer = nn.ConvTranspose2d(3, 1, kernel, stride, bias=False)
        nn.init.ones_(layer.weight)
        reached = layer(torch.ones(1, 3, 9, 9))[0, 0, kernel:-kernel, kernel:-kernel]
        assert reached.unique().tolist() == [3 * (kernel / stride) ** 2]


def test_spectrum_of_known_patterns():
    row = torch.arange(16)
    stripes = torch.cos(2 * math.pi * 3 * row / 16).expand(1, 1, 16, 16)  # 3 periods along each row
    spectrum = power_spectrum(stripes)
    assert spectrum[0, 3] == pytest.approx(0.5) and spectrum[0, 13] == pytest.approx(0.5)
    assert power_spectrum(stripes + 5).sum() == pytest.approx(1)
    assert power_spectrum(torch.ones(2, 3, 8, 8)).sum() == 0


def test_checkerboards_are_all_or_nothing_for_pure_patterns():
    x = torch.arange(16)
    board = ((x[:, None] + x) % 2).float().expand(2, 1, 16, 16)
    lines = (x % 2).float().expand(2, 1, 16, 16)
    smooth = torch.cos(2 * math.pi * x / 16).expand(2, 1, 16, 16)
    assert checkerboard_energy(board) == pytest.approx(1) and checkerboard_energy(lines) == pytest.approx(1)
    assert checkerboard_energy(smooth) == pytest.approx(0, abs=1e-9)
    assert checkerboard_energy(smooth + 0.5 * board) == pytest.approx(0.0625 / (0.5 + 0.0625), abs=1e-6)


def test_checkerboards_of_noise_are_the_share_of_its_frequencies():
    torch.manual_seed(0)
    assert checkerboard_energy(torch.randn(400, 1, 32, 32)) == pytest.approx(63 / 1023, rel=0.03)


def test_an_odd_kernel_lays_a_checkerboard_and_an_even_one_does_not():
    def flat(kernel):
        ones = torch.ones(1, 1, kernel, kernel)
        return F.conv_transpose2d(torch.ones(1, 1, 12, 12), ones, stride=2, padding=1, output_padding=kernel % 2)

    assert checkerboard_energy(flat(3)[:, :, 4:20, 4:20]) == pytest.approx(1)
    assert checkerboard_energy(flat(4)[:, :, 4:20, 4:20]) == 0


def test_pixels_are_shown_as_they_are():
    import io

    import numpy as np
    from PIL import Image

    image = torch.arange(24, dtype=torch.uint8).view(2, 4, 3)
    drawn = np.asarray(Image.open(io.BytesIO(pixels(image, "a test", scale=1).png)))
    assert np.array_equal(drawn, image.numpy())
    grey = np.asarray(Image.open(io.BytesIO(pixels(image[:, :, :1], "a test", scale=3).png)))
    assert grey.shape == (6, 12, 3) and (grey[:3, :3] == image[0, 0, 0].item()).all()
