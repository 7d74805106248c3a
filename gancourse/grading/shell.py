"""An IPython shell without a kernel: it runs a cell and returns what a notebook would store as its outputs."""

import io
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

Output = dict[str, Any]


class Outputs:
    """The outputs of the running cell, at most `limit` characters of them."""

    def __init__(self, limit: int):
        self.limit, self.items, self.size = limit, [], 0

    def clear(self) -> None:
        self.items, self.size = [], 0

    def stream(self, name: str, text: str) -> None:
        text = self._cut(text)
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        elif text:
            self.items.append({"output_type": "stream", "name": name, "text": [text]})

    def add(self, output: Output, size: int) -> None:
        if self.size + size <= self.limit:
            self.size += size
            self.items.append(output)
        else:
            self.stream("stdout", f"[an output of {size} characters was left out]\n")

    def _cut(self, text: str) -> str:
        room = max(0, self.limit - self.size)
        full_before, self.size = self.size > self.limit, self.size + len(text)
        if self.size <= self.limit:
            return text
        return "" if full_before else f"{text[:room]}\n[the rest of this output was left out]\n"

    def finished(self) -> list[Output]:
        """The outputs in nbformat's shape, in the order in which they came."""
        return [dict(item, text="".join(item["text"])) if "text" in item else item for item in self.items]


class Stream(io.TextIOBase):
    """What sys.stdout and sys.stderr are while cells run."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, name: str, outputs: Outputs):
        self.name, self.outputs = name, outputs

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.outputs.stream(self.name, str(text))
        return len(text)


class Publisher(DisplayPublisher):
    """display(...) becomes a display_data output."""

    outputs = AnyTrait()

    def publish(self, data: dict, metadata: dict | None = None, **_: Any) -> None:
        size = sum(len(str(value)) for value in data.values())
        self.outputs.add({"output_type": "display_data", "data": data, "metadata": metadata or {}}, size)


class ResultHook(DisplayHook):
    """The last expression of a cell becomes an execute_result output."""

    outputs = AnyTrait()

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        output = {"output_type": "execute_result", "data": format_dict, "metadata": md_dict or {}}
        self.outputs.add(
            output | {"execution_count": self.prompt_count}, sum(len(str(v)) for v in format_dict.values())
        )

    def finish_displayhook(self) -> None:
        pass


class RecordingShell(InteractiveShell):
    """Runs cells as a kernel does: magics, display, top-level await, `In` and `Out`."""

    display_pub_class = Type(Publisher)
    displayhook_class = Type(ResultHook)
    outputs = AnyTrait()

    @classmethod
    def start(cls, limit: int) -> "RecordingShell":
        """The process's one shell. No history is kept on disk, which would take a thread."""
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        shell = cls.instance(config=config)
        shell.outputs = shell.display_pub.outputs = shell.displayhook.outputs = Outputs(limit)
        return shell

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window to keep alive."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        lines = [str(line) for line in stb]
        error = {"output_type": "error", "ename": etype.__name__, "evalue": _words(evalue), "traceback": lines}
        self.outputs.add(error, sum(map(len, lines)))

    def run(self, source: str) -> list[Output]:
        """Run one cell; whatever it raises is one of its outputs."""
        self.outputs.clear()
        kept = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Stream("stdout", self.outputs), Stream("stderr", self.outputs)
        try:
            self.run_cell(source, store_history=True)
        finally:
            sys.stdout, sys.stderr = kept
        return self.outputs.finished()


def _words(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except Exception:
        return "(its message could not be read)"
