"""What a person should look at: names that no honest answer to these lessons needs. Nothing here costs points."""

import ast
import re

from gancourse.grading.notes import Note
from gancourse.grading.reading import Cell
from gancourse.grading.slots import Slot
from gancourse.grading.syntax import tree

# A name or the beginning of a dotted one, and what it is used for.
USES = {
    "gancourse.checks": "reads the course's checks",
    "gancourse.grading": "reads the course's grading",
    "os._exit": "ends the process",
    "os.kill": "signals processes",
    "os.killpg": "signals processes",
    "os.fork": "starts processes",
    "os.setsid": "starts processes",
    "os.system": "starts processes",
    "os.execv": "starts processes",
    "os.abort": "ends the process",
    "os.environ": "reads or changes the environment",
    "os.putenv": "reads or changes the environment",
    "os.dup2": "redirects output",
    "os.close": "redirects output",
    "subprocess": "starts processes",
    "multiprocessing": "starts processes",
    "threading": "starts threads",
    "signal": "changes signals",
    "ctypes": "calls into memory",
    "socket": "uses the network",
    "urllib": "uses the network",
    "requests": "uses the network",
    "http": "uses the network",
    "inspect": "looks at the caller",
    "sys._getframe": "looks at the caller",
    "sys._current_frames": "looks at the caller",
    "sys.settrace": "watches the caller",
    "sys.setprofile": "watches the caller",
    "sys.modules": "reaches into modules",
    "sys.meta_path": "reaches into modules",
    "gc": "searches memory",
    "atexit": "leaves something to run at the end",
    "builtins": "changes the language",
    "__builtins__": "changes the language",
    "pickle": "loads code",
    "shutil.rmtree": "deletes files",
    "get_ipython": "reaches into the notebook",
    "In": "reads other cells",
    "_ih": "reads other cells",
    "sqlite3": "reads a database",
}
_TEXTS = re.compile(
    r"GANCOURSE_HIDDEN_SEED|NBGRADER_EXECUTION|gradebook\.db|HIDDEN TESTS|/proc/|hidden_seed|\bhidden=True"
)
_PATCHED = {"gancourse", "torch", "math", "sys", "os", "np", "numpy", "builtins", "nn", "F"}
_FRAMES = {
    "f_back",
    "f_locals",
    "f_globals",
    "tb_frame",
    "gi_frame",
    "cr_frame",
    "__globals__",
    "__closure__",
    "__code__",
}
_COURSE = {"check", "compare"}
_MAGIC = {"run_line_magic", "run_cell_magic", "system", "getoutput"}


def suspicions_of(slots: list[Slot], texts: dict[int, str], own: list[Cell]) -> list[Note]:
    """Conspicuous names in what a student wrote; cells of the release are not looked at."""
    changed = [
        (slot.name, texts[slot.index])
        for slot in slots
        if texts[slot.index] != slot.node.source and slot.kind == "code"
    ]
    named = [*changed, *(("own cell", cell.source) for cell in own if cell.kind == "code")]
    found = [Note("unusual", where, words) for where, text in named for words in _unusual(text)]
    return list(dict.fromkeys(found))


def _unusual(text: str) -> list[str]:
    words = [f"It mentions {found!r}." for found in dict.fromkeys(_TEXTS.findall(text))]
    parsed = tree(text)
    if parsed is None:
        return words
    aliases = _aliases(parsed)
    for node in ast.walk(parsed):
        words += _of_node(node, aliases)
    return list(dict.fromkeys(words))


def _of_node(node: ast.AST, aliases: dict[str, str]) -> list[str]:
    if isinstance(node, ast.Attribute | ast.Name):
        dotted = _dotted(node, aliases)
        if isinstance(node.ctx, ast.Store) and (dotted in _COURSE or _is_patch(node, dotted)):
            return [f"It replaces `{dotted}`."]
        if isinstance(node, ast.Attribute) and node.attr in _FRAMES:
            return [f"It uses `{node.attr}`, which looks into running code."]
        return _used(dotted) if isinstance(node.ctx, ast.Load) else []
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [words for name in _imported(node) for words in _used(name)]
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in _COURSE:
        return [f"It replaces `{node.name}`."]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "exec", "eval"):
        return [f"It calls `{node.func.id}`."]
    return []


def _is_patch(node: ast.Attribute | ast.Name, dotted: str) -> bool:
    root = dotted.split(".")[0]
    return isinstance(node, ast.Attribute) and root in _PATCHED and not dotted.startswith("torch.backends")


def _used(dotted: str) -> list[str]:
    for name, purpose in USES.items():
        if dotted == name or dotted.startswith(name + "."):
            if name == "get_ipython" and dotted.rpartition(".")[2] in _MAGIC:
                return []
            return [f"It uses `{name}`, which {purpose}."]
    return []


def _dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    parts = []
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value if isinstance(node, ast.Attribute) else node.func
    root = aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""
    return ".".join([root, *reversed(parts)])


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names]


def _aliases(parsed: ast.Module) -> dict[str, str]:
    found = {}
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found
