"""The widgets without a browser: what they draw, what they say, and that a run in the background minds its owner."""

import base64
import gc
import io
import re
import threading
import time

import ipywidgets
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from torch import nn

from gancourse.authoring.build import canonical
from gancourse.data import Images
from gancourse.errors import CheckpointError, DataError, GANCourseError, TrainingError, TrainingStopped
from gancourse.metrics import nearest
from gancourse.nets import ConcatGenerator, DCGANGenerator, TranslationGenerator
from gancourse.recipes.base import recipe_class
from gancourse.recipes.runs import Run
from gancourse.recipes.watching import Options
from gancourse.show import Picture
from gancourse.training import History, Monitor
from gancourse.widgets import TrainingMonitor, fade_explorer, latent_explorer, monitor_run, round_trip
from gancourse.widgets.background import THREAD
from gancourse.widgets.directions import found_directions, slerp
from gancourse.widgets.panel import Explorer
from gancourse.widgets.still import VIEW

LATENT = 8


def find(box, kind, description: str):
    """The control of that description inside a box."""
    return next(w for w in every(box) if isinstance(w, kind) and w.description == description)


def every(box):
    yield box
    for child in getattr(box, "children", ()):
        yield from every(child)


def page(box) -> str:
    """Everything that a box shows as HTML."""
    return "\n".join(w.value for w in every(box) if isinstance(w, ipywidgets.HTML))


def assert_told(box) -> None:
    """Every control says what it does, and every picture what is to be seen."""
    controls = [w for w in every(box) if isinstance(w, ipywidgets.DOMWidget) and hasattr(w, "tooltip")]
    controls = [w for w in controls if not isinstance(w, (ipywidgets.Box, ipywidgets.HTML))]
    assert controls and all(w.tooltip and w.description for w in controls)
    images = re.findall(r"<img [^>]*>", page(box))
    assert images and all(re.search(r'alt="[^"]{10,}"', image) for image in images)


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return DCGANGenerator(LATENT, (1, 28, 28), width=4)


@pytest.fixture
def real():
    return torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1


# Directions and ways


def test_found_directions_of_a_linear_generator_are_its_singular_vectors():
    """Closed-form factorisation, exactly, whatever the sample."""
    torch.manual_seed(0)
    weight = torch.randn(LATENT, 30) * torch.linspace(5, 1, LATENT)[:, None]
    directions = found_directions(lambda z: z @ weight + 3, LATENT, 3)
    wanted = torch.linalg.svd(weight)[0][:, :3].T
    assert torch.allclose((directions * wanted).sum(1).abs(), torch.ones(3), atol=1e-4)
    assert torch.allclose(directions @ directions.T, torch.eye(3), atol=1e-5)
    assert ((directions @ weight).sum(1) > 0).all(), "forwards is brighter"


def test_found_directions_change_images_more_than_random_ones(generator):
    explorer = latent_explorer(generator, LATENT)
    z = torch.randn(100, LATENT, generator=torch.Generator().manual_seed(5))

    def change(direction):
        return (explorer.images(z + direction) - explorer.images(z - direction)).pow(2).sum().item()

    others = torch.linalg.qr(torch.randn(LATENT, LATENT, generator=torch.Generator().manual_seed(6)))[0].T
    assert change(explorer.directions()[0]) > max(change(other) for other in others)


def test_slerp_keeps_the_length_and_meets_both_ends():
    a, b = torch.tensor([3.0, 0, 0]), torch.tensor([0, 3.0, 0])
    assert torch.allclose(slerp(a, b, 0.0), a) and torch.allclose(slerp(a, b, 1.0), b, atol=1e-6)
    assert torch.allclose(slerp(a, b, 0.5), torch.tensor([1.5, 1.5, 0]) * 2**0.5)
    assert torch.allclose(slerp(a, a, 0.3), a) and slerp(a, -a, 0.5).isfinite().all()


def test_nearest_finds_a_copy_at_distance_0_among_few_and_among_many():
    real = torch.randn(200, 784, generator=torch.Generator().manual_seed(0))
    for fake in (real[[7, 3]], real[:60]):
        distances, places = nearest(real, fake, 2)
        assert places[:, 0].tolist() == ([7, 3] if len(fake) == 2 else list(range(60)))
        assert distances[:, 0].max() < 0.1 and (distances[:, 1] > 1).all()
    assert nearest(real, real[[7]], 1)[0].item() == 0


# The latent explorer


