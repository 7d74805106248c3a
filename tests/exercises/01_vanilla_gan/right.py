"""Right answers of lesson 01 in other styles than ours: every one of them must be accepted."""

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import right
from gancourse.objectives import discriminator_loss, generator_loss


def sample_noise(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, device=device)


@right("sample_noise")
def size_as_tuple(n, latent_dim, device="cpu"):
    return torch.randn((n, latent_dim), device=device)


@right("sample_noise")
def filled_in_place(n, latent_dim, device=None):
    return torch.empty(n, latent_dim, device=device).normal_()


@right("sample_noise")
def torch_normal(n, latent_dim, device="cpu"):
    return torch.normal(torch.zeros(n, latent_dim, device=device), torch.ones(n, latent_dim, device=device))


@right("sample_noise")
def made_elsewhere_and_moved(n, latent_dim, device="cpu"):
    z = torch.randn(n, latent_dim)
    return z.to(device)


@right("sample_noise")
def from_a_distribution(n, latent_dim, device="cpu"):
    return torch.distributions.Normal(0.0, 1.0).sample((n, latent_dim)).to(device)


@right("discriminator_loss")
def bce_with_targets(real_logits, fake_logits, real_target=1.0):
    bce = F.binary_cross_entropy_with_logits
    real = bce(real_logits, torch.full_like(real_logits, real_target))
    return real + bce(fake_logits, torch.zeros_like(fake_logits))


@right("discriminator_loss")
def bce_module(real_logits, fake_logits, real_target=1.0):
    criterion = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones_like(real_logits), torch.zeros_like(fake_logits)
    return criterion(real_logits, ones * real_target) + criterion(fake_logits, zeros)


@right("discriminator_loss")
def log_sigmoids(real_logits, fake_logits, real_target=1.0):
    real = real_target * F.logsigmoid(real_logits) + (1 - real_target) * F.logsigmoid(-real_logits)
    return -real.mean() - F.logsigmoid(-fake_logits).mean()


@right("discriminator_loss")
def softplus_shorthand(real_logits, fake_logits, real_target=1.0):
    # t softplus(-x) + (1 - t) softplus(x) = softplus(x) - t x
    return (F.softplus(real_logits) - real_target * real_logits).mean() + F.softplus(fake_logits).mean()


@right("discriminator_loss")
def one_concatenated_call_doubled(real_logits, fake_logits, real_target=1.0):
    logits = torch.cat([real_logits, fake_logits])
    targets = torch.cat([torch.full_like(real_logits, real_target), torch.zeros_like(fake_logits)])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@right("generator_loss")
def g_bce(fake_logits, saturating=False):
    target = torch.zeros_like(fake_logits) if saturating else torch.ones_like(fake_logits)
    loss = F.binary_cross_entropy_with_logits(fake_logits, target)
    return -loss if saturating else loss


@right("generator_loss")
def g_logsigmoid(fake_logits, saturating=False):
    if saturating:
        return F.logsigmoid(-fake_logits).mean()
    return -F.logsigmoid(fake_logits).mean()


@right("generator_loss")
def g_sum_over_count(fake_logits, saturating=False):
    loss = -F.softplus(fake_logits) if saturating else F.softplus(-fake_logits)
    return loss.sum() / fake_logits.numel()


@right("optimal_discriminator")
def with_where(p, q):
    return torch.where(p + q > 0, p / (p + q), torch.full_like(p, 0.5))


@right("optimal_discriminator")
def nan_to_half(p, q):
    return torch.nan_to_num(p / (p + q), nan=0.5)


@right("optimal_discriminator")
def by_mask(p, q):
    best = torch.full_like(p, 0.5)
    seen = (p + q) > 0
    best[seen] = p[seen] / (p[seen] + q[seen])
    return best


@right("optimal_discriminator")
def in_float64(p, q):
    total = p.double() + q.double()
    return torch.where(total == 0, torch.tensor(0.5, dtype=torch.float64), p / total)


