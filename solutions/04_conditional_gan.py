# %% [markdown]
# # Lesson 4: the conditional GAN
#
# A shop asks for a hundred pictures of boots. Your generator can make clothes, and one in ten is a boot. How do you
# *ask*?
#
# You tell the generator the class. That is half of the answer, and the half that does not work alone: in this lesson
# you will train it and measure that it hits the right class as often as a blindfolded guess. What makes a conditional
# GAN obey is what its **discriminator** is told. You will write that part in two ways, compute why each of them works,
# and then count, class by class, what was learned.
#
# | | you write | points |
# |---|---|---|
# | 4.1 | `one_hot` | 1 |
# | 4.2 | `condition` | 2 |
# | 4.3 | `conditional_train_step` | 4 |
# | 4.4 | `label_agreement` | 2 |
# | 4.5 | `projection_logit` | 3 |
# | 4.6 | `ConditionalBatchNorm` | 3 |
# | 4.7 | `repaired_step` | 2 |
# | 4.8 | an answer in words | 4 |
#
# Time: about two and a half hours. Everything runs on two CPU cores and needs no network.

# %% setup="04"

# %% tags=["setup"]
import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from gancourse import check, compare, show
from gancourse.data import Images, ring
from gancourse.metrics import class_agreement, class_recall, load_classifier, neighbours
from gancourse.nets import DCGANDiscriminator, DCGANGenerator, MinibatchStd, he_init, mlp
from gancourse.objectives import discriminator_loss, generator_loss, r1_penalty
from gancourse.recipes.base import Players
from gancourse.recipes.conditional import Conditional, generate_labelled, labels_in_rows
from gancourse.training import Phase, ProgressBar

# %% [markdown]
# The same photographs as in the lessons before, with one thing more that you have not used yet: each has a label.

# %%
recipe = Conditional.for_budget("laptop")
clothes, test = recipe.load_data("embedded", "train"), recipe.load_data("embedded", "test")
classes = len(clothes.classes)
names = [name.split()[-1] for name in clothes.classes]  # the ankle boot is a boot from here on
show.image_rows(
    {name: clothes.batch((clothes.labels == c).nonzero()[:10, 0]) for c, name in enumerate(names)},
    alt="Ten labelled rows of ten photographs: T-shirts, trousers, pullovers, dresses, coats, sandals, shirts, sneakers, bags, boots",
)

# %% [markdown]
# ## A class as a vector
#
# A network computes with numbers, so the class has to become some. Its index is one: T-shirt 0, trousers 1, ..., ankle
# boot 9. But an index says things that nobody meant: that a boot is nine times as much as trousers, and that a shirt
# (6) lies between a sandal (5) and a sneaker (7).
#
# The **one-hot** vector says nothing but "this one": as many numbers as classes, a 1 in the column of the label, 0
# elsewhere.
#
# **Predict.** How far apart are the one-hot vectors of sandal and shirt? And those of T-shirt and boot?

# %% predict="apart"
my_sandal_shirt, my_shirt_boot = ..., ...

# %%
corners = torch.eye(classes)
compare(my_sandal_shirt, (corners[5] - corners[6]).norm().item(), "from sandal to shirt")
compare(my_shirt_boot, (corners[0] - corners[9]).norm().item(), "from T-shirt to boot")

# %% [markdown]
# Every two classes are equally far apart. Whatever a sneaker and a boot have in common, the network must find out
# itself.
#
# ### Exercise 4.1 · One-hot   ●○○ · 5 min · 1 point
# Return a row for each label, `(N, classes)`, as `float32`, on the labels' device.
#
# <details><summary>Hint</summary>A batch need not hold every class, so the largest label tells you nothing. And what is
# the dtype of a row that will be put beside noise?</details>


# %% answer="one_hot"
def one_hot(labels: Tensor, classes: int) -> Tensor:
    """labels: (N,) int64 in 0..classes - 1. Returns (N, classes) float32, a 1 at the label and 0 elsewhere.

    The traps: a class that is missing from the batch; a dtype that no layer takes.
    """
    ### BEGIN SOLUTION
    return torch.nn.functional.one_hot(labels, classes).float()
    ### END SOLUTION


# %% check="one_hot" points=1

# %% [markdown]
# With it, any generator becomes a conditional one: its input is the noise *and* the row (Mirza and Osindero 2014,
# section 3.2). Here is the DCGAN of lesson 2 with ten inputs more.


# %%
class LabelledGenerator(nn.Module):
    """Noise (N, latent_dim) and labels (N,) to images (N, 1, 32, 32)."""

    def __init__(self):
        super().__init__()
        self.classes = classes
        self.net = DCGANGenerator(recipe.latent_dim + classes, clothes.shape, recipe.width)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([z, one_hot(labels, classes)], dim=1))


made = LabelledGenerator()(torch.randn(3, recipe.latent_dim), torch.tensor([5, 9, 9]))
print(f"a sandal and two boots were asked for: {tuple(made.shape)}")

# %% [markdown]
# ## What D must see
#
# Now the generator *can* obey. Why should it? It learns only what D makes it pay for. A D that sees the image alone
# knows the best answer $D^*(x) = \frac{p(x)}{p(x) + q(x)}$ of lesson 1, and there is no $y$ in it: a boot that was
# ordered as a shirt is a fine boot. A D that sees the image *and* the label judges the **pair**:
#
# $$D^*(x, y) = \frac{p(x, y)}{p(x, y) + q(x, y)}$$
#
# and the game's value is a distance between the *joint* densities. The smallest world in which that makes a difference
# has two classes and two images: a shirt and a boot. The data are fair: half shirts, half boots, each with its own
# label. Three generators: one *obeys*, one makes shirts and boots by tossing a coin, *whatever* it is told, one makes
# *exactly the other*.
#
# **Predict.** The Jensen-Shannon distance between data and generator, in units of $\log 2$ (0: the same, 1: nothing in
# common). First as a D sees it that is shown the image alone, then with the label. For the generator that tosses a
# coin:

