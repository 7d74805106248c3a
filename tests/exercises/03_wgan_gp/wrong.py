"""Wrong answers of lesson 03 that people really give, each with the words that its diagnosis must contain."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from gancourse.authoring.answers import wrong
from gancourse.objectives import critic_generator_loss as generator_loss
from gancourse.objectives import critic_loss, gradient_norm, gradient_penalty, interpolate

# wasserstein_1d


@wrong("wasserstein_1d", says="not written yet")
def w1_untouched(x, y):
    raise NotImplementedError


@wrong("wasserstein_1d", says="sort both first")
def w1_unsorted(x, y):
    return (x - y).abs().mean()


@wrong("wasserstein_1d", says="only one of the two")
def w1_one_sorted(x, y):
    return (x.sort().values - y).abs().mean()


@wrong("wasserstein_1d", says="the other way round")
def w1_one_descending(x, y):
    return (x.sort().values - y.sort(descending=True).values).abs().mean()


@wrong("wasserstein_1d", says="W2 squared")
def w1_squares(x, y):
    return F.mse_loss(x.sort().values, y.sort().values)


@wrong("wasserstein_1d", says="this is W2")
def w1_root_mean_square(x, y):
    return (x.sort().values - y.sort().values).pow(2).mean().sqrt()


@wrong("wasserstein_1d", says="the sum over the samples")
def w1_summed(x, y):
    return (x.sort().values - y.sort().values).abs().sum()


@wrong("wasserstein_1d", says="distance of the means")
def w1_of_means(x, y):
    return (x.mean() - y.mean()).abs()


@wrong("wasserstein_1d", says="absolute value is missing")
def w1_signed(x, y):
    return (x.sort().values - y.sort().values).mean()


@wrong("wasserstein_1d", says="mean over all pairs")
def w1_all_pairs(x, y):
    return (x[:, None] - y[None]).abs().mean()


@wrong("wasserstein_1d", says="nearest")
def w1_nearest(x, y):
    return (x[:, None] - y[None]).abs().min(dim=1).values.mean()


@wrong("wasserstein_1d", says="wanted a scalar")
def w1_per_sample(x, y):
    return (x.sort().values - y.sort().values).abs()


@wrong("wasserstein_1d", says="a float cannot learn")
def w1_item(x, y):
    return (x.sort().values - y.sort().values).abs().mean().item()


@wrong("wasserstein_1d", says="has no graph")
def w1_numpy(x, y):
    a, b = np.sort(x.detach().numpy()), np.sort(y.detach().numpy())
    return torch.tensor(np.abs(a - b).mean())


@wrong("wasserstein_1d", says="came back changed")
def w1_sorts_in_place(x, y):
    x.data, y.data = x.data.sort().values, y.data.sort().values
    return (x - y).abs().mean()


@wrong("wasserstein_1d", says="your code raised")
def w1_forgets_values(x, y):
    return (x.sort() - y.sort()).abs().mean()


# critic_loss


@wrong("critic_loss", says="not written yet")
def critic_untouched(real_scores, fake_scores):
    raise NotImplementedError


@wrong("critic_loss", says="the sign")
def critic_maximised(real_scores, fake_scores):
    return real_scores.mean() - fake_scores.mean()


@wrong("critic_loss", says="a sigmoid on the scores")
def critic_sigmoid(real_scores, fake_scores):
    return fake_scores.sigmoid().mean() - real_scores.sigmoid().mean()


@wrong("critic_loss", says="the loss of lesson 1")
def critic_cross_entropy(real_scores, fake_scores):
    return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()


@wrong("critic_loss", says="hinge")
def critic_hinge(real_scores, fake_scores):
    return F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()


@wrong("critic_loss", says="sum over the batch")
def critic_summed(real_scores, fake_scores):
    return fake_scores.sum() - real_scores.sum()


@wrong("critic_loss", says="half of it")
def critic_halved(real_scores, fake_scores):
    return (fake_scores.mean() - real_scores.mean()) / 2


@wrong("critic_loss", says="absolute value")
def critic_absolute(real_scores, fake_scores):
    return (real_scores.mean() - fake_scores.mean()).abs()


@wrong("critic_loss", says="same sign")
def critic_added(real_scores, fake_scores):
    return fake_scores.mean() + real_scores.mean()


@wrong("critic_loss", says="reals are missing")
def critic_fake_only(real_scores, fake_scores):
    return fake_scores.mean()


@wrong("critic_loss", says="squashed")
def critic_clamped(real_scores, fake_scores):
    return fake_scores.clamp(-10, 10).mean() - real_scores.clamp(-10, 10).mean()


@wrong("critic_loss", says="no gradient reaches the fake")
def critic_fake_detached(real_scores, fake_scores):
    return fake_scores.detach().mean() - real_scores.mean()


@wrong("critic_loss", says="a float cannot learn")
def critic_items(real_scores, fake_scores):
    return fake_scores.mean().item() - real_scores.mean().item()


@wrong("critic_loss", says="wanted a scalar")
def critic_per_sample(real_scores, fake_scores):
    return fake_scores - real_scores


# generator_loss


@wrong("generator_loss", says="not written yet")
def g_untouched(fake_scores):
    raise NotImplementedError


@wrong("generator_loss", says="the sign")
def g_positive(fake_scores):
    return fake_scores.mean()


@wrong("generator_loss", says="lesson 1")
def g_non_saturating(fake_scores):
    return F.softplus(-fake_scores).mean()


@wrong("generator_loss", says="a sigmoid on the scores")
def g_sigmoid(fake_scores):
    return -fake_scores.sigmoid().mean()


@wrong("generator_loss", says="sum over the batch")
def g_summed(fake_scores):
    return -fake_scores.sum()


@wrong("generator_loss", says="squares")
def g_least_squares(fake_scores):
    return (fake_scores - 1).pow(2).mean()


@wrong("generator_loss", says="has no graph")
def g_detached(fake_scores):
    return -fake_scores.detach().mean()


@wrong("generator_loss", says="1 minus the mean")
def g_probability(fake_scores):
    return 1 - fake_scores.mean()


@wrong("generator_loss", says="the function has no return")
def g_no_return(fake_scores):
    -fake_scores.mean()


# interpolate


def _axes(x):
    return [1] * (x.ndim - 1)


@wrong("interpolate", says="not written yet")
def mix_untouched(real, fake):
    raise NotImplementedError


@wrong("interpolate", says="not normal")
def mix_normal(real, fake):
    e = torch.randn(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="each pixel")
def mix_per_pixel(real, fake):
    e = torch.rand_like(real)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="each channel")
def mix_per_channel(real, fake):
    e = torch.rand(*real.shape[:2], *[1] * (real.ndim - 2), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="one share for the whole batch")
def mix_per_batch(real, fake):
    e = torch.rand(1, device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="a constant share")
def mix_midpoint(real, fake):
    return 0.5 * real + 0.5 * fake


@wrong("interpolate", says="a constant share")
def mix_all_real(real, fake):
    e = torch.ones(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="must add up to 1")
def mix_two_shares(real, fake):
    a = torch.rand(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    b = torch.rand(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    return a * real + b * fake


@wrong("interpolate", says="must add up to 1")
def mix_same_share_twice(real, fake):
    e = torch.rand(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    return e * real + e * fake


@wrong("interpolate", says="must broadcast")
def mix_flat_share(real, fake):
    e = torch.rand(len(real), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="axes")
def mix_pictures_only(real, fake):
    e = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="not uniform")
def mix_near_the_real(real, fake):
    e = torch.rand(len(real), *_axes(real), device=real.device, dtype=real.dtype).sqrt()
    return e * real + (1 - e) * fake


@wrong("interpolate", says="not uniform")
def mix_clamped_normal(real, fake):
    e = torch.randn(len(real), *_axes(real), device=real.device, dtype=real.dtype).clamp(0, 1)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="a fixed seed")
def mix_seeded(real, fake):
    torch.manual_seed(0)
    return interpolate(real, fake)


@wrong("interpolate", says="another library")
def mix_numpy(real, fake):
    e = torch.from_numpy(np.random.rand(len(real), *_axes(real))).to(real)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="device")
def mix_ignores_device(real, fake):
    e = torch.rand(len(real), *_axes(real)).to(real.dtype)
    return e * real + (1 - e) * fake


@wrong("interpolate", says="came back changed")
def mix_in_place(real, fake):
    e = torch.rand(len(real), *_axes(real), device=real.device, dtype=real.dtype)
    real *= e
    return real.add_((1 - e) * fake)


# gradient_norm


def _slope(critic, x, create_graph=True):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=create_graph)[0]


@wrong("gradient_norm", says="not written yet")
def norm_untouched(critic, x):
    raise NotImplementedError


@wrong("gradient_norm", says="channels only")
def norm_over_channels(critic, x):
    return _slope(critic, x).norm(2, dim=1)


@wrong("gradient_norm", says="one norm for the whole batch")
def norm_of_the_batch(critic, x):
    return _slope(critic, x).norm()


@wrong("gradient_norm", says="create_graph")
def norm_without_graph(critic, x):
    return _slope(critic, x, create_graph=False).flatten(1).norm(dim=1)


@wrong("gradient_norm", says="create_graph")
def norm_detached(critic, x):
    return _slope(critic, x).flatten(1).norm(dim=1).detach()


@wrong("gradient_norm", says="told NaN")
def norm_by_square_root(critic, x):
    return _slope(critic, x).flatten(1).pow(2).sum(1).sqrt()


@wrong("gradient_norm", says="the root is missing")
def norm_squared(critic, x):
    return _slope(critic, x).flatten(1).pow(2).sum(1)


@wrong("gradient_norm", says="divided by N")
def norm_of_mean_score(critic, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return g.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="absolute values")
def norm_l1(critic, x):
    return _slope(critic, x).flatten(1).abs().sum(1)


@wrong("gradient_norm", says="root of the mean square")
def norm_rms(critic, x):
    return (_slope(critic, x).flatten(1).pow(2).mean(1) + 1e-12).sqrt()


@wrong("gradient_norm", says="left a gradient in the critic")
def norm_by_backward(critic, x):
    x = x.detach().requires_grad_()
    critic(x).sum().backward(create_graph=True)
    return x.grad.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="requires_grad_()")
def norm_of_what_needs_no_grad(critic, x):
    (g,) = torch.autograd.grad(critic(x).sum(), x.detach(), create_graph=True)
    return g.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="add up the scores")
def norm_of_many_scores(critic, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x), x, create_graph=True)
    return g.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="not computed from")
def norm_of_a_copy(critic, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x.clone().detach()).sum(), x, create_graph=True)
    return g.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="one number a sample")
def norm_kept_axes(critic, x):
    return _slope(critic, x).flatten(1).norm(dim=1, keepdim=True)


@wrong("gradient_norm", says="wanted a tensor")
def norm_as_list(critic, x):
    return [g.norm() for g in _slope(critic, x)]


@wrong("gradient_norm", says="length of the sample")
def norm_of_the_sample(critic, x):
    return x.flatten(1).norm(dim=1)


@wrong("gradient_norm", says="froze the critic")
def norm_freezes(critic, x):
    norms = _slope(critic, x).flatten(1).norm(dim=1)
    critic.requires_grad_(False)
    return norms


@wrong("gradient_norm", says="eval mode")
def norm_in_eval(critic, x):
    critic.eval()
    return _slope(critic, x).flatten(1).norm(dim=1)


# gradient_penalty


@wrong("gradient_penalty", says="not written yet")
def penalty_untouched(critic, real, fake):
    raise NotImplementedError


@wrong("gradient_penalty", says="square is outside the mean")
def penalty_mean_first(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)).mean() - 1) ** 2


@wrong("gradient_penalty", says="norm² - 1")
def penalty_squared_norm(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)).pow(2) - 1).pow(2).mean()


@wrong("gradient_penalty", says="the absolute value, not the square")
def penalty_absolute(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)) - 1).abs().mean()


@wrong("gradient_penalty", says="one-sided")
def penalty_one_sided(critic, real, fake):
    return F.relu(gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean()


@wrong("gradient_penalty", says="the sum over the batch")
def penalty_summed(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).sum()


@wrong("gradient_penalty", says="belongs to the critic's loss")
def penalty_with_lambda(critic, real, fake):
    return 10 * (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean()


@wrong("gradient_penalty", says="pulls the slopes to 0")
def penalty_without_one(critic, real, fake):
    return gradient_norm(critic, interpolate(real, fake)).pow(2).mean()


@wrong("gradient_penalty", says="cannot learn")
def penalty_cut_from_the_graph(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)).detach() - 1).pow(2).mean()


@wrong("gradient_penalty", says="a float cannot learn")
def penalty_item(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean().item()


@wrong("gradient_penalty", says="wanted a scalar")
def penalty_per_sample(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2)


@wrong("gradient_penalty", says="at the real samples")
def penalty_at_the_real(critic, real, fake):
    return (gradient_norm(critic, real) - 1).pow(2).mean()


@wrong("gradient_penalty", says="at the fakes")
def penalty_at_the_fakes(critic, real, fake):
    return (gradient_norm(critic, fake) - 1).pow(2).mean()


@wrong("gradient_penalty", says="one share for each pixel")
def penalty_share_per_pixel(critic, real, fake):
    e = torch.rand_like(real)
    return (gradient_norm(critic, e * real + (1 - e) * fake) - 1).pow(2).mean()


@wrong("gradient_penalty", says="outside the segment")
def penalty_normal_share(critic, real, fake):
    e = torch.randn(len(real), *_axes(real))
    return (gradient_norm(critic, e * real + (1 - e) * fake) - 1).pow(2).mean()


@wrong("gradient_penalty", says="one share")
def penalty_share_per_batch(critic, real, fake):
    e = torch.rand(())
    return (gradient_norm(critic, e * real + (1 - e) * fake) - 1).pow(2).mean()


@wrong("gradient_penalty", says="channels only")
def penalty_over_channels(critic, real, fake):
    g = _slope(critic, interpolate(real, fake))
    return (g.norm(2, dim=1) - 1).pow(2).mean()


@wrong("gradient_penalty", says="told NaN")
def penalty_square_root(critic, real, fake):
    g = _slope(critic, interpolate(real, fake))
    return (g.flatten(1).pow(2).sum(1).sqrt() - 1).pow(2).mean()


@wrong("gradient_penalty", says="has no graph")
def penalty_without_create_graph(critic, real, fake):
    g = _slope(critic, interpolate(real, fake), create_graph=False)
    return (g.flatten(1).norm(dim=1) - 1).pow(2).mean()


@wrong("gradient_penalty", says="the sign")
def penalty_negative(critic, real, fake):
    return -(gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).mean()


# repaired_step: variations of one step


def _step(
    generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0,
    loss=None, detach=True, turns=None, clear=True, g_loss_of=generator_loss, every=False, reuse=False, first=False,
    penalty=gradient_penalty, g_noise=torch.randn, clear_g=True, afterwards=lambda critic: None,
):  # fmt: skip
    """The step with one thing changed."""
    loss = loss or (lambda gap, penalty, weight: gap + weight * penalty)
    kept = generator(torch.randn(reals.shape[1], latent_dim)).detach()

    def g_turn(real):
        made = generator(g_noise(len(real), latent_dim))
        g_loss = g_loss_of(critic(made))
        if clear_g:
            g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        return g_loss.detach()

    for real in reals[:turns]:
        real = reals[0] if first else real
        fake = kept if reuse else generator(torch.randn(len(real), latent_dim))
        fake = fake.detach() if detach else fake
        c_loss = loss(critic_loss(critic(real), critic(fake)), penalty(critic, real, fake), gp_weight)
        if clear:
            c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
        afterwards(critic)
        if every:
            g_loss = g_turn(real)
    return c_loss.detach(), g_loss if every else g_turn(real)


@wrong("repaired_step", says="not written yet")
def step_untouched(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    raise NotImplementedError


@wrong("repaired_step", says="on the wrong term")
def step_as_it_was(*args):
    return _step(*args, loss=lambda gap, penalty, weight: weight * gap + penalty)


@wrong("repaired_step", says="multiplies both terms")
def step_weight_on_both(*args):
    return _step(*args, loss=lambda gap, penalty, weight: weight * (gap + penalty))


@wrong("repaired_step", says="gp_weight is not used")
def step_without_weight(*args):
    return _step(*args, loss=lambda gap, penalty, weight: gap + penalty)


@wrong("repaired_step", says="hard-coded")
def step_weight_of_ten(*args):
    return _step(*args, loss=lambda gap, penalty, weight: gap + 10 * penalty)


@wrong("repaired_step", says="wrong sign")
def step_penalty_subtracted(*args):
    return _step(*args, loss=lambda gap, penalty, weight: gap - weight * penalty)


@wrong("repaired_step", says="sign flip")
def step_critic_sign(*args):
    return _step(*args, loss=lambda gap, penalty, weight: -gap + weight * penalty)


@wrong("repaired_step", says="the penalty does not reach the critic")
def step_penalty_detached(*args):
    return _step(*args, loss=lambda gap, penalty, weight: gap + weight * penalty.detach())


@wrong("repaired_step", says="gradient penalty is missing")
def step_no_penalty(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        fake = generator(torch.randn(len(real), latent_dim)).detach()
        c_loss = critic_loss(critic(real), critic(fake))
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
    g_loss = generator_loss(critic(generator(torch.randn(len(real), latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="sign flip: G")
def step_generator_sign(*args):
    return _step(*args, g_loss_of=lambda scores: scores.mean())


@wrong("repaired_step", says="detach the fakes")
def step_fakes_not_detached(*args):
    return _step(*args, detach=False)


@wrong("repaired_step", says="n_critic is forgotten")
def step_one_turn(*args):
    return _step(*args, turns=1)


@wrong("repaired_step", says="G takes one turn")
def step_g_after_each_turn(*args):
    return _step(*args, every=True)


@wrong("repaired_step", says="a real batch of its own")
def step_first_batch_only(*args):
    return _step(*args, first=True)


@wrong("repaired_step", says="fresh noise")
def step_same_fakes(*args):
    return _step(*args, reuse=True)


@wrong("repaired_step", says="not cleared")
def step_never_clears(*args):
    return _step(*args, clear=False)


@wrong("repaired_step", says="clear the critic's gradients")
def step_clears_too_early(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        fake = generator(torch.randn(len(real), latent_dim)).detach()
        c_loss = critic_loss(critic(real), critic(fake)) + gp_weight * gradient_penalty(critic, real, fake)
        c_loss.backward()
        c_optimizer.step()
        c_optimizer.zero_grad()
    g_loss = generator_loss(critic(generator(torch.randn(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    g_optimizer.zero_grad()
    return c_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="loss has a graph")
def step_returns_graphs(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        with torch.no_grad():
            fake = generator(torch.randn(len(real), latent_dim))
        c_loss = critic_loss(critic(real), critic(fake)) + gp_weight * gradient_penalty(critic, real, fake)
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
    g_loss = generator_loss(critic(generator(torch.randn(len(real), latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss, g_loss


@wrong("repaired_step", says="the graph was cut")
def step_fakes_without_graph_for_g(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        with torch.no_grad():
            fake = generator(torch.randn(len(real), latent_dim))
        c_loss = critic_loss(critic(real), critic(fake)) + gp_weight * gradient_penalty(critic, real, fake)
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
    g_optimizer.zero_grad()
    critic.requires_grad_(False)
    g_loss = generator_loss(critic(fake))
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()


# What got past an earlier form of the checks


@wrong("repaired_step", says="clear G's gradients")
def repaired_without_clearing_generator(*args):
    return _step(*args, clear_g=False)


def _step_with_penalty_at(place):
    """The right step whose penalty is taken at place(real, fake)."""

    def penalty(critic, real, fake):
        return (gradient_norm(critic, place(real, fake)) - 1).pow(2).mean()

    return partial(_step, penalty=penalty)


@wrong("repaired_step", says="taken at the fakes")
def step_penalty_at_the_fakes(*args):
    return _step_with_penalty_at(lambda real, fake: fake)(*args)


@wrong("repaired_step", says="taken at the real images")
def step_penalty_at_the_reals(*args):
    return _step_with_penalty_at(lambda real, fake: real)(*args)


@wrong("repaired_step", says="one e an image")
def step_one_share_for_all(*args):
    e = torch.rand(())
    return _step_with_penalty_at(lambda real, fake: e * real + (1 - e) * fake)(*args)


@wrong("repaired_step", says="one e an image")
def step_penalty_in_the_middle(*args):
    return _step_with_penalty_at(lambda real, fake: (real + fake) / 2)(*args)


@wrong("repaired_step", says="on no line")
def step_a_share_for_each_pixel(*args):
    return _step_with_penalty_at(lambda real, fake: torch.lerp(real, fake, torch.rand_like(real)))(*args)


@wrong("repaired_step", says="on no line")
def step_shares_beyond_the_ends(*args):
    return _step_with_penalty_at(lambda real, fake: torch.lerp(real, fake, 2 + torch.rand(len(real), 1, 1, 1)))(*args)


@wrong("repaired_step", says="on no line")
def step_penalty_beside_the_data(*args):
    return _step_with_penalty_at(lambda real, fake: real + 0.5 * torch.randn_like(real))(*args)


@wrong("repaired_step", says="standard normal")
def step_uniform_noise_for_g(*args):
    return _step(*args, g_noise=torch.rand)


@wrong("wasserstein_1d", says="root of a square")
def w1_by_roots(x, y):
    return ((x.sort().values - y.sort().values) ** 2).sqrt().mean()


@wrong("interpolate", says="nothing is shuffled")
def mix_with_another_pair(real, fake):
    e = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake[torch.randperm(len(fake), device=fake.device)]


@wrong("interpolate", says="nothing is drawn")
def mix_at_even_shares(real, fake):
    e = torch.linspace(0, 1, len(real), device=real.device, dtype=real.dtype)
    return torch.lerp(fake, real, e.view(-1, *[1] * (real.dim() - 1)))


@wrong("interpolate", says="where the data live")
def mix_on_the_cpu(real, fake):
    e = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype)
    return torch.lerp(fake, real, e)


@wrong("gradient_penalty", says="the share is (N, 1)")
def penalty_for_images_alone(critic, real, fake):
    e = torch.rand(len(real), 1, 1, 1)
    return (gradient_norm(critic, e * real + (1 - e) * fake) - 1).pow(2).mean()


@wrong("gradient_penalty", says="told so in full")
def penalty_cut_off(critic, real, fake):
    return (gradient_norm(critic, interpolate(real, fake)) - 1).pow(2).clamp(max=100).mean()


@wrong("repaired_step", says="no clipping here")
def step_clips_too(*args):
    def clip(critic):
        for p in critic.parameters():
            p.data.clamp_(-0.01, 0.01)

    return _step(*args, afterwards=clip)


@wrong("repaired_step", says="the default of gp_weight is 10")
def step_with_a_default_of_one(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=1.0):
    return _step(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight)


@wrong("interpolate", says="as many axes of 1")
def mix_images_and_points_alone(real, fake):
    e = torch.rand((len(real), 1, 1, 1) if real.ndim == 4 else (len(real), 1), device=real.device, dtype=real.dtype)
    return e * real + (1 - e) * fake


@wrong("critic_loss", says="what comes in float64 stays so")
def critic_signs_in_float32(real_scores, fake_scores):
    n = len(real_scores)
    return torch.cat([-torch.ones(n), torch.ones(n)]) / n @ torch.cat([real_scores, fake_scores])
