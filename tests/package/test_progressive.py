"""Progressive growing: nothing changes at alpha = 0, alpha acts in three places, and a run goes on bit for bit."""

import math
from functools import cache

import pytest
import torch
from torch.nn import functional as F

from gancourse.errors import DataError, RecipeError, TrainingInterrupted
from gancourse.nets import (
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedUpConv2d,
    Parts,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    fade_in,
    minibatch_stddev,
    pixel_norm,
)
from gancourse.recipes.progressive import Progressive
from gancourse.training import EMA, Monitor
from gancourse.widgets import fade_explorer

WIDTHS = [8, 6, 4]


def _tiny(**changes):
    return Progressive.for_budget("smoke", **changes)


def _trainer(recipe, **options):
    data = recipe.load_data()
    players = recipe.players(data)
    return recipe.trainer(players, recipe.batches(data), recipe.step(players), **options), players


# Parts


def test_fade_in_is_the_old_picture_at_0_and_the_new_one_at_1():
    old, new = torch.randn(2, 3, 2, 4), torch.randn(2, 3, 4, 8)
    assert torch.equal(fade_in(old, new, 0.0), old.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.equal(fade_in(old, new, 1.0), new)
    torch.testing.assert_close(fade_in(new, 3 * new, 0.25), 1.5 * new)


def test_pixel_norm_is_over_the_channels():
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).repeat(2, 1, 2, 3)
    normed = pixel_norm(x)
    torch.testing.assert_close(normed[0, :, 0, 0], torch.tensor([3.0, 4.0]) / math.sqrt(12.5))
    assert torch.equal(pixel_norm(torch.zeros(1, 2, 3, 3)), torch.zeros(1, 2, 3, 3))


def test_minibatch_stddev_of_maps_is_over_the_batch():
    x = torch.zeros(2, 3, 4, 5)
    x[1] = 2
    out = minibatch_stddev(x)
    assert out.shape == (2, 4, 4, 5) and torch.equal(out[:, :3], x)
    torch.testing.assert_close(out[:, 3], torch.ones(2, 4, 5))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (EqualizedLinear(200, 300), (64, 200)),
        (EqualizedConv2d(20, 30, 3, padding=1), (16, 20, 8, 8)),
        (EqualizedUpConv2d(20, 30), (16, 20, 8, 8)),
    ],
)
def test_equalized_layers_keep_the_power_of_a_signal_and_store_weights_of_size_1(layer, shape):
    assert abs(layer.weight.std().item() - 1) < 0.05 and layer.bias.abs().max() == 0
    power = layer(torch.randn(*shape)).pow(2)
    inside = power[..., 2:-2, 2:-2] if power.ndim == 4 else power
    assert 1.8 < inside.mean() < 2.2  # twice the input's: the rectifier behind takes half of it


def test_adams_first_step_is_the_same_share_of_every_equalized_layer():
    shares = []
    for layer, shape in ((EqualizedConv2d(1, 64, 1), (8, 1, 4, 4)), (EqualizedConv2d(64, 64, 4), (8, 64, 4, 4))):
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), 0.01)
        layer(torch.randn(*shape)).pow(2).mean().backward()
        optimizer.step()
        shares.append(((layer.weight - before).norm() / before.norm()).item())
    assert max(shares) < 1.3 * min(shares)


# Players


@pytest.mark.parametrize("stage", [1, 2])
def test_at_alpha_0_the_grown_generator_is_the_old_one_enlarged(stage):
    generator = ProgressiveGenerator(5, 2, WIDTHS)
    z = torch.randn(3, 5)
    old = generator.grow_to(stage - 1)(z)
    grown = generator.grow_to(stage, 0.0)(z)
    assert grown.shape == (3, 2, 4 * 2**stage, 4 * 2**stage)
    assert torch.equal(grown, F.interpolate(old, scale_factor=2))
    assert not torch.equal(generator.grow_to(stage, 0.1)(z), grown)


@pytest.mark.parametrize("stage", [1, 2])
def test_at_alpha_0_the_grown_discriminator_is_the_old_one_on_shrunk_images(stage):
    discriminator = ProgressiveDiscriminator(2, WIDTHS)
    images = torch.randn(4, 2, 4 * 2**stage, 4 * 2**stage)
    old = discriminator.grow_to(stage - 1)(F.avg_pool2d(images, 2))
    assert old.shape == (4,)
    torch.testing.assert_close(discriminator.grow_to(stage, 0.0)(images), old)
    assert not torch.allclose(discriminator.grow_to(stage, 0.5)(images), old)


