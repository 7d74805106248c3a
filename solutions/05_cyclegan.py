# %% [markdown]
# # Lesson 5: CycleGAN
#
# What does this place look like at night? You have two thousand places by day and two thousand *other* ones by night.
# No place is in both heaps.
#
# With pairs this would be ordinary supervised learning. Without them, nobody can tell the network what the right answer
# would have been. In this lesson you write the losses that take the place of the answer, let them learn, and measure how
# far they get. Then you find out what they do *not* promise: a network can satisfy every one of them, to the last
# digit, and translate the wrong place.
#
# | | you write | points |
# |---|---|---|
# | 5.1 | `patch_receptive_field` | 1 |
# | 5.2 | `discriminator_loss` | 2 |
# | 5.3 | `adversarial_loss` | 1 |
# | 5.4 | `cycle_loss` | 2 |
# | 5.5 | `identity_loss` | 1 |
# | 5.6 | `generator_loss` | 3 |
# | 5.7 | `ImagePool` | 3 |
# | 5.8 | `repaired_step` | 3 |
# | 5.9 | an answer in words | 4 |
#
# Time: about two hours. Everything runs on two CPU cores and needs no network.

# %% setup="05"

# %% tags=["setup"]
import itertools
import math

import torch
from torch import Tensor

from gancourse import check, compare, show
from gancourse.data import emoji, emoji_names, scenes
from gancourse.nets import PatchDiscriminator, TranslationGenerator
from gancourse.recipes.cyclegan import CycleGAN, CycleGame, l1, translate, translation_errors
from gancourse.training import History, ProgressBar

# %% [markdown]
# A program paints the places, so for the *test* scenes both pictures exist. They are for measuring only. Above, what the
# networks will learn from: days and nights that have nothing to do with one another. Below, ten test scenes with their
# true nights.

# %%
train, test = scenes("train"), scenes("test")
day, night = test.first(500)
show.image_rows(
    {
        "train: day": train.a.first(10),
        "train: night": train.b.first(10),
        "test: day": day[:10],
        "its night": night[:10],
    },
    alt="Four rows of ten small landscapes with hills, meadows or water, houses and trees. The first two rows, by day and by night, show different places. In the last two rows each place is shown twice: the sun has become a crescent moon, the land is dark, the windows of the houses are lit",
)

# %% [markdown]
# ## How wrong is wrong?
#
# The error of a translation is the mean absolute difference to the true night, over all pixels, on the scale from −1 to
# 1: 0 is perfect, 2 is white for black. A number alone says nothing, so here are three translations that need no
# network: leave the day as it is; give it the average and the spread of the nights' colours, channel by channel; always
# answer with the mean of all nights.
#
# **Predict.** What is the error of leaving the day as it is? And of always answering with the same, mean night?

# %% predict="baselines"
my_copy, my_mean_image = ..., ...


