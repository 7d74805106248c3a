"""Data that do not fit: the same batches through workers, what goes wrong there, and that nothing stays behind."""

import os
import signal
import time

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from gancourse.data import LabelledBatches, ShuffledBatches, StreamedBatches, image_batches, image_folder, memory
from gancourse.data.images import PictureFiles
from gancourse.data.memory import free_memory, is_resident
from gancourse.errors import DataError, RecipeError, TrainingInterrupted
from gancourse.recipes import recipe_class
from gancourse.recipes.runs import Run
from gancourse.training import Monitor, load_checkpoint, shares

SIZE = 8


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder of 23 small pictures of noise in two classes."""
    folder, pixels = tmp_path_factory.mktemp("album"), np.random.default_rng(0)
    for number in range(23):
        path = folder / ("night" if number % 3 else "day") / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(path)
    return folder


@pytest.fixture
def streamed(album):
    """Labelled batches of 5 of the album's files through two workers."""
    batches = StreamedBatches(image_folder(album, SIZE, False, "streamed"), 5, seed=3, labelled=True)
    yield batches
    batches.close()


@pytest.fixture
def resident(album):
    return LabelledBatches(image_folder(album, SIZE, False, "resident"), 5, seed=3)


def _children():
    """The processes that this one has started and that still run."""
    return {child.pid for child in psutil.Process().children()}


def _assert_equal(one, other):
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_files_are_read_when_they_are_asked_for_and_are_the_same_pictures(album):
    whole, files = (image_folder(album, SIZE, True, loading) for loading in ("resident", "streamed"))
    assert isinstance(files.images, PictureFiles) and isinstance(whole.images, torch.Tensor)
    assert files.shape == whole.shape and files.images.nbytes == whole.images.nbytes == 23 * SIZE * SIZE
    index = torch.tensor([7, 0, 22])
    assert torch.equal(files.batch(index), whole.batch(index)) and torch.equal(files.first(4), whole.first(4))
    some = files.part(index).to("cpu")
    assert torch.equal(some.images[:], whole.images[index]) and torch.equal(some.labels, whole.labels[index])


def test_workers_hand_out_the_same_batches_in_the_same_order_epoch_after_epoch(streamed, resident):
    before = torch.get_rng_state()
    for _ in range(13):  # into the fourth epoch
        _assert_equal(streamed.next(), resident.next())
    assert torch.equal(torch.get_rng_state(), before) and streamed.state_dict() == resident.state_dict()


def test_batches_that_were_read_ahead_are_not_taken_for_shown(streamed, resident):
    for _ in range(6):
        streamed.next(), resident.next()
    state, wanted = streamed.state_dict(), resident.next()
    _assert_equal(streamed.next(), wanted)
    streamed.load_state_dict(state)
    _assert_equal(streamed.next(), wanted)
    other = StreamedBatches(streamed.data, 5, seed=3, workers=0, labelled=True)
    other.load_state_dict(state)
    _assert_equal(other.next(), wanted)


def test_a_process_reads_its_own_part_alone(album, resident):
    """Of a batch of 5, what two of five processes take: rows 1 and 3."""
    files = image_folder(album, SIZE, False, "streamed")
    read, real_read = [], files.images._read
    files.images._read = lambda path: read.append(path) or real_read(path)
    batches = StreamedBatches(files, 5, seed=3, workers=0, labelled=True)

    def mine(rows):
        return rows[1::2]

    for _ in range(5):
        images, labels = resident.next()
        _assert_equal(batches.next_part(mine), (images[1::2], labels[1::2]))
    assert len(read) == 10


def test_the_loop_asks_for_its_own_part(album, monkeypatch):
    recipe = recipe_class("dcgan").for_budget("smoke", size=SIZE, images=32, batch_size=16, loading="streamed")
    data = recipe.load_data(str(album))
    batches, asked = recipe.batches(data), []
    real = batches.next_part
    monkeypatch.setattr(batches, "next_part", lambda part: asked.append(part) or real(part))
    players = recipe.players(data)
    recipe.trainer(players, batches, recipe.step(players)).run()
    assert asked == [shares.own_part] * 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_cannot_be_read_is_named(album, tmp_path, workers):
    (tmp_path / "good.png").write_bytes(next(album.rglob("*.png")).read_bytes())
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:50])
    before = _children()
    batches = StreamedBatches(image_folder(tmp_path, SIZE, True, "streamed"), 2, workers=workers)
    with pytest.raises(DataError, match=r"torn\.png cannot be read as a picture.*Remove or replace it") as told:
        batches.next()
    assert "Traceback" not in str(told.value) and _children() <= before


def test_want_of_shared_memory_says_what_to_do(streamed, monkeypatch):
    def full(tensor):
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    with pytest.raises(DataError, match=r"No space left on device.*--shm-size.*workers=1"):
        streamed.next()


