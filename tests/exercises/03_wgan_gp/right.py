"""Right answers of lesson 03 in other styles than ours: every one of them must be accepted."""

import torch
import torch.nn.functional as F

from gancourse.authoring.answers import right
from gancourse.objectives import critic_generator_loss as generator_loss
from gancourse.objectives import critic_loss, gradient_norm, gradient_penalty, interpolate

# wasserstein_1d


@right("wasserstein_1d")
def l1_of_sorted(x, y):
    return F.l1_loss(torch.sort(x)[0], torch.sort(y)[0])


@right("wasserstein_1d")
def ranks_by_argsort(x, y):
    return torch.abs(x[x.argsort()] - y[y.argsort()]).sum() / len(x)


@right("wasserstein_1d")
def both_downwards(x, y):
    a, _ = x.sort(descending=True)
    b, _ = y.sort(descending=True)
    return torch.mean((a - b).abs())


@right("wasserstein_1d")
def area_between_the_distributions(x, y):
    """The integral of |F - G|, which is the same number."""
    places, _ = torch.cat([x, y]).sort()
    below_x = (x[None] <= places[:-1, None]).to(x.dtype).mean(1)
    below_y = (y[None] <= places[:-1, None]).to(y.dtype).mean(1)
    return ((below_x - below_y).abs() * places.diff()).sum()


@right("wasserstein_1d")
def norm_of_gaps(x, y):
    return torch.linalg.vector_norm(torch.msort(x) - torch.msort(y), ord=1) / x.numel()


# critic_loss and generator_loss


@right("critic_loss")
def minus_the_gap(real_scores, fake_scores):
    return -(real_scores.mean() - fake_scores.mean())


@right("critic_loss")
def gaps_first(real_scores, fake_scores):
    return (fake_scores - real_scores).mean()


@right("critic_loss")
def sums_over_counts(real_scores, fake_scores):
    return fake_scores.sum() / fake_scores.shape[0] - real_scores.sum() / real_scores.shape[0]


@right("critic_loss")
def signs_and_cat(real_scores, fake_scores):
    signs = torch.cat([-torch.ones_like(real_scores), torch.ones_like(fake_scores)]) / len(real_scores)
    return signs @ torch.cat([real_scores, fake_scores])


@right("generator_loss")
def minus_the_mean(fake_scores):
    return -1 * torch.mean(fake_scores)


@right("generator_loss")
def mean_of_minus(fake_scores):
    return (-fake_scores).mean()


@right("generator_loss")
def minus_sum_over_count(fake_scores):
    return -fake_scores.sum() / fake_scores.numel()


# interpolate


@right("interpolate")
def from_fake_towards_real(real, fake):
    shape = (real.size(0),) + (1,) * (real.dim() - 1)
    e = torch.rand(shape, device=real.device).to(real.dtype)
    return fake + e * (real - fake)


@right("interpolate")
def by_lerp(real, fake):
    e = torch.rand(real.shape[0], device=real.device, dtype=real.dtype)
    return torch.lerp(real, fake, e.reshape(-1, *[1] * (real.ndim - 1)).expand_as(real))


@right("interpolate")
def one_by_one(real, fake):
    mixed = []
    for a, b in zip(real, fake, strict=True):
        e = torch.rand(1).item()
        mixed.append(e * a + (1 - e) * b)
    return torch.stack(mixed)


@right("interpolate")
def drawn_in_place_and_ready_for_autograd(real, fake):
    e = real.new_empty(len(real), *([1] * (real.dim() - 1))).uniform_(0, 1)
    return (e * real.detach() + (1 - e) * fake.detach()).requires_grad_(True)


@right("interpolate")
def through_flat_rows(real, fake):
    e = torch.distributions.Uniform(0.0, 1.0).sample((len(real), 1)).to(real.device, real.dtype)
    rows = e * real.flatten(1) + (1 - e) * fake.flatten(1)
    return rows.view(real.shape)


# gradient_norm


@right("gradient_norm")
def with_grad_outputs(critic, x):
    x = x.clone().detach().requires_grad_(True)
    scores = critic(x)
    g = torch.autograd.grad(
        outputs=scores, inputs=x, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )[0]
    return g.view(len(x), -1).norm(2, dim=1)


@right("gradient_norm")
def with_a_small_number_under_the_root(critic, x):
    x.requires_grad_(True)
    (g,) = torch.autograd.grad(critic(x).sum(), [x], create_graph=True)
    return (g.reshape(g.size(0), -1).square().sum(dim=1) + 1e-12).sqrt()


