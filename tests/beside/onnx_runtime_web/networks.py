"""The shipped network's decoder and the text encoder as ONNX files, written anew in PyTorch.

The decoder is what `core/src/model/decoder` computes: features of superpoints to the last layer's answers. Here is also the U-Net before it, on
dense grids and only for the tiny scene whose answers the manifest holds, so that what is exported is known to be the shipped network.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load
from torch import Tensor, nn

COLOR_MEAN = np.array([0.47793126, 0.43032575, 0.3749599]) * 255
COLOR_DEVIATION = np.array([0.2834475, 0.2756616, 0.2701897]) * 255


class Shipped:
    """Manifest and weights of the network that `static/models/index.json` names."""

    def __init__(self, models: Path):
        folder = models / json.loads((models / "index.json").read_text())["network"]
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.config = self.manifest["config"]
        weights = load(b"".join((folder / shard["file"]).read_bytes() for shard in self.manifest["shards"]))
        # former names of two parts of the decoder
        renamed = {"decoder.point.": "decoder.query_position.", "decoder.anchor.": "decoder.box_modulation."}
        current = lambda name: next((name.replace(former, now) for former, now in renamed.items() if name.startswith(former)), name)
        self.weights = {current(name): value.float() for name, value in weights.items()}

    def part(self, prefix: str):
        return {name.removeprefix(prefix): value for name, value in self.weights.items() if name.startswith(prefix)}


class Decoder(nn.Module):
    """Superpoint features (superpoints, channels), their centres and the scene's lower corner and extent in metres, and the superpoints that become
    queries, to the last layer's mask logits, text embeddings, logits of "no object" and of the IoU, and boxes."""

    INPUTS = ["features", "centers", "low", "extent", "queries"]
    OUTPUTS = ["masks", "embeddings", "no_object", "scores", "box_centers", "box_sizes"]

    def __init__(self, shipped: Shipped):
        super().__init__()
        self.d, self.heads, self.layers = (shipped.config[key] for key in ("d_model", "heads", "layers"))
        for name, value in shipped.part("decoder.").items():
            value = value.T.contiguous() if name.endswith("weight") else value
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value, requires_grad=False))
        third = self.d // 3  # the shipped width has three equal blocks of channels
        frequency = 20.0 ** -(2 * torch.div(torch.arange(third), 2, rounding_mode="floor") / third)
        self.register_buffer("axes", torch.eye(3).repeat_interleave(third, 1))
        self.register_buffer("frequencies", self.axes * frequency.repeat(3))
        self.register_buffer("phases", (torch.arange(self.d) % 2 * 0.25)[None])

    def get(self, name: str) -> Tensor:
        return getattr(self, name.replace(".", "/"))

    def linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.get(f"{name}.weight"), self.get(f"{name}.bias"))

    def mlp(self, name: str, layers: int, x: Tensor) -> Tensor:
        for layer in range(layers):
            x = self.linear(f"{name}.layers.{layer}", F.relu(x) if layer else x)
        return x

    def norm(self, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (self.d,), self.get(f"{name}.gamma"), self.get(f"{name}.beta"))

    def encode(self, positions: Tensor, low: Tensor, extent: Tensor) -> Tensor:
        return torch.sin(2 * torch.pi * ((positions - low) / extent @ self.frequencies + self.phases))

    def split(self, x: Tensor) -> Tensor:
        return x.reshape(-1, self.heads, self.d // self.heads).transpose(0, 1)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, closed: Tensor | None) -> Tensor:
        scores = query / query.shape[-1] ** 0.5 @ key.transpose(1, 2)
        if closed is not None:
            scores = scores.masked_fill(closed, torch.finfo(torch.float32).min)
        return (scores.softmax(-1) @ value).transpose(0, 1).reshape(-1, self.d)

    def forward(self, features, centers, low, extent, queries):
        content = F.relu(self.norm("content_norm", self.linear("content", features)))
        mask_features = self.mlp("mask_features", 2, features)
        encoding = self.encode(centers, low, extent)
        x = self.mlp("initial_queries", 2, features[queries])
        box_centers = centers[queries]
        box_sizes = torch.full_like(box_centers, 0.5)
        for i in range(self.layers):
            masks = self.norm("heads.norm", x) @ mask_features.T
            layer = f"layers.{i}"
            sizes = torch.where(box_sizes.abs() < 0.02, 0.02, box_sizes)
            modulation = torch.sigmoid(self.mlp("box_modulation", 2, x)) / sizes
            place = self.encode(box_centers, low, extent) * (modulation @ self.axes)
            point = self.mlp("query_position", 2, place)

            part = lambda name, x: self.linear(f"{layer}.cross_attention.{name}", x)
            query, key = part("query_content", x), part("key_content", content)
            key_position = part("key_position", encoding)
            if i == 0:
                query, key = query + part("first_query_position", point), key + key_position
            both = lambda content, position: torch.cat([self.split(content), self.split(position)], -1)
            closed = masks < 0
            closed = closed & ~closed.all(-1, keepdim=True)
            seen = self.attend(both(query, part("query_position", place)), both(key, key_position), self.split(part("value", content)), closed)
            x = self.norm(f"{layer}.cross_norm", x + part("out", seen))

            part = lambda name, x: self.linear(f"{layer}.self_attention.{name}", x)
            query, key = (part(f"{side}_content", x) + part(f"{side}_position", point) for side in ("query", "key"))
            told = self.attend(self.split(query), self.split(key), self.split(part("value", x)), None)
            x = self.norm(f"{layer}.self_norm", x + part("out", told))

            thought = self.linear(f"{layer}.contract", F.gelu(self.linear(f"{layer}.expand", x)))
            x = self.norm(f"{layer}.feed_forward_norm", x + thought)
            box_centers = box_centers + self.mlp(f"{layer}.center", 3, x)
            box_sizes = box_sizes + self.mlp(f"{layer}.size", 3, x)
        x = self.norm("heads.norm", x)
        text = self.mlp("heads.class.Text.text", 2, x)
        embeddings = text / (text.square().sum(1, keepdim=True) + 1e-12).sqrt()
        no_object, scores = self.linear("heads.class.Text.no_object", x), self.mlp("heads.class.Text.score", 2, x)
        return x @ mask_features.T, embeddings, no_object, scores, box_centers, box_sizes

    def export(self, path: Path):
        arguments = tuple(room(20, 10).values())
        names = self.INPUTS + self.OUTPUTS
        rows = {name: {0: "superpoints" if name in ("features", "centers") else "queries"} for name in names if name not in ("low", "extent")}
        rows["masks"][1] = "superpoints"
        torch.onnx.export(self, arguments, path, input_names=self.INPUTS, output_names=self.OUTPUTS, dynamic_axes=rows, opset_version=17)


def room(superpoints: int, queries: int):
    """Arguments of a decoder as for a room; random, since dense products take as long for any numbers."""
    random = torch.Generator().manual_seed(1)
    extent = torch.tensor([[5.0, 4.0, 2.7]])
    chosen = torch.randperm(superpoints, generator=random)[:queries].sort().values
    features = torch.randn(superpoints, 16, generator=random).relu()
    centers = torch.rand(superpoints, 3, generator=random) * extent
    return {"features": features, "centers": centers, "low": torch.zeros(1, 3), "extent": extent, "queries": chosen}


def probe_points():
    """`probe()` of `core/src/model/checkpoint/manifest.rs`: positions, colours and superpoints of a floor with a box and a slab on it."""
    floor = [((12 * (i % 2), 12 * (i // 2), 0), (0, 1), (12, 12), (120, 110, 100)) for i in range(4)]
    box = [((3, 3, 8), (0, 1), (7, 7), (200, 40, 40)), ((3, 3, 1), (0, 2), (7, 7), (190, 40, 40)), ((3, 3, 1), (1, 2), (7, 7), (180, 40, 40))]
    slab = [((14, 12, 3), (0, 1), (8, 9), (40, 60, 200)), ((14, 12, 1), (0, 2), (8, 2), (40, 60, 190))]
    steps, colors, ids = [], [], []
    for superpoint, (origin, axes, count, color) in enumerate(floor + box + slab):
        for a, b in np.ndindex(*count):
            at = list(origin)
            at[axes[0]] += a
            at[axes[1]] += b
            steps.append(at)
            colors.append([min(c + (7 * a + 3 * b) % 256 % 16, 255) for c in color])
            ids.append(superpoint)
    return np.array(steps, np.float32) * np.float32(0.04), np.array(colors), np.array(ids)


def probe(shipped: Shipped):
    """Arguments of the decoder for the tiny scene, by way of the U-Net."""
    positions, colors, ids = probe_points()
    size = np.float32(shipped.config["voxel_size"])
    cells = np.floor(positions / size).astype(np.int64)
    floor = np.sort(positions[:, 2])[len(positions) // 100]
    features = np.concatenate([(colors - COLOR_MEAN) / COLOR_DEVIATION, positions - positions.mean(0, dtype=np.float64), positions[:, 2:] - floor], 1)
    # x, y, z of a cell become the last axes: offsets of kernels count x first
    grid = torch.zeros(1, 7, 32, 32, 32)
    count = torch.zeros(1, 1, 32, 32, 32)
    at = (0, slice(None), cells[:, 2], cells[:, 1], cells[:, 0])
    for point, (x, y, z) in enumerate(cells):
        grid[0, :, z, y, x] += torch.from_numpy(features[point]).float()
        count[0, 0, z, y, x] += 1
    voxels = unet(shipped, grid / count.clamp_min(1), (count > 0).float())[at].T
    mean = lambda x: torch.stack([x[ids == i].mean(0) for i in range(ids.max() + 1)]).float()
    low, high = (torch.from_numpy(corner)[None] for corner in (positions.min(0), positions.max(0)))
    centers = mean(torch.from_numpy(cells).double() * float(size))
    return {"features": mean(voxels), "centers": centers, "low": low, "extent": high - low, "queries": torch.arange(len(centers))}


def unet(shipped: Shipped, x: Tensor, there: Tensor) -> Tensor:
    """`core/src/model/sparse_unet.rs` on a dense grid (1, channels, z, y, x); cells that are not there stay zero."""
    weights, there = shipped.part("backbone.SparseUnet."), [there]

    def kernel(name):
        weight = weights[f"{name}.weight"]
        edge = round(len(weight) ** (1 / 3))
        return weight.reshape(edge, edge, edge, *weight.shape[1:]).permute(4, 3, 0, 1, 2)

    def activate(name, x, level):
        beta, gamma, mean, var = (weights[f"{name}.{part}"][:, None, None, None] for part in ("beta", "gamma", "running_mean", "running_var"))
        return ((x - mean) / (var + 1e-4).sqrt() * gamma + beta).relu() * there[level]

    def blocks(name, x, level):
        for block in (f"{name}.{level}.0", f"{name}.{level}.1"):
            y = x
            for step in "12":
                y = F.conv3d(activate(f"{block}.norm{step}", y, level), kernel(f"{block}.conv{step}"), padding=1) * there[level]
            shortcut = weights.get(f"{block}.shortcut.weight")
            x = y + (x if shortcut is None else torch.einsum("bczyx,cd->bdzyx", x, shortcut))
        return x

    levels = len(shipped.config["backbone"]["planes"])
    x = blocks("down", F.conv3d(x, kernel("input"), padding=1) * there[0], 0)
    skips = []
    for level in range(1, levels):
        skips.append(x)
        there.append(F.max_pool3d(there[-1], 2))
        x = F.conv3d(activate(f"exchanges.{level - 1}.down_norm", x, level - 1), kernel(f"exchanges.{level - 1}.down"), stride=2)
        x = blocks("down", x, level)
    for level in reversed(range(levels - 1)):
        up = kernel(f"exchanges.{level}.up").transpose(0, 1)
        raised = F.conv_transpose3d(activate(f"exchanges.{level}.up_norm", x, level + 1), up, stride=2) * there[level]
        x = blocks("up", torch.cat([skips[level], raised], 1), level)
    return activate("output", x, 0)


def difference_to_golden(shipped: Shipped, answers: dict) -> float:
    """The largest difference to an answer in the manifest, as a share of the largest of its kind (at most 0.01 is let through on any device)."""
    worst = 0.0
    for golden, answer in (("masks", "masks"), ("scores", "scores"), ("no_object", "no_object"), ("text", "embeddings"), ("centers", "box_centers")):
        expected = np.array(shipped.manifest["golden"][golden])
        found = np.asarray(answers[answer]).ravel()[: len(expected)]
        worst = max(worst, np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
    return worst


class Encoder(nn.Module):
    """all-MiniLM-L6-v2: token ids and which of them are there to unit vectors."""

    def __init__(self, folder: Path):
        from transformers import AutoTokenizer, BertModel

        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.bert = BertModel.from_pretrained(folder, attn_implementation="eager").eval()

    def forward(self, ids, there):
        states = self.bert(input_ids=ids, attention_mask=there).last_hidden_state * there[..., None]
        return F.normalize(states.sum(1) / there.sum(1, keepdim=True), dim=1)

    def tokens(self, phrases):
        found = self.tokenizer(phrases, padding=True, return_tensors="pt")
        return {"ids": found["input_ids"], "there": found["attention_mask"]}

    def export(self, path: Path):
        axes = {"ids": {0: "phrases", 1: "tokens"}, "there": {0: "phrases", 1: "tokens"}, "embeddings": {0: "phrases"}}
        arguments = tuple(self.tokens(["a chair", "a very long table"]).values())
        torch.onnx.export(self, arguments, path, input_names=["ids", "there"], output_names=["embeddings"], dynamic_axes=axes, opset_version=17)
