# %% [markdown]
# # Lesson 3: WGAN-GP
#
# How far is a fake from real? The discriminator of lesson 1 cannot say. It says whether, not how far; and once it is
# certain, every fake is equally bad.
#
# This lesson puts a **critic** in its place: a network whose answer is a height, not a probability. The difference in
# height between real and fake samples measures how far the one has to be carried to become the other. You will compute
# that distance in three ways that agree, see what goes wrong when the critic is held too tightly or not at all, write
# the penalty that holds it right, and train on clothes with it.
#
# | | you write | points |
# |---|---|---|
# | 3.1 | `wasserstein_1d` | 2 |
# | 3.2 | `critic_loss` | 2 |
# | 3.3 | `generator_loss` | 1 |
# | 3.4 | `interpolate` | 2 |
# | 3.5 | `gradient_norm` | 3 |
# | 3.6 | `gradient_penalty` | 3 |
# | 3.7 | `repaired_step` | 3 |
# | 3.8 | an answer in words | 4 |
#
# Time: about two hours. Everything runs on two CPU cores and needs no network.

# %% setup="03"

# %% tags=["setup"]
import math
from itertools import permutations, product

import torch
from torch import Tensor

from gancourse import check, compare, show
from gancourse.data import fashion_mnist, grid
from gancourse.metrics import ImageScorer, high_quality_share, modes_covered
from gancourse.nets import DCGANDiscriminator, PointDiscriminator, he_init
from gancourse.objectives import clip_weights
from gancourse.recipes.critic_game import CriticGame
from gancourse.recipes.game import generate
from gancourse.recipes.points import Points
from gancourse.recipes.points_wgan import PointsWGAN
from gancourse.recipes.wgan_gp import WGANGP
from gancourse.training import Every, History, ProgressBar

# %% [markdown]
# ## Two piles that do not touch
#
# The smallest generator there is makes one number, always the same, $\theta$. The data are one number as well, 0. The
# generator is right at $\theta = 0$ and wrong everywhere else. How wrong?
#
# Lesson 1 showed what a best discriminator measures: the Jensen-Shannon divergence of the two distributions.
#
# **Predict.** How large is it at $\theta = 5$? And at $\theta = 0.1$?

# %% predict="divergence"
my_far, my_near = ..., ...


# %%
def jensen_shannon(p: Tensor, q: Tensor) -> float:
    """JSD of two distributions on the same places: (K,) and (K,), each with the sum 1."""
    middle = (p + q) / 2

    def kl(a: Tensor) -> Tensor:
        return torch.where(a > 0, a * (a / middle).log(), 0.0).sum()

    return ((kl(p) + kl(q)) / 2).item()


places = torch.linspace(-5, 5, 101)  # one every 0.1
data = (places.abs() < 0.05).float()  # everything at 0


def pile_at(theta: float) -> Tensor:
    return ((places - theta).abs() < 0.05).float()


compare(my_far, jensen_shannon(data, pile_at(5.0)), "divergence at 5", digits=4)
compare(my_near, jensen_shannon(data, pile_at(0.1)), "divergence at 0.1", digits=4)
print(f"log 2 = {math.log(2):.4f}")

# %%
divergence = [jensen_shannon(data, pile_at(theta.item())) for theta in places]
apart = [d for d, theta in zip(divergence, places, strict=True) if theta.abs() > 0.05]
assert max(apart) - min(apart) < 1e-6 and divergence[50] == 0
show.lines(
    places,
    {"Jensen-Shannon divergence": divergence, "distance to carry": places.abs()},
    alt="Against theta from minus 5 to 5: the divergence is a flat line at 0.69 with a single notch down to 0 at theta = 0. The distance to carry is a V with its tip at 0",
    xlabel="where the generator puts its pile",
)

# %% [markdown]
# A flat line with a hole. Whoever stands on it learns nothing about the way. That is not a rare accident: pictures fill
# a thin sheet in the space of all pixels, the generator's pictures another one, and two thin sheets hardly ever lie on
# each other. The V has a slope everywhere, and it points home. Where does the V come from?

# %% [markdown]
# ## Moving earth
#
# Think of both distributions as earth. Moving one unit of earth by one metre costs 1. The **Wasserstein distance**
# $W_1(p, q)$, or earth mover's distance, is the price of the cheapest plan that turns one pile into the other (Arjovsky
# et al. 2017, equation 1):
#
# $$W_1(p, q) = \min_{\text{plans } \gamma} \; \sum_{i, j} \gamma_{ij} \, |x_i - y_j|$$
#
# $\gamma_{ij} \ge 0$ is how much goes from $x_i$ to $y_j$; every $x_i$ gives all it has, every $y_j$ gets all it needs.
#
# On a line the cheapest plan is known: nobody overtakes. The lowest goes to the lowest, the next to the next.
#
# ### Exercise 3.1 · W1 on a line   ●○○ · 10 min · 2 points
# Two samples of the same size, $N$ numbers each; every number carries the mass $1/N$. Return their $W_1$.
#
# <details><summary>Hint</summary>Who is paired with whom does not depend on the order in which they arrive. And one
# sample may be wider than the other although their means are equal.</details>


# %% answer="wasserstein_1d"
def wasserstein_1d(x: Tensor, y: Tensor) -> Tensor:
    """W1 between two samples on a line: (N,) and (N,) to a scalar with a graph.

    The traps: the order in which the numbers come; each carries 1/N; a cost is never negative.
    """
    ### BEGIN SOLUTION
    return (x.sort().values - y.sort().values).abs().mean()
    ### END SOLUTION


# %% check="wasserstein_1d" points=2

