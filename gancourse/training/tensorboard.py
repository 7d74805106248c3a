"""TensorBoard: numbers, pictures and distributions against the images that were shown."""

import io
import threading
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gancourse.training.checkpoint import told_when_unwritable
from gancourse.training.loop import Monitor, Trainer


class TensorBoard(Monitor):
    """Writes the losses at each record, and what else it is given. Raises CheckpointError when the disk is full."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, trainer: Trainer) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._hook = threading.excepthook
        threading.excepthook = self._say_once
        with told_when_unwritable(self.folder):
            self.writer = SummaryWriter(self.folder, purge_step=trainer.images + 1)

    def record(self, trainer: Trainer, losses: dict[str, float]) -> None:
        self.add(trainer, {f"loss/{name}": value for name, value in losses.items()})

    def add(self, trainer: Trainer, numbers: dict) -> None:
        """Scalars by name; what is no number is passed over."""
        with told_when_unwritable(self.folder):
            for name, value in numbers.items():
                if isinstance(value, int | float):
                    self.writer.add_scalar(name, value, trainer.images)

    def add_picture(self, trainer: Trainer, name: str, png: bytes) -> None:
        """A picture, as the bytes of a PNG."""
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        with told_when_unwritable(self.folder):
            self.writer.add_image(name, pixels, trainer.images, dataformats="HWC")

    def add_histograms(self, trainer: Trainer, values: dict[str, torch.Tensor]) -> None:
        """The distribution of each tensor. Values that are no numbers are left out."""
        with told_when_unwritable(self.folder):
            for name, tensor in values.items():
                finite = tensor.detach().float().flatten().cpu()
                finite = finite[finite.isfinite()]
                if len(finite):
                    self.writer.add_histogram(name, finite.numpy(), trainer.images)

    def end(self, trainer: Trainer) -> None:
        try:
            with told_when_unwritable(self.folder):
                self.writer.close()
        finally:
            threading.excepthook = self._hook

    def _say_once(self, failure: threading.ExceptHookArgs) -> None:
        """The writer's own thread prints a traceback of what our next call to it raises, and we tell."""
        if not (isinstance(failure.exc_value, OSError) and type(failure.thread).__module__.startswith("tensorboard")):
            self._hook(failure)


def weights_and_gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All parameters of all players, and the gradients of each one's last turn, by name."""
    found = {}
    for player, network in trainer.players.items():
        for name, parameter in network.named_parameters():
            found[f"weights/{player}/{name}"] = parameter
            if parameter.grad is not None:
                found[f"gradients/{player}/{name}"] = parameter.grad
    return found
