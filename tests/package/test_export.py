"""Exported generators: the same numbers as PyTorch, and samples where there is no torch."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from gancourse import cli
from gancourse.errors import ExportError
from gancourse.export import serve, write
from gancourse.export.facts import Facts, require
from gancourse.nets import ConcatGenerator
from gancourse.recipes import MODULES, recipe_class
from gancourse.recipes.runs import Run
from gancourse.training import save_checkpoint

NO_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from gancourse.cli import main
main()
"""


def start_run(folder, name, **changes):
    """A run whose checkpoint holds a generator that has seen some batches: no statistics are the initial ones."""
    recipe = recipe_class(name).for_budget("smoke", **changes)
    run = Run(folder, recipe, "embedded")
    run.start()
    generator = recipe.players(recipe.load_data("embedded")).generator
    if name == "progressive":
        generator.grow_to(generator.stages - 1)
    if name != "cyclegan":
        labels = (torch.arange(64) % 10,) if name == "conditional" else ()
        for _ in range(3):
            generator(torch.randn(64, recipe.latent_dim) * 2, *labels)
    save_checkpoint(run.checkpoint, {"ema": {"model": generator.state_dict()}})
    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A recipe's name to its run and the ONNX file, each made once."""
    made = {}

    def of(name):
        if name not in made:
            run = start_run(tmp_path_factory.mktemp("export") / name, name)
            made[name] = run, *write.export_run(run)
        return made[name]

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_onnx_gives_what_pytorch_gives_at_every_batch_size(exported, name):
    """The file is read afresh and compared at sizes that the export itself did not look at."""
    run, path, told = exported(name)
    served = serve.Served.open(path)
    generator, facts = write.exportable(run.generator(), run.recipe, served.facts.classes)
    assert facts == served.facts
    inputs = [given.name for given in served.session.get_inputs()]

    def ask(*tensors):
        feed = {key: x.numpy() for key, x in zip(inputs, tensors, strict=True)}
        return torch.from_numpy(served.session.run(None, feed)[0])

    difference = write.largest_difference(generator, ask, facts, (1, 5, 7, 64))
    assert difference <= 1e-4 and told <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conditional", "cyclegan", "progressive"])
def test_the_torch_program_is_read_back_with_its_facts(exported, name, tmp_path):
    run, onnx_path, _ = exported(name)
    path, difference = write.export_run(run, tmp_path / "generator.pt2", "torch")
    assert difference <= 1e-4
    facts = dict.fromkeys(serve.Served.open(onnx_path).facts.as_metadata(), "")
    program = torch.export.load(path, extra_files=facts)
    assert Facts.from_metadata(facts, path) == serve.Served.open(onnx_path).facts
    example = write.example_inputs(Facts.from_metadata(facts, path), 7)
    assert program.module()(*example).shape[0] == 7


@pytest.mark.slow
def test_metadata_say_how_to_use_the_file(exported):
    facts = serve.Served.open(exported("conditional")[1]).facts
    assert facts.classes[0] == "T-shirt" and len(facts.classes) == 10
    assert (facts.inputs, facts.shape, facts.value_range) == ("noise+labels", (1, 32, 32), (-1, 1))
    model = onnx.load(exported("dcgan")[1])
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert metadata["latent_dim"] == exported("dcgan")[0].recipe.latent_dim and metadata["recipe"] == "dcgan"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert serve.Served.open(exported("points")[1]).facts.value_range is None


@pytest.mark.slow
def test_a_generator_in_the_middle_of_a_fade_is_exported_as_it_is(tmp_path):
    run = start_run(tmp_path / "fading", "progressive")
    generator = run.generator().grow_to(2, 0.25)
    frozen, facts = write.exportable(generator, run.recipe)
    assert facts.shape == (1, 16, 16)
    ask = write._reader(write.onnx_bytes(frozen, facts), "onnx")
    assert write.largest_difference(generator, ask, facts) <= 1e-4
    assert write.largest_difference(generator.grow_to(2, 1.0), ask, facts) > 1e-4


@pytest.mark.slow
def test_what_differs_from_pytorch_is_not_written(tmp_path, monkeypatch):
    run = start_run(tmp_path / "points", "points")
    monkeypatch.setattr(write, "_reader", lambda content, kind: lambda *x: run.generator()(*x) + 1e-3)
    with pytest.raises(ExportError, match=r"differs from PyTorch by 0\.001"):
        write.export_run(run, kind="torch")
    assert not list(run.folder.glob("generator*"))
    monkeypatch.setattr(write, "_reader", lambda content, kind: lambda *x: run.generator()(*x) * float("nan"))
    with pytest.raises(ExportError, match="differs from PyTorch by nan"):
        write.export_run(run, kind="torch")


@pytest.fixture
def without_torch(tmp_path):
    """The command in a process in which nothing of torch can be imported."""

    def call(*arguments):
        command = [sys.executable, "-c", NO_TORCH, *map(str, arguments)]
        environment = os.environ | {"COLUMNS": "300", "TERM": "dumb"}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    return call