# %%
def colour_match(images: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Give the images the mean and the spread of the target's colours, channel by channel."""
    mean, std = source.mean((0, 2, 3), keepdim=True), source.std((0, 2, 3), keepdim=True)
    new_mean, new_std = target.mean((0, 2, 3), keepdim=True), target.std((0, 2, 3), keepdim=True)
    return ((images - mean) / std * new_std + new_mean).clamp(-1, 1)


days, nights = train.a.first(2000), train.b.first(2000)
baselines = {
    "day to night": {
        "copy": l1(day, night),
        "colour match": l1(colour_match(day, days, nights), night),
        "mean image": l1(nights.mean(0, keepdim=True).expand_as(night), night),
    },
    "night to day": {
        "copy": l1(night, day),
        "colour match": l1(colour_match(night, nights, days), day),
        "mean image": l1(days.mean(0, keepdim=True).expand_as(day), day),
    },
}
compare(my_copy, baselines["day to night"]["copy"], "error of a copy")
compare(my_mean_image, baselines["day to night"]["mean image"], "error of the mean night")
for way, errors in baselines.items():
    print(f"{way}: " + ", ".join(f"{name} {error:.2f}" for name, error in errors.items()))

# %% [markdown]
# The mean night is hard to beat: most of a night is dark. It is also useless, for it shows no moon and no window. An
# error over all pixels rewards what is right on average. So we keep a second number beside it, the error over the
# **lights** alone: the pixels that are bright in the true night, two in a hundred.

# %%
lit = (night.amax(dim=1, keepdim=True) > 0).expand_as(night)


def light_error(images: Tensor) -> float:
    """The mean absolute difference to the true nights where these are bright."""
    return (images - night).abs()[lit].mean().item()


mean_night = nights.mean(0, keepdim=True).expand_as(night)
print(f"lit: {lit.float().mean():.0%} of the pixels; error of the mean night over them: {light_error(mean_night):.2f}")

# %% [markdown]
# ## Why one loss is not enough
#
# Let a discriminator $D_B$ look at real nights and at translations $G_{AB}(a)$, and let $G_{AB}$ learn until nobody can tell
# them apart. What has it learned? To make *nights*. Whether it is the night of *this* day, $D_B$ cannot know: it never sees
# which day went in.
#
# Count it. A world of four places; domain A holds their days, B their nights. A translation sends each day to one of the four
# nights; so there are $4^4 = 256$ of them, and one is right. A way back is just such a table.
#
# **Predict.** Of the 256 translations, how many make every night equally often, so that no discriminator can object? And
# of the $256 \cdot 256$ pairs of translations, how many satisfy both discriminators *and* lead every place back to
# itself?

# %% predict="counting"
my_adversarial, my_cycle = ..., ...

# %%
places = range(4)
tables = list(itertools.product(places, repeat=4))  # tables[i][place]: the night that is shown for a day
fooling = [g for g in tables if sorted(g) == list(places)]
cycling = [(g, f) for g in tables for f in tables if all(f[g[p]] == p and g[f[p]] == p for p in places)]
both = [(g, f) for g, f in cycling if g in fooling and f in fooling]
compare(my_adversarial, len(fooling), "translations that fool D_B", digits=0)
compare(my_cycle, len(both), "pairs that fool both and come back", digits=0)
print(f"pairs that fool both discriminators: {len(fooling) ** 2}, of {len(tables) ** 2}; right: 1")
assert len(fooling) == math.factorial(4) and len(both) == math.factorial(4) and set(both) == set(cycling)

# %% [markdown]
# Two discriminators leave 576 pairs of 65,536. **Cycle consistency**, $G_{BA}(G_{AB}(a)) = a$ and
# $G_{AB}(G_{BA}(b)) = b$ (Zhu et al. 2017, section 3.2), leaves 24: each $G_{AB}$ now has exactly one way back. It forbids that
# two days become one night. But 24 is not 1. *Any* way of exchanging the places is left, as long as the other network
# undoes it. With 2,000 places it is $2000!$.
#
# What picks the right one? Nothing in these two losses. It is what networks find easiest: a convolution that keeps a house where it is
# and changes its colours is a small step from where they start. Remember this when the losses are small and you
# want to believe.

# %% [markdown]
# ## A judge of patches
#
# Now the parts. The discriminator does not judge the whole picture with one number. It is a stack of convolutions that gives
# a *map* of logits, one a patch (PatchGAN, Isola et al. 2017, section 3.2.2): each says whether *its* piece of the picture
# looks real. The layout is judged by nobody, the cycle takes care of it; a judge of texture and colour is smaller, and has
# many answers a picture to learn from.
#
# How large is a patch? Follow a logit back. A layer with kernel $k$ sees $k$ neighbours of its input. If that
# input was made with stride 2, its neighbours are two pixels apart.
#
# **Predict.** Three convolutions with kernel 4, and strides 2, 2, 1. How many pixels wide is what one logit sees?

# %% predict="patch"
my_patch = ...

# %% [markdown]
# ### Exercise 5.1 · The receptive field   ●○○ · 10 min · 1 point
# Return the side, in pixels, of the square that one logit sees. `layers` lists `(kernel, stride)` from the picture to the
# logit.
#
# <details><summary>Hint</summary>With no layer it is 1. A further layer adds kernel − 1 steps. How long is a step after some
# strides?</details>


# %% answer="patch_receptive_field"
def patch_receptive_field(layers: list[tuple[int, int]]) -> int:
    """The side in pixels of what one logit sees; layers: (kernel, stride) each, the one next to the picture first.

    The trap: whose stride makes whose steps longer.
    """
    ### BEGIN SOLUTION
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side
    ### END SOLUTION


# %% check="patch_receptive_field" points=1

# %%
ours = [(4, 2), (4, 2), (4, 1)]
paper = [(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)]
compare(my_patch, patch_receptive_field(ours), "pixels that a patch of ours is wide", digits=0)
print(f"the paper's patches, on pictures of 256 x 256: {patch_receptive_field(paper)} pixels")

# %% [markdown]
# Ask a network itself. A pixel is seen when changing it changes the logit, so when the logit has a gradient there. The
# judge below is the course's, with instance norm between its layers as in the paper.
#
# **Predict.** Instance norm subtracts the mean of the whole map and divides by its spread. How large is what a
# logit sees now?

# %% predict="normed_patch"
my_normed_patch = ...


# %%
def influence(judge: torch.nn.Module, size: int = 64) -> Tensor:
    """How much each pixel (size, size) moves the logit in the middle of the map."""
    picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0), requires_grad=True)
    logits = judge(picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    return picture.grad.abs().sum((0, 1))


torch.manual_seed(0)
judge = PatchDiscriminator(width=32)
plain = torch.nn.Sequential(*[layer for layer in judge.net if not isinstance(layer, torch.nn.GroupNorm)])
fields = {"without norm": influence(plain), "with instance norm": influence(judge)}
side = {name: int((field.sum(0) > 0).sum()) for name, field in fields.items()}
inside = fields["without norm"] > 0
share = (fields["with instance norm"][inside].sum() / fields["with instance norm"].sum()).item()
compare(my_normed_patch, side["with instance norm"], "pixels wide, with instance norm", digits=0)
print(f"inside the square of 22 pixels lies {share:.0%} of the influence")
print(f"without norm: {side['without norm']} pixels, as your function says: {patch_receptive_field(ours)}")
assert side["without norm"] == patch_receptive_field(ours) and side["with instance norm"] == 64 and share > 0.7

# %% tags=["train"]
show.plane(
    {name: (field / field.max()) ** 0.25 for name, field in fields.items()},
    alt="Two maps of a picture. Without norm only a square of 22 pixels in the middle is bright. With instance norm the same square is bright and everything around it glows faintly",
    limit=1,
)

# %% [markdown]
# The arithmetic gives the square in which a logit sees *details*: four fifths of the influence lie in an eighth of the area.
# Through the norm's mean and spread every logit also hears, softly, of the whole picture. "A patch of 22 pixels" is a
# good approximation, not the truth.

# %% [markdown]
# ## Squares instead of logarithms
#
# CycleGAN judges by **least squares** (Mao et al. 2017): D pulls the logits of real patches to 1 and those of fakes to 0,
# the generator pulls those of its fakes to 1, and each pays the squared distance.
#
# $$L_D = \mathbb E\big[(D(\text{real}) - 1)^2\big] + \mathbb E\big[D(\text{fake})^2\big], \qquad
# L_G = \mathbb E\big[(D(\text{fake}) - 1)^2\big]$$
#
# **Predict.** A fake has fooled D by far: its logit is 6. How steep is the generator's loss there, with the
# logarithm of lesson 1 ($-\log \sigma(6)$), and with the square?

# %% predict="far_side"
my_log_slope, my_square_slope = ..., ...

# %%
at = torch.tensor(6.0, requires_grad=True)
(log_slope,) = torch.autograd.grad(torch.nn.functional.softplus(-at), at)
(square_slope,) = torch.autograd.grad((at - 1) ** 2, at)
compare(my_log_slope, log_slope.item(), "slope of the logarithm at logit 6", digits=4)
compare(my_square_slope, square_slope.item(), "slope of the square at logit 6", digits=4)

# %% [markdown]
# To the logarithm a fake that passes is done with. The square pulls it *back* to 1, to where real patches lie. A good
# forgery is not one that is called real with the utmost certainty: it is one that is called what real ones are called.
#
# ### Exercise 5.2 · The judge's loss   ●○○ · 10 min · 2 points
# Return what a discriminator minimises, from its maps of logits of a real and a fake batch. The two maps may differ in
# size: take the mean of each over everything, and add.
#
# (The authors' code halves it. For Adam that changes nothing: it divides by the size of the gradient.)
#
# <details><summary>Hint</summary>Which of the two is pulled to 1?</details>


# %% answer="discriminator_loss"
def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """What D minimises, by least squares. (N, 1, h, w) and (M, 1, h', w'), or any shapes. Returns a scalar with a graph.

    The traps: which label belongs to whom; two means, then the sum.
    """
    ### BEGIN SOLUTION
    return (real_logits - 1).square().mean() + fake_logits.square().mean()
    ### END SOLUTION


# %% check="discriminator_loss" points=2

# %% [markdown]
# Use it at once. **Predict.** A judge has no idea and gives every patch the same logit $c$. Which $c$ is cheapest, and what
# does it pay?

# %% predict="clueless"
my_c, my_price = ..., ...

# %%
levels = torch.linspace(-0.5, 1.5, 201)
prices = torch.stack([discriminator_loss(torch.full((4,), c), torch.full((4,), c)) for c in levels.tolist()])
compare(my_c, levels[prices.argmin()].item(), "cheapest constant logit")
compare(my_price, prices.min().item(), "what it pays")
assert abs(prices.min().item() - 0.5) < 1e-6

# %% [markdown]
# Keep the ½. A judge that pays more than ½ all the time is not minimising this loss; one that pays close to 0 has found
# something that gives the fakes away. There are two judges here, so their sum is 1 when neither has any idea.
#
# ### Exercise 5.3 · What a translation pays to its judge   ●○○ · 5 min · 1 point
# Return what a translation minimises, from the judge's map of its fakes: the mean over everything.
#
# <details><summary>Hint</summary>One term. To which number does it want the logits of its fakes to go?</details>


# %% answer="adversarial_loss"
def adversarial_loss(fake_logits: Tensor) -> Tensor:
    """What a generator minimises, by least squares. fake_logits: (N, 1, h, w) or any shape. Returns a scalar with a graph.

    The trap: whose wish it is.
    """
    ### BEGIN SOLUTION
    return (fake_logits - 1).square().mean()
    ### END SOLUTION


# %% check="adversarial_loss" points=1

# %%
print(
    f"a fake at 0 pays {adversarial_loss(torch.zeros(3)):.1f}, at 1 {adversarial_loss(torch.ones(3)):.1f}, at 6 {adversarial_loss(torch.full((3,), 6.0)):.1f}"
)

# %% [markdown]
# ## There and back again
#
# The cycle loss (equation 2) compares each image with what comes back from the round trip, by absolute differences:
#
# $$L_{cyc} = \mathbb E\,\big\lVert G_{BA}(G_{AB}(a)) - a \big\rVert_1 + \mathbb E\,\big\lVert G_{AB}(G_{BA}(b)) - b \big\rVert_1$$
#
# Here, as in the authors' code, $\lVert x \rVert_1$ is the **mean** of the absolute values over the images, channels and
# pixels, so that its weight means the same at every size.
#
# Both networks stand in both terms, and both must learn from both: the first one has to leave enough in its translation
# for the second one to find the way back.
#
# ### Exercise 5.4 · The cycle loss   ●●○ · 15 min · 2 points
# You are given the fakes `fake_b = g_ab(a)` and `fake_a = g_ba(b)`: they were made for the judges anyway. Return the two means,
# added. No weight yet.
#
# <details><summary>Hint</summary>Which network takes a fake night? And what must not happen to the fake before it goes
# in?</details>


# %% answer="cycle_loss"
def cycle_loss(a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor, g_ab, g_ba) -> Tensor:
    """How far each image is from what comes back. a, fake_a: (N, C, H, W), (M, C, H, W); b, fake_b: (M, ...), (N, ...).

    Returns a scalar with a graph. The traps: who takes what; both networks learn from both terms.
    """
    ### BEGIN SOLUTION
    return (g_ba(fake_b) - a).abs().mean() + (g_ab(fake_a) - b).abs().mean()
    ### END SOLUTION


# %% check="cycle_loss" points=2

# %% [markdown]
# ### A cheat in two lines
#
# Now try to break it. Here is a "translation" that answers every day with the night of *one other place*: a real night, at which
# no judge can object. In it, a hundred times fainter, hides the day itself. The way back subtracts the night and
# turns up the rest.
#
# **Predict.** How large is the first term of the cycle loss? And how large will it be when the fake night gets noise
# of standard deviation 0.01, which no eye sees?

# %% predict="cheat"
my_cheat, my_cheat_noisy = ..., ...

# %%
elsewhere = night[7:8]  # the true night of test scene 7


def cheat_ab(a: Tensor) -> Tensor:
    return elsewhere + 0.01 * a


def cheat_ba(b: Tensor) -> Tensor:
    return (b - elsewhere) / 0.01


fake_night = cheat_ab(day)
noise = torch.randn(day.shape, generator=torch.Generator().manual_seed(0))
there_and_back = l1(cheat_ba(fake_night), day)
disturbed = l1(cheat_ba(fake_night + 0.01 * noise), day)
compare(my_cheat, there_and_back, "cycle error of the cheat")
compare(my_cheat_noisy, disturbed, "the same, with a trace of noise")
print(
    f"its translation error: {l1(fake_night, night):.2f}; what it adds to the night, at most {(fake_night - elsewhere).abs().max():.2f}"
)
assert there_and_back < 1e-4 and disturbed > 0.7 and l1(fake_night, night) > baselines["day to night"]["mean image"]

# %% tags=["train"]
show.image_rows(
    {
        "day": day[:8],
        "cheat's night": fake_night[:8],
        "and back": cheat_ba(fake_night)[:8],
        "back, with noise": cheat_ba(fake_night + 0.01 * noise)[:8].clamp(-1, 1),
        "true night": night[:8],
    },
    alt="Five rows. Eight different days; eight times one and the same night; the eight days again, perfect; the eight days buried in coloured noise; the eight true nights, all different",
)

# %% [markdown]
# A cycle loss of 0, a judge of nights who is shown nothing but real ones, and every translation is wrong. (The judge of
# days would object: of a true night, this way back makes glare. A network has more than two lines for its cheat.) A
# cycle loss that is small says that the way back *finds* what it needs in the fake, not that it is *shown* there. Chu et
# al. 2017 found that trained CycleGANs do this too: they hide what they need in patterns that nobody sees. And noise
# uncovers it: what is hidden in faint patterns does not survive it. You will put the same question to your own networks.

# %% [markdown]
# ## What must not change
#
# The third loss is for the colours of things that have no reason to change. If a *night* goes into the network that makes nights, it
# should come out as it is (section 5.2):
#
# $$L_{id} = \mathbb E\,\lVert G_{AB}(b) - b \rVert_1 + \mathbb E\,\lVert G_{BA}(a) - a \rVert_1$$
#
# **Predict.** What would $\lVert G_{AB}(a) - a\rVert_1$ ask for instead?
#
# ### Exercise 5.5 · The identity loss   ●○○ · 5 min · 1 point
# Return $L_{id}$: two means, added. No weight yet.
#
# <details><summary>Hint</summary>The network that makes nights is asked to leave ... alone.</details>


# %% answer="identity_loss"
def identity_loss(a: Tensor, b: Tensor, g_ab, g_ba) -> Tensor:
    """How much each network changes what is in its target domain already. a: (N, C, H, W); b: (M, C, H, W).

    Returns a scalar with a graph. The trap: which network gets which domain.
    """
    ### BEGIN SOLUTION
    return (g_ab(b) - b).abs().mean() + (g_ba(a) - a).abs().mean()
    ### END SOLUTION


# %% check="identity_loss" points=1

# %% [markdown]
# Does it catch the cheat? And what of a network that changes nothing at all?


# %%
def leave(images: Tensor) -> Tensor:
    return images


print(
    f"cheat: cycle {cycle_loss(day, night, cheat_ba(night), fake_night, cheat_ab, cheat_ba):.2f}, identity {identity_loss(day, night, cheat_ab, cheat_ba):.2f}"
)
print(
    f"copy:  cycle {cycle_loss(day, night, night, day, leave, leave):.2f}, identity {identity_loss(day, night, leave, leave):.2f}, error {l1(day, night):.2f}"
)

# %% [markdown]
# It catches this cheat. It is quite content with the copy, which both of these losses call perfect: each of the three
# losses needs the other two.
#
# And the three together? Imagine networks that know every true night and show it *in a mirror*, and the way back shows
# every true day in a mirror; what is in the wanted domain already, they leave alone. Scenes and mirrored scenes are equally
# likely here, so no judge, however good, can object.
#
# **Predict.** What are the three losses of these networks worth, and what is their error?

# %% predict="mirror"
my_mirror_losses, my_mirror_error = ..., ...

# %%
mirrored_night, mirrored_day = night.flip(3), day.flip(3)
back_again = mirrored_day.flip(
    3
)  # the mirrored night is the night of the mirrored day, which the way back shows in a mirror
compare(my_mirror_losses, l1(back_again, day), "cycle loss; identity and adversarial loss are at their best too")
compare(my_mirror_error, l1(mirrored_night, night), "error of the mirrored night")
print(f"over the lights {light_error(mirrored_night):.2f}; error of the mirrored day {l1(mirrored_day, day):.2f}")
assert l1(back_again, day) == 0 and l1(mirrored_day, day) > 0.1 and light_error(mirrored_night) > 0.9

# %% [markdown]
# All three losses are perfect, and every translation is wrong: the moon stands on the wrong side, and over the lights these
# nights are no better than the mean night. (Their error over *all* pixels looks good. An average can be content with
# nonsense too.) No loss that is made of unpaired images can tell this solution from the right one. That your networks will not mirror is
# the work of their architecture: to a convolution, leaving things where they are comes naturally.
#
# ### Exercise 5.6 · The whole loss   ●●○ · 20 min · 3 points
# Both networks learn together, from one sum (equation 3 with section 5.2's identity loss):
#
# $$L_G = L_{adv}(D_B(G_{AB}(a))) + L_{adv}(D_A(G_{BA}(b))) + \lambda_{cyc} L_{cyc} + \lambda_{id} L_{id}$$
#
# Use your `adversarial_loss`, `cycle_loss` and `identity_loss`. The paper writes the identity's weight as a share of the
# cycle's ($0.5 \lambda$); here `identity_weight` is the whole weight. Either weight
# may be 0.
#
# <details><summary>Hint</summary>Make both fakes once. Which judge knows nights?</details>


# %% answer="generator_loss"
def generator_loss(
    a: Tensor, b: Tensor, g_ab, g_ba, d_a, d_b, cycle_weight: float = 10.0, identity_weight: float = 5.0
) -> Tensor:
    """What both translations minimise together. a: (N, C, H, W); b: (M, C, H, W); d_a judges images of A, d_b of B.

    Returns a scalar with a graph to g_ab and g_ba. The traps: who judges whom; each weight once.
    """
    ### BEGIN SOLUTION
    fake_b, fake_a = g_ab(a), g_ba(b)
    loss = adversarial_loss(d_b(fake_b)) + adversarial_loss(d_a(fake_a))
    if cycle_weight:
        loss = loss + cycle_weight * cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba)
    if identity_weight:
        loss = loss + identity_weight * identity_loss(a, b, g_ab, g_ba)
    return loss
    ### END SOLUTION


