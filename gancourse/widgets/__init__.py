"""Things to move, with a picture for pages that cannot run."""

from gancourse.widgets.latent import latent_explorer

__all__ = ["latent_explorer"]
