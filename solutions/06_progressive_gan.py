# %% [markdown]
# # Lesson 6: growing a GAN
#
# A picture of 32 × 32 is 1,024 decisions at once. A picture of 4 × 4 is sixteen. Why not learn those first?
#
# Karras and colleagues did that in 2018, and for the first time a network drew faces of a megapixel. Growing was one idea
# of five. You will write all five, see what each of them does to a number, and then measure the question that the paper's
# name takes for granted: **does growing pay?** At this size the answer may surprise you.
#
# | | you write | points |
# |---|---|---|
# | 6.1 | `fade_in` | 2 |
# | 6.2 | `pixel_norm` | 1 |
# | 6.3 | `EqualizedConv2d` | 3 |
# | 6.4 | `minibatch_stddev` | 2 |
# | 6.5 | `ema_update` | 3 |
# | 6.6 | `grow` | 3 |
# | 6.7 | `repaired_prepare` | 2 |
# | 6.8 | an answer in words | 4 |
#
# Time: about two hours, two or three minutes of them computing. Everything runs on two CPU cores and needs no network.

# %% setup="06"

# %% tags=["setup"]
import copy
import math
import time

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu

from gancourse import check, compare, show
from gancourse.nets import Parts
from gancourse.recipes.game import generate
from gancourse.recipes.progressive import Progressive, ProgressiveGame
from gancourse.training import EMA, History, Monitor, ProgressBar

# %% [markdown]
# Ten real photographs, four times. Each pixel of a smaller picture is the average of a square of the larger one.

# %%
recipe = Progressive.for_budget("laptop", images=1600 * 16)
clothes = recipe.load_data()
ten = clothes.batch(torch.tensor([(clothes.labels == c).nonzero()[0].item() for c in range(10)]))


def enlarged(images: Tensor) -> Tensor:
    """Images (N, C, S, S) as (N, C, 32, 32): each pixel is repeated."""
    return interpolate(images, size=(32, 32))


