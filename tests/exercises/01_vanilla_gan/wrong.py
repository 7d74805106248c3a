"""Wrong answers of lesson 01 that people really give, each with the words that its diagnosis must contain."""

import numpy as np
import torch
import torch.nn.functional as F

from gancourse.authoring.answers import wrong
from gancourse.objectives import discriminator_loss, generator_loss


def sample_noise(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, device=device)


# sample_noise


@wrong("sample_noise", says="not written yet")
def noise_untouched(n, latent_dim, device="cpu"):
    raise NotImplementedError


@wrong("sample_noise", says="no return")
def noise_forgotten_return(n, latent_dim, device="cpu"):
    torch.randn(n, latent_dim, device=device)


@wrong("sample_noise", says="swapped")
def noise_transposed(n, latent_dim, device="cpu"):
    return torch.randn(latent_dim, n, device=device)


@wrong("sample_noise", says="a batch needs n of them")
def noise_one_vector(n, latent_dim, device="cpu"):
    return torch.randn(latent_dim, device=device)


@wrong("sample_noise", says="one noise vector for the whole batch")
def noise_expanded(n, latent_dim, device="cpu"):
    return torch.randn(1, latent_dim, device=device).expand(n, latent_dim)


@wrong("sample_noise", says="one number per sample")
def noise_one_number_a_row(n, latent_dim, device="cpu"):
    return torch.randn(n, 1, device=device).repeat(1, latent_dim)


@wrong("sample_noise", says="uniform")
def noise_uniform(n, latent_dim, device="cpu"):
    return torch.rand(n, latent_dim, device=device)


@wrong("sample_noise", says="uniform")
def noise_uniform_both_signs(n, latent_dim, device="cpu"):
    return 2 * torch.rand(n, latent_dim, device=device) - 1


@wrong("sample_noise", says="constant noise")
def noise_zeros(n, latent_dim, device="cpu"):
    return torch.zeros(n, latent_dim, device=device)


@wrong("sample_noise", says="shifted noise")
def noise_shifted(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, device=device) + 0.5


@wrong("sample_noise", says="standard deviation must be 1")
def noise_scaled(n, latent_dim, device="cpu"):
    return 0.02 * torch.randn(n, latent_dim, device=device)


@wrong("sample_noise", says="fixed seed")
def noise_seeded(n, latent_dim, device="cpu"):
    torch.manual_seed(0)
    return torch.randn(n, latent_dim, device=device)


@wrong("sample_noise", says="another library")
def noise_numpy(n, latent_dim, device="cpu"):
    return torch.from_numpy(np.random.randn(n, latent_dim).astype("float32")).to(device)


@wrong("sample_noise", says="dtype torch.float64")
def noise_float64(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, device=device, dtype=torch.float64)


@wrong("sample_noise", says="'meta' is ignored")
def noise_ignores_device(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim)


@wrong("sample_noise", says="your code raised")
def noise_of_images(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, 1, 1).squeeze(4)


