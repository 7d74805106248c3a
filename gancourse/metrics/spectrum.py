"""What a picture's spectrum tells of the network that made it: transposed convolutions leave checkerboards."""

import torch
from torch import Tensor


def power_spectrum(images: Tensor) -> Tensor:
    """The mean power at each frequency of images (N, C, H, W), without their means: (H, W), adding up to 1.

    Frequency 0 lies at [0, 0]; row H / 2 and column W / 2 hold the Nyquist frequencies, patterns that turn at every
    pixel. Images without any contrast have no spectrum: all zeros.
    """
    centred = images - images.mean((2, 3), keepdim=True)
    power = torch.fft.fft2(centred.double()).abs().pow(2).mean((0, 1))
    return power / power.sum().clamp(min=torch.finfo(power.dtype).tiny)


def checkerboard_energy(images: Tensor) -> float:
    """The share of the power of images (N, C, H, W), H and W even, that turns at every pixel of a row or of a column.

    Neighbouring outputs of a transposed convolution of stride 2 are made by different weights of its kernel, and an odd
    kernel gives them different numbers of weights (Odena et al. 2016): that pattern has exactly these frequencies.
    """
    spectrum = power_spectrum(images)
    row, column = spectrum.shape[0] // 2, spectrum.shape[1] // 2
    return (spectrum[row].sum() + spectrum[:, column].sum() - spectrum[row, column]).item()
