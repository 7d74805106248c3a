"""Architectures: pure modules, one file each. Discriminators return logits, never probabilities."""

from gancourse.nets.blocks import (
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedUpConv2d,
    MinibatchStd,
    fade_in,
    minibatch_stddev,
    pixel_norm,
)
from gancourse.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gancourse.nets.init import dcgan_init, he_init
from gancourse.nets.mlp import MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator, mlp
from gancourse.nets.progressive import Parts, ProgressiveDiscriminator, ProgressiveGenerator

__all__ = [
    "DCGANDiscriminator", "DCGANGenerator", "EqualizedConv2d", "EqualizedLinear", "EqualizedUpConv2d",
    "MLPDiscriminator", "MLPGenerator", "MinibatchStd", "Parts", "PointDiscriminator", "PointGenerator",
    "ProgressiveDiscriminator", "ProgressiveGenerator", "dcgan_init", "fade_in", "he_init", "minibatch_stddev", "mlp",
    "pixel_norm",
]  # fmt: skip
