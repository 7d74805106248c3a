"""What holds two translations together where no pairs are known (Zhu et al. 2017)."""

from collections.abc import Callable

from torch import Tensor

from gancourse.objectives.least_squares import least_squares_generator_loss

Translation = Callable[[Tensor], Tensor]


def cycle_loss(a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor, g_ab: Translation, g_ba: Translation) -> Tensor:
    """Equation 2: |G_BA(G_AB(a)) - a| + |G_AB(G_BA(b)) - b|, means over all numbers of a batch.

    a, b: real (N, C, H, W); fake_b = g_ab(a) and fake_a = g_ba(b), with their graphs: both translations learn from both
    terms.
    """
    return (g_ba(fake_b) - a).abs().mean() + (g_ab(fake_a) - b).abs().mean()


def identity_loss(a: Tensor, b: Tensor, g_ab: Translation, g_ba: Translation) -> Tensor:
    """Section 5.2: |G_AB(b) - b| + |G_BA(a) - a|: what is in the wanted domain already stays as it is."""
    return (g_ab(b) - b).abs().mean() + (g_ba(a) - a).abs().mean()


def cyclegan_generator_loss(
    a: Tensor,
    b: Tensor,
    g_ab: Translation,
    g_ba: Translation,
    d_a: Translation,
    d_b: Translation,
    cycle_weight: float = 10.0,
    identity_weight: float = 5.0,
) -> Tensor:
    """What both translations minimise together (equation 3, with section 5.2's identity loss).

    d_a judges images of A, so it sees g_ba(b); d_b sees g_ab(a). A weight of 0 leaves its term out of the computation.
    """
    fake_b, fake_a = g_ab(a), g_ba(b)
    loss = least_squares_generator_loss(d_b(fake_b)) + least_squares_generator_loss(d_a(fake_a))
    if cycle_weight:
        loss = loss + cycle_weight * cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba)
    if identity_weight:
        loss = loss + identity_weight * identity_loss(a, b, g_ab, g_ba)
    return loss
