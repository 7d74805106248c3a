"""What every widget shares: a live view, and a picture of it for pages that cannot run."""

import uuid
from abc import ABC, abstractmethod

from gancourse.show import Picture

VIEW = "application/vnd.jupyter.widget-view+json"


class WithStill(ABC):
    """A front end that runs widgets shows `widget()`; one that does not (GitHub, nbconvert, nbval) shows `still()`."""

    @abstractmethod
    def widget(self) -> object:
        """The live view: an ipywidget."""

    @abstractmethod
    def still(self) -> Picture:
        """The idea of the live view in one picture with alt text."""

    def _ipython_display_(self) -> None:
        """Show both, one below the other; where the live view runs, a style that comes with it hides the picture.

        In one bundle nbconvert would choose the live view, which shows nothing on a page without a network.
        """
        import ipywidgets as widgets
        from IPython.display import display

        name = f"still-{uuid.uuid4()}"
        bundle, notes = self.still()._repr_mimebundle_()
        hide = widgets.HTML(f"<style>#{name} {{ display: none }}</style>", layout=widgets.Layout(display="none"))
        live = widgets.VBox([hide, self.widget()])._repr_mimebundle_()
        display({VIEW: live[VIEW]}, raw=True)
        display({**bundle, "text/html": f'<div id="{name}">{bundle["text/html"]}</div>'}, metadata=notes, raw=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        still, notes = self.still()._repr_mimebundle_()
        live = self.widget()._repr_mimebundle_() or {}
        live = live[0] if isinstance(live, tuple) else live
        return {**live, **still}, notes
