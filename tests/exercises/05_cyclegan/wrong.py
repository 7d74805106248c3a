"""Wrong answers of lesson 05 that people really give, each with the words that its diagnosis must contain."""

import math

import torch
import torch.nn.functional as F

from gancourse.authoring.answers import wrong

# patch_receptive_field


def right_field(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


@wrong("patch_receptive_field", says="not written yet")
def field_untouched(layers):
    raise NotImplementedError


@wrong("patch_receptive_field", says="no return")
def field_no_return(layers):
    right_field(layers)


@wrong("patch_receptive_field", says="strides are ignored")
def field_without_strides(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


@wrong("patch_receptive_field", says="own stride")
def field_own_stride(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


@wrong("patch_receptive_field", says="wrong order")
def field_backwards(layers):
    side = 1
    for kernel, stride in layers:
        side = (side - 1) * stride + kernel
    return side


@wrong("patch_receptive_field", says="the 1 is missing")
def field_without_one(layers):
    return right_field(layers) - 1


@wrong("patch_receptive_field", says="not multiplied")
def field_product(layers):
    return math.prod(kernel for kernel, _ in layers)


@wrong("patch_receptive_field", says="kernels overlap")
def field_sum_of_kernels(layers):
    return sum(kernel for kernel, _ in layers)


@wrong("patch_receptive_field", says="walking back")
def field_walks_back_wrong(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = side * stride + kernel
    return side


@wrong("patch_receptive_field", says="the side")
def field_area(layers):
    return right_field(layers) ** 2


@wrong("patch_receptive_field", says="whole number")
def field_float(layers):
    return float(right_field(layers))


@wrong("patch_receptive_field", says="came back changed")
def field_pops(layers):
    side = 1
    while layers:
        kernel, stride = layers.pop()
        side = (side - 1) * stride + kernel
    return side


@wrong("patch_receptive_field", says="wanted")
def field_of_the_lesson(layers):
    return 22


# discriminator_loss


@wrong("discriminator_loss", says="not written yet")
def d_untouched(real_logits, fake_logits):
    raise NotImplementedError


@wrong("discriminator_loss", says="labels are swapped")
def d_swapped(real_logits, fake_logits):
    return (fake_logits - 1).square().mean() + real_logits.square().mean()


@wrong("discriminator_loss", says="half of it")
def d_halved(real_logits, fake_logits):
    return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2


@wrong("discriminator_loss", says="mean of each")
def d_one_mean(real_logits, fake_logits):
    return torch.cat([real_logits - 1, fake_logits]).square().mean()


@wrong("discriminator_loss", says="the sum over the patches")
def d_summed(real_logits, fake_logits):
    return (real_logits - 1).square().sum() + fake_logits.square().sum()


@wrong("discriminator_loss", says="fake patches are missing")
def d_real_only(real_logits, fake_logits):
    return (real_logits - 1).square().mean()


@wrong("discriminator_loss", says="what the generator wants")
def d_all_real(real_logits, fake_logits):
    return (real_logits - 1).square().mean() + (fake_logits - 1).square().mean()


@wrong("discriminator_loss", says="logarithms, not squares")
def d_first_gan(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


@wrong("discriminator_loss", says="not its square")
def d_absolute(real_logits, fake_logits):
    return (real_logits - 1).abs().mean() + fake_logits.abs().mean()


@wrong("discriminator_loss", says="after the mean")
def d_square_of_mean(real_logits, fake_logits):
    return (real_logits.mean() - 1) ** 2 + fake_logits.mean() ** 2


@wrong("discriminator_loss", says="sigmoid was applied")
def d_sigmoid(real_logits, fake_logits):
    return (real_logits.sigmoid() - 1).square().mean() + fake_logits.sigmoid().square().mean()


@wrong("discriminator_loss", says="wrong sign")
def d_signs(real_logits, fake_logits):
    return (real_logits - 1).square().mean() - fake_logits.square().mean()


@wrong("discriminator_loss", says="labelled -1")
def d_minus_one(real_logits, fake_logits):
    return (real_logits - 1).square().mean() + (fake_logits + 1).square().mean()


@wrong("discriminator_loss", says="wanted a scalar")
def d_per_image(real_logits, fake_logits):
    return (real_logits - 1).square().flatten(1).mean(1)


@wrong("discriminator_loss", says="a float cannot learn")
def d_item(real_logits, fake_logits):
    return ((real_logits - 1).square().mean() + fake_logits.square().mean()).item()


@wrong("discriminator_loss", says="no gradient reaches the fake")
def d_fake_detached(real_logits, fake_logits):
    return (real_logits - 1).square().mean() + fake_logits.detach().square().mean()


# adversarial_loss


@wrong("adversarial_loss", says="not written yet")
def g_untouched(fake_logits):
    raise NotImplementedError


@wrong("adversarial_loss", says="labelled 0")
def g_label_zero(fake_logits):
    return fake_logits.square().mean()


@wrong("adversarial_loss", says="half of it")
def g_halved(fake_logits):
    return 0.5 * (fake_logits - 1).square().mean()


@wrong("adversarial_loss", says="the sum over the patches")
def g_summed(fake_logits):
    return (fake_logits - 1).square().sum()


@wrong("adversarial_loss", says="the sign")
def g_uphill(fake_logits):
    return -(fake_logits - 1).square().mean()


@wrong("adversarial_loss", says="logarithms, not squares")
def g_first_gan(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


@wrong("adversarial_loss", says="after the mean")
def g_square_of_mean(fake_logits):
    return (fake_logits.mean() - 1).square()


@wrong("adversarial_loss", says="WGAN")
def g_score(fake_logits):
    return -fake_logits.mean()


@wrong("adversarial_loss", says="has no graph")
def g_detached(fake_logits):
    return (fake_logits.detach() - 1).square().mean()


@wrong("adversarial_loss", says="sigmoid was applied")
def g_sigmoid(fake_logits):
    return (fake_logits.sigmoid() - 1).square().mean()


@wrong("adversarial_loss", says="came back changed")
def g_in_place(fake_logits):
    with torch.no_grad():
        fake_logits -= 1
    return fake_logits.square().mean()


# cycle_loss


@wrong("cycle_loss", says="not written yet")
def cycle_untouched(a, b, fake_a, fake_b, g_ab, g_ba):
    raise NotImplementedError


@wrong("cycle_loss", says="the first translation of the cycle learns nothing")
def cycle_detached(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b.detach()), a) + F.l1_loss(g_ab(fake_a.detach()), b)


@wrong("cycle_loss", says="the way back was frozen")
def cycle_frozen_back(a, b, fake_a, fake_b, g_ab, g_ba):
    def frozen(net, x):
        return net.scale.detach() * x + net.shift.detach()

    return F.l1_loss(frozen(g_ba, fake_b), a) + F.l1_loss(frozen(g_ab, fake_a), b)


@wrong("cycle_loss", says="no graph")
def cycle_no_grad(a, b, fake_a, fake_b, g_ab, g_ba):
    with torch.no_grad():
        return F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b)


@wrong("cycle_loss", says="this is the identity loss")
def cycle_identity(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(a), a) + F.l1_loss(g_ab(b), b)


@wrong("cycle_loss", says="squares")
def cycle_squared(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.mse_loss(g_ba(fake_b), a) + F.mse_loss(g_ab(fake_a), b)


@wrong("cycle_loss", says="other direction is missing")
def cycle_one_way(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b), a)


@wrong("cycle_loss", says="half of it")
def cycle_halved(a, b, fake_a, fake_b, g_ab, g_ba):
    return (F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b)) / 2


@wrong("cycle_loss", says="ten times too much")
def cycle_weighted(a, b, fake_a, fake_b, g_ab, g_ba):
    return 10 * (F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b))


@wrong("cycle_loss", says="the sum over all pixels")
def cycle_summed(a, b, fake_a, fake_b, g_ab, g_ba):
    return (g_ba(fake_b) - a).abs().sum() + (g_ab(fake_a) - b).abs().sum()


@wrong("cycle_loss", says="the same generator twice")
def cycle_same_net(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ab(fake_b), a) + F.l1_loss(g_ba(fake_a), b)


@wrong("cycle_loss", says="compared with the fake")
def cycle_against_fake(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b), fake_b) + F.l1_loss(g_ab(fake_a), fake_a)


@wrong("cycle_loss", says="fakes were compared")
def cycle_without_back(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(fake_b, a) + F.l1_loss(fake_a, b)


@wrong("cycle_loss", says="cancel")
def cycle_without_abs(a, b, fake_a, fake_b, g_ab, g_ba):
    return (g_ba(fake_b) - a).mean() + (g_ab(fake_a) - b).mean()


@wrong("cycle_loss", says="your code raised")
def cycle_mixed_domains(a, b, fake_a, fake_b, g_ab, g_ba):
    return (g_ba(fake_b).view_as(b) - b).abs().mean() + (g_ab(fake_a).view_as(a) - a).abs().mean()


# identity_loss


@wrong("identity_loss", says="not written yet")
def identity_untouched(a, b, g_ab, g_ba):
    raise NotImplementedError


@wrong("identity_loss", says="through the wrong generator")
def identity_wrong_generator(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(a), a) + F.l1_loss(g_ba(b), b)


@wrong("identity_loss", says="G_AB on A")
def identity_half_wrong(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(a), a) + F.l1_loss(g_ba(a), a)


@wrong("identity_loss", says="this is the cycle loss")
def identity_cycle(a, b, g_ab, g_ba):
    return F.l1_loss(g_ba(g_ab(a)), a) + F.l1_loss(g_ab(g_ba(b)), b)


@wrong("identity_loss", says="five times too much")
def identity_weighted(a, b, g_ab, g_ba):
    return 5 * (F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a))


@wrong("identity_loss", says="half of it")
def identity_halved(a, b, g_ab, g_ba):
    return (F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a)) / 2


