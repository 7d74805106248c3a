# %% [markdown]
# # Lesson 2: DCGAN
#
# Would you notice if somebody moved every pixel of a photograph to another place?
#
# The networks of lesson 1 would not. To them a picture is a list of 784 numbers. In this lesson you give both players
# convolutions, which know what a neighbour is, and find out what that is worth, with numbers. On the way you meet the
# details that decide whether such a network learns at all: an off-by-one, an odd kernel, a batch norm in the wrong
# place, weights that start too small, pixels in the wrong range. Each of them has spoiled published code.
#
# | | you write | points |
# |---|---|---|
# | 2.1 | `conv_transpose_out` | 1 |
# | 2.2 | `GeneratorBlock` | 3 |
# | 2.3 | `Generator` | 3 |
# | 2.4 | `to_images` | 2 |
# | 2.5 | `sample_grid` | 2 |
# | 2.6 | `Discriminator` | 3 |
# | 2.7 | `init_weights` | 2 |
# | 2.8 | `repaired_loss` | 2 |
# | 2.9 | an answer in words | 4 |
#
# Time: about two and a half hours. Everything runs on two CPU cores and needs no network.

# %% setup="02"

# %% tags=["setup"]
import copy
import math
import time
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import softplus

from gancourse import check, compare, show
from gancourse.metrics import ImageScorer, checkerboard_energy, load_classifier
from gancourse.nets import MLPDiscriminator, MLPGenerator, dcgan_init, he_init
from gancourse.recipes.dcgan import DCGAN
from gancourse.recipes.game import generate
from gancourse.training import Every, ProgressBar

# %% [markdown]
# The clothes of lesson 1, in a black border that makes them 32 × 32: a size that can be halved five times. Below them
# the same ten photographs with their 1,024 pixels in another order, the same order for all.

# %%
recipe = DCGAN.for_budget("laptop", images=1800 * 16)
clothes = recipe.load_data()
test_clothes = recipe.load_data(split="test")
order = torch.randperm(32 * 32, generator=torch.Generator().manual_seed(0))
back = order.argsort()


def reordered(pixels: Tensor, order: Tensor) -> Tensor:
    """Images (N, 1, 32, 32) with their pixels in another order."""
    return pixels.flatten(1)[:, order].view_as(pixels)


shuffled = replace(clothes, images=reordered(clothes.images, order))
show.image_rows(
    {"photographs": clothes.first(10), "shuffled": shuffled.first(10)},
    alt="Upper row: ten grey photographs of clothes on black. Lower row: ten squares of speckle in which nothing can be recognised",
)

# %% [markdown]
# Nothing was lost: the order is known, and putting the pixels back restores the photographs. You cannot see clothes
# in the lower row because you expect neighbours to belong together.
#
# **Predict.** Take an MLP discriminator and move the columns of its first weight matrix in the same order as the
# pixels. By how much does its answer to a shuffled picture differ from its old answer to the photograph?

# %% predict="difference"
my_difference = ...

# %%
torch.manual_seed(0)
mlp = MLPDiscriminator((1, 32, 32), width=16)
reordered_mlp = copy.deepcopy(mlp)
first_layer = next(m for m in reordered_mlp.modules() if isinstance(m, nn.Linear))
first_layer.weight.data = first_layer.weight.data[:, order]
difference = (mlp(clothes.first(100)) - reordered_mlp(shuffled.first(100))).abs().max().item()
compare(my_difference, difference, "largest difference between the answers", digits=4)
assert difference < 1e-4

# %% [markdown]
# None. For every MLP on photographs there is one on speckle that does exactly as well, so an MLP has no idea that it
# looks at pictures. A convolution has two ideas built in: what belongs together lies **near**, and what is worth
# knowing **here** is worth knowing **there**. Radford et al. (2016) found how to build both players of nothing else.
# You will train on both rows.

# %% [markdown]
# ## How a picture is doubled
#
# A discriminator's convolution with stride 2 halves a picture. A generator has to go the other way, from a 4 × 4 seed
# to 32 × 32. The **transposed convolution** does it: every input pixel stamps its own copy of the kernel, multiplied
# by its value, into the output. The next input pixel stamps `stride` pixels further on, and where stamps overlap they
# are added. At the end `padding` pixels are cut off on *each* side.
#
# Count along one axis: the first of $n$ inputs stamps $k$ pixels wide. Each of the others begins $s$ pixels later.
# Then the two sides are cut. (`output_padding` adds pixels on one side only, for sizes that cannot be reached
# otherwise.)
#
# **Predict.** Four inputs, kernel 4, stride 2, padding 1: how many outputs? And with kernel 3?

# %% predict="sizes"
my_even, my_odd = ..., ...

# %%
four = torch.ones(1, 1, 4, 4)
compare(my_even, F.conv_transpose2d(four, torch.ones(1, 1, 4, 4), stride=2, padding=1).shape[-1], "kernel 4", digits=0)
compare(my_odd, F.conv_transpose2d(four, torch.ones(1, 1, 3, 3), stride=2, padding=1).shape[-1], "kernel 3", digits=0)

# %% [markdown]
# ### Exercise 2.1 · The size of the output   ●○○ · 10 min · 1 point
# Return the number of outputs along one axis, as a whole number. (No dilation.)
#
# <details><summary>Hint</summary>Where does the last input's stamp begin, and where does it end? Between n posts
# there are n − 1 gaps.</details>


# %% answer="conv_transpose_out"
def conv_transpose_out(size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0) -> int:
    """How many outputs a transposed convolution makes of `size` inputs, along one axis.

    The trap: one off, in the number of steps.
    """
    ### BEGIN SOLUTION
    return (size - 1) * stride + kernel - 2 * padding + output_padding
    ### END SOLUTION


# %% check="conv_transpose_out" points=1

# %% [markdown]
# Which settings double every size exactly? Ask your function, not your memory.

# %%
for kernel, padding, output_padding in [(2, 0, 0), (3, 1, 0), (3, 1, 1), (4, 1, 0), (5, 2, 1)]:
    sizes = [conv_transpose_out(n, kernel, 2, padding, output_padding) for n in (4, 8, 16)]
    print(f"kernel {kernel}, padding {padding}, output_padding {output_padding}: 4, 8, 16 become {sizes}")

# %% [markdown]
# ### An odd kernel covers unevenly
#
# Kernel 4 doubles, and so does kernel 3 with `output_padding` 1. What is the difference? Look at how *many* stamps
# reach each output pixel. With a kernel of ones and an input of ones, the output counts them.
#
# **Predict.** Away from the border: how many stamps reach the pixel that gets the most, with kernel 4 and with kernel
# 3? How many reach the pixel that gets the fewest?

# %% predict="stamps"
my_most_4, my_fewest_4, my_most_3, my_fewest_3 = ..., ..., ..., ...


# %%
def stamps(kernel: int, size: int = 8) -> Tensor:
    """How many stamps reach each output pixel of a doubling (2 size, 2 size)."""
    ones = torch.ones(1, 1, kernel, kernel)
    return F.conv_transpose2d(torch.ones(1, 1, size, size), ones, stride=2, padding=1, output_padding=kernel % 2)[0, 0]


inside = {kernel: stamps(kernel)[2:-2, 2:-2] for kernel in (4, 3)}
compare(my_most_4, inside[4].max().item(), "kernel 4, most", digits=0)
compare(my_fewest_4, inside[4].min().item(), "kernel 4, fewest", digits=0)
compare(my_most_3, inside[3].max().item(), "kernel 3, most", digits=0)
compare(my_fewest_3, inside[3].min().item(), "kernel 3, fewest", digits=0)
assert inside[4].min() == inside[4].max() == 4
assert inside[3][:2, :2].flatten().sort().values.tolist() == [1, 2, 2, 4]

