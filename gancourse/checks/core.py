"""The machinery of the checks: an exercise is a list of aspects, each of which must hold and says what it saw.

The truth of an aspect is computed from known numbers, never from the reference solution.
"""

import contextlib
import importlib
import io
import math
import os
import pkgutil
import random
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.errors import CheckError
from gancourse.passport.keep import record

EXERCISES: dict[str, "Exercise"] = {}
NOT_WRITTEN = "not written yet: replace `raise NotImplementedError` by your code"
NO_INIT = "a module's __init__ begins with super().__init__()"
UNUSABLE = "the check could not use what your code made"


class Wrong(Exception):
    """An aspect does not hold. seen: what was given and what was wanted; likely: the mistake that explains it."""

    def __init__(self, seen: str, likely: str | None = None):
        super().__init__(seen)
        self.seen, self.likely = seen, likely


class Case:
    """The numbers that an oracle is asked with: fixed for the visible check, drawn from a seed for the hidden one."""

    def __init__(self, seed: int | None = None):
        self.hidden = seed is not None
        self._random = random.Random(seed)

    def size(self, visible: int, low: int, high: int) -> int:
        """A whole number: `visible` when everybody may see it, else one of low..high."""
        return self._random.randint(low, high) if self.hidden else visible

    def numbers(self, visible: list[float], low: float, high: float, extra: int = 3) -> list[float]:
        """Unequal numbers: `visible`, or up to `extra` more than those between low and high."""
        if not self.hidden:
            return visible
        count = len(visible) + self._random.randint(1, extra)
        return [round(self._random.uniform(low, high), 3) for _ in range(count)]

    def number(self, visible: float, low: float, high: float) -> float:
        return round(self._random.uniform(low, high), 3) if self.hidden else visible


Oracle = Callable[[Callable, Case], str]


@dataclass(frozen=True)
class Aspect:
    """One thing that must hold. share: of the points; gate: whether the rest makes no sense without it."""

    name: str
    share: float
    gate: bool
    oracle: Oracle


@dataclass
class Outcome:
    """How one aspect went. mark: "ok", "no" or ".." (not reached)."""

    name: str
    mark: str
    seen: str
    likely: str | None = None


@dataclass
class Exercise:
    """A graded function: its name ("01.sample_noise"), its points and where the lesson teaches it."""

    name: str
    points: int
    read: str
    aspects: list[Aspect] = field(default_factory=list)

    def __post_init__(self) -> None:
        EXERCISES[self.name] = self

    def aspect(self, name: str, share: float = 0.0, gate: bool = False) -> Callable[[Oracle], Oracle]:
        """Register an oracle under this exercise, in the order in which it is asked."""

        def register(oracle: Oracle) -> Oracle:
            self.aspects.append(Aspect(name, share, gate, oracle))
            return oracle

        return register

    def examine(self, answer: Callable, cases: list[Case]) -> list[Outcome]:
        """Ask every aspect with every case, in order, up to the first gate that does not hold.

        An answer can break what looks at it, as a tensor of an odd class can: then the aspect does not hold.
        """
        outcomes: list[Outcome] = []
        blocked = False
        for aspect in self.aspects:
            if blocked:
                outcomes.append(Outcome(aspect.name, "..", "not reached"))
                continue
            try:
                seen = [aspect.oracle(answer, case) for case in cases]
                outcomes.append(Outcome(aspect.name, "ok", seen[0]))
            except Wrong as wrong:
                outcomes.append(Outcome(aspect.name, "no", wrong.seen, wrong.likely))
                blocked = aspect.gate
            except Exception as error:
                seen = f"{UNUSABLE}: {type(error).__name__}: {_first_line(error)}"
                outcomes.append(Outcome(aspect.name, "no", seen, _explain(error)))
                blocked = aspect.gate
        return outcomes

    def score(self, outcomes: list[Outcome]) -> float:
        """Points as a builtin float between 0 and the maximum, in tenths."""
        held = {outcome.name for outcome in outcomes if outcome.mark == "ok"}
        if len(held) == len(self.aspects):
            return float(self.points)
        share = sum(aspect.share for aspect in self.aspects if aspect.name in held)
        return float(int(share * self.points * 10 + 1e-9) / 10)


