"""Lesson 04, the conditional GAN: what must hold of each answer, and what each known wrong value means."""

import math
from collections.abc import Callable
from itertools import product
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from gancourse import nets
from gancourse.checks.core import Case, Exercise, Wrong, call, expect, hinted, kept, near, needs, with_given
from gancourse.checks.players import Move, Table, examine_fairness, examine_labels, examine_move, play


def _tensor(value: Any) -> Tensor:
    if value is None:
        raise Wrong("you gave None", "the function has no return")
    if not isinstance(value, Tensor):
        raise Wrong(f"you gave a {type(value).__name__}, wanted a torch tensor")
    return value


def _labels(case: Case, n: int, classes: int) -> Tensor:
    """Labels that repeat, are in no order and leave out the last class, as a small batch does."""
    first = case.size(2, 0, classes - 2)
    return torch.tensor([(first + i * (i + 1) // 2) % (classes - 1) for i in range(n)])


class _OneDevice(TorchFunctionMode):
    """On meta, torch lets tensors of two devices meet in many a function where a GPU would refuse."""

    ALLOWED = (Tensor.to, Tensor.copy_, Tensor.type_as)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        if func in (Tensor.__getitem__, Tensor.__setitem__) and args[0].is_meta:
            given = args[:1]  # a tensor on a GPU may be indexed from the CPU
        strangers = any(not value.is_meta and value.ndim > 0 for value in given)
        if func not in self.ALLOWED and strangers and any(value.is_meta for value in given):
            raise RuntimeError("Expected all tensors to be on the same device")
        return func(*args, **(kwargs or {}))


def _on_meta(answer: Callable, *args: Any) -> str:
    """The meta device needs no GPU. What has to read values cannot run there, and is let through."""
    try:
        with _OneDevice():
            given = answer(*args)
    except Exception as error:
        if "same device" in str(error) or "devices" in str(error):
            raise Wrong(
                "labels on another device end in an error", "make new tensors where the ones you are given live"
            ) from None
        return "not asked: it reads single values"
    if not isinstance(given, Tensor) or given.device.type != "meta":
        raise Wrong("for labels on another device the result stays on the CPU", "new tensors go to labels.device")
    return "on the device of the labels"


# 4.1 one_hot

one_hot = Exercise("04.one_hot", points=1, read='"A class as a vector", above')


@one_hot.aspect("shape", gate=True)
def one_hot_shape(answer: Callable, case: Case) -> str:
    classes, n = case.size(5, 6, 9), case.size(4, 3, 12)
    labels = _labels(case, n, classes)
    with kept(labels):
        shape = tuple(_tensor(call(answer, labels, classes)).shape)
    if shape == (classes, n):
        raise Wrong(f"you gave {shape}, wanted {(n, classes)}", "transposed: one row a sample, one column a class")
    if shape != (n, classes):
        likely = None
        if len(shape) == 2 and shape[0] == n:
            missing = "a class that is missing from the batch needs its column too: use `classes`"
            likely = missing if shape[1] < classes else "the number of columns is `classes`"
        raise Wrong(f"you gave {shape}, wanted {(n, classes)}", likely)
    if tuple(_tensor(call(answer, labels[:1], classes)).shape) != (1, classes):
        raise Wrong(f"for a batch of 1 you do not give {(1, classes)}", "squeeze() drops every axis of length 1")
    return f"{(n, classes)}"


@one_hot.aspect("value", share=0.5)
def one_hot_value(answer: Callable, case: Case) -> str:
    classes, n = case.size(5, 6, 9), case.size(7, 5, 12)
    twice = _labels(case, n, classes)
    before = _tensor(call(answer, twice, classes))
    first = before.clone()
    for labels in (twice.flip(0), twice, torch.arange(classes).flip(0), torch.tensor([classes - 2, 1, 1])):
        given = _tensor(call(answer, labels, classes))
        if not torch.equal(before, first):
            raise Wrong("what an earlier call gave was changed by a later one", "make a new tensor in each call")
        rows = given.double().tolist() if given.shape == (len(labels), classes) else []
        for label, row in zip(labels.tolist(), rows, strict=True):
            if row == [float(i == label) for i in range(classes)]:
                continue
            if row[label] == 1.0 and sum(row) > 1:
                raise Wrong(f"the row of label {label} has more than one 1", "each row has a 1 at its own label only")
            if row == [float(i == label - 1) for i in range(classes)] or row[(label + 1) % classes] == 1.0:
                raise Wrong(f"label {label} has its 1 in another column", "off by one: labels and columns start at 0")
            if sorted(row) == [-1.0] * (classes - 1) + [1.0]:
                raise Wrong(
                    f"label {label} gave -1 and 1", "0 where the class is another one: the images' range is not meant"
                )
            if sum(row) == 0:
                raise Wrong(
                    f"the row of label {label} is all 0", "scatter_ and index_put_ work in place: return the result"
                )
            if row[label] == label and sum(row) == label:
                raise Wrong(f"label {label} gave {label} in its column", "a 1, whatever the label is")
            raise Wrong(f"the row of label {label} is wrong", "a 1 in the column of the label, 0 elsewhere")
    return "a 1 at the label, 0 elsewhere"


@one_hot.aspect("dtype", share=0.3)
def one_hot_dtype(answer: Callable, case: Case) -> str:
    dtype = _tensor(call(answer, torch.tensor([1, 0]), 3)).dtype
    if dtype != torch.float32:
        likely = (
            "integers cannot be concatenated with noise and fed to a layer" if not dtype.is_floating_point else None
        )
        raise Wrong(f"you gave dtype {dtype}, wanted torch.float32", likely)
    return "float32"


@one_hot.aspect("device", share=0.2)
def one_hot_device(answer: Callable, case: Case) -> str:
    return _on_meta(lambda: call_raw(answer, torch.zeros(3, dtype=torch.int64, device="meta"), 4))


def call_raw(answer: Callable, *args: Any) -> Any:
    """Call, and let the exception through; what is no Exception becomes one."""
    try:
        return answer(*args)
    except (KeyboardInterrupt, Exception):
        raise
    except BaseException as error:
        raise Wrong(f"your code raised {type(error).__name__}") from None


# 4.2 condition

condition = Exercise("04.condition", points=2, read='"What D must see", above')


def _condition(answer: Callable, images: Tensor, labels: Tensor, classes: int) -> Tensor:
    return _tensor(call(with_given(answer, one_hot=nets.one_hot), images, labels, classes))


def _scene(case: Case, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, int]:
    """Images that are not square, of unequal numbers in every axis, and labels."""
    n, channels, classes = case.size(4, 3, 6), case.size(2, 1, 3), case.size(5, 7, 9)
    height, width = case.size(3, 2, 4), case.size(6, 5, 8)
    images = torch.linspace(-1.2, 1.2, n * channels * height * width, dtype=dtype).view(n, channels, height, width)
    return images.to(dtype), _labels(case, n, classes), classes


@condition.aspect("shape", gate=True)
def condition_shape(answer: Callable, case: Case) -> str:
    images, labels, classes = _scene(case)
    n, channels, height, width = images.shape
    with kept(images, labels):
        shape = tuple(_condition(answer, images, labels, classes).shape)
    wanted = (n, channels + classes, height, width)
    if shape == (n, channels + 1, height, width):
        raise Wrong(
            f"you gave {shape}, wanted {wanted}",
            "one plane with the label's number: classes have no order, so a plane each",
        )
    if shape == (n, channels, height, width):
        raise Wrong(
            f"you gave {shape}, wanted {wanted}", "the planes are channels beside the image's own, not added to them"
        )
    if shape == (n, channels, height, width + classes) or shape == (n, channels, height + classes, width):
        raise Wrong(f"you gave {shape}, wanted {wanted}", "concatenated along the picture's side: channels are dim 1")
    if shape != wanted and sorted(shape) == sorted(wanted):
        raise Wrong(f"you gave {shape}, wanted {wanted}", "axes are swapped: (N, C, H, W)")
    if shape != wanted:
        raise Wrong(f"you gave {shape}, wanted {wanted}")
    alone = tuple(_condition(answer, images[:1], labels[:1], classes).shape)
    if alone != (1, *wanted[1:]):
        raise Wrong(
            f"for a batch of 1 you gave {alone}, wanted {(1, *wanted[1:])}", "squeeze() drops every axis of length 1"
        )
    return f"{tuple(images.shape)} to {wanted}"


@condition.aspect("planes", share=0.4)
def condition_planes(answer: Callable, case: Case) -> str:
    images, labels, classes = _scene(case)
    channels = images.shape[1]
    given = _condition(answer, images, labels, classes)
    if torch.equal(given[:, classes:], images):
        raise Wrong("the planes come first", "the image's channels first, then the planes")
    if not torch.equal(given[:, :channels], images):
        raise Wrong("the image's own channels came back changed", "the image stays as it is, in the first channels")
    for plane, label in zip(given[:, channels:], labels.tolist(), strict=True):
        _examine_planes(plane, label)
    uncut = images.transpose(2, 3)
    if not torch.equal(_condition(answer, uncut, labels, classes)[:, :channels], uncut):
        raise Wrong(
            "images whose memory is in another order come back changed", "view() reads memory: use expand or cat"
        )
    return "1 everywhere on the label's plane, 0 on the others"


def _examine_planes(planes: Tensor, label: int) -> None:
    """planes: (classes, H, W) of one image with that label."""
    wanted = torch.zeros_like(planes)
    wanted[label] = 1
    if torch.equal(planes, wanted):
        return
    mean = planes.mean((1, 2)).tolist()
    if planes[label].max() == 1 and planes[label].min() == 0 and planes.sum() < planes[label].numel():
        raise Wrong(
            "the label's plane is 1 in some places only",
            "the label plane was not broadcast: D's filters meet it everywhere",
        )
    if (planes == planes[:, :1, :1]).all() and mean.count(1.0) == 1 and sum(mean) == 1:
        raise Wrong(
            f"label {label} fills plane {mean.index(1.0)}", "the planes of other labels: each image has its own"
        )
    if planes[label].eq(label).all() and planes.sum() == planes[label].sum():
        raise Wrong(f"the plane of label {label} holds {label}", "a 1, whatever the label is")
    likely = None if (planes == planes[:, :1, :1]).all() else "a plane is constant: 1 on the label's, 0 on the others"
    raise Wrong(f"the planes of label {label} are wrong", likely)


@condition.aspect("dtype", share=0.3)
def condition_dtype(answer: Callable, case: Case) -> str:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        images, labels, classes = _scene(case, dtype)
        given = _condition(answer, images, labels, classes)
        if given.dtype != dtype:
            likely = (
                "the images became integers" if not given.is_floating_point() else "the planes take the images' dtype"
            )
            raise Wrong(f"images of {dtype} came back as {given.dtype}", likely)
    return "that of the images"


@condition.aspect("gradient", share=0.2)
def condition_gradient(answer: Callable, case: Case) -> str:
    images, labels, classes = _scene(case)
    images.requires_grad_(True)
    given = _condition(answer, images, labels, classes)
    if not given.requires_grad:
        raise Wrong(
            "no gradient reaches the images", "in G's turn the gradient passes here on its way to G: detach nothing"
        )
    (grad,) = torch.autograd.grad(given.sum(), images)
    if not torch.equal(grad, torch.ones_like(grad)):
        raise Wrong("the gradient that reaches the images is wrong", "the image's channels are handed on as they are")
    return "reaches the images"


@condition.aspect("device", share=0.1)
def condition_device(answer: Callable, case: Case) -> str:
    answer = with_given(answer, one_hot=nets.one_hot)
    images = torch.zeros(2, 1, 3, 4, device="meta")
    return _on_meta(lambda: call_raw(answer, images, torch.zeros(2, dtype=torch.int64, device="meta"), 5))


# 4.3 conditional_train_step and 4.7 repaired_step

conditional_train_step = Exercise("04.conditional_train_step", points=4, read='"One step of the game", above')
repaired_step = Exercise("04.repaired_step", points=2, read='"Find the bug", above: whose labels do the fakes carry?')


def _table(case: Case) -> Table:
    real = case.numbers([1.5, -0.5, 2.0, 0.25, 1.0], 0.5, 2.5)
    shift = case.size(0, 0, 3)
    labels = [(shift + label) % 5 for label in (2, 0, 2, 3, 0, 1, 2, 0, 4, 4)[: len(real)]]
    return Table(
        theta=case.number(0.7, 0.4, 1.0),
        w=case.number(0.9, 0.5, 1.2),
        real=real,
        latent_dim=case.size(3, 2, 6),
        labels=labels,
    )


def _uneven_tables(case: Case) -> list[Table]:
    """One player is far ahead, with a loss near 0; and one is far behind, with a gradient above 1."""
    return [
        Table(-2.0, case.number(2.5, 2.2, 2.8), [2.0, 3.0, 2.5], latent_dim=2, scale=0.1, labels=[0, 3, 0]),
        Table(1.5, case.number(-0.8, -1.0, -0.6), [4.0, 3.0, 5.0, 4.5], latent_dim=2, labels=[4, 2, 2, 1]),
    ]


def _crowded_table(case: Case) -> Table:
    """A batch that is large enough to see how the noise is distributed."""
    n = case.size(40, 35, 50)
    labels = [(i * i) % 5 for i in range(n)]
    return Table(theta=0.7, w=0.9, real=[0.1 * i for i in range(n)], latent_dim=8, labels=labels)


def _register_step(exercise: Exercise) -> None:
    """The same aspects for both exercises."""

    @exercise.aspect("returns", gate=True)
    def returns(answer: Callable, case: Case) -> str:
        return _play(answer, _table(case)).returned()

    @exercise.aspect("labels", share=0.3)
    def labels(answer: Callable, case: Case) -> str:
        examine_labels(_play(answer, _crowded_table(case)))
        return examine_labels(_play(answer, _table(case), steps=2))

    @exercise.aspect("D's turn", share=0.2)
    def discriminator_turn(answer: Callable, case: Case) -> str:
        seen = examine_move(_play(answer, _table(case)), Move.DISCRIMINATOR)
        for table in _uneven_tables(case):
            examine_move(_play(answer, table), Move.DISCRIMINATOR)
        return seen

    @exercise.aspect("G's turn", share=0.2)
    def generator_turn(answer: Callable, case: Case) -> str:
        seen = examine_move(_play(answer, _table(case)), Move.GENERATOR)
        for table in _uneven_tables(case):
            examine_move(_play(answer, table), Move.GENERATOR)
        return seen

    @exercise.aspect("next step", share=0.15)
    def second_step(answer: Callable, case: Case) -> str:
        return examine_move(_play(answer, _table(case), steps=2), Move.SECOND)

    @exercise.aspect("fair play", share=0.15)
    def fair_play(answer: Callable, case: Case) -> str:
        return examine_fairness(_play(answer, _crowded_table(case), steps=2))


def _play(answer: Callable, table: Table, steps: int = 1) -> Any:
    given = with_given(answer, one_hot=nets.one_hot, condition=nets.condition)
    return play(given, table, steps)


_register_step(conditional_train_step)
_register_step(repaired_step)


# 4.4 label_agreement

label_agreement = Exercise("04.label_agreement", points=2, read='"Does it make what was asked for?", above')


class _Reader(nn.Module):
    """A classifier whose logits are written into the images; in train mode it reads the classes shifted by one."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.inner = nn.Dropout(0.0)  # a child, whose mode must follow
        self.asked = 0

    def forward(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        logits = self.scale * images.flatten(1)
        return logits.roll(1, 1) if self.training or self.inner.training else logits


def _exam(case: Case) -> tuple[Tensor, list[int], list[int], int]:
    """Images (N, 1, 1, K) that hold their logits, what the classifier will say, the labels, and how many are right."""
    n, classes, first = case.size(13, 13, 20) | 1, case.size(4, 5, 7), case.size(1, 0, 3)
    said = [(i * i + first) % classes for i in range(n)]
    labels = [c if i % 4 != 1 and i % 7 != 3 else (c + 1 + i % 2) % classes for i, c in enumerate(said)]
    logits = torch.stack([torch.linspace(-2, 0.5, classes).roll(i) for i in range(n)])
    logits[range(n), said] = torch.linspace(0.8, 3, n)
    return logits.view(n, 1, 1, classes), said, labels, sum(a == b for a, b in zip(said, labels, strict=True))


def _agreement(answer: Callable, images: Tensor, labels: list[int], training: bool = False) -> float:
    reader = _Reader().train(training)
    likely = "logits are (N, K): the most likely class of each image is argmax(1)"
    with kept(images, torch.tensor(labels)) as lent, hinted(likely, about="size of tensor"):
        given = call(answer, reader, *lent)
    if given is None:
        raise Wrong("you gave None", "the function has no return")
    if isinstance(given, Tensor):
        if given.ndim > 0:
            raise Wrong(
                f"you gave a tensor of shape {tuple(given.shape)}, wanted one number", "take the mean over the images"
            )
        given = given.item()
    if isinstance(given, bool | str):
        raise Wrong(f"you gave a {type(given).__name__}, wanted a share between 0 and 1")
    try:
        return float(given)
    except (TypeError, ValueError):
        raise Wrong(f"you gave a {type(given).__name__}, wanted a float") from None


@label_agreement.aspect("number", gate=True)
def agreement_number(answer: Callable, case: Case) -> str:
    images, _, labels, _ = _exam(case)
    _agreement(answer, images, labels)
    return "a number"


@label_agreement.aspect("share", share=0.6)
def agreement_share(answer: Callable, case: Case) -> str:
    images, said, labels, right = _exam(case)
    n, logits = len(said), images.flatten(1).double()
    own = torch.tensor(labels)
    given = _agreement(answer, images, labels)
    train_mode = sum((s + 1) % logits.shape[1] == y for s, y in zip(said, labels, strict=True)) / n
    known = {
        "a number of images: divide by all of them": float(right),
        "in percent: a share lies between 0 and 1": 100 * right / n,
        "the share of images that disagree": 1 - right / n,
        "every answer was compared with every label: (N, 1) against (N,) is N x N": fmean(
            float(s == y) for s in said for y in labels
        ),
        "the mean probability of the label: count the most likely class instead": logits.softmax(1)[range(n), own]
        .mean()
        .item(),
        "the mean logit of the label: count the most likely class instead": logits[range(n), own].mean().item(),
        "how sure the classifier is, not whether it agrees": logits.softmax(1).max(1).values.mean().item(),
        "the least likely class was taken": (logits.argmin(1) == own).double().mean().item(),
        "the classifier was asked in train mode": train_mode,
        "how often the classifier agrees with itself": 1.0,
    }
    expect(given, right / n, f"for {right} of {n}", known)
    for count, wanted in (([said[0]], 1.0), ([(said[0] + 1) % logits.shape[1]], 0.0)):
        alone = _agreement(answer, images[:1], count)
        if not near(alone, wanted):
            raise Wrong(f"for a single image you gave {alone:g}, wanted {wanted:g}")
    _agreement_of_many(answer)
    return f"{right / n:.4f} for {right} of {n}"


def _agreement_of_many(answer: Callable, right: int = 1000, wrong: int = 37) -> None:
    """More images than most people take at once, in a number that no batch size divides."""
    total, classes = right + wrong, 12
    images = torch.eye(classes)[[-1]].expand(total, -1).reshape(total, 1, 1, classes)
    agrees = torch.arange(total) < right
    given = _agreement(answer, images, torch.where(agrees, classes - 1, 0).tolist())
    if near(given, right / total):
        return
    of_batches = (fmean(part.double().mean().item() for part in agrees.split(size)) for size in range(1, total))
    likely = None
    if any(near(given, value) for value in of_batches):
        likely = "the last batch is smaller and counted as much: add up what is right, then divide by all"
    elif near(given, 0) or near(given, wrong / total):
        likely = f"there may be any number of classes, here {classes}"
    raise Wrong(f"for {right} right and {wrong} wrong you gave {given:.4f}, wanted {right / total:.4f}", likely)


@label_agreement.aspect("mode", share=0.4)
def agreement_mode(answer: Callable, case: Case) -> str:
    needs(agreement_share, answer, case)
    images, said, labels, right = _exam(case)
    given = _agreement(answer, images, labels, training=True)
    if not near(given, right / len(said)):
        raise Wrong(
            f"of a classifier in train mode you gave {given:.4f}, wanted {right / len(said):.4f}",
            "put it into eval mode first: in train mode batch norm and dropout answer for the batch",
        )
    for training in (True, False):
        reader = _Reader().train(training)
        call(answer, reader, images, torch.tensor(labels))
        if reader.training != training or reader.inner.training != training:
            raise Wrong(
                f"the classifier was in {'train' if training else 'eval'} mode and is not any more",
                "leave the mode as you found it, in its parts too: somebody may be training this network",
            )
        if not torch.is_grad_enabled():
            torch.set_grad_enabled(True)
            raise Wrong("gradients are off for everybody now", "use `with torch.no_grad():`, which ends")
        if not reader.scale.requires_grad or reader.scale.grad is not None:
            raise Wrong("the classifier's weights came back changed or frozen", "only look: torch.no_grad() is enough")
    return "asked in eval mode, left as it was"


# 4.5 projection_logit

projection_logit = Exercise("04.projection_logit", points=3, read='"The logit as a ratio", above')


def _projection(case: Case) -> dict[str, Tensor]:
    """Features (N, F), labels (N,), embedding (K, F), weight (F,) and bias (), in float64, N, F and K different."""
    n, width, classes = case.size(4, 3, 6), case.size(3, 7, 9), case.size(5, 10, 12)
    made = torch.Generator().manual_seed(case.size(7, 1, 1000))

    def draw(*shape: int) -> Tensor:
        return torch.randint(-8, 9, shape, generator=made).double() / 4

    return {
        "features": draw(n, width) + 0.125,
        "labels": _labels(case, n, classes),
        "embedding": draw(classes, width) + 0.0625,
        "weight": draw(width) + 0.5,
        "bias": torch.tensor(case.number(0.75, 0.3, 1.5), dtype=torch.float64),
    }


def _ask_projection(answer: Callable, given: dict[str, Tensor]) -> Tensor:
    with kept(*given.values()):
        return _tensor(call(answer, *given.values()))


@projection_logit.aspect("shape", gate=True)
def projection_shape(answer: Callable, case: Case) -> str:
    given = _projection(case)
    n, classes = len(given["features"]), len(given["embedding"])
    shape = tuple(_ask_projection(answer, given).shape)
    if shape != (n,):
        known = {
            (n, n): "every sample met every label: the scalar product is taken row by row",
            (n, classes): "a logit for every class: only the sample's own label is asked for",
            (n, 1): "one number a sample, (N,): against (N,) a column would become N x N",
            (n, given["features"].shape[1]): "the products are not summed: a scalar product is one number",
            (): "one logit a sample: the mean belongs to the loss",
        }
        raise Wrong(f"you gave {shape}, wanted {(n,)}", known.get(shape))
    alone = {**given, "features": given["features"][:1], "labels": given["labels"][:1]}
    if tuple(_ask_projection(answer, alone).shape) != (1,):
        raise Wrong(
            "for a batch of 1 you do not give shape (1,)", "squeeze() drops every axis of length 1: name the axis"
        )
    return "one logit a sample"


@projection_logit.aspect("value", share=0.6)
def projection_value(answer: Callable, case: Case) -> str:
    given = _projection(case)
    logits = _ask_projection(answer, given).detach().tolist()
    phi, v = given["features"].tolist(), given["embedding"].tolist()
    w, b, labels = given["weight"].tolist(), given["bias"].item(), given["labels"].tolist()

    def dot(x: list[float], y: list[float]) -> float:
        return sum(p * q for p, q in zip(x, y, strict=True))

    def norm(x: list[float]) -> float:
        return math.sqrt(dot(x, x))

    truth = [dot(x, w) + b + dot(x, v[y]) for x, y in zip(phi, labels, strict=True)]
    if all(near(a, t) for a, t in zip(logits, truth, strict=True)):
        return f"{truth[0]:.4f} for the first sample"
    mistakes: dict[str, Callable[[list[float], int], float]] = {
        "psi is missing: the part that judges the image without its label": lambda x, y: dot(x, v[y]),
        "the label plays no part: add the scalar product with its embedding": lambda x, y: dot(x, w) + b,
        "the bias of psi is missing": lambda x, y: dot(x, w) + dot(x, v[y]),
        "the bias was added twice": lambda x, y: dot(x, w) + 2 * b + dot(x, v[y]),
        "every class was summed: take the row of the sample's own label": lambda x, y: (
            dot(x, w) + b + sum(dot(x, row) for row in v)
        ),
        "the mean of the products, not their sum": lambda x, y: dot(x, w) + b + dot(x, v[y]) / len(x),
        "the products were averaged in both parts: a scalar product is a sum": lambda x, y: (
            dot(x, w) / len(x) + b + dot(x, v[y]) / len(x)
        ),
        "a minus between the two parts": lambda x, y: dot(x, w) + b - dot(x, v[y]),
        "the embedding was summed, not multiplied with the features": lambda x, y: dot(x, w) + b + sum(v[y]),
        "the cosine: the lengths belong to the scalar product": lambda x, y: (
            dot(x, w) + b + dot(x, v[y]) / norm(x) / norm(v[y])
        ),
        "off by one: the row of another label was taken": lambda x, y: dot(x, w) + b + dot(x, v[y - 1]),
        "scaled by the root of the number of features: that is attention": lambda x, y: (
            dot(x, w) + b + dot(x, v[y]) / math.sqrt(len(x))
        ),
        "the rows of the first classes, in order of the batch: take the rows of the labels": lambda x, y: (
            dot(x, w) + b + dot(x, v[phi.index(x)])
        ),
    }
    i = next(i for i, (a, t) in enumerate(zip(logits, truth, strict=True)) if not near(a, t))
    likely = next(
        (
            name
            for name, mistake in mistakes.items()
            if all(near(a, mistake(x, y)) for a, x, y in zip(logits, phi, labels, strict=True))
        ),
        None,
    )
    if likely is None and all(near(a, 1 / (1 + math.exp(-t))) for a, t in zip(logits, truth, strict=True)):
        likely = "the sigmoid was applied: a logit was asked for"
    raise Wrong(f"you gave {logits[i]:.4f}, wanted {truth[i]:.4f} for sample {i + 1} with label {labels[i]}", likely)


@projection_logit.aspect("gradient", share=0.4)
def projection_gradient(answer: Callable, case: Case) -> str:
    given = _projection(case)
    learning = {
        name: value.clone().requires_grad_(name != "labels") if name != "labels" else value
        for name, value in given.items()
    }
    logits = _tensor(call(answer, *learning.values()))
    if not logits.requires_grad:
        raise Wrong(
            "the logits have no graph", "D cannot learn from them: something was detached or turned into a number"
        )
    names = [name for name in learning if name != "labels"]
    grads = torch.autograd.grad(logits.sum(), [learning[name] for name in names], allow_unused=True)
    n = len(given["features"])
    by_label = torch.zeros_like(given["embedding"])
    for x, y in zip(given["features"], given["labels"].tolist(), strict=True):
        by_label[y] += x
    wanted = {
        "features": given["weight"] + given["embedding"][given["labels"]],
        "embedding": by_label,
        "weight": given["features"].sum(0),
        "bias": torch.tensor(float(n), dtype=torch.float64),
    }
    for name, grad in zip(names, grads, strict=True):
        if grad is None or not grad.abs().sum() > 0:
            raise Wrong(f"no gradient reaches {name}", "something was detached, copied or left out")
        if not torch.allclose(grad, wanted[name]):
            raise Wrong(f"a wrong gradient reaches {name}", "part of the logit was detached, or the value is wrong")
    return "reaches features, embedding, weight and bias"


# 4.6 ConditionalBatchNorm

conditional_batch_norm = Exercise(
    "04.ConditionalBatchNorm", points=3, read='"The label in G: a scale and a shift", above'
)
MOMENTUM, EPS = 0.1, 1e-5


def _layer(answer: Callable, channels: int, classes: int) -> nn.Module:
    layer = call(answer, channels, classes)
    if layer is None:
        raise Wrong("you gave None, wanted a module")
    if not isinstance(layer, nn.Module):
        raise Wrong(f"you gave a {type(layer).__name__}, wanted an nn.Module", "class ConditionalBatchNorm(nn.Module)")
    return layer


def _normed(layer: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    with kept(x, labels):
        given = _tensor(call(layer, x, labels))
    if given.shape != x.shape:
        raise Wrong(f"you gave {tuple(given.shape)}, wanted {tuple(x.shape)}", "the shape of the images stays")
    return given


def _features(case: Case, n: int = 7) -> tuple[Tensor, Tensor, int]:
    """Features (N, C, H, W) whose mean depends on channel and class, labels with unequal counts, classes."""
    channels, classes = case.size(3, 4, 6), case.size(4, 5, 8)
    height, width = case.size(2, 3, 4), case.size(5, 1, 2)
    labels = torch.tensor([0, 2, 0, 1, 2, 0, classes - 1][:n])
    made = torch.Generator().manual_seed(case.size(3, 1, 1000))
    x = torch.randn(n, channels, height, width, generator=made)
    x = x * torch.linspace(0.5, 3, channels)[:, None, None] + labels[:, None, None, None]
    return x, labels, classes


def _standard(x: Tensor) -> Tensor:
    """Each channel with mean 0 and variance 1 over the whole batch."""
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + EPS).sqrt()


@conditional_batch_norm.aspect("module", gate=True)
def norm_module(answer: Callable, case: Case) -> str:
    x, labels, classes = _features(case)
    layer = _layer(answer, x.shape[1], classes)
    _normed(layer, x, labels)
    numbers = sum(p.numel() for p in layer.parameters())
    wanted = 2 * classes * x.shape[1]
    if numbers != wanted:
        known = {
            0: "nothing can learn: tensors of a module must be nn.Parameter, nn.Embedding or nn.Linear",
            2 * x.shape[1]: "one scale and shift for all classes: each class needs its own",
            wanted + 2 * x.shape[1]: "the batch norm has a scale and shift of its own too: affine=False",
            wanted // 2: "only a scale or only a shift: each class needs both",
            2 * classes: "one number a class: each class needs a scale and a shift for every channel",
        }
        seen = f"{numbers} numbers can learn, wanted {wanted}: 2 x {classes} classes x {x.shape[1]} channels"
        raise Wrong(seen, _why_so_many(layer, classes) or known.get(numbers))
    return f"{wanted} numbers that learn"


def _why_so_many(layer: nn.Module, classes: int) -> str | None:
    """What the parts of a layer say of the number of its weights."""
    for part in layer.modules():
        if isinstance(part, nn.Linear) and part.bias is not None:
            return "a Linear's bias is the same for all classes: bias=False"
        if isinstance(part, nn.Embedding) and part.num_embeddings != classes:
            return f"one row a class: nn.Embedding({classes}, ...) for labels 0 to {classes - 1}"
    kept_in_lists = [v for v in vars(layer).values() if isinstance(v, list | tuple) and v]
    if any(isinstance(item, nn.Parameter | nn.Module) for items in kept_in_lists for item in items):
        return "a Python list hides what it holds: nn.ParameterList, nn.ModuleList, or one tensor for all classes"
    return None


@conditional_batch_norm.aspect("start", share=0.25)
def norm_start(answer: Callable, case: Case) -> str:
    x, labels, classes = _features(case)
    layer = _layer(answer, x.shape[1], classes).train()
    given, plain = _normed(layer, x, labels).detach(), _standard(x)
    if torch.allclose(given, plain, atol=1e-3):
        stored = torch.cat([p.detach().flatten() for p in layer.parameters()])
        if int((stored == 1).sum()) != len(stored) // 2:
            likely = "store the scales as they are used: 1 at the start, with nothing added in forward"
            raise Wrong("the output is that of plain batch norm, but no scale of 1 is stored", likely)
        return "plain batch norm: scale 1, shift 0"
    if given.abs().max() < 0.2:
        raise Wrong(
            f"the output's largest value is {given.abs().max():.3f} before anything is learned",
            "the scale is centred at 0: it starts at 1",
        )
    own = _by_class(x, labels)
    if torch.allclose(given, own, atol=1e-3):
        raise Wrong(
            "each class is normalised by itself",
            "statistics of one class: normalise the whole batch, then scale and shift",
        )
    per_sample = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + EPS).sqrt()
    if torch.allclose(given, per_sample, atol=1e-3):
        raise Wrong(
            "each sample is normalised by itself", "this is instance norm: batch norm takes the mean over N, H and W"
        )
    if torch.allclose(given, x, atol=1e-3) or torch.allclose(given, _standard_loosely(x), atol=1e-3):
        raise Wrong(
            "the features were not normalised by the batch",
            "batch norm comes first: mean 0 and variance 1 over N, H and W",
        )
    ratio = given.std((0, 2, 3), keepdim=True) / plain.std((0, 2, 3), keepdim=True)
    if torch.allclose(given, plain * ratio, atol=1e-3):
        seen = f"at the start the channels are {ratio.min():.2f} to {ratio.max():.2f} times those of plain batch norm"
        raise Wrong(seen, "the scale starts at 1; and look at eps: 1e-5, named, not at a momentum's place")
    at = tuple(((given - plain).abs() > 1e-3 * (1 + plain.abs())).nonzero()[0].tolist())
    likely = "scale 1 and shift 0 for every class: nn.Embedding starts with random numbers"
    if torch.allclose(given.flatten().sort().values, plain.flatten().sort().values, atol=1e-3):
        likely = "the right numbers at the wrong places: permute moves axes back, reshape does not"
    raise Wrong(f"at the start the number at {list(at)} is {given[at]:.4f}, wanted {plain[at]:.4f}", likely)


def _standard_loosely(x: Tensor) -> Tensor:
    """What batch norm in eval mode answers before it has seen anything."""
    return x / math.sqrt(1 + EPS)


def _by_class(x: Tensor, labels: Tensor) -> Tensor:
    parts = torch.empty_like(x)
    for label in labels.unique():
        parts[labels == label] = _standard(x[labels == label])
    return parts


@conditional_batch_norm.aspect("own label", share=0.35)
def norm_own_label(answer: Callable, case: Case) -> str:
    """Every output moves with two numbers only: the scale and the shift of its own class and channel."""
    x, labels, classes = _features(case)
    layer = _layer(answer, x.shape[1], classes).train()
    weights = list(layer.parameters())
    given, plain = _normed(layer, x, labels), _standard(x)
    if not given.requires_grad:
        raise Wrong("no gradient reaches scale and shift", "something was detached, or they are no parameters")
    owners: dict[tuple[int, int], tuple[int, ...]] = {}
    for i, label in enumerate(labels.tolist()):
        for channel, pixel in product(range(x.shape[1]), (0, 1, -1)):
            output, size = given[i, channel].flatten()[pixel], plain[i, channel].flatten()[pixel].item()
            flat = _gradient(output, weights)
            found = flat.nonzero().flatten().tolist()
            if not found:
                raise Wrong("no gradient reaches scale and shift", "something was detached, or they are no parameters")
            if not _same_numbers(sorted(flat[k].item() for k in found), sorted((1.0, size))):
                raise Wrong(
                    f"an output of class {label} moves with {len(found)} numbers, wanted its scale and its shift",
                    _why_not_own(flat, found, size),
                )
            owner = owners.setdefault((label, channel), tuple(found))
            if owner != tuple(found):
                raise Wrong(
                    "two samples or two pixels of one class and channel have different scales or shifts",
                    "the label chooses them, (N, C, 1, 1), and nothing else",
                )
    if len(set(owners.values())) < len(owners):
        raise Wrong("two classes or channels share a scale or shift", "one of each for every class and every channel")
    for times in (1.0, -4.0):
        _learn_something(layer, times)
        _examine_learned(_gradient(_normed(layer, x, labels)[0, 0, 0, 0], weights), plain[0, 0, 0, 0].item())
    _examine_way_back(_layer(answer, x.shape[1], classes).train(), x, labels)
    return "each class and channel has its own scale and shift"


def _examine_learned(steps: Tensor, size: float) -> None:
    """One output still moves by 1 with its shift and by the normalised feature with its scale."""
    found = [step for step in steps.tolist() if step]
    if not any(near(step, 1.0, 1e-3) for step in found):
        raise Wrong(
            "once the scale is not 1, the shift does not count in full",
            "normalise, then scale, then shift, in this order",
        )
    if not _same_numbers(sorted(found), sorted((1.0, size))):
        raise Wrong(
            "once the scale is another, an output does not move with it by the normalised feature",
            "store the scales as they are used: no exp, no ReLU and no clamp on them",
        )


def _examine_way_back(layer: nn.Module, x: Tensor, labels: Tensor) -> None:
    """The gradient passes through mean and variance, as it does in nn.BatchNorm2d."""
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    weights = torch.linspace(-1, 1, x.numel()).view_as(x)
    (weights * _standard(theirs)).sum().backward()
    (grad,) = torch.autograd.grad((weights * _normed(layer, ours, labels)).sum(), ours, allow_unused=True)
    if grad is None:
        raise Wrong("no gradient reaches what lies before", "something was detached: the layers before cannot learn")
    if not torch.allclose(grad, theirs.grad, atol=1e-3):
        raise Wrong(
            "what lies before is told another gradient than nn.BatchNorm2d tells",
            "mean and variance have a graph too: no torch.no_grad() and no detach() around them",
        )


def _gradient(output: Tensor, weights: list[nn.Parameter]) -> Tensor:
    """Of one output by every number that can learn, flat."""
    grads = torch.autograd.grad(output, weights, retain_graph=True, allow_unused=True)
    pairs = zip(grads, weights, strict=True)
    return torch.cat([torch.zeros_like(w).flatten() if g is None else g.flatten() for g, w in pairs])


def _learn_something(layer: nn.Module, times: float = 1.0) -> None:
    """Move each weight by a number of its own: at the start, scale 1 and shift 0 hide in which order they act."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(times * torch.linspace(0.5, 1.5, parameter.numel()).view_as(parameter))


def _same_numbers(given: list[float], wanted: list[float]) -> bool:
    return len(given) == len(wanted) and all(near(a, b, 1e-3) for a, b in zip(given, wanted, strict=True))


def _why_not_own(flat: Tensor, found: list[int], size: float) -> str | None:
    values = [flat[k].item() for k in found]
    if _same_numbers(values, [1.0]):
        return "a shift, but no scale"
    if _same_numbers(values, [size]):
        return "a scale, but no shift"
    if len(found) > 2:
        return "several classes or channels were mixed: the label picks one row of scales and one of shifts"
    return "output = scale of the class x normalised features + shift of the class"


@conditional_batch_norm.aspect("one memory", share=0.25)
def norm_running(answer: Callable, case: Case) -> str:
    """In eval mode all classes are normalised with the same running statistics."""
    x, labels, classes = _features(case)
    channels = x.shape[1]
    layer = _layer(answer, channels, classes).train()
    remembered = sum(b.numel() for b in layer.buffers())
    if remembered > 2 * channels + 2:
        raise Wrong(
            f"{remembered} numbers are remembered, wanted a mean and a variance for each of {channels} channels",
            "one set of running statistics for all classes, not one a class",
        )
    needs(norm_start, answer, case)
    _normed(layer, x, labels)
    layer.eval()
    mean = MOMENTUM * x.mean((0, 2, 3))
    variance = 1 - MOMENTUM + MOMENTUM * x.transpose(0, 1).flatten(1).var(1)
    wanted = (x - mean[:, None, None]) / (variance[:, None, None] + EPS).sqrt()
    given = _normed(layer, x, labels).detach()
    if torch.allclose(given, _standard(x), atol=1e-3):
        raise Wrong(
            "in eval mode the batch's own statistics are used",
            "running statistics: a picture must not depend on its neighbours",
        )
    if not torch.allclose(given, wanted, atol=1e-3):
        raise Wrong(
            "in eval mode the running statistics are not those of nn.BatchNorm2d",
            "leave momentum, eps and tracking as nn.BatchNorm2d has them, one memory for all classes",
        )
    alone = torch.cat([_normed(layer, x[i : i + 1], labels[i : i + 1]) for i in range(len(x))]).detach()
    if not torch.allclose(alone, wanted, atol=1e-3):
        raise Wrong(
            "one by one the samples come out otherwise than together", "in eval mode nothing depends on the batch"
        )
    return "one mean and variance a channel, for all classes"


@conditional_batch_norm.aspect("portable", share=0.15)
def norm_portable(answer: Callable, case: Case) -> str:
    x, labels, classes = _features(case)
    layer = _layer(answer, x.shape[1], classes)
    _learn_something(layer)
    copy = _layer(answer, x.shape[1], classes)
    try:
        copy.load_state_dict(layer.state_dict())
    except RuntimeError as error:
        raise Wrong(f"its state does not load: {str(error).splitlines()[0]}") from None
    if not torch.allclose(_normed(layer.eval(), x, labels), _normed(copy.eval(), x, labels)):
        raise Wrong(
            "a copy with the same state answers otherwise",
            "a checkpoint would lose something: register what is learned",
        )
    moved = layer.to("meta")
    if any(t.device.type != "meta" for t in [*moved.parameters(), *moved.buffers()]):
        raise Wrong("something stays behind when the module moves to another device")
    seen = _on_meta(lambda: call_raw(moved.train(), x.to("meta"), labels.to("meta")))
    return f"its state can be saved and moved ({seen})"
