"""What a lesson does first."""

import os
import random

import numpy as np
import torch


def setup(seed: int = 0) -> torch.device:
    """Fix every seed, use one CPU thread, so that numbers repeat, and return the device to compute on.

    One thread costs little at the sizes of the lessons and makes a run on one machine repeatable bit for bit;
    GANCOURSE_THREADS in the environment asks for another number.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(int(os.environ.get("GANCOURSE_THREADS", "1")))
    return best_device()


def best_device() -> torch.device:
    """CUDA, else the CPU. Apple's MPS is taken only by name: nothing of the course has been tried on it."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