# %% predict="joint"
my_image_alone, my_with_label = ..., ...


# %%
def js(p: Tensor, q: Tensor) -> float:
    """The Jensen-Shannon divergence of two tables of probabilities, divided by log 2."""
    middle = (p + q) / 2
    parts = [torch.where(a > 0, a * (a / middle).log2(), 0.0).sum() for a in (p, q)]
    return sum(parts).item() / 2


data = torch.tensor([[0.5, 0.0], [0.0, 0.5]])  # rows: the label; columns: a shirt, a boot
generators = {"obeys": data, "tosses a coin": torch.full((2, 2), 0.25), "the other one": data.flip(0)}
seen = {name: (js(data.sum(0), q.sum(0)), js(data, q)) for name, q in generators.items()}
for name, (image_alone, pair) in seen.items():
    print(f"{name:14} image alone {image_alone:.2f}   with its label {pair:.2f}")
compare(my_image_alone, seen["tosses a coin"][0], "coin, image alone")
compare(my_with_label, seen["tosses a coin"][1], "coin, with the label")
assert all(image_alone == 0 for image_alone, _ in seen.values())
assert 0 == seen["obeys"][1] < seen["tosses a coin"][1] < seen["the other one"][1] == 1

# %% [markdown]
# A D that is shown images alone finds nothing wrong with any of the three. It cannot teach obedience, for it does not
# see it.
#
# So D gets the label too. The plainest way for a convolutional D: beside the image's channels, one **plane** for each
# class, filled with 1 where it is the label's and with 0 elsewhere. Constant planes, because a filter looks at one
# patch at a time and must meet the label in each.
#
# ### Exercise 4.2 · The label as planes   ●●○ · 10 min · 2 points
# Return the images with `classes` planes behind their own channels: `(N, C + classes, H, W)`, for images of any size,
# in the images' dtype. Use your `one_hot`.
#
# <details><summary>Hint</summary>A row (classes,) must become (classes, H, W). Which tensor operation repeats without
# copying? And in G's turn, D's judgement travels back through here.</details>


# %% answer="condition"
def condition(images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """images: (N, C, H, W), any floating dtype; labels: (N,). Returns (N, C + classes, H, W): the images, then the planes.

    The traps: a plane has the height and width of the image; the dtype is that of the images.
    """
    ### BEGIN SOLUTION
    planes = one_hot(labels, classes).to(images)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, planes], dim=1)
    ### END SOLUTION


# %% check="condition" points=2

# %% [markdown]
# What D is shown of a T-shirt, a sandal and a boot, channel by channel (black is 0, white is 1):

# %%
kinds = torch.tensor([0, 5, 9])
three = clothes.batch(torch.stack([(clothes.labels == c).nonzero()[0, 0] for c in kinds]))
channels = condition(three, kinds, classes)
channels[:, 1:] = 2 * channels[:, 1:] - 1  # for the eye: pictures go from -1 to 1
show.image_rows(
    {names[c]: row[:, None] for c, row in zip(kinds.tolist(), channels, strict=True)},
    alt="Three rows of eleven squares: a photograph, then ten planes of which one is white and the others black. The white one is the first for the T-shirt, the sixth for the sandal, the last for the boot",
)

# %% [markdown]
# And the D of lesson 2 with ten channels more:


# %%
class LabelledDiscriminator(nn.Module):
    """Images (N, 1, 32, 32) and labels (N,) to logits (N,)."""

    def __init__(self):
        super().__init__()
        channels, height, width = clothes.shape
        self.net = DCGANDiscriminator((channels + classes, height, width), recipe.width, batch_std=True)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.net(condition(images, labels, classes))


# %% [markdown]
# ## One step of the game
#
# The turns are those of lesson 1. New is that every image has a label, and there are three ways to get it wrong:
#
# 1. **A real image keeps its own label.** If it gets a random one, D is taught that any label fits: the data's pairs
#    become $p(x)\,p(y)$, and the generator that tosses a coin is perfect.
# 2. **A fake is judged with the label that made it.** Else D's verdict says nothing of what G was asked for.
# 3. **The fakes' labels are as frequent as the data's.** If $q(y) \ne p(y)$, the label alone tells D what is fake. The
#    simplest way is to give the fakes the labels of the real batch.
#
# **Predict.** Rule 1 is broken: the real images' labels are shuffled. What is the distance now, with the label, for the
# generator that *obeys*? And for the one that tosses a coin?

# %% predict="shuffled"
my_obeys, my_coin = ..., ...

# %%
shuffled = data.sum(1, keepdim=True) * data.sum(0, keepdim=True)
compare(my_obeys, js(shuffled, generators["obeys"]), "shuffled labels, G obeys")
compare(my_coin, js(shuffled, generators["tosses a coin"]), "shuffled labels, G tosses a coin")
assert js(shuffled, generators["tosses a coin"]) == 0 < js(shuffled, generators["obeys"])

# %% [markdown]
# With shuffled labels, obeying is *punished*.
#
# ### Exercise 4.3 · One conditional step   ●●● · 20 min · 4 points
# Let D take one optimiser step, then G. Both players are called with the labels: `generator(noise, labels)`,
# `discriminator(images, labels)`. The fakes carry the labels of the real batch. Everything else is as in lesson 1: the
# imported `discriminator_loss` and `generator_loss` (non-saturating), fresh noise for each turn, no leaks. Return both
# losses without a graph. The check looks at two steps in a row.
#
# <details><summary>Hint</summary>Count the calls of a player in both turns, and write each with its label beside it: whose
# label is this?</details>


# %% answer="conditional_train_step"
def conditional_train_step(
    generator, discriminator, g_optimizer, d_optimizer, real: Tensor, labels: Tensor, latent_dim: int
) -> tuple[Tensor, Tensor]:
    """One turn of D and one of G. real: (N, ...); labels: (N,) int64. Returns (d_loss, g_loss), scalars without a graph.

    The traps: each image with the label that belongs to it; what is cut and what is not; what a backward leaves behind.
    """
    ### BEGIN SOLUTION
    fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels).detach()
    d_loss = discriminator_loss(discriminator(real, labels), discriminator(fake, labels))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels)
    g_loss = generator_loss(discriminator(fake, labels))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="conditional_train_step" points=4

