"""Translation without pairs: the data, the networks, the losses, the pool and the recipe."""

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gancourse import objectives
from gancourse.cards import load_card
from gancourse.data import Images, Unpaired, UnpairedBatches, emoji, emoji_names, scenes, unpaired_folder
from gancourse.data.scenes import draw_scenes, paint
from gancourse.errors import DataError, RecipeError
from gancourse.nets import PatchDiscriminator, TranslationGenerator
from gancourse.recipes.cyclegan import CycleGame, CycleGAN, translate
from gancourse.training import ImagePool
from gancourse.widgets import round_trip


def test_scenes_are_pairs_in_test_and_different_places_in_train():
    test, train = scenes("test"), scenes("train")
    assert test.paired and not train.paired and len(test) == 500 and len(train) == 2000
    places = draw_scenes(500, seed=3).part(0, 3)
    for night, images in ((False, test.a), (True, test.b)):
        assert torch.allclose(images.first(3), paint(places, night), atol=0.005)
    assert not torch.equal(draw_scenes(5, 1).sun_x, draw_scenes(5, 2).sun_x)


def test_a_night_is_a_function_of_its_scene():
    """Nothing is drawn while painting: the same table gives the same picture, at any size."""
    places = draw_scenes(4, seed=9)
    assert torch.equal(paint(places, True), paint(places, True))
    assert paint(places, False, size=64).shape == (4, 3, 64, 64)
    day = paint(places, False)
    assert day.min() >= -1 and day.max() <= 1 and (day - paint(places, True)).abs().mean() > 0.5


def test_emoji_are_one_picture_in_two_styles_and_no_emoji_is_trained_in_both():
    train, test = emoji("train"), emoji("test")
    assert len(train) == 800 and len(test) == 311 and test.paired
    assert torch.equal(test.a.labels, test.b.labels) and len(test.a.classes) == 10
    names_a, names_b = emoji_names("train")
    assert len(set(names_a)) == 800 and not set(names_a) & set(names_b)
    assert not (set(names_a) | set(names_b)) & set(emoji_names("test")[0])
    assert {"Apache-2.0", "CC-BY-4.0"} <= set(load_card("emoji").licence.replace(",", "").replace(";", "").split())


def test_unpaired_batches_shuffle_apart_and_go_on_where_they_were():
    a, b = (Images(name, torch.arange(n, dtype=torch.uint8).view(-1, 1, 1, 1)) for name, n in (("a", 6), ("b", 9)))
    batches = UnpairedBatches(Unpaired("x", a, b), 3, seed=1)
    batches.next()
    state = batches.state_dict()
    wanted = [batches.next() for _ in range(5)]
    batches.load_state_dict(state)
    for (x, y), (again_x, again_y) in zip(wanted, [batches.next() for _ in range(5)], strict=True):
        assert torch.equal(x, again_x) and torch.equal(y, again_y)


def test_data_that_do_not_fit_are_refused(tmp_path):
    small, large = (Images("i", torch.zeros(4, 3, s, s, dtype=torch.uint8)) for s in (8, 16))
    with pytest.raises(DataError, match="one size"):
        Unpaired("x", small, large)
    with pytest.raises(DataError, match="cannot be pairs"):
        Unpaired("x", small, Images("j", small.images[:2]), paired=True)
    for data in (scenes, emoji):
        with pytest.raises(DataError, match="'validation'"):
            data("validation")
    with pytest.raises(DataError, match="trainA"):
        unpaired_folder(tmp_path)


@pytest.fixture
def photographs(tmp_path):
    """A folder as CycleGAN's data sets come, with two pictures a domain."""
    for domain, colour in (("A", "red"), ("B", "blue")):
        (tmp_path / f"train{domain}").mkdir()
        for i in range(2):
            Image.new("RGB", (20, 24), colour).save(tmp_path / f"train{domain}" / f"{i}.png")
    return tmp_path


def test_a_folder_of_photographs(photographs):
    data = unpaired_folder(photographs, "test", size=16)
    assert data.shape == (3, 16, 16) and not data.paired
    assert data.first(1)[0][0, 0].mean() == 1 and data.first(1)[1][0, 0].mean() == -1


@pytest.mark.parametrize(("scale", "height", "width"), [(2, 32, 32), (4, 16, 24), (1, 5, 7)])
def test_a_generator_keeps_the_shape_and_the_range(scale, height, width):
    out = TranslationGenerator(3, 8, scale, blocks=1)(torch.randn(2, 3, height, width))
    assert out.shape == (2, 3, height, width) and out.abs().max() <= 1


def test_a_generator_refuses_what_it_cannot_cut():
    with pytest.raises(RecipeError, match="squares of 4"):
        TranslationGenerator(3, 8, scale=4)(torch.zeros(1, 3, 30, 32))


