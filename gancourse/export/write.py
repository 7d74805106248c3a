"""The averaged generator of a run as an ONNX file or a torch.export program, compared with PyTorch before it is kept.

Both come from one traced graph with a free batch size. There is no TorchScript.
"""

import copy
import io
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from gancourse.errors import ExportError
from gancourse.export.facts import LABELLED, NOISE, TRANSLATION, Facts, require
from gancourse.nets import ProgressiveGenerator
from gancourse.recipes.base import Recipe
from gancourse.recipes.conditional import Conditional
from gancourse.recipes.cyclegan import CycleGAN, Translations
from gancourse.recipes.points import PointRecipe
from gancourse.recipes.runs import Run
from gancourse.training import write_atomically

TOLERANCE = 1e-4
BATCHES = (1, 2, 7, 32)  # sizes at which both are compared; 1 is where a graph that is not dynamic shows
ENDINGS = {"onnx": ".onnx", "torch": ".pt2"}
INPUT_NAMES = {NOISE: ["z"], LABELLED: ["z", "labels"], TRANSLATION: ["image", "to_b"]}

Inputs = tuple[Tensor, ...]


class Directed(nn.Module):
    """Both translations as one graph: image (N, C, H, W) and to_b () bool; only the one asked for is computed."""

    def __init__(self, translations: Translations):
        super().__init__()
        self.ab, self.ba = translations.ab, translations.ba

    def forward(self, image: Tensor, to_b: Tensor) -> Tensor:
        return torch.cond(to_b, self.ab, self.ba, (image,))


def export_run(run: Run, out: Path | None = None, kind: str = "onnx", which: str = "last") -> tuple[Path, float]:
    """Write the averaged generator of a run. kind: "onnx" or "torch" (a torch.export program, .pt2).

    which: the "last" or the "best" checkpoint.

    Returns the file, generator.onnx or generator.pt2 in the run's folder if `out` is None, and the largest difference
    to PyTorch that was found. Raises ExportError where the two differ by more than TOLERANCE; nothing is written then.
    """
    if kind not in ENDINGS:
        raise ExportError(f"There is no format {kind!r}. Choose {' or '.join(ENDINGS)}.")
    if kind == "onnx":
        require("onnx", "onnxscript", "onnxruntime")
    path = out or run.folder / f"generator{ENDINGS[kind]}"
    generator, facts = exportable(run.generator(which), run.recipe, _classes(run))
    content = {"onnx": onnx_bytes, "torch": program_bytes}[kind](generator, facts)
    difference = largest_difference(generator, _reader(content, kind), facts)
    if not difference <= TOLERANCE:  # a NaN is no agreement either
        raise ExportError(
            f"The exported generator differs from PyTorch by {difference:.2g}, more than {TOLERANCE:g}. "
            f"{path} was not written. Try another version of torch, or the other --format."
        )
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return path, difference


def _classes(run: Run) -> tuple[str, ...]:
    return run.loaded.classes if isinstance(run.recipe, Conditional) else ()


def exportable(generator: nn.Module, recipe: Recipe, classes: tuple[str, ...] = ()) -> tuple[nn.Module, Facts]:
    """A copy of the generator on the CPU, in eval mode and fit for tracing, and the facts of what it makes."""
    generator = copy.deepcopy(generator).cpu().eval().requires_grad_(False)
    kind, latent_dim = NOISE, recipe.latent_dim
    if isinstance(recipe, CycleGAN):
        kind, latent_dim = TRANSLATION, 0
        shape = tuple(generator.examples_a.shape[1:])
        generator = Directed(generator).eval()
    else:
        kind = LABELLED if isinstance(recipe, Conditional) else NOISE
        _freeze_growth(generator)
        shape = tuple(generator(*_noise_inputs(1, latent_dim, len(classes))).shape[1:])
    value_range = None if isinstance(recipe, PointRecipe) else (-1.0, 1.0)
    return generator, Facts(recipe.name, kind, latent_dim, classes, shape, value_range)


def _freeze_growth(generator: nn.Module) -> None:
    """Stage and alpha as plain numbers: a graph cannot branch on what a tensor holds."""
    if isinstance(generator, ProgressiveGenerator):
        growth = generator.growth.tolist()
        del generator.growth
        generator.growth = growth


def _noise_inputs(n: int, latent_dim: int, classes: int) -> Inputs:
    z = torch.randn(n, latent_dim, generator=torch.Generator().manual_seed(n))
    return (z, torch.arange(n) % classes) if classes else (z,)


def example_inputs(facts: Facts, n: int, to_b: bool = True) -> Inputs:
    """n inputs of the kind that the generator takes, the same for the same n."""
    if facts.inputs != TRANSLATION:
        return _noise_inputs(n, facts.latent_dim, len(facts.classes))
    image = torch.rand(n, *facts.shape, generator=torch.Generator().manual_seed(n)) * 2 - 1
    return image, torch.tensor(to_b)


def program(generator: nn.Module, facts: Facts) -> torch.export.ExportedProgram:
    """The generator as a graph of any batch size."""
    batch = {0: torch.export.Dim("batch", min=1)}
    shapes = tuple(None if x.ndim == 0 else batch for x in example_inputs(facts, 2))
    return torch.export.export(generator, example_inputs(facts, 2), dynamic_shapes=shapes)


def program_bytes(generator: nn.Module, facts: Facts) -> bytes:
    """The content of a .pt2 file; its facts are the extra files, one each."""
    buffer = io.BytesIO()
    torch.export.save(program(generator, facts), buffer, extra_files=facts.as_metadata())
    return buffer.getvalue()


def onnx_bytes(generator: nn.Module, facts: Facts) -> bytes:
    """The content of an .onnx file with the facts as metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converter about its own parts; what counts is compared afterwards
        graph = torch.onnx.export(
            program(generator, facts),
            dynamo=True,
            verbose=False,
            input_names=INPUT_NAMES[facts.inputs],
            output_names=["samples"],
        )
    graph.model.metadata_props.update(facts.as_metadata())
    return graph.model_proto.SerializeToString()


def _reader(content: bytes, kind: str) -> Callable[..., Tensor]:
    """The written generator as a function of tensors, from its bytes alone."""
    if kind == "torch":
        return torch.export.load(io.BytesIO(content)).module()
    from gancourse.export.serve import session_of

    session = session_of(content)
    names = [given.name for given in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        feed = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, feed)[0])

    return run


@torch.no_grad()
def largest_difference(
    generator: nn.Module, exported: Callable[..., Tensor], facts: Facts, batches: Iterable[int] = BATCHES
) -> float:
    """The largest absolute difference of the two over batches of several sizes and, for translations, both ways."""
    ways = (True, False) if facts.inputs == TRANSLATION else (True,)
    inputs = [example_inputs(facts, n, to_b) for n in batches for to_b in ways]
    return max((generator(*x) - exported(*x)).abs().max().item() for x in inputs)
