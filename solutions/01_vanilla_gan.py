# %% [markdown]
# # Lesson 1: the vanilla GAN
#
# Ten thousand photographs of clothes. Can a network invent one that is in none of them?
#
# In this lesson two networks play a game. The **generator** turns noise into samples. The **discriminator** is shown
# real and generated samples and says which is which. Neither is told what a garment looks like; each only has the
# other to learn from. You will write every rule of this game, watch it fail, measure why, mend it, and let your own
# functions invent clothes.
#
# | | you write | points |
# |---|---|---|
# | 1.1 | `sample_noise` | 1 |
# | 1.2 | `discriminator_loss` | 3 |
# | 1.3 | `optimal_discriminator` | 1 |
# | 1.4 | `generator_loss` | 3 |
# | 1.5 | `train_step` | 4 |
# | 1.6 | `modes_covered` | 2 |
# | 1.7 | `repaired_step` | 2 |
# | 1.8 | an answer in words | 4 |
#
# Time: about two hours. Everything runs on two CPU cores and needs no network.

# %% setup="01"

# %% tags=["setup"]
import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse import check, compare, show
from gancourse.data import fashion_mnist, grid, ring
from gancourse.metrics import high_quality_share
from gancourse.recipes.game import VanillaGame, generate
from gancourse.recipes.points import Points
from gancourse.recipes.vanilla import Vanilla
from gancourse.training import History, ProgressBar

# %% [markdown]
# These are real photographs, ten of each kind. The generator never sees them. Only the discriminator does.

# %%
clothes = fashion_mnist("train")
by_class = torch.cat([(clothes.labels == c).nonzero()[:10, 0] for c in range(10)])
show.image_grid(
    clothes.batch(by_class),
    alt="A hundred grey photographs: T-shirts, trousers, pullovers, dresses, coats, sandals, shirts, sneakers, bags and boots, ten of each",
)

# %% [markdown]
# ## The whole game, once
#
# Before you write anything, see one play. Clothes have 784 numbers each, too many to look at, so the first data are
# points in the plane: eight tight heaps on a circle. The generator gets two random numbers and must answer with a
# point that could be from one of the heaps.
#
# **Predict.** After 1,000 steps, on how many of the 8 heaps will the generator put points?

# %% predict="heaps"
my_heaps = ...

# %% tags=["train"]
recipe = Points.for_budget("laptop", images=1000 * 256, gamma=0.1, learning_rate=2e-3)
heaps = ring()
players = recipe.players(heaps)
trainer = recipe.trainer(players, recipe.batches(heaps), recipe.step(players), monitors=[ProgressBar("first game")])
before = recipe.sample(players.generator, 2000)
trainer.run()
after = recipe.sample(trainer.ema.model, 2000)
found = len(torch.cdist(after, heaps.centers).argmin(1).unique())
compare(my_heaps, found, "heaps with points", digits=0)
assert found == 8
show.scatter(
    {"real": heaps.sample(2000), "before": before, "after 1,000 steps": after},
    heaps.centers,
    alt="Three panels. Real points lie in eight tight heaps on a circle. Before training the generated points lie in one small smear in the middle. After 1,000 steps most of them lie in the eight heaps, and thin threads of points run between the heaps",
)

# %% [markdown]
# That is a GAN. The threads between the heaps are a mistake that it has not yet unlearned: a generator is a
# continuous function, so on its way from one heap to the next it has to pass in between.

# %% [markdown]
# ## What the generator starts from
#
# A network has no dice. What makes one sample differ from the next must come in from outside: a vector of random
# numbers, the **latent** $z$, drawn from a standard normal distribution in each of its `latent_dim` coordinates.
#
# ### Exercise 1.1 · Noise   ●○○ · 5 min · 1 point
# Return `n` latent vectors, shape `(n, latent_dim)`, drawn from $\mathcal N(0, 1)$, on the given device. Different in
# each call, and repeatable after `torch.manual_seed`.
#
# <details><summary>Hint</summary>One vector a sample, not one vector a batch. And think of a learner with a GPU.</details>


# %% answer="sample_noise"
def sample_noise(n: int, latent_dim: int, device: str | torch.device = "cpu") -> Tensor:
    """Standard normal noise (n, latent_dim), float32, made on the device.

    The trap: if two rows are equal, two samples are equal.
    """
    ### BEGIN SOLUTION
    return torch.randn(n, latent_dim, device=device)
    ### END SOLUTION


# %% check="sample_noise" points=1

# %% [markdown]
# Your noise, through a generator that has learned nothing: eight vectors in, eight pictures out.

# %%
image_recipe = Vanilla.for_budget("laptop")
untrained = image_recipe.players(clothes).generator
show.image_rows(
    {"untrained": generate(untrained, sample_noise(8, image_recipe.latent_dim))},
    alt="Eight squares of grey noise without any shape",
)

