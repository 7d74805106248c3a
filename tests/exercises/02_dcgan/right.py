"""Right answers of lesson 02 in other styles than ours: every one of them must be accepted."""

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gancourse.authoring.answers import right


@right("conv_transpose_out")
def asks_torch(size, kernel, stride=1, padding=0, output_padding=0):
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding)
    return layer(torch.zeros(1, 1, size)).shape[-1]


@right("conv_transpose_out")
def counts_stamps(size, kernel, stride=1, padding=0, output_padding=0):
    reached = 0
    for i in range(size):
        reached = max(reached, i * stride + kernel)
    return reached - padding - padding + output_padding


@right("conv_transpose_out")
def numpy_number(size, kernel, stride=1, padding=0, output_padding=0):
    return np.int64(stride * size - stride + kernel + output_padding - 2 * padding)


@right("conv_transpose_out")
def by_spacing(size, kernel, stride=1, padding=0, output_padding=0):
    spread = size + (size - 1) * (stride - 1)
    border = kernel - 1 - padding
    return spread + 2 * border - kernel + 1 + output_padding


@right("GeneratorBlock")
class BlockOfModules(nn.Module):
    def __init__(self, inputs, outputs):
        super(BlockOfModules, self).__init__()  # noqa: UP008
        self.layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(inputs, outputs, (4, 4), (2, 2), (1, 1)),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        )

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@right("GeneratorBlock")
class BlockIsSequential(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU())


@right("GeneratorBlock")
def block_from_a_function(inputs, outputs):
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs, momentum=0.2), nn.ReLU()
    )


@right("GeneratorBlock")
class BlockOfFunctions(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(inputs, outputs, 4, 4))
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(F.conv_transpose2d(x, self.weight, stride=2, padding=1)))


class GeneratorBlock(BlockIsSequential):
    pass


@right("Generator")
class GeneratorInOneSequence(nn.Module):
    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()

        def stage(inputs, outputs):
            return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]

        self.net = nn.Sequential(
            nn.Linear(latent_dim, 64 * width), nn.Unflatten(1, (4 * width, 4, 4)),
            nn.BatchNorm2d(4 * width), nn.ReLU(True),
            *stage(4 * width, 2 * width), *stage(2 * width, width),
            nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.net(z)


@right("Generator")
class GeneratorFromOnePixel(nn.Module):
    """The projection as a transposed convolution of a 1 x 1 picture, as in many scripts."""

    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()
        self.project = nn.ConvTranspose2d(latent_dim, 4 * width, 4, 1, 0, bias=False)
        self.norm = nn.BatchNorm2d(4 * width)
        self.blocks = nn.ModuleList([GeneratorBlock(4 * width, 2 * width), GeneratorBlock(2 * width, width)])
        self.out = nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False)

    def forward(self, z):
        h = F.relu(self.norm(self.project(z[:, :, None, None])))
        for block in self.blocks:
            h = block(h)
        return torch.tanh(self.out(h))


@right("Generator")
class GeneratorChannelsLast(nn.Module):
    """Reshaped to (4, 4, channels) first: the same network with its weights in another order."""

    def __init__(self, latent_dim=64, channels=1, width=16):
        super().__init__()
        self.width = width
        self.project = nn.Linear(latent_dim, 4 * 4 * 4 * width)
        self.norm = nn.BatchNorm2d(4 * width)
        self.first, self.second = GeneratorBlock(4 * width, 2 * width), GeneratorBlock(2 * width, width)
        self.out = nn.ConvTranspose2d(width, channels, 4, 2, 1)

    def forward(self, z):
        h = self.project(z).reshape(len(z), 4, 4, 4 * self.width).permute(0, 3, 1, 2)
        return self.out(self.second(self.first(self.norm(h).relu()))).tanh()


@right("Discriminator")
class JudgeByHand(nn.Module):
    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__()
        self.c1 = nn.Conv2d(channels, width, 4, 2, 1)
        self.c2 = nn.Conv2d(width, 2 * width, 4, 2, 1)
        self.c3 = nn.Conv2d(2 * width, 4 * width, 4, 2, 1)
        self.n2 = nn.BatchNorm2d(2 * width) if batch_norm else nn.Identity()
        self.n3 = nn.BatchNorm2d(4 * width) if batch_norm else nn.Identity()
        self.out = nn.Linear(4 * width * 16, 1)

    def forward(self, x):
        x = F.leaky_relu(self.c1(x), 0.2)
        x = F.leaky_relu(self.n2(self.c2(x)), 0.2)
        x = F.leaky_relu(self.n3(self.c3(x)), 0.2)
        return self.out(x.view(x.size(0), -1)).view(-1)


@right("Discriminator")
class JudgeEndsInAConvolution(nn.Module):
    """The last layer as a convolution over the whole 4 x 4, as in many scripts."""

    def __init__(self, channels=1, width=16, batch_norm=False):
        super().__init__()

        def norm(n):
            return [nn.BatchNorm2d(n)] if batch_norm else []

        self.net = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), *norm(2 * width), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False), *norm(4 * width), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4 * width, 1, 4, 1, 0, bias=False),
        )  # fmt: skip

    def forward(self, x):
        return self.net(x).flatten()


