"""Where to go in a latent space: the directions in which a generator's images change most, and the arc between two."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DIRECTIONS = 4  # that an explorer has sliders for
SAMPLES = 5  # a latent dimension; ten times as many turn the first four directions by less than 10 degrees or so


def found_directions(generate: Callable[[Tensor], Tensor], latent_dim: int, n: int, seed: int = 0) -> Tensor:
    """The n directions (n, latent_dim), of length 1 and at right angles, in which the images change most on average.

    generate: noise (N, latent_dim) to images. Closed-form factorisation (Shen and Zhou 2021, "SeFa": the right singular
    vectors of the first layer), but of the one linear map that comes closest to the whole generator, by least squares
    from noise to pixels. So it needs no layer of a known kind, and where all is linear it is the same. For Gaussian
    noise that map is the mean Jacobian, and its singular vectors are what GANSpace looks for (Haerkoenen et al. 2020)
    with the images as activations. Signs: forwards is where images become brighter.
    """
    z = torch.randn(SAMPLES * latent_dim, latent_dim, generator=torch.Generator().manual_seed(seed))
    images = generate(z).flatten(1).cpu()
    linear = torch.linalg.lstsq(z - z.mean(0), images - images.mean(0)).solution  # (latent_dim, pixels)
    directions, _, pixels = torch.linalg.svd(linear, full_matrices=False)
    brighter = torch.where(pixels.sum(1) < 0, -1.0, 1.0)
    return (directions * brighter)[:, :n].T


def along(directions: Tensor, steps: Sequence[float]) -> Tensor:
    """So many steps along each of the first directions (n, latent_dim), added up: (latent_dim,)."""
    return torch.tensor([*steps], dtype=directions.dtype) @ directions[: len(steps)]


def steps_in_words(steps: Sequence[float]) -> str:
    """What follows a starting point: ", +1.0 along direction 1" for each that is not 0."""
    return "".join(f", {step:+.1f} along direction {i + 1}" for i, step in enumerate(steps) if step)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at t in [0, 1] on the arc from a to b, both (latent_dim,) (Shoemake 1985; White 2016 for GANs).

    Half-way along the straight line noise is too short: the generator has hardly ever been there.
    """
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = cosine.clamp(-1, 1).arccos()
    if angle.sin() < 1e-4:  # no arc between equal or opposite points
        return torch.lerp(a, b, t)
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