# %% check="generator_loss" points=3

# %% [markdown]
# (The reference leaves out what has the weight 0: it saves time in the experiments below.) Your loss, on the first cheat and
# the copy, with judges that let everything pass:


# %%
def convinced(images: Tensor) -> Tensor:
    return torch.ones(len(images), 1, 7, 7)


for name, (g_ab, g_ba) in {"cheat": (cheat_ab, cheat_ba), "copy": (leave, leave)}.items():
    print(
        f"{name}: {generator_loss(day, night, g_ab, g_ba, convinced, convinced):.2f}, without identity {generator_loss(day, night, g_ab, g_ba, convinced, convinced, identity_weight=0.0):.2f}"
    )

# %% [markdown]
# ## A memory for the judges
#
# A judge that only sees the newest fakes forgets the old ones, and the generator can go round in circles: it returns to
# a mistake as soon as the judge has forgotten it. So each judge gets a **pool** of old fakes (Shrivastava et al. 2017, section
# 2.3). The rule, for each new image:
#
# - while the pool has room: the image is kept, and comes back as it is;
# - once it is full: with probability ½ the image comes back as it is and is *not* kept; else a random one of the kept images comes
#   back, and the new one takes its place.
#
# **Predict.** The pool is full with 50 images. How many new images go by, on average, before a kept one comes back?

