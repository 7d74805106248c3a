"""Is it any good, and is all of it there? Distances, neighbours and modes."""

from gancourse.metrics.classifier import CourseClassifier, load_classifier
from gancourse.metrics.distances import frechet_distance, kernel_distance, mean_and_covariance, normalised_frechet
from gancourse.metrics.labels import class_agreement, class_recall, label_agreement
from gancourse.metrics.modes import high_quality_share, misplaced_share, modes_covered
from gancourse.metrics.neighbours import Neighbours, nearest, neighbours
from gancourse.metrics.scores import ImageScorer, Scores
from gancourse.metrics.spectrum import checkerboard_energy, power_spectrum
from gancourse.metrics.spread import relative_spread, spread

__all__ = [
    "CourseClassifier", "ImageScorer", "Neighbours", "Scores",
    "checkerboard_energy", "class_agreement", "class_recall", "frechet_distance", "high_quality_share",
    "kernel_distance", "label_agreement", "load_classifier", "mean_and_covariance", "misplaced_share", "modes_covered",
    "nearest", "neighbours", "normalised_frechet", "power_spectrum", "relative_spread", "spread",
]  # fmt: skip
