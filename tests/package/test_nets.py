"""Networks: shapes, ranges, and what each layer must and must not depend on."""

import pytest
import torch

from gancourse.nets import MinibatchStd, MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 12)])
def test_images_have_the_shape_that_was_asked_for_and_stay_in_range(shape):
    generator = MLPGenerator(latent_dim=7, image_shape=shape, width=16)
    images = generator(10 * torch.randn(5, 7))
    assert images.shape == (5, *shape) and images.abs().max() <= 1
    assert MLPDiscriminator(shape, width=16)(images).shape == (5,)


def test_points():
    assert PointGenerator(3, 8)(torch.randn(6, 3)).shape == (6, 2)
    assert PointDiscriminator(8)(torch.randn(6, 2)).shape == (6,)


def test_discriminators_return_logits_not_probabilities():
    torch.manual_seed(1)
    logits = PointDiscriminator(64)(100 * torch.randn(500, 2))
    assert logits.min() < 0 < 1 < logits.max()


def test_minibatch_std_is_over_the_batch_and_has_a_gradient_when_all_are_equal():
    features = torch.stack([torch.zeros(4), torch.tensor([2.0, 2.0, 2.0, 2.0])])
    out = MinibatchStd()(features)
    assert out.shape == (2, 5) and torch.equal(out[:, :4], features)
    torch.testing.assert_close(out[:, 4], torch.ones(2))
    collapsed = torch.ones(3, 4, requires_grad=True)
    MinibatchStd()(collapsed).sum().backward()
    assert collapsed.grad.isfinite().all()
    wide = torch.arange(4.0).repeat(3, 1)  # varies over features, not over the batch
    assert MinibatchStd()(wide)[:, 4].max() < 1e-3