# %% [markdown]
# Is nobody-overtakes really the cheapest? The plans form a body with flat sides, the price is a linear function on it,
# and such a function is smallest in a corner: that is what *linear programming* rests on. The corners of this body are
# the plans that send each $x_i$ whole to one $y_j$. Seven numbers have $7! = 5040$ such plans: few enough to try every
# one.

# %%
seven = torch.Generator().manual_seed(3)
x = torch.randn(7, generator=seven, dtype=torch.float64)
y = torch.randn(7, generator=seven, dtype=torch.float64) + 0.5
cost = (x[:, None] - y[None]).abs()  # of carrying from place i to place j
plans = torch.tensor(list(permutations(range(7))))
prices = cost[torch.arange(7), plans].mean(1)
print(f"{len(plans)} plans cost from {prices.min():.4f} to {prices.max():.4f}; by sorting: {wasserstein_1d(x, y):.4f}")
assert abs(prices.min() - wasserstein_1d(x, y)) < 1e-9

# %% [markdown]
# (With unequal masses, or in the plane, where there is no order to sort by, one solves the same linear program with a
# solver in place of the list.)
#
# Now the two piles again. **Predict**: two samples of 500 numbers each, the same shape, 3 apart. What is their $W_1$?
# And 6 apart?

# %% predict="apart"
my_three, my_six = ..., ...

# %%
bell = torch.randn(500, generator=seven)
compare(my_three, wasserstein_1d(bell, bell + 3).item(), "3 apart")
compare(my_six, wasserstein_1d(bell.flip(0), bell - 6).item(), "6 apart")
for theta in (-5.0, -0.1, 0.1, 5.0):  # the two piles of the first picture
    assert abs(wasserstein_1d(torch.zeros(8), torch.full((8,), theta)).item() - abs(theta)) < 1e-6
    assert abs(jensen_shannon(data, pile_at(theta)) - math.log(2)) < 1e-6

# %% [markdown]
# ## A price for every place
#
# In a thousand dimensions nobody tries all plans. There is a second way, from the other end. A haulier who does not
# show you his plan publishes **prices**: $f(x)$ is what a unit of earth is worth at $x$. He buys at the fakes and sells
# at the reals. You agree as long as no price difference is higher than the way: $|f(x) - f(y)| \le |x - y|$. Such an
# $f$ is called **1-Lipschitz**: nowhere steeper than 1. The most that he can earn is exactly what the cheapest plan
# costs (Kantorovich and Rubinstein; Arjovsky et al. 2017, equation 2):
#
# $$W_1(p, q) = \max_{f \text{ 1-Lipschitz}} \; \mathbb E_{x \sim p}[f(x)] - \mathbb E_{x \sim q}[f(x)]$$
#
# The minimum over plans has become a maximum over functions, and functions are what networks are. $f$ is the critic;
# its answers are **scores**.
#
# ### Exercise 3.2 · The critic's loss   ●○○ · 5 min · 2 points
# The critic maximises the gap above; optimisers minimise. Return its loss from the scores of a real and of a fake
# batch.
#
# <details><summary>Hint</summary>Two means. No sigmoid, no logarithm: any number is a score.</details>


# %% answer="critic_loss"
def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """What the critic minimises. real_scores, fake_scores: (N,) each, any numbers. Returns a scalar with a graph.

    The trap: which of the two shall be high, and what that means for a loss.
    """
    ### BEGIN SOLUTION
    return fake_scores.mean() - real_scores.mean()
    ### END SOLUTION


# %% check="critic_loss" points=2

# %% [markdown]
# ### Exercise 3.3 · The generator's loss   ●○○ · 5 min · 1 point
# The generator wants its samples to stand where the critic's height is large. Return what it minimises.
#
# <details><summary>Hint</summary>The real samples do not depend on G.</details>


# %% answer="generator_loss"
def generator_loss(fake_scores: Tensor) -> Tensor:
    """What G minimises. fake_scores: (N,). Returns a scalar with a graph.

    The trap: the sign.
    """
    ### BEGIN SOLUTION
    return -fake_scores.mean()
    ### END SOLUTION


# %% check="generator_loss" points=1

# %% [markdown]
# Does the haulier's best offer reach the price of the best plan? On a line $f$ is a zigzag between the 14 places. The
# gap is linear in its steps, so it is largest in a corner again: every one of the 13 steps as steep as allowed, up or
# down. That makes $2^{13} = 8192$ critics. Try them all with *your* loss.

# %%
order = torch.cat([x, y]).argsort()
ways = torch.cat([x, y])[order].diff()
signs = torch.tensor(list(product([-1.0, 1.0], repeat=13)), dtype=torch.float64)
heights = torch.cat([torch.zeros(len(signs), 1, dtype=torch.float64), (signs * ways).cumsum(1)], dim=1)
scores = torch.empty_like(heights)
scores[:, order] = heights  # back in the order of x, then y
earned = torch.stack([-critic_loss(s[:7], s[7:]) for s in scores])
best = scores[earned.argmax()]
print(
    f"best of {len(scores)} critics earns {earned.max():.4f}; cheapest of {len(plans)} plans costs {prices.min():.4f}"
)
assert abs(earned.max() - prices.min()) < 1e-9

# %%
line = torch.cat([x, y])[order]
show.lines(
    line,
    {"best critic f": best[order], "a line of slope 1": line - line.max()},
    alt="The best critic over the line: a zigzag whose every piece is as steep as the comparison line of slope 1, up or down, never flatter and never steeper",
    xlabel="place",
    ylabel="score",
)

# %% [markdown]
# Three numbers agree: sorting, the cheapest of all plans, the best of all critics. Keep three things:
# - Every critic that keeps to the slope gives a **lower bound** of the distance; the best one gives the distance.
# - Where earth has to move, the best critic has slope exactly **1**, not at most 1: any less would waste earnings
#   (Gulrajani et al. 2017, proposition 1).
# - A score is no probability. Only differences count.
#
# **Predict.** Someone adds 100 to every score. By how much does your critic's loss change?