@right("train_step")
@right("repaired_step")
def fakes_without_a_graph(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    with torch.no_grad():
        fake = generator(sample_noise(len(real), latent_dim, real.device))
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim, real.device))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("train_step")
@right("repaired_step")
def clears_after_stepping(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    noise = torch.randn(real.size(0), latent_dim, device=real.device)
    d_loss = discriminator_loss(discriminator(real), discriminator(generator(noise).detach()))
    d_loss.backward()
    d_optimizer.step()
    noise = torch.randn(real.size(0), latent_dim, device=real.device)
    g_loss = generator_loss(discriminator(generator(noise)))
    g_loss.backward()
    g_optimizer.step()
    for optimizer in (g_optimizer, d_optimizer):
        optimizer.zero_grad()
    return d_loss.item(), g_loss.item()


@right("train_step")
@right("repaired_step")
def freezes_the_other_player(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    n = real.shape[0]
    fake = generator(torch.randn(n, latent_dim)).detach()
    real_part = F.softplus(-discriminator(real)).mean()
    fake_part = F.softplus(discriminator(fake)).mean()
    d_optimizer.zero_grad(set_to_none=False)
    (real_part + fake_part).backward()
    d_optimizer.step()
    discriminator.requires_grad_(False)
    g_loss = F.softplus(-discriminator(generator(torch.randn(n, latent_dim)))).mean()
    g_optimizer.zero_grad(set_to_none=False)
    g_loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return [(real_part + fake_part).detach(), g_loss.detach()]


@right("train_step")
@right("repaired_step")
def two_backwards_for_d(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    bce = nn.BCEWithLogitsLoss()
    discriminator.zero_grad()
    real_logits = discriminator(real)
    loss_real = bce(real_logits, torch.ones_like(real_logits))
    loss_real.backward()
    fake_logits = discriminator(generator(torch.randn(len(real), latent_dim)).detach())
    loss_fake = bce(fake_logits, torch.zeros_like(fake_logits))
    loss_fake.backward()
    d_optimizer.step()
    generator.zero_grad()
    fooled = discriminator(generator(torch.randn(len(real), latent_dim)))
    g_loss = bce(fooled, torch.ones_like(fooled))
    g_loss.backward()
    g_optimizer.step()
    return (loss_real + loss_fake).detach(), g_loss.detach()


@right("modes_covered")
def with_bincount(samples, centers, std):
    distance, mode = torch.cdist(samples, centers).min(dim=1)
    counts = torch.bincount(mode[distance < 3 * std], minlength=len(centers))
    return int((counts >= 0.2 * len(samples) / len(centers)).sum())


@right("modes_covered")
def with_a_loop(samples, centers, std):
    fair = len(samples) / len(centers)
    covered = 0
    for center in centers:
        hits = ((samples - center).norm(dim=1) <= 3 * std).sum().item()
        covered += hits >= fair / 5
    return covered


@right("modes_covered")
def by_broadcasting(samples, centers, std):
    squared = (samples[:, None] - centers[None]).pow(2).sum(-1)
    nearest = squared.argmin(dim=1)
    good = squared.min(dim=1).values < (3 * std) ** 2
    hits = F.one_hot(nearest, len(centers))[good].sum(0)
    return (5 * hits * len(centers) >= len(samples)).sum().item()


@right("modes_covered")
def as_a_tensor(samples, centers, std):
    within = torch.cdist(samples, centers) < 3 * std
    return (within.sum(0) >= 0.2 * (samples.shape[0] / centers.shape[0])).sum()


@right("sample_noise")
def zeros_and_ones_on_the_device(n, latent_dim, device="cpu"):
    zero = torch.zeros(n, latent_dim, device=device)
    return torch.distributions.Normal(zero, torch.ones_like(zero)).sample()


@right("sample_noise")
def with_a_generator_of_its_own(n, latent_dim, device="cpu"):
    source = torch.Generator(device=device).manual_seed(torch.randint(2**31, ()).item())
    return torch.randn(n, latent_dim, generator=source, device=device)


@right("train_step")
def with_closures(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    def d_closure():
        d_optimizer.zero_grad()
        fake = generator(sample_noise(len(real), latent_dim)).detach()
        loss = discriminator_loss(discriminator(real), discriminator(fake))
        loss.backward()
        return loss

    def g_closure():
        g_optimizer.zero_grad()
        loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
        loss.backward()
        return loss

    return d_optimizer.step(d_closure).detach(), g_optimizer.step(g_closure).detach()


@right("train_step")
def both_noises_drawn_first(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    for_g, for_d = sample_noise(len(real), latent_dim), sample_noise(len(real), latent_dim)
    fake_for_g = generator(for_g)
    with torch.no_grad():
        fake_for_d = generator(for_d)
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake_for_d))
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(fake_for_g))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("train_step")
@right("repaired_step")
def detached_in_place(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    fake = generator(sample_noise(len(real), latent_dim)).detach_()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()