# %% predict="waiting"
my_waiting = ...

# %% [markdown]
# ### Exercise 5.7 · The pool   ●●○ · 20 min · 3 points
# Write the class. What is kept must be copies without a graph: a kept graph holds the memory of a whole step of training. The
# same goes for what comes back, for only the judges learn from it.
#
# <details><summary>Hint</summary>Go through the batch image by image; each tosses a coin of its own. Stack what comes back.</details>


# %% answer="ImagePool"
class ImagePool:
    """Keeps up to `capacity` images and hands out old ones for new ones.

    query(images): (N, C, H, W) to as many images (N, C, H, W), without a graph. The traps: detach; a coin for each image;
    what comes back leaves the pool.
    """

    def __init__(self, capacity: int = 50):
        ### BEGIN SOLUTION
        self.capacity, self.images = capacity, []
        ### END SOLUTION

    def query(self, images: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        out = []
        for image in images.detach().clone():
            if len(self.images) < self.capacity:
                self.images.append(image)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.capacity, ()))
                image, self.images[place] = self.images[place], image
            out.append(image)
        return torch.stack(out)
        ### END SOLUTION


# %% check="ImagePool" points=3

# %%
torch.manual_seed(0)
pool, ages = ImagePool(50), []
for i in range(4000):
    number = torch.full((1, 1, 1, 1), float(i))
    back = pool.query(number).item()
    if i > 1000 and back != i:
        ages.append(i - back)