# %% [markdown]
# The course's loop around your step. Every fourth step, D also pays for its steepness at the real images: R1, as in
# lesson 1, here with a turn of its own (Karras et al. 2020, section 3.1, call this *lazy*: less often, and that much
# stronger).


# %%
def train(step, generator: nn.Module, discriminator: nn.Module, images: int, title: str, data=clothes, device="cpu"):
    """Train two players with a step function. Returns the averaged generator, on the CPU."""
    numbers = Conditional.for_budget("laptop", images=images)
    generator, discriminator = generator.to(device), discriminator.to(device)
    players = Players(generator, discriminator, numbers.adam(generator), numbers.adam(discriminator))

    def steepness(batch):
        real, labels = batch
        real.requires_grad_()
        return numbers.r1_every * numbers.gamma / 2 * r1_penalty(discriminator(real, labels), real)

    lazy = Phase("steepness", discriminator, players.discriminator_optimizer, steepness)

    def one_step(batch, number: int) -> dict[str, Tensor]:
        real, labels = batch
        d_loss, g_loss = step(
            generator,
            discriminator,
            players.generator_optimizer,
            players.discriminator_optimizer,
            real,
            labels,
            numbers.latent_dim,
        )
        if number % numbers.r1_every == 0:
            lazy.take(batch)
            discriminator.requires_grad_(True)
        return {"D's loss": d_loss, "G's loss": g_loss}

    trainer = numbers.trainer(players, numbers.batches(data, device), one_step, monitors=[ProgressBar(title)])
    trainer.run()
    return trainer.ema.model.cpu()


def new(*makers, seed: int = 0):
    """Freshly started players."""
    torch.manual_seed(seed)
    return [make().apply(he_init) for make in makers]


# %% [markdown]
# ## Does it make what was asked for?
#
# The course classifier looks at the images and says a class. How often is it the one that was asked for? That share is
# the **label agreement**. It has a ceiling: the classifier errs on real photographs too.
#
# ### Exercise 4.4 · Label agreement   ●●○ · 10 min · 2 points
# Return the share of images, as a float between 0 and 1, whose most likely class is their label. Ask the classifier in
# eval mode, and leave it in the mode in which you found it; you may take it that all its parts are in the same mode.
#
# <details><summary>Hint</summary>In train mode, batch norm answers for the whole batch. Who else may be using this
# network after you?</details>


# %% answer="label_agreement"
def label_agreement(classifier: nn.Module, images: Tensor, labels: Tensor) -> float:
    """classifier: images (N, C, H, W) to logits (N, K). labels: (N,), what the images were made as. Returns a share.

    The traps: which axis holds the classes; the mode in which the classifier is asked, and in which it is left.
    """
    ### BEGIN SOLUTION
    training = classifier.training
    classifier.eval()
    with torch.no_grad():
        agreed = classifier(images).argmax(dim=1) == labels
    classifier.train(training)
    return agreed.float().mean().item()
    ### END SOLUTION


# %% check="label_agreement" points=2

# %%
classifier = load_classifier()
ceiling = label_agreement(classifier, test.first(2000), test.labels)
print(f"real photographs: the classifier agrees with the label of {ceiling:.1%}")

# %% [markdown]
# ### The label given to G only
#
# Now the experiment of the first page. G is told the label, with your `one_hot`. D has the same layers as above, but it
# is handed the label 0 with every image, so its planes say nothing. Everything else is your own step.
#
# **Predict.** What share of its images will be of the class that was asked for?

# %% predict="blind"
my_blind = ...


# %%
class BlindDiscriminator(LabelledDiscriminator):
    """Takes the labels, and does not look at them."""

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return super().forward(images, torch.zeros_like(labels))


def samples(generator: nn.Module, n: int = 2000, seed: int = 2) -> tuple[Tensor, Tensor]:
    """n images from fixed noise with their labels, as many of each class."""
    labels = labels_in_rows(n, classes)
    return generate_labelled(generator, recipe.noise(n, seed), labels), labels


SHORT = 400 * recipe.batch_size

# %% tags=["train"]
blind = train(conditional_train_step, *new(LabelledGenerator, BlindDiscriminator), SHORT, "label to G only")
blind_agreement = label_agreement(classifier, *samples(blind))
compare(my_blind, blind_agreement, "agreement, label to G only")
assert blind_agreement < 0.30
show.image_rows(
    {name: samples(blind, 100, 1)[0][10 * c : 10 * c + 10] for c, name in enumerate(names)},
    alt="Ten rows of ten coarse shapes of clothes. The name beside a row has nothing to do with what is in it: tops and shoes in every row",
)

# %% [markdown]
# It makes clothes, and it is no better than chance, 10 %. Not because G could not obey: because nobody asked it to.

# %% [markdown]
# ### The label given to both
#
# The same run with one line less: D looks at its planes.
#
# **Predict** the agreement after as many steps.

# %% predict="told"
my_told = ...

# %% tags=["train"]
told = train(conditional_train_step, *new(LabelledGenerator, LabelledDiscriminator), SHORT, "label to both")
told_agreement = label_agreement(classifier, *samples(told))
compare(my_told, told_agreement, "agreement, label to both")
assert told_agreement > blind_agreement + 0.10

# %% [markdown]
# After as many steps, nearly six in ten of the images are what was asked for. One line of D made the
# difference.

