"""Checks of classes: an earlier answer's mistake is not punished twice, and a diagnosis points to the line."""

import torch
from torch import nn

from gancourse.checks import report


def test_a_wrong_block_does_not_spoil_the_generator():
    """The generator is examined with right blocks, whatever the notebook's own one is."""
    scope = {"torch": torch, "nn": nn, "GeneratorBlock": lambda inputs, outputs: nn.Identity()}
    source = """
class Generator(nn.Module):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()
        self.project = nn.Linear(latent_dim, 64 * width)
        self.norm = nn.BatchNorm2d(4 * width)
        self.blocks = nn.Sequential(GeneratorBlock(4 * width, 2 * width), GeneratorBlock(2 * width, width))
        self.out = nn.ConvTranspose2d(width, channels, 4, 2, 1)

    def forward(self, z):
        h = self.norm(self.project(z).unflatten(1, (-1, 4, 4))).relu()
        return self.out(self.blocks(h)).tanh()
"""
    exec(source, scope)
    assert report("02.Generator", scope["Generator"]).passed


def test_a_diagnosis_of_a_class_points_to_the_line():
    class Broken(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.layer = nn.Linear(inputs, outputs)

        def forward(self, x):
            return x.nonsense()

    class Unmade(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.layer = nn.Nonsense(inputs)

    assert "in forward: return x.nonsense()" in report("02.GeneratorBlock", Broken).diagnoses
    assert "in __init__: self.layer = nn.Nonsense(inputs)" in report("02.GeneratorBlock", Unmade).diagnoses


def test_a_network_that_is_handed_over_in_place_of_its_class_is_refused():
    assert not report("02.GeneratorBlock", nn.Identity()).passed
