"""The loop, its checkpoints and what watches it. Nothing here knows a particular GAN."""

from gancourse.training import distributed, shares
from gancourse.training.checkpoint import load_checkpoint, save_checkpoint, told_when_unwritable, write_atomically
from gancourse.training.compiled import seconds_of_compiling
from gancourse.training.ema import EMA
from gancourse.training.engine import Engine
from gancourse.training.loop import Batches, Monitor, Phase, Step, Trainer, rehearsing, take_turns
from gancourse.training.modes import looked_at
from gancourse.training.monitors import Every, History, JsonLines, read_json_lines
from gancourse.training.pool import ImagePool
from gancourse.training.progress import ProgressBar, in_notebook
from gancourse.training.schedules import SCHEDULES, Schedule, constant, cosine_decay, linear_decay, warmed_up
from gancourse.training.stopping import Course, Rule, StoppingRules, collapsed, exploding, narrowed, saturated, stalled
from gancourse.training.tensorboard import TensorBoard, weights_and_gradients

__all__ = [
    "EMA",
    "SCHEDULES",
    "Batches",
    "Course",
    "Engine",
    "Every",
    "History",
    "ImagePool",
    "JsonLines",
    "Monitor",
    "Phase",
    "ProgressBar",
    "Rule",
    "Schedule",
    "Step",
    "StoppingRules",
    "TensorBoard",
    "Trainer",
    "collapsed",
    "constant",
    "cosine_decay",
    "distributed",
    "exploding",
    "in_notebook",
    "linear_decay",
    "load_checkpoint",
    "looked_at",
    "narrowed",
    "read_json_lines",
    "rehearsing",
    "saturated",
    "save_checkpoint",
    "seconds_of_compiling",
    "shares",
    "stalled",
    "take_turns",
    "told_when_unwritable",
    "warmed_up",
    "weights_and_gradients",
    "write_atomically",
]  # fmt: skip