# %% predict="shifted_scores"
my_change = ...

# %%
raised = scores[0] + 100
change = critic_loss(raised[:7], raised[7:]) - critic_loss(scores[0][:7], scores[0][7:])
compare(my_change, change.abs().item(), "change of the loss")
fake_scores = torch.tensor([-50.0, 0.0, 50.0], requires_grad=True)
(felt,) = torch.autograd.grad(generator_loss(fake_scores), fake_scores)
print(f"G's slopes at scores -50, 0 and 50: {', '.join(f'{v:.2f}' for v in felt.tolist())}")

# %% [markdown]
# The slope is the same at every score. A sample that the critic finds hopeless is pulled as hard as one that is nearly
# right: nothing saturates.

# %% [markdown]
# ## A critic without a bound
#
# All of this holds for critics that are nowhere steeper than 1. A network knows nothing of that. Below, two clouds
# stand still in the plane, real ones around $(1, 0)$ and fakes around $(-1, 0)$. Each has to move by 2, so $W_1 = 2$.
#
# **Predict.** A small network minimises your `critic_loss` for 300 steps. What distance does it report?

# %% predict="unbounded"
my_report = ...


# %%
def cloud(center: float, n: int = 256) -> Tensor:
    """Points (n, 2) around (center, 0)."""
    return 0.1 * torch.randn(n, 2) + torch.tensor([center, 0.0])


def train_critic(loss, after=lambda critic: None, steps: int = 300, seed: int = 0) -> torch.nn.Module:
    """Train a critic between the two clouds. loss(critic, real, fake); after(critic) follows each step."""
    torch.manual_seed(seed)
    critic = PointDiscriminator()
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.9))
    for _ in range(steps):
        value = loss(critic, cloud(1.0), cloud(-1.0))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        after(critic)
    return critic


def plain(critic, real, fake):
    return critic_loss(critic(real), critic(fake))


@torch.no_grad()
def reported(critic) -> float:
    """The distance between the clouds, by the critic."""
    return -critic_loss(critic(cloud(1.0, 2000)), critic(cloud(-1.0, 2000))).item()


# %% tags=["train"]
unbounded = reported(train_critic(plain))
compare(my_report, unbounded, "distance reported, the true one is 2", digits=0)
assert unbounded > 1000

# %% [markdown]
# Nothing stops it: twice as steep earns twice as much. (Measured with three seeds: 35,800 to 38,500.) The slope must be
# bounded.
#
# ## Clipping
#
# The first WGAN bounds the *weights*: after each step every weight is moved back into $[-c, c]$ (Arjovsky et al. 2017,
# algorithm 1). If no weight is large, no slope can be arbitrarily large. But how large is it then? This critic has four
# layers, and its slope is a product of four weight matrices.
#
# **Predict.** The slope between the clouds should be 1. If $c$ goes from 0.05 to 0.1, by which factor does the slope
# grow? And which share of the weights ends at the bound?

# %% predict="clipped"
my_factor, my_share = ..., ...


# %%
def slope_along(critic) -> float:
    """Mean slope between the clouds, by differences along the line from one to the other."""
    with torch.no_grad():
        line = torch.stack([torch.linspace(-0.8, 0.8, 81), torch.zeros(81)], dim=1)
        return (critic(line).diff().mean() / (line[1, 0] - line[0, 0])).item()


def weights_of(critic) -> Tensor:
    return torch.cat([p.detach().flatten() for p in critic.parameters()])


# %% tags=["train"]
clipped, slope = {}, {}
for bound in (0.01, 0.02, 0.05, 0.1):
    clipped[bound] = train_critic(plain, after=lambda critic, c=bound: clip_weights(critic, c))
    slope[bound] = slope_along(clipped[bound])
    print(f"c = {bound:<5} slope {slope[bound]:8.3f}   distance reported {reported(clipped[bound]):8.3f}")
at_bound = (weights_of(clipped[0.1]).abs() > 0.099).float().mean().item()
compare(my_factor, slope[0.1] / slope[0.05], "factor of the slope from c = 0.05 to 0.1", digits=1)
compare(my_share, at_bound, "share of the weights at the bound, c = 0.1")
assert slope[0.01] < 0.05 and slope[0.1] > 30 and slope[0.1] / slope[0.05] > 10
assert at_bound > 0.9

# %% [markdown]
# Two pathologies in one table (Gulrajani et al. 2017, section 3).
# - **The bound and the slope are different things.** The slope grows like $c^4$, one factor for each layer: doubling
#   $c$ makes it about 16 times larger. At $c = 0.01$, the value of the paper, it is near 0.02; at 0.1 it is over 80. No
#   value that works for one depth works for another.
# - **Nearly every weight ends at the bound.** To earn the most within a box, a critic runs into its corners: it becomes
#   a very simple function, with two values for its weights.
#
# The slope is what should be bounded. So ask for the slope.

# %% [markdown]
# ## Where the slope is asked for
#
# Nobody can look at the slope everywhere. Gulrajani et al. (2017) look where it matters: earth moves along the lines
# between fakes and reals, and there the best critic has slope 1. So take a random point on the line between a real and
# a fake sample (algorithm 1, line 6):
#
# $$\hat x = \epsilon \, x + (1 - \epsilon)\, \tilde x, \qquad \epsilon \sim U(0, 1)$$
#
# One $\epsilon$ for each sample: a number that is drawn for each *pixel* gives a picture with noise, which lies on no
# line; one number for the *batch* looks at one place only; a *normal* number leaves the segment.
#
# ### Exercise 3.4 · Between real and fake   ●●○ · 10 min · 2 points
# Return such a point for each pair of a batch. It must work for pictures $(N, C, H, W)$ and for points $(N, 2)$, on the
# device of the data, and repeat after `torch.manual_seed`.
#
# <details><summary>Hint</summary>The shares need as many axes as the data, all of length 1 but the first.</details>


