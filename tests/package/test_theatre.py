"""The theatre's kernel side: turns, going back, what is sent, whose mistake it was, and who is told."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from gancourse import objectives
from gancourse.data import grid, ring
from gancourse.errors import GANCourseError, RecipeError
from gancourse.nets import PointDiscriminator, PointGenerator
from gancourse.widgets import theatre
from gancourse.widgets.stage import Stage
from gancourse.widgets.theatre import PARTS, Theatre, packed

LOSSES = {"discriminator_loss": objectives.discriminator_loss, "generator_loss": objectives.generator_loss}
CRITIC = {
    "discriminator_loss": objectives.critic_loss,
    "generator_loss": objectives.critic_generator_loss,
    "gradient_penalty": objectives.gradient_penalty,
}


def lesson_step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    """As lesson 1 has it."""
    fake = generator(torch.randn(len(real), latent_dim)).detach()
    d_loss = objectives.discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    g_loss = objectives.generator_loss(discriminator(generator(torch.randn(len(real), latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


STEP = {"step": lesson_step, "generator_loss": objectives.generator_loss}


def nets():
    torch.manual_seed(0)
    return PointGenerator(width=8), PointDiscriminator(width=8)


def stage(**functions):
    return Stage(*nets(), ring(std=0.1), **functions)


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()]).clone()


def both(game):
    return weights(game.players.discriminator), weights(game.players.generator)


@pytest.mark.parametrize("functions", [LOSSES, CRITIC, STEP], ids=["losses", "critic", "step"])
def test_a_turn_is_one_update_of_one_player(functions):
    game = stage(**functions)
    for turn, (d, g) in [("discriminator", (1, 0)), ("generator", (1, 1)), ("discriminator", (2, 1))]:
        before = both(game)
        game.turn(turn)
        moved = [not torch.equal(a, b) for a, b in zip(before, both(game), strict=True)]
        assert moved == [turn == "discriminator", turn == "generator"]
        assert game.updates == {"discriminator": d, "generator": g}
    game.advance()
    assert game.updates == {"discriminator": 3, "generator": 2}
    assert game.trainer.steps == 1


def test_the_generators_turns_of_a_critic_game_come_at_their_interval():
    game = stage(**CRITIC, n_critic=3)
    for _ in range(6):
        game.advance()
    assert game.updates == {"discriminator": 6, "generator": 2}


def test_a_critic_that_is_held_is_not_clipped_either():
    game = stage(**CRITIC, clip=0.01)
    before, _ = both(game)
    game.turn("generator")
    assert torch.equal(both(game)[0], before) and before.abs().max() > 0.01
    game.turn("discriminator")
    assert both(game)[0].abs().max() <= 0.01


def test_a_game_that_goes_on_past_its_end_keeps_learning_rates_that_are_none_below_nothing():
    game = stage(**LOSSES, schedule="linear", images=256 * 4)
    for _ in range(6):
        game.advance()
    assert [g["lr"] for o in game.trainer.optimizers.values() for g in o.param_groups] == [0.0, 0.0]


def test_numbers_of_the_penalty_are_heard():
    taken = []
    penalty = lambda *args: taken.append(1) or objectives.gradient_penalty(*args)  # noqa: E731
    game = stage(**CRITIC | {"gradient_penalty": penalty}, penalty_every=3, n_critic=1)
    for _ in range(6):
        game.advance()
    assert len(taken) == 2


def test_a_reset_is_the_start_and_the_same_game_follows():
    game = stage(**LOSSES)
    start = both(game)
    for _ in range(3):
        game.advance()
    torch.manual_seed(99)  # another cell
    game.advance()
    first = both(game)
    game.reset()
    assert all(torch.equal(a, b) for a, b in zip(start, both(game), strict=True))
    assert game.updates == {"discriminator": 0, "generator": 0}
    for _ in range(4):
        game.advance()
    assert all(torch.equal(a, b) for a, b in zip(first, both(game), strict=True))


def test_the_game_keeps_its_random_numbers_to_itself():
    game = stage(**CRITIC)
    torch.manual_seed(5)
    game.advance()
    game.scene()
    with game.ahead(2):
        pass
    game.reset()
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_looking_ahead_leaves_everything_as_it_was():
    game = stage(**LOSSES)
    game.advance()
    before, counted = both(game), dict(game.updates)
    with game.ahead(5):
        assert game.updates["generator"] == 6 and not torch.equal(weights(game.players.generator), before[1])
    assert game.updates == counted
    assert all(torch.equal(a, b) for a, b in zip(before, both(game), strict=True))
    assert game.trainer.steps == 1


class Slope(nn.Module):
    """D's logit is the first coordinate; the weight does nothing."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x[:, 0] + self.weight