# %%
show.plane(
    {f"kernel {kernel}": stamps(kernel) / 4 for kernel in (4, 3)},
    alt="Two squares that show how many stamps reach each pixel. Kernel 4: the same everywhere but at the border. Kernel 3: a checkerboard",
)

# %% [markdown]
# Along one axis, a kernel of length 3 reaches every other pixel twice and the ones between them once; in two
# dimensions that gives 1, 2, 2 and 4. A checkerboard is built into the arithmetic (Odena et al. 2016). A network
# *can* learn weights that make up for it, but it has to. When the kernel's size is a multiple of the stride, there is
# nothing to make up for. From here on: **kernel 4, stride 2, padding 1**. Whether the pattern survives training you
# will measure below.

# %% [markdown]
# ## Where batch norm goes
#
# Stack a few layers and the signal grows or shrinks with each of them, depending on the weights. **Batch norm**
# (Ioffe and Szegedy 2015) sets it right after every layer: each channel, over all samples and pixels of the batch, is
# brought to mean 0 and variance 1; then it gets a learned scale $\gamma$ and shift $\beta$, which start at 1 and 0:
#
# $$y = \gamma\,\frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}} + \beta$$
#
# The paper's generator is blocks of **transposed convolution, batch norm, ReLU**, in this order. The convolution's
# own bias is left out: batch norm takes it away again.
#
# **Predict.** Whatever the weights are, batch norm hands a signal of standard deviation 1 to the ReLU. What is the
# standard deviation of what comes out of the ReLU? (Half of it is cut to 0.)

# %% predict="after_relu"
my_after_relu = ...

# %%
after_relu = math.sqrt(1 / 2 - 1 / (2 * math.pi))
compare(my_after_relu, after_relu, "std of the ReLU of a standard normal number", digits=3)

# %% [markdown]
# ### Exercise 2.2 · One block of the generator   ●●○ · 15 min · 3 points
# Write the module that turns `inputs` channels of $H \times W$ into `outputs` channels of $2H \times 2W$: one
# transposed convolution with kernel 4, `BatchNorm2d`, ReLU.
#
# <details><summary>Hint</summary>Layers are made once, in `__init__`, and used in `forward`. Your own function says
# which stride and padding double the size. If you set anything of a layer other than its sizes, name the argument:
# `BatchNorm2d(64, 0.8)` does not mean what its author thought.</details>