# %% answer="interpolate"
def interpolate(real: Tensor, fake: Tensor) -> Tensor:
    """A random point between each pair. real, fake: (N, ...), the same shape. Returns the same shape.

    The trap: how many numbers are drawn, and along which axes each of them holds.
    """
    ### BEGIN SOLUTION
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    return share * real + (1 - share) * fake
    ### END SOLUTION


# %% check="interpolate" points=2

# %% [markdown]
# Between boots and bags: each picture in the third row lies on the line between the two above it.

# %% tags=["train"]
clothes = fashion_mnist("train").padded(32)
boots = clothes.batch((clothes.labels == 9).nonzero()[:16, 0])
bags = clothes.batch((clothes.labels == 8).nonzero()[:12, 0])
show.image_rows(
    {"boots": boots[:10], "bags": bags[:10], "between": interpolate(boots[:10], bags[:10])},
    alt="Three rows of ten: ankle boots, bags, and below them double exposures of the two, some nearly a boot, some nearly a bag",
)

# %% [markdown]
# ## How steep is the critic?
#
# The slope at a sample is the length of the gradient of its score by *all* of its numbers: $\lVert \nabla_{\hat x}
# D(\hat x) \rVert_2$. A picture of 3 × 32 × 32 is one vector of 3072 numbers. Taking the norm along axis 1 only, as
# widely copied code does, gives 1024 norms over three colours each, and no slope at all.
#
# ### Exercise 3.5 · The slope, sample by sample   ●●● · 20 min · 3 points
# Return the length of the critic's gradient at each sample. The critic must be able to *learn* from the result: the
# gradient is itself a function of the weights.
#
# <details><summary>Hint</summary><code>torch.autograd.grad</code> of the sum of the scores: sample 3 has no part in the
# score of sample 5, so the sum keeps them apart. Which of its options keeps the graph? And how steep is a square root
# at 0?</details>


# %% answer="gradient_norm"
def gradient_norm(critic, x: Tensor) -> Tensor:
    """The critic's slope at each sample: x (N, ...) to (N,), with a graph to the critic's weights.

    x need not require a gradient. The traps: over which axes the norm goes; the graph; samples where the slope is 0.
    """
    ### BEGIN SOLUTION
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return torch.linalg.vector_norm(slope.flatten(1), dim=1)
    ### END SOLUTION


# %% check="gradient_norm" points=3

# %% [markdown]
# Your slopes of the clipped critics, between the clouds:

# %% tags=["train"]
between = interpolate(cloud(1.0, 1000), cloud(-1.0, 1000))
for bound, critic in clipped.items():
    slopes = gradient_norm(critic, between).detach()
    print(f"c = {bound:<5} slopes from {slopes.min():.3f} to {slopes.max():.3f}")
assert gradient_norm(clipped[0.01], between).max() < 0.1

# %% [markdown]
# ### Why a critic has no batch norm
#
# "Sample 3 has no part in the score of sample 5." With batch norm it has: the mean of the batch is subtracted from
# each. Then the gradient of the sum is not the slope of anything.
#
# **Predict.** The same four boots, once with twelve other boots in the batch, once with twelve bags. By how many per
# cent does the slope at the boots change in a critic without batch norm? And with it?

# %% predict="coupled"
my_without, my_with = ..., ...


# %% tags=["train"]
def change_of_slope(batch_norm: bool) -> float:
    """How much the slope at four boots depends on who else is in the batch, in per cent."""
    torch.manual_seed(0)
    critic = DCGANDiscriminator(clothes.shape, width=16, batch_norm=batch_norm)
    torch.func.replace_all_batch_norm_modules_(critic)  # the batch's statistics alone, and nothing is remembered
    among_boots, among_bags = (
        gradient_norm(critic, torch.cat([boots[:4], others]))[:4].detach() for others in (boots[4:], bags)
    )
    return 100 * ((among_bags - among_boots).abs() / among_boots).mean().item()


without, with_norm = change_of_slope(False), change_of_slope(True)
compare(my_without, without, "change of the slope without batch norm, in %", digits=1)
compare(my_with, with_norm, "change of the slope with batch norm, in %", digits=1)
assert without < 0.01 and with_norm > 1

# %% [markdown]
# The penalty is about single samples, so nothing may couple them. A WGAN-GP critic has no batch norm; layer norm or
# none (Gulrajani et al. 2017, section 4). The generator may keep its own.

# %% [markdown]
# ## Why the norm, sample by sample
#
# The penalty is the mean squared distance of the slopes from 1 (equation 3):
#
# $$\mathbb E_{\hat x}\big[(\lVert \nabla_{\hat x} D(\hat x) \rVert_2 - 1)^2\big]$$
#
# **Predict.** Three samples have slopes 0.5, 3 and 1. What is the penalty? What is $(\text{mean of the slopes} - 1)^2$,
# which looks almost the same? And what would $(\lVert g \rVert^2 - 1)^2$ give?

# %% predict="three_slopes"
my_penalty, my_mean_first, my_squared_first = ..., ..., ...

# %%
three = torch.tensor([0.5, 3.0, 1.0])
compare(my_penalty, (three - 1).pow(2).mean().item(), "mean of (norm - 1)²", digits=4)
compare(my_mean_first, (three.mean() - 1).pow(2).item(), "(mean of the norms - 1)²", digits=4)
compare(my_squared_first, (three.pow(2) - 1).pow(2).mean().item(), "mean of (norm² - 1)²", digits=4)

