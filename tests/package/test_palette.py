"""The colours of pictures and slides: told apart without receptors for red or green, and far enough from the paper."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gancourse.authoring.drawing import BLUE, GREEN, INK, ORANGE, PALE
from gancourse.authoring.project import SLIDES
from gancourse.show.plots import COLOURS

# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0, for linear RGB.
EYES = {
    "all receptors": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = XYZ.sum(1)
FAR = 15  # in CIE 1976 units, of which 2.3 can just be seen
THEME = dict(re.findall(r"--(\w+): (#\w{6});", (SLIDES / "theme.css").read_text(encoding="utf-8")))


def linear(colour: str) -> np.ndarray:
    """Linear RGB in [0, 1] of a colour like #0072b2 (sRGB, IEC 61966-2-1)."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2's ratio of luminances, 1 to 21."""
    low, high = sorted(XYZ[1] @ linear(c) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, eyes: str) -> np.ndarray:
    """CIE L*a*b* of what these eyes see."""
    seen = XYZ @ np.clip(np.asarray(EYES[eyes]) @ linear(colour), 0, 1) / WHITE
    f = np.where(seen > (6 / 29) ** 3, np.cbrt(seen), seen * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: tuple[str, ...], eyes: str) -> float:
    """The distance of the two colours that these eyes find most alike."""
    return min(np.linalg.norm(lab(a, eyes) - lab(b, eyes)) for a, b in itertools.combinations(colours, 2))


def test_the_measures_are_the_known_ones():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert lab("#ff0000", "all receptors") == pytest.approx([53.2, 80.1, 67.2], abs=0.2)
    assert nearest(("#d00000", "#505000"), "protanopia") < 1 < FAR < nearest(("#d00000", "#505000"), "all receptors")


@pytest.mark.parametrize("eyes", EYES)
def test_colours_are_told_apart(eyes):
    assert nearest((*COLOURS, "#000000"), eyes) > FAR
    assert nearest((BLUE, ORANGE, GREEN, INK), eyes) > FAR
    assert nearest((THEME["blue"], THEME["orange"], THEME["ink"]), eyes) > FAR


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_stand_out_from_the_paper(colour):
    assert contrast(colour, "#ffffff") >= 3


@pytest.mark.parametrize("colour", [BLUE, ORANGE, GREEN, INK, *(THEME[n] for n in ("ink", "quiet", "blue", "orange"))])
def test_words_stand_out_from_the_paper(colour):
    assert contrast(colour, THEME["paper"]) >= 4.5


def test_words_stand_out_from_a_tint():
    assert THEME["tint"] == PALE and THEME["orange"] == ORANGE and THEME["blue"] == BLUE
    assert all(contrast(THEME[name], PALE) >= 4.5 for name in ("ink", "quiet", "blue"))