@wrong("sample_noise", says="repeated within the batch")
def noise_half_repeated(n, latent_dim, device="cpu"):
    half = torch.randn((n + 1) // 2, latent_dim, device=device)
    return torch.cat([half, half])[:n]


# discriminator_loss


@wrong("discriminator_loss", says="not written yet")
def d_untouched(real_logits, fake_logits, real_target=1.0):
    raise NotImplementedError


@wrong("discriminator_loss", says="labels are swapped")
def d_swapped(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(fake_logits, real_logits, real_target)


@wrong("discriminator_loss", says="sum over the batch")
def d_summed(real_logits, fake_logits, real_target=1.0):
    real = real_target * F.softplus(-real_logits) + (1 - real_target) * F.softplus(real_logits)
    return real.sum() + F.softplus(fake_logits).sum()


@wrong("discriminator_loss", says="the sign")
def d_value_not_loss(real_logits, fake_logits, real_target=1.0):
    return -discriminator_loss(real_logits, fake_logits, real_target)


@wrong("discriminator_loss", says="half of it")
def d_averaged(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits, fake_logits, real_target) / 2


@wrong("discriminator_loss", says="half of it")
def d_concatenated_mean(real_logits, fake_logits, real_target=1.0):
    logits = torch.cat([real_logits, fake_logits])
    targets = torch.cat([torch.full_like(real_logits, real_target), torch.zeros_like(fake_logits)])
    return F.binary_cross_entropy_with_logits(logits, targets)


@wrong("discriminator_loss", says="sigmoid was applied twice")
def d_sigmoid_twice(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits.sigmoid(), fake_logits.sigmoid(), real_target)


@wrong("discriminator_loss", says="rounded to 0")
def d_log_of_sigmoid(real_logits, fake_logits, real_target=1.0):
    real, fake = real_logits.sigmoid(), fake_logits.sigmoid()
    real_part = real_target * real.log() + (1 - real_target) * (1 - real).log()
    return -real_part.mean() - (1 - fake).log().mean()


@wrong("discriminator_loss", says="clamped")
def d_bce_on_probabilities(real_logits, fake_logits, real_target=1.0):
    real, fake = real_logits.sigmoid(), fake_logits.sigmoid()
    bce = F.binary_cross_entropy
    return bce(real, torch.full_like(real, real_target)) + bce(fake, torch.zeros_like(fake))


@wrong("discriminator_loss", says="clamped")
def d_epsilon(real_logits, fake_logits, real_target=1.0):
    real, fake = real_logits.sigmoid(), fake_logits.sigmoid()
    real_part = real_target * (real + 1e-8).log() + (1 - real_target) * (1 - real + 1e-8).log()
    return -real_part.mean() - (1 - fake + 1e-8).log().mean()


@wrong("discriminator_loss", says="fake samples are missing")
def d_real_only(real_logits, fake_logits, real_target=1.0):
    return F.binary_cross_entropy_with_logits(real_logits, torch.full_like(real_logits, real_target))


@wrong("discriminator_loss", says="real samples are missing")
def d_fake_only(real_logits, fake_logits, real_target=1.0):
    return F.softplus(fake_logits).mean()


@wrong("discriminator_loss", says="what the generator wants")
def d_fakes_labelled_real(real_logits, fake_logits, real_target=1.0):
    return F.softplus(-real_logits).mean() + F.softplus(-fake_logits).mean()


@wrong("discriminator_loss", says="wrong sign")
def d_mixed_signs(real_logits, fake_logits, real_target=1.0):
    return F.softplus(-real_logits).mean() - F.softplus(fake_logits).mean()


@wrong("discriminator_loss", says="WGAN")
def d_critic(real_logits, fake_logits, real_target=1.0):
    return fake_logits.mean() - real_logits.mean()


@wrong("discriminator_loss", says="wanted a scalar")
def d_per_sample(real_logits, fake_logits, real_target=1.0):
    return F.softplus(-real_logits) + F.softplus(fake_logits)


@wrong("discriminator_loss", says="a float cannot learn")
def d_item(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits, fake_logits, real_target).item()


@wrong("discriminator_loss", says="has no graph")
def d_detached(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits, fake_logits, real_target).detach()


@wrong("discriminator_loss", says="no gradient reaches the fake logits")
def d_fake_detached(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits, fake_logits.detach(), real_target)


@wrong("discriminator_loss", says="real_target is ignored")
def d_no_smoothing(real_logits, fake_logits, real_target=1.0):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


@wrong("discriminator_loss", says="two-sided")
def d_two_sided(real_logits, fake_logits, real_target=1.0):
    bce = F.binary_cross_entropy_with_logits
    real = bce(real_logits, torch.full_like(real_logits, real_target))
    return real + bce(fake_logits, torch.full_like(fake_logits, 1 - real_target))


@wrong("discriminator_loss", says="only scaled")
def d_scaled(real_logits, fake_logits, real_target=1.0):
    return real_target * F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


@wrong("discriminator_loss", says="natural one")
def d_log2(real_logits, fake_logits, real_target=1.0):
    return discriminator_loss(real_logits, fake_logits, real_target) / np.log(2)


# generator_loss


@wrong("generator_loss", says="not written yet")
def g_untouched(fake_logits, saturating=False):
    raise NotImplementedError


@wrong("generator_loss", says="labelled 0")
def g_label_zero(fake_logits, saturating=False):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@wrong("generator_loss", says="saturating form")
def g_forms_swapped(fake_logits, saturating=False):
    return generator_loss(fake_logits, not saturating)


@wrong("generator_loss", says="changes nothing")
def g_flag_ignored(fake_logits, saturating=False):
    return F.softplus(-fake_logits).mean()


@wrong("generator_loss", says="the sign")
def g_uphill(fake_logits, saturating=False):
    return -generator_loss(fake_logits, saturating)


@wrong("generator_loss", says="log(1 - D) itself")
def g_saturating_sign(fake_logits, saturating=False):
    return F.softplus(fake_logits if saturating else -fake_logits).mean()


@wrong("generator_loss", says="pushed away from real")
def g_saturating_log_d(fake_logits, saturating=False):
    return F.logsigmoid(fake_logits).mean() if saturating else F.softplus(-fake_logits).mean()


@wrong("generator_loss", says="sum over the batch")
def g_summed(fake_logits, saturating=False):
    return generator_loss(fake_logits, saturating) * len(fake_logits)


@wrong("generator_loss", says="applied twice")
def g_sigmoid_twice(fake_logits, saturating=False):
    return generator_loss(fake_logits.sigmoid(), saturating)


@wrong("generator_loss", says="rounded to 0")
def g_log_of_sigmoid(fake_logits, saturating=False):
    d = fake_logits.sigmoid()
    return (1 - d).log().mean() if saturating else -d.log().mean()


@wrong("generator_loss", says="clamped")
def g_clamped(fake_logits, saturating=False):
    d = fake_logits.sigmoid().clamp(1e-7, 1 - 1e-7)
    return (1 - d).log().mean() if saturating else -d.log().mean()


@wrong("generator_loss", says="has no graph")
def g_detached(fake_logits, saturating=False):
    return generator_loss(fake_logits.detach(), saturating)


@wrong("generator_loss", says="WGAN")
def g_critic(fake_logits, saturating=False):
    return -fake_logits.mean()


@wrong("generator_loss", says="wanted a scalar")
def g_per_sample(fake_logits, saturating=False):
    return F.softplus(-fake_logits)


# optimal_discriminator


@wrong("optimal_discriminator", says="not written yet")
def best_untouched(p, q):
    raise NotImplementedError


@wrong("optimal_discriminator", says="p and q are swapped")
def best_swapped(p, q):
    return torch.where(p + q > 0, q / (p + q), torch.full_like(p, 0.5))


@wrong("optimal_discriminator", says="0 / 0")
def best_nan(p, q):
    return p / (p + q)


@wrong("optimal_discriminator", says="a constant was added")
def best_epsilon(p, q):
    return p / (p + q + 1e-8)


@wrong("optimal_discriminator", says="is no probability")
def best_ratio(p, q):
    return p / q


@wrong("optimal_discriminator", says="logit")
def best_logit(p, q):
    return p.log() - q.log()


@wrong("optimal_discriminator", says="not the difference")
def best_sigmoid(p, q):
    return (p - q).sigmoid()


@wrong("optimal_discriminator", says="once p = q")
def best_half(p, q):
    return torch.full_like(p, 0.5)


@wrong("optimal_discriminator", says="how sure")
def best_hard(p, q):
    return (p > q).float()


@wrong("optimal_discriminator", says="normalised over the points")
def best_over_points(p, q):
    return p / (p.sum() + q.sum())


@wrong("optimal_discriminator", says="one number a point")
def best_mean(p, q):
    return (p / (p + q)).mean()


@wrong("optimal_discriminator", says="wanted 0.5")
def best_zero_nowhere(p, q):
    return torch.nan_to_num(p / (p + q))


# train_step and repaired_step


def step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim, **how):
    """One right step, except for what `how` spoils."""
    noise = sample_noise(how.get("n", len(real)), latent_dim)
    fake = generator(noise)
    fake_for_d = fake if how.get("no_detach") else fake.detach()
    d_loss = how.get("d", discriminator_loss)(discriminator(real), discriminator(fake_for_d))
    if not how.get("d_keeps"):
        d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    if not how.get("g_keeps"):
        g_optimizer.zero_grad()
    again = generator(noise if how.get("same_noise") else sample_noise(how.get("n", len(real)), latent_dim))
    again = again.detach() if how.get("too_much_detach") else again
    g_loss = how.get("g", generator_loss)(discriminator(again))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="not written yet")