# %% [markdown]
# With the mean first, one slope of 0 and one of 2 cost nothing. With the norm squared first, a single steep sample
# outweighs all others.
#
# ### Exercise 3.6 · The gradient penalty   ●●○ · 15 min · 3 points
# Return the penalty (equation 3, without λ). Use your `interpolate` and `gradient_norm`.
#
# <details><summary>Hint</summary>One number a sample until the very end; one number a batch last.</details>


# %% answer="gradient_penalty"
def gradient_penalty(critic, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic pays for slopes other than 1. real, fake: (N, ...), the same shape. Returns a scalar with a graph.

    The traps: where the mean is taken, what is squared, and whether the critic can learn from it.
    """
    ### BEGIN SOLUTION
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean()
    ### END SOLUTION


# %% check="gradient_penalty" points=3

# %% [markdown]
# The critic now minimises $\text{critic\_loss} + \lambda \cdot \text{penalty}$. The penalty is soft: a bit more than 1
# costs little and earns something. If all slopes are $s$ and the clouds are $d$ apart, the critic earns $s\,d - \lambda
# (s - 1)^2$.
#
# **Predict.** For which $s$ is this largest, with $d = 2$ and $\lambda = 10$? What distance will the critic report?

# %% predict="soft"
my_slope, my_distance = ..., ...


# %%
def penalised(critic, real, fake):
    return critic_loss(critic(real), critic(fake)) + 10 * gradient_penalty(critic, real, fake)


# %% tags=["train"]
held = train_critic(penalised)
slopes = gradient_norm(held, between).detach()
compare(my_slope, slopes.mean().item(), "mean slope; the best one is 1 + d / (2 λ) = 1.1")
compare(my_distance, reported(held), "distance reported; the true one is 2")
assert 0.9 < slopes.mean() < 1.3 and slopes.std() < 0.1
assert abs(reported(held) - 2) < 0.6

# %% tags=["train"]
show.histograms(
    {"clipped, c = 0.1": weights_of(clipped[0.1]), "penalty": weights_of(held)},
    alt="Two histograms of a critic's weights. Clipped: two spikes, at minus 0.1 and 0.1, and nothing between. With the penalty: one hill around 0, and single weights as far out as 0.9",
    xlabel="weight",
)

# %% [markdown]
# The slope is 1 or a little more, the reported distance is near the true one, and the weights are free. (Three seeds:
# slopes 1.00, 1.21, 1.16; distances 1.99, 2.41, 2.32. After 300 steps the critic still moves.)

# %% [markdown]
# ### Watch the critic
#
# Your three functions on a ring of heaps, live. Squares are fakes, circles real points; colour and sign say where the
# critic's height is above or below its middle, and the lines are lines of equal height, like those on a hiker's map. An
# arrow shows where your `generator_loss` pulls a fake. Try three things, and say before each what you expect:
# - **The critic alone.** Hold <kbd>d</kbd> for fifty updates. How long do the arrows get? In lesson 1 they kept growing.
# - **G alone.** <kbd>g</kbd> for twenty. Lesson 1's fakes came to rest where D said real. Do these?
# - **Both.** <kbd>r</kbd>, then play with the space bar until the heaps are covered. Do the arrows shrink to nothing when
#   the fakes are good?
#
# Then take the penalty away: `gradient_penalty=lambda critic, real, fake: 0 * critic(real).sum()`, and fifty turns of
# the critic again.
#
# <details><summary>What to look for</summary>(Seeds 0, 1 and 2, λ = 1.) After fifty turns of the critic the median pull
# is 0.7 to 1.4, and it does not grow further: a slope of 1 is a pull of 1, however wrong the fakes are. A critic that
# stands still is a hill without a top, so G alone walks its fakes straight out of the picture. Playing both, the average
# generator covers the eight heaps within 400 steps, and the arrows still do not fade: their median stays between 0.6
# and 1.4 while they point to and fro. Without the penalty, fifty turns make pulls of 90 to 300.</details>

# %% tags=["train"]
from gancourse.data import ring
from gancourse.nets import PointGenerator
from gancourse.widgets import theatre

torch.manual_seed(0)
theatre(
    PointGenerator(), PointDiscriminator(), ring(std=0.1), gp_weight=1,
    discriminator_loss=critic_loss, generator_loss=generator_loss, gradient_penalty=gradient_penalty,
)  # fmt: skip

# %% [markdown]
# ## The grid again
#
# The board of lesson 1: 25 heaps. Three games with the same networks, the same Adam with $\beta_1 = 0$, and the same
# number of turns for G (the critics take two turns for each): the non-saturating GAN of lesson 1 without R1, a WGAN
# with clipped weights, and WGAN-GP with *your* functions.
#
# **Predict.** How many of the 25 modes will each of them cover?

# %% predict="modes"
my_vanilla, my_clipped, my_penalised = ..., ..., ...


# %%
def play_grid(recipe, step_of, title: str) -> Tensor:
    """Train on the grid and return 10,000 samples of the averaged generator."""
    players = recipe.players(grid())
    trainer = recipe.trainer(players, recipe.batches(grid()), step_of(players), monitors=[ProgressBar(title)])
    trainer.run()
    return recipe.sample(trainer.ema.model, 10_000)


def score(samples: Tensor) -> tuple[int, float]:
    return modes_covered(samples, grid().centers, grid().std), high_quality_share(samples, grid().centers, grid().std)


turns = 6000  # of the critic; 3,000 of G
points = PointsWGAN.for_budget("laptop", images=turns * 128)
same = {name: getattr(points, name) for name in ("batch_size", "learning_rate", "betas")}
vanilla = Points.for_budget("laptop", gamma=0.0, images=points.images // points.n_critic, **same)
clip = PointsWGAN.for_budget("laptop", images=points.images, clip=0.1)

# %% tags=["train"]
of_vanilla = play_grid(vanilla, vanilla.step, "vanilla")
vanilla_modes, share = score(of_vanilla)
compare(my_vanilla, vanilla_modes, "modes covered, vanilla", digits=0)
print(f"high-quality share: {share:.1%}")
assert vanilla_modes < 24

# %% tags=["train"]
of_clipped = play_grid(clip, clip.step, "clipped")
clipped_modes, clipped_share = score(of_clipped)
compare(my_clipped, clipped_modes, "modes covered, clipped", digits=0)
print(f"high-quality share: {clipped_share:.1%}")
assert clipped_share < 0.7


# %% tags=["train"]
def your_game(players):
    game = CriticGame(
        players, points.latent_dim, points.gp_weight, points.n_critic,
        critic_loss=critic_loss, generator_loss=generator_loss, gradient_penalty=gradient_penalty,
    )  # fmt: skip
    return game.step()


of_penalised = play_grid(points, your_game, "your WGAN-GP")
modes, share = score(of_penalised)
compare(my_penalised, modes, "modes covered, WGAN-GP", digits=0)
print(f"high-quality share: {share:.1%}")
assert modes >= 24 and modes > vanilla_modes
assert share > 0.6 and share > clipped_share

# %% tags=["train"]
show.scatter(
    {"vanilla": of_vanilla[:3000], "clipped": of_clipped[:3000], "WGAN-GP": of_penalised[:3000]},
    grid().centers,
    alt="Three panels over 25 circles. Vanilla: points in four columns of circles and on lines between them, the circles of the right column nearly empty. Clipped: points smeared along lines and over the whole board, some circles missed. WGAN-GP: points gathered in all 25 circles, with thin lines between some",
)

# %% [markdown]
# The three games differ in what the critic minimises and how it is held (and a critic takes two turns for each of G,
# where D takes one). The clipped critic is a simple
# function, so it cannot tell one heap from the next: its generator learns the outline of the board. The penalised
# critic is free to be as curved as the data.
#
# One seed is an anecdote. Seeds 0, 1 and 2 of the vanilla game covered 18, 20 and 18 modes with 77, 63 and 61 % good
# samples; those of WGAN-GP covered 25 modes each with 84, 77 and 80 %. It is no magic: with 4,500 turns of the critic,
# one for each of G, seeds 0 and 1 covered 25 and 19.

# %% [markdown]
# ## Does the critic's loss tell how good the samples are?
#
# One claim made this family famous: **the critic's loss tells how good the samples are**. The losses of lesson 1 could
# not. Clothes, with the convolutional networks of lesson 2 and no batch norm in the critic, He's start, and a small
# learning rate: a critic with time to keep up. Every hundred steps this cell measures the generator too: nFD, 0 is best,
# on 500 samples from fixed noise. Then it compares two orders: the moments ranked by the critic, and the same moments
# ranked by nFD.
#
# **Predict.** The rank correlation of the two: 1 is the same order, 0 is no relation. For minus the critic's loss and
# nFD?

# %% predict="tracks"
my_correlation = ...


# %%
def rank_correlation(a: list[float], b: list[float]) -> float:
    """Spearman's: 1 when both rise and fall together."""
    ranks = torch.stack([torch.tensor(v).argsort().argsort().double() for v in (a, b)])
    return torch.corrcoef(ranks)[0, 1].item()


score_nfd = ImageScorer(WGANGP.for_budget("laptop").load_data("embedded", "test").first(2000))


def with_he_start(recipe: WGANGP, device: str | torch.device = "cpu"):
    """The recipe's players, with He's weights."""
    players = recipe.players(clothes, device)
    torch.manual_seed(recipe.seed)
    for player in (players.generator, players.discriminator):
        player.apply(he_init)
    return players


def watched(recipe: WGANGP, players, title: str, device: str | torch.device = "cpu"):
    """Train with your losses. Returns the trainer, the moments, minus the critic's loss and nFD at each of them."""
    game = CriticGame(
        players, recipe.latent_dim, recipe.gp_weight, recipe.n_critic,
        critic_loss=critic_loss, generator_loss=generator_loss, gradient_penalty=gradient_penalty,
    )  # fmt: skip
    history, noise = History(), recipe.noise(500, seed=3)
    quality = Every(
        100 * recipe.batch_size, lambda trainer: {"nfd": score_nfd(generate(players.generator, noise).cpu()).nfd}
    )
    monitors = [history, quality, ProgressBar(title)]
    trainer = recipe.trainer(players, recipe.batches(clothes, device), game.step(), monitors=monitors)
    trainer.run()
    loss_at = {record["images"]: record["critic"] for record in history.records}
    moments = [record["images"] for record in quality.records]
    return trainer, moments, [-loss_at[images] for images in moments], [record["nfd"] for record in quality.records]


# %% tags=["train"]
patient = WGANGP.for_budget("laptop", images=700 * 32, learning_rate=1e-3, decay_from=0.99)
_, moments, distance, nfd = watched(patient, with_he_start(patient), "a patient critic")
correlation = rank_correlation(distance, nfd)
compare(my_correlation, correlation, "rank correlation of minus the critic's loss and nFD")
assert correlation > 0.5
show.lines(
    moments,
    {
        "minus the critic's loss, its largest = 1": [v / max(distance) for v in distance],
        "nFD, its largest = 1": [v / max(nfd) for v in nfd],
    },
    alt="Minus the critic's loss and nFD against the images shown, both scaled to 1 at their largest. Minus the loss drops at once and is nearly flat later, nFD falls all the way",
    xlabel="images shown",
)

# %% [markdown]
# A number that was there anyway ranks the moments of the run nearly as a measurement with a classifier does. (Seeds 1
# and 2: 1.00 and 0.50. Read twice as often, seed 0 gave 0.64: neighbouring moments are hard to
# rank.) Two warnings. It is minus the *loss*, so it contains the penalty. And it compares moments of *one* run: another
# critic, another scale. A third one follows.

# %% [markdown]
# ## Your GAN learns
#
# The recipe is in more of a hurry: four times the learning rate. Here it has He's start again, so that the rate is the
# difference. (From the small weights of lesson 2's paper, which the recipe takes, 1,000 steps ended at nFD 0.26 and 0.17
# with seeds 1 and 2; from He's, 900 end at 0.16 and 0.17.) It takes 900 of the 2,000 steps of `gancourse train wgan_gp`, with your
# `critic_loss`, `generator_loss` and `gradient_penalty`. (That command saves time where you do not: its penalty is paid in
# every second step, and twice as much of it.)
#
# This run takes the GPU where there is one, which is what `device` stands for.
# The experiments stay on the CPU, where their numbers repeat.
#
# **Predict.** The samples will be far better than those of the patient critic. And the rank correlation?

# %% predict="in_a_hurry"
my_hurried_correlation = ...

# %%
recipe = WGANGP.for_budget("laptop", images=900 * 32)
print(f"{recipe.images // recipe.batch_size:,} steps of {recipe.batch_size} images, λ = {recipe.gp_weight:g}")

# %% tags=["train"]
players = with_he_start(recipe, device)
fixed_noise = recipe.noise(10, seed=1)
pictures = {"start": generate(players.generator, fixed_noise)}
trainer, moments, distance, nfd = watched(recipe, players, "your WGAN-GP", device)
pictures |= {"end": generate(trainer.ema.model, fixed_noise), "real": clothes.first(10)}
show.image_rows(
    pictures,
    alt="Three rows of ten. At the start speckle; at the end garments, most of which can be named; below them ten real photographs",
)

# %% tags=["train"]
scores = recipe.scorer()(trainer.ema.model)
print(
    f"nFD {scores['nfd']:.3f}, floor {recipe.floor():.3f}; precision {scores['precision']:.2f}, recall {scores['recall']:.2f} (N = {scores['n_fake']})"
)
assert scores["nfd"] < 0.18 and scores["classes"] >= 8

# %% tags=["train"]
recipe.picture(trainer.ema.model)

# %% tags=["train"]
hurried = rank_correlation(distance, nfd)
compare(my_hurried_correlation, hurried, "rank correlation in a hurry")
assert hurried < correlation - 0.3
show.lines(
    moments,
    {
        "minus the critic's loss, its largest = 1": [v / max(distance) for v in distance],
        "nFD, its largest = 1": [v / max(nfd) for v in nfd],
    },
    alt="The same two curves for the hurried run. nFD falls to a third. Minus the critic's loss sinks a little until the middle and ends higher than it began, while the samples get better",
    xlabel="images shown",
)

# %% [markdown]
# Better samples, and a loss that tells nothing of it: *minus* the loss ends higher than it began, and nFD at a third.
# (Seeds 0, 1 and 2: −0.28, −0.30, −0.53.) The identity you computed by
# hand speaks of the **best** critic. One that moves as fast as its opponent is never the best one: its loss says how far it
# has got, not how far the samples are. The paper gives it five turns for each of G, which costs five times the work. So the famous
# claim has a condition, and a recipe that is tuned for the best samples in a minute breaks it. Measure the samples.

# %% [markdown]
# ## Find the bug
#
# A colleague's step. She tests it as one should: on two clouds that stand still, 2 apart, with a generator that is told
# to learn nothing. The critic should report about 2.


# %% given="colleagues_step"
def colleagues_step(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    """reals: (turns, N, ...), one batch for each turn of the critic. Then G takes one turn."""
    for real in reals:
        fake = generator(torch.randn(len(real), latent_dim, device=real.device)).detach()
        c_loss = gradient_penalty(critic, real, fake) + gp_weight * critic_loss(critic(real), critic(fake))
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()

    fake = generator(torch.randn(len(real), latent_dim, device=real.device))
    g_loss = generator_loss(critic(fake))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()


# %%
class Standing(torch.nn.Module):
    """A generator of the fake cloud, with one weight."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Parameter(torch.tensor([-1.0, 0.0]))

    def forward(self, z: Tensor) -> Tensor:
        return self.place + 0.1 * z


def watch(step, steps: int = 60):
    """Let a step play on the standing clouds. Returns minus the critic's loss after each step, and the last slopes."""
    torch.manual_seed(0)
    generator, critic = Standing(), PointDiscriminator()
    g_optimizer = torch.optim.SGD(generator.parameters(), lr=0.0)
    c_optimizer = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.9))
    seen = []
    for _ in range(steps):
        reals = torch.stack([cloud(1.0) for _ in range(5)])
        c_loss, _ = step(generator, critic, g_optimizer, c_optimizer, reals, 2)
        seen.append(-float(c_loss))
    return seen, gradient_norm(critic, between).mean().item()


