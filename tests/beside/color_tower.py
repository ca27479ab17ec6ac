#!/usr/bin/env python3
"""Writes tests/golden/onnx/colors.onnx and colors.json: a tower that names pictures by their mean
color, in the space of all-MiniLM-L6-v2 and with the words that the crate ships.

What is red is a fire extinguisher, what is green a plant, what is blue a recycling bin, and what has
no color a wall. The second output, the three contrasts, has a width that no text encoder has.

    pip install numpy onnx
    python tests/beside/color_tower.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/onnx"
TEXT = ROOT / "core/src/text"
SIDE, WIDTH = 32, 384
WORDS = ["fire extinguisher", "plant", "recycling bin"]
NEUTRAL = "wall"


def word(name: str) -> np.ndarray:
    names = (TEXT / "vocabulary.txt").read_text().splitlines()
    rows = np.frombuffer((TEXT / "vocabulary.i8").read_bytes(), np.int8).reshape(len(names), WIDTH)
    row = rows[names.index(name)].astype(np.float32)
    return row / np.linalg.norm(row)


def main() -> None:
    constants = {
        # One channel less the mean of the other two.
        "channels": 1.5 * np.eye(3, dtype=np.float32) - 0.5,
        "words": np.stack([word(name) for name in WORDS]),
        "neutral": 0.05 * word(NEUTRAL)[None],
    }
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["pixel_values"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "channels"], ["difference"]),
            helper.make_node("Relu", ["difference"], ["contrasts"]),
            helper.make_node("MatMul", ["contrasts", "words"], ["colored"]),
            helper.make_node("Add", ["colored", "neutral"], ["image_embeds"]),
        ],
        "colors",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, [1, WIDTH]),
            helper.make_tensor_value_info("contrasts", TensorProto.FLOAT, [1, 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    file = model.SerializeToString()
    (OUT / "colors.onnx").write_bytes(file)
    manifest = {
        "image_model": 1,
        "name": "Mean colors as words",
        "license": "MIT OR Apache-2.0",
        "source": "https://example.com/colors",
        "input": {"size": {"cover": [SIDE, SIDE]}, "filter": "bilinear", "mean": [0, 0, 0], "std": [1, 1, 1], "layout": "nchw"},
        "task": {
            "image_text": {
                "encoder": {
                    "file": {"file": "colors.onnx", "bytes": len(file), "sha256": hashlib.sha256(file).hexdigest()},
                    "image": "pixel_values",
                },
                "output": "image_embeds",
                "text_encoder": "all-MiniLM-L6-v2",
                "logit_scale": 50.0,
            }
        },
    }
    (OUT / "colors.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