def test_only_the_stages_that_take_part_learn():
    generator = ProgressiveGenerator(5, 1, WIDTHS).grow_to(1, 0.5)
    generator(torch.randn(3, 5)).sum().backward()
    assert generator.blocks[0].weight.grad is not None and generator.blocks[1].weight.grad is None
    assert generator.to_image[0].weight.grad is not None and generator.to_image[2].weight.grad is None


def test_growth_is_a_buffer_that_averages_and_state_dicts_carry_and_no_device_takes():
    generator = ProgressiveGenerator(5, 1, WIDTHS).grow_to(1, 0.25)
    average = EMA(generator, 100.0)
    generator.grow_to(2, 0.75)
    average.update(generator, 10)
    assert (average.model.stage, average.model.alpha) == (2, 0.75)
    fresh = ProgressiveGenerator(5, 1, WIDTHS)
    fresh.load_state_dict(generator.state_dict())
    assert (fresh.stage, fresh.alpha) == (2, 0.75)
    moved = fresh.to("meta")
    assert moved.growth.device.type == "cpu" and (moved.stage, moved.alpha) == (2, 0.75)


def test_stages_that_do_not_exist_are_refused():
    generator = ProgressiveGenerator(5, 1, WIDTHS)
    for stage, alpha in ((3, 1.0), (-1, 1.0), (1, 1.5), (1, -0.1)):
        with pytest.raises(RecipeError, match="no stage"):
            generator.grow_to(stage, alpha)


# The recipe


def test_the_timetable_is_a_function_of_the_images_and_reaches_every_stage():
    recipe = _tiny(images=1500, batch_size=10, stage_growth=2.0, fade=0.5)
    assert recipe.growth(0) == (0, 1.0)
    assert recipe.growth(100) == (1, 0.0) and recipe.growth(200) == (1, 1.0)
    assert recipe.growth(300) == (2, 0.0) and recipe.growth(400) == (2, 0.5)
    assert recipe.growth(1499) == (3, 1.0)
    assert _tiny(direct=True).growth(0) == (3, 1.0)
    assert _tiny(fade=0.0, images=1500).growth(101) == (1, 1.0)


def test_numbers_that_make_no_sense_are_refused():
    for change, message in (
        ({"size": 28}, "cannot be grown"),
        ({"gamma": -1.0}, "gamma"),
        ({"r1_every": 0}, "r1_every"),
        ({"fade": 2.0}, "fade"),
        ({"stage_growth": 0.0}, "stage_growth"),
    ):
        with pytest.raises(RecipeError, match=message):
            _tiny(**change)


def test_reals_are_shrunk_and_faded_and_both_players_grow():
    recipe = _tiny()
    players = recipe.players(recipe.load_data())
    real = torch.randn(2, 1, 32, 32)
    seen = recipe.game(players).prepare(real, 2, 0.25)
    whole = F.avg_pool2d(real, 2)
    blurred = F.avg_pool2d(whole, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(seen, 0.75 * blurred + 0.25 * whole)
    for player in (players.generator, players.discriminator):
        assert (player.stage, player.alpha) == (2, 0.25)
    assert torch.equal(recipe.game(players).prepare(real, 0, 1.0), F.avg_pool2d(real, 8))


def test_a_learners_parts_are_the_ones_that_are_used():
    called = set()

    def spy(name, function):
        def part(*args):
            called.add(name)
            return function(*args)

        return part

    course = Parts()
    parts = Parts(*(spy(name, getattr(course, name)) for name in ("conv", "pixel_norm", "minibatch_stddev", "fade_in")))
    recipe = _tiny()
    players = recipe.players(recipe.load_data(), parts=parts)
    game = recipe.game(players, parts)
    game.growth = lambda number: (1, 0.5)
    game.step()(torch.randn(4, 1, 32, 32), 0)
    assert called == {"conv", "pixel_norm", "minibatch_stddev", "fade_in"}


def test_a_rehearsal_grows_to_the_full_size(monkeypatch):
    monkeypatch.setenv("GANCOURSE_REHEARSAL", "1")
    recipe = Progressive.for_budget("smoke")
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    trainer.run()
    assert trainer.steps == 4 and players.generator.stage == players.discriminator.stage == 3


@cache
def _end_of(**numbers):
    """Images of a short run: of the unchanged one only once."""
    trainer, _ = _trainer(_tiny(images=160, batch_size=8, **numbers))
    trainer.run()
    noise = torch.randn(4, trainer.ema.model.latent_dim, generator=torch.Generator().manual_seed(0))
    return trainer.ema.model(noise)


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"gamma": 5.0}, {"r1_every": 2}, {"stage_growth": 1.0}, {"fade": 0.1},
                                    {"direct": True}, {"width": 3}, {"learning_rate": 1e-3}, {"latent_dim": 5},
                                    {"betas": (0.5, 0.9)}, {"ema_half_life": 5.0}, {"seed": 1}])  # fmt: skip
