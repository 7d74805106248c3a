"""Wrong answers of lesson 02 that people really give, each with the words that its diagnosis must contain."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import wrong

# conv_transpose_out


@wrong("conv_transpose_out", says="not written yet")
def size_untouched(size, kernel, stride=1, padding=0, output_padding=0):
    raise NotImplementedError


@wrong("conv_transpose_out", says="no return")
def size_forgotten_return(size, kernel, stride=1, padding=0, output_padding=0):
    (size - 1) * stride - 2 * padding + kernel + output_padding


@wrong("conv_transpose_out", says="n - 1 steps")
def size_one_step_too_many(size, kernel, stride=1, padding=0, output_padding=0):
    return size * stride - 2 * padding + kernel + output_padding


@wrong("conv_transpose_out", says="output of a convolution")
def size_of_a_convolution(size, kernel, stride=1, padding=0, output_padding=0):
    return (size + 2 * padding - kernel) // stride + 1


@wrong("conv_transpose_out", says="output_padding is ignored")
def size_without_output_padding(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride - 2 * padding + kernel


@wrong("conv_transpose_out", says="on one side only")
def size_output_padding_on_both_sides(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride - 2 * padding + kernel + 2 * output_padding


@wrong("conv_transpose_out", says="both sides")
def size_padding_once(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride - padding + kernel + output_padding


@wrong("conv_transpose_out", says="cut off")
def size_padding_added(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride + 2 * padding + kernel + output_padding


@wrong("conv_transpose_out", says="off by one")
def size_kernel_minus_one(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride - 2 * padding + kernel - 1 + output_padding


@wrong("conv_transpose_out", says="off by one")
def size_plus_one(size, kernel, stride=1, padding=0, output_padding=0):
    return (size - 1) * stride - 2 * padding + kernel + output_padding + 1


@wrong("conv_transpose_out", says="not always `stride` times")
def size_times_stride(size, kernel, stride=1, padding=0, output_padding=0):
    return size * stride


@wrong("conv_transpose_out", says="a float")
def size_as_float(size, kernel, stride=1, padding=0, output_padding=0):
    return ((size - 1) * stride - 2 * padding + kernel + output_padding) / 1


@wrong("conv_transpose_out", says="stride 1, padding 0")
def size_other_defaults(size, kernel, stride=2, padding=1, output_padding=0):
    return (size - 1) * stride - 2 * padding + kernel + output_padding


# GeneratorBlock


def up(inputs, outputs, kernel=4, **options):
    return nn.ConvTranspose2d(inputs, outputs, kernel, **{"stride": 2, "padding": 1, "bias": False} | options)


@wrong("GeneratorBlock", says="not written yet")
class BlockUntouched(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        raise NotImplementedError


@wrong("GeneratorBlock", says="forward has no return")
class BlockForgottenReturn(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x):
        self.net(x)


@wrong("GeneratorBlock", says="uneven")
def block_odd_kernel(inputs, outputs):
    return nn.Sequential(up(inputs, outputs, 3, output_padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


@wrong("GeneratorBlock", says="off by one")
def block_odd_kernel_off_by_one(inputs, outputs):
    return nn.Sequential(up(inputs, outputs, 3), nn.BatchNorm2d(outputs), nn.ReLU())


@wrong("GeneratorBlock", says="padding is missing")
def block_no_padding(inputs, outputs):
    return nn.Sequential(up(inputs, outputs, padding=0), nn.BatchNorm2d(outputs), nn.ReLU())


@wrong("GeneratorBlock", says="transposed convolution with kernel 4")
def block_kernel_two(inputs, outputs):
    return nn.Sequential(up(inputs, outputs, 2, padding=0), nn.BatchNorm2d(outputs), nn.ReLU())


@wrong("GeneratorBlock", says="transposed convolution with kernel 4")
def block_upsampled(inputs, outputs):
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


@wrong("GeneratorBlock", says="no batch norm")
def block_without_norm(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.ReLU())


@wrong("GeneratorBlock", says="after the ReLU")
def block_norm_after_relu(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.ReLU(), nn.BatchNorm2d(outputs))


@wrong("GeneratorBlock", says="before the convolution")
def block_norm_before_convolution(inputs, outputs):
    return nn.Sequential(nn.BatchNorm2d(inputs), up(inputs, outputs), nn.ReLU())


@wrong("GeneratorBlock", says="the ReLU is missing")
def block_without_relu(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs))


@wrong("GeneratorBlock", says="LeakyReLU only in the discriminator")
def block_leaky(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))


@wrong("GeneratorBlock", says="tanh belongs to the output")
def block_tanh(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.Tanh())


@wrong("GeneratorBlock", says="puts 0.8 into eps")
def block_eps(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs, 0.8), nn.ReLU())


@wrong("GeneratorBlock", says="it must start at 1")
class BlockScaleAtZero(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())
        nn.init.zeros_(self.net[1].weight)

    def forward(self, x):
        return self.net(x)


@wrong("GeneratorBlock", says="affine=True")
def block_not_affine(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs, affine=False), nn.ReLU())


@wrong("GeneratorBlock", says="instance norm")
def block_instance_norm(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.InstanceNorm2d(outputs), nn.ReLU())


@wrong("GeneratorBlock", says="running averages in eval mode")
def block_without_running_averages(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs, track_running_stats=False), nn.ReLU())


@wrong("GeneratorBlock", says="no weights")
class BlockMadeInForward(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.sizes = inputs, outputs

    def forward(self, x):
        return nn.BatchNorm2d(self.sizes[1])(up(*self.sizes)(x)).relu()


@wrong("GeneratorBlock", says="arguments are the channels")
def block_channels_swapped(inputs, outputs):
    return nn.Sequential(up(inputs, inputs), nn.BatchNorm2d(inputs), nn.ReLU())


@wrong("GeneratorBlock", says="wanted a network")
def block_class_not_object(inputs, outputs):
    return nn.ReLU


@wrong("GeneratorBlock", says="nothing could learn")
class BlockDetached(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x):
        with torch.no_grad():
            return self.net(x)


@wrong("GeneratorBlock", says="leave momentum")
def block_without_momentum(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs, momentum=0.0), nn.ReLU())


@wrong("GeneratorBlock", says="begins with super().__init__()")
class BlockWithoutInit(nn.Module):
    def __init__(self, inputs, outputs):
        self.net = nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x):
        return self.net(x)


@wrong("GeneratorBlock", says="begins with super().__init__()")
class BlockThatIsNoSequence(nn.Sequential):
    def __init__(self, inputs, outputs):
        pass


@wrong("GeneratorBlock", says="ReLU6")
def block_with_relu6(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU6())


@wrong("GeneratorBlock", says="share their weights")
class BlockOfTheClass(nn.Module):
    made = {}

    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = self.made.setdefault(
            (inputs, outputs), nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())
        )

    def forward(self, x):
        return self.net(x)


@wrong("GeneratorBlock", says="as many channels")
def block_norm_of_the_inputs(inputs, outputs):
    return nn.Sequential(up(inputs, outputs), nn.BatchNorm2d(inputs), nn.ReLU())


# Generator


class GeneratorBlock(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())


class Plain(nn.Module):
    """A right generator, to be spoiled in one place."""

    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()
        wide = 4 * width
        self.project = nn.Sequential(nn.Linear(latent_dim, wide * 16, bias=False), nn.Unflatten(1, (wide, 4, 4)))
        self.first = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU())
        self.blocks = nn.Sequential(GeneratorBlock(wide, 2 * width), GeneratorBlock(2 * width, width))
        self.out = up(width, channels, bias=True)
        self.last = nn.Tanh()

    def forward(self, z):
        return self.last(self.out(self.blocks(self.first(self.project(z)))))


@wrong("Generator", says="not written yet")
class GeneratorUntouched(nn.Module):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()
        raise NotImplementedError


@wrong("Generator", says="tanh is missing")
class GeneratorWithoutTanh(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.last = nn.Identity()


@wrong("Generator", says="sigmoid ends in [0, 1]")
class GeneratorSigmoid(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.last = nn.Sigmoid()


@wrong("Generator", says="moved to [0, 1]")
class GeneratorInUnitRange(Plain):
    def forward(self, z):
        return (super().forward(z) + 1) / 2


@wrong("Generator", says="batch norm on the output")
class GeneratorNormOnOutput(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.last = nn.Sequential(nn.BatchNorm2d(channels), nn.Tanh())


@wrong("Generator", says="there it is tanh alone")
class GeneratorBlockAtTheEnd(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.out = GeneratorBlock(width, channels)


@wrong("Generator", says="clamped, not tanh")
class GeneratorClamped(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.last = nn.Hardtanh()


@wrong("Generator", says="without batch norm and ReLU")
class GeneratorBareProjection(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.first = nn.Identity()


@wrong("Generator", says="projection is without batch norm")
class GeneratorProjectionWithoutNorm(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.first = nn.ReLU()


@wrong("Generator", says="no batch norm anywhere")
class GeneratorWithoutNorm(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        wide = 4 * width
        self.first = nn.ReLU()
        self.blocks = nn.Sequential(up(wide, 2 * width), nn.ReLU(), up(2 * width, width), nn.ReLU())


@wrong("Generator", says="blocks are without batch norm")
class GeneratorBlocksWithoutNorm(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        wide = 4 * width
        self.blocks = nn.Sequential(up(wide, 2 * width), nn.ReLU(), up(2 * width, width), nn.ReLU())


@wrong("Generator", says="one scale a channel")
class GeneratorFlatNorm(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        wide = 4 * width
        self.project = nn.Sequential(nn.Linear(latent_dim, wide * 16, bias=False), nn.BatchNorm1d(wide * 16), nn.ReLU())
        self.first = nn.Unflatten(1, (wide, 4, 4))


@wrong("Generator", says="doubled three times")
class GeneratorOneDoublingShort(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.out = nn.Conv2d(width, channels, 3, padding=1)


@wrong("Generator", says="doubled three times")
class GeneratorOddOutput(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        self.out = up(width, channels, 3)


@wrong("Generator", says="kernel is 3")
class GeneratorOddKernels(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, width)
        odd = {"kernel": 3, "output_padding": 1}
        norm, relu = nn.BatchNorm2d, nn.ReLU
        self.blocks = nn.Sequential(
            up(4 * width, 2 * width, **odd), norm(2 * width), relu(), up(2 * width, width, **odd), norm(width), relu()
        )
        self.out = up(width, channels, **odd)


@wrong("Generator", says="latent_dim, channels, width")
class GeneratorGreyOnly(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, 1, width)


@wrong("Generator", says="4 * width")
class GeneratorIgnoresWidth(Plain):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__(latent_dim, channels, 16)


@wrong("Generator", says="nothing could learn")
class GeneratorWithoutGraph(Plain):
    @torch.no_grad()
    def forward(self, z):
        return super().forward(z)


# Discriminator


class Judge(nn.Module):
    """A right discriminator, to be spoiled in one place."""

    def __init__(
        self, channels=1, width=16, batch_norm=False, act=lambda: nn.LeakyReLU(0.2), norms=(False, True, True)
    ):
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width]
        layers = []
        for i in range(3):
            layers.append(nn.Conv2d(widths[i], widths[i + 1], 4, 2, 1))
            if batch_norm and norms[i]:
                layers.append(nn.BatchNorm2d(widths[i + 1]))
            layers.append(act())
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(64 * width, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


@wrong("Discriminator", says="not written yet")
class JudgeUntouched(nn.Module):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__()
        raise NotImplementedError


@wrong("Discriminator", says="broadcasts to N x N")
class JudgeColumn(Judge):
    def forward(self, x):
        return self.head(self.body(x))


@wrong("Discriminator", says="squeeze() without an axis")
class JudgeSqueezesAll(Judge):
    def forward(self, x):
        return self.head(self.body(x)).squeeze()


@wrong("Discriminator", says="one number a picture")
class JudgeMap(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm)
        self.body = self.body[:-1]
        self.head = nn.Conv2d(4 * width, 1, 4)

    def forward(self, x):
        return self.head(self.body(x))


@wrong("Discriminator", says="leave the sigmoid out")
class JudgeSigmoid(Judge):
    def forward(self, x):
        return super().forward(x).sigmoid()


@wrong("Discriminator", says="first argument is inplace")
class JudgeReluPointTwo(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm, act=lambda: nn.ReLU(0.2))


@wrong("Discriminator", says="0.01, its default")
class JudgeDefaultSlope(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm, act=nn.LeakyReLU)


@wrong("Discriminator", says="there is no LeakyReLU")
class JudgeLinear(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm, act=nn.Identity)


@wrong("Discriminator", says="batch_norm=False, but there is")
class JudgeAlwaysNorm(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, True)


@wrong("Discriminator", says="changes nothing")
class JudgeNeverNorm(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, False)


@wrong("Discriminator", says="first stage too")
class JudgeNormEverywhere(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm, norms=(True, True, True))


@wrong("Discriminator", says="one stage is without")
class JudgeNormOnce(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm, norms=(False, True, False))


@wrong("Discriminator", says="batch norm on D's input")
class JudgeNormOnInput(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm)
        self.input_norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return super().forward(self.input_norm(x))


@wrong("Discriminator", says="wanted (6,)")
class JudgePairs(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm)
        self.head = nn.Linear(64 * width, 2)

    def forward(self, x):
        return self.head(self.body(x))


@wrong("Discriminator", says="kernel is 3")
class JudgeOddKernel(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm)
        leaky = nn.LeakyReLU(0.2)
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, 2, 1), leaky, nn.Conv2d(width, 2 * width, 3, 2, 1), leaky,
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1), leaky, nn.Flatten(),
        )  # fmt: skip


@wrong("Discriminator", says="your code raised")
class JudgeWrongFeatures(Judge):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__(channels, width, batch_norm)
        self.head = nn.Linear(4 * width, 1)


@wrong("Discriminator", says="nothing could learn")
class JudgeDetached(Judge):
    def forward(self, x):
        return super().forward(x.detach()).detach()


# init_weights

LINEAR = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@wrong("init_weights", says="not written yet")
def init_untouched(module, std=0.02):
    raise NotImplementedError


@wrong("init_weights", says="it starts around 1")
def init_all_parameters_alike(module, std=0.02):
    for parameter in module.parameters(recurse=False):
        nn.init.normal_(parameter, 0.0, std)


@wrong("init_weights", says="it starts around 1")
def init_scale_around_zero(module, std=0.02):
    if isinstance(module, (*LINEAR, nn.BatchNorm2d)) and module.weight is not None:
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@wrong("init_weights", says="batch norm has its own start")
def init_without_norm(module, std=0.02):
    if isinstance(module, LINEAR):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def start(module, draw, std, kinds=LINEAR, norm_mean=1.0):
    """The right start but for what is passed in."""
    if isinstance(module, kinds):
        draw(module.weight, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, norm_mean, 0.02)
        nn.init.zeros_(module.bias)


@wrong("init_weights", says="ConvTranspose2d is missing")
def init_only_convolutions(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, s), std, kinds=(nn.Conv2d, nn.Linear))


@wrong("init_weights", says="Linear is missing")
def init_without_linear(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, s), std, kinds=(nn.Conv2d, nn.ConvTranspose2d))


@wrong("init_weights", says="not the variance")
def init_variance(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, math.sqrt(s)), std)


@wrong("init_weights", says="squared")
def init_squared(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, s**2), std)


@wrong("init_weights", says="std is ignored")
def init_fixed_std(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, 0.02), std)


@wrong("init_weights", says="uniform")
def init_uniform(module, std=0.02):
    start(module, lambda w, s: nn.init.uniform_(w, -s, s), std)


@wrong("init_weights", says="the mean of the weights is 0")
def init_weights_around_one(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 1.0, s), std)


@wrong("init_weights", says="wanted mean 0, std 0.02")
def init_he(module, std=0.02):
    start(module, lambda w, s: nn.init.kaiming_normal_(w), std)


@wrong("init_weights", says="biases start at 0")
def init_leaves_biases(module, std=0.02):
    if isinstance(module, LINEAR):
        nn.init.normal_(module.weight, 0.0, std)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@wrong("init_weights", says="exactly 1")
def init_scale_constant(module, std=0.02):
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    else:
        start(module, lambda w, s: nn.init.normal_(w, 0.0, s), std)


@wrong("init_weights", says="shift is not 0")
def init_shift_drawn(module, std=0.02):
    start(module, lambda w, s: nn.init.normal_(w, 0.0, s), std)
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.bias, 1.0, 0.02)


@wrong("init_weights", says="your code raised")
def init_forgets_missing_bias(module, std=0.02):
    if isinstance(module, LINEAR):
        nn.init.normal_(module.weight, 0.0, std)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@wrong("init_weights", says="fixed seed")
def init_seeded(module, std=0.02):
    torch.manual_seed(0)
    start(module, lambda w, s: nn.init.normal_(w, 0.0, s), std)


@wrong("init_weights", says="Embedding")
def init_whatever_has_weights(module, std=0.02):
    if isinstance(module, nn.BatchNorm2d):
        if module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    elif getattr(module, "weight", None) is not None:
        nn.init.normal_(module.weight, 0.0, std)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)


# to_images


@wrong("to_images", says="not written yet")
def images_untouched(x):
    raise NotImplementedError


@wrong("to_images", says="no return")
def images_forgotten_return(x):
    ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="channels come last")
def images_channels_first(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


@wrong("to_images", says="height and width are swapped")
def images_on_their_side(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 3, 2, 1)


@wrong("to_images", says="use permute")
def images_viewed(x):
    n, c, h, w = x.shape
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).reshape(n, h, w, c)


@wrong("to_images", says="height and width are swapped")
def images_viewed_on_their_side(x):
    n, c, h, w = x.shape
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 3, 2, 1).reshape(n, h, w, c)


@wrong("to_images", says="cut off")
def images_truncated(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="not in [0, 1]")
def images_of_unit_range(x):
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="not 256")
def images_times_128(x):
    return ((x + 1) * 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="127 is not half")
def images_times_127(x):
    return ((x.clamp(-1, 1) + 1) * 127).round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="stretched to the batch")
def images_stretched(x):
    x = (x - x.min()) / (x.max() - x.min())
    return (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="Clamp first")
def images_wrapped(x):
    return ((x + 1) * 127.5).round().to(torch.int64).remainder(256).to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="whole numbers from 0 to 255")
def images_float(x):
    return ((x.clamp(-1, 1) + 1) / 2).permute(0, 2, 3, 1)


@wrong("to_images", says="came back changed")
def images_in_place(x):
    return x.clamp_(-1, 1).add_(1).mul_(127.5).round_().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="an axis of length 1")
def images_squeezed(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).squeeze()


@wrong("to_images", says="your code raised")
def images_numpy_of_a_graph(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round().numpy().astype("uint8").transpose(0, 2, 3, 1)


# sample_grid


def to_images(x):
    return ((x.detach().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


def tiled(pictures, columns):
    rows = [torch.cat(list(row), dim=1) for row in pictures.split(columns)]
    return torch.cat(rows, dim=0)


@wrong("sample_grid", says="not written yet")
def grid_untouched(generator, noise, columns=8):
    raise NotImplementedError


@wrong("sample_grid", says="in train mode")
def grid_in_train_mode(generator, noise, columns=8):
    with torch.no_grad():
        return tiled(to_images(generator(noise)), columns)


@wrong("sample_grid", says="left in eval mode")
def grid_leaves_eval_on(generator, noise, columns=8):
    generator.eval()
    with torch.no_grad():
        return tiled(to_images(generator(noise)), columns)


@wrong("sample_grid", says="mode that you found")
def grid_always_back_to_train(generator, noise, columns=8):
    generator.eval()
    with torch.no_grad():
        picture = tiled(to_images(generator(noise)), columns)
    generator.train()
    return picture


@wrong("sample_grid", says="left in eval mode")
def grid_restores_the_flag_alone(generator, noise, columns=8):
    training = generator.training
    generator.eval()
    with torch.no_grad():
        picture = tiled(to_images(generator(noise)), columns)
    generator.training = training
    return picture


@wrong("sample_grid", says="with a graph")
def grid_with_graph(generator, noise, columns=8):
    training = generator.training
    generator.eval()
    picture = tiled(to_images(generator(noise)), columns)
    generator.train(training)
    return picture


def sampled(generator, noise):
    """What every grid below does rightly."""
    training = generator.training
    generator.eval()
    with torch.no_grad():
        pictures = to_images(generator(noise))
    generator.train(training)
    return pictures


@wrong("sample_grid", says="other noise")
def grid_of_fresh_noise(generator, noise, columns=8):
    return tiled(sampled(generator, torch.randn_like(noise)), columns)


@wrong("sample_grid", says="run down the columns")
def grid_column_by_column(generator, noise, columns=8):
    pictures = sampled(generator, noise)
    rows = len(noise) // columns
    return torch.cat([torch.cat(list(pictures[r::rows]), dim=1) for r in range(rows)], dim=0)


@wrong("sample_grid", says="rows and columns are swapped")
def grid_rows_for_columns(generator, noise, columns=8):
    return tiled(sampled(generator, noise), len(noise) // columns)


@wrong("sample_grid", says="reshape alone")
def grid_reshaped(generator, noise, columns=8):
    pictures = sampled(generator, noise)
    n, h, w, c = pictures.shape
    return pictures.reshape(n // columns * h, columns * w, c)


@wrong("sample_grid", says="not put together")
def grid_not_tiled(generator, noise, columns=8):
    return sampled(generator, noise)


@wrong("sample_grid", says="border")
def grid_with_border(generator, noise, columns=8):
    pictures = F.pad(sampled(generator, noise), (0, 0, 1, 1, 1, 1))
    return tiled(pictures, columns)


@wrong("sample_grid", says="channels come last")
def grid_channels_first(generator, noise, columns=8):
    return tiled(sampled(generator, noise), columns).permute(2, 0, 1)


@wrong("sample_grid", says="gradients are off")
def grid_switches_gradients_off(generator, noise, columns=8):
    torch.set_grad_enabled(False)
    return tiled(sampled(generator, noise), columns)


# repaired_loss


@wrong("repaired_loss", says="not written yet")
def repaired_untouched(discriminator, real, fake):
    raise NotImplementedError


@wrong("repaired_loss", says="still N x N")
def repaired_not_at_all(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * (F.softplus(logits) - targets * logits).mean()


@wrong("repaired_loss", says="wanted a scalar")
def repaired_per_sample(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * (F.softplus(logits) - targets * logits)


@wrong("repaired_loss", says="the colleague's loss is their sum")
def repaired_half(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="labels are swapped")
def repaired_swapped(discriminator, real, fake):
    logits = discriminator(torch.cat([fake, real])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="the sum over the batch")
def repaired_sum(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return (F.softplus(logits) - targets * logits).sum()


@wrong("repaired_loss", says="for logits (N,)")
def repaired_targets_as_columns(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    targets = torch.cat([torch.ones(len(real), 1), torch.zeros(len(fake), 1)])
    return 2 * (F.softplus(logits) - targets * logits).mean()


@wrong("repaired_loss", says="your code raised")
def repaired_squeezes_the_second_axis(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).squeeze(1)[:, None].squeeze(2)
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="sigmoid was applied twice")
def repaired_sigmoid_twice(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).flatten().sigmoid()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="no graph")
def repaired_detached(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).flatten().detach()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="fakes are missing")
def repaired_real_only(discriminator, real, fake):
    return F.softplus(-discriminator(real)).mean()


@wrong("repaired_loss", says="an exponential overflowed")
def repaired_log_of_sigmoid(discriminator, real, fake):
    real_answers, fake_answers = discriminator(real).sigmoid(), discriminator(fake).sigmoid()
    return -real_answers.log().mean() - (1 - fake_answers).log().mean()


# What got past an earlier form of the checks


@wrong("to_images", says="changed")
def images_clamped_in_place(images):
    return ((images.clamp_(-1, 1) + 1).mul_(127.5).round()).to(torch.uint8).permute(0, 2, 3, 1)


@wrong("Generator", says="one channel is an axis")
class GeneratorThatSqueezes(nn.Module):
    def __init__(self, latent_dim=100, channels=3, width=64):
        super().__init__()
        self.project = nn.Linear(latent_dim, 4 * width * 16, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            GeneratorBlock(4 * width, 2 * width),
            GeneratorBlock(2 * width, width),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.layers(self.project(z).unflatten(1, (-1, 4, 4))).squeeze(1)


@wrong("init_weights", says="of the norms only BatchNorm2d")
def init_of_every_norm(module, std=0.02):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) and module.weight is not None:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@wrong("init_weights", says="always 0.02")
def init_scale_with_the_std_of_layers(module, std=0.02):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, std)
        nn.init.zeros_(module.bias)


@wrong("Generator", says="defaults of the stub")
class GeneratorOfThePaper(Plain):
    def __init__(self, latent_dim=100, channels=1, width=64):
        super().__init__(latent_dim, channels, width)


@wrong("Discriminator", says="defaults of the stub")
class JudgeWithNormUnasked(Judge):
    def __init__(self, channels=1, width=16, batch_norm=True):
        super().__init__(channels, width, batch_norm)


@wrong("init_weights", says="whatever its name")
def init_by_name(module, std=0.02):
    name = module.__class__.__name__
    if name.find("Conv") != -1 or name.find("Linear") != -1:
        nn.init.normal_(module.weight.data, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias.data)
    elif name.find("BatchNorm") != -1 and module.affine:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
        nn.init.zeros_(module.bias.data)


@wrong("to_images", says="do not guess it")
def images_range_guessed(x):
    unit = (x.clamp(-1, 1) + 1) / 2 if x.min() < 0 else x.clamp(0, 1)
    return (unit.detach() * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("to_images", says="clamp first")
def images_bytes_guessed(x):
    levels = (x.clamp(-1, 1) + 1) * 127.5 if x.max() <= 2 else x
    return levels.detach().round().to(torch.uint8).permute(0, 2, 3, 1)


@wrong("sample_grid", says="one channel is an axis")
def grid_squeezed(generator, noise, columns=8):
    return tiled(sampled(generator, noise), columns).squeeze()


@wrong("sample_grid", says="all of the noise")
def grid_of_the_first_64(generator, noise, columns=8):
    return tiled(sampled(generator, noise[: 64 // columns * columns]), columns)


@wrong("repaired_loss", says="left in eval mode")
def repaired_in_eval_mode(discriminator, real, fake):
    discriminator.eval()
    logits = discriminator(torch.cat([real, fake])).flatten()
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@wrong("repaired_loss", says="the slope is no number")
def repaired_by_where(discriminator, real, fake):
    real, fake = discriminator(real).flatten(), discriminator(fake).flatten()

    def soft(x):
        return torch.where(x > 20, x, torch.log1p(torch.exp(x)))

    return soft(-real).mean() + soft(fake).mean()


@wrong("repaired_loss", says="one shape")
def repaired_for_columns_alone(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets[:, None])