def test_arrows_point_where_each_fake_alone_is_pulled():
    generator, _ = nets()
    pulls = Stage(generator, Slope(), ring(), **CRITIC).scene().pulls
    assert torch.allclose(pulls, torch.tensor([1.0, 0.0]).expand_as(pulls))
    saturated = Stage(generator, Slope(), ring(), **LOSSES).scene()
    wanted = (-saturated.fake[: len(saturated.pulls), 0]).sigmoid()  # the slope of -log D
    assert torch.allclose(saturated.pulls[:, 0], wanted, atol=1e-5)


def test_the_surface_is_what_d_says_from_bottom_left():
    scene = Stage(nets()[0], Slope(), grid(), **LOSSES).scene()
    side = len(scene.surface)
    assert torch.allclose(scene.surface, torch.linspace(-scene.limit, scene.limit, side).expand(side, side))


def test_looking_changes_nobody_and_the_history_stays_short():
    game = stage(**LOSSES)
    modes = [part.training for part in game.players.generator.modules()]
    before = both(game)
    game.scene()
    assert all(torch.equal(a, b) for a, b in zip(before, both(game), strict=True))
    assert modes == [part.training for part in game.players.generator.modules()]
    for _ in range(600):
        game.trainer.images += game.recipe.batch_size
        game.note()
    history = game.scene().history
    assert 100 < len(history) < 240 and history[-1, 0] > 590
    assert (history[:, 0].diff() > 0).all()


def test_numbers_are_sent_in_order_as_float32():
    scene = stage(**LOSSES).scene()
    sent = np.frombuffer(packed(scene), "<f4")
    assert len(sent) == sum(getattr(scene, name).numel() for name in PARTS)
    assert np.array_equal(sent[: scene.surface.numel()], scene.surface.numpy().ravel())


def test_bad_arguments_are_told():
    with pytest.raises(RecipeError, match="a whole step"):
        theatre(*nets(), generator_loss=objectives.generator_loss)
    with pytest.raises(RecipeError, match="its own penalty"):
        theatre(*nets(), **STEP, gamma=1.0)
    with pytest.raises(RecipeError, match="no number 'lr'"):
        theatre(*nets(), **LOSSES, lr=1)
    with pytest.raises(RecipeError, match="no saturating"):
        theatre(*nets(), **LOSSES, saturating=True)
    with pytest.raises(GANCourseError, match="in a notebook"):
        theatre(*nets(), **LOSSES).play()


def test_a_learners_mistake_is_told_with_its_line_and_stops_the_game():
    def forgot(fake_logits):
        return fake_logits.men()

    show = theatre(*nets(), discriminator_loss=objectives.discriminator_loss, generator_loss=forgot)
    show.turn("generator")
    assert show.error["type"] == "AttributeError" and "men" in show.error["message"]
    assert show.error["where"].startswith("forgot, line ") and show.error["where"].endswith("return fake_logits.men()")
    assert "AttributeError" in show.still().alt
    screen = show.widget()
    assert screen.facts["error"] == show.error and screen.frame == b""
    show.close()


