"""A training step of the network of configs/nano.toml as PyTorch computes it: convolutions by gather, product and scatter, the rest dense.

Beside it run `trainer bench step` on the same room and the same cores:

    pip install torch numpy
    cargo run --release -p trainer -- synth --count 1 --seed 9000 --out rooms/step
    taskset -c 0 python tests/beside/training_step.py rooms/step/room_9000_00000.ply --threads 1

spconv cannot stand in for the convolutions: its CPU build has gradients only where a CUDA driver is. Superpoints are cells of 20 cm, because only their number
matters for the time. What is left out makes PyTorch faster: the modulation of encodings, the boxes' losses, making the sample.
"""

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

PLANES = [16, 32, 48, 64, 80]
INPUTS, VOXEL, CELL = 7, 0.04, 0.2
WIDTH, HEADS, FEED_FORWARD, LAYERS = 96, 4, 256, 3
QUERIES, PAIRS, OBJECTS, NAMES, TEXT = 400, 128, 40, 41, 384


def read_positions(path):
    """(points, 3) of a binary little-endian PLY whose vertices have scalar properties."""
    kinds = {"float": "<f4", "uchar": "u1", "int": "<i4", "short": "<i2", "ushort": "<u2", "double": "<f8"}
    with open(path, "rb") as file:
        fields, count = [], 0
        while (line := file.readline().split()) != [b"end_header"]:
            if line[:2] == [b"element", b"vertex"]:
                count = int(line[2])
            elif line[:1] == [b"property"]:
                fields.append((line[2].decode(), kinds[line[1].decode()]))
        vertices = np.frombuffer(file.read(), np.dtype(fields), count)
    return np.stack([vertices[axis] for axis in "xyz"], 1)


def rows_of(cells):
    """A function from cells to their rows in `cells`, -1 where there is none."""
    low, size = cells.min(0) - 2, cells.max(0) - cells.min(0) + 5
    place = lambda c: ((c[:, 0] - low[0]) * size[1] + c[:, 1] - low[1]) * size[2] + c[:, 2] - low[2]
    row = np.full(size.prod(), -1, np.int64)
    row[place(cells)] = np.arange(len(cells))
    return lambda c: row[place(c)]


def around(cells):
    """For each of the 27 offsets: rows of inputs and of outputs that meet."""
    find, pairs = rows_of(cells), []
    for offset in np.ndindex(3, 3, 3):
        found = find(cells + np.array(offset) - 1)
        outputs = np.nonzero(found >= 0)[0]
        pairs.append((torch.from_numpy(found[outputs]), torch.from_numpy(outputs)))
    return pairs