@dataclass(frozen=True)
class Report:
    """The outcome of a check, in the words that are the same in a notebook, a terminal and a feedback page."""

    exercise: Exercise
    outcomes: list[Outcome]
    points: float
    hidden: bool = False
    noise: str = ""

    @property
    def passed(self) -> bool:
        return all(outcome.mark == "ok" for outcome in self.outcomes)

    @property
    def unwritten(self) -> bool:
        """Whether the stub is still as it was handed out."""
        return any(outcome.seen == NOT_WRITTEN for outcome in self.outcomes)

    @property
    def diagnoses(self) -> str:
        """Everything that was said about what is wrong."""
        wrong = [o for o in self.outcomes if o.mark == "no"]
        return "\n".join(part for o in wrong for part in (o.seen, o.likely) if part)

    def __str__(self) -> str:
        good = sum(outcome.mark == "ok" for outcome in self.outcomes)
        title = self.exercise.name.partition(".")[2]
        sizes = "   (other sizes and numbers)" if self.hidden else ""
        lines = [
            f"{title}   {good} of {len(self.outcomes)} passed   {self.points} of {self.exercise.points} points{sizes}"
        ]
        for outcome in self.outcomes:
            lines.append(f"  {outcome.mark}  {outcome.name:<12} {outcome.seen}")
            if outcome.likely:
                lines.append(f"      {'likely':<12} {outcome.likely}")
        if not self.passed:
            lines.append(f"      {'read':<12} {self.exercise.read}")
        if self.noise:
            lines.append(f"      {'note':<12} your code wrote to stderr: {self.noise}")
        return "\n".join(lines)


def report(name: str, answer: Callable, hidden: bool = False) -> Report:
    """Examine an answer without printing. Raises CheckError when there is no check of that name."""
    load_lessons()
    if name not in EXERCISES:
        raise CheckError(f"There is no check {name!r}. Checks: {', '.join(sorted(EXERCISES))}.")
    exercise = EXERCISES[name]
    with _quarantine() as noise:
        outcomes = exercise.examine(answer, [Case(_hidden_seed()), Case()] if hidden else [Case()])
    return Report(exercise, outcomes, exercise.score(outcomes), hidden, noise())


def check(name: str, answer: Callable, hidden: bool = False) -> float:
    """Print what holds and what does not, and return the points as a builtin float, as nbgrader wants them.

    How the visible check went is kept in the learner's passport, once there is an answer.
    """
    result = report(name, answer, hidden)
    print(result)
    if not hidden and not result.unwritten:
        note = record(name, result.points, result.exercise.points, result.passed)
        if note:
            print(note)
    return result.points


def _hidden_seed() -> int:
    """The seed of the hidden checks. The repository is public, so an instructor sets a private one."""
    return int(os.environ.get("GANCOURSE_HIDDEN_SEED", "20140610"))


def load_lessons() -> None:
    """Fill EXERCISES. Done on the first check, not at import: the oracles need torch."""
    from gancourse import checks

    for module in pkgutil.iter_modules(checks.__path__):
        if module.name.startswith("lesson_"):
            importlib.import_module(f"gancourse.checks.{module.name}")


@contextlib.contextmanager
def _quarantine() -> Iterator[Callable[[], str]]:
    """Keep what an answer does to itself: stderr, warnings, random state and gradient mode stay as they were."""
    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(contextlib.redirect_stderr(said))
        stack.enter_context(_silent_descriptor())
        stack.enter_context(warnings.catch_warnings())
        yield lambda: " ".join(said.getvalue().split())[:100]