# %% [markdown]
# ## What the discriminator minimises
#
# The discriminator answers with one number a sample, the **logit**. Squeezed through the sigmoid $\sigma$ it is the
# probability that the sample is real: $D(x) = \sigma(\text{logit})$. A logit of 0 says "no idea".
#
# The game has one value, and the players pull it in opposite directions (Goodfellow et al. 2014, equation 1):
#
# $$\min_G \max_D \; V(D, G) = \mathbb E_{x \sim p}\big[\log D(x)\big] + \mathbb E_{z}\big[\log\big(1 - D(G(z))\big)\big]$$
#
# D wants $V$ large. Optimisers minimise, so D's **loss** is $-V$: the mean of $-\log D$ over the real samples *plus*
# the mean of $-\log(1 - D)$ over the generated ones.
#
# **Predict.** The discriminator is certain, and wrong: it gives a *real* sample the logit −200. What does
# $-\log D$ cost it, exactly? And what does the computer say if you take the logarithm of the sigmoid?

# %% predict="cost"
my_cost, my_computed = ..., ...

# %%
logit = torch.tensor(-200.0)
compare(my_cost, softplus(-logit).item(), "-log D, by softplus(-logit)")
compare(my_computed, -logit.sigmoid().log().item(), "-log of the sigmoid")

# %% [markdown]
# $\sigma(-200)$ is too small for a float: it is rounded to 0, and the logarithm of 0 is lost. But
# $-\log \sigma(a) = \log(1 + e^{-a}) = \text{softplus}(-a)$, and $-\log(1 - \sigma(a)) = \text{softplus}(a)$: nothing
# has to be rounded. **Losses work on logits.**
#
# ### Exercise 1.2 · The discriminator's loss   ●●○ · 15 min · 3 points
# From the logits of a real and of a generated batch, return what D minimises.
#
# `real_target` is for *one-sided label smoothing* (Salimans et al. 2016, section 3.4): with 0.9, a real sample counts
# as 0.9 real and 0.1 generated, so that D is never pulled to infinite certainty. A target $t$ costs
# $-t \log D - (1 - t) \log(1 - D)$. Generated samples keep the target 0.
#
# <details><summary>Hint</summary>Two means, added. Which of the two does the target touch? And where does the part
# of the target that was taken away go?</details>


# %% answer="discriminator_loss"
def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 1.0) -> Tensor:
    """What D minimises. real_logits, fake_logits: (N,) each, before any sigmoid. Returns a scalar with a graph.

    The traps: which label belongs to which batch; the mean of each, then the sum; a certain D must not end in inf.
    """
    ### BEGIN SOLUTION
    real = real_target * softplus(-real_logits) + (1 - real_target) * softplus(real_logits)
    return real.mean() + softplus(fake_logits).mean()
    ### END SOLUTION


# %% check="discriminator_loss" points=3

# %% [markdown]
# Try it on the discriminator that has no idea: all logits 0. **Predict** its loss first: both players will meet this
# number again.

# %% predict="no_idea"
my_no_idea = ...

# %%
no_idea = discriminator_loss(torch.zeros(5), torch.zeros(5)).item()
compare(my_no_idea, no_idea, "loss of a discriminator that always says 1/2")
print(f"log 4 = {math.log(4):.4f}")

# %% [markdown]
# ## The best answer to a fixed generator
#
# Hold the generator still. Real samples come from a density $p$, generated ones from a density $q$. What is the best
# that D can do? At a point $x$ it meets real samples in proportion to $p(x)$ and generated ones in proportion to
# $q(x)$; the share of real ones there is
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)} \qquad \text{(proposition 1)}$$
#
# **Predict.** At some point the data are three times as dense as the generator's samples. What is $D^*$ there?

# %% predict="three_to_one"
my_three_to_one = ...

# %%
compare(my_three_to_one, 3 / (3 + 1), "D* where p = 3 q")

# %% [markdown]
# ### Exercise 1.3 · The best discriminator   ●○○ · 5 min · 1 point
# Return $D^*$ at each point from the two densities there. Where both are 0, no sample of either kind is ever seen;
# return ½ there.
#
# <details><summary>Hint</summary>0 / 0 is not a number, and a small constant that is added to prevent it is large
# compared with a density of 10⁻³⁰.</details>


# %% answer="optimal_discriminator"
def optimal_discriminator(p: Tensor, q: Tensor) -> Tensor:
    """D* from the densities p of the data and q of the generator at the same points: (N,) to (N,).

    The trap: points that are far from everything.
    """
    ### BEGIN SOLUTION
    total = p + q
    return torch.where(total > 0, p / torch.where(total > 0, total, 1.0), 0.5)
    ### END SOLUTION


