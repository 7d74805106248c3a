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
from gancourse.nets.conditional import (
    ConcatDiscriminator,
    ConcatGenerator,
    ConditionalBatchNorm,
    NormGenerator,
    ProjectionDiscriminator,
    condition,
    one_hot,
    projection_logit,
)
from gancourse.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gancourse.nets.fused import fuse
from gancourse.nets.init import dcgan_init, he_init
from gancourse.nets.mlp import MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator, mlp
from gancourse.nets.progressive import Parts, ProgressiveDiscriminator, ProgressiveGenerator
from gancourse.nets.translation import PatchDiscriminator, TranslationGenerator

__all__ = [
    "ConcatDiscriminator", "ConcatGenerator", "ConditionalBatchNorm", "DCGANDiscriminator", "DCGANGenerator",
    "EqualizedConv2d", "EqualizedLinear", "EqualizedUpConv2d", "MLPDiscriminator", "MLPGenerator", "MinibatchStd",
    "NormGenerator", "Parts", "PatchDiscriminator", "PointDiscriminator", "PointGenerator",
    "ProgressiveDiscriminator", "ProgressiveGenerator", "ProjectionDiscriminator", "TranslationGenerator",
    "condition", "dcgan_init", "fade_in", "fuse", "he_init", "minibatch_stddev", "mlp", "one_hot", "pixel_norm",
    "projection_logit",
]  # fmt: skip
