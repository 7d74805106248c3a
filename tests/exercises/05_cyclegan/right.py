"""Right answers of lesson 05 in other styles than the reference: every one must pass every check."""

import random
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import right

# patch_receptive_field


@right("patch_receptive_field")
def field_forwards(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side


@right("patch_receptive_field")
def field_backwards(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


@right("patch_receptive_field")
def field_folded(layers):
    return reduce(lambda side, layer: (side - 1) * layer[1] + layer[0], layers[::-1], 1)


@right("patch_receptive_field")
def field_numpy(layers):
    kernels, strides = np.array(layers).T
    steps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + ((kernels - 1) * steps).sum()


@right("patch_receptive_field")
def field_by_indices(layers):
    inputs = {0}
    for kernel, stride in list(layers)[::-1]:
        inputs = {i * stride + j for i in inputs for j in range(kernel)}
    return max(inputs) - min(inputs) + 1


# discriminator_loss, adversarial_loss


@right("discriminator_loss")
def d_mse(real_logits, fake_logits):
    return F.mse_loss(real_logits, torch.ones_like(real_logits)) + F.mse_loss(
        fake_logits, torch.zeros_like(fake_logits)
    )


@right("discriminator_loss")
def d_module(real_logits, fake_logits):
    loss = nn.MSELoss()
    return loss(fake_logits, torch.zeros(fake_logits.shape)) + loss(real_logits, torch.ones(real_logits.shape))


@right("discriminator_loss")
def d_powers(real_logits, fake_logits):
    return ((1 - real_logits) ** 2).mean() + torch.mean(torch.square(fake_logits))


@right("discriminator_loss")
def d_sums(real_logits, fake_logits):
    real, fake = real_logits.flatten(), fake_logits.flatten()
    return (real - 1).dot(real - 1) / real.numel() + fake.pow(2).sum() / len(fake)


@right("adversarial_loss")
def g_mse(fake_logits):
    return F.mse_loss(fake_logits, torch.ones_like(fake_logits))


@right("adversarial_loss")
def g_power(fake_logits):
    return torch.mean((fake_logits - 1.0) ** 2)


@right("adversarial_loss")
def g_expanded(fake_logits):
    return (fake_logits * fake_logits - 2 * fake_logits + 1).mean()


@right("adversarial_loss")
def g_per_image(fake_logits):
    return torch.stack([(1 - logits).pow(2).mean() for logits in fake_logits]).mean()


# cycle_loss, identity_loss


@right("cycle_loss")
def cycle_l1_loss(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b)


@right("cycle_loss")
def cycle_module(a, b, fake_a, fake_b, g_ab, g_ba):
    distance = nn.L1Loss()
    back_a, back_b = g_ba(fake_b), g_ab(fake_a)
    return distance(a, back_a) + distance(b, back_b)


@right("cycle_loss")
def cycle_again(a, b, fake_a, fake_b, g_ab, g_ba):
    """Makes the fakes once more: slower, and right."""
    return torch.mean(torch.abs(g_ba(g_ab(a)) - a)) + torch.mean(torch.abs(g_ab(g_ba(b)) - b))


@right("cycle_loss")
def cycle_per_image(a, b, fake_a, fake_b, g_ab, g_ba):
    there = (g_ba(fake_b) - a).abs().flatten(1).mean(1).mean()
    back = (g_ab(fake_a) - b).abs().flatten(1).mean(1).mean()
    return there + back


@right("identity_loss")
def identity_l1_loss(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a)


@right("identity_loss")
def identity_loop(a, b, g_ab, g_ba):
    return sum((net(real) - real).abs().mean() for net, real in ((g_ab, b), (g_ba, a)))


@right("identity_loss")
def identity_norm(a, b, g_ab, g_ba):
    return (g_ba(a) - a).flatten().norm(p=1) / a.numel() + (g_ab(b) - b).flatten().norm(p=1) / b.numel()


# generator_loss


def adversarial_loss(fake_logits):
    return F.mse_loss(fake_logits, torch.ones_like(fake_logits))


def discriminator_loss(real_logits, fake_logits):
    return d_mse(real_logits, fake_logits)


def cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b)


def identity_loss(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a)


@right("generator_loss")
def total_plain(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    fake_b, fake_a = g_ab(a), g_ba(b)
    adversarial = adversarial_loss(d_b(fake_b)) + adversarial_loss(d_a(fake_a))
    cycle = cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba)
    return adversarial + cycle_weight * cycle + identity_weight * identity_loss(a, b, g_ab, g_ba)


@right("generator_loss")
def total_by_hand(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    fake_b, fake_a = g_ab(a), g_ba(b)
    loss = (d_a(fake_a) - 1).pow(2).mean() + (d_b(fake_b) - 1).pow(2).mean()
    loss = loss + cycle_weight * ((g_ba(fake_b) - a).abs().mean() + (g_ab(fake_a) - b).abs().mean())
    return loss + identity_weight * ((g_ab(b) - b).abs().mean() + (g_ba(a) - a).abs().mean())


@right("generator_loss")
def total_saves_work(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    fake_b, fake_a = g_ab(a), g_ba(b)
    terms = [adversarial_loss(logits) for logits in (d_b(fake_b), d_a(fake_a))]
    if cycle_weight > 0:
        terms.append(cycle_weight * cycle_loss(a, b, fake_a, fake_b, g_ab=g_ab, g_ba=g_ba))
    if identity_weight > 0:
        terms.append(identity_weight * identity_loss(a, b, g_ab, g_ba))
    return torch.stack(terms).sum()


@right("generator_loss")
def total_two_in_one(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    """Identity and translation in one pass of each network."""
    fake_b, same_b = g_ab(torch.cat([a, b])).split([len(a), len(b)])
    fake_a, same_a = g_ba(torch.cat([b, a])).split([len(b), len(a)])
    identity = F.l1_loss(same_b, b) + F.l1_loss(same_a, a)
    adversarial = adversarial_loss(d_a(fake_a)) + adversarial_loss(d_b(fake_b))
    return adversarial + cycle_weight * cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba) + identity_weight * identity


# ImagePool


@right("ImagePool")
class PoolOfAList:
    def __init__(self, capacity=50):
        self.capacity, self.images = capacity, []

    def query(self, images):
        out = []
        for image in images.detach():
            if len(self.images) < self.capacity:
                self.images.append(image.clone())
                out.append(image)
            elif random.random() < 0.5:
                i = random.randrange(self.capacity)
                out.append(self.images[i])
                self.images[i] = image.clone()
            else:
                out.append(image)
        return torch.stack(out)


@right("ImagePool")
class PoolOfATensor:
    def __init__(self, capacity=50):
        self.capacity, self.kept = capacity, None

    @torch.no_grad()
    def query(self, images):
        out = images.detach().clone()
        for i in range(len(out)):
            if self.kept is None or len(self.kept) < self.capacity:
                new = out[i : i + 1].clone()
                self.kept = new if self.kept is None else torch.cat([self.kept, new])
            elif torch.rand(1).item() > 0.5:
                j = torch.randint(self.capacity, (1,)).item()
                old = self.kept[j].clone()
                self.kept[j] = out[i]
                out[i] = old
        return out


@right("ImagePool")
class PoolAsAModule(nn.Module):
    def __init__(self, capacity=50):
        super().__init__()
        self.capacity, self.memory = capacity, {}

    def query(self, images):
        return torch.cat([self.one(image[None]) for image in images])

    def one(self, image):
        image = image.detach().clone()
        if len(self.memory) < self.capacity:
            self.memory[len(self.memory)] = image
            return image.clone()
        if np.random.rand() < 0.5:
            return image
        place = np.random.randint(self.capacity)
        old, self.memory[place] = self.memory[place], image
        return old


# repaired_step


@right("repaired_step")
def step_plain(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    g_loss = total_plain(a, b, g_ab, g_ba, d_a, d_b)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    with torch.no_grad():
        fake_a, fake_b = pool_a.query(g_ba(b)), pool_b.query(g_ab(a))
    d_loss = discriminator_loss(d_a(a), d_a(fake_a)) + discriminator_loss(d_b(b), d_b(fake_b))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("repaired_step")
def step_judges_first(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    fake_a, fake_b = pool_a.query(g_ba(b).detach()), pool_b.query(g_ab(a).detach())
    d_optimizer.zero_grad()
    d_loss = discriminator_loss(d_a(a), d_a(fake_a)) + discriminator_loss(d_b(b), d_b(fake_b))
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = total_plain(a, b, g_ab, g_ba, d_a, d_b)
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("repaired_step")
def step_fakes_made_once(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    """The translations' turn and the judges' turn share the fakes, as the authors' code does."""
    fake_b, fake_a = g_ab(a), g_ba(b)
    g_loss = adversarial_loss(d_b(fake_b)) + adversarial_loss(d_a(fake_a))
    g_loss = g_loss + 10 * cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba) + 5 * identity_loss(a, b, g_ab, g_ba)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    d_optimizer.zero_grad()
    d_loss_a = discriminator_loss(d_a(a), d_a(pool_a.query(fake_a.detach())))
    d_loss_b = discriminator_loss(d_b(b), d_b(pool_b.query(fake_b.detach())))
    d_loss_a.backward()
    d_loss_b.backward()
    d_optimizer.step()
    return (d_loss_a + d_loss_b).detach(), g_loss.detach()


@right("repaired_step")
def step_frozen_judges(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    judges = [*d_a.parameters(), *d_b.parameters()]
    for weight in judges:
        weight.requires_grad_(False)
    g_optimizer.zero_grad(set_to_none=True)
    g_loss = total_by_hand(a, b, g_ab, g_ba, d_a, d_b)
    g_loss.backward()
    g_optimizer.step()
    for weight in judges:
        weight.requires_grad_(True)
    d_optimizer.zero_grad(set_to_none=True)
    fake_a, fake_b = pool_a.query(g_ba(b)), pool_b.query(g_ab(a))
    d_loss = discriminator_loss(d_a(a), d_a(fake_a.detach())) + discriminator_loss(d_b(b), d_b(fake_b.detach()))
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("repaired_step")
def step_that_returns_floats(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    d_loss, g_loss = step_plain(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b)
    return d_loss.item(), g_loss.item()
