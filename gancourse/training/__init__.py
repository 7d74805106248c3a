"""The loop, its checkpoints and what watches it. Nothing here knows a particular GAN."""

from gancourse.training import distributed
from gancourse.training.checkpoint import load_checkpoint, save_checkpoint, write_atomically
from gancourse.training.ema import EMA
from gancourse.training.loop import Batches, Monitor, Phase, Step, Trainer, linear_decay, take_turns
from gancourse.training.monitors import (
    Every,
    History,
    JsonLines,
    ProgressBar,
    TensorBoard,
    in_notebook,
    read_json_lines,
)
from gancourse.training.pool import ImagePool

__all__ = [
    "EMA",
    "Batches",
    "Every",
    "History",
    "ImagePool",
    "JsonLines",
    "Monitor",
    "Phase",
    "ProgressBar",
    "Step",
    "TensorBoard",
    "Trainer",
    "distributed",
    "in_notebook",
    "linear_decay",
    "load_checkpoint",
    "read_json_lines",
    "save_checkpoint",
    "take_turns",
    "write_atomically",
]  # fmt: skip