# %% answer="GeneratorBlock"
class GeneratorBlock(nn.Module):
    """(N, inputs, H, W) to (N, outputs, 2 H, 2 W).

    The traps: the order of the three; what the second argument of a layer is.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.up = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.norm(self.up(x)).relu()
        ### END SOLUTION


# %% check="GeneratorBlock" points=3

# %% [markdown]
# Does the signal leave your block in the same size, however small the weights are?

# %%
torch.manual_seed(0)
signal = torch.randn(64, 32, 8, 8)
for std in (1.0, 0.02, 0.002):
    block = GeneratorBlock(32, 16)
    nn.init.normal_(next(p for p in block.parameters() if p.ndim == 4), 0, std)
    print(f"weights of std {std}: what leaves the block has std {block(signal).std().item():.2f}")
    assert abs(block(signal).std().item() - after_relu) < 0.03

# %% [markdown]
# Now the two places where the paper has **no** batch norm:
# - the generator's output. A picture has a brightness and a contrast of its own, and a batch has its own mean. Batch
#   norm would force every batch to the same ones;
# - the discriminator's input (and, in the paper, its whole first layer). How bright and how rich in contrast the
#   pictures are is evidence, and D should see it.

# %% [markdown]
# ## From noise to a picture
#
# | stage | what it makes | layers |
# |---|---|---|
# | projection | 4 · width channels of 4 × 4 | `Linear` without bias, reshaped, `BatchNorm2d`, ReLU |
# | block | 2 · width channels of 8 × 8 | your `GeneratorBlock` |
# | block | width channels of 16 × 16 | your `GeneratorBlock` |
# | output | the picture, 32 × 32 | `ConvTranspose2d` with kernel 4, stride 2, padding 1; then tanh, **no** batch norm |
#
# tanh ends in $(-1, 1)$, so the data must lie in $[-1, 1]$ too: black is −1, white is 1. If data in $[0, 1]$ met a
# generator with tanh, or data in $[-1, 1]$ a generator that ends in a sigmoid, D could tell them apart by the range
# alone.
#
# ### Exercise 2.3 · The generator   ●●○ · 20 min · 3 points
# Write the whole generator, for pictures of 32 × 32.
#
# <details><summary>Hint</summary>`self.project(z).view(-1, 4 * width, 4, 4)`. Then batch norm, one scale a channel,
# not one a number.</details>


# %% answer="Generator"
class Generator(nn.Module):
    """Noise (N, latent_dim) to pictures (N, channels, 32, 32) in (-1, 1).

    The traps: batch norm where it does not belong; an end that does not fit the data.
    """

    def __init__(self, latent_dim: int = 64, channels: int = 1, width: int = 16):
        super().__init__()
        ### BEGIN SOLUTION
        self.project = nn.Sequential(
            nn.Linear(latent_dim, 4 * width * 4 * 4, bias=False),
            nn.Unflatten(1, (4 * width, 4, 4)),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(GeneratorBlock(4 * width, 2 * width), GeneratorBlock(2 * width, width))
        self.out = nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1)
        ### END SOLUTION

    def forward(self, z: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.out(self.blocks(self.project(z))).tanh()
        ### END SOLUTION


# %% check="Generator" points=3

# %% [markdown]
# Your generator has learned nothing yet, but the arithmetic of its kernels is at work already. Take twenty of them
# with small random weights, and the same with kernel 3, and look at how strongly each pixel varies from sample to
# sample.
#
# **Predict.** The pixel that varies most has how many times the variance of its neighbour that varies least: with
# kernel 4? With kernel 3?

# %% predict="unevenness"
my_uneven_4, my_uneven_3 = ..., ...


# %%
def with_odd_kernels(network: nn.Module) -> nn.Module:
    """The same network with kernel 3 and output_padding 1 in every transposed convolution that doubles, freshly drawn."""
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.ConvTranspose2d) and layer.stride == (2, 2):
                sizes = layer.in_channels, layer.out_channels
                odd = nn.ConvTranspose2d(*sizes, 3, stride=2, padding=1, output_padding=1, bias=layer.bias is not None)
                setattr(parent, name, odd)
    return network


def variance_of_pixels(odd: bool, networks: int = 20) -> Tensor:
    """How strongly each pixel (32, 32) varies over 100 samples, averaged over untrained generators."""
    maps = []
    for seed in range(networks):
        torch.manual_seed(seed)
        network = with_odd_kernels(Generator()) if odd else Generator()
        with torch.no_grad():
            maps.append(network.apply(dcgan_init)(torch.randn(100, 64))[:, 0].var(0))
    return torch.stack(maps).mean(0)


variances = {"kernel 4": variance_of_pixels(odd=False), "kernel 3": variance_of_pixels(odd=True)}


def unevenness(variance: Tensor) -> float:
    """Over the four pixels of the 2 x 2 cells inside the picture: the largest mean variance by the smallest."""
    means = [variance[4 + i : 28 : 2, 4 + j : 28 : 2].mean() for i in (0, 1) for j in (0, 1)]
    return (max(means) / min(means)).item()


uneven_4, uneven_3 = unevenness(variances["kernel 4"]), unevenness(variances["kernel 3"])
compare(my_uneven_4, uneven_4, "kernel 4, most by least", digits=1)
compare(my_uneven_3, uneven_3, "kernel 3, most by least", digits=1)
assert uneven_4 < 1.5 and uneven_3 > 3

# %%
show.plane(
    {name: variance / variance.max() for name, variance in variances.items()},
    alt="Two squares that show how strongly each pixel varies in untrained generators. Kernel 4: the same everywhere but at the border, with some speckle. Kernel 3: a grid of dark lines; every second, fourth and eighth row and column is weak",
)

# %% [markdown]
# Four to one, as the stamps foretold, and the grid has coarser lines in it: each of the three doublings lays its own.

# %% [markdown]
# ## Numbers and pixels
#
# A network speaks $(N, C, H, W)$ in $[-1, 1]$. A picture that a viewer or a file can hold is $(H, W, C)$ in whole
# numbers from 0 to 255. Between the two lie three small steps, and each has been done wrongly often enough.
#
# **Predict.** A pixel is 0.9999. As a byte it should be 255. What does `((x + 1) * 127.5).to(torch.uint8)` make of
# it? And what does it make of 1.02?

# %% predict="bytes"
my_cut, my_wrapped = ..., ...

# %%
careless = ((torch.tensor([0.9999, 1.02]) + 1) * 127.5).to(torch.int64) % 256  # what uint8 keeps of it
compare(my_cut, careless[0].item(), "0.9999", digits=0)
compare(my_wrapped, careless[1].item(), "1.02", digits=0)

# %% [markdown]
# Cutting off makes every picture darker by half a level, and what is a little brighter than white comes out black.
#
# ### Exercise 2.4 · Pictures that can be shown   ●○○ · 10 min · 2 points
# Turn images in $[-1, 1]$ into `uint8` pictures, channels last: −1 is 0, 1 is 255, rounded to the nearest; what lies
# outside is clamped.
#
# <details><summary>Hint</summary>`view` and `reshape` keep the numbers in their order and only cut them otherwise. To
# move an axis there is `permute`.</details>


# %% answer="to_images"
def to_images(x: Tensor) -> Tensor:
    """Images (N, C, H, W) in [-1, 1] to pixels (N, H, W, C), uint8.

    The traps: cut off or rounded; white that becomes black; cut or moved axes.
    """
    ### BEGIN SOLUTION
    pixels = ((x.detach().clamp(-1, 1) + 1) * 127.5).round()
    return pixels.to(torch.uint8).permute(0, 2, 3, 1)
    ### END SOLUTION


# %% check="to_images" points=2

# %% [markdown]
# There and back: the bytes of the photographs, to $[-1, 1]$, and through your function. Not one level may be off.

# %%
original = clothes.images[:500].permute(0, 2, 3, 1)
restored = torch.as_tensor(to_images(clothes.first(500)))
print(f"pixels that differ: {(restored != original).sum().item()} of {original.numel():,}")
assert torch.equal(restored, original)

# %% [markdown]
# ## Looking at samples
#
# During training you will look at samples again and again, and want to compare them: so the **same noise** every
# time. And as the generator has batch norm, there is one more thing to decide: in train mode each sample depends on
# the other samples of its batch; in **eval mode** batch norm uses its running averages, and a sample depends on its
# own noise alone. Two mistakes lie in wait: sampling in train mode, and coming back with the generator still in eval
# mode, so that training goes on without batch statistics.
#
# ### Exercise 2.5 · A grid of samples   ●●○ · 15 min · 2 points
# Return one picture of all samples for the given noise, row by row, made in eval mode, without a graph. Leave the
# generator in the mode in which you found it. Use your `to_images`. (`len(noise)` is a multiple of `columns`.)
#
# <details><summary>Hint</summary>`generator.training` says which mode it is in. For the tiling: split (N, H, W, C)
# into (rows, columns, H, W, C), move the axes to (rows, H, columns, W, C), then reshape.</details>


# %% answer="sample_grid"
def sample_grid(generator: nn.Module, noise: Tensor, columns: int = 8) -> Tensor:
    """Noise (N, latent_dim) to one picture (rows * H, columns * W, C), uint8.

    The traps: the mode during, and the mode after.
    """
    ### BEGIN SOLUTION
    training = generator.training
    generator.eval()
    with torch.no_grad():
        pictures = to_images(generator(noise))
    generator.train(training)
    n, height, width, channels = pictures.shape
    tiles = pictures.reshape(n // columns, columns, height, width, channels)
    return tiles.permute(0, 2, 1, 3, 4).reshape(n // columns * height, columns * width, channels)
    ### END SOLUTION


# %% check="sample_grid" points=2

# %% [markdown]
# Sixteen samples of your untrained generator:

# %% tags=["train"]
torch.manual_seed(0)
untrained = Generator().apply(he_init)
fixed_noise = recipe.noise(16, seed=1)
show.pixels(
    sample_grid(untrained, fixed_noise),
    alt="Two rows of eight squares of black-and-white speckle. No garment can be recognised",
)

# %% [markdown]
# ## The opponent
#
# The discriminator runs the other way: three convolutions of kernel 4, stride 2, padding 1 halve the picture down to
# 4 × 4, then one linear layer reads off the logit. Between them **LeakyReLU** with slope 0.2: what is negative is
# made small, but not lost, so a gradient reaches G through every unit of D. (`nn.ReLU(0.2)` is something else: the
# first argument of `nn.ReLU` is `inplace`, and 0.2 counts as true.)
#
# | stage | channels | size |
# |---|---|---|
# | first convolution, LeakyReLU | channels → width | 32 → 16 |
# | convolution, (batch norm,) LeakyReLU | width → 2 · width | 16 → 8 |
# | convolution, (batch norm,) LeakyReLU | 2 · width → 4 · width | 8 → 4 |
# | linear | 4 · width · 16 → 1 | one logit a picture |
#
# The paper has batch norm in the second and third stage. We leave it out unless asked: what it does to a
# discriminator you will measure in a moment.
#
# ### Exercise 2.6 · The discriminator   ●●○ · 20 min · 3 points
# Write it, with `batch_norm` as in the table. Return the logits in shape `(N,)`, with no sigmoid.
#
# <details><summary>Hint</summary>A linear layer answers in shape (N, 1). Which axis has to go, and which one would go
# too if there were a single picture?</details>


# %% answer="Discriminator"
class Discriminator(nn.Module):
    """Pictures (N, channels, 32, 32) in [-1, 1] to logits (N,).

    The traps: which stages have batch norm when it is asked for; the activation; the shape of the answer.
    """

    def __init__(self, channels: int = 1, width: int = 16, batch_norm: bool = False):
        super().__init__()
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate([(channels, width), (width, 2 * width), (2 * width, 4 * width)]):
            layers.append(nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1))
            if batch_norm and i > 0:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(4 * width * 4 * 4, 1)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.head(self.body(x)).squeeze(1)
        ### END SOLUTION


# %% check="Discriminator" points=3

# %% [markdown]
# Your generator against your discriminator, before either has learned anything: one number for each of four pictures,
# none of them sure.

# %%
torch.manual_seed(0)
with torch.no_grad():
    logits = Discriminator().apply(he_init)(Generator().apply(he_init)(recipe.noise(4, seed=1)))
print(f"shape {tuple(logits.shape)}")
assert logits.shape == (4,) and ((logits.sigmoid() - 0.5).abs() < 0.4).all()

# %% [markdown]
# ## Where the weights start
#
# The paper draws every weight from $\mathcal N(0, 0.02)$. Batch norm's scale is drawn too, from $\mathcal N(1,
# 0.02)$: around **one**. Several courses draw it around 0 like the rest, in one line for all parameters.
#
# ### Exercise 2.7 · The paper's start   ●●○ · 15 min · 2 points
# Write the function for `network.apply(init_weights)`, which calls it with every part of the network: containers,
# activations, layers. Convolutions, transposed convolutions and linear layers get weights from $\mathcal N(0,
# \text{std})$ and biases of 0. `BatchNorm2d` gets a scale from $\mathcal N(1, 0.02)$ and a shift of 0. Everything
# else is left alone. Change the weights in place. Some layers have no bias; some batch norms have no scale.
#
# <details><summary>Hint</summary>`isinstance(module, (nn.Conv2d, ...))`, `nn.init.normal_(tensor, mean, std)`. A
# missing bias is `None`.</details>


# %% answer="init_weights"
def init_weights(module: nn.Module, std: float = 0.02) -> None:
    """The start of DCGAN for one module, in place.

    The trap: batch norm's scale is no weight like the others.
    """
    ### BEGIN SOLUTION
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    ### END SOLUTION


# %% check="init_weights" points=2

# %% [markdown]
# What a start does can be seen before any training: send a batch through and measure the standard deviation after
# each ReLU, and of what comes out. Four starts for your generator: N(0, 0.02) for *every* parameter, the paper's
# (yours), and two more that you will need in a moment: what torch does by itself, and **He's** (He et al. 2015).
#
# **Predict.** After the first ReLU the paper's start gives the 0.58 that you know. What is it when batch norm's scale
# is drawn around 0 as well?

# %% predict="gamma_at_zero"
my_gamma_at_zero = ...


# %%
def init_everything(module: nn.Module) -> None:
    """What several courses do: N(0, 0.02) for all parameters alike."""
    for parameter in module.parameters(recurse=False):
        nn.init.normal_(parameter, 0.0, 0.02)


def stds(network: nn.Module, x: Tensor) -> list[float]:
    """The standard deviation after each convolution's activation (before the last layer), and of the output."""
    seen: list[float] = []
    linear = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    hooks = [m.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0].std().item())) for m in linear[1:]]
    with torch.no_grad():
        seen.append(network(x).std().item())
    for hook in hooks:
        hook.remove()
    return seen