# %% tags=["train"]
her_curve, her_slope = watch(colleagues_step)
print(f"minus the critic's loss at the end: {her_curve[-1]:.0f}; slope between the clouds: {her_slope:.1f}")
assert her_curve[-1] > 60 and her_slope > 6
show.lines(
    range(1, 61),
    {"minus the critic's loss": her_curve, "the true distance": [2.0] * 60},
    alt="Minus the critic's loss climbs to about 120 and stays there, far above the line of the true distance at 2",
    xlabel="step",
)

# %% [markdown]
# The curve settles: something is being minimised, and something does hold the slope, though at about 11 in place of 1.
# Every part of the step is one that you know. Which of them weighs too much?
#
# ### Exercise 3.7 · The repaired step   ●●○ · 15 min · 3 points
# Write `repaired_step`: your colleague's step without the mistake. `reals` holds one batch for each turn of the critic,
# so its length is the paper's $n_\text{critic}$. Return the loss of the critic's last turn, penalty included, and G's
# loss, both without a graph.
#
# <details><summary>Hint</summary>λ makes one of the two terms weigh more. Which one does algorithm 1 multiply by it, in
# line 7?</details>
#
# <details><summary>Why about 11, and why 120?</summary>With slope s between clouds that are d apart, her critic earns λ
# s d − (s − 1)². That is largest at s = 1 + λ d / 2 = 11 for λ = 10 and d = 2, where it is 220 − 100 = 120. With λ on
# the penalty: s d − λ (s − 1)² is largest at s = 1 + d / (2 λ) = 1.1, where it is 2.2 − 0.1 = 2.1. Adam divides every
# gradient by its usual size, so a game with this bug does not even explode; only the number that everybody reads means
# nothing.</details>


