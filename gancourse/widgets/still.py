"""What every widget shares: a live view, and a picture of it for pages that cannot run."""

import uuid
from abc import ABC, abstractmethod
from typing import Any

from gancourse.show import Picture

VIEW = "application/vnd.jupyter.widget-view+json"


class WithStill(ABC):
    """A front end that runs widgets shows `widget()`; one that does not (GitHub, nbconvert, nbval) shows `still()`.

    Shown in a notebook it is two outputs, the live view and the picture, which the live view hides where it runs.
    """

    _name = "still"

    @abstractmethod
    def widget(self) -> object:
        """The live view: an ipywidget."""

    @abstractmethod
    def still(self) -> Picture:
        """The idea of the live view in one picture with alt text."""

    def _ipython_display_(self) -> None:
        self.display()

    def display(self) -> Any:
        """Show both, one below the other; where the live view runs, a style that comes with it hides the picture.

        In one bundle nbconvert, and JupyterLab without the kernel of then, would choose the live view, which is nothing
        there. Returns IPython's handle of the picture, for `renew_still`.
        """
        import ipywidgets as widgets
        from IPython import display as ipython

        self._name = f"still-{uuid.uuid4()}"
        data, notes = self._repr_mimebundle_()  # first, for it can take seconds: the two are to appear together
        hide = widgets.HTML(f"<style>#{self._name} {{ display: none }}</style>", layout=widgets.Layout(display="none"))
        live = widgets.VBox([hide, self.widget()])._repr_mimebundle_()
        ipython.display({VIEW: live[VIEW]}, raw=True)
        return ipython.display(data, metadata=notes, raw=True, display_id=True)

    def renew_still(self, handle: Any) -> None:
        """Put the picture of now where an older one was shown."""
        data, notes = self._repr_mimebundle_()
        handle.update(data, metadata=notes, raw=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """The picture, under the name by which the live view hides it."""
        data, notes = self.still()._repr_mimebundle_()
        return {**data, "text/html": f'<div id="{self._name}">{data["text/html"]}</div>'}, notes