@wrong("identity_loss", says="squares")
def identity_squared(a, b, g_ab, g_ba):
    return F.mse_loss(g_ab(b), b) + F.mse_loss(g_ba(a), a)


@wrong("identity_loss", says="only G_AB")
def identity_one(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(b), b)


@wrong("identity_loss", says="no gradient reaches G_BA")
def identity_detached(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a).detach(), a)


@wrong("identity_loss", says="the sum over all pixels")
def identity_summed(a, b, g_ab, g_ba):
    return (g_ab(b) - b).abs().sum() + (g_ba(a) - a).abs().sum()


# generator_loss


def adversarial_loss(fake_logits):
    return (fake_logits - 1).square().mean()


def cycle_loss(a, b, fake_a, fake_b, g_ab, g_ba):
    return F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b)


def identity_loss(a, b, g_ab, g_ba):
    return F.l1_loss(g_ab(b), b) + F.l1_loss(g_ba(a), a)


def discriminator_loss(real_logits, fake_logits):
    return (real_logits - 1).square().mean() + fake_logits.square().mean()


def total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0, **how):
    """The right loss, except for what `how` spoils."""
    fake_b, fake_a = g_ab(a), g_ba(b)
    cut_b, cut_a = (fake_b.detach(), fake_a.detach()) if how.get("detach") else (fake_b, fake_a)
    adversarial = adversarial_loss(d_b(fake_b)) + adversarial_loss(d_a(fake_a))
    cycle = how.get("cycle", cycle_loss)(a, b, cut_a, cut_b, g_ab, g_ba)
    same = how.get("identity", identity_loss)(a, b, g_ab, g_ba)
    return how.get("adversarial", adversarial) + cycle_weight * cycle + identity_weight * same