def test_the_latent_explorer_redraws_what_its_sliders_say(generator, real):
    box = latent_explorer(generator, LATENT, real=real).widget()
    assert_told(box)
    shown = page(box)
    find(box, ipywidgets.FloatSlider, "direction 2").value = 3.0
    assert "start 0, +3.0 along direction 2" in page(box) and page(box) != shown
    find(box, ipywidgets.FloatSlider, "walk").value = 0.5
    find(box, ipywidgets.IntSlider, "goal").value = 7
    assert "50% of the way to start 7" in page(box) and "Nearest real images" in page(box)


def test_the_latent_explorer_ends_where_it_says(generator):
    """Wholly walked, it is the other start; two steps along a direction are two steps."""
    explorer = latent_explorer(generator, LATENT)
    (arrived,) = explorer.pictures(3, 5, 1.0).values()
    (there,) = explorer.pictures(5).values()
    assert arrived.png == there.png
    (moved,) = explorer.pictures(5, steps=[0.0, 2.0]).values()
    expected = explorer.images((explorer.start(5) + 2 * explorer.directions()[1])[None])
    assert torch.equal(pixels(moved), ((expected[0, 0] + 1) * 127.5).round())


def pixels(picture: Picture) -> torch.Tensor:
    """The generated pixels of a picture that shows each of them 8 wide."""
    image = Image.open(io.BytesIO(picture.png)).convert("L")
    return torch.tensor(np.asarray(image))[::8, ::8].float()


def test_a_copied_training_image_is_found_out(generator, real):
    explorer = latent_explorer(generator, LATENT)
    copied = torch.cat([real, explorer.images(explorer.start(4)[None])])
    holding = latent_explorer(generator, LATENT, real=copied)
    assert any(words.startswith("Nearest real images, at 0.00,") for words in holding.pictures(4))
    images = Images("some", ((real + 1) * 127.5).byte())
    assert len(latent_explorer(generator, LATENT, real=images).pictures(4)) == 2


def test_the_class_picker_asks_for_the_class():
    torch.manual_seed(0)
    explorer = latent_explorer(
        ConcatGenerator(LATENT, 3, (1, 28, 28), width=4), LATENT, classes=("bag", "boot", "coat")
    )
    box = explorer.widget()
    bag = page(box)
    find(box, ipywidgets.Dropdown, "class").value = 1
    assert "boot, start 0" in page(box) and page(box) != bag
    assert "bag, coat" in explorer.still().alt
    assert not torch.equal(explorer.directions(0), explorer.directions(1))


def test_an_exception_is_shown_in_the_widget_and_gone_when_it_is_mended(generator, real):
    box = latent_explorer(generator, LATENT, real=real).widget()
    whole, generator.out = generator.out, nn.Conv2d(7, 1, 1)
    find(box, ipywidgets.IntSlider, "start").value = 3
    assert 'role="alert"' in page(box) and "RuntimeError" in page(box) and "Traceback" in page(box)
    assert "start 0" in page(box), "the last good picture stays"
    generator.out = whole
    find(box, ipywidgets.IntSlider, "start").value = 4
    assert "alert" not in page(box) and "start 4" in page(box)


def test_what_was_drawn_first_is_not_shown_last():
    """Two controls moved at once, in two threads of the kernel: the slow old drawing, then the new one."""
    value, entered = [0], threading.Event()

    def draw():
        now = value[0]
        if now == 1:
            entered.set()
            time.sleep(0.3)
        return {f"value {now}": Picture(b"", "nothing to be seen")}

    explorer = Explorer([], draw)
    value[0] = 1
    slow = threading.Thread(target=explorer.redraw)
    slow.start()
    entered.wait()
    value[0] = 2
    explorer.redraw()
    slow.join()
    assert "value 2" in page(explorer.box)


def test_real_images_of_another_size_are_told_without_a_traceback(generator):
    box = latent_explorer(generator, LATENT, real=torch.zeros(9, 1, 32, 32)).widget()
    assert "DataError" in page(box) and "give `real` in the generator" in page(box) and "Traceback" not in page(box)


def test_widgets_leave_the_generator_in_its_mode_and_the_random_numbers_where_they_were(generator, real):
    state = torch.get_rng_state()
    assert latent_explorer(generator.train(), LATENT, real=real)._repr_mimebundle_()[0].keys() >= {"image/png"}
    assert generator.training and torch.equal(state, torch.get_rng_state())