@contextlib.contextmanager
def _silent_descriptor() -> Iterator[None]:
    """Send file descriptor 2 nowhere: nbgrader gives 0 to a test cell that writes there, as C++ warnings do."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


# What oracles are written with.


def softplus(x: float) -> float:
    """log(1 + e^x), in float64 and without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x), in float64 and without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def seed_checks(number: int) -> None:
    """Seed the processor's random numbers, which are all that a check draws and gives back afterwards.

    torch.manual_seed would change every accelerator's too, and where there is none it keeps the stack of each call.
    """
    torch.default_generator.manual_seed(number)


def call(answer: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the learner's function or class; whatever it raises becomes a Wrong that says where."""
    try:
        made = answer(*args, **kwargs)
    except Wrong:
        raise
    except NotImplementedError:
        raise Wrong(NOT_WRITTEN) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a learner's sys.exit() too must end in a diagnosis
        raise Wrong(_where(error, answer), _explain(error)) from None
    if isinstance(made, nn.Module) and "_parameters" not in vars(made):
        raise Wrong("the module can hold nothing", NO_INIT)
    return made


def _where(error: BaseException, answer: Callable) -> str:
    code = _code_of(answer)
    own = getattr(code, "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
    place = ""
    if frames and isinstance(answer, types.FunctionType):
        place = f" in line {frames[-1].lineno - code.co_firstlineno + 1} of your function: {frames[-1].line}"
    elif frames:
        place = f" in {frames[-1].name}: {frames[-1].line}"
    return f"your code raised {type(error).__name__}: {_first_line(error)}{place}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:160]


def _code_of(answer: Callable) -> types.CodeType | None:
    """The code of a function, of a class's __init__, or of a module's forward."""
    if isinstance(answer, types.FunctionType):
        return answer.__code__
    method = "__init__" if isinstance(answer, type) else "forward"
    return getattr(getattr(answer, method, None), "__code__", None)


def _explain(error: BaseException) -> str | None:
    message = str(error)
    explanations = {
        "modified by an inplace operation": (
            "G's loss was built from D as it was before its step: call D again after d_optimizer.step()"
        ),
        "backward through the graph a second time": (
            "the fake batch of D's turn still has its graph: detach it there, and make a new one for G's turn"
        ),
        "does not require grad": "the graph was cut: this loss does not depend on any weight that may learn",
        "before Module.__init__() call": NO_INIT,
        "object has no attribute 'weight'": "a part of a network need not have weights, whatever its name: isinstance",
        "device meta": "make new tensors where the data live: device=real.device, or the device of what you are given",
        "must be the same as input size": "give logits and targets one shape, be it (N,) or (N, 1)",
        "same dtype": "new tensors like those you are given (ones_like, zeros_like): what comes in float64 stays so",
        "running_mean should contain": "batch norm has as many channels as what it normalises",
        " channels, but got ": "a layer is given other channels than it was made for: mind the order (inputs, outputs)",
        "Boolean value of Tensor": "a tensor of many numbers is no yes or no: ask whether it `is not None`",
        "positional argument": "keep the arguments of the stub: the check calls your function with them",
        "unexpected keyword": "keep the arguments of the stub: the check calls your function with them",
    }
    return next((text for key, text in explanations.items() if key in message), None)


@contextlib.contextmanager
def kept(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Lend tensors to an answer. Raises Wrong when they come back changed."""
    before = [tensor.detach().clone() for tensor in tensors]
    yield tensors
    if not all(torch.equal(tensor.detach(), old) for tensor, old in zip(tensors, before, strict=True)):
        raise Wrong(
            "the tensors you were given came back changed", "an operation in place (ending in _, or +=): make new ones"
        )


def as_scalar(value: Any) -> float:
    """The float in a 0-dimensional tensor. Raises Wrong for everything else, NaN included in what is allowed."""
    if value is None:
        raise Wrong("you gave None", "the function has no return")
    if type(value) is not Tensor:
        raise Wrong(
            f"you gave a {type(value).__name__}, wanted a scalar tensor", "return the tensor: a float cannot learn"
        )
    if value.ndim != 0:
        raise Wrong(f"you gave shape {tuple(value.shape)}, wanted a scalar ()", "take the mean over the batch")
    if not value.is_floating_point():
        raise Wrong(f"you gave dtype {value.dtype}, wanted a float")
    return float(value.detach())


def near(a: float, b: float, tolerance: float = 1e-4) -> bool:
    """Equal to a relative (above 1) or absolute tolerance; false for NaN."""
    return a == b or abs(a - b) <= tolerance * max(1.0, abs(b))


def expect(given: float, truth: float, about: str, known: dict[str, float] | None = None) -> str:
    """Compare a number with the truth; if it is one of the known wrong ones, name the mistake."""
    if near(given, truth):
        return f"{given:.4f} {about}"
    mistakes = [name for name, value in (known or {}).items() if near(given, value)]
    raise Wrong(f"you gave {given:.4f}, wanted {truth:.4f} {about}", mistakes[0] if mistakes else None)


def expect_stable(loss: Tensor, logits: list[Tensor], truth: float, about: str) -> str:
    """Compare a loss of logits so large that probabilities are 0 or 1, and see that a slope reaches them."""
    given = as_scalar(loss)
    if not math.isfinite(given):
        raise Wrong(
            f"you gave {given}, wanted {truth:.1f} {about}",
            "an exponential overflowed or a sigmoid was rounded to 0: work on the logits (softplus, logsigmoid)",
        )
    if abs(given) < 0.95 * abs(truth) and not near(given, truth):
        raise Wrong(
            f"you gave {given:.1f}, wanted {truth:.1f} {about}",
            "probabilities were clamped: there the gradient is 0, and a player that is badly wrong stops learning",
        )
    slopes = torch.autograd.grad(loss, logits, allow_unused=True) if loss.requires_grad else ()
    if not all(slope is None or slope.isfinite().all() for slope in slopes):
        raise Wrong(
            f"the slope is no number {about}",
            "torch.where computes both sides, and the one that overflows spoils the slope: use softplus or logsigmoid",
        )
    return expect(given, truth, about)


@contextlib.contextmanager
def hinted(likely: str, about: str = "", seen: str = "{}") -> Iterator[None]:
    """Say more of a Wrong from within whose `seen` holds `about`: what explains it; seen: its words in further ones."""
    try:
        yield
    except Wrong as wrong:
        if about not in wrong.seen:
            raise
        raise Wrong(seen.format(wrong.seen), likely) from None


def needs(aspect: Callable, answer: Callable, case: Case) -> None:
    """An extreme case says nothing of an answer that is wrong at ordinary numbers already."""
    try:
        aspect(answer, case)
    except Wrong:
        raise Wrong("checked once the value is right") from None


def listed(values: list[float]) -> str:
    """Numbers for a message: at most five of them."""
    shown = ", ".join(f"{v:g}" for v in values[:5])
    return shown + (", …" if len(values) > 5 else "")


def with_given(answer: Callable, **given: Callable) -> Callable:
    """The same function or class, with right ones in the place of earlier answers it calls.

    No mistake is punished twice, not even one that left the earlier name undefined. A class becomes a subclass whose
    methods see the right ones.
    """
    if isinstance(answer, type):
        methods = {
            name: with_given(f, **given) for name, f in vars(answer).items() if isinstance(f, types.FunctionType)
        }
        return type(answer.__name__, (answer,), methods)
    if not isinstance(answer, types.FunctionType):
        return answer
    copy = types.FunctionType(
        answer.__code__, {**answer.__globals__, **given}, answer.__name__, answer.__defaults__, answer.__closure__
    )
    copy.__kwdefaults__ = answer.__kwdefaults__
    return copy
