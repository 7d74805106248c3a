"""Architectures: pure modules, one file each. Discriminators return logits, never probabilities."""

from gancourse.nets.blocks import MinibatchStd
from gancourse.nets.mlp import MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator, mlp

__all__ = ["MLPDiscriminator", "MLPGenerator", "MinibatchStd", "PointDiscriminator", "PointGenerator", "mlp"]