@pytest.mark.slow
def test_samples_without_torch(exported, without_torch, tmp_path):
    """Each kind of generator, to a picture that holds what onnxruntime computed."""
    own = tmp_path / "own.jpg"
    Image.new("RGB", (90, 60), (200, 30, 60)).save(own)
    for name, options, size in (
        ("dcgan", ("--n", 30), (640, 192)),
        ("conditional", ("--n", 20), (128, 640)),
        ("conditional", ("--n", 20, "--class", "sneaker"), (640, 128)),
        ("points", ("--n", 50), (480, 480)),
        ("cyclegan", ("--image", own, "--direction", "ba"), (256, 128)),
        ("progressive", ("--n", 10), (640, 64)),
    ):
        result = without_torch("sample", "--onnx", exported(name)[1], "--out", tmp_path / "new" / "grid.png", *options)
        assert result.returncode == 0, result.stderr
        with Image.open(tmp_path / "new" / "grid.png") as picture:
            assert picture.size == size and len(np.unique(picture)) > 1
        (tmp_path / "new" / "grid.png").unlink()


def test_what_needs_torch_says_so_where_there_is_none(without_torch):
    result = without_torch("export", "runs/vanilla-0")
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "torch is not installed" in result.stderr and "-m pip install torch" in result.stderr


@pytest.mark.slow
def test_classes_are_drawn_as_asked(exported):
    """By name in any case or by number, and each image is what PyTorch makes of the same noise and label."""
    run, path, _ = exported("conditional")
    served = serve.Served.open(path)
    assert (served.labels(3, "ANKLE boot") == 9).all() and (served.labels(3, "4") == 4).all()
    assert served.labels(20).tolist() == [label for label in range(10) for _ in range(2)]
    drawn = served.generate(4, seed=5, labels=served.labels(4, "4"))
    z = torch.from_numpy(np.random.default_rng(5).standard_normal((4, run.recipe.latent_dim), np.float32))
    with torch.no_grad():
        wanted = run.generator()(z, torch.full((4,), 4))
    assert np.abs(drawn - wanted.numpy()).max() <= 1e-4
    assert isinstance(run.generator(), ConcatGenerator)


@pytest.mark.slow
def test_translation_goes_the_way_that_is_asked(exported, tmp_path):
    run, path, _ = exported("cyclegan")
    served = serve.Served.open(path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)).save(tmp_path / "own.png")
    image = serve.fitted(tmp_path / "own.png", served.facts.shape)
    assert image.shape == (1, 3, 32, 32) and image.dtype == np.float32 and -1 <= image.min() < image.max() <= 1
    generator = run.generator()
    for direction, net in (("ab", generator.ab), ("ba", generator.ba)):
        with torch.no_grad():
            wanted = net(torch.from_numpy(image)).numpy()
        assert np.abs(served.translate(image, direction) - wanted).max() <= 1e-4


@pytest.mark.slow
def test_wrong_calls_end_in_one_message(exported, tmp_path, capsys, monkeypatch):
    dcgan, labelled, cycle = (exported(name)[1] for name in ("dcgan", "conditional", "cyclegan"))
    (tmp_path / "noise.onnx").write_bytes(b"not a graph")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(dcgan.read_bytes()[:5000])
    foreign, run = tmp_path / "foreign.onnx", exported("dcgan")[0]
    model = onnx.load(dcgan)
    del model.metadata_props[:]
    onnx.save(model, foreign)
    picture = ("--image", tmp_path / "noise.onnx")
    before = set(tmp_path.iterdir())
    for arguments, message in (
        (("sample", "--onnx", tmp_path / "nowhere.onnx"), "There is no file"),
        (("sample", "--onnx", tmp_path / "noise.onnx"), "cannot be read as ONNX"),
        (("sample", "--onnx", cut), "cannot be read as ONNX"),
        (("sample", "--onnx", foreign), "no generator of gancourse"),
        (("sample", "--onnx", labelled, "--class", "hat"), "0 T-shirt, 1 trousers"),
        (("sample", "--onnx", labelled, "--class", "10"), "There is no class '10'"),
        (("sample", "--onnx", labelled, "--class=-1"), "There is no class '-1'"),
        (("sample", "--onnx", dcgan, "--class", "coat"), "knows no classes"),
        (("sample", "--onnx", dcgan, "--n", 0), "--n must lie between"),
        (("sample", "--onnx", dcgan, *picture), "starts from noise"),
        (("sample", "--onnx", dcgan, "--seed=-1"), "--seed must lie between 0 and 2^32 - 1"),
        (("sample", "--onnx", dcgan, "--out", "/proc/grid.png"), "could not be written"),
        (("sample", "--onnx", cycle), "--direction ab or ba"),
        (("sample", "--onnx", cycle, *picture, "--direction", "up"), "--direction ab or ba"),
        (("sample", "--onnx", cycle, *picture, "--direction", "ab"), "cannot be read as a picture"),
        (("sample", "--onnx", cycle, "--class", "0", *picture, "--direction", "ab"), "knows no classes"),
        (("sample",), "one of the two"),
        (("sample", run.folder, "--onnx", dcgan), "one of the two"),
        (("sample", run.folder, "--class", "coat"), "gancourse export"),
        (("export", tmp_path), "no run folder"),
        (("export", run.folder, "--format", "jit"), "Choose onnx or torch"),
        (("export", run.folder, "--format", "torch", "--out", "/proc/g.pt2"), "could not be written"),
    ):
        monkeypatch.setattr(sys, "argv", ["gancourse", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = " ".join(capsys.readouterr().err.split())
        assert stopped.value.code == 2 and said.startswith("Error: ") and message in said, (arguments, said)
        assert set(tmp_path.iterdir()) == before, arguments


def test_a_missing_package_is_named_with_the_command():
    with pytest.raises(ExportError, match=r"-m pip install onnxruntim onnxscrip$"):
        require("onnxruntim", "numpy", "onnxscrip")
