#!/usr/bin/env python3
"""Writes tests/golden/torch with PyTorch's own torch.save.

The test `files_that_torch_itself_wrote_are_read` of the crate `recordings` reads them and compares
with the numbers that the formulas below give.

    pip install torch==1.12.1 "numpy<2"     # any PyTorch from 1.6 on writes this format
    python tests/beside/torch_files.py tests/golden/torch

With NumPy 2 the module names in the tuple differ; `--numpy2` writes that file alone.
"""

import sys
from pathlib import Path

import numpy as np
import torch


def features():
    """As SegDINO3D's features of points: a list of tensors (points, channels), in several types."""
    base = torch.arange(12, dtype=torch.float32).reshape(4, 3) / 4 - 1
    part = (torch.arange(24, dtype=torch.float32) / 4 - 2.5).reshape(8, 3)[2:6]  # within a larger storage
    return [base, base.half(), base.bfloat16(), base.double(), part]


def scene():
    """As ISBNet, Open3DIS and SPFormer store a scene: NumPy arrays xyz, rgb, semantic, instance."""
    xyz = np.arange(12, dtype=np.float64).reshape(4, 3) / 8
    rgb = (np.arange(12, dtype=np.float32).reshape(4, 3) - 6) / 6
    semantic = np.array([-100, 0, 5, 199], dtype=np.float64)
    instance = np.array([-100, 3, 3, 0], dtype=np.int64)
    return xyz, rgb, semantic, instance


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if "--numpy2" in sys.argv:
        assert np.__version__.startswith("2"), np.__version__
        torch.save(scene(), folder / "scene_numpy2.pth")
        return
    assert np.__version__.startswith("1"), np.__version__
    torch.save(features(), folder / "features.pth")
    torch.save(torch.arange(5), folder / "superpoints.pth")
    torch.save(scene(), folder / "scene.pth")
    torch.save({"weight": torch.ones(2, 2)}, folder / "checkpoint.pth")


main()