@wrong("generator_loss", says="not written yet")
def total_untouched(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    raise NotImplementedError


@wrong("generator_loss", says="judges are crossed")
def total_crossed_judges(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_b, d_a, cycle_weight, identity_weight)


@wrong("generator_loss", says="lambda was applied twice")
def total_lambda_twice(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, cycle_weight * identity_weight)


@wrong("generator_loss", says="applied twice")
def total_cycle_weight_twice(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight * cycle_weight, identity_weight)


@wrong("generator_loss", says="half of cycle_weight")
def total_identity_as_share(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, 0.5 * cycle_weight)


@wrong("generator_loss", says="weights are ignored")
def total_fixed_weights(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b)


@wrong("generator_loss", says="weights are exchanged")
def total_exchanged_weights(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, identity_weight, cycle_weight)


@wrong("generator_loss", says="detached before the cycle")
def total_detached_cycle(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, detach=True)


@wrong("generator_loss", says="identity loss is missing")
def total_without_identity(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, 0.0)


@wrong("generator_loss", says="adversarial loss is missing")
def total_without_judges(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, adversarial=0.0)


@wrong("generator_loss", says="only G_AB is judged")
def total_one_judge(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    one = adversarial_loss(d_b(g_ab(a)))
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, adversarial=one)


@wrong("generator_loss", says="labelled 0")
def total_wants_zero(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    zero = d_b(g_ab(a)).square().mean() + d_a(g_ba(b)).square().mean()
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, adversarial=zero)


@wrong("generator_loss", says="identity through the wrong generator")
def total_wrong_identity(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    return total(
        a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight,
        identity=lambda a, b, g_ab, g_ba: F.l1_loss(g_ab(a), a) + F.l1_loss(g_ba(b), b),
    )  # fmt: skip


@wrong("generator_loss", says="learn nothing from the judges")
def total_judges_cut(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    cut = adversarial_loss(d_b(g_ab(a).detach())) + adversarial_loss(d_a(g_ba(b).detach()))
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, adversarial=cut)


@wrong("generator_loss", says="the judges' own loss")
def total_judges_loss(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    theirs = discriminator_loss(d_b(b), d_b(g_ab(a))) + discriminator_loss(d_a(a), d_a(g_ba(b)))
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight, adversarial=theirs)


# ImagePool


class Pool:
    """A right pool whose parts are spoiled one by one."""

    def __init__(self, capacity=50):
        self.capacity, self.images = capacity, []

    def keep(self, image):
        return image.detach().clone()

    def query(self, images):
        return torch.stack([self.one(image) for image in images]).detach()

    def one(self, image):
        if len(self.images) < self.capacity:
            self.images.append(self.keep(image))
            return image
        return self.exchange(image) if torch.rand(()) < 0.5 else image

    def exchange(self, image):
        place = int(torch.randint(self.capacity, ()))
        old, self.images[place] = self.images[place], self.keep(image)
        return old


@wrong("ImagePool", says="not written yet")
class PoolUntouched:
    def __init__(self, capacity=50):
        raise NotImplementedError


@wrong("ImagePool", says="without a method query")
class PoolWithoutQuery:
    def __init__(self, capacity=50):
        self.capacity = capacity


@wrong("ImagePool", says="no return")
class PoolNoReturn(Pool):
    def query(self, images):
        super().query(images)


@wrong("ImagePool", says="returns only new images")
class PoolOnlyNew(Pool):
    def exchange(self, image):
        super().exchange(image)
        return image


@wrong("ImagePool", says="only old images")
class PoolOnlyOld(Pool):
    def one(self, image):
        full = len(self.images) == self.capacity
        return self.exchange(image) if full else super().one(image)


@wrong("ImagePool", says="has a graph")
class PoolReturnsGraphs(Pool):
    def query(self, images):
        return torch.stack([self.one(image) for image in images])


@wrong("ImagePool", says="keeps graphs")
class PoolKeepsGraphs(Pool):
    def keep(self, image):
        return image.clone()


@wrong("ImagePool", says="overwritten")
class PoolKeepsViews(Pool):
    def keep(self, image):
        return image.detach()


@wrong("ImagePool", says="the pool never changes")
class PoolNeverChanges(Pool):
    def exchange(self, image):
        return self.images[int(torch.randint(self.capacity, ()))]


@wrong("ImagePool", says="not for each batch")
class PoolOneCoin(Pool):
    def query(self, images):
        if len(self.images) < self.capacity:
            return super().query(images)
        if torch.rand(()) < 0.5:
            return images.detach()
        return torch.stack([self.exchange(image) for image in images])


@wrong("ImagePool", says="a queue")
class PoolQueue(Pool):
    def exchange(self, image):
        self.images.append(self.keep(image))
        return self.images.pop(0)


@wrong("ImagePool", says="newest")
class PoolStack(Pool):
    def exchange(self, image):
        old = self.images.pop()
        self.images.append(self.keep(image))
        return old


@wrong("ImagePool", says="is not kept")
class PoolKeepsEverything(Pool):
    def one(self, image):
        old = super().one(image)
        if len(self.images) == self.capacity and old is image:
            self.images[int(torch.randint(self.capacity, ()))] = self.keep(image)
        return old


@wrong("ImagePool", says="comes back as it is")
class PoolStartsOld(Pool):
    def one(self, image):
        if self.images and len(self.images) < self.capacity:
            self.images.append(self.keep(image))
            return self.images[0]
        return super().one(image)


@wrong("ImagePool", says="probability 1/2")
class PoolNinety(Pool):
    def one(self, image):
        if len(self.images) < self.capacity:
            return super().one(image)
        return self.exchange(image) if torch.rand(()) < 0.9 else image


@wrong("ImagePool", says="wanted a tensor")
class PoolList(Pool):
    def query(self, images):
        return [self.one(image) for image in images]


@wrong("ImagePool", says="one image too many")
class PoolOneTooMany(Pool):
    def one(self, image):
        if len(self.images) <= self.capacity:
            self.images.append(self.keep(image))
            return image
        return self.exchange(image) if torch.rand(()) < 0.5 else image


@wrong("ImagePool", says="overwritten")
class PoolExchangesForAView(Pool):
    def exchange(self, image):
        place = int(torch.randint(self.capacity, ()))
        old, self.images[place] = self.images[place], image.detach()
        return old


@wrong("ImagePool", says="came back changed")
class PoolWritesIntoTheBatch(Pool):
    def query(self, images):
        out = images.detach()
        for place, image in enumerate(images.detach().clone()):
            out[place] = self.one(image)
        return out


# repaired_step


def step(nets, optimizers, pools, a, b, **how):
    """One right step, except for what `how` spoils."""
    (g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b) = nets, optimizers, pools
    g_loss = how.get("loss", total)(a, b, g_ab, g_ba, d_a, d_b)
    if not how.get("g_keeps"):
        g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    fake_a, fake_b = g_ba(b).detach(), g_ab(a).detach()
    if how.get("swap"):
        fake_a, fake_b = fake_b, fake_a
    if not how.get("no_pool"):
        fake_a, fake_b = pool_a.query(fake_a), pool_b.query(fake_b)
    real_a, real_b = (b, a) if how.get("swap_real") else (a, b)
    d = how.get("d", discriminator_loss)
    d_loss = d(d_a(real_a), d_a(fake_a)) + d(d_b(real_b), d_b(fake_b))
    if not how.get("d_keeps"):
        d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="not written yet")
def step_untouched(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    raise NotImplementedError


@wrong("repaired_step", says="fed fakes of domain B")
def step_as_given(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, swap=True)


@wrong("repaired_step", says="fed domain B")
def step_all_swapped(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    pools = pool_b, pool_a
    how = {"swap": True, "swap_real": True}
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), pools, a, b, **how)


@wrong("repaired_step", says="real images of domain B")
def step_real_swapped(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, swap_real=True)


@wrong("repaired_step", says="the other judge's pool")
def step_pools_swapped(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_b, pool_a), a, b)


