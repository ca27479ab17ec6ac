#!/usr/bin/env python3
"""Writes the bundle with which the tests of ../recordings check that they read what bundle.py writes. It needs no models:

    pip install numpy pillow safetensors
    python make_fixture.py
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

import bundle

HERE = Path(__file__).parent
OUT = HERE / "../recordings/src/foundation/bundle/from_python"


class Detector:
    """A lamp on a chair, with features of two channels."""

    def __call__(self, picture, names):
        lamp = bundle.Found(names[1], 0.25, np.array([2.0, 1.0, 4.0, 2.0]), np.array([3.0, 4.0]))
        chair = bundle.Found(names[0], 0.75, np.array([1.0, 1.0, 5.0, 4.0]), np.array([1.0, 2.0]))
        return [chair, lamp]


class Segmenter:
    """Masks that are their boxes, and features that say where they are."""

    def __call__(self, picture, boxes):
        masks = np.zeros((len(boxes), picture.height, picture.width), bool)
        for mask, (x0, y0, x1, y1) in zip(masks, np.array(boxes, int)):
            mask[y0:y1, x0:x1] = True
        return masks

    def features(self, picture, grid):
        rows, columns = np.meshgrid(np.arange(grid), np.arange(grid), indexing="ij")
        return np.stack([rows, columns, rows + columns], axis=2)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    camera = {"size": [4, 6], "focal": [5, 5], "center": [2.5, 1.5], "world_from_camera": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}
    images = [{"name": "seen", "picture": "seen.png", **camera}, {"name": "unseen", **camera}]
    (OUT / bundle.INDEX).write_text(json.dumps({"foundation": bundle.VERSION, "images": images}))
    save_file({"positions": np.arange(6, dtype=np.float32).reshape(2, 3)}, OUT / bundle.TENSORS)
    Image.fromarray(np.full((4, 6, 3), 128, np.uint8)).save(OUT / "seen.png")
    bundle.perceive(OUT, ["chair", "table lamp"], Detector(), Segmenter(), False, 2)
    code = (HERE / "bundle.py").read_text().encode()
    (OUT / "bundle.py.sha256").write_text(hashlib.sha256(code).hexdigest() + "\n")


if __name__ == "__main__":
    main()
