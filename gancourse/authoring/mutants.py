"""Wrong answers that nobody wrote: every right one of tests/exercises, changed in one place after another.

A check that was written from the truth refuses them too. Those it accepts are listed in equal.txt beside the right
answers, where somebody has judged that the changed answer is still right, or differs in what the exercise leaves open.

Mutation testing: DeMillo, Lipton and Sayward, "Hints on test data selection" (1978). The changes are those that people
make in such code, so the operators are ours.
"""

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from gancourse.authoring.answers import ANSWERS
from gancourse.checks import report
from gancourse.errors import GANCourseError

JUDGED = "equal.txt"

OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}

# What is taken for something else, and is called as that is: one for the other, and the first for the second alone.
EXCHANGED = {
    **{"mean": "sum", "square": "abs", "min": "max", "std": "var", "floor": "ceil", "cat": "stack", "train": "eval"},
    **{"l1_loss": "mse_loss", "L1Loss": "MSELoss", "relu": "leaky_relu", "ReLU": "LeakyReLU", "parameters": "buffers"},
    **{"ones": "zeros", "ones_like": "zeros_like", "randn": "rand", "randn_like": "rand_like"},
}
TAKEN_FOR = {
    **EXCHANGED,
    **{other: name for name, other in EXCHANGED.items()},
    **{"argmax": "argmin", "sqrt": "square", "rsqrt": "sqrt", "round": "floor", "cumprod": "cumsum", "add_": "sub_"},
    **{"softplus": "relu", "logsigmoid": "sigmoid", "tanh": "sigmoid", "Tanh": "Sigmoid", "normal_": "uniform_"},
    **{"avg_pool2d": "max_pool2d", "adaptive_avg_pool2d": "adaptive_max_pool2d", "BatchNorm2d": "InstanceNorm2d"},
    **{"deepcopy": "copy"},
}
FORGOTTEN = {
    *("detach", "clone", "abs", "square", "mean", "sqrt", "clamp", "eval", "train", "flatten", "sort", "round", "view"),
    *("float", "double", "long", "to", "unsqueeze", "squeeze", "norm", "log", "exp", "permute", "movedim"),
}
NEVER_FORGOTTEN = (ast.Return, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)


@dataclass(frozen=True)
class Mutant:
    """A right answer with one change. change: what stood there, and what stands there now."""

    exercise: str
    change: str
    function: Callable

    @property
    def label(self) -> str:
        return f"{self.exercise} {self.function.__name__}: {self.change}"

    def accepted(self) -> bool:
        """Whether it passes the visible and the hidden check."""
        return all(report(self.exercise, self.function, hidden).passed for hidden in (False, True))


def mutants(lesson: Path, every: int = 1) -> Iterator[Mutant]:
    """One after another, the mutants of a lesson's right answers: all, or one in `every`, drawn with a fixed seed."""
    tree = ast.parse((lesson / "right.py").read_text(encoding="utf-8"))
    answers = {node: exercises for node in tree.body if (exercises := _marks(node))}
    for node in answers:
        node.decorator_list = [mark for mark in node.decorator_list if "right(" not in ast.unparse(mark)]
    drawn = random.Random(0)
    for answer, exercises in answers.items():
        for change in _changes(answer):
            if drawn.randrange(every):
                continue
            function = _function(tree, answer.name)
            if function is not None:
                yield from (Mutant(f"{lesson.name[:2]}.{name}", change, function) for name in exercises)


def judged(lesson: Path) -> set[str]:
    """The labels of the changes that somebody has judged to leave the answer right."""
    path = lesson / JUDGED
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def folders(names: list[str]) -> list[Path]:
    """The folders of answers whose name begins with one of these, or all. Raises GANCourseError for other names."""
    found = sorted(ANSWERS.glob("[0-9][0-9]_*"))
    for name in names:
        if not any(folder.name.startswith(name) for folder in found):
            raise GANCourseError(f"There are no answers to {name!r}. Lessons: {', '.join(f.name for f in found)}.")
    return [folder for folder in found if not names or folder.name.startswith(tuple(names))]


@dataclass
class Examined:
    """What became of the mutants of a lesson. accepted: the labels of those that passed their checks."""

    total: int
    accepted: set[str]
    judged: set[str]

    @property
    def unjudged(self) -> list[str]:
        return sorted(self.accepted - self.judged)

    def __str__(self) -> str:
        lines = [f"{self.total - len(self.accepted)} of {self.total} changed answers rejected"]
        return "\n  accepted, and not judged: ".join(lines + self.unjudged)


def examine_mutants(lesson: Path, every: int = 1) -> Examined:
    """Put the mutants of a lesson to their checks, with a bar where somebody looks."""
    console = Console(stderr=True)
    found = Examined(0, set(), judged(lesson))
    for mutant in track(
        list(mutants(lesson, every)), lesson.name, transient=True, console=console, disable=not console.is_terminal
    ):
        found.total += 1
        if mutant.accepted():
            found.accepted.add(mutant.label)
    return found


