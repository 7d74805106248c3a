"""Where the weights start. A start is applied to a whole network: `network.apply(he_init)`."""

from torch import nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
SLOPE = 0.2  # of the LeakyReLUs that follow


def dcgan_init(module: nn.Module, std: float = 0.02) -> None:
    """N(0, std) for weights, batch norm's scale around 1 and its shift at 0 (Radford et al. 2016, section 4)."""
    if isinstance(module, CONVOLUTIONS):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, std)
        nn.init.zeros_(module.bias)


def he_init(module: nn.Module) -> None:
    """Weights whose size keeps the signal's variance through a rectifier (He et al. 2015, equation 10).

    A transposed convolution of kernel k and stride s feeds each output from inputs * (k / s)^2 numbers.
    """
    if isinstance(module, nn.ConvTranspose2d):
        fan = module.in_channels * module.kernel_size[0] * module.kernel_size[1] / module.stride[0] / module.stride[1]
        nn.init.normal_(module.weight, 0.0, (2 / fan) ** 0.5)
    elif isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, SLOPE)
    if isinstance(module, CONVOLUTIONS) and module.bias is not None:
        nn.init.zeros_(module.bias)
