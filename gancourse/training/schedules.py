"""Learning-rate schedules. Progress is the share of a run's images that were shown, so a schedule stretches with it."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(start: float = 0.0) -> Schedule:
    """Always 1; there is nothing that could start."""
    return lambda progress: 1.0


def linear_decay(start: float = 0.5) -> Schedule:
    """1 until `start` of the run is over, then straight down to 0 at its end."""
    return lambda progress: min(1.0, (1 - progress) / (1 - start))


def cosine_decay(start: float = 0.0) -> Schedule:
    """1 until `start` of the run is over, then down to 0 along half a cosine (Loshchilov and Hutter 2017)."""
    return lambda progress: (1 + math.cos(math.pi * max(0.0, (progress - start) / (1 - start)))) / 2


def warmed_up(schedule: Schedule, share: float) -> Schedule:
    """The schedule, multiplied by what rises straight from near 0 to 1 over the first `share` of the run.

    Adam has no idea of the gradients' size yet in its first steps (Goyal et al. 2017, Liu et al. 2020).
    """
    if share <= 0:
        return schedule
    return lambda progress: schedule(progress) * min(1.0, (progress + 1e-3 * share) / share)


SCHEDULES = {"constant": constant, "linear": linear_decay, "cosine": cosine_decay}