compare(my_waiting, sum(ages) / len(ages), "images until a kept one comes back", digits=0)
assert 80 < sum(ages) / len(ages) < 120

# %% [markdown]
# ## Your GAN learns
#
# Two translations of 46,000 weights each (residual blocks between a squeeze and a stretch), two judges, your three losses,
# your pools. 1,600 steps of two days and two nights (`gancourse train cyclegan` takes 2,400). Both generators learn with one optimiser, both judges with
# another. What is measured is an average of the generators over the last steps, as in lesson 1. This run takes the GPU where there is one,
# which is what `device` stands for. The experiments stay on the CPU, where their
# numbers repeat.
#
# **Predict.** The mean night has an error of 0.08 and the mean day of 0.23. Where will your networks end, in each
# direction?

# %% predict="scenes"
my_day_to_night, my_night_to_day = ..., ...


# %%
def train_on(data, recipe: CycleGAN, title: str, loss=generator_loss, history=None, device="cpu"):
    """Train with the learner's functions. Returns the averaged generators, on the CPU.

    joined and fresh_fakes save passes: what changes and what stays goes through a translation together, and the judges see
    the pictures that the translations have just made for their own turn.
    """
    players = recipe.players(data, device)
    pools = ImagePool(recipe.pool), ImagePool(recipe.pool)
    weights = recipe.cycle_weight, recipe.identity_weight
    game = CycleGame(players, *weights, loss, discriminator_loss, pools, joined=True, fresh_fakes=recipe.fresh_fakes)
    monitors = [ProgressBar(title), *([history] if history else [])]
    trainer = recipe.trainer(players, recipe.batches(data, device), game.step(), monitors=monitors)
    trainer.run()
    return trainer.ema.model.cpu()


# %% tags=["train"]
recipe = CycleGAN.for_budget("laptop", images=1600 * 2)
history = History()
mine = train_on(train, recipe, "day and night", history=history, device=device)
errors = translation_errors(mine, test)
compare(my_day_to_night, errors["a_to_b"], "error, day to night", digits=3)
compare(my_night_to_day, errors["b_to_a"], "error, night to day", digits=3)
fake_night, fake_day = translate(mine.ab, day), translate(mine.ba, night)
print(f"over the lights {light_error(fake_night):.2f}; identity {errors['identity']:.3f}, cycle {errors['cycle']:.3f}")
assert light_error(fake_night) < 0.9 * light_error(mean_night)
assert errors["a_to_b"] < 0.085 and errors["b_to_a"] < 0.13
assert errors["a_to_b"] < baselines["day to night"]["mean image"] < baselines["day to night"]["colour match"]

# %% tags=["train"]
show.image_rows(
    {
        "day": day[:10],
        "your night": fake_night[:10],
        "true night": night[:10],
        "night": night[10:20],
        "your day": fake_day[10:20],
        "true day": day[10:20],
    },
    alt="Six rows of ten. Days; the nights made of them, dark, with moons and lit windows, a little smeared; the true nights, very similar; then nights; the days made of them, with suns, green meadows or blue water; the true days",
)

# %% [markdown]
# Houses have lit windows and suns have become crescents, and no pair was ever shown. Look for what is wrong: what the night
# hardly shows (the colour of a roof, a tree before a dark hill) is guessed by day.
#
# ### What pairs would have been worth
#
# The same networks with what yours were denied: the true night of each training day, and the L1 error itself as their
# loss. They get 600 steps, not half as many as yours.

# %% tags=["train"]
from gancourse.data.scenes import draw_scenes, paint