# %% check="optimal_discriminator" points=1

# %% [markdown]
# Does a network that is trained with *your* loss find *your* formula? The data are two bumps on a line, the generator
# makes one, and D sees samples only, never a density.


# %%
def bump(x: Tensor, center: float, std: float) -> Tensor:
    return torch.exp(-0.5 * ((x - center) / std) ** 2) / (std * math.sqrt(2 * math.pi))


line = torch.linspace(-4, 4, 801)
p = 0.5 * bump(line, -1.5, 0.5) + 0.5 * bump(line, 1.5, 0.5)
q = bump(line, 0.5, 1.0)


def draw_p(n: int) -> Tensor:
    return 0.5 * torch.randn(n, 1) + 1.5 * (2 * torch.randint(2, (n, 1)) - 1)


def draw_q(n: int) -> Tensor:
    return torch.randn(n, 1) + 0.5


# %% tags=["train"]
best = optimal_discriminator(p, q)
judge = torch.nn.Sequential(
    torch.nn.Linear(1, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)
)
optimizer = torch.optim.Adam(judge.parameters(), 3e-3)
for _ in range(800):
    loss = discriminator_loss(judge(draw_p(512)).squeeze(1), judge(draw_q(512)).squeeze(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
learned = judge(line[:, None]).squeeze(1).sigmoid().detach()
seen = (p + q) > 0.02
gap = (learned - best)[seen].abs().mean().item()
print(f"mean gap between the trained D and D*: {gap:.3f}")
assert gap < 0.04
show.lines(
    line,
    {"p, data": p, "q, generator": q, "D* = p / (p + q)": best, "trained D": learned},
    alt="Over the line: the data's two bumps, the generator's one bump, the formula for D star, and the trained discriminator, which lies on the formula wherever there are samples",
    xlabel="x",
)

# %% [markdown]
# ### What the best discriminator is worth
#
# Put $D^*$ into the value of the game and it becomes a distance between $p$ and $q$ (theorem 1):
#
# $$V(D^*, G) = -\log 4 + 2\,\mathrm{JSD}(p \,\|\, q), \qquad
# \mathrm{JSD} = \tfrac12 \mathrm{KL}\big(p \,\|\, \tfrac{p+q}{2}\big) + \tfrac12 \mathrm{KL}\big(q \,\|\, \tfrac{p+q}{2}\big)$$
#
# So while D is at its best, the generator that lowers $V$ lowers a distance to the data. The identity is short
# enough to compute both of its sides.

# %%
dx = (line[1] - line[0]).item()


def integral(values: Tensor) -> float:
    return values.double().sum().item() * dx


def kl(a: Tensor, b: Tensor) -> float:
    return integral(torch.where(a > 0, a * (a / b).log(), 0.0))


def value_of_best(p: Tensor, q: Tensor) -> float:
    d = optimal_discriminator(p, q)
    return integral(p * d.log()) + integral(q * (1 - d).log())


def jensen_shannon(p: Tensor, q: Tensor) -> float:
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


left, right = value_of_best(p, q), -math.log(4) + 2 * jensen_shannon(p, q)
print(f"V(D*, G) = {left:.3f}     -log 4 + 2 JSD = {right:.3f}     if q = p: {value_of_best(p, p):.3f}")
assert abs(left - right) < 1e-3
assert abs(value_of_best(p, p) + math.log(4)) < 1e-3

# %% [markdown]
# Three things to keep:
# - D's loss at its best is $-V = \log 4 - 2\,\mathrm{JSD}$, never above $\log 4 \approx 1.386$: answering ½ everywhere
#   costs no more. A D that is a step behind its opponent may pay more for a moment; one that pays more all the time
#   is not minimising this loss. Remember this when you hunt the bug.
# - $D^* = \tfrac12$ everywhere exactly when $q = p$. A *trained* D that says ½ may also just be a bad D.
# - The two losses are relative. They tell how the players stand to each other, not how good the samples are.
#
# The same formula in the plane: the ring of heaps against a generator that is one wide cloud.

# %%
axis = torch.linspace(-2, 2, 121)
y, x = torch.meshgrid(axis, axis, indexing="ij")
points = torch.stack([x.flatten(), y.flatten()], dim=1)
data_density = ring(std=0.15).density(points)
cloud_density = torch.exp(-0.5 * points.pow(2).sum(1)) / (2 * math.pi)
best_2d = optimal_discriminator(data_density, cloud_density).view(121, 121)
print(f"D* at a heap {best_2d.max():.2f}, in the middle {best_2d[60, 60]:.2f}")
show.plane(
    {"D*: ring against one cloud": best_2d},
    alt="A dark plane, D star near 0, with eight bright round spots on a circle where D star is near 1",
    limit=2,
)

# %% [markdown]
# ## Two losses for the generator
#
# The generator wants $V$ small. Only the second term of $V$ depends on it, so by equation 1 it minimises
# $\mathbb E[\log(1 - D(G(z)))]$. Early in the game its samples are bad and D knows it: the logits of generated samples
# are far below 0. What reaches the generator is the *slope* of its loss at that logit.
#
# **Predict.** D gives a generated sample the logit −8. How steep is $\log(1 - D)$ there? And how steep is $-\log D$?

# %% predict="slopes"
my_saturating, my_non_saturating = ..., ...

# %%
at = torch.tensor(-8.0, requires_grad=True)
(saturating_slope,) = torch.autograd.grad(-softplus(at), at)
(non_saturating_slope,) = torch.autograd.grad(softplus(-at), at)
compare(my_saturating, saturating_slope.item(), "slope of log(1 - D) at logit -8", digits=4)
compare(my_non_saturating, non_saturating_slope.item(), "slope of -log D at logit -8", digits=4)

# %% [markdown]
# The minimax form is flat exactly where the generator is worst: it **saturates**. It is *not* when the generator does
# well that its gradient vanishes, as some texts say: at logit +8 this loss is at its steepest. The remedy of section 3
# of the paper keeps the fixed point and turns the loss around: minimise $-\log D(G(z))$, label the fakes "real".

# %%
logits = torch.linspace(-8, 8, 161)
show.lines(
    logits,
    {"saturating: log(1 - D)": -logits.sigmoid(), "non-saturating: -log D": -(-logits).sigmoid()},
    alt="Slope of both losses against the logit of a fake. At minus 8 the saturating slope is 0 and the non-saturating one is minus 1; at plus 8 it is the other way round",
    xlabel="logit that D gives to a fake (left: D is sure it is fake)",
    ylabel="slope",
)

# %% [markdown]
# ### Exercise 1.4 · The generator's loss, in both forms   ●●○ · 10 min · 3 points
# Return what G minimises, from the logits of its samples: the non-saturating form, or with `saturating=True` the one
# of equation 1.
#
# <details><summary>Hint</summary>One of the two is negative. Check each with a single logit on paper: does a step
# downhill raise the logit?</details>


# %% answer="generator_loss"
def generator_loss(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    """What G minimises. fake_logits: (N,), before any sigmoid. Returns a scalar with a graph.

    The traps: which label G wants for its samples; the sign of the saturating form; a certain D must not end in inf.
    """
    ### BEGIN SOLUTION
    if saturating:
        return -softplus(fake_logits).mean()
    return softplus(-fake_logits).mean()
    ### END SOLUTION


# %% check="generator_loss" points=3

# %% [markdown]
# Slopes are one thing, moving is another. Below, a generator is one number, the place where its bump stands. It starts
# five units away from the data, and D is the best one between the two bumps, held still. Both forms get the same 40
# steps of the same size.
#
# **Predict.** How far does each form move the generator towards the data, of the 5 units?

# %% predict="moved"
my_moved_saturating, my_moved_non_saturating = ..., ...


# %%
def distance_moved(saturating: bool) -> float:
    """How far 40 steps of gradient descent move the generator against a discriminator that is held still."""
    place = torch.tensor(-5.0, requires_grad=True)
    for _ in range(40):
        logit = 3 * (place + 2.5)  # the best D between two bumps of variance 5/3 at -5 and 0
        (slope,) = torch.autograd.grad(generator_loss(logit[None], saturating), place)
        place = (place - 0.05 * slope).detach().requires_grad_()
    return place.item() + 5


moved = {form: distance_moved(form == "saturating") for form in ("saturating", "non-saturating")}
compare(my_moved_saturating, moved["saturating"], "moved by the saturating form", digits=3)
compare(my_moved_non_saturating, moved["non-saturating"], "moved by the non-saturating form", digits=3)
assert moved["non-saturating"] > 100 * moved["saturating"]

# %% [markdown]
# ## One step of the game
#
# Now the turns. In D's turn, D learns and the generator must not be touched. In G's turn, G learns *through* D, so the
# gradient has to pass through D's weights without changing them. Each of these three rules has been broken in widely
# used code:
#
# 1. **D's turn: cut.** The fakes are made without a graph (`detach`, or `torch.no_grad`).
# 2. **G's turn: do not cut.** New noise, new fakes, and D is asked *again*, for it has just changed.
# 3. **Clear before each backward.** G's backward leaves gradients in D too. If they are still there when D learns, D
#    also follows G's wish.
#
# ### Exercise 1.5 · One step   ●●● · 25 min · 4 points
# Let D take one optimiser step, then G. Use your `sample_noise`, `discriminator_loss` and `generator_loss`
# (non-saturating). Draw fresh noise for each turn (algorithm 1). Return D's loss and G's loss, both without a graph.
# The check looks at two steps in a row.
#
# <details><summary>Hint</summary>Each turn: make samples, loss, zero_grad, backward, step. Write D's turn, then ask
# of each line what it leaves behind for G's turn.</details>


# %% answer="train_step"
def train_step(
    generator, discriminator, g_optimizer, d_optimizer, real: Tensor, latent_dim: int
) -> tuple[Tensor, Tensor]:
    """One turn of D and one of G. real: (N, ...). Returns (d_loss, g_loss), scalars without a graph.

    The traps: what is cut and what is not, and what each backward leaves in the other player.
    """
    ### BEGIN SOLUTION
    fake = generator(sample_noise(len(real), latent_dim, device=real.device)).detach()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    fake = generator(sample_noise(len(real), latent_dim, device=real.device))
    g_loss = generator_loss(discriminator(fake))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="train_step" points=4

# %% [markdown]
# Your step, on the ring. The loop around it is the course's (`gancourse.training`, a page to read): it calls your
# function with one batch after another, averages the generator, and keeps the losses.


# %%
def play(step, seed: int = 0, steps: int = 1500):
    """Train on the ring with a step function. Returns the players and the history of the losses."""
    recipe = Points.for_budget("laptop", images=steps * 256, seed=seed)
    players, history = recipe.players(ring()), History()

    def one_step(real: Tensor, number: int) -> dict[str, Tensor]:
        d_loss, g_loss = step(
            players.generator,
            players.discriminator,
            players.generator_optimizer,
            players.discriminator_optimizer,
            real,
            recipe.latent_dim,
        )
        return {"D's loss": d_loss, "G's loss": g_loss}

    recipe.trainer(players, recipe.batches(ring()), one_step, monitors=[history, ProgressBar("ring")]).run()
    return players, history


# %% tags=["train"]
mine, history = play(train_step)
start, end = history["D's loss"][0], sum(history["D's loss"][-5:]) / 5
print(f"D's loss: {start:.2f} in the beginning, {end:.2f} at the end; log 4 = {math.log(4):.2f}")
assert all(math.isfinite(loss) for loss in history["G's loss"])
assert end < math.log(4)
show.curves(
    history.records,
    ["D's loss", "G's loss"],
    alt="Both losses over the game. They wander up and down and do not fall towards 0; D's loss stays below the line at log 4",
    levels={"log 4": math.log(4)},
)

# %% [markdown]
# Neither curve falls to zero, and neither should: each player's loss is measured against an opponent who learns too.
# From these curves alone you cannot say whether the samples are any good. First watch, then count.
#
# ### Watch the game
#
# The same ring with wider heaps, two fresh networks, and *your* `train_step`, live. Squares are fakes, circles real
# points; colour and sign say what D thinks of each place; an arrow shows where your `generator_loss` pulls a fake. Try
# three things, and say before each what you expect:
# - **D alone.** Hold <kbd>d</kbd> for fifty updates. Which places turn blue? G has not learned anything; what happens to the
#   arrows?
# - **G alone.** Now <kbd>g</kbd> for twenty. D stands still and never complains again. Do the fakes spread over the
#   heaps?
# - **Both.** <kbd>r</kbd>, then play with the space bar. What is left of D's colours in the end, and where are the
#   widest cells of the grey grid?
#
# <details><summary>What to look for</summary>D's blue covers places where nothing real lies, too: it says real wherever
# it has met no fake. The arrows grow from under 0.1 to 3 to 5 (seeds 0, 1 and 2), along D's slope, not towards the
# nearest heap. Twenty turns of G then carry the fakes to wherever D said real, a third as wide as the real points, and
# there the arrows shrink to nothing: to a D that stands still, one good place is as good as eight. Playing both, the
# colours fade, for D cannot tell any more, and the widest cells lie across the middle and between the heaps: a wide cell
# holds no more fakes than a narrow one. Last, run the cell again with <code>discriminator_loss=discriminator_loss</code>
# in place of <code>step</code>, <code>generator_loss=lambda logits: generator_loss(logits, saturating=True)</code>, and
# fifty turns of D: the median pull is not 3 to 5 but 0.02 to 0.04.</details>

# %% tags=["train"]
from gancourse.nets import PointDiscriminator, PointGenerator
from gancourse.widgets import theatre

torch.manual_seed(0)
theatre(PointGenerator(), PointDiscriminator(), ring(std=0.1), step=train_step, generator_loss=generator_loss)

# %% [markdown]
# ## Counting what was learned
#
# In the plane we know what the right answer is. Two numbers say how close a generator comes:
# - the **high-quality share**: how many of its samples lie within 3 standard deviations of a heap's centre. Real
#   samples reach $1 - e^{-9/2} = 98.9\,\%$;
# - the **modes covered**: how many heaps get a decent number of good samples.
#
# A single sample that happens to land on a heap is no coverage. With $N$ samples and $K$ centres, a heap's fair share is
# $N / K$; we call it covered when at least **a fifth of the fair share** of good samples is nearest to it.
#
# ### Exercise 1.6 · Modes covered   ●●○ · 15 min · 2 points
# Return how many of the centres are covered, as a whole number.
#
# <details><summary>Hint</summary>Nearest centre, then distance, then count a centre, then compare. N is the number of
# all samples, good or not.</details>


# %% answer="modes_covered"
def modes_covered(samples: Tensor, centers: Tensor, std: float) -> int:
    """Centres with at least N / (5 K) samples within 3 std. samples: (N, 2); centers: (K, 2); std: of each heap.

    The traps: a distance is not its square; far samples have a nearest centre too; "at least" includes equal.
    """
    ### BEGIN SOLUTION
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    hits = torch.bincount(nearest[distance < 3 * std], minlength=len(centers))
    return int((hits >= len(samples) / (5 * len(centers))).sum())
    ### END SOLUTION


# %% check="modes_covered" points=2

# %% [markdown]
# Your count, on real samples (the ceiling) and on what your step has learned:

# %% tags=["train"]
circle = ring()
samples = Points.for_budget("laptop").sample(mine.generator, 5000)
for name, cloud in {"real": circle.sample(5000), "yours": samples}.items():
    print(
        f"{name}: {modes_covered(cloud, circle.centers, circle.std)} of 8 modes, {high_quality_share(cloud, circle.centers, circle.std):.1%} good samples"
    )
assert modes_covered(circle.sample(5000), circle.centers, circle.std) == 8

# %% [markdown]
# ### Broken and cured
#
# A harder board: 25 heaps on a grid. First the game as equation 1 has it, with the saturating loss and Adam with the
# numbers that torch ships. Then with the non-saturating loss and four things that were found later:
# - Adam **without momentum** ($\beta_1 = 0$): momentum goes on pushing to where the opponent was some steps
#   ago (Gidel et al. 2019, *Negative Momentum for Improved Game Dynamics*);
# - **R1** (Mescheder et al. 2018): D pays for its steepness at the real data, $\tfrac{\gamma}{2}\,\mathbb E\,\lVert\nabla D(x)\rVert^2$,
#   so the players circle inwards and not around each other;
# - an **average** of the generator's weights over time: where it has been, not where it happens to wander;
# - a learning rate that falls to 0 in the second half.
#
# **Predict.** How many of the 25 modes will each cover?

# %% predict="grid"
my_broken, my_cured = ..., ...


# %%
def play_grid(recipe: Points):
    """Train on the grid. Returns samples of the raw and of the averaged generator."""
    players = recipe.players(grid())
    title = "cured" if recipe.gamma else "broken"
    trainer = recipe.trainer(players, recipe.batches(grid()), recipe.step(players), monitors=[ProgressBar(title)])
    trainer.run()
    return recipe.sample(players.generator, 10_000), recipe.sample(trainer.ema.model, 10_000)


def score(samples: Tensor) -> tuple[int, float]:
    return modes_covered(samples, grid().centers, grid().std), high_quality_share(samples, grid().centers, grid().std)


# %% tags=["train"]
broken, _ = play_grid(Points.broken())
modes, share = score(broken)
compare(my_broken, modes, "modes covered, as in equation 1", digits=0)
print(f"high-quality share: {share:.1%}")
assert modes < 10 and share < 0.30

# %% tags=["train"]
_, cured = play_grid(Points.for_budget("laptop"))
modes, share = score(cured)
compare(my_cured, modes, "modes covered, cured", digits=0)
print(f"high-quality share: {share:.1%}")
assert modes >= 24 and share >= 0.85

# %% tags=["train"]
show.scatter(
    {"as in equation 1": broken[:3000], "cured": cured[:3000]},
    grid().centers,
    alt="Left: points smeared along curves that miss many of the 25 circles. Right: points gathered in all 25 circles, with few in between",
)

# %% [markdown]
# One seed is an anecdote. Over five seeds, the game of equation 1 always ended with fewer than 10 modes and 30 % good
# samples (measured: 0 to 2 modes, 1 to 5 %), the cured one always with at least 24 modes and 85 % (measured: 25 modes, 91
# to 93 %). `python benchmarks/mixtures.py` makes this table again.
#
# **Predict.** Five things are different between the two games. Take the cured game and give *one* of them back: which one
# alone breaks it?
#
# <details><summary>Three seeds each</summary>With the saturating loss: 25, 25, 25 modes. Without the falling learning
# rate: 25, 25, 25. Without the average: 25, 25, 25. Without R1: 20, 25, 25. With Adam's usual momentum of 0.9: 0, 0, 0. (The
# average and the falling rate do the same work twice: each makes the other unnecessary.) On this board it is the
# optimiser, which no equation of the paper mentions; R1 turns "mostly" into "always", and the saturating loss does no
# harm. Cures come in bundles; only taking them away one by one tells which of them works (<code>python benchmarks/mixtures.py --ablations --seeds 3</code>).</details>

# %% [markdown]
# ## Your GAN learns
#
# Back to the clothes. Nothing changes but the networks and the data: an MLP with 784 outputs, an MLP with 784 inputs,
# and your `sample_noise`, `discriminator_loss` and `generator_loss` in the game, with R1 and the average as above.
#
# One more thing helps on images: before its last layer, this D is told how much its batch *varies* (the mean standard
# deviation of its features, Karras et al. 2018, section 3). A generator that repeats itself is easier to find out.
#
# The measure is a distance in the features of a small classifier of clothes, divided by the spread of the real ones:
# **nFD**, 0 is best. Its floor is what real photographs get against other real photographs.
#
# This run takes the GPU where there is one, which is what `device` stands for.
# The experiments stay on the CPU, where their numbers repeat.

# %% tags=["train"]
score_images = image_recipe.scorer()
players, batches = image_recipe.players(clothes, device), image_recipe.batches(clothes, device)
game = VanillaGame(
    players, image_recipe.latent_dim, image_recipe.gamma, sample_noise, discriminator_loss, generator_loss
)
pictures = {}
trainer = image_recipe.trainer(players, batches, game.step(), monitors=[ProgressBar("your GAN")])
fixed_noise = image_recipe.noise(10, seed=1)
pictures["start"] = generate(trainer.ema.model, fixed_noise)
trainer.run()
pictures["end"] = generate(trainer.ema.model, fixed_noise)
pictures["real"] = clothes.first(10)
show.image_rows(
    pictures,
    alt="Three rows of ten. At the start grey noise; at the end garments that can be told apart, a little soft; below them ten real photographs",
)

# %% tags=["train"]
scores = score_images(trainer.ema.model)
floor = image_recipe.floor()
print(
    f"nFD {scores['nfd']:.3f}, floor {floor:.3f}; precision {scores['precision']:.2f}, recall {scores['recall']:.2f} (N = {scores['n_fake']})"
)
assert scores["nfd"] < 0.30
assert scores["classes"] >= 8

# %% tags=["train"]
image_recipe.picture(trainer.ema.model)

# %% [markdown]
# Each of these was made from 64 random numbers by functions that you wrote. Look for what is still wrong: precision
# says that most of them look like garments; recall says that many real garments look like none of them.

# %% [markdown]
# ## Find the bug
#
# A colleague's step. It runs, nothing warns, and the samples are not even bad.


# %% given="broken_step"
def broken_step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    fake = generator(sample_noise(len(real), latent_dim, device=real.device)).detach()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_loss.backward()
    d_optimizer.step()
    d_optimizer.zero_grad()

    fake = generator(sample_noise(len(real), latent_dim, device=real.device))
    g_loss = generator_loss(discriminator(fake))
    g_loss.backward()
    g_optimizer.step()
    g_optimizer.zero_grad()
    return d_loss.detach(), g_loss.detach()


# %% tags=["train"]
theirs, their_history = play(broken_step)
with torch.no_grad():
    answers = theirs.discriminator(ring().sample(2000)).sigmoid().mean().item()
d_end = sum(their_history["D's loss"][-5:]) / 5
print(f"D's loss at the end: {d_end:.2f}. D says of real samples: {answers:.2f}")
assert d_end > math.log(4) and abs(answers - 2 / 3) < 0.05
show.curves(
    their_history.records,
    ["D's loss", "G's loss"],
    alt="Both curves are almost flat lines: D's loss lies at 1.49, above the line at log 4, and G's loss at 0.41",
    levels={"log 4": math.log(4)},
)

# %% [markdown]
# Two smooth, flat lines. Some would call that converged. But D's loss lies *above* log 4 ≈ 1.39 all the time, and you
# know that a D which minimises its loss need not pay more than that. And it answers 2/3 to real samples, although its
# opponent makes good copies of them. So this D is minimising something else. Which line leaves something behind for the
# next step?
#
# ### Exercise 1.7 · The repaired step   ●●○ · 10 min · 2 points
# Write `repaired_step`: the colleague's step without the mistake.
#
# <details><summary>Hint</summary>Follow one gradient: G's backward runs through D. Where does the part that it writes
# into D's weights go, and who uses it next?</details>
#
# <details><summary>Why exactly 2/3?</summary>D follows its own loss and G's loss together:
# $-\log D(\text{real}) - \log(1 - D(\text{fake})) - \log D(\text{fake})$. Its optimum is $\frac{p + q}{p + 2q}$, which
# is $\tfrac23$ where $p = q$; the loss that is shown is then $-\log\tfrac23 - \log\tfrac13 = 1.50$. By accident this
# smooths the fakes' labels and steadies the game. A bug that helps is still a bug: nobody knows what is being
# minimised.</details>


# %% answer="repaired_step"
def repaired_step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    """The colleague's step, repaired. The same arguments and results as train_step."""
    ### BEGIN SOLUTION
    fake = generator(sample_noise(len(real), latent_dim, device=real.device)).detach()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    fake = generator(sample_noise(len(real), latent_dim, device=real.device))
    g_loss = generator_loss(discriminator(fake))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="repaired_step" points=2

# %% tags=["train"]
_, repaired_history = play(repaired_step, steps=500)
d_repaired = sum(repaired_history["D's loss"][-5:]) / 5
print(f"D's loss after the repair: {d_repaired:.2f}; log 4 = {math.log(4):.2f}")
assert d_repaired < math.log(4)

# %% [markdown]
# ## In your own words
#
# ### Exercise 1.8 · What ½ means   ●●○ · 15 min · 4 points
# After training, D answers with about ½ on real and on generated samples. A friend concludes that the generator has
# learned the data. Name **two** other explanations, and for each **one measurement**, other than D's output and the
# losses, that would tell it apart from success. Five to ten sentences.

# %% [markdown] written="what_half_means" points=4
# **A good answer.** $D^* = \tfrac12$ everywhere exactly when $q = p$, but that is said of the *best* D. (1) D may be weak:
# too small, too little trained, learning rate too low, gradients leaking from G's turn; it says ½ because it cannot
# tell. Measurement: freeze G and train a fresh, larger D on the same samples; if it separates them (held-out accuracy
# well above one half), the ½ was ignorance. (2) The players may be out of balance only at the moment of looking: D is
# being led in circles, and ½ is an average over samples or over time of confident answers that differ. Measurement: the
# spread of D's answers over single samples, or the samples' quality at several checkpoints. (3) The generator may cover
# only some modes, with a D that is smooth enough not to notice. Measurement: modes covered, or recall against held-out
# data, next to the floor of real against real.
#
# **Rubric.** 1 point for each explanation that is different from success and possible (2 in all). 1 point for each
# measurement that really tells it apart, can be computed, and is neither D's output nor a loss (2 in all). No point for
# "train longer" or for naming a metric without what it would show.

# %% [markdown]
# ## Play
#
# Move through the latent space of *your* trained generator: four directions, and the way from one start to
# another. (Without widgets, on a page that does not run, you see a walk along each direction.)

# %% tags=["train"]
from gancourse.widgets import latent_explorer

latent_explorer(trainer.ema.model, image_recipe.latent_dim)

# %% [markdown]
# ## On a GPU
#
# The same recipe, four times as wide, on all 60,000 photographs and for twenty million images shown:
#
# ```
# gancourse train vanilla --budget gpu --data full --device cuda
# ```
#
# Time and memory on a GPU have not been measured yet. A run can be stopped with Ctrl-C and goes on with `--resume`.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. D's loss is 1.386. Name two situations in which this happens.</summary>p = q and D is at its best;
# or D has learned nothing and says ½ everywhere.</details>
#
# <details><summary>2. Where does log(1 − D) saturate, and who starves?</summary>Where D is sure that a sample is fake,
# logit far below 0; the generator: its slope there is −0.0003 at logit −8.</details>
#
# <details><summary>3. Why are the fakes detached in D's turn, but not in G's?</summary>In D's turn nobody may change G;
# in G's turn the gradient reaches G only through D and the fake.</details>
#
# <details><summary>4. Why is label smoothing one-sided?</summary>A target above 0 for fakes puts q into the numerator of
# D*. Where only fakes live, D would then call them partly real, and bad fakes would be rejected less.</details>
#
# <details><summary>5. Both losses are flat. What do you know about the samples?</summary>Nothing. Measure them.</details>
#
# **Read next.** Goodfellow et al. 2014, *Generative Adversarial Nets*, sections 3 and 4 · Salimans et al. 2016,
# *Improved Techniques for Training GANs*, section 3 · Mescheder et al. 2018, *Which Training Methods for GANs do
# actually Converge?*, sections 2 and 4 · Lesson 2 replaces the MLPs by convolutions.
