"""Make the embedded emoji again, from two packages of the npm registry.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0
    python datasets/emoji/make.py [FOLDER WITH THE TWO .tgz FILES]

Prints the sha256 that belongs on the card. Only the "clean" sheets are read: they hold no picture of another vendor.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

VERSION = "16.0.0"
SIDE, BORDER = 32, 1  # each picture of a sheet has a transparent border of one pixel
STYLES = {"noto": "google", "twemoji": "twitter"}


def read(folder: Path, vendor: str) -> tuple[list[dict], Image.Image]:
    """The list of emoji and the sheet of one drawing style."""
    with tarfile.open(folder / f"emoji-datasource-{vendor}-{VERSION}.tgz") as archive:
        emoji = json.load(archive.extractfile("package/emoji.json"))
        sheet = archive.extractfile(f"package/img/{vendor}/sheets-clean/{SIDE}.png").read()
    return emoji, Image.open(io.BytesIO(sheet)).convert("RGBA")


def on_white(sheet: Image.Image, emoji: dict) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8: one emoji, its transparent parts white."""
    left, top = (BORDER + emoji[f"sheet_{axis}"] * (SIDE + 2 * BORDER) for axis in "xy")
    picture = sheet.crop((left, top, left + SIDE, top + SIDE))
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


def main(folder: Path) -> None:
    arrays = {}
    for style, vendor in STYLES.items():
        emoji, sheet = read(folder, vendor)
        emoji = sorted((e for e in emoji if e["has_img_google"] and e["has_img_twitter"]), key=lambda e: e["unified"])
        arrays[style] = np.stack([on_white(sheet, e) for e in emoji]).transpose(0, 3, 1, 2)
    categories = sorted({e["category"] for e in emoji})
    arrays["category"] = np.array([categories.index(e["category"]) for e in emoji], np.uint8)
    arrays["categories"] = np.array(categories)
    arrays["names"] = np.array([e["short_name"].replace("_", " ").replace("-", " ") for e in emoji])
    path = Path(__file__).with_name("emoji.npz")
    np.savez_compressed(path, **arrays)
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name, len(emoji), "emoji")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("."))
