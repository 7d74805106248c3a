"""The explorers and the monitor in the real JupyterLab, by keyboard, and the same notebook under nbconvert.

GANCOURSE_SCREENSHOTS=FOLDER keeps the pictures.
"""

import io
import os
import re
import subprocess
import sys
import time

import pytest
from browser.served import (
    ask_cell,
    browser_page,
    jupyterlab,
    needs_browser,
    open_notebook,
    run_menu,
    screenshot,
    write_notebook,
)
from PIL import Image

GENERATORS = """
import threading, torch
from gancourse.nets import DCGANGenerator, TranslationGenerator
from gancourse.recipes.dcgan import DCGAN
from gancourse.widgets import TrainingMonitor, latent_explorer, round_trip
torch.manual_seed(0)
torch.set_num_threads(1)
recipe = DCGAN.for_budget("smoke", width=8, images=400_000, batch_size=8, record_every=5)
clothes = recipe.load_data("embedded")

class Fragile(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = DCGANGenerator(8, (1, 32, 32), width=8)

    def forward(self, z):
        if len(z) == 1 and z.norm() > 6:
            raise ValueError("too far from home")
        return self.net(z)
"""
LATENT = "latent_explorer(Fragile(), 8, real=clothes)"
TRIP = """
ab, ba = (TranslationGenerator(3, width=4, blocks=1) for _ in "ab")
days, nights = torch.rand(2, 5, 3, 32, 32) * 2 - 1
round_trip(ab, ba, days, nights, names=("day", "night"))
"""
MONITOR = """
players = recipe.players(clothes)
monitor = TrainingMonitor(lambda g: recipe.picture(g, 20), frames=10_000)
trainer = recipe.trainer(players, recipe.batches(clothes), recipe.step(players), monitors=[monitor])
monitor.play(trainer)
"""
ASK = "print('steps so far:', trainer.steps)"
IN_THE_CELL = """
small = DCGAN.for_budget("smoke", width=4, images=80, batch_size=8, record_every=5)
watched = small.players(clothes)
in_the_cell = TrainingMonitor(lambda g: small.picture(g, 20), frames=2)
small.trainer(watched, small.batches(clothes), small.step(watched), monitors=[in_the_cell]).run()
"""
END = """
monitor.wait(2)
monitor.stop()
assert monitor.wait(0) and trainer.steps > 0
assert not [t for t in threading.enumerate() if t.name.startswith("gancourse")]
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The notebook in JupyterLab, all of its cells run."""
    folder = tmp_path_factory.mktemp("desk")
    write_notebook(folder / "desk" / "desk.ipynb", GENERATORS, LATENT, TRIP, MONITOR, ASK)
    with jupyterlab(folder) as address, browser_page(tmp_path_factory.mktemp("profile"), height=2400) as page:
        open_notebook(page, address, "desk/desk.ipynb")
        run_menu(page, "Run All Cells")
        page.locator("text=/steps so far: \\d+/").wait_for(timeout=60_000)
        yield page


def cell(page, number: int):
    return page.locator(".jp-CodeCell").nth(number)


def handle(page, number: int, description: str):
    """What the keyboard moves of a slider."""
    return cell(page, number).locator(".widget-slider", has_text=description).locator(".noUi-handle")


def picture(page, number: int):
    """The first picture of a cell's widget."""
    return cell(page, number).locator("figure img").first


@needs_browser
def test_the_arrow_keys_move_through_the_latent_space(page):
    before = picture(page, 1).get_attribute("src")
    slider = handle(page, 1, "direction 1")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    cell(page, 1).locator("img[alt*='+1.0 along direction 1']").wait_for(timeout=10_000)
    assert picture(page, 1).get_attribute("src") != before
    assert cell(page, 1).locator("text=/Nearest real images, at/").count() == 1
    screenshot(page, "latent")


