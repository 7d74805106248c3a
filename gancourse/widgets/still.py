"""What every widget shares: a live view, and a picture of it for pages that cannot run."""

from abc import ABC, abstractmethod

from gancourse.show import Picture


class WithStill(ABC):
    """A front end that runs widgets shows `widget()`; one that does not (GitHub, nbconvert, nbval) shows `still()`."""

    @abstractmethod
    def widget(self) -> object:
        """The live view: an ipywidget."""

    @abstractmethod
    def still(self) -> Picture:
        """The idea of the live view in one picture with alt text."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        still, notes = self.still()._repr_mimebundle_()
        live = self.widget()._repr_mimebundle_() or {}
        live = live[0] if isinstance(live, tuple) else live
        return {**live, **still}, notes