def test_every_number_changes_the_run(change):
    one, other = _end_of(), _end_of(**change)
    assert one.shape == other.shape == (4, 1, 32, 32) and not torch.equal(one, other)


class _StopAt(Monitor):
    """Press Ctrl-C at a number of steps."""

    def __init__(self, steps):
        self.steps = steps

    def record(self, trainer, losses):
        if trainer.steps == self.steps:
            raise TrainingInterrupted("stopped by the test")


@pytest.mark.slow
def test_a_run_that_stops_during_a_fade_goes_on_bit_for_bit(tmp_path):
    recipe = _tiny(images=320, batch_size=8, record_every=1)
    whole, _ = _trainer(recipe)
    whole.run()
    stop = 22
    stage, alpha = recipe.growth(stop * recipe.batch_size)
    assert stage == 3 and 0 < alpha < 1
    first, _ = _trainer(recipe, checkpoint=tmp_path / "c.pt", monitors=[_StopAt(stop + 1)])
    first.save_share = math.inf  # a checkpoint after each record
    with pytest.raises(TrainingInterrupted):
        first.run()
    second, _ = _trainer(recipe, checkpoint=tmp_path / "c.pt")
    second.resume()
    assert second.steps == stop and second.ema.model.stage == 3 and 0 < second.ema.model.alpha < 1
    second.run()
    for a, b in ((whole.players["generator"], second.players["generator"]), (whole.ema.model, second.ema.model),
                 (whole.players["discriminator"], second.players["discriminator"])):  # fmt: skip
        for key, value in a.state_dict().items():
            assert torch.equal(value, b.state_dict()[key]), key


def test_the_optimisers_memory_of_old_weights_survives_growing():
    recipe = _tiny(images=320, batch_size=8)
    trainer, players = _trainer(recipe)
    trainer.run()
    steps = {p: s["step"].item() for p, s in players.generator_optimizer.state.items()}
    assert steps[players.generator.to_image[3].weight] < steps[players.generator.seed[0].weight] == trainer.steps


def test_pictures_of_an_early_stage_are_enlarged_and_scored():
    recipe = _tiny()
    generator = recipe.players(recipe.load_data()).generator
    assert generator.stage == 0 and recipe.generate(generator, 3, seed=0).shape == (3, 1, 32, 32)
    assert recipe.picture(generator, n=4).alt


def test_the_fade_explorer_shows_every_stage_and_leaves_the_generator_as_it_was():
    recipe = _tiny()
    generator = recipe.players(recipe.load_data()).generator.grow_to(2, 0.5)
    explorer = fade_explorer(generator, recipe.noise(4, seed=0))
    assert explorer.images(1, 0.5).shape == (4, 1, 32, 32)
    assert torch.equal(explorer.images(1, 0.0), explorer.images(0, 1.0))
    assert explorer.still().alt and (generator.stage, generator.alpha) == (2, 0.5)
    data, _ = explorer._repr_mimebundle_()
    assert "image/png" in data


@pytest.mark.slow
def test_sizes_above_32_are_enlarged_photographs_and_scored_at_32():
    recipe = _tiny(size=64)
    data = recipe.load_data()
    assert data.shape == (1, 64, 64) and data.images.dtype == torch.uint8
    small = _tiny().load_data()
    shrunk = F.avg_pool2d(data.first(20), 2)
    assert (shrunk - small.first(20)).abs().mean() < 0.1
    generator = recipe.players(data).generator.grow_to(4, 1.0)
    assert recipe.generate(generator, 2, seed=0).shape == (2, 1, 64, 64)
    assert "nfd" in recipe.scorer(n=100)(generator)
    with pytest.raises(DataError, match="larger than"):
        data.enlarged(32)


@pytest.mark.slow
@pytest.mark.full_only
def test_at_64_growing_beats_direct_training_at_equal_time():
    """What lesson 06 says in words: 5,600 images grown cost as much as 4,300 direct ones."""
    torch.set_num_threads(1)
    nfd = {}
    for direct, images in ((False, 5600), (True, 4300)):
        recipe = Progressive.for_budget("laptop", size=64, images=images, direct=direct, seed=1)
        trainer, _ = _trainer(recipe)
        trainer.run()
        nfd[direct] = recipe.scorer()(trainer.ema.model)["nfd"]
    assert nfd[False] < nfd[True]
