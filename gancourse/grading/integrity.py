"""Whether a check was what it should be: nobody patched it, looked into it, or wrote its result.

Student code and check share a process, because an answer gets networks and optimisers that cannot be sent elsewhere. So
everything a check relies on is remembered before any student code runs and compared before and after each check
(Pristine), a canary that must fail is asked in the same process, the interpreter's own audit events tell who reads
frames, scans the heap or calls C (Watch), and every message is signed with a key that only closures hold. Python cannot
remove an audit hook. Somebody who writes into raw memory through C extensions can still win; see the guide.
"""

import builtins
import os
import site
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from typing import Any

ROOTS = ("gancourse", "torch.nn", "torch.optim", "torch.autograd", "torch.linalg", "torch.testing")
SINGLE = (
    "builtins", "math", "random", "contextlib", "io", "warnings", "types", "functools", "numbers", "copy", "operator",
    "torch", "torch.functional", "torch._tensor", "torch.random", "torch.overrides", "torch.utils._contextlib",
)  # fmt: skip
SIMPLE = (int, float, str, bool, bytes, tuple, frozenset, type(None))
SEEN = {
    "sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile", "gc.get_objects", "gc.get_referrers",
    "gc.get_referents", "code.__new__", "ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function", "ctypes.addressof",
    "ctypes.string_at", "ctypes.PyObj_FromPtr", "ctypes.cdata",
}  # fmt: skip
PASSAGES = (f"{os.sep}inspect.py", os.path.join("ctypes", "__init__.py"))  # what they do, their caller does
FRAME_DOORS = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_back", "f_locals", "f_globals"}


class Pristine:
    """What functions and classes were before student code ran; `changed` names those that are no longer the same."""

    def __init__(self):
        self._loaded = [(name, module) for name, module in sys.modules.items() if _watched(name, module)]
        self._modules = [(name, module.__dict__) for name, module in self._loaded]
        self._values = [(f"{name}.{key}", d, key, d[key]) for name, d in self._modules for key in list(d)]
        self._values = [entry for entry in self._values if _matters(entry[0], entry[3])]
        self._classes = [(where, vars(c), _behaviour(c)) for where, c in _classes(self._values)]
        self._code = [(where, f, _parts(f)) for where, f in _functions(self._values, self._classes)]
        self._tables = [(name, table, _contents(table)) for name, table in _tables(self._values)]
        self._own = [(name, d, frozenset(d)) for name, d in self._modules if name.startswith("gancourse")]
        self._builtin_names = frozenset(vars(builtins)) - {key for key in vars(builtins) if key.startswith("__")}

    def changed(self) -> list[str]:
        """The full names of what was replaced, removed or shadowed, at most ten of them."""
        missing = object()
        found = [name for name, module in self._loaded if sys.modules.get(name) is not module]
        found += [where for where, d, key, value in self._values if d.get(key, missing) is not value]
        for where, now, before in self._classes:
            found += [f"{where}.{key}" for key, value in before.items() if now.get(key, missing) is not value]
        found += [where for where, function, parts in self._code if not _is_made_of(function, parts)]
        found += [where for where, table, contents in self._tables if _contents(table) != contents]
        for name, now, names in self._own:
            found += [f"{name}.{key}" for key in self._builtin_names & (now.keys() - names)]
        return sorted(set(found))[:10]


def _watched(name: str, module: object) -> bool:
    if not isinstance(module, types.ModuleType) or name.startswith("gancourse.grading"):
        return False  # the grading's own modules are taken out of reach
    return name in SINGLE or any(name == root or name.startswith(root + ".") for root in ROOTS)


def _matters(where: str, value: Any) -> bool:
    """Code everywhere; constants in the package too. Other data may change: caches, default settings."""
    if callable(value) or isinstance(value, types.ModuleType):
        return True
    own = where.startswith("gancourse.") and not where.endswith((".__builtins__", ".__warningregistry__"))
    return own and isinstance(value, (*SIMPLE, dict))


def _classes(values: list) -> Iterator[tuple[str, type]]:
    """The classes that Python code can change, each once."""
    seen = set()
    for where, _, _, value in values:
        if isinstance(value, type) and id(value) not in seen and value.__flags__ & 1 << 9:
            seen.add(id(value))
            yield where, value


def _behaviour(kind: type) -> dict[str, Any]:
    """The methods and properties of a class, without its data."""
    return {key: value for key, value in vars(kind).items() if callable(value) or hasattr(value, "__get__")}


