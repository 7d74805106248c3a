"""The answers of tests/exercises as students would have typed them: the text of one cell each, that needs no other."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from corpus.notebooks import ROOT, full_points, references

Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Variant:
    """An answer to an exercise. says: what its diagnosis contains; None for a right one."""

    exercise: str
    name: str
    text: str
    says: str | None


@cache
def variants(lesson: str) -> tuple[Variant, ...]:
    """The references, the right answers in other styles and the wrong ones of a lesson."""
    exercises = frozenset(full_points(lesson))
    found = [Variant(name, "reference", references(lesson)[name], None) for name in sorted(exercises)]
    for kind in ("right", "wrong"):
        path = ROOT / "tests" / "exercises" / lesson / f"{kind}.py"
        found += _of_module(ast.parse(path.read_text(encoding="utf-8")), exercises)
    return tuple(found)


def _of_module(module: ast.Module, exercises: frozenset[str]) -> Iterator[Variant]:
    for node in module.body:
        for mark in getattr(node, "decorator_list", []):
            if _is_mark(mark):
                says = next((k.value.value for k in mark.keywords if k.arg == "says"), None)
                exercise = mark.args[0].value
                yield Variant(exercise, node.name, _text(node, exercise, module, exercises), says)


def _is_mark(decorator: ast.expr) -> bool:
    """Whether it is @right(...) or @wrong(...)."""
    named = isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name)
    return named and decorator.func.id in ("right", "wrong")


def _text(node: Definition, exercise: str, module: ast.Module, exercises: frozenset[str]) -> str:
    """The definition under the exercise's name, below what it needs of its module."""
    needed = _needed(node, module)
    names = {name for statement in needed for name in _given(statement)} & exercises
    renamed = {name: f"course_{name}" for name in names} | {node.name: exercise}
    return "\n\n".join(ast.unparse(_renamed(part, renamed)) for part in [*needed, _unmarked(node)])


def _unmarked(statement: ast.stmt) -> ast.stmt:
    """A copy without @right and @wrong."""
    copy = ast.parse(ast.unparse(statement)).body[0]
    if isinstance(copy, Definition):
        copy.decorator_list = [d for d in copy.decorator_list if not _is_mark(d)]
    return copy


def _needed(node: ast.stmt, module: ast.Module) -> list[ast.stmt]:
    """The module's statements that bind what a definition uses, and what these use, in the module's order."""
    wanted, taken = _used(node), []
    while new := [s for s in module.body if s is not node and s not in taken and wanted & _given(s)]:
        taken += new
        wanted |= {name for statement in new for name in _used(statement)}
    return [_only(s, wanted) for s in module.body if s in taken]


def _used(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(_unmarked(node)) if isinstance(n, ast.Name)}


def _given(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    if isinstance(statement, Definition):
        return {statement.name}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _only(statement: ast.stmt, wanted: set[str]) -> ast.stmt:
    """A copy of what a module binds, without marks and without the imported names that are not wanted."""
    copy = _unmarked(statement)
    if isinstance(copy, ast.Import | ast.ImportFrom):
        copy.names = [a for a in copy.names if (a.asname or a.name.split(".")[0]) in wanted]
    return copy


def _renamed(statement: ast.stmt, names: dict[str, str]) -> ast.stmt:
    arguments = {n.arg for n in ast.walk(statement) if isinstance(n, ast.arg)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id not in arguments:
            node.id = names.get(node.id, node.id)
        elif isinstance(node, Definition):
            node.name = names.get(node.name, node.name)
        elif isinstance(node, ast.alias) and (node.asname or node.name) in names:
            node.asname = names[node.asname or node.name]
    return statement
