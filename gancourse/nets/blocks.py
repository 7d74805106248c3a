"""Layers that several architectures share."""

import torch
from torch import Tensor, nn


class MinibatchStd(nn.Module):
    """Appends one feature, the same for all samples: the mean standard deviation over the batch.

    Features (N, F) to (N, F + 1). Karras et al. 2018, section 3. It says how much the samples differ.
    """

    def forward(self, features: Tensor) -> Tensor:
        spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([features, spread.expand(len(features), 1)], dim=1)