starts = {
    "0.02 for everything": init_everything,
    "the paper's, yours": init_weights,
    "torch's own": lambda module: None,
    "He's": he_init,
}
noise = recipe.noise(256, seed=3)
g_stds = {}
for name, start in starts.items():
    torch.manual_seed(0)
    g_stds[name] = stds(Generator(width=16).apply(start), noise)
    print(
        f"G, {name:20} after the ReLUs {', '.join(f'{s:.2f}' for s in g_stds[name][:-1])}; output {g_stds[name][-1]:.2f}"
    )
compare(my_gamma_at_zero, g_stds["0.02 for everything"][0], "std after the first ReLU, scale drawn around 0", digits=3)
assert g_stds["0.02 for everything"][0] < 0.025 < 0.55 < g_stds["the paper's, yours"][0]

# %% [markdown]
# With the scale around 0, batch norm undoes its own work: 0.017 in place of 0.58, and half of the channels are turned
# over. With the scale around 1 every block hands on 0.58, whatever the weights are. So in a generator *with batch
# norm* the start of the convolutions hardly matters inside; it matters at the one layer that has none, the output:
# 0.11 or 0.58.
#
# Now the discriminator, which has no batch norm to help it. A layer that adds up $n$ inputs with weights of standard
# deviation $\sigma$ multiplies the size of the signal by about $\sigma\sqrt{n}$, and the rectifier takes a part of
# it. Nothing grows and nothing shrinks when
#
# $$\sigma = \sqrt{\frac{2}{n}} \qquad \text{(He et al. 2015, equation 10; a little smaller for LeakyReLU)}$$
#
# **Predict.** For how many inputs $n$ a unit is 0.02 the right standard deviation? Your second convolution has 16
# channels of 4 × 4: by what factor is 0.02 too small there?

# %% predict="he"
my_inputs, my_factor = ..., ...

# %%
compare(my_inputs, 2 / 0.02**2, "inputs a unit for which 0.02 is right", digits=0)
compare(my_factor, math.sqrt(2 / (16 * 4 * 4)) / 0.02, "too small by a factor of", digits=1)
d_stds = {}
for name, start in starts.items():
    torch.manual_seed(0)
    d_stds[name] = stds(Discriminator(width=16).apply(start), clothes.first(256))
    print(
        f"D, {name:20} after the stages {', '.join(f'{s:.3f}' for s in d_stds[name][:-1])}; logits {d_stds[name][-1]:.4f}"
    )
assert d_stds["the paper's, yours"][-1] < 0.005 and d_stds["He's"][-1] > 0.1

# %% [markdown]
# 5,000 inputs: a layer of 312 channels. The paper's networks have 128 to 1,024, and 0.02 suits them. Yours have 16 to
# 64, and with 0.02 each stage of D passes on a third of the signal or less. Its logits differ by less than a
# thousandth: D sees nothing, and what comes back to G through the same weights has shrunk as often again.


# %%
def slope_at_image(start) -> float:
    """How long the gradient of D's logit is when it arrives at a picture of G."""
    torch.manual_seed(0)
    generator, discriminator = Generator().apply(start), Discriminator().apply(start)
    pictures = generator(noise[:64]).detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(pictures).sum(), pictures)
    return slope.flatten(1).norm(dim=1).mean().item()


weak, strong = slope_at_image(init_weights), slope_at_image(he_init)
print(f"gradient that reaches a picture: N(0, 0.02) {weak:.4f}, He's {strong:.2f}, {strong / weak:.0f} times as long")
assert strong > 100 * weak

# %% [markdown]
# ### Does it matter for training?
# A gradient that is 470 times too short sounds fatal. With plain gradient descent the step would be as short. But
# everybody trains GANs with Adam, and Adam divides each gradient by its own usual size: its first step moves *every*
# weight by the learning rate, whatever the gradient is.
#
# **Predict.** The learning rate is 0.004. By what share of its usual size does the first step change a weight that
# was drawn from $\mathcal N(0, 0.02)$? And one of your second convolution under He's start, $\sigma = \sqrt{2/256}$?

# %% predict="shares"
my_share_paper, my_share_he = ..., ...

# %%
weight = nn.Parameter(torch.tensor(0.02))
adam = torch.optim.Adam([weight], lr=0.004, betas=(0.0, 0.99))
(1e-5 * weight).backward()  # a gradient of a hundred-thousandth
adam.step()
compare(my_share_paper, (0.02 - weight.item()) / 0.02, "share of a weight of 0.02")
compare(my_share_he, 0.004 / math.sqrt(2 / 256), "share of a weight of He's start")

# %% [markdown]
# So a small start has two sides: the signal is weak in the first steps, and every step is large for weights this
# small. Which of the two decides? All short games from here on have the same rules: the losses of lesson 1 with R1,
# 300 steps of 32 photographs, Adam with the rate 0.004 and without momentum, an average of G.


# %%
short = DCGAN.for_budget(
    "laptop",
    images=300 * 32,
    batch_size=32,
    learning_rate=4e-3,
    discriminator_rate=1.0,
    betas=(0.0, 0.99),
    gamma=2.0,
    record_every=20,
)
score = short.scorer()


