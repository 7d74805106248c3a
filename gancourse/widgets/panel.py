"""What the widgets share: controls that say what they do, pictures with words, and a place for what went wrong."""

import html
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import ipywidgets as widgets

from gancourse.errors import GANCourseError
from gancourse.show import Picture

WIDE = {"description_width": "initial"}
ALERT = "border: 2px solid #d55e00; padding: 4px 8px; max-width: 60em"  # as dark on white as on a dark theme's grey
CAPTION = "max-width: 30em; line-height: 1.3"


def int_slider(description: str, tooltip: str, **numbers: int) -> widgets.IntSlider:
    """A slider that says under the pointer what it does. Arrow keys move it."""
    return widgets.IntSlider(description=description, tooltip=tooltip, style=WIDE, **numbers)


def float_slider(description: str, tooltip: str, **numbers: float) -> widgets.FloatSlider:
    """The same for a number that is no integer."""
    return widgets.FloatSlider(description=description, tooltip=tooltip, style=WIDE, **numbers)


def direction_sliders(n: int) -> list[widgets.FloatSlider]:
    """A slider for each of the found directions of a latent space."""
    tooltip = "Steps along a direction in which images change much"
    return [float_slider(f"direction {i + 1}", tooltip, min=-6, max=6, step=0.2) for i in range(n)]


def choice(description: str, tooltip: str, options: Sequence) -> widgets.Dropdown:
    """One of several, by name; options: names, or pairs of a name and a value."""
    return widgets.Dropdown(description=description, tooltip=tooltip, style=WIDE, options=options)


def button(description: str, tooltip: str, action: Callable[[], None], icon: str = "") -> widgets.Button:
    """A button for something to be done, now. icon: a name of Font Awesome, which every front end brings."""
    made = widgets.Button(description=description, tooltip=tooltip, icon=icon, layout=widgets.Layout(width="auto"))
    made.on_click(lambda _: action())
    return made


def figures(shown: Mapping[str, Picture], style: str = "") -> str:
    """Pictures side by side, each over its words, as HTML. style: CSS of each picture.

    The words are no secret of the screen reader: they stand below the picture for everybody.
    """
    parts = [
        f'<figure style="margin: 0">{picture.html(f"max-width: 100%; {style}")}'
        f'<figcaption style="{CAPTION}">{html.escape(words)}</figcaption></figure>'
        for words, picture in shown.items()
    ]
    return f'<div style="display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start">{"".join(parts)}</div>'


def told(error: BaseException) -> str:
    """An exception as HTML: its message, and where it came from unless the message alone was written for the reader."""
    text = f"<b>{type(error).__name__}</b>: {html.escape(str(error))}"
    if not isinstance(error, GANCourseError):
        trace = html.escape("".join(traceback.format_exception(error)))
        text += f"<details><summary>Where it came from</summary><pre>{trace}</pre></details>"
    return f'<div role="alert" style="{ALERT}">{text}</div>'


class View:
    """A page of pictures with a line above it for what went wrong. box: the ipywidget."""

    def __init__(self) -> None:
        self.message, self.pictures = widgets.HTML(), widgets.HTML()
        self.box = widgets.VBox([self.message, self.pictures])
        self._lock = threading.RLock()

    def show(self, shown: Mapping[str, Picture]) -> None:
        """Show pictures, each with its words."""
        self.pictures.value = figures(shown, "image-rendering: pixelated")

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What goes wrong in the block is told in the view, where the learner is looking, and goes no further.

        One block at a time: a kernel may answer two controls in two threads (JupyterLab's subshells), a training draws
        in a third, and what was drawn first must not be shown last.
        """
        with self._lock:
            try:
                yield
            except Exception as error:
                self.message.value = told(error)
            else:
                self.message.value = ""


class Explorer:
    """Controls beside what `draw` makes of them, at once and whenever one of them is moved. box: the ipywidget.

    others: controls with an action of their own, which they pass to `after`.
    """

    def __init__(
        self,
        controls: Sequence[widgets.ValueWidget],
        draw: Callable[[], Mapping[str, Picture]],
        others: Sequence[widgets.Widget] = (),
    ):
        self._draw, self._view = draw, View()
        for control in controls:
            control.observe(lambda _: self.redraw(), names="value")
        column = widgets.VBox([*controls, *others], layout=widgets.Layout(flex="0 0 auto", margin="0 16px 0 0"))
        self.box = widgets.HBox([column, self._view.box])
        self.redraw()

    def redraw(self) -> None:
        """Draw what the controls say now."""
        self.after(lambda: None)

    def after(self, action: Callable[[], None]) -> None:
        """Do something, then draw. What goes wrong in either is told, and the picture stays as it was."""
        with self._view.telling():
            action()
            self._view.show(self._draw())
