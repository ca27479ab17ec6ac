"""What others take from a mesh to superpoints: ScanNet's Segmentator over the mesh's edges, scipy's neighbours and numpy's principal components.

Segmentator has no package; `segmentator.cpp` beside this file does its steps, without reading the file, and needs a C++ compiler. Run both in the
same minutes and compare, on one core with `taskset -c 0` before each:

    pip install numpy==2.4.6 scipy==1.17.1
    python tests/beside/superpoints.py SCENE_vh_clean_2.ply
    cargo run --release --bin trainer -- bench superpoints --scan SCENE_vh_clean_2.ply --runs 10
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.spatial import cKDTree

NEIGHBOURS = 16
RUNS = 10
TYPES = {
    "char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4", "float": "<f4", "double": "<f8",
    "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4", "float32": "<f4", "float64": "<f8",
}  # fmt: skip


def mesh(path):
    """Positions (vertices, 3) and triangles (faces, 3) of a binary little-endian PLY whose faces are triangles and nothing else."""
    with open(path, "rb") as file:
        elements = []
        while (line := file.readline().decode().split()) != ["end_header"]:
            if not line:
                sys.exit(f"{path} is no PLY")
            if line[0] == "format" and line[1] != "binary_little_endian":
                sys.exit(f"{path} is not binary little-endian")
            if line[0] == "element":
                elements.append((line[1], int(line[2]), []))
            if line[0] == "property":
                name, kinds = line[-1], line[1:-1]
                fields = [(name, TYPES[kinds[0]])] if kinds[0] != "list" else [("count", TYPES[kinds[1]]), (name, TYPES[kinds[2]], 3)]
                elements[-1][2].extend(fields)
        tables = {name: np.fromfile(file, np.dtype(fields), count) for name, count, fields in elements}
    vertices, faces = tables["vertex"], tables["face"]
    if not (faces["count"] == 3).all():
        sys.exit(f"{path} has faces that are no triangles")
    positions = np.stack([vertices[axis] for axis in "xyz"], 1).astype(np.float32)
    return positions, faces[faces.dtype.names[1]].astype(np.uint32)


def segmentator(positions, triangles):
    """Milliseconds and number of segments."""
    with tempfile.TemporaryDirectory() as folder:
        program, dump = os.path.join(folder, "segmentator"), os.path.join(folder, "mesh")
        source = pathlib.Path(__file__).with_name("segmentator.cpp")
        subprocess.run([os.environ.get("CXX", "c++"), "-O3", "-std=c++17", "-o", program, source], check=True)
        with open(dump, "wb") as file:
            for part in (np.array([len(positions), len(triangles)], np.uint32), positions, triangles):
                file.write(np.ascontiguousarray(part).tobytes())
        ms, segments = subprocess.run([program, dump, str(RUNS)], check=True, capture_output=True, text=True).stdout.split()
    return float(ms), int(segments)


def fastest(work):
    """Milliseconds, and what `work` gave."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times), result


def normals(points, neighbours):
    near = points[neighbours]
    near = near - near.mean(1, keepdims=True)
    return np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))[1][:, :, 0]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    positions, triangles = mesh(sys.argv[1])
    points = positions.astype(np.float64)
    edges, segments = segmentator(positions, triangles)
    search, (_, neighbours) = fastest(lambda: cKDTree(points).query(points, NEIGHBOURS + 1, workers=len(os.sched_getaffinity(0))))
    components, _ = fastest(lambda: normals(points, neighbours))
    print(f"{len(points)} vertices, {len(triangles)} triangles, {segments} segments")
    for name, ms in (
        ("Segmentator's steps", edges),
        ("scipy's cKDTree", search),
        ("numpy's principal components", components),
        ("together", edges + search + components),
    ):
        print(f"{name:30} {ms:8.1f} ms")


main()