def step_untouched(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    raise NotImplementedError


@wrong("repaired_step", says="not written yet")
def repair_untouched(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    raise NotImplementedError


@wrong("train_step", says="D kept the gradient that G's turn left")
@wrong("repaired_step", says="D kept the gradient that G's turn left")
def step_leaks(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    fake = generator(sample_noise(len(real), latent_dim))
    d_loss = discriminator_loss(discriminator(real), discriminator(fake.detach()))
    d_loss.backward()
    d_optimizer.step()
    d_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    g_optimizer.zero_grad()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="never cleared")
def step_never_clears(*args):
    return step(*args, d_keeps=True, g_keeps=True)


@wrong("train_step", says="D's gradients are never cleared")
@wrong("repaired_step", says="D's gradients are never cleared")
def step_never_clears_d(*args):
    return step(*args, d_keeps=True)


@wrong("train_step", says="G's gradients are never cleared")
@wrong("repaired_step", says="G's gradients are never cleared")
def step_never_clears_g(*args):
    return step(*args, g_keeps=True)


@wrong("train_step", says="detach the fakes")
@wrong("repaired_step", says="detach the fakes")
def step_no_detach(*args):
    return step(*args, no_detach=True)


@wrong("train_step", says="D's loss reached G")
def step_no_detach_no_clear(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    g_optimizer.zero_grad()
    d_optimizer.zero_grad()
    fake = generator(sample_noise(len(real), latent_dim))
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_loss.backward()
    d_optimizer.step()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="graph was cut")
@wrong("repaired_step", says="graph was cut")
def step_too_much_detach(*args):
    return step(*args, too_much_detach=True)


@wrong("train_step", says="label them 1 in G's turn")
@wrong("repaired_step", says="label them 1 in G's turn")
def step_generator_label_zero(*args):
    return step(*args, g=lambda logits: F.softplus(logits).mean())


@wrong("train_step", says="the saturating loss")
def step_saturating(*args):
    return step(*args, g=lambda logits: generator_loss(logits, saturating=True))


@wrong("train_step", says="G goes uphill")
def step_uphill(*args):
    return step(*args, g=lambda logits: -generator_loss(logits))


@wrong("train_step", says="D's labels are swapped")
@wrong("repaired_step", says="D's labels are swapped")
def step_swapped(*args):
    return step(*args, d=lambda real, fake: discriminator_loss(fake, real))


@wrong("train_step", says="D goes uphill")
def step_d_uphill(*args):
    return step(*args, d=lambda real, fake: -discriminator_loss(real, fake))


@wrong("train_step", says="terms were averaged")
def step_d_averaged(*args):
    return step(*args, d=lambda real, fake: discriminator_loss(real, fake) / 2)


@wrong("train_step", says="only the fake half")
def step_d_fake_only(*args):
    return step(*args, d=lambda real, fake: F.softplus(fake).mean())


@wrong("train_step", says="fresh noise for each player")
def step_same_noise(*args):
    return step(*args, same_noise=True)


@wrong("train_step", says="as many fakes as there are reals")
def step_other_batch(*args):
    return step(*args, n=64)


@wrong("train_step", says="one noise vector for the whole batch")
def step_one_vector(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    def noise():
        return torch.randn(1, latent_dim).expand(len(real), latent_dim)

    d_optimizer.zero_grad()
    d_loss = discriminator_loss(discriminator(real), discriminator(generator(noise()).detach()))
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(noise())))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="zero_grad, backward, step")
def step_before_backward(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_optimizer.step()
    d_loss.backward()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_optimizer.step()
    g_loss.backward()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="zero_grad, backward, step")