def coarser(cells):
    """The cells of the next level, and for each of the 8 places in a parent: rows of children and of parents."""
    parents, row = np.unique(cells // 2, axis=0, return_inverse=True)
    child = (cells % 2) @ np.array([4, 2, 1])
    pairs = []
    for place in range(8):
        children = np.nonzero(child == place)[0]
        pairs.append((torch.from_numpy(children), torch.from_numpy(row.ravel()[children])))
    return parents, pairs


class Convolution(nn.Module):
    def __init__(self, offsets, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(offsets, inputs, outputs) * (2 / (offsets * inputs)) ** 0.5)

    def forward(self, x, pairs, rows):
        y = x.new_zeros(rows, self.weight.shape[2])
        for matrix, (inputs, outputs) in zip(self.weight, pairs):
            y = y.index_add(0, outputs, x[inputs] @ matrix)
        return y


class Block(nn.Module):
    """conv(relu(norm(conv(relu(norm(x)))))) + shortcut(x)"""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm1d(inputs, eps=1e-4), Convolution(27, inputs, outputs)
        self.norm2, self.conv2 = nn.BatchNorm1d(outputs, eps=1e-4), Convolution(27, outputs, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs, bias=False)

    def forward(self, x, pairs):
        y = self.conv1(F.relu(self.norm1(x)), pairs, len(x))
        return self.conv2(F.relu(self.norm2(y)), pairs, len(x)) + self.shortcut(x)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        levels = range(len(PLANES) - 1)
        self.input = Convolution(27, INPUTS, PLANES[0])
        self.down = nn.ModuleList(nn.ModuleList([Block(p, p), Block(p, p)]) for p in PLANES)
        self.up = nn.ModuleList(nn.ModuleList([Block(2 * PLANES[i], PLANES[i]), Block(PLANES[i], PLANES[i])]) for i in levels)
        self.lower = nn.ModuleList(Convolution(8, PLANES[i], PLANES[i + 1]) for i in levels)
        self.raise_ = nn.ModuleList(Convolution(8, PLANES[i + 1], PLANES[i]) for i in levels)
        self.lower_norm = nn.ModuleList(nn.BatchNorm1d(PLANES[i], eps=1e-4) for i in levels)
        self.raise_norm = nn.ModuleList(nn.BatchNorm1d(PLANES[i + 1], eps=1e-4) for i in levels)
        self.output = nn.BatchNorm1d(PLANES[0], eps=1e-4)

    def forward(self, x, levels, children):
        """`levels`: pairs around each level and its rows; `children`: pairs from each level to the next coarser one."""
        x, skips = self.input(x, levels[0][0], levels[0][1]), []
        for level, blocks in enumerate(self.down):
            if level > 0:
                skips.append(x)
                x = self.lower[level - 1](F.relu(self.lower_norm[level - 1](x)), children[level - 1], levels[level][1])
            for block in blocks:
                x = block(x, levels[level][0])
        for level in reversed(range(len(self.up))):
            parents = [(parent, child) for child, parent in children[level]]
            x = self.raise_[level](F.relu(self.raise_norm[level](x)), parents, levels[level][1])
            x = torch.cat([skips.pop(), x], 1)
            for block in self.up[level]:
                x = block(x, levels[level][0])
        return F.relu(self.output(x))


def mlp(*widths):
    layers = [nn.Linear(a, b) for a, b in zip(widths, widths[1:])]
    return nn.Sequential(*[step for layer in layers for step in (layer, nn.ReLU())][:-1])


class Layer(nn.Module):
    """Attention to superpoints (content and position beside each other), to queries, and a feed-forward step."""

    def __init__(self):
        super().__init__()
        linear = lambda: nn.Linear(WIDTH, WIDTH)
        self.query, self.query_place, self.key, self.key_place, self.value, self.out = (linear() for _ in range(6))
        self.own_query, self.own_key, self.own_value, self.own_out = (linear() for _ in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.feed_forward = nn.Sequential(nn.Linear(WIDTH, FEED_FORWARD), nn.GELU(), nn.Linear(FEED_FORWARD, WIDTH))
        self.center, self.size = mlp(WIDTH, WIDTH, WIDTH, 3), mlp(WIDTH, WIDTH, WIDTH, 3)

    def forward(self, queries, place, content, key_place, masks):
        heads = lambda x: x.view(len(x), HEADS, -1).transpose(0, 1)
        both = lambda a, b: torch.cat([heads(a), heads(b)], 2)
        covers = masks.detach() >= 0
        covers = covers | ~covers.any(1, keepdim=True)
        query, key = both(self.query(queries), self.query_place(place)), both(self.key(content), self.key_place(key_place))
        seen = F.scaled_dot_product_attention(query[None], key[None], heads(self.value(content))[None], attn_mask=covers[None, None])[0]
        queries = self.norms[0](queries + self.out(seen.transpose(0, 1).reshape(queries.shape)))
        own = [heads(x)[None] for x in (self.own_query(queries + place), self.own_key(queries + place), self.own_value(queries))]
        told = F.scaled_dot_product_attention(*own)[0]
        queries = self.norms[1](queries + self.own_out(told.transpose(0, 1).reshape(queries.shape)))
        queries = self.norms[2](queries + self.feed_forward(queries))
        return queries, self.center(queries), self.size(queries)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.content = nn.Sequential(nn.Linear(PLANES[0], WIDTH), nn.LayerNorm(WIDTH), nn.ReLU())
        self.mask_features, self.initial = mlp(PLANES[0], WIDTH, WIDTH), mlp(PLANES[0], WIDTH, WIDTH)
        self.point, self.anchor = mlp(WIDTH, WIDTH, WIDTH), mlp(WIDTH, WIDTH, 3)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm, self.embed = nn.LayerNorm(WIDTH), mlp(WIDTH, WIDTH, TEXT)
        self.nothing, self.score, self.query_mask = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 1), mlp(WIDTH, WIDTH, WIDTH)

    def forward(self, scene):
        x = self.backbone(scene["features"], scene["levels"], scene["children"])
        superpoints = len(scene["sizes"])
        sums = x.new_zeros(superpoints, x.shape[1]).index_add(0, scene["superpoint"], x)
        x = sums / scene["sizes"][:, None]
        content, mask_features = self.content(x), self.mask_features(x)
        queries, key_place = self.initial(x[scene["queries"]]), scene["encoding"]
        predictions = [self.predict(queries, mask_features, scene["text"])]
        for layer in self.layers:
            place = self.point(key_place[scene["queries"]] * torch.sigmoid(self.anchor(queries)).repeat_interleave(WIDTH // 3, 1))
            queries, center, size = layer(queries, place, content, key_place, predictions[-1][0])
            predictions.append((*self.predict(queries, mask_features, scene["text"]), center, size))
        return predictions

    def predict(self, queries, mask_features, text):
        normed = self.norm(queries)
        classes = torch.cat([F.normalize(self.embed(normed), dim=1) @ text.T, self.nothing(normed)], 1)
        return self.query_mask(normed) @ mask_features.T, classes, self.score(normed)


def loss(predictions, scene):
    """Dense supervision: drawn queries learn their object's mask, all learn its name and how well their mask fits."""
    total = 0
    for masks, classes, score, *_ in predictions:
        logits, truth = masks[scene["pairs"]], scene["masks"][scene["object"][scene["pairs"]]]
        share = torch.sigmoid(logits)
        dice = 1 - (2 * (share * truth).sum(1) + 1) / (share.sum(1) + truth.sum(1) + 1)
        own, covered = scene["masks"][scene["object"]], (masks.detach() > 0).float()
        both = (covered * own).sum(1)
        iou = both / (covered.sum(1) + own.sum(1) - both).clamp_min(1e-9)
        total = total + 2 * F.binary_cross_entropy_with_logits(logits, truth) + 2 * dice.mean()
        total = total + 0.5 * F.cross_entropy(classes, scene["object"]) + F.binary_cross_entropy_with_logits(score[:, 0], iou)
    return total


def prepare(positions, random):
    cells = np.unique(np.floor(positions / VOXEL).astype(np.int64), axis=0)
    superpoints, superpoint = np.unique(cells // round(CELL / VOXEL), axis=0, return_inverse=True)
    levels, children = [], []
    finest = cells
    for level in range(len(PLANES)):
        levels.append((around(cells), len(cells)))
        if level + 1 < len(PLANES):
            cells, pairs = coarser(cells)
            children.append(pairs)
    superpoint = torch.from_numpy(superpoint.ravel())
    count = len(superpoints)
    queries = torch.from_numpy(np.sort(random.permutation(count)[:QUERIES]))
    object_of_superpoint = torch.from_numpy(random.integers(0, OBJECTS, count))
    return {
        "features": torch.randn(len(finest), INPUTS),
        "levels": levels,
        "children": children,
        "superpoint": superpoint,
        "sizes": torch.bincount(superpoint, minlength=count).float(),
        "encoding": torch.rand(count, WIDTH),
        "queries": queries,
        "object": object_of_superpoint[queries],
        "masks": F.one_hot(object_of_superpoint, OBJECTS).T.float(),
        "pairs": torch.from_numpy(random.permutation(len(queries))[:PAIRS]),
        "text": F.normalize(torch.randn(NAMES, TEXT), dim=1),
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("room", help="a PLY of trainer synth")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--steps", type=int, default=10)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    scene = prepare(read_positions(options.room), np.random.default_rng(1))
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-4, weight_decay=0.05)
    average = [parameter.detach().clone() for parameter in network.parameters()]
    print(f"{len(scene['features'])} voxels, {len(scene['sizes'])} superpoints, {sum(p.numel() for p in network.parameters())} parameters")
    times = []
    for _ in range(options.steps):
        start = time.perf_counter()
        value = loss(network(scene), scene)
        forward = time.perf_counter()
        optimiser.zero_grad()
        value.backward()
        backward = time.perf_counter()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        torch._foreach_lerp_(average, list(network.parameters()), 0.002)
        times.append([forward - start, backward - forward, time.perf_counter() - backward])
    forward, backward, update = 1e3 * np.median(np.array(times[2:]), 0)
    print(f"loss {value.item():.3f}; forward {forward:.0f} ms, backward {backward:.0f} ms, optimiser {update:.0f} ms, sum {forward + backward + update:.0f} ms")


main()