def test_the_still_picture_has_words_and_leaves_the_game_at_its_start():
    show = theatre(*nets(), ring(std=0.1), **STEP)
    before = both(show.stage)
    picture = show.still()
    assert picture.png.startswith(b"\x89PNG") and "200 updates of D and 200 of G" in picture.alt
    assert all(torch.equal(a, b) for a, b in zip(before, both(show.stage), strict=True))
    show.turn("discriminator")
    assert "1 updates of D and 0 of G" in show.still().alt


def watched(show, watching):
    """Play for a while in a loop of one's own, with a page that reports what it has seen, or without."""

    async def evening():
        screen = show.widget()
        show.play()
        for _ in range(40):
            if watching:
                show._heard(screen, {"command": "seen", "frame": screen.facts["frame"]}, [])
            await asyncio.sleep(0.02)
            if not show.playing:
                break
        return screen.facts

    return asyncio.run(evening())


def test_a_game_plays_for_those_who_watch_without_a_thread():
    before = threading.active_count()
    show = theatre(*nets(), **LOSSES)
    facts = watched(show, watching=True)
    assert facts["playing"] and show.stage.updates["generator"] > 5
    assert facts["words"].startswith("The plane after")
    assert threading.active_count() == before
    show.close()


def test_a_game_that_nobody_watches_stops(monkeypatch):
    monkeypatch.setitem(Theatre.tick.__globals__, "PATIENCE", 0.2)
    show = theatre(*nets(), **LOSSES)
    facts = watched(show, watching=False)
    assert not facts["playing"] and "no page" in facts["status"]
    show.close()


def test_a_game_that_was_never_shown_stops(monkeypatch):
    monkeypatch.setitem(Theatre.tick.__globals__, "PATIENCE", 0.2)

    async def evening():
        show = theatre(*nets(), **LOSSES)
        show.play()
        await asyncio.wait_for(show._task, 10)
        return show

    show = asyncio.run(evening())
    assert not show.playing and "no page" in show.status and show.stage.updates["generator"] == 0


def test_a_closed_theatre_is_forgotten_while_it_plays():
    async def evening():
        show = theatre(*nets(), **LOSSES)
        show.widget()
        show.play()
        gone, task = weakref.ref(show), show._task
        await asyncio.sleep(0.05)
        show.close()
        del show
        await asyncio.sleep(0.1)
        gc.collect()
        assert gone() is None and task.done()

    asyncio.run(evening())


def test_who_pauses_and_plays_at_once_has_one_game():
    async def evening():
        show = theatre(*nets(), **LOSSES)
        show.widget()
        show.play()
        await asyncio.sleep(0.02)
        first = show._task
        show.pause()
        show.play()
        await asyncio.sleep(0.1)
        assert first.done() and not show._task.done()
        show.close()

    asyncio.run(evening())


def test_after_a_loss_that_is_no_number_a_reset_helps():
    spoiled = True

    def loss(fake_logits):
        return objectives.generator_loss(fake_logits) * (float("nan") if spoiled else 1.0)

    show = theatre(*nets(), discriminator_loss=objectives.discriminator_loss, generator_loss=loss)
    show.widget()
    show.turn("generator")
    assert "became nan" in show.error["message"]
    spoiled = False
    show.reset()
    assert show.error is None and "0 updates of D" in show.widget().facts["words"]
    show.close()


def test_what_the_page_says_is_done():
    show = theatre(*nets(), **LOSSES)
    screen = show.widget()
    for content in ({"command": "speed", "value": 8}, {"command": "discriminator"}, {"command": "nonsense"}):
        show._heard(screen, content, [])
    assert screen.facts["speed"] == 8 and show.stage.updates == {"discriminator": 1, "generator": 0}
    show._heard(screen, {"command": "reset"}, [])
    assert show.stage.updates == {"discriminator": 0, "generator": 0}
    show.close()