# %% [markdown]
# ## The logit as a ratio
#
# Planes work. They put the label in at D's entrance and leave it to three layers to carry it to the exit. Can one say
# where it *belongs*? Miyato and Koyama (2018, section 3) ask what the best D computes. Its logit is
#
# $$\log \frac{p(x, y)}{q(x, y)} = \log \frac{p(y \mid x)}{q(y \mid x)} + \log \frac{p(x)}{q(x)}$$
#
# If both conditionals are softmax classifiers on the same features $\phi(x)$, with class vectors $v^p_y$ and $v^q_y$,
# the first term is $(v^p_y - v^q_y) \cdot \phi(x)$ and a part that does not depend on $y$. Call the difference $v_y$
# and everything without $y$ $\psi$:
#
# $$\text{logit}(x, y) = \underbrace{v_y \cdot \phi(x)}_{\text{does it fit the label?}} + \underbrace{\psi(\phi(x))}_{\text{is it real at all?}} \qquad \text{(equation 6)}$$
#
# The label meets the features in a scalar product, at the very end. This is the **projection discriminator**. We take a
# linear $\psi(\phi) = w \cdot \phi + b$.
#
# ### Exercise 4.5 · The projection logit   ●●○ · 15 min · 3 points
# Return the logit of each sample, `(N,)`, from its features and its label.
#
# <details><summary>Hint</summary>Pick a row of the embedding for each sample. A scalar product multiplies, then sums,
# and stays within its sample.</details>


# %% answer="projection_logit"
def projection_logit(features: Tensor, labels: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """features: (N, F); labels: (N,); embedding: (K, F), a row a class; weight: (F,) and bias: () of psi. Returns (N,).

    The traps: each sample meets its own label's row only; sum, not mean; a column (N, 1) is not (N,).
    """
    ### BEGIN SOLUTION
    return features @ weight + bias + (features * embedding[labels]).sum(dim=1)
    ### END SOLUTION


# %% check="projection_logit" points=3

# %% [markdown]
# A case that can be computed to the end. Three classes in the plane, each a round bump of variance 1. The data have
# their bumps at $m_y$, the generator has them at $n_y$, the labels are equally frequent. The logarithm of a bump's
# density is $-\tfrac12 \lVert x - m \rVert^2$ and a constant, so
#
# $$\log \frac{p(x, y)}{q(x, y)} = (m_y - n_y) \cdot x - \tfrac12\big(\lVert m_y \rVert^2 - \lVert n_y \rVert^2\big)$$
#
# With the features $\phi(x) = (x_1, x_2, 1)$ that is a scalar product.
#
# **Predict.** $m_0 = (2, 0)$, $n_0 = (0, 1)$. Which row $v_0$ makes the projection logit equal to the ratio? (Three
# numbers.)

# %% predict="row"
my_row = (..., ..., ...)

# %%
m = torch.tensor([[2.0, 0.0], [-1.0, 1.5], [0.0, -2.0]])
n = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [1.0, -1.0]])
exact = torch.cat([m - n, (n.pow(2).sum(1) - m.pow(2).sum(1))[:, None] / 2], dim=1)
for predicted, value, about in zip(my_row, exact[0].tolist(), ("first", "second", "third"), strict=True):
    compare(predicted, value, f"v_0, {about} number", digits=1)

y = torch.randint(3, (1000,))
x = 3 * torch.randn(1000, 2)
phi = torch.cat([x, torch.ones(1000, 1)], dim=1)
log_p, log_q = (-0.5 * (x - centers[y]).pow(2).sum(1) for centers in (m, n))
logit = projection_logit(phi, y, exact, torch.zeros(3), torch.tensor(0.0))
print(
    f"largest difference between projection logit and log-likelihood ratio: {(logit - (log_p - log_q)).abs().max():.3f}"
)
assert torch.allclose(logit, log_p - log_q, atol=1e-3)

# %% [markdown]
# Equal, at a thousand points: for these densities the projection is not a trick but the formula. Does a D that sees
# *samples* only, and starts from an embedding of zeros, find these rows?

# %% tags=["train"]
torch.manual_seed(0)
embedding, weight, bias = (torch.zeros(shape, requires_grad=True) for shape in ((3, 3), (3,), ()))
optimizer = torch.optim.Adam([embedding, weight, bias], 2e-2)
for number in range(1500):
    optimizer.param_groups[0]["lr"] = 2e-2 * (1 - number / 1500)
    y = torch.randint(3, (512,))
    logits = []
    for centers in (m, n):
        points = centers[y] + torch.randn(512, 2)
        points = torch.cat([points, torch.ones(512, 1)], dim=1)
        logits.append(projection_logit(points, y, embedding, weight, bias))
    loss = discriminator_loss(*logits)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
found = (embedding + weight + bias * torch.tensor([0.0, 0.0, 1.0])).detach()
gap = (found - exact).abs().mean().item()
print(f"mean difference between the learned rows and the exact ones: {gap:.2f} (mean size {exact.abs().mean():.2f})")
assert gap < 0.15

# %% [markdown]
# ## The label in G: a scale and a shift
#
# On G's side the label can enter late, too. Every batch norm of G ends in a scale $\gamma$ and a shift $\beta$ for each
# channel. Let each class have its own (de Vries et al. 2017; Miyato and Koyama 2018, appendix): a channel that draws
# laces is turned up for boots and off for bags.
#
# $$\text{CBN}(x, y) = \gamma_y \, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta_y$$
#
# $\mu$ and $\sigma^2$ have no $y$: the batch is normalised *as a whole*, and there is *one* set of running statistics.
# At the start, $\gamma_y = 1$ and $\beta_y = 0$ for every class, so that the layer is plain batch norm.
#
# **Predict.** 64 channels, 10 classes. How many numbers learn in this layer? And how many does it remember (running
# mean and variance)?

# %% predict="numbers"
my_learn, my_remember = ..., ...

# %% [markdown]
# ### Exercise 4.6 · Conditional batch norm   ●●○ · 20 min · 3 points
# Write the layer. Apart from scale and shift it is `nn.BatchNorm2d(channels)`: its momentum, its eps, its running
# statistics. Store the scales as they are used: 1 at the start.
#
# <details><summary>Hint</summary><code>nn.BatchNorm2d(channels, affine=False)</code> normalises and remembers, and has
# no scale of its own. What does <code>nn.Embedding</code> start with?</details>


