"""Wrong answers of lesson 06 that people really give, each with the words that its diagnosis must contain."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import wrong
from gancourse.nets import fade_in

# fade_in


@wrong("fade_in", says="not written yet")
def fade_untouched(old, new, alpha):
    raise NotImplementedError


@wrong("fade_in", says="no return")
def fade_no_return(old, new, alpha):
    (1 - alpha) * F.interpolate(old, size=new.shape[2:]) + alpha * new


@wrong("fade_in", says="alpha is reversed")
def fade_reversed(old, new, alpha):
    return alpha * F.interpolate(old, size=new.shape[2:]) + (1 - alpha) * new


@wrong("fade_in", says="smoothed")
def fade_bilinear(old, new, alpha):
    return (1 - alpha) * F.interpolate(old, size=new.shape[2:], mode="bilinear") + alpha * new


@wrong("fade_in", says="smoothed")
def fade_bicubic(old, new, alpha):
    return (1 - alpha) * F.interpolate(old, size=new.shape[2:], mode="bicubic") + alpha * new


@wrong("fade_in", says="side by side")
def fade_tiled(old, new, alpha):
    factor = new.shape[2] // old.shape[2]
    return (1 - alpha) * old.repeat(1, 1, factor, factor) + alpha * new


@wrong("fade_in", says="your code raised")
def fade_without_enlarging(old, new, alpha):
    return (1 - alpha) * old + alpha * new


@wrong("fade_in", says="was shrunk")
def fade_shrinks_the_new(old, new, alpha):
    return (1 - alpha) * old + alpha * F.avg_pool2d(new, new.shape[2] // old.shape[2])


@wrong("fade_in", says="not faded out")
def fade_keeps_the_old(old, new, alpha):
    return F.interpolate(old, size=new.shape[2:]) + alpha * new


@wrong("fade_in", says="alpha was not used")
def fade_only_new(old, new, alpha):
    return new


@wrong("fade_in", says="whatever the factor is")
def fade_always_twice(old, new, alpha):
    large = F.interpolate(old, scale_factor=2)
    return (1 - alpha) * large[..., : new.shape[2], : new.shape[3]] + alpha * new if (large.shape == new.shape) else new


@wrong("fade_in", says="wanted (2,")
def fade_square(old, new, alpha):
    side = new.shape[2]
    return (1 - alpha) * F.interpolate(old, size=(side, side)) + alpha * new[..., :side, :side]


@wrong("fade_in", says="nothing is detached")
def fade_detached(old, new, alpha):
    return (1 - alpha) * F.interpolate(old, size=new.shape[2:]).detach() + alpha * new


@wrong("fade_in", says="came back changed")
def fade_in_place(old, new, alpha):
    return new.mul_(alpha).add_(F.interpolate(old, size=new.shape[2:]), alpha=1 - alpha)


# pixel_norm


@wrong("pixel_norm", says="not written yet")
def norm_untouched(x):
    raise NotImplementedError


@wrong("pixel_norm", says="over the batch")
def norm_over_batch(x):
    return x / (x.pow(2).mean(0, keepdim=True) + 1e-8).sqrt()


@wrong("pixel_norm", says="over the places")
def norm_over_places(x):
    axes = tuple(range(2, x.ndim)) or (1,)
    return x / (x.pow(2).mean(axes, keepdim=True) + 1e-8).sqrt()


@wrong("pixel_norm", says="over the width")
def norm_over_last(x):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-8).sqrt()


@wrong("pixel_norm", says="over the whole picture")
def norm_over_picture(x):
    return x / (x.pow(2).flatten(1).mean(1).view(-1, *[1] * (x.ndim - 1)) + 1e-8).sqrt()


@wrong("pixel_norm", says="sum of the squares")
def norm_unit_length(x):
    return F.normalize(x, dim=1)


@wrong("pixel_norm", says="root is missing")
def norm_no_root(x):
    return x / (x.pow(2).mean(1, keepdim=True) + 1e-8)


@wrong("pixel_norm", says="layer norm")
def norm_centred(x):
    mean = x.mean(1, keepdim=True)
    return (x - mean) / (x.var(1, correction=0, keepdim=True) + 1e-8).sqrt()


@wrong("pixel_norm", says="standard deviation")
def norm_by_std(x):
    return x / (x.std(1, keepdim=True) + 1e-8)


@wrong("pixel_norm", says="your code raised")
def norm_without_keepdim(x):
    return x / (x.pow(2).mean(1) + 1e-8).sqrt()


@wrong("pixel_norm", says="where all channels are 0")
def norm_no_constant(x):
    return x / x.pow(2).mean(1, keepdim=True).sqrt()


@wrong("pixel_norm", says="inside the root")
def norm_constant_outside(x):
    return x / (x.pow(2).mean(1, keepdim=True).sqrt() + 1e-8)


@wrong("pixel_norm", says="detached")
def norm_detached(x):
    return x / (x.pow(2).mean(1, keepdim=True) + 1e-8).sqrt().detach()


@wrong("pixel_norm", says="came back changed")
def norm_in_place(x):
    with torch.no_grad():
        x.div_((x.pow(2).mean(1, keepdim=True) + 1e-8).sqrt())
    return x


@wrong("pixel_norm", says="your code raised")
def norm_only_maps(x):
    n, _c, h, w = x.shape
    return x / (x.pow(2).mean(1).view(n, 1, h, w) + 1e-8).sqrt()


# EqualizedConv2d


def _equalized(scale, start=1.0, bias_scale=1.0, stride=True):
    """A layer with one thing changed. scale, start: functions of (inputs, outputs, kernel)."""

    class Layer(nn.Module):
        def __init__(self, inputs, outputs, kernel, step=1, padding=0):
            super().__init__()
            factor = start(inputs, outputs, kernel) if callable(start) else start
            self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * factor)
            self.bias = nn.Parameter(torch.zeros(outputs))
            self.scale = scale(inputs, outputs, kernel)
            self.options = (step, padding) if stride else (1, 0)

        def forward(self, x):
            factor = self.scale if bias_scale is None else bias_scale
            return F.conv2d(x, self.weight * self.scale, self.bias * factor, *self.options)

    return lambda inputs, outputs, kernel, stride=1, padding=0: Layer(inputs, outputs, kernel, stride, padding)


def _he(inputs, outputs, kernel):
    return math.sqrt(2 / (inputs * kernel**2))


@wrong("EqualizedConv2d", says="not written yet")
class ConvUntouched(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        raise NotImplementedError

    def forward(self, x):
        raise NotImplementedError


@wrong("EqualizedConv2d", says="when the weights were drawn")
def conv_scaled_at_the_start(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda *_: 1.0, start=_he)(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="forgotten in forward")
def conv_never_scaled(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda *_: 1.0)(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="when the weights were drawn")
def conv_scaled_twice(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(_he, start=_he)(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="area of the kernel")
def conv_fan_without_kernel(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda i, o, k: math.sqrt(2 / i))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="counts only once")
def conv_kernel_once(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda i, o, k: math.sqrt(2 / (i * k)))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="fan-out")
def conv_fan_out(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda i, o, k: math.sqrt(2 / (o * k**2)))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="2 is missing")
def conv_no_gain(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda i, o, k: 1 / math.sqrt(i * k**2))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="root is missing")
def conv_no_root(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda i, o, k: 2 / (i * k**2))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="upside down")
def conv_divided(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(lambda *shape: 1 / _he(*shape))(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="bias was scaled too")
def conv_bias_scaled(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(_he, bias_scale=None)(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="must reach conv2d")
def conv_without_stride(inputs, outputs, kernel, stride=1, padding=0):
    return _equalized(_he, stride=False)(inputs, outputs, kernel, stride, padding)


@wrong("EqualizedConv2d", says="outputs come first")
class ConvTransposedShape(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))


@wrong("EqualizedConv2d", says="the bias is missing")
class ConvWithoutBias(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))


@wrong("EqualizedConv2d", says="torch.nn.Parameter")
class ConvWithTensors(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight, self.bias = torch.randn(outputs, inputs, kernel, kernel), torch.zeros(outputs)


@wrong("EqualizedConv2d", says="would be learned")
class ConvLearnsItsScale(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = nn.Parameter(torch.tensor(math.sqrt(2 / (inputs * kernel**2))))

    def forward(self, x):
        return F.conv2d(x, self.weight * self.scale, self.bias)


@wrong("EqualizedConv2d", says="changes the stored weight")
class ConvScalesInPlace(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__(inputs, outputs, kernel, stride, padding)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        self.weight.data.mul_(math.sqrt(2 / self.weight[0].numel()))
        return super().forward(x)


@wrong("EqualizedConv2d", says="no gradient reaches the weight")
class ConvUsesData(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale, self.options = _he(inputs, outputs, kernel), (stride, padding)

    def forward(self, x):
        return F.conv2d(x, self.weight.data * self.scale, self.bias, *self.options)


# minibatch_stddev


def _append(x, number):
    return torch.cat([x, number.expand(len(x), 1, *x.shape[2:])], dim=1)


@wrong("minibatch_stddev", says="not written yet")
def spread_untouched(x):
    raise NotImplementedError


@wrong("minibatch_stddev", says="N - 1")
def spread_unbiased(x):
    return _append(x, x.std(0).mean())


@wrong("minibatch_stddev", says="over the channels")
def spread_over_channels(x):
    return _append(x, (x.var(1, correction=0) + 1e-8).sqrt().mean())


@wrong("minibatch_stddev", says="over the places")
def spread_over_places(x):
    return _append(x, (x.var((2, 3), correction=0) + 1e-8).sqrt().mean())


@wrong("minibatch_stddev", says="over everything at once")
def spread_over_everything(x):
    return _append(x, (x.var(correction=0) + 1e-8).sqrt())


@wrong("minibatch_stddev", says="batch and places together")
def spread_over_batch_and_places(x):
    return _append(x, (x.var((0, 2, 3), correction=0) + 1e-8).sqrt().mean())


@wrong("minibatch_stddev", says="mean variance")
def spread_variance(x):
    return _append(x, x.var(0, correction=0).mean() + 1e-8)


@wrong("minibatch_stddev", says="root of the mean variance")
def spread_root_last(x):
    return _append(x, (x.var(0, correction=0).mean() + 1e-8).sqrt())


@wrong("minibatch_stddev", says="one number for each place")
def spread_map(x):
    spread = (x.var(0, correction=0) + 1e-8).sqrt().mean(0, keepdim=True)
    return torch.cat([x, spread.expand(len(x), 1, -1, -1)], dim=1)


@wrong("minibatch_stddev", says="comes first")
def spread_in_front(x):
    spread = (x.var(0, correction=0) + 1e-8).sqrt().mean()
    return torch.cat([spread.expand(len(x), 1, *x.shape[2:]), x], dim=1)


@wrong("minibatch_stddev", says="one channel for all")
def spread_per_channel(x):
    return torch.cat([x, (x.var(0, correction=0, keepdim=True) + 1e-8).sqrt().expand_as(x)], dim=1)


@wrong("minibatch_stddev", says="a scalar")
def spread_only(x):
    return (x.var(0, correction=0) + 1e-8).sqrt().mean()


@wrong("minibatch_stddev", says="gradient is no number")
def spread_bare_root(x):
    return _append(x, x.var(0, correction=0).sqrt().mean())


@wrong("minibatch_stddev", says="learn to vary")
def spread_detached(x):
    return _append(x, (x.var(0, correction=0) + 1e-8).sqrt().mean().detach())


@wrong("minibatch_stddev", says="learn to vary")
def spread_as_a_number(x):
    number = (x.var(0, correction=0) + 1e-8).sqrt().mean().item()
    return torch.cat([x, torch.full_like(x[:, :1], number)], dim=1)


@wrong("minibatch_stddev", says="subtract the mean first")
def spread_of_squares_minus_the_squared_mean(x):
    variance = x.square().mean(0) - x.mean(0).square()
    number = (variance + 1e-8).sqrt().mean()
    return torch.cat([x, number.expand(len(x), 1, *x.shape[2:])], 1)


# ema_update


def _ema(beta_of, buffers="copy"):
    @torch.no_grad()
    def update(average, model, beta, step):
        beta = beta_of(beta, step)
        for a, m in zip(average.parameters(), model.parameters(), strict=True):
            a.copy_(beta * a + (1 - beta) * m)
        for a, m in zip(average.buffers(), model.buffers(), strict=True):
            if buffers == "copy":
                a.copy_(m)
            elif buffers == "average":
                a.copy_(beta * a + (1 - beta) * m)

    return update


def _warm(beta, step):
    return min(beta, (1 + step) / (10 + step))


@wrong("ema_update", says="not written yet")
def ema_untouched(average, model, beta, step):
    raise NotImplementedError


@wrong("ema_update", says="wrong way round")
def ema_reversed(average, model, beta, step):
    _ema(lambda b, t: 1 - _warm(b, t))(average, model, beta, step)


@wrong("ema_update", says="the model was changed")
def ema_moves_the_model(average, model, beta, step):
    _ema(_warm)(model, average, beta, step)


@wrong("ema_update", says="no warm-up")
def ema_cold(average, model, beta, step):
    _ema(lambda b, t: b)(average, model, beta, step)


@wrong("ema_update", says="take the smaller")
def ema_larger_of_the_two(average, model, beta, step):
    _ema(lambda b, t: max(b, (1 + t) / (10 + t)))(average, model, beta, step)


@wrong("ema_update", says="must not exceed beta")
def ema_always_warm(average, model, beta, step):
    _ema(lambda b, t: (1 + t) / (10 + t) if t < 100_000 else b)(average, model, beta, step)


@wrong("ema_update", says="count from 1")
def ema_counts_from_zero(average, model, beta, step):
    _ema(lambda b, t: min(b, t / (9 + t)))(average, model, beta, step)


@wrong("ema_update", says="do not add one to step again")
def ema_counts_twice(average, model, beta, step):
    _ema(lambda b, t: _warm(b, t + 1))(average, model, beta, step)


@wrong("ema_update", says="buffers are forgotten")
def ema_without_buffers(average, model, beta, step):
    _ema(_warm, buffers="forget")(average, model, beta, step)


@wrong("ema_update", says="buffers are averaged")
def ema_averages_buffers(average, model, beta, step):
    _ema(_warm, buffers="average")(average, model, beta, step)


@wrong("ema_update", says="forgets everything")
def ema_copies(average, model, beta, step):
    average.load_state_dict(model.state_dict())


@wrong("ema_update", says="did not move")
def ema_rebinds_names(average, model, beta, step):
    beta = _warm(beta, step)
    for a, m in zip(average.parameters(), model.parameters(), strict=True):
        a = beta * a + (1 - beta) * m
    for a, m in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(m)


@wrong("ema_update", says="graph")
def ema_with_a_graph(average, model, beta, step):
    beta = _warm(beta, step)
    for a, m in zip(average.parameters(), model.parameters(), strict=True):
        a.mul_(beta).add_(m, alpha=1 - beta)
    for a, m in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(m)


@wrong("ema_update", says="counts 1 - beta")
@torch.no_grad()
def ema_adds_in_full(average, model, beta, step):
    beta = _warm(beta, step)
    for a, m in zip(average.parameters(), model.parameters(), strict=True):
        a.mul_(beta).add_(m)
    for a, m in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(m)


@wrong("ema_update", says="whatever requires_grad says")
@torch.no_grad()
def ema_of_what_learns(average, model, beta, step):
    beta = _warm(beta, step)
    for a, m in zip(average.parameters(), model.parameters(), strict=True):
        if m.requires_grad:
            a.mul_(beta).add_(m, alpha=1 - beta)
    for a, m in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(m)


@wrong("ema_update", says="share")
def ema_shares_buffers(average, model, beta, step):
    _ema(_warm)(average, model, beta, step)
    for mine, theirs in zip(average.modules(), model.modules(), strict=True):
        mine._buffers.update(theirs._buffers)


@wrong("ema_update", says="pair parameters with parameters")
def ema_pairs_buffers_with_parameters(average, model, beta, step):
    _ema(_warm)(average, model, beta, step)
    for mine, new in zip(average.parameters(), model.buffers(), strict=False):
        mine.data = new.data.clone()


# grow


def _grow(player, average, optimizer, block, alpha=0.0, average_alpha=0.0, twin=copy.deepcopy, rate=True):
    player.blocks.append(block)
    player.alpha = alpha
    if average is not None:
        average.blocks.append(twin(block))
        average.alpha = average_alpha
    group = {"params": list(block.parameters())}
    optimizer.add_param_group(group | ({"lr": optimizer.param_groups[0]["lr"]} if rate else {}))


@wrong("grow", says="not written yet")
def grow_untouched(player, average, optimizer, block):
    raise NotImplementedError


@wrong("grow", says="as many blocks as before")
def grow_alpha_only(player, average, optimizer, block):
    player.alpha = average.alpha = 0.0


@wrong("grow", says="start to fade from alpha = 0")
def grow_at_once(player, average, optimizer, block):
    _grow(player, average, optimizer, block, alpha=1.0, average_alpha=1.0)


@wrong("grow", says="the average shows the new block at once")
def grow_average_unfaded(player, average, optimizer, block):
    _grow(player, average, optimizer, block, average_alpha=1.0)


@wrong("grow", says="the average did not grow")
def grow_player_only(player, average, optimizer, block):
    _grow(player, None, optimizer, block)
    if average is not None:
        average.alpha = 0.0


@wrong("grow", says="hold the same block")
def grow_shared_block(player, average, optimizer, block):
    _grow(player, average, optimizer, block, twin=lambda b: b)


@wrong("grow", says="other weights")
def grow_another_block(player, average, optimizer, block):
    def fresh(b):
        b = copy.deepcopy(b)
        for p in b.parameters():
            nn.init.normal_(p)
        return b

    _grow(player, average, optimizer, block, twin=fresh)


@wrong("grow", says="forgets what it averaged")
def grow_average_rebuilt(player, average, optimizer, block):
    _grow(player, None, optimizer, block)
    if average is not None:
        average.blocks = copy.deepcopy(player.blocks)
        average.alpha = 0.0


@wrong("grow", says="does not know the new weights")
def grow_forgets_the_optimizer(player, average, optimizer, block):
    player.blocks.append(block)
    player.alpha = 0.0
    if average is not None:
        average.blocks.append(copy.deepcopy(block))
        average.alpha = 0.0


@wrong("grow", says="one built inside is lost")
def grow_new_optimizer(player, average, optimizer, block):
    grow_forgets_the_optimizer(player, average, optimizer, block)
    optimizer = torch.optim.Adam(player.parameters(), 1e-3)
    return optimizer


@wrong("grow", says="memory of the old weights is lost")
def grow_built_anew(player, average, optimizer, block):
    grow_forgets_the_optimizer(player, average, optimizer, block)
    group = optimizer.param_groups[0]
    optimizer.__init__(player.parameters(), lr=group["lr"], betas=group["betas"])


@wrong("grow", says="memory of the old weights is lost")
def grow_clears_the_state(player, average, optimizer, block):
    _grow(player, average, optimizer, block)
    optimizer.state.clear()


@wrong("grow", says="rate it was built with")
def grow_first_rate(player, average, optimizer, block):
    _grow(player, average, optimizer, block, rate=False)


@wrong("grow", says="has lost the old weights")
def grow_only_the_new(player, average, optimizer, block):
    grow_forgets_the_optimizer(player, average, optimizer, block)
    optimizer.param_groups[0]["params"] = list(block.parameters())


@wrong("grow", says="your code raised")
def grow_everything_again(player, average, optimizer, block):
    grow_forgets_the_optimizer(player, average, optimizer, block)
    optimizer.add_param_group({"params": list(player.parameters())})


@wrong("grow", says="weights of the average")
def grow_trains_the_average(player, average, optimizer, block):
    _grow(player, average, optimizer, block)
    if average is not None:
        optimizer.param_groups[0]["params"] += list(average.blocks[-1].parameters())


@wrong("grow", says="put it at the end")
def grow_below(player, average, optimizer, block):
    player.blocks.insert(0, block)
    player.alpha = 0.0


# repaired_prepare


@wrong("repaired_prepare", says="not written yet")
def prepare_untouched(generator, discriminator, real, stage, alpha):
    raise NotImplementedError


@wrong("repaired_prepare", says="alpha does not reach D")
def prepare_as_it_was(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage)
    return F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))


@wrong("repaired_prepare", says="the reals are not faded")
def prepare_reals_forgotten(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    return F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))


@wrong("repaired_prepare", says="alpha does not reach D")
def prepare_d_forgotten(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else fade_in(F.avg_pool2d(whole, 2), whole, alpha)


@wrong("repaired_prepare", says="alpha does not reach G")
def prepare_g_forgotten(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage)
    discriminator.grow_to(stage, alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else fade_in(F.avg_pool2d(whole, 2), whole, alpha)


@wrong("repaired_prepare", says="alpha is reversed in the reals")
def prepare_reversed(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else fade_in(F.avg_pool2d(whole, 2), whole, 1 - alpha)


@wrong("repaired_prepare", says="alpha is reversed")
def prepare_players_reversed(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, 1 - alpha)
    discriminator.grow_to(stage, 1 - alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else fade_in(F.avg_pool2d(whole, 2), whole, alpha)


@wrong("repaired_prepare", says="smoothed")
def prepare_smooth(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    if stage == 0:
        return whole
    return (1 - alpha) * F.interpolate(F.avg_pool2d(whole, 2), scale_factor=2, mode="bilinear") + alpha * whole


@wrong("repaired_prepare", says="at stage 0 nothing is faded")
def prepare_fades_the_smallest(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return fade_in(F.avg_pool2d(whole, 2), whole, alpha)


@wrong("repaired_prepare", says="stay blurred")
def prepare_blurred(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    whole = F.avg_pool2d(real, 2 ** (generator.stages - 1 - stage))
    return whole if stage == 0 else F.interpolate(F.avg_pool2d(whole, 2), scale_factor=2)


@wrong("repaired_prepare", says="2, 4, 4) at stage 0")
def prepare_full_size(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)
    return real if stage == 0 else fade_in(F.avg_pool2d(real, 2), real, alpha)


@wrong("repaired_prepare", says="no return")
def prepare_no_return(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage, alpha)
    discriminator.grow_to(stage, alpha)


@wrong("fade_in", says="0 counts as False")
def fade_without_zero(old, new, alpha):
    large = F.interpolate(old, size=new.shape[2:])
    return (1 - alpha) * large + alpha * new if alpha else new


@wrong("fade_in", says="rounding")
def fade_from_the_new(old, new, alpha):
    return new + (1 - alpha) * (F.interpolate(old, size=new.shape[2:]) - new)


@wrong("fade_in", says="came back changed")
def fade_changes_what_is_large_enough(old, new, alpha):
    if old.shape != new.shape:
        old = F.interpolate(old, size=new.shape[2:])
    old *= 1 - alpha
    return old + alpha * new


@wrong("pixel_norm", says="1e-8, no more")
def norm_of_a_larger_constant(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-5).sqrt()


@wrong("minibatch_stddev", says="as in StyleGAN")
def spread_in_groups(x):
    n, c, h, w = x.shape
    size = 4 if n % 4 == 0 else n
    groups = x.reshape(size, -1, c, h, w)
    spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, spread.repeat(size).view(n, 1, 1, 1).expand(-1, 1, h, w)], 1)


@wrong("minibatch_stddev", says="with its graph")
def spread_beside_detached_maps(x):
    return torch.cat([x.detach(), _append(x, (x.var(0, correction=0) + 1e-8).sqrt().mean())[:, -1:]], 1)


@wrong("ema_update", says="not after a fixed number of steps")
def ema_warm_for_ten_steps(average, model, beta, step):
    _ema(lambda b, t: min(b, (1 + t) / (10 + t)) if t < 10 else b)(average, model, beta, step)


@wrong("ema_update", says="brackets are missing")
def ema_without_brackets(average, model, beta, step):
    _ema(lambda b, t: min(b, 1 + t / 10 + t))(average, model, beta, step)


@wrong("ema_update", says="train and eval mode")
def ema_leaves_the_model_in_eval_mode(average, model, beta, step):
    model.eval()
    _ema(_warm)(average, model, beta, step)


@wrong("grow", says="whether it has an average or not")
def grow_fades_only_with_an_average(player, average, optimizer, block):
    _grow(player, average, optimizer, block, alpha=player.alpha if average is None else 0.0)


@wrong("grow", says="1 of 2 new weights")
def grow_tells_of_the_first_weight(player, average, optimizer, block):
    _grow(player, average, torch.optim.Adam([torch.zeros(1)], 1.0), block)
    group = {"params": [next(block.parameters())], "lr": optimizer.param_groups[0]["lr"]}
    optimizer.add_param_group(group)


@wrong("grow", says="eval mode")
def grow_in_eval_mode(player, average, optimizer, block):
    _grow(player, average, optimizer, block.eval())


@wrong("repaired_prepare", says="1, 4, 4), wanted")
def prepare_grey_alone(generator, discriminator, real, stage, alpha):
    for player in (generator, discriminator):
        player.grow_to(stage, alpha)
    return F.adaptive_avg_pool2d(real.mean(1, keepdim=True), 4 * 2**stage)
