"""Levers of speed: what must not change the numbers does not, and each switch does what it says."""

import pytest
import torch

from gancourse.recipes import recipe_class


def trained(name, steps=5, dtype=torch.float64, **changes):
    """The players of a smoke run after some steps, and its losses."""
    recipe = recipe_class(name).for_budget("smoke", **changes)
    data = recipe.load_data()
    torch.set_default_dtype(dtype)
    try:
        players = recipe.players(data)
        step, batches = recipe.step(players), recipe.batches(data)
        torch.manual_seed(0)
        losses = [step(_as(batches.next(), dtype), number) for number in range(steps)]
    finally:
        torch.set_default_dtype(torch.float32)
    return players, losses


def _as(batch, dtype):
    if isinstance(batch, tuple):
        return tuple(_as(part, dtype) for part in batch)
    return batch.to(dtype) if batch.is_floating_point() else batch


def assert_equal_runs(one, other, tolerance):
    """Weights and losses of two runs differ by at most the tolerance."""
    for a, b in zip(one[1], other[1], strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert abs(a[name] - b[name]) <= tolerance
    for a, b in zip(_weights(one[0]), _weights(other[0]), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def _weights(players):
    return [*players.generator.parameters(), *players.discriminator.parameters()]


def _laid_out(run):
    kernels = [w for w in _weights(run[0]) if w.ndim == 4 and min(w.shape[1:]) > 1]
    return [w.is_contiguous(memory_format=torch.channels_last) for w in kernels]


@pytest.mark.parametrize("name", ["dcgan", "conditional", "cyclegan"])
def test_channels_last_changes_the_layout_and_no_number(name):
    plain, laid_out = trained(name), trained(name, channels_last=True)
    assert not any(_laid_out(plain)) and all(_laid_out(laid_out))
    assert_equal_runs(plain, laid_out, 1e-7)
