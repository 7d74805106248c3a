"""A training run to look back at: samples from the same noise over time, the losses, the metric and its floor."""

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import ipywidgets as widgets
import torch

from gancourse import show
from gancourse.show import Picture
from gancourse.widgets.panel import View, figures, int_slider, told
from gancourse.widgets.still import WithStill

CURVES_SHARE = 0.02  # of the time of a run, at most, goes into drawing its curves
STRIP = 8  # pictures in the strip: the first, the last, and some between


@dataclass
class Album:
    """frames: (images shown, samples) in the order of time; records: losses and scores, each with its "images".

    metric, floor: by which moments are compared, and its value for real data against real data, where there is one.
    """

    metric: str = ""
    floor: float | None = None
    total: int = 0
    losses: Sequence[str] = ()
    frames: list[tuple[int, Picture]] = field(default_factory=list)
    records: list[dict] = field(default_factory=list)

    def values(self, name: str, until: int | None = None) -> list[float]:
        """What was recorded under a name, up to some count of images."""
        return [r[name] for r in self.records if name in r and (until is None or r["images"] <= until)]

    def words(self, place: int) -> str:
        """What is to be said of a frame: when, and what was last measured by then."""
        images, _ = self.frames[place]
        when = f"After {images:,} of {self.total:,} images" if images else "Before the first step"
        facts = [f"{name} {known[-1]:.3f}" for name in self.losses if (known := self.values(name, images))]
        score = self.values(self.metric, images)
        if score:
            floor = "" if self.floor is None else f", floor {self.floor:.3f}"
            facts.append(f"{self.metric} {score[-1]:.3f}{floor}")
        return ": ".join([when, *([", ".join(facts)] if facts else [])])

    def strip(self) -> dict[str, Picture]:
        """At most STRIP of the frames, evenly spread, by the images shown."""
        last = len(self.frames) - 1
        places = {round(i * last / (STRIP - 1)) for i in range(STRIP)}
        return {f"{images:,} images": picture for images, picture in (self.frames[p] for p in sorted(places))}

    def curves(self) -> dict[str, Picture]:
        """The losses, and the metric over its floor, by their titles; none before two values make a line."""
        drawn = {}
        if losses := [name for name in self.losses if len(self.values(name)) > 1]:
            drawn["Losses"] = show.curves(self.records, losses, self._course(losses))
        if len(self.values(self.metric)) > 1:
            levels = {} if self.floor is None else {"floor": self.floor}
            title = self.metric + (": less is better, real data reach the floor" if levels else ": less is better")
            drawn[title] = show.curves(self.records, [self.metric], self._course([self.metric]), levels)
        return drawn

    def _course(self, names: Sequence[str]) -> str:
        """The course of curves in words."""
        ends = [f"{name} from {self.values(name)[0]:.3f} to {self.values(name)[-1]:.3f}" for name in names]
        floor = f", floor {self.floor:.3f}" if names == [self.metric] and self.floor is not None else ""
        return f"Curves over the images shown: {', '.join(ends)}{floor}"


class AlbumView(WithStill):
    """A scrubber over the frames of an album, all of them small beside each other, and the curves.

    The box is one: displayed twice it is the same box.
    """

    def __init__(self, album: Album):
        self.album = album
        self._moment = int_slider("look back", "Which moment of the training is shown", value=0, max=0)
        self._moment.readout = False  # a place in a list says nothing: the words below the picture say when
        self._status, self._ended, self._strip = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._frame = View()
        self._curves, self._curves_due = widgets.HTML(), 0.0
        self._moment.observe(lambda _: self._show_frame(), names="value")
        self._box = widgets.VBox(
            [
                widgets.HBox(self.buttons()),
                self._status,
                self._ended,
                self._moment,
                self._frame.box,
                self._strip,
                self._curves,
            ]
        )

    def buttons(self) -> list[widgets.Widget]:
        """What can be done beside looking."""
        return []

    def say(self, text: str) -> None:
        """A line above the pictures."""
        self._status.value = f'<div role="status">{html.escape(text)}</div>'

    def say_why(self, error: BaseException | None) -> None:
        """What has ended the run, until it goes on."""
        self._ended.value = "" if error is None else told(error)

    def renew(self, whole: bool = True) -> None:
        """Show what the album holds now. Who looks back keeps his place; who looks at the newest frame gets the new.

        whole: False leaves the curves as they are where drawing them so soon would hold up the run.
        """
        newest, at_end = len(self.album.frames) - 1, self._moment.value == self._moment.max
        self._moment.max = max(newest, 0)
        if at_end:
            self._moment.value = self._moment.max
        self._show_frame()
        self._strip.value = figures(self.album.strip(), "width: 140px") if self.album.frames else ""
        if whole or time.monotonic() >= self._curves_due:
            self._renew_curves()

    def _renew_curves(self) -> None:
        began = time.monotonic()
        self._curves.value = figures(self.album.curves(), "width: 400px")
        now = time.monotonic()
        self._curves_due = now + (now - began) / CURVES_SHARE

    def _show_frame(self) -> None:
        with self._frame.telling():
            if self.album.frames:
                place = self._moment.value
                words, picture = self.album.words(place), self.album.frames[place][1]
                self._frame.show({words: Picture(picture.png, f"{picture.alt}. {words}")})

    def widget(self) -> object:
        """The ipywidgets box."""
        return self._box

    def still(self) -> Picture:
        """The strip of samples over the curves."""
        if not self.album.frames:
            return show.pixels(torch.full((30, 200, 1), 255, dtype=torch.uint8), "A training that has not begun")
        strip = self.album.strip()
        alt = f"The samples of a training run from the same noise, after {', '.join(strip)}"
        parts = [show.gallery(strip, alt), *self.album.curves().values()]
        return show.stacked(parts, ". ".join(part.alt for part in parts))