# %% answer="repaired_step"
def repaired_step(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    """The colleague's step, repaired. reals: (turns, N, ...). Returns (c_loss, g_loss), scalars without a graph."""
    ### BEGIN SOLUTION
    for real in reals:
        fake = generator(torch.randn(len(real), latent_dim, device=real.device)).detach()
        c_loss = critic_loss(critic(real), critic(fake)) + gp_weight * gradient_penalty(critic, real, fake)
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()

    fake = generator(torch.randn(len(real), latent_dim, device=real.device))
    g_loss = generator_loss(critic(fake))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="repaired_step" points=3

# %% tags=["train"]
curve, repaired_slope = watch(repaired_step)
print(f"after the repair: {curve[-1]:.2f}, slope {repaired_slope:.2f}; the true distance is 2")
assert abs(curve[-1] - 2) < 0.6 and 0.8 < repaired_slope < 1.4

# %% [markdown]
# ## In your own words
#
# ### Exercise 3.8 · Reading the critic   ●●○ · 15 min · 4 points
# Two students train WGAN-GPs on the same clothes. Anna's critic ends with the loss −0.8, Ben's with −2.1; Ben's critic
# is twice as wide. Anna says: "My critic is 80 % sure, and my samples are closer to real than his." Name the **two**
# mistakes in her sentence. Then say **one** thing that each of them may read off his or her own curve, and **one**
# measurement that would settle whose samples are better. Five to ten sentences.

# %% [markdown] written="reading_the_critic" points=4
# **A good answer.** (1) A score is no probability: it has no upper or lower end, adding a number to all scores changes
# nothing, and the loss is minus a difference of mean heights, in units of distance (plus λ times the penalty). −0.8
# means "about 0.8 apart, as far as this critic can see", not 80 %. (2) Losses of two critics cannot be compared: each
# is at most a lower bound of the distance (with a soft penalty, times a slope that need not be 1), and a wider or
# longer trained critic sees more of the same distance. Ben's larger number may be the better critic, not the worse
# generator. (3) Within one run, with the same critic and after the first steps, a falling distance goes with better
# samples (rank correlation), if the critic is given time to keep up, so each may see from that curve whether training still helps. (4) To settle it: nFD (or
# precision and recall, or a distance by one third critic trained on both) of both generators against the same held-out
# real photographs, with the same N, beside the floor.
#
# **Rubric.** 1 point for "no probability" with a reason. 1 point for "two critics cannot be compared" with a reason. 1
# point for what a single curve does tell, with its condition (a critic that keeps up). 1 point for a measurement that is the same for both and
# is made against real data.

# %% [markdown]
# ## Play
#
# Move through the latent space of *your* trained generator: four directions, and the way from one start to
# another. (Without widgets, on a page that does not run, you see a walk along each direction.)

# %% tags=["train"]
from gancourse.widgets import latent_explorer

latent_explorer(trainer.ema.model, recipe.latent_dim)

# %% [markdown]
# ## On a GPU
#
# The same recipe on CIFAR-10, 50,000 colour photographs, eight times as wide and with the numbers of the paper's
# algorithm 1: five turns of the critic for each of G, λ = 10, Adam at $10^{-4}$, 200,000 turns of G, the learning rate
# falling to 0 from the start:
#
# ```
# gancourse train wgan_gp --budget gpu --device cuda
# ```
#
# The data are downloaded on first use. Time and memory on a GPU have not been measured yet. A run can be stopped with
# Ctrl-C and goes on with `--resume`.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. Two piles do not touch. What do JSD and W1 say of their distance?</summary>JSD is log 2, however
# far they are apart; W1 is how far one has to be carried.</details>
#
# <details><summary>2. Why must the critic's slope be held, and why at 1?</summary>Without a bound it earns more by
# being steeper, without end. Prices may differ by no more than the way, and where earth moves the best prices differ by
# exactly the way.</details>
#
# <details><summary>3. A critic of four layers, clipped to 0.05, has slope 5; clipped to 0.1 it has slope 82. Why?
# </summary>The slope is a product of the four layers' matrices, and nearly every weight stands at the bound: twice the
# bound is about 2⁴ times the slope.</details>
#
# <details><summary>4. Which three means or norms must not change places in the penalty?</summary>The norm over all
# numbers of a sample, then minus 1, then the square, then the mean over the batch.</details>
#
# <details><summary>5. The critic's loss went from −5 to −2 in one run. And another run's ended at −1. What do you
# know?</summary> In the first run the samples have probably come closer. Of the second nothing follows: another critic,
# another scale.</details>
#
# **Read next.** Arjovsky, Chintala and Bottou 2017, *Wasserstein GAN*, sections 2 and 3 · Gulrajani et al. 2017,
# *Improved Training of Wasserstein GANs*, sections 2 to 4 · Peyré and Cuturi 2019, *Computational Optimal Transport*,
# chapter 2 · Mescheder et al. 2018, section 4, on when a gradient penalty makes the game converge · Lesson 4
# lets you say what you want to see.
