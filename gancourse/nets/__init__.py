"""Architectures: pure modules, one file each. Discriminators return logits, never probabilities."""

from gancourse.nets.blocks import MinibatchStd
from gancourse.nets.conditional import (
    ConcatDiscriminator,
    ConcatGenerator,
    ConditionalBatchNorm,
    NormGenerator,
    OfClass,
    ProjectionDiscriminator,
    condition,
    one_hot,
    projection_logit,
)
from gancourse.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gancourse.nets.init import dcgan_init, he_init
from gancourse.nets.mlp import MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator, mlp
from gancourse.nets.translation import PatchDiscriminator, TranslationGenerator

__all__ = [
    "ConcatDiscriminator", "ConcatGenerator", "ConditionalBatchNorm", "DCGANDiscriminator", "DCGANGenerator",
    "MLPDiscriminator", "MLPGenerator", "MinibatchStd", "NormGenerator", "OfClass", "PatchDiscriminator",
    "PointDiscriminator", "PointGenerator", "ProjectionDiscriminator", "TranslationGenerator", "condition",
    "dcgan_init", "he_init", "mlp", "one_hot", "projection_logit",
]  # fmt: skip