def test_a_built_notebook_keeps_the_picture_alone(generator):
    """Shown, a widget is two outputs; the state of the live one is not saved, so neither is it."""
    data, notes = latent_explorer(generator, LATENT)._repr_mimebundle_()
    live = {VIEW: {"model_id": "0", "version_major": 2, "version_minor": 0}}
    outputs = [new_output("display_data", live), new_output("display_data", data, metadata=notes)]
    cell = canonical(new_notebook(cells=[new_code_cell("", outputs=outputs)])).cells[0]
    assert [sorted(output.data) for output in cell.outputs] == [["image/png", "text/plain"]]
    assert "seven generated images" in cell.outputs[0].metadata["image/png"]["alt"]


# The other explorers


def test_the_fade_explorer_says_what_is_mixed():
    recipe = recipe_class("progressive").for_budget("smoke")
    generator = recipe.players(recipe.load_data("embedded")).generator
    box = fade_explorer(generator, recipe.noise(4, seed=0)).widget()
    assert_told(box)
    find(box, ipywidgets.FloatSlider, "alpha").value = 0.25
    assert "25% of them and 75% of 16 x 16" in page(box)
    find(box, ipywidgets.FloatSlider, "direction 2").value = 3.0
    assert "Noise 0, +3.0 along direction 2, stage " in page(box)
    find(box, ipywidgets.IntSlider, "stage").value = 0
    assert "stage 0: 4 x 4 pixels<" in page(box)


def test_a_step_along_a_direction_changes_the_progressive_image_at_every_stage():
    recipe = recipe_class("progressive").for_budget("smoke")
    generator = recipe.players(recipe.load_data("embedded")).generator
    explorer = fade_explorer(generator, recipe.noise(4, seed=0))
    for stage in range(generator.stages):
        shown = [explorer.picture(stage, 1.0, 0, steps) for steps in ((0, 0), (0, 3.0))]
        here, there = (next(iter(pictures.values())).png for pictures in shown)
        assert here != there
    assert generator.stage == 0, "as it was"


