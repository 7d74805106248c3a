"""Pictures that answer a question, each with the words for those who cannot see it."""

from gancourse.show.picture import Picture, figure, gallery, stacked
from gancourse.show.plots import curves, histograms, image_grid, image_rows, lines, pixels, plane, races, scatter

__all__ = [
    "Picture",
    "curves",
    "figure",
    "gallery",
    "histograms",
    "image_grid",
    "image_rows",
    "lines",
    "pixels",
    "plane",
    "races",
    "scatter",
    "stacked",
]