@pytest.mark.parametrize(("halvings", "layers", "field"), [(2, 0, 22), (3, 1, 70), (1, 0, 10)])
def test_the_patches_are_as_large_as_stated(halvings, layers, field):
    judge = PatchDiscriminator(3, 4, halvings, layers)
    plain = torch.nn.Sequential(*[m for m in judge.net if not isinstance(m, torch.nn.GroupNorm)])
    picture = torch.rand(1, 3, 96, 96, requires_grad=True)
    logits = plain(picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert int((picture.grad.abs().sum((0, 1, 3)) > 0).sum()) == field


def test_instance_norm_couples_no_images():
    net, x = TranslationGenerator(3, 8), torch.randn(3, 3, 8, 8)
    assert torch.allclose(net(x)[:1], net(x[:1]), atol=1e-5)


def test_least_squares_and_cycle_against_torchs_own():
    real, fake = torch.randn(2, 1, 3, 5), torch.randn(4, 1, 3, 5)
    ones, zeros = torch.ones_like, torch.zeros_like
    d_loss = objectives.least_squares_discriminator_loss(real, fake)
    assert torch.allclose(d_loss, F.mse_loss(real, ones(real)) + F.mse_loss(fake, zeros(fake)))
    assert torch.allclose(objectives.least_squares_generator_loss(fake), F.mse_loss(fake, ones(fake)))
    a, b = torch.randn(2, 3, 4, 6), torch.randn(3, 3, 4, 6)
    g_ab, g_ba = (lambda x: 2 * x + 1), (lambda x: x / 2)
    cycle = objectives.cycle_loss(a, b, g_ba(b), g_ab(a), g_ab, g_ba)
    assert cycle.item() == pytest.approx(0.5 + 1.0, abs=1e-5)
    identity = objectives.identity_loss(a, b, g_ab, g_ba)
    assert torch.allclose(identity, F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a))
    judges = [lambda x: x.mean(1, keepdim=True)] * 2
    parts = [
        objectives.cyclegan_generator_loss(a, b, g_ab, g_ba, *judges, *w) for w in ((0, 0), (3, 0), (0, 2), (3, 2))
    ]
    assert (parts[1] - parts[0]).item() == pytest.approx(3 * cycle.item(), rel=1e-4)
    assert (parts[3] - parts[1]).item() == pytest.approx((parts[2] - parts[0]).item(), rel=1e-4)


def test_a_pool_exchanges_and_survives_its_checkpoint():
    torch.manual_seed(0)
    pool = ImagePool(5, (1, 1, 1))
    outs = [pool.query(torch.full((1, 1, 1, 1), float(i))).item() for i in range(400)]
    assert outs[:5] == list(range(5)) and 150 < sum(out != i for i, out in enumerate(outs)) < 250
    again = ImagePool(5, (1, 1, 1))
    again.load_state_dict(pool.state_dict())
    assert again.count == 5 and torch.equal(again.kept, pool.kept)
    grown = torch.ones(2, 1, 1, 1, requires_grad=True)
    assert not pool.query(grown).requires_grad and not pool.kept.requires_grad


def smoke(**numbers):
    recipe = CycleGAN.for_budget("smoke", **numbers)
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    trainer.run()
    return recipe, trainer


@pytest.fixture(scope="module")
def smoked():
    return smoke()


def test_a_run_scores_and_draws_itself(smoked):
    recipe, trainer = smoked
    scores = recipe.scorer("emoji")(trainer.ema.model)
    assert scores.keys() == {"a_to_b", "b_to_a", "error", "identity", "cycle", "n_fake"} and scores["n_fake"] == 622
    assert recipe.picture(trainer.ema.model, 6).png != recipe.picture(trainer.ema.model, 6, seed=2).png
    day = scenes("test").first(3)[0]
    assert translate(trainer.ema.model.ab, day).shape == day.shape
    assert "noise" in round_trip(trainer.ema.model.ab, trainer.ema.model.ba, day).still().alt


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"learning_rate": 1e-2}, {"cycle_weight": 0.0}, {"pool": 1},
                                    {"identity_weight": 1.0},
                                    {"width": 5}, {"scale": 4}, {"blocks": 0}, {"patch_width": 5}, {"patch_layers": 1},
                                    {"patch_halvings": 1}, {"size": 16}, {"batch_size": 4}, {"decay_from": 0.0},
                                    {"betas": (0.0, 0.9)}, {"ema_half_life": 2.0}, {"seed": 1}])  # fmt: skip
def test_every_number_changes_the_run(smoked, change):
    _, other = smoke(**change)
    day = scenes("test").first(2)[0]
    assert not torch.equal(translate(smoked[1].ema.model.ab, day), translate(other.ema.model.ab, day))


def test_each_side_learns_in_its_own_turn():
    recipe = CycleGAN.for_budget("smoke")
    players = recipe.players(recipe.load_data("emoji"))
    game = CycleGame(players)
    batch = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    game.step()  # freezes both sides until their turn
    players.generator.requires_grad_(True)
    game.generator_loss(batch).backward()
    assert all(p.grad is None for p in players.discriminator.parameters())
    assert all(p.grad is not None for p in players.generator.parameters())
    players.generator.zero_grad(set_to_none=True)
    players.discriminator.requires_grad_(True)
    game.discriminator_loss(batch).backward()
    assert all(p.grad is None for p in players.generator.parameters())
    assert all(p.grad is not None for p in players.discriminator.parameters())


def test_a_folder_without_pairs_is_scored_by_what_can_be_known(photographs):
    recipe = CycleGAN.for_budget("smoke", size=16)
    players = recipe.players(recipe.load_data(str(photographs)))
    assert recipe.scorer(str(photographs))(players.generator).keys() == {"identity", "cycle", "n_fake"}


def test_numbers_that_make_no_sense_are_refused():
    for change, message in (({"scale": 3}, "multiple of scale"), ({"pool": 0}, "pool"), ({"latent_dim": 3}, "no place"),
                            ({"cycle_weight": -1.0}, "cycle_weight"), ({"blocks": -1}, "blocks")):  # fmt: skip
        with pytest.raises(RecipeError, match=message):
            CycleGAN.for_budget("smoke", **change)
    with pytest.raises(DataError, match="size=32"):
        CycleGAN.for_budget("smoke", size=64).load_data("emoji")