def step_clears_too_late(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    d_optimizer.zero_grad()
    d_optimizer.step()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.zero_grad()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="d_optimizer.step() is missing")
def step_d_never_moves(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="g_optimizer.step() is missing")
@wrong("repaired_step", says="g_optimizer.step() is missing")
def step_wrong_optimizer(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    return step(generator, discriminator, d_optimizer, d_optimizer, real, latent_dim)


@wrong("train_step", says="G moved before D")
def step_generator_first(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="call D again after d_optimizer.step()")
def step_stale_graph(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    fake = generator(sample_noise(len(real), latent_dim))
    fake_logits = discriminator(fake)
    d_loss = discriminator_loss(discriminator(real), fake_logits)
    g_loss = generator_loss(fake_logits)
    d_optimizer.zero_grad()
    d_loss.backward(retain_graph=True)
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="not set free again")
def step_stays_frozen(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    discriminator.train()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    if d_loss.requires_grad:
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
    discriminator.requires_grad_(False)
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="eval mode")
def step_eval_mode(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    discriminator.eval()
    return step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim)


@wrong("train_step", says="has a graph")
def step_returns_graph(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss, g_loss


@wrong("train_step", says="wrong order")
def step_returns_swapped(*args):
    return step(*args)[::-1]


@wrong("train_step", says="no return")
@wrong("repaired_step", says="no return")
def step_returns_nothing(*args):
    step(*args)


@wrong("train_step", says="moved 2 times")
def step_d_twice(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim)
    return step(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim)


# modes_covered


@wrong("modes_covered", says="not written yet")
def modes_untouched(samples, centers, std):
    raise NotImplementedError


def hits(samples, centers, radius):
    distance, mode = torch.cdist(samples, centers).min(dim=1)
    return torch.bincount(mode[distance < radius], minlength=len(centers))


@wrong("modes_covered", says="quality is ignored")
def modes_nearest_only(samples, centers, std):
    return int((hits(samples, centers, float("inf")) >= 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="a mode needs a fifth of its fair share")
def modes_any_good(samples, centers, std):
    return int((hits(samples, centers, 3 * std) > 0).sum())


@wrong("modes_covered", says="neither its distance nor the number")
def modes_any_sample(samples, centers, std):
    return len(torch.cdist(samples, centers).argmin(dim=1).unique())


@wrong("modes_covered", says="use >=")
def modes_strict(samples, centers, std):
    return int((hits(samples, centers, 3 * std) > 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="the rim is missing")
def modes_two_std(samples, centers, std):
    return int((hits(samples, centers, 2.5 * std) >= 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="a share of the modes")
def modes_share(samples, centers, std):
    return (hits(samples, centers, 3 * std) >= 0.2 * len(samples) / len(centers)).float().mean().item()


@wrong("modes_covered", says="samples were counted")
def modes_counts_samples(samples, centers, std):
    return int(hits(samples, centers, 3 * std).sum())


@wrong("modes_covered", says="that were missed")
def modes_missed(samples, centers, std):
    return int((hits(samples, centers, 3 * std) < 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="no return")
def modes_no_return(samples, centers, std):
    covered = hits(samples, centers, 3 * std) >= 0.2 * len(samples) / len(centers)
    covered.sum()


@wrong("modes_covered", says="wanted")
def modes_wrong_axis(samples, centers, std):
    distance, _ = torch.cdist(samples, centers).min(dim=0)
    return int((distance < 3 * std).sum())


# Near misses: almost the reference, found by people who had not seen the checks.


@wrong("sample_noise", says="rounded")
def noise_rounded(n, latent_dim, device="cpu"):
    return torch.randn(n, latent_dim, device=device).round()


@wrong("sample_noise", says="normalised")
def noise_on_a_sphere(n, latent_dim, device="cpu"):
    return F.normalize(torch.randn(n, latent_dim, device=device), dim=1) * latent_dim**0.5


@wrong("sample_noise", says="NaN")
def noise_standardised(n, latent_dim, device="cpu"):
    z = torch.randn(n, latent_dim, device=device)
    return (z - z.mean(0)) / z.std(0, correction=0)


@wrong("discriminator_loss", says="came back changed")
def d_in_place(real_logits, fake_logits, real_target=1.0):
    with torch.no_grad():
        real_logits.neg_()
    real = real_target * F.softplus(real_logits) + (1 - real_target) * F.softplus(-real_logits)
    return real.mean() + F.softplus(fake_logits).mean()


@wrong("optimal_discriminator", says="p = 0.3 and q = 0")
def best_half_without_fakes(p, q):
    return torch.where(q == 0, torch.tensor(0.5), p / (p + q))


@wrong("optimal_discriminator", says="p = 0.3 and q = 0")
def best_clamped(p, q):
    return torch.nan_to_num(p / (p + q), nan=0.5).clamp(1e-6, 1 - 1e-6)


@wrong("optimal_discriminator", says="came back changed")
def best_in_place(p, q):
    q += p
    return torch.where(q > 0, p / q, torch.tensor(0.5))


@wrong("optimal_discriminator", says="came back changed")
def best_fills_in_place(p, q):
    empty = (p + q) == 0
    p[empty], q[empty] = 1.0, 1.0
    return p / (p + q)


@wrong("modes_covered", says="not further")
def modes_four_std(samples, centers, std):
    return int((hits(samples, centers, 4 * std) >= 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="not in each coordinate")
def modes_in_a_box(samples, centers, std):
    distance, mode = (samples[:, None] - centers).abs().amax(-1).min(dim=1)
    counts = torch.bincount(mode[distance < 3 * std], minlength=len(centers))
    return int((counts >= 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="the rim is missing")
def modes_city_block(samples, centers, std):
    distance, mode = torch.cdist(samples, centers, p=1).min(dim=1)
    counts = torch.bincount(mode[distance < 3 * std], minlength=len(centers))
    return int((counts >= 0.2 * len(samples) / len(centers)).sum())


@wrong("modes_covered", says="nothing is rounded")
def modes_rounded_share(samples, centers, std):
    return int((hits(samples, centers, 3 * std) >= len(samples) // len(centers) / 5).sum())


@wrong("modes_covered", says="here 1/5")
def modes_at_least_two(samples, centers, std):
    return int((hits(samples, centers, 3 * std) >= max(2, len(samples) / (5 * len(centers)))).sum())


@wrong("modes_covered", says="500 samples each")
def modes_first_thousand(samples, centers, std):
    some = samples[:1000]
    return int((hits(some, centers, 3 * std) >= len(some) / (5 * len(centers))).sum())


@wrong("modes_covered", says="came back changed")
def modes_centred_in_place(samples, centers, std):
    mean = samples.mean(0)
    samples -= mean
    return int((hits(samples, centers - mean, 3 * std) >= len(samples) / (5 * len(centers))).sum())


@wrong("modes_covered", says="count what you have found")
def modes_as_a_mask(samples, centers, std):
    return hits(samples, centers, 3 * std) >= 0.2 * len(samples) / len(centers)


@wrong("modes_covered", says="is an int")
def modes_as_a_float(samples, centers, std):
    return (hits(samples, centers, 3 * std) >= 0.2 * len(samples) / len(centers)).float().sum().item()


@wrong("modes_covered", says="quality is ignored")
def modes_squared_distance(samples, centers, std):
    squared, mode = torch.cdist(samples, centers).pow(2).min(dim=1)
    counts = torch.bincount(mode[squared < 3 * std], minlength=len(centers))
    return int((counts >= 0.2 * len(samples) / len(centers)).sum())


@wrong("train_step", says="G followed the gradient")
def step_looks_at_one_fake(*args):
    return step(*args, g=lambda logits: generator_loss(logits[:1]))


@wrong("train_step", says="D followed the gradient")
def step_shows_d_one_fake(*args):
    return step(*args, d=lambda real, fake: discriminator_loss(real, fake[:1].expand(len(real))))


@wrong("train_step", says="D followed the gradient")
def step_shows_d_half_of_the_reals(*args):
    return step(*args, d=lambda real, fake: discriminator_loss(real[: len(real) // 2], fake))


@wrong("train_step", says="labels were smoothed")
def step_smooths(*args):
    return step(*args, d=lambda real, fake: discriminator_loss(real, fake, real_target=0.9))


@wrong("train_step", says="d_optimizer.step() is missing")
def step_skips_a_strong_d(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_optimizer.zero_grad()
    d_loss.backward()
    if d_loss > 1.0:
        d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="D followed the gradient")
def step_clips(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_optimizer.zero_grad()
    d_loss.backward()
    torch.nn.utils.clip_grad_norm_(discriminator.parameters(), 1.0)
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="standard normal noise is wanted")
def step_uniform_noise(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(torch.rand(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(torch.rand(len(real), latent_dim))))
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("train_step", says="use the optimiser that you are given")
def step_with_its_own_optimizers(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    own = [torch.optim.Adam(player.parameters(), 1e-3) for player in (generator, discriminator)]
    return step(generator, discriminator, *own, real, latent_dim)


@wrong("train_step", says="before D's turn was over")
def step_both_at_once(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    d_optimizer.zero_grad()
    g_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(sample_noise(len(real), latent_dim))))
    g_loss.backward()
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(
        discriminator(real), discriminator(generator(sample_noise(len(real), latent_dim)).detach())
    )
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="all of them")
def repair_clears_one_weight(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    next(discriminator.parameters()).grad = None
    return step_leaks(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim)


# What got past an earlier form of the checks


@wrong("sample_noise", says="normal noise has no bounds")
def noise_of_three_uniforms(n, latent_dim, device="cpu"):
    return 2 * torch.rand(3, n, latent_dim, device=device).sum(0) - 3


@wrong("modes_covered", says="the far ones too")
def modes_of_the_good_alone(samples, centers, std):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    hits = torch.bincount(nearest[distance < 3 * std], minlength=len(centers))
    return int((hits >= max(1, int((distance < 3 * std).sum())) / (5 * len(centers))).sum())


@wrong("modes_covered", says="each sample by itself")
def modes_by_mean_distance(samples, centers, std):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = 0
    for k in range(len(centers)):
        own = distance[nearest == k]
        kept = own[own < 3 * std]
        spoilt = len(own) > 0 and float(own.mean()) > 9 * std
        good += len(kept) >= len(samples) / (5 * len(centers)) and not spoilt
    return int(good)


@wrong("sample_noise", says="one number")
def noise_of_a_single_number(n, latent_dim, device="cpu"):
    return torch.distributions.Normal(0.0, 1.0).sample()


def _soft_where(x):
    return torch.where(x > 20, x, torch.log1p(torch.exp(x)))


@wrong("discriminator_loss", says="the slope is no number")
def d_loss_by_where(real_logits, fake_logits, real_target=1.0):
    real = real_target * _soft_where(-real_logits) + (1 - real_target) * _soft_where(real_logits)
    return real.mean() + _soft_where(fake_logits).mean()


@wrong("generator_loss", says="the slope is no number")
def g_loss_by_where(fake_logits, saturating=False):
    return -_soft_where(fake_logits).mean() if saturating else _soft_where(-fake_logits).mean()


@wrong("generator_loss", says="an exponential overflowed")
def g_loss_in_float64(fake_logits, saturating=False):
    x = fake_logits.double()
    return -(1 + x.exp()).log().mean() if saturating else (1 + (-x).exp()).log().mean()


@wrong("sample_noise", says="standardised")
def noise_standardised_as_a_whole(n, latent_dim, device="cpu"):
    z = torch.randn(n, latent_dim, device=device)
    return z - z.mean() if n * latent_dim > 1 else z


@wrong("sample_noise", says="cut off")
def noise_truncated_at_two(n, latent_dim, device="cpu"):
    return torch.nn.init.trunc_normal_(torch.empty(n, latent_dim, device=device), a=-2.0, b=2.0)


@wrong("optimal_discriminator", says="answer each")
def best_of_all_or_none(p, q):
    return torch.full_like(p, 0.5) if (p + q == 0).any() else p / (p + q)


@wrong("modes_covered", says="Euclidean")
def modes_by_city_blocks(samples, centers, std):
    distance, nearest = (samples[:, None] - centers).abs().sum(2).min(1)
    hits = torch.bincount(nearest[distance <= 3 * std], minlength=len(centers))
    return int((hits >= len(samples) / (5 * len(centers))).sum())


@wrong("train_step", says="images of shape")
def step_with_the_axes_mixed_up(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    return step(generator, discriminator, g_optimizer, d_optimizer, real.reshape(-1, real.shape[-1]), latent_dim)


@wrong("train_step", says="optimisers are swapped")
def step_with_the_optimizers_swapped(generator, discriminator, g_optimizer, d_optimizer, real, latent_dim):
    return step(generator, discriminator, d_optimizer, g_optimizer, real, latent_dim)
