"""Pictures as arrays, with NumPy and Pillow alone: a served generator has no torch beside it."""

import io

import numpy as np
from PIL import Image


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1] as one uint8 array (rows * H, columns * W, 3), filled row by row, rest white."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    canvas = np.ones((rows * columns, channels, height, width), np.float32)
    canvas[:n] = images
    canvas = canvas.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    canvas = canvas.reshape(rows * height, columns * width, channels)
    pixels = np.rint((canvas.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def png(pixels: np.ndarray, scale: int = 2) -> bytes:
    """The file of a picture (H, W, 3) of bytes, each pixel `scale` pixels wide."""
    drawn = Image.fromarray(np.ascontiguousarray(pixels))
    drawn = drawn.resize((drawn.width * scale, drawn.height * scale), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    drawn.save(buffer, format="PNG")
    return buffer.getvalue()
