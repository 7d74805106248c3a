"""What every widget shares: a live view, and a picture of it for pages that cannot run."""

import uuid
from abc import ABC, abstractmethod
from typing import Any

from gancourse.show import Picture

VIEW = "application/vnd.jupyter.widget-view+json"


class WithStill(ABC):
    """Shown in a notebook, it is two outputs: the picture, and the live view, which hides the picture where it runs.

    In one output a page that was made by nbconvert, or opened again without its kernel, would choose the live view, and
    show nothing where that cannot be drawn.
    """

    @abstractmethod
    def widget(self) -> object:
        """The live view: an ipywidget."""

    @abstractmethod
    def still(self) -> Picture:
        """The idea of the live view in one picture with alt text."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        import ipywidgets as widgets

        self._mark = f"still-{uuid.uuid4().hex}"
        hide = widgets.HTML(f"<style>.{self._mark} {{ display: none }}</style>", layout=widgets.Layout(display="none"))
        live = widgets.VBox([hide, self.widget()])._repr_mimebundle_() or {}
        data, notes = self._picture()
        return {**(live[0] if isinstance(live, tuple) else live), **data}, notes

    def _picture(self) -> tuple[dict, dict]:
        """The still picture for Jupyter, under the name by which the live view hides it."""
        data, notes = self.still()._repr_mimebundle_()
        return {**data, "text/html": f'<div class="{self._mark}">{data["text/html"]}</div>'}, notes

    def show(self) -> Any:
        """Show it below the cell. Returns IPython's handle of the picture, which `renew_still` takes."""
        from IPython.display import display

        data, notes = self._repr_mimebundle_()
        view = data.pop(VIEW, None)
        handle = display(data, raw=True, metadata=notes, display_id=True)
        if view:
            display({VIEW: view, "text/plain": ""}, raw=True)
        return handle

    def renew_still(self, handle: Any) -> None:
        """Put the picture of now where an older one was shown."""
        data, notes = self._picture()
        handle.update(data, raw=True, metadata=notes)

    def _ipython_display_(self) -> None:
        self.show()