def play(generator, discriminator, title: str, data=clothes, rules=short, monitors=()) -> nn.Module:
    """One game between two networks. Returns the averaged generator."""
    players = rules.both(generator, discriminator)
    monitors = [ProgressBar(title), *monitors]
    trainer = rules.trainer(players, rules.batches(data), rules.step(players), monitors=monitors)
    trainer.run()
    return trainer.ema.model


def new_players(start=init_weights, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Your two networks, width 16, with a start."""
    torch.manual_seed(seed)
    return Generator().apply(start), Discriminator().apply(start)


def watch_pixels(records: list[dict], name: str) -> Every:
    """Notes, every 20 steps, how unevenly the pixels of G's samples vary."""

    def note(trainer) -> None:
        samples = generate(trainer.players["generator"], short.noise(300, seed=5))
        records.append({"images": trainer.images, name: unevenness(samples[:, 0].var(0))})

    return Every(20 * 32, note)


# %% [markdown]
# **Predict.** nFD, lesson 1's distance in the features of a classifier, is 0 at best. What will it be after 300 steps
# from the paper's start, and from He's?

# %% predict="start_scores"
my_paper_start, my_he_start = ..., ...

# %% tags=["train"]
pixel_records: list[dict] = []
paper_generator = play(*new_players(), "the paper's start", monitors=[watch_pixels(pixel_records, "kernel 4")])
he_generator = play(*new_players(he_init), "He's start")
paper_scores, he_scores = score(paper_generator), score(he_generator)
compare(my_paper_start, paper_scores["nfd"], "nFD from the paper's start")
compare(my_he_start, he_scores["nfd"], "nFD from He's start")
assert paper_scores["nfd"] < 0.85 * he_scores["nfd"]

# %% tags=["train"]
show.image_rows(
    {
        "the paper's": generate(paper_generator, short.noise(12, seed=1)),
        "He's": generate(he_generator, short.noise(12, seed=1)),
    },
    alt="Two rows of twelve generated garments. From the paper's start outlines of shirts and shoes can be made out. From He's start they are coarser and several are shapeless",
)

# %% [markdown]
# The start that kills the signal wins. Over three seeds it reached 0.27 to 0.32, He's start 0.43 to 0.51. The weights
# that are too small grow in a few steps, and until then they learn four times as fast as the others in proportion to
# their size. The first measurement was right and the conclusion that seemed to follow was wrong: **a start and an
# optimiser are one decision.** Measure what reaches the output, and then train before you believe it. (One seed each:
# at twice this rate the paper's start ends at 0.68 with 4 of the 10 kinds of clothes, and He's takes four times the
# rate without harm. N(0, 0.02) for *every* parameter, batch norm's scale included: 0.42.)

# %% [markdown]
# ## Does the checkerboard survive training?
#
# You know the pattern that kernel 3 has built in: four to one before training. Here is the same game with kernel 3 in
# every transposed convolution of G, and the unevenness of its pixels all along.
#
# **Predict.** Four to one at the start. What is it after 300 steps, with kernel 3 and with kernel 4?

# %% predict="checkerboard"
my_trained_3, my_trained_4 = ..., ...

# %% tags=["train"]
torch.manual_seed(0)
odd_generator = with_odd_kernels(Generator()).apply(init_weights)
odd_generator = play(odd_generator, new_players()[1], "kernel 3", monitors=[watch_pixels(pixel_records, "kernel 3")])
trained_4, trained_3 = [[r[k] for r in pixel_records if k in r][-1] for k in ("kernel 4", "kernel 3")]
compare(my_trained_3, trained_3, "kernel 3, most by least after training")
compare(my_trained_4, trained_4, "kernel 4, most by least after training")
print(f"nFD: kernel 4 {paper_scores['nfd']:.2f}, kernel 3 {score(odd_generator)['nfd']:.2f}")
assert trained_3 < 0.5 * uneven_3 and trained_4 < 1.6
show.curves(
    pixel_records,
    ["kernel 4", "kernel 3"],
    alt="Unevenness of the pixels over the game. Both curves lie below 1.7 from the first point on, after 20 steps, and in the second half of the game just above 1",
    levels={"even": 1.0},
)

# %% [markdown]
# The **spectrum** of the samples tells the same. A pattern that turns at every pixel has the highest frequency that a
# picture can hold, the Nyquist frequency. `checkerboard_energy` adds up the power in the Nyquist row and column of
# the Fourier transform, as a share of all. Photographs have some too, from edges and fine patterns: that is the
# floor.

# %% tags=["train"]
torch.manual_seed(0)
fresh = {"kernel 3, untrained": with_odd_kernels(Generator()), "kernel 4, untrained": Generator()}
boards = {
    name: 1000 * checkerboard_energy(generate(g, short.noise(1000, seed=4)))
    for name, g in {
        **{name: network.apply(init_weights) for name, network in fresh.items()},
        "kernel 3": odd_generator,
        "kernel 4": paper_generator,
    }.items()
} | {"photographs": 1000 * checkerboard_energy(test_clothes.first(1000))}
for name, share in boards.items():
    print(f"{name:20} {share:6.1f} thousandths of the power at the Nyquist frequencies")
assert boards["kernel 3, untrained"] > 10 * boards["kernel 3"]
assert max(boards["kernel 3"], boards["kernel 4"]) < 4 * boards["photographs"]

# %% tags=["train"]
show.image_rows(
    {
        "kernel 4": generate(paper_generator, short.noise(10, seed=6)),
        "kernel 3": generate(odd_generator, short.noise(10, seed=6)),
    },
    alt="Two rows of ten generated garments, coarse in both rows and with streaks. A fine mesh here and there, in the row of kernel 4 no less than in that of kernel 3",
)

# %% [markdown]
# Twenty steps were enough: the first point of the curve is after 640 pictures, and the four to one are gone. A
# network can learn weights that make up for the uneven stamps, and it does so at once, because D sees a checkerboard
# immediately. Two things to keep. Untrained, kernel 4 shows as much power at these frequencies as kernel 3: random
# weights give neighbouring pixels different weights in any case. What only kernel 3 has is the *fixed* pattern, the
# same in every sample and for all weights. And the odd kernel is no free choice: in this game its nFD is worse after
# the same steps.

# %% [markdown]
# ## What convolutions are worth
#
# Now the question of the beginning. Your DCGAN against lesson 1's MLPs: the same game, the same loss, the same R1,
# the same optimiser and the same **CPU time**. An MLP's step is cheaper, so it gets more of them: as many as 300 steps
# of the DCGAN take on your machine, both timed in turn. Its learning rate is 0.001, its own best of three; with the
# DCGAN's 0.004 it does worse.
#
# **Predict.** What is the nFD of each after this time? Who has more weights?

# %% predict="mlp"
my_mlp, my_dcgan = ..., ...


# %%
def weights_of(*networks: nn.Module) -> int:
    return sum(p.numel() for network in networks for p in network.parameters())


def new_mlps(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Lesson 1's networks for 32 x 32."""
    torch.manual_seed(seed)
    return MLPGenerator(64, (1, 32, 32)), MLPDiscriminator((1, 32, 32))


def steps_worth(steps: int, rounds: int = 4) -> int:
    """How many steps of the MLPs take as long as `steps` of the DCGAN."""
    seconds = {new_players: 0.0, new_mlps: 0.0}
    for _ in range(rounds):
        for players in seconds:
            began = time.process_time()
            play(*players(), "how fast?", rules=replace(short, images=10 * 32))
            seconds[players] += time.process_time() - began
    return round(steps * seconds[new_players] / seconds[new_mlps])


print(f"weights: DCGAN {weights_of(*new_players()):,}, MLPs {weights_of(*new_mlps()):,}")

# %% tags=["train"]
mlp_steps = steps_worth(300)
mlp_generator = play(*new_mlps(), "MLPs", rules=replace(short, images=mlp_steps * 32, learning_rate=1e-3))
mlp_scores = score(mlp_generator)
print(f"as long as 300 steps of the DCGAN: {mlp_steps} of the MLPs")
compare(my_mlp, mlp_scores["nfd"], "nFD of the MLPs")
compare(my_dcgan, paper_scores["nfd"], "nFD of the DCGAN")
print(f"recall: MLPs {mlp_scores['recall']:.2f}, DCGAN {paper_scores['recall']:.2f}")
assert paper_scores["nfd"] < mlp_scores["nfd"] and paper_scores["recall"] > mlp_scores["recall"] + 0.05

# %% [markdown]
# A ninth of the weights, fewer steps, and closer to the photographs. The recall says it more clearly:
# next to none of the real photographs have a neighbour among the MLPs' samples, one in six has one among the
# DCGAN's. (The MLPs' D is even told how much its batch varies, as in lesson 1; the DCGAN's is not. Lesson 1 gave its
# MLPs about five times as long.)
#
# And on the lower row of the first picture? An MLP does as well there as on photographs; you have proved it. Here is
# your DCGAN on shuffled pixels. Its samples are put back in order before anybody looks.
#
# **Predict.** What is the nFD of a DCGAN that was trained on shuffled photographs?

# %% predict="shuffled"
my_shuffled = ...


# %%
class PutBack(nn.Module):
    """A generator of shuffled pictures, with its pixels put back in order."""

    def __init__(self, generator: nn.Module):
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor) -> Tensor:
        return reordered(self.generator(z), back)


# %% tags=["train"]
shuffled_generator = PutBack(play(*new_players(), "shuffled pixels", data=shuffled))
shuffled_scores = score(shuffled_generator)
compare(my_shuffled, shuffled_scores["nfd"], "nFD, trained on shuffled pixels")
print(f"on photographs, after the same steps: {paper_scores['nfd']:.2f}")
assert shuffled_scores["nfd"] > 1.5 * paper_scores["nfd"]
show.image_rows(
    {
        "photographs": generate(paper_generator, short.noise(10, seed=1)),
        "shuffled": generate(shuffled_generator, short.noise(10, seed=1)),
    },
    alt="Upper row: garments of the DCGAN that was trained on photographs. Lower row: silhouettes of clothes filled with white speckle, without any detail",
)

# %% [markdown]
# A convolution is a bet on neighbourhood. Where the bet is right it needs a fraction of the weights; where it is
# wrong it is worse than no idea at all.

# %% [markdown]
# ## Batch norm in the discriminator
#
# Batch norm makes a network look at its samples together. For a discriminator that is not harmless. Suppose somebody
# saves a call and gives D both halves at once: `discriminator(torch.cat([real, fake]))`. The statistics are those of
# the mixture, and each picture is judged *relative to its company*.
#
# The next cell trains two discriminators in this way, without and with batch norm, against the generator of your
# second short game, which is held still. Then it shows them pictures that they have not seen: once in the mixture,
# and once as G's turn shows them, fakes among fakes.
#
# **Predict.** What share of its answers does each get right in the mixture, and apart? Write how much each loses.

# %% predict="company"
my_loss_without, my_loss_with = ..., ...


# %%
def accuracy(judge: nn.Module, mixed: bool) -> float:
    """On 1,600 photographs and 1,600 fakes that it has not seen, in batches of 32 and 32."""
    fakes = generate(he_generator, short.noise(1600, seed=9))
    right = 0
    for real, fake in zip(clothes.batch(torch.arange(8000, 9600)).split(32), fakes.split(32), strict=True):
        with torch.no_grad():
            logits = judge(torch.cat([real, fake])) if mixed else torch.cat([judge(real), judge(fake)])
        right += (logits[:32] > 0).sum().item() + (logits[32:] < 0).sum().item()
    return right / 3200


# %% tags=["train"]
lost = {}
for batch_norm in (False, True):
    torch.manual_seed(0)
    judge = Discriminator(batch_norm=batch_norm).apply(he_init)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3, (0.5, 0.99))
    for first in range(0, 150 * 32, 32):
        fake = generate(he_generator, torch.randn(32, 64)).clone()
        logits = judge(torch.cat([clothes.batch(torch.arange(first, first + 32)), fake]))
        loss = softplus(-logits[:32]).mean() + softplus(logits[32:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mixed, apart = accuracy(judge, mixed=True), accuracy(judge, mixed=False)
    lost[batch_norm] = mixed - apart
    print(f"{'with' if batch_norm else 'without'} batch norm: {mixed:.1%} right in the mixture, {apart:.1%} apart")
compare(my_loss_without, lost[False], "accuracy lost without batch norm")
compare(my_loss_with, lost[True], "accuracy lost with batch norm")
assert abs(lost[False]) < 0.001 and lost[True] > 0.08

# %% [markdown]
# Without batch norm an answer depends on the picture alone. With it, D had leaned on the company: it does better than
# it could in the mixture, and G, whose turn shows fakes among fakes, meets a judge that it was not trained against.
# So: real and fake in **separate** calls, or no batch norm in D. This course takes both.

# %% [markdown]
# ## Your GAN learns
#
# Your generator and your discriminator with the numbers of the recipe, and time enough. The rules are those of
# `gancourse train dcgan`: the paper's start, R1, an average; it takes 2,700 steps, here it is 1,800. Only the networks
# and the start are yours. (The recipe's own D is also told how much its batch varies. Yours does without.)
#
# The slider above the samples looks back at what each noise vector has been on the way. nFD is measured with 500 images
# there, and so is its floor.
#
# This run takes the GPU where there is one, which is what `device` stands for.
# The experiments stay on the CPU, where their numbers repeat.

# %% tags=["train"]
from gancourse.widgets import TrainingMonitor

torch.manual_seed(recipe.seed)
my_generator = Generator(recipe.latent_dim, 1, recipe.width).apply(init_weights).to(device)
my_discriminator = Discriminator(1, recipe.width).apply(init_weights).to(device)
players = recipe.both(my_generator, my_discriminator)
monitor = TrainingMonitor(
    lambda generator: recipe.picture(generator, 40), "nfd", recipe.scorer(n=500), recipe.floor(n=500), frames=8
)
watching = [ProgressBar("your DCGAN"), monitor]
trainer = recipe.trainer(players, recipe.batches(clothes, device), recipe.step(players), monitors=watching)
trainer.run()
final = trainer.ema.model.cpu()
scores = recipe.scorer()(final)
print(
    f"nFD {scores['nfd']:.3f}, floor {recipe.floor():.3f}; precision {scores['precision']:.2f}, recall {scores['recall']:.2f} (N = {scores['n_fake']})"
)
assert scores["nfd"] < 0.18 and scores["classes"] >= 8

# %% tags=["train"]
show.pixels(
    sample_grid(final, recipe.noise(60, seed=1), columns=12),
    alt="Five rows of twelve generated garments: tops, coats, trousers, shoes and boots, most of them easy to name, some coarse",
)

# %% [markdown]
# Made by `sample_grid`, in eval mode. Now the mistake: the same generator and the same noise, but left in train mode,
# and asked for one picture at a time. Batch norm takes its statistics from that one picture.
#
# **Predict.** How far does a picture move, as a share of the distance between two different pictures? And what
# becomes of nFD?

# %% predict="alone"
my_moved, my_alone = ..., ...

# %% tags=["train"]
noise = recipe.noise(2000, seed=2)
in_eval = generate(final, noise)
left_in_train = copy.deepcopy(final).train()
with torch.no_grad():
    alone = torch.cat([left_in_train(z) for z in noise.split(1)])
moved = ((alone - in_eval).abs().mean() / (in_eval - in_eval.roll(1, 0)).abs().mean()).item()
nfd_alone = ImageScorer(test_clothes.first(2000))(alone).nfd
compare(my_moved, moved, "moved, in distances between two pictures")
compare(my_alone, nfd_alone, "nFD one by one, in train mode")
print(f"in eval mode: {scores['nfd']:.2f}")
assert moved > 0.2 and nfd_alone > 1.1 * scores["nfd"]

# %% [markdown]
# Same weights, same noise, other pictures. The statistics of one sample are a poor guess at those of all.

# %% [markdown]
# ## A walk through the latent space
#
# Has the generator learned what lies *between* its samples, or only single pictures? Take two of them and walk. On a
# straight line the middle, $(a + b)/2$, is shorter than its ends: about $\sqrt{64} = 8$ at the ends, $\sqrt{32} =
# 5.7$ in the middle, where the generator has hardly ever been during training. So walk along the arc.


# %%
def arc(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at t in [0, 1] on the arc from a to b, both (N, latent_dim)."""
    cosine = F.cosine_similarity(a, b).clamp(-1, 1)[:, None]
    angle = cosine.arccos()
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


begin, end = recipe.noise(1000, seed=11), recipe.noise(1000, seed=12)
for name, middle in {"ends": begin, "straight": (begin + end) / 2, "arc": arc(begin, end, 0.5)}.items():
    print(f"{name:8} mean length {middle.norm(dim=1).mean().item():.1f}")

# %% tags=["train"]
path = torch.cat([arc(begin[:4], end[:4], t) for t in torch.linspace(0, 1, 11).tolist()])
walk = generate(final, path.view(11, 4, -1).transpose(0, 1).reshape(44, -1))
show.image_rows(
    {f"walk {i + 1}": walk[11 * i : 11 * i + 11] for i in range(4)},
    alt="Four rows of eleven pictures. In each row one garment changes step by step into another one; no step is a jump",
)

# %% [markdown]
# A number for it. In the middle between two garments of *different* kinds, ask the course classifier. If the
# generator only blended pictures, the middle would be like a double exposure, of which no classifier is sure.
#
# **Predict.** The classifier is sure (above 0.8) of some share of the samples at the ends. Of what share in the
# middle of the arc? And of what share of the double exposures of the same ends?

# %% predict="middles"
my_middle, my_exposure = ..., ...

# %% tags=["train"]
classifier = load_classifier()


def opinions(images: Tensor) -> Tensor:
    """The classifier's probabilities (N, 10)."""
    with torch.no_grad():
        return classifier(images).softmax(1)


a, b = generate(final, begin), generate(final, end)
different = opinions(a).argmax(1) != opinions(b).argmax(1)


def sure(images: Tensor) -> float:
    return (opinions(images[different]).amax(1) > 0.8).float().mean().item()


at_ends, in_middle, exposed = sure(a), sure(generate(final, arc(begin, end, 0.5))), sure((a + b) / 2)
print(f"sure of {at_ends:.0%} of the ends")
compare(my_middle, in_middle, "sure in the middle of the arc")
compare(my_exposure, exposed, "sure of double exposures")
assert in_middle > 0.75 * at_ends and in_middle > 1.2 * exposed

# %% tags=["train"]
show.image_rows(
    {
        "from": a[different][:10],
        "arc": generate(final, arc(begin, end, 0.5))[different][:10],
        "blend": ((a + b) / 2)[different][:10],
        "to": b[different][:10],
    },
    alt="Four rows of ten. First and last row: garments of different kinds. Second row: the middle of the arc between them, again garments. Third row: double exposures of both",
)

# %% [markdown]
# ## Arithmetic with garments
#
# If directions in the latent space mean something, they can be added. Radford et al. (section 6.3.2) took the *mean*
# latent of some samples of one kind, subtracted the mean of another kind, and added the difference to something new.
# They found that single samples were too unsteady and took three. Let us measure that.
#
# The recipe: among 10,000 samples find those of which the classifier is sure; $m_A$ is the mean latent of kind $A$.
# Take *new* samples of kind $A$ and add $m_B - m_A$. It works if the classifier then says $B$. The control: a random
# direction of the same length.
#
# **Predict.** Averaged over all pairs of kinds: how often does it work with means over one sample, three samples, all
# of them? How often does a random direction do it?

# %% predict="arithmetic"
my_one, my_three, my_all, my_random = ..., ..., ..., ...


# %%
def means_by_kind(z: Tensor, kinds: Tensor, samples: int | None) -> dict[int, Tensor]:
    """The mean latent of the first `samples` of each kind (None: of all), where there are at least 30."""
    return {k: z[kinds == k][:samples].mean(0) for k in range(10) if (kinds == k).sum() >= 30}


def arithmetic(means: dict[int, Tensor], new: Tensor, new_kinds: Tensor, random: bool = False) -> float:
    """The share of new samples of kind A that are of kind B after adding m_B - m_A, over all pairs of kinds."""
    shares = []
    for a, mean_a in means.items():
        start = new[new_kinds == a][:50]
        for b, mean_b in means.items():
            if a == b or len(start) < 10:
                continue
            step = mean_b - mean_a
            if random:
                step = F.normalize(torch.randn(64), dim=0) * step.norm()
            shares.append((opinions(generate(final, start + step)).argmax(1) == b).float().mean().item())
    return sum(shares) / len(shares)


# %% tags=["train"]
torch.manual_seed(0)
z, new = recipe.noise(10_000, seed=21), recipe.noise(3000, seed=22)
probabilities = torch.cat([opinions(generate(final, part)) for part in z.split(1000)])
certain = probabilities.amax(1) > 0.8
z, kinds = z[certain], probabilities[certain].argmax(1)
new_kinds = torch.cat([opinions(generate(final, part)) for part in new.split(1000)]).argmax(1)
works = {n: arithmetic(means_by_kind(z, kinds, n), new, new_kinds) for n in (1, 3, None)}
by_chance = arithmetic(means_by_kind(z, kinds, None), new, new_kinds, random=True)
compare(my_one, works[1], "works with one sample a kind")
compare(my_three, works[3], "works with three")
compare(my_all, works[None], "works with all")
compare(my_random, by_chance, "a random direction")
assert works[None] > 0.35 and works[None] > 3 * by_chance

# %% [markdown]
# A direction that was computed from samples of $A$ and $B$ turns *other* samples of $A$ into $B$, more than ten times
# as often as a random one of the same length. And the paper's remark holds: a difference of single samples is
# unsteady, a mean of three a kind is better, a mean of hundreds better still. A mean over samples keeps what they share and
# averages the rest away.

# %% [markdown]
# ## Find the bug
#
# A colleague writes D's loss with targets, 1 for real and 0 for fake. Her D ends in a linear layer, without your
# `squeeze`. (Twice the mean over both halves is the sum of their two means.)


# %% given="broken_loss"
def broken_loss(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * (softplus(logits) - targets * logits).mean()


# %% tags=["train"]
class HerDiscriminator(nn.Module):
    """Logits in shape (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.yours = Discriminator()

    def forward(self, x: Tensor) -> Tensor:
        return self.yours(x)[:, None]


def train_judge(loss_function) -> tuple[list[dict], float]:
    """D alone, 120 steps against the fakes of an untrained generator. Returns its losses and its accuracy."""
    torch.manual_seed(0)
    judge, grey = HerDiscriminator().apply(he_init), Generator().apply(he_init)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3, (0.5, 0.99))
    records = []
    for step in range(120):
        real = clothes.batch(torch.arange(32 * step, 32 * step + 32))
        loss = loss_function(judge, real, generate(grey, torch.randn(32, 64)).clone())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        records.append({"images": 32 * step, "D's loss": loss.item()})
    with torch.no_grad():
        on_real, on_fake = judge(clothes.batch(torch.arange(8000, 8500))), judge(generate(grey, torch.randn(500, 64)))
    return records, ((on_real > 0).float().mean().item() + (on_fake < 0).float().mean().item()) / 2


def last_loss(records: list[dict]) -> float:
    return records[-1]["D's loss"]


records, right = train_judge(broken_loss)
print(f"D's loss at the end: {last_loss(records):.3f}; log 4 = {math.log(4):.3f}; right answers: {right:.0%}")
assert abs(last_loss(records) - math.log(4)) < 0.02
show.curves(
    records,
    ["D's loss"],
    alt="D's loss jumps once, then sinks from above to the line at log 4 and lies almost flat on it to the end",
    levels={"log 4": math.log(4)},
)

# %% [markdown]
# D's loss goes to log 4 and stays there. In lesson 1 that was the loss of the best D when the generator has learned the
# data. But this generator is untrained: its fakes are speckle, and telling them from photographs should be no
# work. So D is not *unable* to tell them apart; it is told not to. What are the shapes of `logits` and of `targets`,
# and what shape has their product?
#
# ### Exercise 2.8 · The repaired loss   ●●○ · 10 min · 2 points
# Write `repaired_loss`: the colleague's loss without the mistake. It must be right for a discriminator that answers
# in shape (N, 1) and for one that answers (N,). `real` and `fake` have the same number of pictures.
#
# <details><summary>Hint</summary>(N, 1) times (N,) is (N, N): every logit meets every target. Bring both to the same
# shape before they meet.</details>
#
# <details><summary>Why exactly log 4?</summary>Every logit is asked to be real by half of the targets and fake by the
# other half. The best answer to both is ½, logit 0, whatever the picture is: it costs 2 · log 2.</details>


# %% answer="repaired_loss"
def repaired_loss(discriminator, real: Tensor, fake: Tensor) -> Tensor:
    """What D minimises: the mean over real plus the mean over fake. real, fake: (N, C, H, W). Returns a scalar."""
    ### BEGIN SOLUTION
    logits = discriminator(torch.cat([real, fake])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * (softplus(logits) - targets * logits).mean()
    ### END SOLUTION


# %% check="repaired_loss" points=2

# %% tags=["train"]
records, right = train_judge(repaired_loss)
print(f"D's loss after the repair: {last_loss(records):.3f}; right answers: {right:.0%}")
assert last_loss(records) < 0.5 and right > 0.95

# %% [markdown]
# ## In your own words
#
# ### Exercise 2.9 · Good in training, bad afterwards   ●●○ · 15 min · 4 points
# A friend's DCGAN shows fine samples during training. In the script that loads the checkpoint and makes one picture
# at a time, the pictures are bad. The weights are the same. Name **two** different causes that would explain it, each
# with **one measurement** that would tell whether it is that one. Five to ten sentences.

# %% [markdown] written="good_then_bad" points=4
# **A good answer.** (1) The script samples in train mode: batch norm takes the statistics of a batch of one.
# Measurement: make the same noise alone and in a batch of 64 and compare the pixels, or call eval() and score again.
# (2) The script samples in eval mode, but the running averages are wrong: they were not saved (parameters only), or
# they belong to other weights than those that are loaded (an average of the weights whose buffers were not copied).
# Measurement: compare the running means and variances with the statistics of a large batch of noise, or put the
# generator into train mode with a large batch: if the pictures are good then, it is the buffers. (3) The pixels are
# turned into bytes wrongly: the training script rescaled from [-1, 1], the other one clamps to [0, 1] or cuts.
# Measurement: print minimum and maximum of G's output and of the bytes; everything below 0 is black. (4) The noise
# differs: uniform, another length or another scale. Measurement: its mean and standard deviation.
#
# **Rubric.** 1 point for each cause that fits "same weights" and is different from the other (2 in all). 1 point for
# each measurement that can be computed and separates this cause from the other one (2 in all). No point for "trained
# too short" or for a cause that would spoil the samples during training too.

# %% [markdown]
# ## Play
#
# Move through the latent space of *your* trained generator: along your arc from one start to another, and along the four
# directions in which its pictures change most. Nobody named these; what does each of them do? They were found as Shen and
# Zhou (2021) find theirs, by taking the singular vectors of a linear map from noise: here of the one that comes closest
# to your whole generator.
#
# Beside each picture: the photographs of the training set that lie nearest to it. A copy would have the distance 0. Has
# your generator learned any of them by heart? (Without widgets, on a page that does not run, you see a walk along each
# direction.)

# %% tags=["train"]
from gancourse.widgets import latent_explorer

latent_explorer(final, recipe.latent_dim, real=clothes)

# %% [markdown]
# ## On a GPU
#
# The same recipe at the paper's size: 64 × 64 faces in colour, four times the width, ten million pictures shown.
# (CelebA is for research only, so you fetch the archive yourself; the command says where to put it.) Or all 60,000
# photographs of clothes:
#
# ```
# gancourse train dcgan --budget gpu --data celeba --device cuda
# gancourse train dcgan --budget gpu --data full --set size=32 --device cuda
# ```
#
# Time and memory on a GPU have not been measured yet. A run can be stopped with Ctrl-C and goes on with `--resume`.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. Kernel 5, stride 2, padding 2, output_padding 1: what becomes of 7 pixels?</summary>(7 − 1) · 2
# + 5 − 4 + 1 = 14. It doubles, and covers unevenly: 5 is no multiple of 2.</details>
#
# <details><summary>2. Where is there no batch norm in a DCGAN, and why?</summary>On G's output: it would force
# brightness and contrast of every batch. On D's input: it would hide them from D.</details>
#
# <details><summary>3. Is 0.02 a good standard deviation for the weights?</summary>For units with about 5,000 inputs
# (2 / n = 0.0004). In narrow networks without batch norm the signal dies on its way. Whether that hurts depends on
# the optimiser: Adam's steps do not shrink with the gradient.</details>
#
# <details><summary>4. D answers in shape (N, 1), the targets have shape (N,). What does D learn?</summary>Every logit
# meets every target: the best answer is ½ to everything, at a loss of log 4. Nothing warns.</details>
#
# <details><summary>5. Why not give real and fake to D in one call?</summary>With batch norm the statistics are those
# of the mixture: each picture is judged relative to its company, and G's turn meets another judge. Without batch norm
# it does no harm.</details>
#
# **Read next.** Radford et al. 2016, *Unsupervised Representation Learning with Deep Convolutional GANs*, sections 3,
# 4 and 6.3 · Ioffe and Szegedy 2015, *Batch Normalization*, section 3 · He et al. 2015, *Delving Deep into
# Rectifiers*, section 2.2 · Odena et al. 2016, *Deconvolution and Checkerboard Artifacts* (Distill) · Lesson 3 asks
# what D should measure when real and fake do not overlap.