def test_a_killed_worker_says_what_to_do_and_takes_the_others_with_it(streamed):
    before = _children()
    streamed.next()
    workers = _children() - before
    assert len(workers) == 2
    with pytest.raises(DataError, match=r"worker that reads pictures was killed.*--resume FOLDER --set workers=1"):  # noqa: SIM117
        with streamed.told():  # as the loop has it, for torch tells it at any moment
            os.kill(workers.pop(), signal.SIGKILL)
            for _ in range(100):
                time.sleep(0.05)
                streamed.next()
    streamed.close()
    assert _children() <= before


def test_workers_end_with_the_run_also_with_one_that_fails(album):
    recipe = recipe_class("dcgan").for_budget("smoke", size=SIZE, images=64, batch_size=16, loading="streamed")
    data, before = recipe.load_data(str(album)), _children()
    players, seen = recipe.players(data), []

    def step(real, number):
        seen.append(_children() - before)
        if number == 2:
            raise KeyboardInterrupt
        return {"generator": real.mean()}

    with pytest.raises(KeyboardInterrupt):
        recipe.trainer(players, recipe.batches(data), step).run()
    assert [len(workers) for workers in seen] == [2] * 3 and _children() <= before


def test_half_of_the_free_memory_decides_unless_somebody_does(album, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: {"cpu": 1000, "cuda": None}[device])
    assert is_resident(500) and not is_resident(501) and is_resident(10**12, "cuda")
    assert is_resident(10**12, "cpu", "resident") and not is_resident(1, "cpu", "streamed")
    assert isinstance(image_folder(album, 8).images, PictureFiles)  # 23 * 64 bytes
    kinds = [type(image_batches(image_folder(album, size), 2)) for size in (4, 8)]
    assert kinds == [ShuffledBatches, StreamedBatches]
    with pytest.raises(DataError, match="loading must be one of auto, resident, streamed, but is 'lazy'"):
        is_resident(1, "cpu", "lazy")


def test_free_memory_is_what_the_system_and_the_container_leave_to_each_process(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:  600 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert free_memory() == 600 * 1024
    for name, limit in (("memory.current", "1000"), ("memory.max", "5000")):
        (tmp_path / name).write_text(limit)
    assert free_memory() == 4000
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 300\n")  # what was read and may be dropped
    assert free_memory() == 4300
    (tmp_path / "memory.stat").unlink()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert free_memory() == 2000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() == 300 * 1024


class CtrlC(Monitor):
    """Somebody presses it at image 64; a terminal sends it to the workers too."""

    def record(self, trainer, losses):
        if trainer.images == 64:
            for process in (*_children(), os.getpid()):
                os.kill(process, signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "conditional"])
def test_a_streamed_run_that_was_stopped_equals_a_resident_one_that_was_not(album, tmp_path, name):
    """Weights, average, optimisers, order and chance, bit for bit."""
    torch.set_num_threads(1)
    numbers = {"size": SIZE, "width": 4, "images": 16 * 10, "batch_size": 16, "record_every": 2}
    runs = {}
    for loading in ("resident", "streamed"):
        recipe = recipe_class(name).for_budget("smoke", loading=loading, **numbers)
        runs[loading] = run = Run(tmp_path / loading, recipe, str(album))
        run.start()
        if loading == "streamed":
            with pytest.raises(TrainingInterrupted, match="Stopped after step 4"):
                run.train((CtrlC(),))
        Run(run.folder, recipe, str(album)).train()
    resident, streamed = (load_checkpoint(run.checkpoint) for run in runs.values())
    for part in ("players", "optimizers", "ema", "batches", "random"):
        torch.testing.assert_close(streamed[part], resident[part], rtol=0, atol=0)


def test_two_domains_are_streamed_too(album, tmp_path):
    for domain in ("trainA", "trainB"):
        (tmp_path / domain).symlink_to(album / ("day" if domain == "trainA" else "night"))
    batches = {}
    for loading in ("resident", "streamed"):
        recipe = recipe_class("cyclegan").for_budget("smoke", size=SIZE, loading=loading, workers=1)
        batches[loading] = recipe.batches(recipe.load_data(str(tmp_path)))
    for _ in range(7):
        _assert_equal(batches["streamed"].next(), batches["resident"].next())
    batches["streamed"].close()


def test_switches_that_make_no_sense_are_refused(album):
    for name, change, message in (
        ("dcgan", {"loading": "lazy"}, "loading must be one of auto, resident, streamed"),
        ("dcgan", {"workers": -1}, "workers must be at least 0"),
        ("points", {"loading": "streamed"}, "loading has no place here"),
    ):
        with pytest.raises(RecipeError, match=message):
            recipe_class(name).for_budget("smoke", **change)
    with pytest.raises(DataError, match="workers must be at least 0"):
        StreamedBatches(image_folder(album), 2, workers=-1)
    nameless = image_folder(album / "day", SIZE, True, "streamed")
    with pytest.raises(DataError, match="has no labels"):
        StreamedBatches(nameless, 2, labelled=True)
    with pytest.raises(DataError, match="has 8 images"):
        StreamedBatches(nameless, 9)
