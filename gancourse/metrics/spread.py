"""How much samples vary. A generator that always makes the same thing has no spread, however good that thing is."""

from collections.abc import Sequence

from torch import Tensor


def spread(samples: Tensor) -> float:
    """The root mean square distance of a coordinate of samples (N, ...), N at least 2, from its mean over the samples.

    0 when all samples are equal.
    """
    return samples.flatten(1).float().var(dim=0).mean().sqrt().item()


def relative_spread(fakes: Sequence[Tensor], reals: Sequence[Tensor]) -> float:
    """The spread of fakes as a share of the reals', group by group (a class, a direction); the least of the groups.

    1 is what the data have. A group whose reals are all equal says nothing and is left out; inf when all are.
    """
    pairs = [(spread(fake), spread(real)) for fake, real in zip(fakes, reals, strict=True)]
    return min((fake / real for fake, real in pairs if real > 0), default=float("inf"))