@right("Discriminator")
def judge_from_a_function(channels=1, width=16, batch_norm=False):
    layers, inputs = [], channels
    for i in range(3):
        outputs = width << i
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1)]
        layers += [nn.BatchNorm2d(outputs)] if batch_norm and i else []
        layers += [nn.LeakyReLU(0.2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * 16, 1), nn.Flatten(0))


@right("init_weights")
def init_by_class_name(module, std=0.02):
    name = type(module).__name__
    if name in ("Conv2d", "ConvTranspose2d", "Linear"):
        module.weight.data.normal_(0.0, std)
        if module.bias is not None:
            module.bias.data.fill_(0)
    elif name == "BatchNorm2d" and module.weight is not None:
        module.weight.data.normal_(1.0, 0.02)
        module.bias.data.fill_(0)


@right("init_weights")
def init_without_grad(module, std=0.02):
    with torch.no_grad():
        if isinstance(module, nn.BatchNorm2d):
            if module.affine:
                module.weight.copy_(1 + 0.02 * torch.randn_like(module.weight))
                module.bias.zero_()
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.copy_(std * torch.randn_like(module.weight))
            if module.bias is not None:
                module.bias.zero_()
    return module


@right("init_weights")
def init_with_a_new_parameter(module, std=0.02):
    if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
        module.weight = nn.Parameter(torch.normal(0.0, std, module.weight.shape))
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.0)
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.weight is not None:
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
        nn.init.constant_(module.bias, 0.0)


@right("to_images")
def images_moveaxis(x):
    return x.detach().moveaxis(1, -1).add(1).mul(127.5).add(0.5).floor().clamp(0, 255).to(torch.uint8)


@right("to_images")
def images_through_unit_range(x):
    unit = (x.double() + 1) / 2
    return torch.round(255 * unit.clamp(0, 1)).byte().permute(0, 2, 3, 1).contiguous()


@right("to_images")
def images_with_numpy(x):
    pixels = np.clip(np.rint((x.detach().cpu().numpy() + 1) * 127.5), 0, 255)
    return pixels.astype(np.uint8).transpose(0, 2, 3, 1)


@right("to_images")
def images_one_by_one(x):
    pictures = []
    for image in x:
        planes = [((plane.detach() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for plane in image]
        pictures.append(torch.stack(planes, dim=-1))
    return torch.stack(pictures)


def to_images(x):
    return ((x.detach().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


@right("sample_grid")
def grid_of_rows(generator, noise, columns=8):
    was_training = generator.training
    generator.eval()
    try:
        with torch.inference_mode():
            pictures = to_images(generator(noise))
    finally:
        generator.train(was_training)
    return torch.cat([torch.cat(list(row), dim=1) for row in pictures.split(columns)], dim=0)


@right("sample_grid")
@torch.no_grad()
def grid_filled(generator, noise, columns=8):
    mode = generator.training
    pictures = to_images(generator.eval()(noise))
    if mode:
        generator.train()
    n, h, w, c = pictures.shape
    canvas = torch.zeros((n // columns) * h, columns * w, c, dtype=torch.uint8)
    for i in range(n):
        row, column = divmod(i, columns)
        canvas[row * h : (row + 1) * h, column * w : (column + 1) * w] = pictures[i]
    return canvas


@right("sample_grid")
def grid_by_torchvision(generator, noise, columns=8):
    modes = [(module, module.training) for module in generator.modules()]
    generator.eval()
    with torch.no_grad():
        samples = torch.cat([generator(part) for part in noise.split(3)])
    for module, mode in modes:
        module.training = mode
    grid = torchvision.utils.make_grid(samples, nrow=columns, padding=0)
    return to_images(grid[None])[0]


@right("repaired_loss")
def repaired_by_squeezing(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake])).view(-1)
    targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    return 2 * F.binary_cross_entropy_with_logits(logits, targets)


@right("repaired_loss")
def repaired_in_two_calls(discriminator, real, fake):
    return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()


@right("repaired_loss")
def repaired_targets_like_logits(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    targets = torch.zeros_like(logits)
    targets[: len(real)] = 1
    return 2 * (F.softplus(logits) - targets * logits).mean()


@right("repaired_loss")
def repaired_halves(discriminator, real, fake):
    on_real, on_fake = discriminator(torch.cat([real, fake])).flatten().chunk(2)
    return -F.logsigmoid(on_real).mean() - F.logsigmoid(-on_fake).mean()


@right("sample_grid")
def grid_by_keyword(generator, noise, columns=8):
    was = generator.training
    generator.eval()
    with torch.no_grad():
        pictures = to_images(x=generator(noise))
    generator.train(was)
    return torch.cat([torch.cat(list(row), dim=1) for row in pictures.split(columns)])
