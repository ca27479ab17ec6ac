"""What this program reads and writes of foundation bundles, whose format is described in ../recordings/src/foundation/bundle.

A bundle that this file wrote is among the tests of the program that reads bundles. They ask for a new one when this file has changed: python make_fixture.py
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

INDEX = "foundation.json"
TENSORS = "tensors.safetensors"
VERSION = 1
# Longest side of a mask, pixels: what points are made of is not finer.
MASK_SIDE = 960
MOST_INSTANCES = 65_534
# Images between two writes: the features of all images are in one file.
IMAGES_A_WRITE = 16


@dataclass
class Found:
    """Something in an image."""

    name: str
    score: float
    # x0, y0, x1, y1 in pixels
    box: np.ndarray
    # the detector's feature of it, (channels)
    feature: np.ndarray


def painted(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(height, width) of 16 bits: 0, or one more than the row of the smallest mask there, so that a pillow is seen on its bed."""
    values = np.zeros(size, np.uint16)
    for row in sorted(range(len(masks)), key=lambda row: -int(masks[row].sum())):
        values[masks[row]] = row + 1
    return values


def perceive(bundle: Path, names: list[str], detector, segmenter, again: bool, grid: int) -> tuple[int, int]:
    """Writes what is found into the bundle; how many images were looked at, and how many instances found.

    `detector` gives what it finds of the names in a picture, `segmenter` the masks of boxes, and image features in a grid.
    """
    path = bundle / INDEX
    index = json.loads(path.read_text())
    if index.get("foundation", VERSION + 1) > VERSION:
        raise ValueError(f"{path} has version {index.get('foundation')}, this program writes version {VERSION}")
    tensors = load_file(bundle / TENSORS)
    looked, count = 0, 0
    pending: dict[Path, Image.Image] = {}

    def write() -> None:
        # masks last, which count on the lists: what a stopped run did not write is looked at again
        replace(bundle / TENSORS, lambda part: save_file(tensors, part))
        replace(path, lambda part: Path(part).write_text(json.dumps(index, indent=2)))
        for out, grey in pending.items():
            replace(out, lambda part: grey.save(part, format="PNG"))
        pending.clear()

    for image in index["images"]:
        out = bundle / f"{image['name']}.masks.png"
        if not image.get("picture") or (out.exists() and not again):
            continue
        picture = Image.open(bundle / image["picture"]).convert("RGB")
        found = detector(picture, names)
        masks = segmenter(picture, [f.box for f in found]) if found else np.zeros((0, picture.height, picture.width), bool)
        values = painted(masks, (picture.height, picture.width))
        shrink = min(1.0, MASK_SIDE / max(values.shape))
        grey = Image.fromarray(values)
        if shrink < 1:
            grey = grey.resize((round(grey.width * shrink), round(grey.height * shrink)), Image.Resampling.NEAREST)
        image["instances"] = [{"name": f.name, "score": min(max(f.score, 0.0), 1.0)} for f in found]
        key = f"object_features.{image['name']}"
        tensors.pop(key, None)
        if found:
            tensors[key] = np.stack([f.feature for f in found]).astype(np.float32)
        if grid:
            tensors[f"image_features.{image['name']}"] = np.ascontiguousarray(segmenter.features(picture, grid), np.float32)
        pending[out] = grey
        if len(pending) == IMAGES_A_WRITE:
            write()
        looked, count = looked + 1, count + len(found)
    if pending:
        write()
    return looked, count


def replace(path: Path, write) -> None:
    """Writes a file so that nobody ever sees half of it."""
    part = f"{path}.part{os.getpid()}"
    write(part)
    os.replace(part, path)


def bundles(folders: list[Path]) -> list[Path]:
    found = []
    for folder in folders:
        found += [folder] if (folder / INDEX).exists() else sorted(p.parent for p in folder.glob(f"*/{INDEX}"))
    return found