def _functions(values: list, classes: list) -> Iterator[tuple[str, types.FunctionType]]:
    for where, _, _, value in values:
        if isinstance(value, types.FunctionType):
            yield where, value
    for where, _, members in classes:
        for key, value in members.items():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, types.FunctionType):
                yield f"{where}.{key}", function


def _parts(function: types.FunctionType) -> tuple:
    """What a function is made of, apart from its globals; of its closure the functions, for others may be caches."""
    keywords = tuple((function.__kwdefaults__ or {}).items())
    closure = tuple((cell, cell.cell_contents) for cell in function.__closure__ or () if _holds_function(cell))
    return function.__code__, function.__defaults__, keywords, closure


def _holds_function(cell: types.CellType) -> bool:
    try:
        return callable(cell.cell_contents)
    except ValueError:  # empty
        return False


def _is_made_of(function: types.FunctionType, parts: tuple) -> bool:
    """Whether it still has the same parts, by identity: no object of the student's is asked whether it is equal."""
    code, defaults, keywords, closure = parts
    if function.__code__ is not code or function.__defaults__ is not defaults:
        return False
    now = function.__kwdefaults__ or {}
    if len(now) != len(keywords) or any(now.get(key) is not value for key, value in keywords):
        return False
    return all(_holds_function(cell) and cell.cell_contents is content for cell, content in closure)


def _tables(values: list) -> Iterator[tuple[str, dict]]:
    """The package's dictionaries: the registry of exercises above all."""
    return ((where, value) for where, _, _, value in values if type(value) is dict)


def _contents(table: dict) -> list:
    return [(key, id(value), _exercise(value)) for key, value in table.items() if isinstance(key, str)]


def _exercise(value: Any) -> list | None:
    if not hasattr(value, "aspects"):
        return None
    return [value.points, *((a.name, a.share, a.gate, id(a.oracle)) for a in value.aspects)]


class Watch:
    """Audit events that student code causes while it is watched: the ways from an answer into the check around it."""

    def __init__(self):
        self.seen: list[str] = []
        self.on = False
        self._trusted = _library_folders()

    def install(self) -> None:
        """For the rest of the process's life; Python has no way to take an audit hook away."""
        watch, frame_of, busy = self, sys._getframe, []

        def hook(event: str, arguments: tuple) -> None:
            if not watch.on or busy or not watch.telling(event, arguments):
                return
            busy.append(1)
            try:
                frame = frame_of(1)
                if watch.by_student(frame) and len(watch.seen) < 20:
                    name = f".{arguments[1]}" if event == "object.__getattr__" else ""
                    watch.seen.append(f"{event.removeprefix('object.__getattr__')}{name}".strip("."))
            finally:
                busy.pop()

        sys.addaudithook(hook)

    def telling(self, event: str, arguments: tuple) -> bool:
        """Whether an audit event is one of the ways out of an answer."""
        if event == "object.__getattr__":
            return arguments[1] in FRAME_DOORS
        if event == "object.__setattr__":
            return arguments[1] == "__code__"
        if event == "compile":  # code that pretends to be a library's
            return str(arguments[1]).startswith(self._trusted)
        return event in SEEN

    def by_student(self, frame: types.FrameType | None) -> bool:
        """Whether the nearest code outside the modules `inspect` and `ctypes` is not a library's."""
        while frame is not None and frame.f_code.co_filename.endswith(PASSAGES):
            frame = frame.f_back
        return frame is not None and not frame.f_code.co_filename.startswith(self._trusted)


def _library_folders() -> tuple[str, ...]:
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), here, "<frozen", "<__array_function__"]
    return tuple([*places, *site.getsitepackages()])


def modes_pushed() -> list[str]:
    """Modes that reroute every torch function. set_default_device makes one, honestly."""
    import torch
    from torch.utils._device import DeviceContext

    functions = torch._C._len_torch_function_stack()
    modes = [torch._C._get_function_stack_at(i) for i in range(functions)]
    found = [f"torch function mode {type(m).__name__}" for m in modes if type(m) is not DeviceContext]
    return found + ["torch dispatch mode"] * torch._C._len_torch_dispatch_stack()


def canary(exercises: dict, report: Callable) -> Callable[[str], list[str]]:
    """A function that asks the checks of a cell about an answer that is wrong for all of them.

    It returns what must not be: the checks that such an answer passed.
    """

    def nothing(*_: Any, **__: Any) -> None:
        return None

    def passed(source: str) -> list[str]:
        asked = [name for name in exercises if f'"{name}"' in source]
        return [f"an answer that returns None passed {name}" for name in asked if report(name, nothing).passed]

    return passed