# %% answer="ConditionalBatchNorm"
class ConditionalBatchNorm(nn.Module):
    """x: (N, channels, H, W), labels: (N,) to (N, channels, H, W). Batch norm with a scale and a shift for each class.

    The traps: where the scale starts; whose statistics; a checkpoint must hold everything that is learned.
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))
        ### END SOLUTION

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.norm(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]
        ### END SOLUTION


# %% check="ConditionalBatchNorm" points=3

# %%
layer = ConditionalBatchNorm(64, classes)
compare(my_learn, sum(p.numel() for p in layer.parameters()), "numbers that learn", digits=0)
remembered = sum(b.numel() for b in layer.buffers() if b.is_floating_point())
compare(my_remember, remembered, "numbers that are remembered", digits=0)

# %% [markdown]
# Why is $\gamma$ centred at 1? With $\gamma$ at 0 the layer hands on nothing but $\beta$: no noise reaches the image,
# and no gradient reaches what lies before. **Predict** the standard deviation of the output at the start, for
# $\gamma \sim \mathcal N(1, 0.02)$ and for $\gamma \sim \mathcal N(0, 0.02)$.

# %% predict="centred"
my_around_one, my_around_zero = ..., ...

# %%
torch.manual_seed(0)
spreads = {}
for center in (1.0, 0.0):
    layer = ConditionalBatchNorm(64, classes)
    largest = max(layer.parameters(), key=lambda p: p.data.abs().sum().item())  # the scales: the shifts are 0
    nn.init.normal_(largest, center, 0.02)
    spreads[center] = layer(torch.randn(32, 64, 8, 8), labels_in_rows(32, classes)).std().item()
compare(my_around_one, spreads[1.0], "output's std, scale around 1")
compare(my_around_zero, spreads[0.0], "output's std, scale around 0")
assert spreads[1.0] > 20 * spreads[0.0]

# %% [markdown]
# ## A collapse, and its cause
#
# Your two layers, put together. G gets its label in each batch norm, D at the scalar product:


# %%
class NormedGenerator(nn.Module):
    """Noise (N, latent_dim) and labels (N,) to images (N, 1, 32, 32)."""

    def __init__(self):
        super().__init__()
        self.classes, widths = classes, [4 * recipe.width, 2 * recipe.width, recipe.width, 1]
        self.start = nn.Linear(recipe.latent_dim, widths[0] * 16, bias=False)
        self.norms = nn.ModuleList(ConditionalBatchNorm(channels, classes) for channels in widths[:-1])
        self.grow = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.start(z).unflatten(1, (-1, 4, 4))
        for norm, grow in zip(self.norms, self.grow, strict=True):
            x = grow(norm(x, labels).relu())
        return x.tanh()


class ProjectedDiscriminator(nn.Module):
    """Images (N, 1, 32, 32) and labels (N,) to logits (N,). row_std: where the rows of the embedding start."""

    def __init__(self, row_std: float = 0.0):
        super().__init__()
        self.body = nn.Sequential(DCGANDiscriminator(clothes.shape, recipe.width).body, MinibatchStd())
        features = 4 * recipe.width * 16 + 1
        self.psi = nn.Linear(features, 1)
        self.embedding = nn.Parameter(row_std * torch.randn(classes, features))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return projection_logit(self.body(images), labels, self.embedding, self.psi.weight[0], self.psi.bias[0])


# %% [markdown]
# When this pair was first tried here, it made one bad picture for each class. The suspect is a number that nobody had
# chosen: where the rows of the embedding start. `nn.Embedding` as torch ships it draws them from $\mathcal N(0, 1)$.
# There are 1,025 features. How large are the two parts of the logit before anything is learned?
#
# **Predict.** The size of $v_y \cdot \phi$ with such rows, divided by the size of $\psi(\phi)$ with weights of variance
# $2 / F$, as He et al. 2015 start them. (Both are sums of $F$ products. Paper is enough.)

# %% predict="loud"
my_loud = ...

# %%
torch.manual_seed(0)
(judge,) = new(ProjectedDiscriminator)
with torch.no_grad():
    phi = judge.body(clothes.first(200))
    parts = [(phi @ (std * torch.randn(phi.shape[1], 500))).std().item() for std in (1.0, math.sqrt(2 / phi.shape[1]))]
loudness = parts[0] / parts[1]
compare(my_loud, loudness, "the label's part over the other part", digits=0)
print(f"root of F / 2: {math.sqrt(phi.shape[1] / 2):.0f}")
assert 20 < loudness < 26

# %% [markdown]
# The label's part is over twenty times as loud, and it is random: D rewards each class for one direction of its
# features, picked before it has seen a single image, and G runs there. With rows that start at **zero**, D first learns
# what is real, and then what fits.
#
# **Predict.** The agreement after a short run, with rows from $\mathcal N(0, 1)$ and with rows that start at 0:

# %% predict="collapse"
my_random_rows, my_zero_rows = ..., ...

# %% tags=["train"]
projected = {}
for row_std in (1.0, 0.0):
    players = new(NormedGenerator, lambda row_std=row_std: ProjectedDiscriminator(row_std))
    model = train(conditional_train_step, *players, SHORT, f"rows of size {row_std:.0f}")
    projected[row_std] = label_agreement(classifier, *samples(model))
    print(
        f"rows of size {row_std:.0f}: agreement {projected[row_std]:.2f} (label planes, as many steps: {told_agreement:.2f})"
    )
compare(my_random_rows, projected[1.0], "agreement, rows from N(0, 1)")
compare(my_zero_rows, projected[0.0], "agreement, rows from 0")
assert projected[0.0] > projected[1.0] + 0.10

# %% [markdown]
# One number, the size of a start, makes the difference between a collapse and a GAN (seed 1: 0.13 against 0.35). And
# note what this run does *not* show: after so few steps the label planes obey as well as the projection, or better.
# Over a long run it was the other way round in our measurements: planes reached an agreement of 75 % after 2,000 steps
# (one seed). Compare with what follows, after 2,300.

# %% [markdown]
# ## Your GAN learns
#
# The whole run. G is told by your `one_hot`, D by your `projection_logit`, the turns are your step.
#
# This run takes the GPU where there is one, which is what `device` stands for.
# The experiments stay on the CPU, where their numbers repeat.

# %% tags=["train"]
players = new(LabelledGenerator, ProjectedDiscriminator)
mine = train(conditional_train_step, *players, recipe.images, "your conditional GAN", device=device)
images, labels = samples(mine)
agreement = label_agreement(classifier, images, labels)
print(f"agreement {agreement:.1%}, label to G only {blind_agreement:.1%}, real photographs {ceiling:.1%}")
assert agreement > 0.80 * ceiling

# %% tags=["train"]
scores, floor = recipe.scorer()(mine), recipe.floor()
print(
    f"nFD {scores['nfd']:.3f}, floor {floor:.3f}; precision {scores['precision']:.2f}, recall {scores['recall']:.2f} (N = {scores['n_fake']})"
)
assert scores["recall"] >= 0.3
show.image_rows(
    {name: samples(mine, 100, 1)[0][10 * c : 10 * c + 10] for c, name in enumerate(names)},
    alt="Ten rows of ten generated garments, and nearly every one is what the name of its row says: T-shirts, trousers, pullovers, dresses, coats, sandals, shirts, sneakers, bags, boots",
)

# %% [markdown]
# ## Class by class
#
# One number for ten classes hides which of them were learned. **Predict**: which class will agree least with its label,
# and which most? (0 T-shirt, 1 trousers, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle
# boot)

# %% predict="classes"
my_worst, my_best = ..., ...

# %% tags=["train"]
TORSO = {0, 2, 3, 4, 6}  # T-shirt, pullover, dress, coat, shirt
with torch.no_grad():
    real_features, fake_features = classifier.features(test.first(2000)), classifier.features(images)
    train_features = classifier.features(
        clothes.batch(torch.cat([(clothes.labels == c).nonzero()[:200, 0] for c in range(10)]))
    )
agreements = class_agreement(classifier, images, labels, classes)
recalls = class_recall(real_features, test.labels, fake_features, labels, classes)
real_recalls = class_recall(real_features, test.labels, train_features, labels, classes)
for c, name in enumerate(names):
    print(f"{name:9} agreement {agreements[c]:.2f}   recall {recalls[c]:.2f}   (real: {real_recalls[c]:.2f})")
worst, best = (pick(range(classes), key=lambda c: agreements[c]) for pick in (min, max))
compare(my_worst, worst, "least agreement: class", digits=0)
compare(my_best, best, "most agreement: class", digits=0)
assert worst in TORSO and best not in {0, 2, 4, 6}

# %% [markdown]
# Seed 1 gives 84 % agreement and a recall of 0.54, and the shirt is its weakest class as well.
#
# Two different things are counted here. **Agreement**: what is made is what was asked for. It is lowest where the
# classes themselves are close: pullover, coat and shirt differ in a collar and a row of buttons. **Recall**: of the
# real images of the class, how many have a generated one nearby. A class can agree perfectly by making the same
# trousers two hundred times; recall would be near 0.

# %% [markdown]
# ## Between two classes
#
# A generator is continuous, so you can ask for something between two classes: half T-shirt, half sandal. Your
# `one_hot` never made such a row. Nobody was ever asked to judge one.
#
# **Predict.** Of the images that are asked for with a pure label, what share looks real (**precision**)? And of those
# half-way between two labels?

# %% predict="between"
my_pure, my_half = ..., ...


# %% tags=["train"]
def blended(share: float) -> Tensor:
    """2,000 images whose rows are `share` of their own class and the rest of the class five further on."""
    own, other = one_hot(labels, classes), one_hot((labels + 5) % classes, classes)
    mixed = share * own + (1 - share) * other
    with torch.no_grad():
        z = recipe.noise(2000, 2)
        return torch.cat([mine.net(part) for part in torch.cat([z, mixed], dim=1).split(500)])


mine.eval()
precisions = {
    share: neighbours(real_features, classifier.features(blended(share))).precision for share in (1.0, 0.75, 0.5)
}
compare(my_pure, precisions[1.0], "precision, pure labels")
compare(my_half, precisions[0.5], "precision, half and half")
assert precisions[0.5] < precisions[1.0] - 0.05
pairs = torch.tensor([0, 10, 20, 30, 40]) * 20  # one image of each of the first five classes
show.image_rows(
    {f"own class {share:.2f}": blended(share)[pairs] for share in (1.0, 0.75, 0.5, 0.25, 0.0)},
    alt="Five columns that change from top to bottom: a T-shirt into a sandal, trousers into a shirt, a pullover into a sneaker, a dress into a bag, a coat into a boot. The rows in between show shapes with parts of both",
)

# %% [markdown]
# Half-way lies outside of everything that was trained. Whatever comes out there is an accident of the network, not a
# garment that the data know: a smooth path of *labels* is not a path of *images*.

# %% [markdown]
# ## Find the bug
#
# A colleague plays with points in the plane: ten heaps on a circle, and the label says which. The fakes' labels are
# drawn instead of copied. It runs, nothing warns, and most of the points are where they should be.


# %% given="broken_step"
def broken_step(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    wanted = torch.randint(0, 9, (len(real),), device=real.device)
    fake = generator(torch.randn(len(real), latent_dim, device=real.device), wanted).detach()
    d_loss = discriminator_loss(discriminator(real, labels), discriminator(fake, wanted))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    wanted = torch.randint(0, 9, (len(real),), device=real.device)
    fake = generator(torch.randn(len(real), latent_dim, device=real.device), wanted)
    g_loss = generator_loss(discriminator(fake, wanted))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


# %% [markdown]
# Points are images of one pixel with two channels, so your `condition` works on them as it is. The "classifier" knows
# the truth: the nearest heap.

# %%
heaps = ring(10)


class PointPlayer(nn.Module):
    """An MLP that is told the label. D: points (N, 2, 1, 1) to logits (N,). G: noise (N, 2) to points (N, 2, 1, 1)."""

    def __init__(self, outputs: int):
        super().__init__()
        self.net = mlp([2 + 10, 64, 64, outputs])

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        answer = self.net(condition(x.view(-1, 2, 1, 1), labels, 10).flatten(1))
        return answer.squeeze(1) if answer.shape[1] == 1 else answer[:, :, None, None]


class NearestHeap(nn.Module):
    def forward(self, points: Tensor) -> Tensor:
        return -torch.cdist(points.flatten(1), heaps.centers)


def play_heaps(step, steps: int = 400, seed: int = 0) -> tuple[list[float], Tensor]:
    """Agreement of each of the ten heaps after training, and the points that were made (2,000, with labels in rows)."""
    torch.manual_seed(seed)
    generator, discriminator = PointPlayer(2), PointPlayer(1)
    g_optimizer, d_optimizer = (torch.optim.Adam(p.parameters(), 2e-3, (0.0, 0.99)) for p in (generator, discriminator))
    for number in range(steps):
        for optimizer in (g_optimizer, d_optimizer):
            optimizer.param_groups[0]["lr"] = 2e-3 * (1 - number / steps)
        labels = torch.randint(10, (128,))
        real = heaps.centers[labels] + heaps.std * torch.randn(128, 2)
        step(generator, discriminator, g_optimizer, d_optimizer, real[:, :, None, None], labels, 2)
    labels = labels_in_rows(2000, 10)
    points = generate_labelled(generator, torch.randn(2000, 2), labels)
    return class_agreement(NearestHeap(), points, labels, 10), points.flatten(1)


# %% tags=["train"]
theirs, their_points = play_heaps(broken_step)
print(f"agreement over all: {sum(theirs) / 10:.2f}; heap by heap:", " ".join(f"{share:.2f}" for share in theirs))
assert min(theirs[:9]) > 0.9 and theirs[9] < 0.1
show.scatter(
    {"asked for heaps 0 to 8": their_points[:1800], "asked for heap 9": their_points[1800:]},
    heaps.centers,
    alt="Two panels with ten circles on a ring. Left: points in nine of the circles. Right: the points that were asked for as heap 9 lie elsewhere",
)

# %% [markdown]
# One heap is not like the others. The overall number hid it; the list by class shows it. How often was the generator
# ever *asked* for that class? And what did D learn of that label, if no fake ever carried it?
#
# ### Exercise 4.7 · The repaired step   ●●○ · 10 min · 2 points
# Write `repaired_step`: the colleague's step without the mistake. The fakes' labels must be exactly as frequent as
# those of the real batch, whatever the number of classes.
#
# <details><summary>Hint</summary><code>torch.randint(0, 9)</code> never gives 9. But mending the 9 is not enough: the
# next data set may have 7 classes, or ten that are not equally frequent. Rule 3 names a way without any
# number.</details>


# %% answer="repaired_step"
def repaired_step(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    """The colleague's step, repaired. The same arguments and results as conditional_train_step."""
    ### BEGIN SOLUTION
    fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels).detach()
    d_loss = discriminator_loss(discriminator(real, labels), discriminator(fake, labels))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels)
    g_loss = generator_loss(discriminator(fake, labels))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="repaired_step" points=2

