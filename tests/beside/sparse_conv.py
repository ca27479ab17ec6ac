"""Sparse convolution as others compute it: spconv's CPU build, and PyTorch by gather, product and scatter.

The voxels are those of `cargo xtask bench sparse_conv`: the shell of a room, 3 x 3 x 3 neighbours. One thread, because spconv's CPU build races with more.
Run both on one core in the same minutes and compare:

    pip install torch==2.6.0 spconv==2.3.8
    taskset -c 0 python tests/beside/sparse_conv.py
"""

import time

import numpy as np
import spconv.pytorch as spconv
import torch

VOXELS = 100_000
KEPT = 217
RUNS = 6


def shell(voxels):
    """About so many cells of the walls, the floor and the ceiling of a room, with holes; (x, y, z)."""
    unit = np.sqrt(voxels * 256 / KEPT / 1006)
    x, y, z = (max(int(edge * unit + 0.5), 1) for edge in (15, 13, 11))
    k, j, i = (axis.ravel() for axis in np.meshgrid(np.arange(z), np.arange(y), np.arange(x), indexing="ij"))
    wall = (i == 0) | (i == x - 1) | (j == 0) | (j == y - 1) | (k == 0) | (k == z - 1)
    i, j, k = i[wall], j[wall], k[wall]
    mix = (i * 73_856_093 ^ j * 19_349_663 ^ k * 83_492_791) & 0xFFFFFFFF
    kept = (mix * 0x9E3779B9 & 0xFFFFFFFF) >> 24 < KEPT
    return np.stack([i[kept], j[kept], k[kept]], 1), (x, y, z)


def neighbours(cells, size):
    """For each offset of the kernel: rows of inputs and of outputs that meet."""
    padded = np.array(size) + 2
    place = lambda c: ((c[:, 0] + 1) * padded[1] + c[:, 1] + 1) * padded[2] + c[:, 2] + 1
    row = np.full(padded.prod(), -1, np.int64)
    row[place(cells)] = np.arange(len(cells))
    pairs = []
    for offset in np.ndindex(3, 3, 3):
        found = row[place(cells + np.array(offset) - 1)]
        outputs = np.nonzero(found >= 0)[0]
        pairs.append((torch.from_numpy(found[outputs]), torch.from_numpy(outputs)))
    return pairs


def fastest(work):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def gathered(x, weight, pairs):
    """The sum over the offsets of `x[inputs] @ weight[offset]`, added to `outputs`."""
    y = torch.zeros(x.shape[0], weight.shape[2])
    for matrix, (inputs, outputs) in zip(weight, pairs):
        y.index_add_(0, outputs, x[inputs] @ matrix)
    return y


def main():
    torch.set_num_threads(1)
    cells, size = shell(VOXELS)
    pairs = neighbours(cells, size)
    count = sum(len(inputs) for inputs, _ in pairs)
    print(f"{len(cells)} voxels, {count} pairs")
    indices = torch.from_numpy(np.concatenate([np.zeros((len(cells), 1)), cells], 1).astype(np.int32))
    for channels in (32, 64, 128):
        x, grad = torch.randn(len(cells), channels, requires_grad=True), torch.randn(len(cells), channels)
        layer = spconv.SubMConv3d(channels, channels, 3, bias=False, indice_key="shell")
        sparse = spconv.SparseConvTensor(x.detach(), indices, list(size), 1)
        layer(sparse)  # builds the pairs once
        weight = torch.randn(27, channels, channels, requires_grad=True)

        def report(name, passes, seconds):
            print(f"{name:34} {channels:4} channels {1e3 * seconds:8.1f} ms, {2e-9 * passes * count * channels**2 / seconds:5.1f} GFLOPS")

        with torch.no_grad():
            report("spconv", 1, fastest(lambda: layer(sparse)))
            forward = fastest(lambda: gathered(x, weight, pairs))
        report("gather, product, scatter", 1, forward)
        # spconv's CPU build has gradients only where a CUDA driver is
        both = fastest(lambda: gathered(x, weight, pairs).backward(grad))
        report("gather, product, scatter: gradients", 2, both - forward)


main()
