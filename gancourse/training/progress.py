"""How far a run is: a bar in a terminal or a notebook, a line now and then where the output goes to a file."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gancourse.training.compiled import seconds_of_compiling
from gancourse.training.loop import Monitor, Trainer

LINE_EVERY = 30.0  # seconds between two lines of a log


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this, which shows rich output, and no terminal."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _summary(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in losses.items())


class ProgressBar(Monitor):
    """Images shown, images a second, time left and the latest losses, where and how they can be read.

    The time in which torch.compile writes kernels is shown apart, and does not count in images a second.

    line_every: seconds between two lines where neither a notebook nor a terminal can redraw a bar.
    """

    def __init__(self, title: str = "training", line_every: float = LINE_EVERY):
        self.title, self.line_every = title, line_every

    def start(self, trainer: Trainer) -> None:
        self._began, self._offset, self._text = time.monotonic(), trainer.images, "images"
        self._compiled_before = seconds_of_compiling()
        self._shown = self._place(trainer)

    def _place(self, trainer: Trainer) -> "_NotebookBar | _TerminalBar | _Lines":
        if in_notebook():
            return _NotebookBar(self.title)
        console = Console()
        if console.is_interactive:
            return _TerminalBar(self.title, console, trainer)
        return _Lines(self.title, console, self.line_every)

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        compiling = seconds_of_compiling() - self._compiled_before
        speed = (trainer.images - self._offset) / max(time.monotonic() - self._began - compiling, 1e-9)
        apart = f" after {compiling:,.0f} s of compiling" if compiling else ""
        self._text = f"images  {speed:,.0f}/s{apart}  {_summary(losses)}"
        left = (trainer.total_images - trainer.images) / max(speed, 1e-9)
        self._shown.show(trainer.images, trainer.total_images, self._text, left)

    def end(self, trainer: Trainer) -> None:
        self._shown.close(trainer.images, trainer.total_images, self._text)


class _TerminalBar:
    """A bar that is redrawn in its line."""

    def __init__(self, title: str, console: Console, trainer: Trainer):
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[text]}"), console=console)
        self._task = self._bar.add_task(title, total=trainer.total_images, completed=trainer.images, text="images")
        self._bar.start()

    def show(self, done: int, total: int, text: str, left: float) -> None:
        self._bar.update(self._task, completed=done, text=text)

    def close(self, done: int, total: int, text: str) -> None:
        self._bar.stop()


class _Lines:
    """A line at the first record, then one after so many seconds, and one at the end: what belongs into a log."""

    def __init__(self, title: str, console: Console, every: float):
        self._title, self._console, self._every, self._due = title, console, every, 0.0

    def show(self, done: int, total: int, text: str, left: float) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every
            self._print(f"{done:,} of {total:,} {text}  {left:,.0f} s left")

    def close(self, done: int, total: int, text: str) -> None:
        self._print(f"{done:,} of {total:,} {text}")

    def _print(self, text: str) -> None:
        self._console.print(f"{self._title}  {text}", highlight=False, markup=False, soft_wrap=True)


class _NotebookBar:
    """One output that is overwritten. Plain HTML: it needs no widget, so it stays readable in a saved notebook."""

    def __init__(self, title: str) -> None:
        from IPython.display import HTML, display

        self._title, self._html = title, HTML
        self._handle = display(HTML(""), display_id=True)

    def show(self, done: int, total: int, text: str, left: float) -> None:
        self._draw(done, total, f"{text}  {left:.0f} s left")

    def close(self, done: int, total: int, text: str) -> None:
        self._draw(done, total, text)

    def _draw(self, done: int, total: int, text: str) -> None:
        bar = f"<progress aria-label='training' value='{done}' max='{total}'></progress>"
        self._handle.update(self._html(f"{self._title} {bar} {done:,} of {total:,} {text}"))
