"""The field's usual scripts, in our words: the same networks, the same order of work, and what they waste.

Written after eriklindernoren/PyTorch-GAN (MIT licence), the most copied collection, and compared line by line with its
files at e0a8f3c (wgan_gp.py, CycleGAN's models.py), ce0e5b5 (cyclegan.py) and c5d6be1 (gan.py, dcgan.py): a DataLoader
in the main process with PIL transforms an image, generators run with a graph in D's step, D's weights get gradients in
G's step, losses read and printed, Adam as torch ships it, separate upsampling and convolution. Each `train` is endless
and yields after every step, so that a stopwatch can interleave it with something else.
"""
