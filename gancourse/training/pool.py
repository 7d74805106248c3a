"""A memory of generated images, so that a discriminator does not forget what the generator made some time ago."""

import torch
from torch import Tensor, nn

from gancourse.training.shares import gathered, scattered


class ImagePool(nn.Module):
    """Keeps up to `capacity` images and hands out old ones for new ones (Shrivastava et al. 2017, section 2.3).

    Until it is full, images come back as they are and are kept. Then each new image comes back as it is with
    probability 1/2; else it takes the place of a kept one, which comes back. The images are buffers: a pool that is
    part of a player lies on its device and in its checkpoint. Several processes keep the same pool of all their images.
    """

    def __init__(self, capacity: int, image_shape: tuple[int, int, int]):
        super().__init__()
        self.register_buffer("kept", torch.zeros(capacity, *image_shape))
        self.count = 0

    @torch.no_grad()
    def query(self, images: Tensor) -> Tensor:
        """As many images (N, C, H, W) as were given, without a graph."""
        return scattered(torch.stack([self._swap(image) for image in gathered(images.detach())]))

    def _swap(self, new: Tensor) -> Tensor:
        capacity = len(self.kept)
        if self.count < capacity:
            self.kept[self.count] = new
            self.count += 1
            return new
        if torch.rand(()) < 0.5:
            return new
        place = int(torch.randint(capacity, ()))
        old = self.kept[place].clone()
        self.kept[place] = new
        return old

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.count)

    def set_extra_state(self, state: Tensor) -> None:
        self.count = int(state)
