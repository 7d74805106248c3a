"""Architectures: pure modules, one file each. Discriminators return logits, never probabilities."""

from gancourse.nets.blocks import MinibatchStd
from gancourse.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gancourse.nets.init import dcgan_init, he_init
from gancourse.nets.mlp import MLPDiscriminator, MLPGenerator, PointDiscriminator, PointGenerator, mlp
from gancourse.nets.translation import PatchDiscriminator, TranslationGenerator

__all__ = [
    "DCGANDiscriminator", "DCGANGenerator", "MLPDiscriminator", "MLPGenerator", "MinibatchStd", "PatchDiscriminator",
    "PointDiscriminator", "PointGenerator", "TranslationGenerator", "dcgan_init", "he_init", "mlp",
]  # fmt: skip