@pytest.fixture
def trips():
    torch.manual_seed(0)
    nets = [TranslationGenerator(3, width=4, blocks=1) for _ in "ab"]
    days, nights = torch.rand(2, 5, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return round_trip(*nets, days, nights, names=("day", "night"))


def a_file(size: tuple[int, int] = (40, 20), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (255, 0, 0)).save(buffer, kind)
    return buffer.getvalue()


def upload(box, name: str, content: bytes) -> None:
    """What the browser's part of FileUpload sends."""
    find(box, ipywidgets.FileUpload, "your file").set_state(
        {
            "value": [
                {"name": name, "type": "", "size": len(content), "last_modified": 0, "content": memoryview(content)}
            ]
        }
    )


def test_both_directions_of_a_translation(trips):
    box = trips.widget()
    assert_told(box)
    assert "day: picture 0" in page(box) and "made into night" in page(box)
    find(box, ipywidgets.Dropdown, "direction").value = 1
    assert "night: picture 0" in page(box) and "made into day" in page(box)
    source, fake, back = trips.trip(trips.domains[1][:1], 0.0, direction=1)
    with torch.no_grad():
        expected = trips.nets[1](source)
        assert torch.allclose(fake, expected) and torch.allclose(back, trips.nets[0](expected), atol=1e-5)


def test_a_picture_of_ones_own_by_upload_and_by_path(trips, tmp_path):
    box = trips.widget()
    upload(box, "red.png", a_file())
    assert "day: your picture" in page(box)
    assert torch.equal(trips.own[0, :, 3, 3], torch.tensor([1.0, -1, -1])) and trips.own.shape == (1, 3, 16, 16)
    (tmp_path / "blue.jpg").write_bytes(a_file((9, 70), "JPEG"))
    find(box, ipywidgets.Dropdown, "picture").value = "of the course"
    assert "day: picture 0" in page(box)
    find(box, ipywidgets.Text, "or its path").value = str(tmp_path / "blue.jpg")
    assert "day: your picture" in page(box) and "alert" not in page(box)
    upload(box, "red.png", a_file())
    upload(box, "red.png", a_file())  # the same one twice
    assert "alert" not in page(box)


@pytest.mark.parametrize("content", [b"no picture at all", b"", a_file()[:60]])
def test_a_bad_upload_is_told_and_the_picture_stays(trips, content):
    box = trips.widget()
    upload(box, "notes<1>.txt", content)
    assert "notes&lt;1&gt;.txt cannot be read as a picture" in page(box) and "Traceback" not in page(box)
    assert "day: picture 0" in page(box) and "BytesIO" not in page(box)


def test_a_path_to_nowhere_and_no_picture_yet_are_told(trips, tmp_path):
    box = trips.widget()
    for nowhere in ("/nowhere/at/all.png", "~nobody-of-that-name/a.png", str(tmp_path / "soon.png")):
        find(box, ipywidgets.Text, "or its path").value = nowhere
        assert "alert" in page(box) and "day: your picture" not in page(box)
    assert "soon.png cannot be read" in page(box) and "Traceback" not in page(box)
    (tmp_path / "soon.png").write_bytes(a_file())
    find(box, ipywidgets.Text, "or its path").value = nowhere
    assert "day: your picture" in page(box) and "alert" not in page(box)


def test_a_picture_of_ones_own_has_to_be_given_first(trips):
    box = trips.widget()
    find(box, ipywidgets.Dropdown, "picture").value = "of your own"
    assert "There is no picture of your own yet" in page(box)
    with pytest.raises(DataError):
        trips.pictures(0, 0.0, own=True)


def test_one_domain_has_one_direction():
    torch.manual_seed(0)
    nets = [TranslationGenerator(3, width=4, blocks=1) for _ in "ab"]
    box = round_trip(*nets, torch.zeros(2, 3, 16, 16)).widget()
    assert len(find(box, ipywidgets.Dropdown, "direction").options) == 1


# The monitor


RECIPE = recipe_class("dcgan").for_budget("smoke", width=4, batch_size=8, images=400, record_every=5)


def a_trainer(*monitors: Monitor, images: int = 400, step=None):
    recipe = recipe_class("dcgan").for_budget("smoke", width=4, batch_size=8, images=images, record_every=5)
    data = recipe.load_data("embedded")
    players = recipe.players(data)
    return recipe.trainer(players, recipe.batches(data), step or recipe.step(players), monitors=monitors)


def a_monitor(**options) -> TrainingMonitor:
    return TrainingMonitor(lambda generator: RECIPE.picture(generator, 10), **options)


def until(true, seconds: float = 20.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    assert not [t for t in threading.enumerate() if t.name == THREAD]


@pytest.mark.slow
def test_the_monitor_keeps_frames_scores_and_losses_and_looks_back():
    scores = iter([0.9, 0.5, 0.3, 0.2])
    monitor = a_monitor(metric="nfd", score=lambda generator: {"nfd": next(scores)}, floor=0.004, frames=4)
    a_trainer(monitor).run()
    box = monitor.widget()
    assert_told(box)
    assert [images for images, _ in monitor.album.frames] == [0, 120, 200, 320, 400]
    assert "After 400 of 400 images: discriminator" in page(box) and "nfd 0.200, floor 0.004" in page(box)
    find(box, ipywidgets.IntSlider, "look back").value = 1
    assert "After 120 of 400 images" in page(box) and "nfd 0.900, floor 0.004" in page(box)
    assert "nfd from 0.900 to 0.200, floor 0.004" in monitor.still().alt
    assert "finished after 400 images" in page(box)
    assert monitor.widget() is box


@pytest.mark.slow
def test_watching_changes_no_number():
    watched, alone = a_trainer(a_monitor(frames=8)), a_trainer()
    for trainer in (watched, alone):
        torch.manual_seed(0)
        trainer.run()
    pairs = zip(watched.ema.model.parameters(), alone.ema.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.slow
def test_the_same_run_in_the_background_with_pauses_and_a_stop_learns_the_same():
    history = History()
    monitor = a_monitor()
    trainer, alone = a_trainer(monitor, history), a_trainer()
    torch.manual_seed(0)
    alone.run()
    torch.manual_seed(0)
    monitor.play(trainer)
    until(lambda: trainer.steps >= 3)
    monitor.pause()
    until(lambda: "paused" in page(monitor.widget()))
    steps = trainer.steps
    time.sleep(0.3)
    assert trainer.steps == steps < 50, "paused"
    monitor.stop()
    assert monitor.wait(0) and "Stopped by hand" in page(monitor.widget())
    monitor.play()
    assert monitor.wait(60)
    assert trainer.steps == 50 and "finished: 400 of 400 images" in page(monitor.widget())
    assert "alert" not in page(monitor.widget())
    pairs = zip(trainer.ema.model.parameters(), alone.ema.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "no batch was lost or shown twice"


def test_a_cell_that_is_run_again_while_it_plays_goes_on_in_one_thread():
    monitor = a_monitor()
    trainer = a_trainer(monitor, images=100_000)
    monitor.play(trainer)
    until(lambda: trainer.steps >= 2)
    monitor.play(trainer)
    steps = trainer.steps
    until(lambda: trainer.steps > steps + 2)
    assert sum(thread.name == THREAD for thread in threading.enumerate()) == 1
    monitor.stop()
    assert monitor.wait(0)


@pytest.mark.parametrize(
    "ask", [TrainingMonitor.play, TrainingMonitor.pause, TrainingMonitor.stop, TrainingMonitor.wait]
)
def test_what_needs_a_run_says_so_before_there_is_one(ask):
    with pytest.raises(GANCourseError, match=r"Nothing runs in the background yet. Call play\(trainer\) first"):
        ask(a_monitor())


def test_the_buttons_can_do_what_is_possible_now():
    monitor = a_monitor()
    assert "has not begun" in monitor.still().alt
    box = monitor.widget()
    play, pause, stop = (find(box, ipywidgets.Button, name) for name in ("play", "pause", "stop"))
    assert play.disabled and pause.disabled and stop.disabled, "nothing runs in the background"
    trainer = a_trainer(monitor, images=100_000)
    monitor.play(trainer)
    until(lambda: not pause.disabled)
    pause.click()
    until(lambda: not play.disabled)
    steps = trainer.steps
    play.click()
    until(lambda: trainer.steps > steps + 2)
    stop.click()
    assert not play.disabled and pause.disabled and stop.disabled


@pytest.mark.parametrize("error", [ValueError("my step is <wrong>"), TrainingStopped("D is saturated. Try less.")])
def test_what_ends_a_run_is_shown(error):
    def step(real, number):
        raise error

    monitor = a_monitor()
    monitor.play(a_trainer(monitor, step=step))
    assert "after 0 images" in monitor.still().alt, "a cell that ends with play() shows it at once"
    assert monitor.wait(20)
    shown = page(monitor.widget())
    assert type(error).__name__ in shown and "failed: 0 of 400 images" in shown and 'role="alert"' in shown
    assert ("my step is &lt;wrong&gt;" in shown and "def step" not in shown) or "D is saturated" in shown
    in_the_cell = a_monitor()
    with pytest.raises(type(error)):
        a_trainer(in_the_cell, step=step).run()
    assert type(error).__name__ in page(in_the_cell.widget()), "in the main thread too"


def test_a_loss_that_is_no_number_is_shown():
    def step(real, number):
        return {"generator": torch.tensor(float("nan"))}

    monitor = a_monitor()
    monitor.play(a_trainer(monitor, step=step))
    assert monitor.wait(20)
    assert TrainingError.__name__ in page(monitor.widget()) and "training has diverged" in page(monitor.widget())


def test_a_second_run_in_the_background_stops_the_first():
    first, second = a_monitor(), a_monitor()
    first.play(a_trainer(first, images=100_000))
    second.play(a_trainer(second, images=100_000))
    assert first.wait(0) and not second.wait(0)
    second.stop()
    gc.collect()


# A run on disk


@pytest.mark.slow
def test_a_run_folder_can_be_looked_at(tmp_path):
    run = Run(
        tmp_path / "run", recipe_class("dcgan").for_budget("smoke", width=4), "embedded", options=Options(scores=2)
    )
    run.start()
    with pytest.raises(CheckpointError, match="no samples yet"):
        monitor_run(run.folder)
    run.train()
    (run.folder / "samples" / "000000999.png").write_bytes(b"half of a picture")
    seen = monitor_run(run.folder)
    box = seen.widget()
    assert_told(box)
    assert f"After {run.recipe.images:,} of {run.recipe.images:,} images" in page(box) and "complete" in page(box)
    metric = run.last_scores()["nfd"]
    assert f"nfd {metric:.3f}, floor" in page(box)
    last = sorted((run.folder / "samples").glob("*.png"))[-2].read_bytes()
    assert base64.b64encode(last).decode() in page(box)
    find(box, ipywidgets.IntSlider, "look back").value = 0
    assert "After 80 of" in page(box)
    assert "floor" in seen.still().alt
    (run.folder / "config.json").unlink()
    find(box, ipywidgets.Button, "look again").click()
    assert "is no run folder" in page(box)
    with pytest.raises(CheckpointError, match="is no run folder"):
        monitor_run(tmp_path / "nowhere")