def train_with_pairs(steps: int = 600):
    """The same two networks, supervised: each learns the true partner of each scene."""
    torch.manual_seed(0)
    places = draw_scenes(2000, seed=1)
    sunny, dark = paint(places, night=False), paint(places, night=True)
    translations = recipe.players(train).generator
    optimizer = torch.optim.Adam(translations.parameters(), 4e-3, betas=(0.9, 0.99))
    for i in range(steps):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 - i / steps)
        chosen = torch.randint(2000, (recipe.batch_size,))
        a, b = sunny[chosen], dark[chosen]
        loss = (translations.ab(a) - b).abs().mean() + (translations.ba(b) - a).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return translations


pupils = train_with_pairs()
supervised = translation_errors(pupils, test)
for way, key in (("day to night", "a_to_b"), ("night to day", "b_to_a")):
    shown = {**baselines[way], "yours": errors[key], "with pairs": supervised[key]}
    print(f"{way}: " + ", ".join(f"{name} {error:.3f}" for name, error in shown.items()))
print(
    f"over the lights: mean night {light_error(mean_night):.2f}, yours {light_error(fake_night):.2f}, with pairs {light_error(translate(pupils.ab, day)):.2f}"
)
assert supervised["a_to_b"] < errors["a_to_b"]

# %% [markdown]
# Pairs and not half of the steps are enough to win. Over the lights their lead is much smaller (at seed 0, 0.66 against 0.70,
# where over all pixels it is 0.031 against 0.049): where a network is unsure, L1 rewards a dim compromise, and a judge
# calls a dim compromise fake.

# %% [markdown]
# ## Does your network cheat?
#
# Your cycle error is small. Two questions to it, each with a number.
#
# *Does a fake night hold more of the day than a true night does?* Send both through the way back: your fake night,
# and the true night of the same place, which can hold nothing secret. If your networks are honest, the true night is as good.
#
# *Is it hidden where nobody sees it?* Lay noise over both and ask again. The cheat of above lost everything at a noise of 0.01.
#
# **Predict.** From which of the two does the way back find the day better, and by how much? What is left of the
# difference when the noise has a standard deviation of 0.1?

# %% predict="hidden"
my_fake_better_by, my_with_noise = ..., ...

# %% tags=["train"]
levels = (0.0, 0.02, 0.05, 0.1, 0.2)
from_fake = [l1(translate(mine.ba, fake_night + s * noise), day) for s in levels]
from_true = [l1(translate(mine.ba, night + s * noise), day) for s in levels]
compare(my_fake_better_by, from_true[0] - from_fake[0], "the way back is better from your fake, by", digits=3)
compare(my_with_noise, from_true[3] - from_fake[3], "the same, with noise of 0.1", digits=3)
print(f"back from the fake night {from_fake[0]:.3f}, from the true night {from_true[0]:.3f}")
assert from_fake[0] < 0.9 * from_true[0]
show.lines(
    levels,
    {"back from your fake night": from_fake, "back from the true night": from_true},
    alt="Error of the way back against noise on the night. Both lines rise; the line from the fake night lies below the one from the true night",
    xlabel="standard deviation of the noise",
    ylabel="error of the day that comes back",
)

# %% [markdown]
# To the first question: yes. From your fake the way back finds the day clearly better than from the truth (0.063 against 0.090
# at seed 0). A fake night holds things of its day that no true night holds, and the cycle loss has learned to count
# on them. So the cycle error is *not* the error that you would have on real nights; it is an understatement of it.
#
# To the second: hardly. At a noise of 0.1 most of the difference is left, while the cheat lost everything at a tenth of
# that. What is smuggled here is no faint pattern. The networks of Chu et al. were larger and learned from photographs;
# after a minute or two yours have not found their trick. Nothing in the losses forbids it: the cheat has a cycle loss of 0.

# %% [markdown]
# ## Take one away
#
# Three losses. Take away one at a time and train again, for 200 steps, an eighth of yours, to save your time.
#
# **Predict.** Which of the three games ends with the *smallest* cycle error: the one without cycle loss, without
# identity loss, or without judges? And which with the largest error of translation?

# %% predict="ablation"
my_smallest_cycle, my_largest_error = ..., ...