@needs_browser
def test_an_exception_is_shown_where_the_learner_looks_and_goes_when_it_is_mended(page):
    handle(page, 1, "direction 1").focus()
    page.keyboard.press("End")
    alert = cell(page, 1).get_by_role("alert")
    alert.wait_for(timeout=10_000)
    assert "too far from home" in alert.inner_text()
    screenshot(page, "exception")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    handle(page, 1, "direction 1").press("Home")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    cell(page, 1).locator("img[alt='A generated image. start 0']").wait_for(timeout=10_000)
    alert.wait_for(state="detached", timeout=10_000)


@needs_browser
def test_a_picture_of_ones_own_is_translated_and_a_wrong_file_is_told(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), (255, 0, 0)).save(buffer, "PNG")
    (tmp_path / "red.png").write_bytes(buffer.getvalue())
    choose(page, tmp_path / "notes.txt")
    alert = cell(page, 2).get_by_role("alert")
    alert.wait_for(timeout=10_000)
    assert "notes.txt cannot be read as a picture" in alert.inner_text()
    choose(page, tmp_path / "red.png")
    cell(page, 2).locator("text=day: your picture").wait_for(timeout=10_000)
    alert.wait_for(state="detached", timeout=10_000)  # the picture and the words come in two messages
    cell(page, 2).locator("select").first.select_option("night to day")
    cell(page, 2).locator("text=made into day").wait_for(timeout=10_000)
    screenshot(page, "own_image")


def choose(page, path) -> None:
    with page.expect_file_chooser() as chooser:
        cell(page, 2).locator("button.jupyter-widgets").first.click()
    chooser.value.set_files(path)


def steps(page) -> int:
    """How far the training is, by the kernel's own word."""
    return int(re.search(r"\d+", ask_cell(page, 4)[0])[0])


def wait_for_a_step(page, after: int) -> None:
    deadline = time.monotonic() + 20
    while steps(page) <= after:
        assert time.monotonic() < deadline, "it does not go on"


@needs_browser
def test_the_monitor_plays_pauses_and_goes_on_while_the_kernel_answers(page):
    button = {name: cell(page, 3).get_by_role("button", name=name) for name in ("play", "pause", "stop")}
    first = picture(page, 3).get_attribute("alt")
    cell(page, 3).locator(f"figure img:not([alt='{first}'])").first.wait_for(timeout=10_000)
    page.wait_for_function(
        "first => document.querySelectorAll('.jp-CodeCell')[3].querySelector('figure img').alt !== first", arg=first
    )
    wait_for_a_step(page, after=steps(page))
    assert min(ask_cell(page, 4)[1] for _ in range(3)) < 1, "the kernel answers while it trains"
    screenshot(page, "monitor")
    button["pause"].press("Enter")
    cell(page, 3).locator("text=/paused: /").wait_for(timeout=10_000)
    shown, at = picture(page, 3).get_attribute("alt"), steps(page)
    time.sleep(1)
    assert steps(page) == at and picture(page, 3).get_attribute("alt") == shown, "it is paused"
    handle(page, 3, "look back").press("Home")
    cell(page, 3).locator("img[alt*='Before the first step']").first.wait_for(timeout=10_000)
    screenshot(page, "look_back")
    button["play"].press("Enter")
    page.wait_for_function("() => /playing: /.test(document.querySelectorAll('.jp-CodeCell')[3].innerText)")
    wait_for_a_step(page, after=at)
    button["stop"].press("Enter")
    cell(page, 3).get_by_role("alert").wait_for(timeout=10_000)
    assert "Stopped by hand" in cell(page, 3).get_by_role("alert").inner_text()
    at = steps(page)
    assert steps(page) == at


def test_without_a_front_end_the_notebook_shows_the_still_pictures(tmp_path):
    write_notebook(tmp_path / "desk.ipynb", GENERATORS, LATENT, TRIP, MONITOR, ASK, END, IN_THE_CELL)
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "desk.ipynb"]
    env = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
    assert result.returncode == 0, result.stderr  # an exception in a cell, or a thread that is left, ends it
    html = (tmp_path / "desk.html").read_text(encoding="utf-8")
    for alt in ("4 rows of seven generated images", "One picture there and back", "The samples of a training run"):
        assert re.search(rf'<img [^>]*alt="{alt}', html), alt
    assert "after 0 images, 40 images, 80 images" in html, "the picture of a training in a cell is that of its end"
