"""What can be said of a cell's code without running it."""

import ast
import re
import textwrap
from functools import lru_cache
from itertools import pairwise

LONGEST = 50_000  # characters that are parsed; longer cells are treated as text
_MAGIC = re.compile(r"^([ \t]*)(?:[%!].*|.*\?)$", re.MULTILINE)
_HEAD = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@lru_cache(maxsize=512)
def tree(source: str) -> ast.Module | None:
    """The syntax tree, IPython's magics left out; None when there is none. A cell may be indented as a whole."""
    if len(source) > LONGEST:
        return None
    for text in (source, textwrap.dedent(source), _MAGIC.sub(r"\1pass", textwrap.dedent(source))):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def compiles(source: str) -> bool:
    """Whether a cell is whole: a `return` outside of a function is a part of one. Nothing runs."""
    parsed = tree(source)
    if parsed is None:
        return False
    try:
        compile(parsed, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def definitions(source: str) -> list[str]:
    """The functions and classes that a cell defines at its top level, in order; also of code that does not parse."""
    parsed = tree(source)
    if parsed is None:
        return _HEAD.findall(source)
    return [node.name for node in parsed.body if isinstance(node, Definition)]


def bindings(source: str) -> set[str]:
    """Every name that a cell's top level binds: definitions, imports and assignments."""
    parsed = tree(source)
    return set(definitions(source)) if parsed is None else set().union(*map(bound, parsed.body), set())


def bound(statement: ast.stmt) -> set[str]:
    """The names that one statement binds."""
    if isinstance(statement, Definition):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    stored = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def needs(source: str) -> set[str]:
    """The names that a cell reads and binds nowhere itself."""
    parsed = tree(source)
    if parsed is None:
        return set()
    nodes = list(ast.walk(parsed))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return read - own - {node.arg for node in nodes if isinstance(node, ast.arg)} - bindings(source)


@lru_cache(maxsize=512)
def meaning(source: str) -> str:
    """A form that is equal for cells that do the same: without comments, spacing and docstrings."""
    parsed = tree(source)
    try:
        if parsed is not None:
            return ast.dump(_without_docstrings(ast.parse(ast.unparse(parsed))))
    except (RecursionError, ValueError):
        pass  # too deep for a tree: compared as text
    return "\n".join(line.rstrip() for line in source.strip().splitlines() if line.strip())


def _without_docstrings(parsed: ast.Module) -> ast.Module:
    for node in ast.walk(parsed):
        if isinstance(node, Definition) and len(node.body) > 1 and _is_text(node.body[0]):
            del node.body[0]
    return parsed


def is_blank(source: str, stub: str) -> bool:
    """Whether nothing was written: the stub as it was, or bodies that only refuse."""
    if not source.strip() or meaning(source) == meaning(stub):
        return True
    parsed = tree(source)
    if parsed is None:
        return False
    names = set(definitions(stub))
    defined = [node for node in parsed.body if isinstance(node, Definition) and node.name in names]
    return bool(defined) and all(_refuses(node) for node in defined)


def _refuses(definition: Definition) -> bool:
    functions = [definition]
    if isinstance(definition, ast.ClassDef):
        functions = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    return all(all(_says_nothing(statement) for statement in function.body) for function in functions)


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        return "NotImplementedError" in ast.unparse(statement.exc)
    return _is_text(statement) or isinstance(statement, ast.Pass) or ast.unparse(statement) == "..."


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def pieces(source: str) -> list[str]:
    """A cell's top-level statements with the comments and decorators before them; by their heads without a tree."""
    lines = source.split("\n")
    parsed = tree(source)
    if parsed is None:
        starts = [i for i, line in enumerate(lines) if re.match(r"(async\s+def|def|class|@|check\()", line)]
        ends = [i for i in starts if not lines[i - 1].startswith("@")]
    else:
        ends = [node.end_lineno for node in parsed.body][:-1]
    cuts = [0, *ends, len(lines)]
    found = ["\n".join(lines[a:b]).strip("\n") for a, b in pairwise(cuts)]
    return [piece for piece in found if piece.strip()]