def _marks(node: ast.AST) -> list[str]:
    """The exercises that a definition of right.py answers."""
    calls = [mark for mark in getattr(node, "decorator_list", []) if isinstance(mark, ast.Call)]
    return [ast.literal_eval(mark.args[0]) for mark in calls if ast.unparse(mark.func) == "right"]


def _function(tree: ast.Module, name: str) -> Callable | None:
    """What the changed file defines, or None where it cannot even be read."""
    code = compile(ast.unparse(tree), f"<right.py, {name} changed>", "exec")
    space = {"__name__": "changed"}
    try:
        exec(code, space)
    except Exception:
        return None
    return space[name]


def _changes(answer: ast.AST) -> Iterator[str]:
    """Change the tree in one place, say what was changed, and change it back, place after place."""
    for parent, name, place, node in list(_places(answer)):
        for other in _others(node):
            if ast.unparse(other) != ast.unparse(node):
                _put(parent, name, place, other)
                yield f"{_shown(node)} -> {_shown(other)}"
        _put(parent, name, place, node)


def _places(answer: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, its field, the place in it if it is a list, node) for all but docstrings, decorators and defaults."""
    for parent in ast.walk(answer):
        for name, value in ast.iter_fields(parent):
            if name == "decorator_list" or isinstance(parent, ast.arguments):
                continue
            places = enumerate(value) if isinstance(value, list) else [(None, value)]
            for place, node in places:
                if isinstance(node, ast.AST) and not _is_text(node):
                    yield parent, name, place, node


def _put(parent: ast.AST, name: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[place] = node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _shown(node: ast.AST) -> str:
    """In one line, without what a statement holds."""
    text = "nothing" if isinstance(node, ast.Pass) else ast.unparse(node)
    return " ".join(text.splitlines()[0].split()) + (" ..." if "\n" in text else "")


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What might stand in a node's place by mistake."""
    if isinstance(node, ast.stmt) and not isinstance(node, NEVER_FORGOTTEN):
        yield ast.Pass()
    if isinstance(node, ast.With):
        yield ast.If(ast.Constant(True), node.body, [])
    for kind, others in _BY_KIND.items():
        if isinstance(node, kind):
            yield from others(node)


def _other_numbers(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1))
    elif isinstance(value, float):
        yield from (ast.Constant(other) for other in (2 * value, 0.0) if other != value)


def _other_sums(node: ast.BinOp) -> Iterator[ast.AST]:
    for operator in OPERATORS.get(type(node.op), []):
        yield ast.BinOp(node.left, operator(), node.right)
    yield from (node.left, node.right)
    if isinstance(node.op, ast.Sub | ast.Div | ast.Pow):
        yield ast.BinOp(node.right, node.op, node.left)


def _other_updates(node: ast.AugAssign) -> Iterator[ast.AST]:
    for operator in OPERATORS.get(type(node.op), []):
        yield ast.AugAssign(node.target, operator(), node.value)


def _other_signs(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for operator in OPERATORS.get(type(node.ops[0]), []):
        yield ast.Compare(node.left, [operator(), *node.ops[1:]], node.comparators)


def _other_choices(node: ast.IfExp) -> Iterator[ast.AST]:
    yield from (node.body, node.orelse)


def _other_tuples(node: ast.Tuple) -> Iterator[ast.AST]:
    if len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield ast.Tuple([node.elts[1], node.elts[0], *node.elts[2:]], node.ctx)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Something for the function, a keyword or an argument less, two arguments exchanged, the call forgotten."""
    called = node.func
    name = getattr(called, "attr", getattr(called, "id", ""))
    if name in TAKEN_FOR:
        is_method, other = isinstance(called, ast.Attribute), TAKEN_FOR[name]
        function = ast.Attribute(called.value, other, called.ctx) if is_method else ast.Name(other, ast.Load())
        yield ast.Call(function, node.args, node.keywords)
    if isinstance(called, ast.Attribute) and name in FORGOTTEN and not _is_library(called.value):
        yield called.value
    for i, keyword in enumerate(node.keywords):
        if keyword.arg:
            yield ast.Call(called, node.args, node.keywords[:i] + node.keywords[i + 1 :])
    for i in range(len(node.args)):
        yield ast.Call(called, node.args[:i] + node.args[i + 1 :], node.keywords)
    for i in range(len(node.args) - 1):
        before, (one, two), after = node.args[:i], node.args[i : i + 2], node.args[i + 2 :]
        yield ast.Call(called, [*before, two, one, *after], node.keywords)


def _is_library(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("torch", "F", "nn", "np", "math", "copy")


_BY_KIND = {
    ast.Constant: _other_numbers,
    ast.BinOp: _other_sums,
    ast.AugAssign: _other_updates,
    ast.UnaryOp: _other_signs,
    ast.Compare: _other_comparisons,
    ast.IfExp: _other_choices,
    ast.Tuple: _other_tuples,
    ast.Call: _other_calls,
}