# %%
def without_judges(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    """Your loss without its adversarial part."""
    cycle = cycle_loss(a, b, g_ba(b), g_ab(a), g_ab, g_ba)
    return cycle_weight * cycle + identity_weight * identity_loss(a, b, g_ab, g_ba)


short = {"images": 200 * 2}
games = {
    "all three": (CycleGAN.for_budget("laptop", **short), generator_loss),
    "no cycle": (CycleGAN.for_budget("laptop", cycle_weight=0.0, **short), generator_loss),
    "no identity": (CycleGAN.for_budget("laptop", identity_weight=0.0, **short), generator_loss),
    "no judges": (CycleGAN.for_budget("laptop", **short), without_judges),
}

# %% tags=["train"]
trained = {name: train_on(train, changed, name, loss) for name, (changed, loss) in games.items()}
found = {name: translation_errors(translations, test) for name, translations in trained.items()}
print("             day to night   night to day   identity   cycle")
for name, e in found.items():
    print(f"{name:12} {e['a_to_b']:12.3f} {e['b_to_a']:14.3f} {e['identity']:10.3f} {e['cycle']:7.3f}")
print(f"predicted: smallest cycle error {my_smallest_cycle}, largest error {my_largest_error}")
best = found["all three"]
assert found["no cycle"]["a_to_b"] > 1.2 * best["a_to_b"] and found["no cycle"]["cycle"] > 1.5 * best["cycle"]
assert found["no identity"]["identity"] > 2 * best["identity"]
assert found["no judges"]["cycle"] < best["cycle"] and found["no judges"]["a_to_b"] > 2 * best["a_to_b"]

# %% tags=["train"]
show.image_rows(
    {"day": day[:10], **{name: translate(t.ab, day[:10]) for name, t in trained.items()}, "true night": night[:10]},
    alt="Six rows of ten. Days; the nights of all three losses, dark with round moons and traces of the houses; without the cycle darker, the houses nearly gone and a fine grid over the land; without identity dark, with stains; without judges garish half-dark days with a yellow sun and a grid over them; the true nights",
)

# %% [markdown]
# - **Without judges** the cycle error is the *smallest* of all, and the translation the worst: nothing asks for nights. Both networks
#   drift to the same compromise, from which each way back is short.
# - **Without the cycle** the nights are dark, and their houses nearly gone: nobody asks for the day back. They are further
#   from the truth than the mean night.
# - **Without identity** the translations suffer a little. What breaks is what the loss is for: a night that goes in comes out
#   changed, by several times as much.
#
# If you had ranked these four games by their cycle error, you would have chosen the one that does not translate.

# %% [markdown]
# ## Real art
#
# Two vendors draw the same list of emoji in two styles: Noto (A) with soft shades, Twemoji (B) flat. 800 drawings of
# each for training, of *different* emoji; 311 pairs for the test. The code is the same; only the data change.

# %%
art, art_test = emoji("train"), emoji("test")
noto, twemoji = art_test.first(311)
print(
    f"train: {', '.join(emoji_names('train')[0][:3])} in Noto's style; {', '.join(emoji_names('train')[1][:3])} in Twemoji's"
)
copy_art = l1(noto, twemoji)
print(f"error of a copy: {copy_art:.2f}")
show.image_rows(
    {"Noto": noto[:12], "Twemoji": twemoji[:12]},
    alt="Two rows of twelve emoji, the same ones above and below. The upper ones are shaded, the lower ones flat; many are drawn quite differently",
)

# %% [markdown]
# **Predict.** A copy of Noto's drawing has the error 0.33. How far below will your translation get? How large will its
# cycle error be?

# %% predict="art"
my_art_error, my_art_cycle = ..., ...

# %% tags=["train"]
art_recipe = CycleGAN.for_budget("laptop", images=400 * 2)
artist = train_on(art, art_recipe, "emoji")
art_errors = translation_errors(artist, art_test)
compare(my_art_error, art_errors["a_to_b"], "error, Noto to Twemoji", digits=3)
compare(my_art_cycle, art_errors["cycle"], "cycle error", digits=3)
print(f"a copy: {copy_art:.3f}; Twemoji to Noto {art_errors['b_to_a']:.3f}")
assert art_errors["cycle"] < 0.5 * art_errors["a_to_b"]
show.image_rows(
    {
        "Noto": noto[:12],
        "as Twemoji": translate(artist.ab, noto[:12]),
        "Twemoji": twemoji[:12],
        "as Noto": translate(artist.ba, twemoji[:12]),
    },
    alt="Four rows of twelve. Noto's drawings; the same drawings with a little less shade, other tints and a fine grain, their shapes unchanged; Twemoji's drawings, many of another shape; the same, a little more shaded and grainy, their shapes unchanged",
)

# %% [markdown]
# The cycle error is small, though not as small as with the scenes. The translation error is that of a copy, or a few hundredths
# below. Tints and shades have changed, outlines have not: the yellow of a face moves towards the other yellow, but no
# foot has changed its colour from blue to brown, and a Noto runner stays a Noto runner. Where two artists draw *different* pictures of
# the same word, nothing in an unpaired heap tells which belongs to which; and a convolution that keeps things in their
# places could not redraw them if it knew. CycleGAN changes how things look, not what is drawn
# (Zhu et al. 2017 say so themselves, section 6: dogs did not become cats).

# %% [markdown]
# ## Find the bug
#
# A colleague's step, with your functions. Nothing warns. After 150 steps its cycle error is *smaller* than that of a right
# step after as many.


# %% given="broken_step"
def broken_step(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    g_loss = generator_loss(a, b, g_ab, g_ba, d_a, d_b)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()

    fake_a, fake_b = g_ab(a).detach(), g_ba(b).detach()
    d_loss = discriminator_loss(d_a(a), d_a(pool_a.query(fake_a)))
    d_loss = d_loss + discriminator_loss(d_b(b), d_b(pool_b.query(fake_b)))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


# %%
def play(step, steps: int = 150):
    """Train with a step function. Returns the averaged generators and the history of the losses."""
    players, history = recipe.players(train), History()
    g, d = players.generator, players.discriminator
    optimizers = players.generator_optimizer, players.discriminator_optimizer
    pools = ImagePool(), ImagePool()

    def one_step(batch, number: int) -> dict[str, Tensor]:
        d_loss, g_loss = step(g.ab, g.ba, d.a, d.b, *optimizers, *pools, *batch)
        return {"judges": d_loss, "translations": g_loss}

    game = CycleGAN.for_budget("laptop", images=steps * 2, record_every=10)
    trainer = game.trainer(players, game.batches(train), one_step, monitors=[history, ProgressBar("bug")])
    trainer.run()
    return trainer.ema.model, history


# %% tags=["train"]
theirs, their_history = play(broken_step)
their_errors = translation_errors(theirs, test)
their_d = sum(their_history["judges"][-3:]) / 3
print(
    f"cycle error {their_errors['cycle']:.3f}; day to night {their_errors['a_to_b']:.2f}; judges' loss at the end {their_d:.2f}"
)
assert their_d < 0.2 and their_errors["a_to_b"] > 0.15 and their_errors["cycle"] < 0.1
show.curves(
    their_history.records,
    ["judges", "translations"],
    alt="Both curves fall smoothly. The judges' loss goes to 0, far below the line at 1 where neither judge has any idea",
    levels={"both judges clueless": 1.0},
)

# %% [markdown]
# Both losses fall, and both look like success. But you know that two judges who face good fakes pay about 1 together. These
# pay nearly nothing: their work is far too easy. What are they shown?
#
# ### Exercise 5.8 · The repaired step   ●●○ · 15 min · 3 points
# Write `repaired_step`: the colleague's step without the mistake. The judges' fakes may be made before or after the translations
# learn. It returns the judges' loss and the translations' loss.
#
# <details><summary>Hint</summary>D_A must tell real days from translations that want to be days. Say aloud what each name in the
# judges' turn holds.</details>


# %% answer="repaired_step"
def repaired_step(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    """The colleague's step, repaired: one turn of both translations, one of both judges. Returns (d_loss, g_loss).

    a, b: (N, C, H, W); pool_a holds fakes of A, pool_b fakes of B. Both losses are scalars without a graph.
    """
    ### BEGIN SOLUTION
    g_loss = generator_loss(a, b, g_ab, g_ba, d_a, d_b)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()

    fake_a, fake_b = g_ba(b).detach(), g_ab(a).detach()
    d_loss = discriminator_loss(d_a(a), d_a(pool_a.query(fake_a)))
    d_loss = d_loss + discriminator_loss(d_b(b), d_b(pool_b.query(fake_b)))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()
    ### END SOLUTION


# %% check="repaired_step" points=3

# %% tags=["train"]
repaired, repaired_history = play(repaired_step)
repaired_errors = translation_errors(repaired, test)
d_repaired = sum(repaired_history["judges"][-3:]) / 3
print(
    f"cycle error {repaired_errors['cycle']:.3f}; day to night {repaired_errors['a_to_b']:.2f}; judges' loss at the end {d_repaired:.2f}"
)
assert repaired_errors["a_to_b"] < 0.5 * their_errors["a_to_b"] and d_repaired > 2 * their_d

# %% [markdown]
# `g_ab(a)` makes fakes of *B*. The colleague's $D_A$ learned to tell days from fake nights, which a glance at the brightness
# settles; it never saw a fake day. So it called every bright picture real, and the translations had nothing to learn from it.
# The cycle, undisturbed, went down and down. Names like `a` and `b` do not protect you: in published code this has happened
# more than once.

# %% [markdown]
# ## In your own words
#
# ### Exercise 5.9 · When may you believe a translation?   ●●○ · 15 min · 4 points
# A hospital has scans of healthy patients and of patients with tumours, from different people. Somebody trains a CycleGAN to
# turn one kind of machine's picture into another's, and reports: "the cycle loss is 0.01, and three doctors could not
# tell the translations from real pictures". Name **two** ways in which the translations may still be wrong in a way that
# matters, and for each **one measurement** that would show it. Five to ten sentences.

# %% [markdown] written="believe_a_translation" points=4
# **A good answer.** Both reported numbers can be perfect while the translation is wrong. (1) Any exchange of contents that the other
# network undoes has a cycle loss of 0 and looks real: a tumour may be moved, removed or invented, above all where one
# domain holds more tumours than the other, for then the judges *demand* it. Measurement: a small set of true pairs (the
# same patient on both machines), and the error there against a copy and a supervised network; or whether a detector finds the
# same tumours before and after, at the same places. (2) What is needed for the way back may be hidden in patterns that
# nobody sees, so the cycle loss does not say that the visible picture shows it. Measurement: noise or compression on the
# translation before the way back, and how the cycle error grows; or the way back from true pictures against the way back from
# fakes. (3) Rare things cost an average error little. Measurement: the error within the regions that matter.
#
# **Rubric.** 1 point for each way that is possible although both reported numbers are good (2 in all). 1 point for each
# measurement that would show it and needs no knowledge that nobody has (2 in all). No point for "train longer" or for
# "look at more pictures".

# %% [markdown]
# ## Play
#
# Send a day there and back through *your* networks, and lay noise over the night in between. How much noise does it take
# until the house is lost? Take the other direction: which of the two is the harder one?
#
# And give it a picture of your own, a file from your machine or a path. It is cut to 32 × 32. The networks have never seen
# anything but painted scenes: what do they make of a photograph? (On a page that does not run, you see one day with more
# and more noise.)

# %% tags=["train"]
from gancourse.widgets import round_trip

round_trip(mine.ab, mine.ba, day[:50], night[:50], names=("day", "night"))

# %% [markdown]
# ## On a GPU
#
# The same recipe, wider and deeper, with patches of 70 pixels as in the paper, on photographs of 128 x 128. It wants a folder with the
# folders `trainA` and `trainB` in it (and `testA`, `testB`), as horse2zebra and its sisters are published:
#
# ```
# gancourse train cyclegan --budget gpu --data path/to/horse2zebra --device cuda
# gancourse train cyclegan --budget gpu --data path/to/horse2zebra --set size=256 --device cuda
# ```
#
# `--data scenes` and `--data emoji` need no folder. Time and memory on a GPU have not been measured yet. Photographs have no
# known pairs: there the scores are the identity and the cycle error only, and you know what these are worth.

# %% [markdown]
# ## Recall
#
# Answer without scrolling up, then open.
#
# <details><summary>1. What can a discriminator of nights never know about a translation?</summary>Which day went in. It sees
# that a night is a possible one, not that it is the night of this place.</details>
#
# <details><summary>2. What does cycle consistency forbid, and what does it leave open?</summary>That two inputs become one
# output. It leaves every exchange of contents that the other network undoes: with n places, n! of them.</details>
#
# <details><summary>3. Why may a cycle loss near 0 say little about the picture that you see?</summary>The way back may find what
# it needs in faint patterns, or the networks may hardly have translated at all: a copy has a cycle loss of 0.</details>
#
# <details><summary>4. Two judges together pay 0.02. What do you look for?</summary>For what gives the fakes away: something
# they are shown that has nothing to do with their task, such as fakes of the other domain.</details>
#
# <details><summary>5. Why does each judge get a pool of old fakes, and why detached?</summary>So that it does not forget
# what the generator did some time ago. A kept graph would hold the memory of a whole step, and let old steps
# learn.</details>
#
# **Read next.** Zhu et al. 2017, *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks*, sections 3
# to 5 · Mao et al. 2017, *Least Squares Generative Adversarial Networks*, section 3 · Isola et al. 2017,
# *Image-to-Image Translation with Conditional Adversarial Networks*, section 3.2 · Chu, Zhmoginov and Sandler 2017,
# *CycleGAN, a Master of Steganography* · Lesson 6 lets a GAN grow while it learns.
