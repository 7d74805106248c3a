"""Exact rewritings: the plain form's outputs and gradients to 1e-12 in float64, under the plain form's names."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gancourse.nets import fuse
from gancourse.nets.fused import FusedSequential, fused_layer, fused_pair

EXACT = 1e-12


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def measured(model, x):
    """Output, and the gradients of a loss that weighs every number differently: of the input and of all weights."""
    x = x.clone().requires_grad_()
    out = model(x)
    loss = (out * torch.linspace(0.5, 2, out.numel()).view_as(out)).sin().sum()
    return [out, *torch.autograd.grad(loss, [x, *model.parameters()])]


def assert_same(plain, fused, x):
    for wanted, got in zip(measured(plain, x), measured(fused, x), strict=True):
        assert got.shape == wanted.shape
        assert (got - wanted).abs().max() <= EXACT * max(1, wanted.abs().max())


def conv(kernel=3, **options):
    return nn.Conv2d(5, 4, kernel, **{"padding": kernel // 2, **options})


GROWING = [
    (2, conv()),
    (2, conv(bias=False)),
    (3, conv()),
    (2, conv(5)),
    (2, conv(3, padding=0)),
    (2, conv(3, padding=2)),
    (2, conv(1)),
    (3, conv(1, bias=False)),
    (2, conv(2, padding=1)),
]


@pytest.mark.parametrize(("scale", "layer"), GROWING, ids=str)
@pytest.mark.parametrize("size", [(6, 6), (5, 7)], ids=str)
def test_upsampling_then_convolution_is_one_transposed_convolution(scale, layer, size):
    plain = nn.Sequential(nn.Upsample(scale_factor=scale), layer.double(), nn.Tanh())
    assert fused_pair(plain[0], plain[1]) is not None
    assert_same(plain, fuse(copy.deepcopy(plain)), torch.randn(3, 5, *size))


@pytest.mark.parametrize(("size", "layer"), GROWING, ids=str)
@pytest.mark.parametrize("shape", [(6, 6), (7, 9)], ids=str)
def test_convolution_then_pooling_is_one_strided_convolution(size, layer, shape):
    plain = nn.Sequential(nn.Tanh(), layer.double(), nn.AvgPool2d(size))
    assert fused_pair(plain[1], plain[2]) is not None
    assert_same(plain, fuse(copy.deepcopy(plain)), torch.randn(3, 5, *shape))


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_a_pointwise_convolution_goes_before_any_upsampling(mode):
    plain = nn.Sequential(nn.Upsample(scale_factor=2, mode=mode), conv(1).double())
    sizes = []
    fused = fuse(copy.deepcopy(plain))
    compute = fused[1].forward
    fused[1].forward = lambda x: sizes.append(x.shape[2:]) or compute(x)
    assert_same(plain, fused, torch.randn(3, 5, 6, 5))
    assert sizes == [(6, 5)]


def test_a_layer_with_hooks_is_computed_as_it_is():
    """The older spectral norm makes its weight in a hook: computed without it, the weight would never change."""
    plain = nn.Sequential(nn.Upsample(scale_factor=2), nn.utils.spectral_norm(conv().double()))
    fused = fuse(copy.deepcopy(plain))
    for _ in range(3):
        inputs = torch.randn(3, 5, 6, 5, dtype=torch.float64)
        assert torch.equal(plain(inputs), fused(inputs))


@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_by_its_faster_name(affine):
    plain = nn.Sequential(conv(), nn.InstanceNorm2d(4, affine=affine))
    assert fused_layer(plain[1]) is not plain[1]
    assert_same(plain, fuse(copy.deepcopy(plain)), torch.randn(3, 5, 6, 6))


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Upsample(scale_factor=2, mode="bilinear"), conv()),
        (nn.Upsample(scale_factor=2), conv(1, padding=1)),
        (conv(1), nn.AvgPool2d(3, stride=1, padding=1)),
        (nn.Upsample(scale_factor=1.5), conv()),
        (nn.Upsample(scale_factor=(2, 1)), conv()),
        (nn.Upsample(size=8), conv()),
        (nn.Upsample(scale_factor=2), conv(stride=2)),
        (nn.Upsample(scale_factor=2), conv(dilation=2)),
        (nn.Upsample(scale_factor=2), conv(padding_mode="reflect")),
        (nn.Upsample(scale_factor=2), conv(padding="same")),
        (nn.Upsample(scale_factor=2), conv(padding=(1, 0))),
        (nn.Upsample(scale_factor=2), nn.Conv2d(5, 5, 3, padding=1, groups=5)),
        (conv(), nn.AvgPool2d(3, stride=2)),
        (conv(), nn.AvgPool2d(2, padding=1)),
        (conv(), nn.AvgPool2d(2, ceil_mode=True)),
        (conv(), nn.AvgPool2d(2, divisor_override=3)),
        (conv(), nn.MaxPool2d(2)),
    ],
    ids=str,
)
def test_what_has_no_exact_rewriting_is_left_as_it_is(layers):
    assert fused_pair(*layers) is None
    plain = nn.Sequential(*layers).double()
    assert_same(plain, fuse(copy.deepcopy(plain)), torch.randn(2, 5, 7, 7))


def test_a_whole_network_keeps_its_names_and_learns_the_same():
    """Nested, with batch norm, a kernel under spectral norm and a residual branch; five steps of Adam."""

    def network():
        torch.manual_seed(1)
        grow = nn.Sequential(nn.Upsample(scale_factor=2), spectral_norm(nn.Conv2d(3, 4, 3, padding=1)), nn.ReLU())
        return nn.Sequential(grow, nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 2, 3, padding=1), nn.AvgPool2d(2)))

    plain, fused = network(), fuse(network())
    assert isinstance(fused[0], FusedSequential) and plain.state_dict().keys() == fused.state_dict().keys()
    for net in (plain, fused):
        torch.manual_seed(2)
        optimizer = torch.optim.Adam(net.parameters(), 1e-3)
        for _ in range(5):
            optimizer.zero_grad()
            net(torch.randn(4, 3, 6, 6)).square().mean().backward()
            optimizer.step()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(fused.state_dict()[name], value, rtol=0, atol=1e-9, msg=name)


def test_fewer_multiplications_are_left():
    from torch.utils.flop_counter import FlopCounterMode

    def flops(model, x):
        with FlopCounterMode(display=False) as counter:
            model(x)
        return counter.get_total_flops()

    grow = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, padding=1))
    shrink = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.AvgPool2d(2))
    x = torch.randn(1, 4, 8, 8)
    assert flops(grow, x) / flops(fuse(copy.deepcopy(grow)), x) == pytest.approx(9 / 4, rel=0.01)
    assert flops(shrink, x) / flops(fuse(copy.deepcopy(shrink)), x) == pytest.approx(36 / 16, rel=0.01)


def test_a_fused_network_is_differentiated_twice():
    plain = nn.Sequential(nn.Upsample(scale_factor=2), conv(), nn.Tanh())

    def curvature(model):
        x = torch.linspace(-1, 1, 2 * 5 * 16).view(2, 5, 4, 4).requires_grad_()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), model.parameters())

    fused = fuse(copy.deepcopy(plain))
    for wanted, got in zip(curvature(plain), curvature(fused), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=EXACT)