@right("gradient_norm")
def sample_by_sample(critic, x):
    norms = []
    for sample in x:
        sample = sample[None].detach().requires_grad_()
        (g,) = torch.autograd.grad(critic(sample).squeeze(), sample, create_graph=True)
        norms.append(g.norm())
    return torch.stack(norms)


@right("gradient_norm")
def over_all_other_axes(critic, x):
    x = x.detach()
    x.requires_grad = True
    g = torch.autograd.grad(critic(x).mean() * len(x), x, create_graph=True)[0]
    return torch.linalg.vector_norm(g, dim=tuple(range(1, g.ndim)))


@right("gradient_norm")
def by_functional_grad(critic, x):
    g = torch.func.grad(lambda images: critic(images).sum())(x)
    return g.flatten(1).norm(dim=1)


# gradient_penalty


@right("gradient_penalty")
def mse_to_ones(critic, real, fake):
    norms = gradient_norm(critic, interpolate(real, fake))
    return F.mse_loss(norms, torch.ones_like(norms))


@right("gradient_penalty")
def all_in_one(critic, real, fake):
    e = torch.rand(real.shape[0], *[1] * (real.dim() - 1))
    x = (e * real + (1 - e) * fake).requires_grad_(True)
    scores = critic(x)
    g = torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    return torch.mean((g.flatten(1).norm(2, 1) - 1.0) ** 2)


@right("gradient_penalty")
def sum_over_count(critic, real, fake):
    off = 1 - gradient_norm(critic, interpolate(real, fake))
    return (off * off).sum() / real.size(0)


@right("gradient_penalty")
def fake_named_first(critic, real, fake):
    return (gradient_norm(x=interpolate(fake, real), critic=critic) - 1).square().mean()


# repaired_step


@right("repaired_step")
def fakes_under_no_grad(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        with torch.no_grad():
            fake = generator(torch.randn(len(real), latent_dim))
        penalty = gradient_penalty(critic, real, fake)
        c_loss = critic_loss(critic(real), critic(fake)) + gp_weight * penalty
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
    g_loss = generator_loss(critic(generator(torch.randn(len(reals[0]), latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()


@right("repaired_step")
def three_backwards_and_frozen_critic(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for turn in range(reals.shape[0]):
        real = reals[turn]
        critic.zero_grad()
        fake = generator(torch.randn(real.shape[0], latent_dim)).detach()
        real_part = -critic(real).mean()
        real_part.backward()
        fake_part = critic(fake).mean()
        fake_part.backward()
        penalty = gp_weight * gradient_penalty(critic, real, fake)
        penalty.backward()
        c_optimizer.step()
    for parameter in critic.parameters():
        parameter.requires_grad = False
    g_optimizer.zero_grad()
    g_loss = -critic(generator(torch.randn(real.shape[0], latent_dim))).mean()
    g_loss.backward()
    g_optimizer.step()
    for parameter in critic.parameters():
        parameter.requires_grad = True
    return (real_part + fake_part + penalty).item(), g_loss.item()


@right("repaired_step")
def one_call_for_both_halves(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    n = reals.size(1)
    for real in reals.unbind():
        fake = generator(torch.randn(n, latent_dim, device=real.device)).detach()
        real_scores, fake_scores = critic(torch.cat([real, fake])).chunk(2)
        c_loss = gp_weight * gradient_penalty(critic, real, fake) + critic_loss(real_scores, fake_scores)
        c_loss.backward()
        c_optimizer.step()
        c_optimizer.zero_grad()
    g_loss = generator_loss(critic(generator(torch.randn(n, latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    c_optimizer.zero_grad()
    return [c_loss.detach(), g_loss.detach()]


@right("repaired_step")
def penalty_by_hand(generator, critic, g_optimizer, c_optimizer, reals, latent_dim, gp_weight=10.0):
    for real in reals:
        fake = generator(torch.randn(len(real), latent_dim)).detach()
        e = torch.rand(len(real), 1, 1, 1)
        x = (e * real + (1 - e) * fake).requires_grad_()
        (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        c_loss = critic(fake).mean() - critic(real).mean() + gp_weight * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
    fake = generator(torch.randn(len(real), latent_dim))
    g_loss = -critic(fake).mean()
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return c_loss.detach(), g_loss.detach()