# %% tags=["train"]
ours, _ = play_heaps(repaired_step)
print("heap by heap:", " ".join(f"{share:.2f}" for share in ours))
assert min(ours) > 0.9

# %% [markdown]
# ## Can it replace photographs?
#
# A labelled image is what a classifier learns from, and you have a machine that makes them. Train a small classifier on
# 10, 50 or 500 real photographs of each class, alone and together with 200 generated ones of each class.
#
# **Predict.** By how many percentage points do the generated images change the accuracy on real test photographs? (For
# 10, 50, 500.)

# %% predict="augment"
my_change_10, my_change_50, my_change_500 = ..., ..., ...


# %%
def small_classifier() -> nn.Module:
    def halve(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *halve(1, 16), *halve(16, 32), *halve(32, 32), nn.Flatten(), nn.Dropout(0.3), nn.Linear(512, 10)
    )


def accuracy_of(pictures: Tensor, labels: Tensor, seed: int = 0, steps: int = 300) -> float:
    """Accuracy on the 2,000 real test photographs after training on the given images."""
    torch.manual_seed(seed)
    student = small_classifier()
    optimizer = torch.optim.AdamW(student.parameters(), 3e-3, weight_decay=1e-2)
    for number in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - number / steps)
        index = torch.randint(len(pictures), (64,))
        loss = nn.functional.cross_entropy(student(pictures[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return label_agreement(student, test.first(2000), test.labels)


def some(per_class: int, seed: int = 0) -> Images:
    """The same number of photographs of each class."""
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(seed))[:per_class]
    index = torch.cat([(clothes.labels == c).nonzero()[:, 0][order] for c in range(classes)])
    return replace(clothes, images=clothes.images[index], labels=clothes.labels[index])


def accuracy_with(real_per_class: int, generator: nn.Module | None = None, seed: int = 0) -> float:
    """Accuracy from real images alone, or with a generator's 200 images of each class among them."""
    few = some(real_per_class, seed)
    real, real_labels = few.first(len(few)), few.labels
    if generator is None:
        return accuracy_of(real, real_labels, seed)
    fake, fake_labels = samples(generator, 2000, seed=100 + seed)
    repeat = -(-len(fake) // len(real))  # real images are at least half of what is drawn
    both = torch.cat([real.repeat(repeat, 1, 1, 1), fake]), torch.cat([real_labels.repeat(repeat), fake_labels])
    return accuracy_of(*both, seed)


# %% tags=["train"]
alone = {count: accuracy_with(count) for count in (10, 50, 500)}
change = {}
for count, predicted in ((10, my_change_10), (50, my_change_50), (500, my_change_500)):
    together = accuracy_with(count, mine)
    change[count] = 100 * (together - alone[count])
    print(f"{count} a class: real alone {alone[count]:.1%}, with generated {together:.1%}")
    compare(predicted, change[count], f"change in points, {count} a class", digits=1)
assert change[10] > 2 and change[10] > change[500] + 2

# %% [markdown]
# With ten photographs of each class, the generated ones help a lot. Before you tell anyone: **where did these points
# come from?** The generator has learned from 1,000 photographs of each class. The classifier without it was given ten.
#
# The fair question is another one: the GAN may see the same hundred photographs and no more.
#
# **Predict** the change now, in points.

# %% predict="fair"
my_fair_change = ...

# %% tags=["train"]
players = new(LabelledGenerator, ProjectedDiscriminator)
fair_gan = train(conditional_train_step, *players, SHORT, "GAN on ten a class", data=some(10))
together = accuracy_with(10, fair_gan)
fair_change = 100 * (together - alone[10])
print(f"10 a class: real alone {alone[10]:.1%}, with generated {together:.1%}")
compare(my_fair_change, fair_change, "change in points, GAN on the same ten a class", digits=1)
assert fair_change < change[10] - 2

# %% [markdown]
# Now nothing flows in from elsewhere, and the large gain is gone. Over two seeds of everything (GAN, photographs,
# classifier), the change at 10 a class was +10.0 and +14.9 points with the GAN that had seen all photographs, and -1.6
# and +4.1 with the one that had seen the same hundred: no clear sign. At 50 a class it was +2.4 and +2.1, at 500 a
# class -0.6 and -0.8, even with the well-read GAN.
#
# Generated images are worth what their generator has seen. The loan has its uses: where photographs may not be passed
# on, or where somebody else has plenty of a class. But it is no way to make data out of nothing.

# %% [markdown]
# ## In your own words
#
# ### Exercise 4.8 · Where do the points come from?   ●●○ · 15 min · 4 points
# A start-up has 10 photographs of each of ten plants. It announces: "With images from our conditional GAN our
# classifier got better by several points." You learn that the GAN was trained on 1,000 labelled photographs of each
# plant, which belong to a partner. (a) What is wrong with the comparison? (b) Describe the experiment that would be
# fair. (c) Name one reason why a GAN, trained on exactly the classifier's own images, *could* still help, and one why
# it could *harm*. Six to ten sentences.

# %% [markdown] written="where_do_points_come_from" points=4
# **A good answer.** (a) The generated images carry what the GAN learned from 1,000 labelled photographs of each class.
# The classifier with generated images has thus been fed, indirectly, with a hundred times as many photographs as the
# one without. The gain is a measure of the partner's data, not of the GAN: training on those photographs directly would
# have helped more. (b) Train the GAN on exactly the images that the classifier may use, compare both classifiers on the
# same test set, with the same number of steps, over several seeds, and give the spread; beside it, the same classifier
# with ordinary augmentation (shifts, flips). (c) It could help: the generator interpolates, so it acts as a
# regulariser, as augmentation does. It could harm: images with the wrong label (agreement below 1), missing modes (low
# recall), or artefacts that the classifier learns as features of a class; with few images D memorises them and G copies
# or collapses.
#
# **Rubric.** 1 point for (a): the GAN saw images which the baseline did not. 1 point for (b): the same images for both,
# and several seeds or a spread. 1 point each for a possible benefit and a possible harm with a mechanism. No point for
# "GANs are bad" or "more data is better" without saying whose.

# %% [markdown]
# ## Play
#
# Move through the latent space of *your* generator. Keep the noise and change the class: what of it stays? Then keep the
# class and move along the directions in which its pictures change most. Each class has its own. Where one is the same
# for all, like light and dark, what does that say about what the noise is left to decide? Beside each picture, the
# training photographs of whatever class that lie nearest to it. (Without widgets, on a page that does not run, you see
# the first direction of every second class.)

# %% tags=["train"]
from gancourse.widgets import latent_explorer

latent_explorer(mine, recipe.latent_dim, real=clothes, classes=names)

# %% [markdown]
# ## On a GPU
#
# The projection variant in colour, four times as wide, on the 50,000 photographs of CIFAR-10 (downloaded on first use;
# the command says where to put the file by hand):
#
# ```
# gancourse train conditional --budget gpu --device cuda
# ```
#
# On your own pictures, sorted into one folder for each class:
#
# ```
# gancourse train conditional --budget gpu --data FOLDER --set colour=true --device cuda
# ```
#
# Time and memory on a GPU have not been measured yet. A run can be stopped with Ctrl-C and goes on with `--resume`.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. The label is given to G only. What does it learn, and why?</summary>To make clothes, and to
# ignore the label: the best D without labels depends on p(x) and q(x) alone, so a generator that tosses a coin loses
# nothing.</details>
#
# <details><summary>2. The real images' labels were shuffled by mistake. Which generator is best now?</summary>One that
# ignores its label: the data's pairs have become p(x) p(y), and obeying is punished.</details>
#
# <details><summary>3. Why must the fakes' labels be as frequent as the data's?</summary>Else q(y) differs from p(y),
# and D can tell real from fake by the label alone. A class that is never asked for is never learned.</details>
#
# <details><summary>4. What are the two parts of the projection logit?</summary>The scalar product of the features with
# the label's row: does the image fit the label? And psi of the features: is it real at all?</details>
#
# <details><summary>5. Agreement is 95 %. What do you not know yet?</summary>Whether each class was learned (look class
# by class), and whether a class holds more than one image (look at recall).</details>
#
# **Read next.** Mirza and Osindero 2014, *Conditional Generative Adversarial Nets*, section 3 · Miyato and Koyama 2018,
# *cGANs with Projection Discriminator*, section 3 · de Vries et al. 2017, *Modulating early visual processing by
# language*, section 3 · Kynkäänniemi et al. 2019, *Improved Precision and Recall Metric*, section 2 · Lesson 5
# translates images where no pairs are known.
