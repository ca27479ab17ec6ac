"""Bundles of a given size, as the server takes them: random points, of which deflate makes nothing smaller. Needs blake3 from PyPI.

    python tests/beside/bundles.py 100_000_000 big.segscape
"""

import json
import random
import struct
import sys
import zlib

import blake3

# Bytes of a point: three coordinates of 16 bits and a color.
POINT = 9


def deflated(data):
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def container(version, counts, sections):
    """A bundle with these sections, by name; `core/src/bundle/container.rs` describes it."""
    stored = {name: deflated(data) for name, data in sections.items()}
    table = b"".join(name.encode() + struct.pack("<II", len(stored[name]), len(data)) for name, data in sections.items())
    head = b"SEGSCAPE" + struct.pack("<5I", version, len(sections), *counts)
    rest = table + b"".join(stored.values())
    return head + blake3.blake3(head + rest).digest() + rest


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def meta(instances=0, **more):
    frame = {"offset": [0.0, 0.0, 0.0], "metres_per_unit": 1.0, "up": "plus_z"}
    names = [{"text": "", "by_user": False}] * instances
    return json.dumps({"names": names, "view": {}, "frame": frame, "provenance": {}} | more).encode()


def noise(points, seed):
    """The places and colors of so many points."""
    random_bytes = random.Random(seed).randbytes
    grid = struct.pack("<4f", 0.0, 0.0, 0.0, 0.001)
    return {"posn": grid + random_bytes(6 * points), "colr": random_bytes(3 * points)}


def scene(size, seed=1):
    """A scene of about so many bytes: one superpoint, no instances."""
    points = size // POINT
    sections = {"meta": meta(), "supr": varint(points)} | noise(points, seed)
    return container(1, (points, 1, 0), sections | {"inst": struct.pack("<f", 1.0), "embd": b""})


def costly(size):
    """A scene of about so many bytes that takes as much memory to check as one can: as many instances as there may be, with the widest
    embeddings, and as many superpoints in them."""
    instances, width = 4096, 4096
    claims, values = 4_000_000 // instances, instances * width
    points = (size - values) // POINT
    # Low bytes of f16 may be anything, high bytes not: they would not be finite.
    embeddings = random.Random(2).randbytes(values) + b"\x30" * values
    # A number in five bytes where one is enough is accepted.
    one = varint(claims) + b"\x80\x80\x80\x80\0" * claims + varint(claims) + struct.pack("<7f", 0.5, *[0.0] * 6) + b"\0"
    space = {"encoder": "other", "width": width}
    sizes = b"\1" * (instances - 1) + varint(points - instances + 1)
    sections = {"meta": meta(instances, text_space=space), "supr": sizes} | noise(points, 1)
    return container(1, (points, instances, instances), sections | {"inst": struct.pack("<f", 1.0) + one * instances, "embd": embeddings})


def labels(points):
    """Labels of so many points, each of which is a superpoint of its own."""
    scan = {"blake3": "0" * 64, "bytes": 9 * points}
    # The first point has superpoint 0, and each of the others one more than the one before, which is 2 in zigzag.
    sections = {"meta": meta(), "scan": json.dumps(scan).encode(), "pnts": b"\x80\x80\x80\x80\0" + b"\x82\x80\x80\x80\0" * (points - 1)}
    return container(2, (points, points, 0), sections | {"inst": struct.pack("<f", 1.0), "embd": b""})


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as file:
        file.write(scene(int(sys.argv[1])))