@wrong("repaired_step", says="never sees the pool")
def step_without_pools(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, no_pool=True)


@wrong("repaired_step", says="clear it before the judges' backward")
def step_leaks(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, d_keeps=True)


@wrong("repaired_step", says="g_optimizer.zero_grad() is missing")
def step_never_clears_g(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, g_keeps=True)


@wrong("repaired_step", says="labels are swapped")
def step_swapped_labels(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    swapped = {"d": lambda real, fake: discriminator_loss(fake, real)}
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, **swapped)


@wrong("repaired_step", says="detached in the cycle")
def step_detached_cycle(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    cut = {"loss": total_detached_cycle}
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, **cut)


@wrong("repaired_step", says="identity through the wrong generator")
def step_wrong_identity(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    spoiled = {"loss": total_wrong_identity}
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, **spoiled)


@wrong("repaired_step", says="lambda was applied twice")
def step_lambda_twice(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    spoiled = {"loss": total_lambda_twice}
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b, **spoiled)


@wrong("repaired_step", says="an optimiser of its own")
def step_one_optimizer(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    """Both players' parameters in one optimiser, one loss."""
    fake_b, fake_a = g_ab(a), g_ba(b)
    g_loss = total(a, b, g_ab, g_ba, d_a, d_b)
    d_loss = discriminator_loss(d_a(a), d_a(pool_a.query(fake_a))) + discriminator_loss(
        d_b(b), d_b(pool_b.query(fake_b))
    )
    g_optimizer.zero_grad()
    (g_loss + d_loss).backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="clear it before the judges' backward")
