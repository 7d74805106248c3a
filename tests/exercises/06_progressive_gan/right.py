"""Right answers of lesson 06 in other styles than ours: every one of them must be accepted."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import right
from gancourse.nets import fade_in

# fade_in


@right("fade_in")
def fade_by_interpolation(old, new, alpha):
    return F.interpolate(old, size=new.shape[-2:], mode="nearest") * (1 - alpha) + alpha * new


@right("fade_in")
def fade_by_lerp(old, new, alpha):
    factor = new.shape[2] // old.shape[2]
    return torch.lerp(F.interpolate(old, scale_factor=factor), new, alpha)


@right("fade_in")
def fade_by_repeating(old, new, alpha):
    factor = new.size(-1) // old.size(-1)
    large = torch.repeat_interleave(torch.repeat_interleave(old, factor, dim=-1), factor, dim=-2)
    return large + alpha * (new - large)


@right("fade_in")
def fade_by_expanding(old, new, alpha):
    n, c, h, w = old.shape
    k = new.shape[2] // h
    large = old.reshape(n, c, h, 1, w, 1).expand(n, c, h, k, w, k).reshape(n, c, h * k, w * k)
    return torch.add((1 - alpha) * large, new, alpha=alpha)


@right("fade_in")
def fade_by_module(old, new, alpha):
    return (1 - alpha) * nn.Upsample(scale_factor=new.shape[3] // old.shape[3])(old) + new * alpha


@right("fade_in")
def fade_by_kron(old, new, alpha):
    factor = new.shape[2] // old.shape[2]
    return (1 - alpha) * torch.kron(old, torch.ones(1, 1, factor, factor, dtype=old.dtype)) + alpha * new


# pixel_norm


@right("pixel_norm")
def norm_by_root(x):
    return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


@right("pixel_norm")
def norm_by_rsqrt(x):
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


@right("pixel_norm")
def norm_by_length(x):
    return F.normalize(x, dim=1) * math.sqrt(x.shape[1])


@right("pixel_norm")
def norm_by_rms(x):
    last = x.movedim(1, -1)
    return F.rms_norm(last, last.shape[-1:], eps=1e-8).movedim(-1, 1)


@right("pixel_norm")
def norm_by_sum(x):
    power = sum(x[:, c] ** 2 for c in range(x.shape[1])) / x.shape[1]
    return x / (power + 1e-8).sqrt().unsqueeze(1)


# EqualizedConv2d


@right("EqualizedConv2d")
class ScalesTheInput(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel).normal_())
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.options = {"stride": stride, "padding": padding}
        self.gain = (2 / (inputs * kernel * kernel)) ** 0.5

    def forward(self, x):
        return F.conv2d(x * self.gain, self.weight, self.bias, **self.options)


@right("EqualizedConv2d")
class InheritsFromConv(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__(inputs, outputs, kernel, stride, padding)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        return self._conv_forward(x, self.weight * math.sqrt(2 / self.weight[0].numel()), self.bias)


@right("EqualizedConv2d")
class HoldsAConv(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding)
        self.conv.weight.data.normal_(0, 1)
        self.conv.bias.data.fill_(0)
        self.register_buffer("scale", torch.tensor(math.sqrt(2 / (inputs * kernel**2))))

    def forward(self, x):
        bias = self.conv.bias
        return F.conv2d(x, self.conv.weight * self.scale, bias, self.conv.stride, self.conv.padding)


@right("EqualizedConv2d")
class ScalesTheOutput(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        fan_in = self.weight.shape[1] * self.weight.shape[2] * self.weight.shape[3]
        y = F.conv2d(x, self.weight, stride=self.stride, padding=self.padding)
        return y * math.sqrt(2) / math.sqrt(fan_in) + self.bias[None, :, None, None]


class _Scale(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, weight):
        return weight * self.scale


@right("EqualizedConv2d")
def by_parametrization(inputs, outputs, kernel, stride=1, padding=0):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding)
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    nn.utils.parametrize.register_parametrization(layer, "weight", _Scale(math.sqrt(2 / (inputs * kernel**2))))
    return layer


# minibatch_stddev


@right("minibatch_stddev")
def spread_by_hand(x):
    n, _, h, w = x.shape
    variance = ((x - x.mean(dim=0, keepdim=True)) ** 2).mean(dim=0)
    number = torch.sqrt(variance + 1e-8).mean()
    return torch.cat((x, number.repeat(n, 1, h, w)), 1)


@right("minibatch_stddev")
def spread_by_full(x):
    number = torch.var(x, dim=0, correction=0).add(1e-8).sqrt().mean()
    return torch.cat([x, torch.ones_like(x[:, :1]) * number], dim=1)


@right("minibatch_stddev")
def spread_by_view(x):
    flat = x.reshape(len(x), -1)
    squares = flat.pow(2).mean(0) - flat.mean(0).pow(2)
    number = (squares.clamp(min=0) + 1e-8).sqrt().mean()
    return torch.cat([x, number.view(1, 1, 1, 1).expand(x.shape[0], 1, x.shape[2], x.shape[3])], dim=1)


@right("minibatch_stddev")
def spread_by_pad(x):
    number = (x.var(0, unbiased=False) + 1e-8).pow(0.5).mean()
    padded = F.pad(x, (0, 0, 0, 0, 0, 1))
    mask = torch.zeros(1, x.shape[1] + 1, 1, 1, dtype=x.dtype)
    mask[:, -1] = 1
    return padded + mask * number


# ema_update


@right("ema_update")
@torch.no_grad()
def ema_in_two_steps(average, model, beta, step):
    beta = min(beta, (1 + step) / (10 + step))
    for a, m in zip(average.parameters(), model.parameters(), strict=False):
        a.mul_(beta).add_(m, alpha=1 - beta)
    for a, m in zip(average.buffers(), model.buffers(), strict=False):
        a.copy_(m)


@right("ema_update")
def ema_by_data(average, model, beta, step):
    warm = (1 + step) / (10 + step)
    if warm < beta:
        beta = warm
    theirs = dict(model.named_parameters())
    for name, parameter in average.named_parameters():
        parameter.data = beta * parameter.data + (1 - beta) * theirs[name].data
    for mine, new in zip(average.buffers(), model.buffers(), strict=False):
        mine.data = new.data.clone()


@right("ema_update")
def ema_by_state_dict(average, model, beta, step):
    beta = min(beta, (1 + step) / (10 + step))
    names = {name for name, _ in model.named_parameters()}
    old, new = average.state_dict(), model.state_dict()
    mixed = {k: beta * old[k] + (1 - beta) * v if k in names else v for k, v in new.items()}
    average.load_state_dict(mixed)


@right("ema_update")
def ema_by_foreach(average, model, beta, step):
    beta = min(beta, (step + 1) / (step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - beta)
        for a, m in zip(average.buffers(), model.buffers(), strict=False):
            a.copy_(m)
    return average


# grow


@right("grow")
def grow_the_group(player, average, optimizer, block):
    player.blocks.append(block)
    player.alpha = 0
    optimizer.param_groups[0]["params"] += list(block.parameters())
    if average:
        average.blocks.append(copy.deepcopy(block))
        average.alpha = 0


@right("grow")
def grow_with_a_group(player, average, optimizer, block):
    if average is not None:
        twin = copy.deepcopy(block)
        for p in twin.parameters():
            p.requires_grad = False
        average.blocks.append(twin)
        average.alpha = 0.0
    player.blocks.extend([block])
    player.alpha = 0.0
    group = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
    optimizer.add_param_group({"params": block.parameters(), **group})


@right("grow")
def grow_and_set_the_rate(player, average, optimizer, block):
    for net, piece in ((player, block), (average, copy.deepcopy(block))):
        if net is not None:
            net.blocks.append(piece)
            net.alpha = torch.tensor(0.0)
    optimizer.add_param_group({"params": list(block.parameters())})
    optimizer.param_groups[-1]["lr"] = optimizer.param_groups[0]["lr"]


@right("grow")
def grow_by_name(player, average, optimizer, block):
    player.blocks.add_module(str(len(player.blocks)), block)
    player.alpha = 0.0
    optimizer.param_groups[0]["params"].extend(block.parameters())
    if average is None:
        return player
    average.blocks.insert(len(average.blocks), copy.deepcopy(block).eval())
    average.alpha = 0.0
    return player


# repaired_prepare


@right("repaired_prepare")
def prepare_by_pooling(generator, discriminator, real, stage, alpha):
    for player in (generator, discriminator):
        player.grow_to(stage, alpha)
    side = 4 * 2**stage
    whole = F.adaptive_avg_pool2d(real, side)
    if stage == 0:
        return whole
    return fade_in(F.adaptive_avg_pool2d(real, side // 2), whole, alpha)


@right("repaired_prepare")
def prepare_by_hand(generator, discriminator, real, stage, alpha):
    generator.grow_to(stage=stage, alpha=alpha)
    discriminator.grow_to(stage=stage, alpha=alpha)
    whole = F.avg_pool2d(real, real.shape[-1] // (4 * 2**stage))
    if stage > 0:
        blurred = F.interpolate(F.avg_pool2d(whole, 2), scale_factor=2, mode="nearest")
        whole = alpha * whole + (1 - alpha) * blurred
    return whole


@right("repaired_prepare")
def prepare_by_area(generator, discriminator, real, stage, alpha):
    side = 4 * 2**stage
    discriminator.grow_to(stage, alpha)
    generator.grow_to(stage, alpha)
    whole = F.interpolate(real, size=(side, side), mode="area")
    if stage == 0 or alpha == 1:
        return whole
    half = F.interpolate(whole, size=(side // 2, side // 2), mode="area")
    return torch.lerp(half.repeat_interleave(2, 2).repeat_interleave(2, 3), whole, alpha)