show.image_rows(
    {f"{side} x {side}": enlarged(avg_pool2d(ten, 32 // side)) for side in (4, 8, 16, 32)},
    alt="Four rows of the same ten garments. At 4 x 4 there are sixteen grey squares; at 8 x 8 trousers can be told from a bag; at 16 x 16 every garment can be named; at 32 x 32 collars and straps appear",
)

# %% [markdown]
# **Predict.** Around the average photograph the pixels vary: that is what a generator has to learn. Which share of this
# variance is there already in the sixteen squares of 4 × 4? And in 8 × 8?

# %% predict="share"
my_share_4, my_share_8 = ..., ...

# %%
photographs = clothes.first(2000)


def share_of_variance(side: int) -> float:
    """How much of the pixels' variance over the photographs is left in their side x side averages."""
    return (enlarged(avg_pool2d(photographs, 32 // side)).var(0).sum() / photographs.var(0).sum()).item()


compare(my_share_4, share_of_variance(4), "share of the variance at 4 x 4")
compare(my_share_8, share_of_variance(8), "share of the variance at 8 x 8")

# %% [markdown]
# Four tenths of the task are in sixteen numbers. Here is a GAN that has only these to learn, for a few seconds.


# %% tags=["train"]
def only_stage(recipe: Progressive, stage: int, title: str):
    """Train at one size alone. Returns the averaged generator."""
    players = recipe.players(clothes)
    game = recipe.game(players)
    game.growth = lambda number: (stage, 1.0)
    trainer = recipe.trainer(players, recipe.batches(clothes), game.step(), monitors=[ProgressBar(title)])
    trainer.run()
    return trainer.ema.model


small = only_stage(Progressive.for_budget("laptop", images=400 * 16), 0, "4 x 4")
sixteen = generate(small, recipe.noise(1000, seed=1))
gap = (sixteen.mean(0) - avg_pool2d(photographs, 8).mean(0)).abs().mean().item()
print(f"mean grey of each of the 16 squares: off by {gap:.2f} on average, of a range of 2")
assert gap < 0.1
show.image_rows(
    {"generated": sixteen[:10], "real": avg_pool2d(ten, 8)},
    alt="Two rows of ten pictures of 4 x 4 grey squares, generated and real: the same kinds of bright bars and blocks on black in both",
)

# %% [markdown]
# Can you tell which row is real? (The learning rate is 0.03. With 0.0002, a usual one for GANs, the squares would still be off by 0.26;
# why this lesson can afford so large a rate is one of the five ideas.) Now the price.
#
# **Predict.** How many times more images a second can the two players handle at 4 × 4 than at 32 × 32?

# %% predict="speed"
my_speed = ...


# %% tags=["train"]
def seconds_per_step(recipe: Progressive, stage: int, steps: int = 8) -> float:
    """CPU-seconds of one step of both players at a stage."""
    players, batches = recipe.players(clothes), recipe.batches(clothes)
    game = recipe.game(players)
    game.growth = lambda number: (stage, 1.0)
    step = game.step()
    step(batches.next(), 0)
    began = time.process_time()
    for number in range(steps):
        step(batches.next(), number)
    return (time.process_time() - began) / steps


costs = {4 * 2**stage: seconds_per_step(recipe, stage) for stage in range(4)}
speeds = {side: recipe.batch_size / cost for side, cost in costs.items()}
print("images a second: " + ", ".join(f"{side} x {side} {speed:,.0f}" for side, speed in speeds.items()))
compare(my_speed, speeds[4] / speeds[32], "4 x 4 against 32 x 32, times as fast", digits=1)
assert speeds[4] > 1.5 * speeds[32]

# %% [markdown]
# Four tenths of the task, at a fraction of the price. So: learn 4 × 4, then put a layer on top of the generator and another in
# front of the discriminator, learn 8 × 8, and so on. Whether the saving survives all that follows is what we shall measure.
#
# ## Fading in
#
# A new layer starts with random weights. Put on top of a trained generator, it would turn good pictures into noise from
# one step to the next. So it is let in slowly (figure 2 of the paper): the picture is a mixture
#
# $$x = (1 - \alpha)\; \text{up}(x_\text{old}) + \alpha\; x_\text{new},$$
#
# where up repeats each pixel of the old, half as large picture, and $\alpha$ rises from 0 to 1. The same $\alpha$ is at
# work in three places:
# - in G, between its two pictures;
# - in D, between what its new layer makes of the large picture and what its old entrance makes of the shrunk one;
# - in the **real** pictures: they are mixed with their own blurred selves. Else D could tell real from
#   generated by their sharpness alone.
#
# **Predict.** At $\alpha = 0$, how large is the largest difference between a picture of the grown generator and the old
# one's, enlarged? At $\alpha = \tfrac14$, what is the pixel where the old picture has 1.0 and the new one has −1.0?

# %% predict="mixture"
my_difference, my_pixel = ..., ...

# %%
compare(my_pixel, 0.75 * 1.0 + 0.25 * -1.0, "a pixel at alpha = 1/4")

# %% [markdown]
# ### Exercise 6.1 · Fading in   ●○○ · 10 min · 2 points
# Return the mixture. `new` has shape (N, C, H, W). `old` has the same shape, or it is smaller by a whole factor, the same in both
# directions; then each of its pixels is repeated into a block first. Nothing is smoothed: at $\alpha = 0$ nobody may be able
# to tell that a layer was added.
#
# <details><summary>Hint</summary>Which of the two counts for nothing at α = 0? And of the ways in which pictures can be
# enlarged, which invents no new grey?</details>


# %% answer="fade_in"
def fade_in(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """The old picture at alpha = 0, the new one at alpha = 1. old: (N, C, h, w); new: (N, C, H, W), the size returned.

    The traps: the direction of alpha, and that H and W need not be equal.
    """
    ### BEGIN SOLUTION
    return (1 - alpha) * interpolate(old, size=new.shape[2:]) + alpha * new
    ### END SOLUTION


# %% check="fade_in" points=2

# %% [markdown]
# What D sees of ten real photographs while 8 × 8 is faded in over 4 × 4:

# %%
coarse, fine = avg_pool2d(ten, 8), avg_pool2d(ten, 4)
print(
    f"at alpha = 0, the largest difference: {(fade_in(coarse, fine, 0.0) - interpolate(coarse, scale_factor=2)).abs().max():.1f}"
)
assert torch.equal(fade_in(coarse, fine, 0.0), interpolate(coarse, scale_factor=2))
assert torch.allclose(fade_in(coarse, fine, 1.0), fine, atol=1e-6)
compare(my_difference, 0.0, "largest difference at alpha = 0", digits=1)
show.image_rows(
    {f"alpha {alpha:g}": fade_in(coarse, fine, alpha) for alpha in (0.0, 0.25, 0.5, 0.75, 1.0)},
    alt="Five rows of the same ten garments. In the first, at alpha 0, blocks of 2 x 2 equal pixels; down to the last, at alpha 1, the finer squares come forward little by little",
)

# %% [markdown]
# ## A length for every pixel
#
# A generator and a discriminator drive each other on. Where one answers with larger numbers, so does the other, and signals
# grow from layer to layer and from step to step. Batch norm would hold them back, but it couples the pictures of
# a batch. The paper's remedy is local (section 4.2): after each layer, every pixel's vector of channels gets the mean
# square 1:
#
# $$b_{n,c,y,x} = \frac{a_{n,c,y,x}}{\sqrt{\tfrac{1}{C} \sum_{c'} a_{n,c',y,x}^2 + \epsilon}}, \qquad \epsilon = 10^{-8}$$
#
# **Predict.** A pixel with two channels holds (3, 4). What does it hold afterwards? (And what would it hold if its *length*
# were made 1?)

# %% predict="three_four"
my_first, my_second = ..., ...

# %%
compare(my_first, 3 / math.sqrt((9 + 16) / 2), "first channel")
compare(my_second, 4 / math.sqrt((9 + 16) / 2), "second channel")

# %% [markdown]
# ### Exercise 6.2 · Pixel norm   ●○○ · 5 min · 1 point
# Return the normalised maps. The same function is used on noise vectors of shape (N, C), so the axis of the channels is all
# that it may rely on.
#
# <details><summary>Hint</summary>One number for each sample and each place. Over which axis is the mean, and which axes
# must stay?</details>


# %% answer="pixel_norm"
def pixel_norm(x: Tensor) -> Tensor:
    """Vectors over the channels (axis 1) with mean square 1: (N, C, ...) to the same shape.

    The traps: the axis; mean, not sum; and a pixel that is 0 in all channels stays 0.
    """
    ### BEGIN SOLUTION
    return x / (x.pow(2).mean(dim=1, keepdim=True) + 1e-8).sqrt()
    ### END SOLUTION


# %% check="pixel_norm" points=1

# %% [markdown]
# Ten layers, each of which makes its signal half as large again. **Predict**: by which factor has the signal's size grown
# after all ten, without and with your `pixel_norm` behind each layer?

# %% predict="ten_layers"
my_without, my_with = ..., ...


# %%
def through_ten_layers(norm) -> float:
    """Root mean square of a signal of size 1 behind ten layers that enlarge by 1.5 each."""
    x = pixel_norm(torch.randn(4, 16, 8, 8, generator=torch.Generator().manual_seed(0)))
    for _ in range(10):
        x = norm(1.5 * x.roll(1, dims=1))
    return x.pow(2).mean().sqrt().item()


without, with_norm = through_ten_layers(lambda x: x), through_ten_layers(pixel_norm)
compare(my_without, without, "without", digits=1)
compare(my_with, with_norm, "with pixel_norm", digits=1)
assert without > 50 and abs(with_norm - 1) < 1e-3

# %% [markdown]
# ## The same step for every layer
#
# Adam divides each gradient by its usual size. So its first step moves every weight by about the learning rate, *however large
# that weight is*. Now look at how large weights are. He's initialisation draws them with standard deviation
# $\sqrt{2 / \text{fan-in}}$, fan-in being the count of numbers that one output is made from: inputs × kernel × kernel.
#
# **Predict.** One layer has fan-in 1,024, another has fan-in 1. Both take a step of the same learning rate. How many times
# larger is the first layer's step, measured against its weights?

# %% predict="steps_apart"
my_steps_apart = ...

# %%
compare(my_steps_apart, math.sqrt(1024 / 1), "times larger")

# %% [markdown]
# A learning rate that suits one of them is wrong for the other. The paper's cure (section 4.1): let *all* stored weights be
# drawn from $\mathcal N(0, 1)$ and put the scale into the layer's own arithmetic, at every forward pass:
#
# $$\hat w = w \cdot \sqrt{\frac{2}{\text{fan-in}}}$$
#
# The function is the same as before. The step is not: Adam sees weights of size 1 everywhere.
#
# ### Exercise 6.3 · Equalised convolution   ●●○ · 20 min · 3 points
# Write the layer. Its parameters are `weight`, of shape (outputs, inputs, kernel, kernel), from $\mathcal N(0, 1)$, and `bias`, of
# shape (outputs,), all 0. Only the weight is scaled.
#
# The mistake that is found most often in published code: the scale is used when the weights are drawn and forgotten in
# `forward`. Then this is He's initialisation again.
#
# <details><summary>Hint</summary>Compute the scale once in <code>__init__</code>; it is no parameter. Where must it appear, and
# where not? <code>conv2d</code> takes weight, bias, stride and padding.</details>


# %% answer="EqualizedConv2d"
class EqualizedConv2d(torch.nn.Module):
    """Convolution (N, inputs, H, W) to (N, outputs, H', W') whose weights are stored at size 1 and scaled when used.

    The traps: the fan-in of a kernel; scaling once, in the right place; the bias.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0):
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = torch.nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
        self.scale = math.sqrt(2 / (inputs * kernel**2))
        self.stride, self.padding = stride, padding
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)
        ### END SOLUTION


# %% check="EqualizedConv2d" points=3

# %% [markdown]
# Three layers of this lesson's discriminator, with fan-ins 1, 128 and 1,024, take one step of Adam with learning rate 0.01. How
# far does each move, as a share of its own size? First with He's weights, then with your layer.


# %%
def he_conv(inputs: int, outputs: int, kernel: int) -> torch.nn.Conv2d:
    layer = torch.nn.Conv2d(inputs, outputs, kernel)
    torch.nn.init.normal_(layer.weight, std=math.sqrt(2 / (inputs * kernel**2)))
    return layer


def relative_step(layer: torch.nn.Module, inputs: int, kernel: int) -> float:
    """Size of Adam's first step as a share of the size of the weights."""
    weight = next(p for p in layer.parameters() if p.ndim == 4)
    before = weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    layer(torch.randn(8, inputs, kernel, kernel)).pow(2).mean().backward()
    optimizer.step()
    return ((weight - before).norm() / before.norm()).item()


torch.manual_seed(0)
shapes = {"fan-in 1": (1, 64, 1), "fan-in 128": (8, 16, 4), "fan-in 1024": (64, 64, 4)}
steps = {
    kind: [relative_step(layer(*s), s[0], s[2]) for s in shapes.values()]
    for kind, layer in {"He": he_conv, "equalised": EqualizedConv2d}.items()
}
for kind, (first, second, third) in steps.items():
    print(f"{kind:<10} fan-in 1: {first:.3f}   fan-in 128: {second:.2f}   fan-in 1024: {third:.2f}")
assert max(steps["He"]) > 15 * min(steps["He"])
assert max(steps["equalised"]) < 1.5 * min(steps["equalised"])

# %% [markdown]
# This is also why the learning rates of this lesson look large. A rate of 0.03 means three per cent of each layer a step, wherever the layer is.
#
# ## How much does a batch vary?
#
# A discriminator that looks at one picture at a time cannot see that all generated pictures are the same. So it is
# told (section 3): take the standard deviation of each feature *over the batch*, average these over all features and places, and
# append the one number that results as one more channel, the same everywhere.
#
# **Predict.** A generator answers every noise vector with the same picture. What number is appended?

# %% predict="collapsed"
my_collapsed = ...

# %% [markdown]
# ### Exercise 6.4 · Minibatch standard deviation   ●●○ · 15 min · 2 points
# Return `x` with that channel appended as its last. The standard deviation is the population's: divide by N, so that a batch
# of one picture gets nearly 0 and not NaN. Add $10^{-8}$ to the variance before the root: the slope of a root at 0 is infinite.
#
# <details><summary>Hint</summary>Three steps: variance over axis 0; root, then mean over everything that is left; one
# number expanded to (N, 1, H, W).</details>


# %% answer="minibatch_stddev"
def minibatch_stddev(x: Tensor) -> Tensor:
    """Maps (N, C, H, W) to (N, C + 1, H, W): the last channel is the mean standard deviation over the batch.

    The traps: over which axis things vary; the mean of the roots; what happens when nothing varies.
    """
    ### BEGIN SOLUTION
    spread = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)
    ### END SOLUTION


# %% check="minibatch_stddev" points=2

# %% [markdown]
# One number against collapse: 50 batches of 32 photographs, and 50 batches in which a "generator" repeats four photographs eight
# times each. Each picture is a perfect photograph; no discriminator that sees them one by one could object.

# %%
collapsed = ten[:1].expand(32, -1, -1, -1)
compare(my_collapsed, minibatch_stddev(collapsed)[0, -1, 0, 0].item(), "one picture, repeated", digits=3)
honest = [minibatch_stddev(clothes.batch(torch.arange(32 * i, 32 * i + 32)))[0, -1, 0, 0].item() for i in range(50)]
repeats = [
    minibatch_stddev(clothes.batch(torch.arange(32 * i, 32 * i + 4).repeat(8)))[0, -1, 0, 0].item() for i in range(50)
]
print(
    f"photographs: {min(honest):.2f} to {max(honest):.2f}; four of them, repeated: {min(repeats):.2f} to {max(repeats):.2f}"
)
assert sum(r < min(honest) for r in repeats) >= 40

# %% [markdown]
# ## An average that follows
#
# The pictures that you will look at are not the generator's own, but those of an average of its weights over time
# (section 6.1):
#
# $$\bar w \leftarrow \beta\, \bar w + (1 - \beta)\, w$$
#
# With $\beta = 0.999$ the average remembers about a thousand steps. In the beginning that is a fault: what it remembers is the
# random start. The remedy is a **warm-up**: at update $t = 1, 2, 3, \dots$ use $\beta_t = \min\big(\beta, \frac{1 + t}{10 + t}\big)$.
#
# **Predict.** After 500 updates with $\beta = 0.999$, which share of the average is still the random start? And with the
# warm-up?

# %% predict="memory"
my_plain, my_warm = ..., ...

# %% [markdown]
# ### Exercise 6.5 · The average   ●●○ · 20 min · 3 points
# Move `average` towards `model`, in place. Parameters are averaged. **Buffers** are copied: they hold counts and statistics, and in
# this lesson the stage and α of a growing net, of which half the old and half the new makes no sense. `step` counts
# the updates, this one included: 1, 2, 3, …
#
# <details><summary>Hint</summary>Two loops, over <code>parameters()</code> and over <code>buffers()</code>, under
# <code>torch.no_grad()</code>. Operations that end in <code>_</code> change a tensor where it is.</details>


# %% answer="ema_update"
def ema_update(average: torch.nn.Module, model: torch.nn.Module, beta: float, step: int) -> None:
    """Move the weights of `average` towards those of `model`; copy the buffers. Returns nothing.

    The traps: which of the two gets beta; the warm-up; buffers; no graph may be kept.
    """
    ### BEGIN SOLUTION
    beta = min(beta, (1 + step) / (10 + step))
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs, 1 - beta)
        for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
    ### END SOLUTION


# %% check="ema_update" points=3

# %% [markdown]
# Let the model be 0 from the first step on and the average start at 1: what is left of the 1 is the memory of the start.


# %%
def memory_of_start(update, updates: int = 500) -> list[float]:
    """The average of a model whose one weight is 0, after each update, starting from 1."""
    model, average = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.ones_(average.weight)
    memory = []
    for step in range(1, updates + 1):
        update(average, model, 0.999, step)
        memory.append(average.weight.item())
    return memory


warm = memory_of_start(ema_update)
plain = memory_of_start(lambda average, model, beta, step: ema_update(average, model, beta, 10**9))
compare(my_plain, plain[-1], "share of the start, no warm-up", digits=3)
compare(my_warm, warm[-1], "share of the start, with warm-up", digits=3)
assert plain[-1] > 0.6 and warm[-1] < 1e-3
show.lines(
    range(1, 501),
    {"no warm-up": plain, "with warm-up": warm},
    alt="Share of the random start in the average over 500 updates. Without warm-up it falls slowly from 1 to 0.61; with warm-up it is at 0 after a few updates",
    xlabel="updates",
    ylabel="share of the start",
)

# %% [markdown]
# ## Growing
#
# Now the step that gives the method its name. A player of the following kind holds its blocks in a list; the last block is the
# newest, and `alpha` says how far it has been faded in.


# %% given="GrowingGenerator"
class Doubling(torch.nn.Module):
    """Maps (N, inputs, H, W) to (N, outputs, 2 H, 2 W), and from there to a picture."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = EqualizedConv2d(inputs, outputs, 3, padding=1)
        self.to_image = EqualizedConv2d(outputs, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return pixel_norm(leaky_relu(self.conv(interpolate(x, scale_factor=2)), 0.2))


class GrowingGenerator(torch.nn.Module):
    """Noise (N, 64) to pictures (N, 1, S, S): 4 x 4 with one block, twice as large with each further one."""

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Doubling(16, 32)])
        self.alpha = 1.0

    def forward(self, z: Tensor) -> Tensor:
        x = z.unflatten(1, (16, 2, 2))
        for block in self.blocks:
            before, x = x, block(x)
        image = self.blocks[-1].to_image(x)
        if len(self.blocks) == 1:
            return image
        return fade_in(self.blocks[-2].to_image(before), image, self.alpha)


# %% [markdown]
# Three things have to grow together, and each has been forgotten in widely used code:
# - the **player** gets the block, and α starts at 0, so that nothing changes at first;
# - the **average** gets a copy of the block. A copy: if both hold the same block, that part is not averaged;
# - the **optimiser** gets the new weights, *beside* the old ones. If it is built anew, it forgets how large each old weight's
#   gradients usually are. The new weights learn at the rate that the old ones have at this moment.
#
# ### Exercise 6.6 · Grow   ●●● · 20 min · 3 points
# Write the step. α starts at 0 in the average too. `average` is None where a player has none (a discriminator). The optimiser has one group of parameters; you may add
# to that group, or add a second one.
#
# <details><summary>Hint</summary><code>optimizer.add_param_group</code> takes a dictionary with "params" and, if you say
# nothing else, the rate that the optimiser was <i>built</i> with. <code>optimizer.param_groups[0]["lr"]</code> is the rate of
# now.</details>


# %% answer="grow"
def grow(player, average, optimizer: torch.optim.Optimizer, block: torch.nn.Module) -> None:
    """Put `block` on top of player.blocks and of average.blocks, start to fade it in, and let the optimizer know it.

    The traps: what the output is right after; what the average shares with the player; what the optimizer remembers.
    """
    ### BEGIN SOLUTION
    player.blocks.append(block)
    player.alpha = 0.0
    if average is not None:
        average.blocks.append(copy.deepcopy(block).requires_grad_(False))
        average.alpha = 0.0
    optimizer.add_param_group({"params": list(block.parameters()), "lr": optimizer.param_groups[0]["lr"]})
    ### END SOLUTION


# %% check="grow" points=3

# %% [markdown]
# Your `grow`, at work. A GAN is a noisy judge, so for this question let the generator learn by heart: 64 noise vectors, 64
# photographs, squared error. It learns 4 × 4, then it grows.
#
# **Predict.** By how much does any pixel change at the moment of growing? And in the first step afterwards: by how many learning
# rates does a weight of the *old* block move if the optimiser was built anew instead?

# %% predict="moment_of_growing"
my_change, my_moved = ..., ...


# %%
def learn_by_heart(generator, optimizer, noise: Tensor, wanted: Tensor, steps: int) -> None:
    for _ in range(steps):
        loss = (generator(noise) - wanted).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def grow_by_heart(rebuilt: bool) -> tuple[float, Tensor]:
    """Learn 4 x 4, grow, take one step. Returns the change by growing and the old weights' moves in learning rates."""
    torch.manual_seed(0)
    generator, noise, photographs = GrowingGenerator(), torch.randn(64, 64), clothes.first(64)
    average = copy.deepcopy(generator)
    optimizer = torch.optim.Adam(generator.parameters(), 0.01, (0.0, 0.99))
    learn_by_heart(generator, optimizer, noise, avg_pool2d(photographs, 8), 150)
    old_weight = next(p for p in generator.blocks[0].parameters() if p.ndim == 4)
    with torch.no_grad():
        old_images = generator(noise)
        grow(generator, average, optimizer, Doubling(32, 16))
        change = (generator(noise) - interpolate(old_images, scale_factor=2)).abs().max().item()
    if rebuilt:
        optimizer = torch.optim.Adam(generator.parameters(), 0.01, (0.0, 0.99))
    before = old_weight.detach().clone()
    learn_by_heart(generator, optimizer, noise, avg_pool2d(photographs, 4), 1)
    return change, ((old_weight - before).abs() / 0.01).detach().flatten()


# %%
change, kept_moves = grow_by_heart(rebuilt=False)
_, lost_moves = grow_by_heart(rebuilt=True)
compare(my_change, change, "largest change of a pixel by growing", digits=1)
compare(my_moved, lost_moves.median().item(), "learning rates moved, built anew", digits=2)
assert change == 0.0

# %% tags=["train"]
for name, moves in {"kept": kept_moves, "built anew": lost_moves}.items():
    low, high = moves.quantile(0.05).item(), moves.quantile(0.95).item()
    print(f"{name:<11} nine weights of ten moved by {low:.2f} to {high:.2f} learning rates")
assert lost_moves.quantile(0.05) > 0.99 and lost_moves.quantile(0.95) < 1.01
assert kept_moves.quantile(0.95) > 3 * kept_moves.quantile(0.05)

# %% [markdown]
# An optimiser without memory divides each gradient by itself: every weight moves by exactly one learning rate, whether its
# gradient is large or as good as nothing. The one that was kept knows the difference. (Does it matter here? For this toy's loss
# it does not: over three seeds the loss twenty steps later was as low with the optimiser that had forgotten. It is a
# mistake because nobody decided it, not because it always hurts.)
#
# From here on the course's own players do the growing (`gancourse.nets.progressive`, a page to read), made of **your** parts. They hold all
# blocks from the start and a buffer that says how far they have grown: your `grow`, arranged so that a run that was stopped
# in the middle of a fade goes on bit for bit.

# %% [markdown]
# ## Your GAN learns
#
# Four stages: 4 × 4, 8 × 8, 16 × 16, 32 × 32. A stage's first half is the fade, and each stage is shown more images than the one before.
# The losses are lesson 1's, non-saturating with R1. Everything new is yours: the convolutions, the norm, the deviation, the
# fade and the average. (This run takes half of the images of the laptop budget; `gancourse train progressive` takes them all.)
#
# This run takes the GPU where there is one, which is what `device` stands for.
# The experiments stay on the CPU, where their numbers repeat.

# %%
parts = Parts(EqualizedConv2d, pixel_norm, minibatch_stddev, fade_in)


class YourAverage(EMA):
    """The course's average, moved by your function."""

    def update(self, model: torch.nn.Module, images: int) -> None:
        self.updates += 1
        ema_update(self.model, model, 0.5 ** (images / self.half_life), self.updates)


class Album(Monitor):
    """Ten images from fixed noise at the end of each stage."""

    def __init__(self):
        self.rows = {}

    def record(self, trainer, losses: dict[str, float]) -> None:
        side = 4 * 2**trainer.ema.model.stage
        self.rows[f"{side} x {side}"] = recipe.generate(trainer.ema.model, 10, seed=1)


def train(recipe: Progressive, *monitors: Monitor, device="cpu") -> tuple[torch.nn.Module, float]:
    """Train players made of your parts. Returns the averaged generator, on the CPU, and the CPU-seconds that it took."""
    players = recipe.players(clothes, device, parts)
    game = recipe.game(players, parts)
    trainer = recipe.trainer(players, recipe.batches(clothes, device), game.step(), monitors=monitors)
    trainer.ema = YourAverage(players.generator, recipe.ema_half_life)
    began = time.process_time()
    trainer.run()
    return trainer.ema.model.cpu(), time.process_time() - began


timetable = [recipe.growth(images) for images in range(0, recipe.images, 500)]
show.lines(
    [500 * i for i in range(len(timetable))],
    {"stage": [stage for stage, _ in timetable], "alpha": [alpha for _, alpha in timetable]},
    alt="Over the images shown: the stage climbs in three stairs from 0 to 3, each stair longer than the one before; at the foot of each, alpha falls to 0 and rises in a straight line to 1",
    xlabel="images shown",
)

# %% tags=["train"]
album = Album()
generator, seconds = train(recipe, album, ProgressBar("growing"), device=device)
show.image_rows(
    album.rows | {"real": ten},
    alt="Five rows of ten. From the same noise: at 4 x 4 grey squares, at 8 x 8 rough shapes, at 16 x 16 garments that can be told apart, at 32 x 32 tops, trousers and a shoe with rough outlines and grainy cloth; below, ten real photographs",
)

# %% tags=["train"]
score_images = recipe.scorer()
scores, floor = score_images(generator), recipe.floor()
print(
    f"nFD {scores['nfd']:.3f}, floor {floor:.3f}; precision {scores['precision']:.2f}, recall {scores['recall']:.2f} (N = {scores['n_fake']})"
)
assert scores["nfd"] < 0.30
assert scores["classes"] >= 8

# %% tags=["train"]
recipe.picture(generator)

# %% [markdown]
# Tops, trousers, shoes and bags can be named; the cloth is grainy and some pieces are torn. Precision is high and recall low: what is made
# mostly looks like clothes, and much of what real clothes look like is not made. (What mattered most
# was the learning rate. With seed 0 and 25,600 images: nFD 0.33 with 0.01, 0.24 with 0.02, 0.21 with 0.03, 0.19 with 0.04, and 0.61, a
# collapse, with 0.07. Equalised layers want large rates, and there is a cliff.)

# %% [markdown]
# ## Does growing pay?
#
# The same players, the same losses, the same CPU time: once grown, once trained at 32 × 32 from the first image on. Direct
# training gets fewer images for its time, for every one of them is a large one: 7,360 cost what 9,600 grown ones cost (measured
# on one idle core; on a busy machine the seconds below may differ).
#
# **Predict.** Which of the two has the lower nFD after the same short time, about fifteen seconds? And by which factor?

# %% predict="growing_pays"
my_factor = ...  # nFD of the grown one, divided by nFD of the direct one

# %% tags=["train"]
short = Progressive.for_budget("laptop", images=9600)
grown, grown_seconds = train(short, ProgressBar("growing"))
direct_recipe = Progressive.for_budget("laptop", images=7360, direct=True)
direct, direct_seconds = train(direct_recipe, ProgressBar("direct"))
assert direct_seconds < 2.5 * grown_seconds

# %% tags=["train"]
grown_nfd, direct_nfd = (score_images(g)["nfd"] for g in (grown, direct))
print(f"growing: {short.images:,} images in {grown_seconds:.0f} CPU-s, nFD {grown_nfd:.3f}")
print(f"direct:  {direct_recipe.images:,} images in {direct_seconds:.0f} CPU-s, nFD {direct_nfd:.3f}")
compare(my_factor, grown_nfd / direct_nfd, "grown / direct")
assert direct_nfd < grown_nfd
show.image_rows(
    {"grown": recipe.generate(grown, 10, seed=1), "direct": recipe.generate(direct, 10, seed=1)},
    alt="Two rows of ten generated garments after the same short time. Both are rough: tops, dresses and trousers with ragged edges and stains; the rows cannot be ranked by eye",
)

# %% [markdown]
# At 32 × 32 and with these small players, growing does **not** pay. The early stages are cheap, but what they teach is cheap
# too: the coarse shapes, which direct training finds in its first seconds as well. The time that is short is the time at
# full size, and growing spends it late.
#
# One run is an anecdote. Over three seeds, with 9,600 images grown and 7,360 direct (17 to 21 CPU-seconds each, learning rate
# 0.04, N = 2,000), growing reached nFD 0.409, 0.375 and 0.434, direct training 0.316, 0.292 and 0.338: growing was worse by a factor of
# 1.3 every time, although it was shown a third more images. (`gancourse train progressive --set images=9600 --set learning_rate=0.04
# --set seed=1`, and with `--set direct=true --set images=7360`.)
#
# **And at 64 × 64?** There one more doubling is saved in all of the early stages. The same photographs, enlarged smoothly, scored at
# 32 × 32 after averaging: 5,600 images grown (29 CPU-seconds) reached nFD 0.295, 4,000 images of direct training (27 CPU-seconds)
# 0.387. Now growing wins, on the one seed that was run. (`gancourse train progressive --set size=64 --set images=5600`, and with
# `--set direct=true --set images=4000`.)
#
# So the answer has a size in it. The paper's answer was given at 1024 × 1024, where growing made training two to six times faster
# (section 2). Two years later the same authors found players that learn large pictures directly, with skip connections in the
# place of α, and gave growing up, for it nails details to places (Karras et al. 2020, section 4). The other four ideas stayed: equalised
# rates, normalisation, the deviation over the batch and the average.

# %% [markdown]
# ## Find the bug
#
# A colleague's game. It grows, it fades, nothing warns. This is the function that brings both players to a stage and prepares the reals:


# %% given="broken_prepare"
def broken_prepare(generator, discriminator, real: Tensor, stage: int, alpha: float) -> Tensor:
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage)
    return avg_pool2d(real, 2 ** (generator.stages - 1 - stage))


# %% [markdown]
# 250 steps at 4 × 4, then 8 × 8 begins to fade in, slowly: after 250 steps more, α is ⅓. **Predict**: what will D's loss do at the
# moment of growing? Right before it is near log 4 ≈ 1.39, for 4 × 4 has been learned well.

# %% predict="loss_in_the_fade"
my_loss_in_the_fade = ...


# %%
def growing_pains(prepare, title: str) -> tuple[History, float]:
    """4 x 4, then a slow fade to 8 x 8. Returns the losses and D's mean loss in the first hundred steps of the fade."""
    recipe = Progressive.for_budget("laptop", images=500 * 16, gamma=0.1, record_every=10)
    players, history = recipe.players(clothes), History()

    class Game(ProgressiveGame):
        def prepare(self, real: Tensor, stage: int, alpha: float) -> Tensor:
            return prepare(self.generator, self.discriminator, real, stage, alpha)

    def growth(number: int) -> tuple[int, float]:
        return (0, 1.0) if number < 250 else (1, (number - 250) / 750)

    step = Game(players, recipe.latent_dim, growth, recipe.gamma, recipe.r1_every).step()
    recipe.trainer(players, recipe.batches(clothes), step, monitors=[history, ProgressBar(title)]).run()
    fading = [r["discriminator"] for r in history.records if 250 < r["steps"] <= 350]
    return history, sum(fading) / len(fading)


# %% tags=["train"]
history, their_loss = growing_pains(broken_prepare, "their fade")
compare(my_loss_in_the_fade, their_loss, "D's loss in the first hundred steps of the fade")
show.curves(
    history.records,
    ["discriminator", "generator"],
    alt="Both losses over 8,000 images. In the middle, where the fade begins, D's loss falls from 1.4 to about 0.8 and stays low, and G's loss jumps from 0.75 to 1.6",
    levels={"log 4": math.log(4)},
)

# %% [markdown]
# At the moment of growing, D's loss falls off a cliff: it can suddenly tell real from generated. Yet the generator's
# pictures are the same as before, to the last bit. What has changed is what D is *shown*, and how it looks.
#
# ### Exercise 6.7 · The repaired preparation   ●●○ · 15 min · 2 points
# Write `repaired_prepare`. It brings both players to (stage, alpha) and returns the reals as D is to see them: as large as the
# stage's pictures, and faded as the generator's are. At stage 0 nothing is faded.
#
# <details><summary>Hint</summary>Where does α act? The section on fading in names three places. For the reals: the old picture is
# the average over 2 × 2 of the new one.</details>


# %% answer="repaired_prepare"
def repaired_prepare(generator, discriminator, real: Tensor, stage: int, alpha: float) -> Tensor:
    """Bring both players to the stage. real: (N, C, S, S) at full size. Returns the reals as D is to see them."""
    ### BEGIN SOLUTION
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    whole = avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else fade_in(avg_pool2d(whole, 2), whole, alpha)
    ### END SOLUTION


# %% check="repaired_prepare" points=2

# %% tags=["train"]
_, repaired_loss = growing_pains(repaired_prepare, "repaired")
print(f"D's loss in the first hundred steps of the fade: {their_loss:.2f} theirs, {repaired_loss:.2f} repaired")
assert their_loss < 0.85 * repaired_loss

# %% [markdown]
# ## In your own words
#
# ### Exercise 6.8 · When to grow   ●●○ · 15 min · 4 points
# A colleague wants to train a GAN on satellite pictures of 256 × 256 and has a week on one GPU. "Progressive growing made megapixel
# faces possible, so I shall grow." Name **one** reason that speaks for growing and **one** that speaks against it, each with a number from
# this lesson, and describe the **smallest experiment** that would decide it, with what is held equal and what is measured. Five
# to ten sentences.

# %% [markdown] written="when_to_grow" points=4
# **A good answer.** For: early stages are cheap (images a second at 4 × 4 against 32 × 32, measured above), and the saving grows with the
# size: at 64 × 64 growing won at equal time, 0.295 against 0.387, so at 256 × 256 it may well win. Most of the variance is in the coarse
# pictures too (four tenths in 4 × 4, two thirds in 8 × 8). Against: images that are shown at small sizes are not shown at the full one; at
# 32 × 32 growing lost at equal time, by a factor of 1.3 on three seeds; each fade is a moment at which a mistake upsets both
# players (D's loss in the bug hunt above); and there are more numbers to choose. Experiment: the same players, losses and data, once grown and
# once direct, at equal *time on the same machine* (not equal steps or images), at least three seeds each, the same metric with its N and
# floor, at several budgets, of which the longest is as near to the real one as can be paid for.
#
# **Rubric.** 1 point for a reason for, with a number of this lesson. 1 point for a reason against, with a number. 1 point for an
# experiment at equal time (not images or steps) with everything else equal. 1 point for seeds and a named metric. No
# point for "the paper did it" or for "it is more stable" without a measurement.

# %% [markdown]
# ## Play
#
# Your generator still holds all of its sizes. Move through the stages and through α, and look where a detail is decided: in which stage
# does a sleeve appear? Four sliders step along the directions in which its full-size images change most: follow one back to
# 4 × 4. Below each image stands what is mixed in it. Set α to 0: it is the image of the stage before, as you
# proved. (Without widgets, you see a strip.)

# %% tags=["train"]
from gancourse.widgets import fade_explorer

fade_explorer(generator, recipe.noise(30, seed=3))

# %% [markdown]
# ## On a GPU
#
# The same recipe on faces (CelebA) at 128 × 128, six stages, eight times as wide, twelve million images shown:
#
# ```
# gancourse train progressive --budget gpu --data celeba --device cuda
# ```
#
# Time and memory on a GPU have not been measured yet. A run can be stopped with Ctrl-C, in the middle of a fade too, and goes on with
# `--resume`.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. α = 0 has just been set. What does the grown generator show, and why must no pixel be smoothed?</summary>The
# old picture with each pixel repeated, to the last bit. Smoothing would change the fakes at the moment of growing, and D
# would see it.</details>
#
# <details><summary>2. In which three places does α act?</summary>Between G's two pictures, between D's two entrances, and in
# the real pictures.</details>
#
# <details><summary>3. Why is the scale of an equalised layer applied in forward and not when the weights are drawn?</summary>The
# function would be the same, but Adam's step is about one learning rate for each weight. Only if all stored weights have the
# same size is it the same share of each layer.</details>
#
# <details><summary>4. Pixel norm, minibatch deviation: over which axis?</summary>Channels (each pixel for itself); the batch
# (then the mean over all features and places).</details>
#
# <details><summary>5. What does an average need beside β, and what must not be averaged?</summary>A warm-up, or it remembers the
# random start; and buffers, which are copied.</details>
#
# **Read next.** Karras et al. 2018, *Progressive Growing of GANs for Improved Quality, Stability, and Variation*, sections 2 to
# 4 and 6.1 · Karras et al. 2020, *Analyzing and Improving the Image Quality of StyleGAN*, section 4: why the authors gave growing up ·
# Yazici et al. 2019, *The Unusual Effectiveness of Averaging in GAN Training*.