def step_one_backward(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    """One backward for both players: the judges follow the translations' wish too."""
    g_loss = total(a, b, g_ab, g_ba, d_a, d_b)
    fake_a, fake_b = pool_a.query(g_ba(b).detach()), pool_b.query(g_ab(a).detach())
    d_loss = discriminator_loss(d_a(a), d_a(fake_a)) + discriminator_loss(d_b(b), d_b(fake_b))
    g_optimizer.zero_grad()
    d_optimizer.zero_grad()
    (g_loss + d_loss).backward()
    g_optimizer.step()
    d_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("repaired_step", says="wrong order")
def step_losses_swapped(*args):
    d_loss, g_loss = step(args[:4], args[4:6], args[6:8], *args[8:])
    return g_loss, d_loss


@wrong("repaired_step", says="has a graph")
def step_losses_with_graph(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    kept = total(a, b, g_ab, g_ba, d_a, d_b)
    d_loss, _ = step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b)
    return d_loss, kept


@wrong("repaired_step", says="was asked 2 times")
def step_asks_twice(g_ab, g_ba, d_a, d_b, g_optimizer, d_optimizer, pool_a, pool_b, a, b):
    pool_a.query(g_ba(b).detach())
    return step((g_ab, g_ba, d_a, d_b), (g_optimizer, d_optimizer), (pool_a, pool_b), a, b)


@wrong("patch_receptive_field", says="in this order")
def field_stride_first(layers):
    return right_field([(kernel, stride) for stride, kernel in layers])


def _field(layers, next_step):
    """The side where the step after a layer is next_step(step so far, kernel, stride)."""
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step = next_step(step, kernel, stride)
    return side


@wrong("patch_receptive_field", says="step *= stride")
def field_of_the_last_stride(layers):
    return _field(layers, lambda step, kernel, stride: stride)


@wrong("patch_receptive_field", says="not added")
def field_of_added_strides(layers):
    return _field(layers, lambda step, kernel, stride: step + stride)


@wrong("patch_receptive_field", says="[(1, 2), (3, 2), (5, 1)]")
def field_forgets_kernels_of_one(layers):
    return _field(layers, lambda step, kernel, stride: step * stride if kernel > 1 else step)


@wrong("discriminator_loss", says="name no axes")
def d_of_four_axes(real_logits, fake_logits):
    return (real_logits - 1).square().mean((0, 1, 2, 3)) + fake_logits.square().mean((0, 1, 2, 3))


@wrong("adversarial_loss", says="name no axes")
def g_of_four_axes(fake_logits):
    n, c, h, w = fake_logits.shape
    return (fake_logits - 1).square().sum() / (n * c * h * w)


@wrong("generator_loss", says="d_a is left frozen")
def total_freezes_the_judges(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    d_a.requires_grad_(False)
    d_b.requires_grad_(False)
    return total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight)


@wrong("generator_loss", says="no backward()")
def total_goes_backward(a, b, g_ab, g_ba, d_a, d_b, cycle_weight=10.0, identity_weight=5.0):
    loss = total(a, b, g_ab, g_ba, d_a, d_b, cycle_weight, identity_weight)
    loss.backward(retain_graph=True)
    return loss


@wrong("ImagePool", says="second and the third")
class PoolFillsByBatches(Pool):
    def query(self, images):
        if len(self.images) < self.capacity:
            self.images.extend(self.keep(image) for image in images[: self.capacity - len(self.images)])
            return images.detach()
        return super().query(images)


@wrong("ImagePool", says="a list of its own")
class PoolSharesItsList(Pool):
    shared = []

    def __init__(self, capacity=50):
        self.capacity, self.images = capacity, self.shared


@wrong("ImagePool", says="`capacity` is ignored")
class PoolAlwaysOfFifty(Pool):
    def __init__(self, capacity=50):
        super().__init__(50)


@wrong("ImagePool", says="squeeze()")
class PoolSqueezes(Pool):
    def query(self, images):
        return super().query(images).squeeze()
