"""What the published networks compute, straight in PyTorch: from a scan and a checkpoint to instances.

docs/spec/model.md step by step, in float64, with convolutions over tables of the voxels that meet; section numbers in the comments are its own. Nothing here is fast.

Run, it compares itself with what the released code computed (tests/golden/segdino3d); published_fixture.py makes tests/golden/published with it.

    pip install torch==2.15.0 numpy safetensors
    python tests/beside/published_checkpoint.py
"""

import itertools
import json
import math
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
VOXEL = 0.02


# Sparse convolution (3, 3.1)


def steps(edge, x_fastest):
    """Offsets of a kernel in the order of its matrices."""
    span = range(edge) if edge % 2 == 0 else range(-(edge // 2), edge // 2 + 1)
    return [step[::-1] if x_fastest else step for step in itertools.product(span, repeat=3)]


def meetings(inputs, outputs, offsets, stride=1):
    """For each offset: rows of inputs and of outputs that meet, the input at `stride` times the output plus the offset."""
    low, size = inputs.min(0) - 2, np.ptp(inputs, axis=0) + 5
    inside = lambda cells: ((cells >= low) & (cells < low + size)).all(1)
    place = lambda cells: np.ravel_multi_index(tuple((cells - low).T), size, mode="clip")
    row = np.full(size.prod(), -1)
    row[place(inputs)] = np.arange(len(inputs))
    tables = []
    for offset in offsets:
        cells = stride * outputs + np.array(offset)
        found = np.where(inside(cells), row[place(cells)], -1)
        met = np.nonzero(found >= 0)[0]
        tables.append(torch.from_numpy(np.stack([found[met], met])))
    return tables


def convolved(x, matrices, tables, rows):
    y = x.new_zeros(rows, matrices.shape[2])
    for matrix, (inputs, outputs) in zip(matrices, tables):
        y.index_add_(0, outputs, x[inputs] @ matrix)
    return y


class Grid:
    """The voxels of all levels, each with the tables of its kernels. `border`: extent of spconv's grid, whose last odd voxels have no parent."""

    def __init__(self, cells, levels, first, x_fastest, border=None):
        self.cells, self.around, self.children = [cells], [], []
        self.first = meetings(cells, cells, steps(first, x_fastest))
        for level in range(levels):
            cells = self.cells[level]
            self.around.append(meetings(cells, cells, steps(3, x_fastest)))
            if level + 1 < levels:
                parents = np.unique(cells // 2, axis=0)
                if border is not None:
                    border = border // 2
                    parents = parents[(parents < border).all(1)]
                self.cells.append(parents)
                self.children.append(meetings(cells, parents, steps(2, x_fastest), stride=2))

    def rows(self, level):
        return len(self.cells[level])

    def within(self, x, matrices, level):
        return convolved(x, matrices, self.around[level], self.rows(level))

    def down(self, x, matrices, level):
        return convolved(x, matrices, self.children[level], self.rows(level + 1))

    def up(self, x, matrices, level):
        return convolved(x, matrices, [table.flip(0) for table in self.children[level]], self.rows(level))


def normed(x, w, name, eps):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"], w[name + ".bias"], eps=eps)


def mink(w, x, grid, trace):
    """Res16UNet34C (4)."""
    depth, norm = 4, lambda x, name: normed(x, w, name + ".bn", 1e-5)

    def blocks(x, name, level):
        for j in itertools.takewhile(lambda j: f"{name}.{j}.conv1.kernel" in w, itertools.count()):
            block = f"{name}.{j}."
            y = F.relu(norm(grid.within(x, w[block + "conv1.kernel"], level), block + "norm1"))
            y = norm(grid.within(y, w[block + "conv2.kernel"], level), block + "norm2")
            shrunk = block + "downsample.0.kernel"
            x = F.relu(y + (norm(x @ w[shrunk], block + "downsample.1") if shrunk in w else x))
        trace[name] = x
        return x

    x = trace["conv0p1s1"] = convolved(x, w["conv0p1s1.kernel"], grid.first, len(x))
    x, skips = F.relu(norm(x, "bn0")), []
    for level in range(depth):
        skips.append(x)
        x = F.relu(norm(grid.down(x, w[f"conv{level + 1}p{2**level}s2.kernel"], level), f"bn{level + 1}"))
        x = blocks(x, f"block{level + 1}", level + 1)
    for stage in range(depth):
        level = depth - 1 - stage
        name = f"convtr{depth + stage}p{2 ** (level + 1)}s2"
        x = trace[name] = grid.up(x, w[name + ".kernel"], level)
        x = torch.cat([F.relu(norm(x, f"bntr{depth + stage}")), skips.pop()], 1)
        x = blocks(x, f"block{depth + 1 + stage}", level)
    return x


def spconv(w, x, grid, trace):
    """SpConvUNet (5)."""
    norm = lambda x, name: F.relu(normed(x, w, name, 1e-4))

    def matrices(name):
        weight = w[name + ".weight"]
        if weight.shape[1] == weight.shape[2] == weight.shape[3]:  # spconv 2: outputs, x, y, z, inputs
            return weight.flatten(1, 3).permute(1, 2, 0)
        return weight.flatten(0, 2)  # spconv 1: x, y, z, inputs, outputs

    def shortcut(x, name):
        """1 x 1 x 1: spconv takes the memory of the tensor, whatever its shape, for (inputs, outputs) (3.1)."""
        return x @ w[name + ".weight"].reshape(x.shape[1], -1) if name + ".weight" in w else x

    def blocks(x, name, level):
        for block in (f"{name}.block0.", f"{name}.block1."):
            y = grid.within(norm(x, block + "conv_branch.0"), matrices(block + "conv_branch.2"), level)
            y = grid.within(norm(y, block + "conv_branch.3"), matrices(block + "conv_branch.5"), level)
            x = y + shortcut(x, block + "i_branch.0")
        trace[name] = x
        return x

    def below(x, level):
        u = "u." * level
        x = blocks(x, u + "blocks", level)
        if level + 1 == len(grid.cells):
            return x
        y = trace[u + "conv"] = grid.down(norm(x, u + "conv.0"), matrices(u + "conv.2"), level)
        y = below(y, level + 1)
        y = trace[u + "deconv"] = grid.up(norm(y, u + "deconv.0"), matrices(u + "deconv.2"), level)
        return blocks(torch.cat([x, y], 1), u + "blocks_tail", level)

    x = trace["input_conv"] = convolved(x, matrices("input_conv.0"), grid.first, len(x))
    x = trace["output_layer"] = norm(below(x, 0), "output_layer.0")
    return x


# Points to superpoints (3, 6)


def means(x, group):
    """The mean of the rows of every group; floating-point rows."""
    sums = x.new_zeros(int(group.max()) + 1, x.shape[1]).index_add(0, group, x)
    return sums / group.bincount()[:, None].to(x.dtype)


def voxelized(topology, places, levels, least):
    """The voxel of each point and the grid; `places` are in voxels, (points, 3), numpy, in float64."""
    cells = np.floor(places if topology is mink else places - places.min(0)).astype(np.int64)
    cells, voxel = np.unique(cells, axis=0, return_inverse=True)
    border = None if topology is mink else np.maximum(least, cells.max(0) + 1)
    return torch.from_numpy(voxel.ravel()), Grid(cells, levels, 5 if topology is mink else 3, topology is mink, border)


def encoded(w, topology, features, voxel, grid, superpoint):
    """The features of voxels, stages and superpoints from those of points."""
    trace = {"voxels_in": means(features, voxel)}
    x = topology(w, trace["voxels_in"], grid, trace)
    trace["superpoint_features"] = means(x[voxel], superpoint)
    return trace


def corners(places, superpoint):
    """Superpoints' positions in metres: the mean of the lower corners of the voxels of their points."""
    return means(torch.from_numpy(np.floor(places) * VOXEL), superpoint)


# Decoder (8)


def sines(points, low, high, width):
    """Position encoding, and the number of channels of each axis."""
    base = width // 3 // 2 * 2
    widths = [base + 2 * (axis < (width - 3 * base) // 2) for axis in range(3)]
    parts = []
    for axis, channels in enumerate(widths):
        j = torch.arange(channels, dtype=points.dtype)
        angle = 2 * math.pi * ((points - low) / (high - low))[:, axis, None] / 20 ** (2 * (j // 2) / channels)
        parts.append(torch.where(j % 2 == 0, angle.sin(), angle.cos()))
    return torch.cat(parts, 1), torch.tensor(widths)


def decoded(w, heads, normalized, features, places, undistorted, low, high, objects, near_objects):
    """All outputs of all heads, by the names of the golden cases; every superpoint is a query."""
    trace, layers = {}, sum(name.startswith("norm1.") for name in w) // 2
    linear = lambda x, name: F.linear(x, w[name + ".weight"], w[name + ".bias"])
    norm = lambda x, name: F.layer_norm(x, x.shape[1:], w[name + ".weight"], w[name + ".bias"], 1e-5)
    mlp = lambda x, *names: linear(mlp(x, *names[:-1]).relu() if len(names) > 1 else x, names[-1])
    split = lambda x: x.view(len(x), heads, -1)

    def attended(q, k, v, blocked=None):
        q, k, v = (split(x).transpose(0, 1) for x in (q, k, v))
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
        if blocked is not None:
            scores = scores.masked_fill(blocked, -math.inf)
        return (scores.softmax(2) @ v).transpose(0, 1).flatten(1)

    def head(q, number):
        n = norm(q, "out_norm")
        mask = n @ mask_feats.T
        blocked = mask < 0
        blocked = blocked & ~blocked.all(1, keepdim=True)
        found = {"cls": mlp(n, "out_cls.0", "out_cls.2"), "mask": mask, "attn_blocked": blocked}
        if number == layers:
            found["sem"] = linear(n, "out_sem")
        trace.update({f"head{number}.{kind}": value for kind, value in found.items()})
        return blocked

    inst = trace["inst_feats"] = norm(linear(features, "input_proj.0"), "input_proj.1").relu()
    mask_feats = trace["mask_feats"] = mlp(features, "x_mask.0", "x_mask.2")
    q = trace["query_init"] = mlp(features, "query_proj.0", "query_proj.2")
    key_pe, widths = sines(places, low, high, q.shape[1])
    trace["key_pe"] = key_pe
    center, size = places, torch.full_like(places, 0.5) / ((high - low) if normalized else 1)
    objects = torch.cat([objects, torch.ones(1, q.shape[1], dtype=q.dtype)])
    near = (undistorted[:, None] - near_objects[None]).abs().sum(2) < 0.2
    blocked = head(q, 0)
    for i in range(layers):
        note = lambda name, value: trace.setdefault(f"layer{i}.{name}", value)
        anchor = note("ref_anchor_logits", mlp(q, "ref_anchor_head.layers.0", "ref_anchor_head.layers.1"))
        pe = note("query_pe", sines(center, low, high, q.shape[1])[0] * (anchor.sigmoid() / size).repeat_interleave(widths, 1))
        position = note("query_pos", mlp(pe, "ref_point_head.layers.0", "ref_point_head.layers.1"))
        content, key, place = linear(q, f"ca_qcontent_proj.{i}"), linear(inst, f"ca_kcontent_proj.{i}"), linear(key_pe, f"ca_kpos_proj.{i}")
        if i == 0:
            content, key = content + linear(position, "ca_qpos_proj"), key + place
        beside = lambda a, b: torch.cat([split(a), split(b)], 2).flatten(1)
        seen = attended(beside(content, linear(pe, f"ca_qpos_sine_proj.{i}")), beside(key, place), linear(inst, f"ca_v_proj.{i}"), blocked)
        q = note("after_norm1", norm(q + note("cross_attn_out", linear(seen, f"cross_attn_layers.{i}.out_proj")), f"norm1.{i}"))
        query = linear(q, f"sa_qcontent_proj.{i}") + linear(position, f"sa_qpos_proj.{i}")
        key = linear(q, f"sa_kcontent_proj.{i}") + linear(position, f"sa_kpos_proj.{i}")
        told = attended(query, key, linear(q, f"sa_v_proj.{i}"))
        q = note("after_norm2", norm(q + note("self_attn_out", linear(told, f"self_attn_layers.{i}.out_proj")), f"norm2.{i}"))
        daca = f"dinox_query_cross_attn_layers.{i}."
        far = note("daca_blocked", F.pad(~(~blocked[:, :, None] & near[None]).any(1), (0, 1)))
        third = zip((q, objects, objects), w[daca + "attn.in_proj_weight"].chunk(3), w[daca + "attn.in_proj_bias"].chunk(3))
        seen = attended(*(F.linear(*part) for part in third), far)
        q = note("after_daca", norm(linear(seen, daca + "attn.out_proj") + q, daca + "norm"))
        ffn = f"ffn_layers.{i}."
        q = note("after_ffn", norm(q + linear(F.gelu(linear(q, ffn + "net.0")), ffn + "net.3"), ffn + "norm"))
        center = center + mlp(q, *(f"bbox_embed.{i}.layers.{j}" for j in range(3)))
        step = mlp(q, *(f"bbox_size_embed.{i}.layers.{j}" for j in range(3)))
        if normalized:
            share = size.clamp(0, 1)
            step = (share.clamp_min(1e-5).log() - (1 - share).clamp_min(1e-5).log() + step).sigmoid() - size
        size = size + step
        trace[f"head{i + 1}.center"], trace[f"head{i + 1}.size"] = center, size * ((high - low) if normalized else 1)
        blocked = head(q, i + 1)
    return trace


# Instances (10)


def instances(cls, mask, center, size, points, superpoint, filtered=True):
    """The surviving (query, class) pairs by descending score, the candidates, and how close the decisions were."""
    probability = cls.softmax(1)[:, :-1]
    score, pick = probability.flatten().sort(descending=True)
    score, pick = score[:600], pick[:600]
    query, label = pick // probability.shape[1], pick % probability.shape[1]
    soft, covered = mask[query].sigmoid(), mask[query] > 0
    before = score * (soft * covered).sum(1) / (covered.to(soft.dtype).sum(1) + 1e-6)
    order = before.argsort(descending=True)
    before, soft, query, label = before[order], soft[order], query[order], label[order]
    shared, area = soft @ soft.T, soft.sum(1)
    rivals = (label[:, None] == label[None]).triu(1)
    iou = shared / (area[:, None] + area[None] - shared) * rivals
    score = before * ((1 - iou) / (1 - iou.max(0).values)[:, None]).min(0).values
    candidates = {"query": query, "label": label, "score_before_nms": before, "score_after_nms": score}
    order = score.argsort(descending=True)
    score, soft, query, label = score[order], soft[order], query[order], label[order]
    masks = (soft > 0.4)[:, superpoint]
    counts = masks.sum(1)
    keep = (score > 0) & (counts > 100)
    outside = ((points[None] - center[query][keep][:, None]).abs() - 1.25 * size[query][keep][:, None]).amax(2)
    ranks, gap = score[keep], lambda better, worse: (better - worse) / better
    least = lambda values: float(values.abs().min()) if values.numel() else math.inf
    margins = {
        "mask_probability_from_0.4": least(mask.sigmoid() - 0.4),
        "lowest_score_above_0": least(score[score > 0]),
        "points_from_100.5": least(counts[score > 0] - 100.5),
        "relative_gap_before_nms": least(gap(before[:, None], before[None])[rivals & (before > 0)[:, None]]),
        "relative_gap_of_scores": least(gap(ranks[:-1], ranks[1:])),
        "metres_from_box_filter": least(outside[masks[keep]]),
    }
    masks = masks[keep] & (outside <= 0) if filtered else masks[keep]
    found = {
        "query_index": query[keep],
        "labels": label[keep],
        "scores": ranks,
        "boxes": torch.cat([center, size], 1)[query[keep]],
        "mask_point_count": masks.sum(1),
        "masks_packed": torch.from_numpy(np.packbits(masks.numpy(), axis=1, bitorder="little")),
    }
    return found, candidates, margins


# Against the released code


def part(w, prefix, dtype=torch.float64):
    """The weights of the backbone or of the decoder."""
    return {name.removeprefix(prefix): value.to(dtype) for name, value in w.items() if name.startswith(prefix)}


def check():
    """Prints the largest difference from every golden case, and the tensor it is in; fails if one is above float64's rounding."""
    failed = []

    def compare(case, got, want, allowed=1e-10):
        differences = {}
        for name, value in want.items():
            same_shape = name in got and got[name].shape == value.shape
            differences[name] = float((got[name].double() - value.double()).abs().max()) if same_shape else math.inf
        worst = max(differences, key=differences.get)
        failed.extend([case] if not differences[worst] <= allowed else [])
        print(f"{case:33} {len(want):3} tensors, largest difference {differences[worst]:.1e} ({worst})")

    folder = GOLDEN / "segdino3d"
    for path in sorted(folder.glob("*.json")):
        about, case = json.loads(path.read_text()), path.stem
        kind = case.split("_")[0]
        if kind not in ("backbone", "decoder", "postproc") or case.endswith("_weights"):
            continue
        stored = load_file(path.with_suffix(".safetensors"))
        given = {name.removeprefix("input."): value for name, value in stored.items() if name.startswith("input.")}
        want = {name.removeprefix("expected."): value for name, value in stored.items() if name.startswith("expected.")}
        config = about["config"]
        w = load_file(folder / about["weights_file"]) if "weights_file" in about else {}
        if kind == "backbone":
            topology = mink if "mink" in case else spconv
            still = given["points_xyz"].double().numpy() / VOXEL
            places = given["elastic_coords"].double().numpy() if "elastic_coords" in given else still
            levels = len(config["planes"]) // 2 + 1 if topology is mink else len(config["planes"])
            voxel, grid = voxelized(topology, places, levels, config.get("min_spatial_shape"))
            xyz, own = given["points_xyz"].double(), [given["points_rgb"].double()]
            own += [xyz - xyz.mean(0)] if topology is spconv else []
            features, superpoint = torch.cat([*own, given["points_2dfeats"].double()], 1), given["superpoint_ids"].long()
            got = encoded(part(w, "backbone."), topology, features, voxel, grid, superpoint)
            got = {name if name.startswith("superpoint") else name + ".feats": value for name, value in got.items()}
            got |= {"point_to_voxel": voxel, "voxels_in.coords": torch.from_numpy(grid.cells[0])}
            got |= {"superpoint_pos": corners(places, superpoint), "superpoint_pos_no_elastic": corners(still, superpoint)}
            moved = torch.from_numpy(places * VOXEL) if "elastic_coords" in given else xyz
            got |= {"scene_min": moved.amin(0), "scene_max": moved.amax(0)}
            want = {name: value for name, value in want.items() if not name.endswith(".coords") or name == "voxels_in.coords"}
            compare(case, got, want)
        elif kind == "decoder":
            s = {name: value.double() for name, value in given.items()}
            where = [s[name] for name in ("superpoint_features", "superpoint_pos", "superpoint_pos_no_elastic", "scene_min", "scene_max")]
            normalized = about["size_parametrisation"] == "normalized"
            got = decoded(part(w, "decoder."), config["num_heads"], normalized, *where, s["query2d_feats"], s["query2d_pos"])
            compare(case, got, want, 1e-6 if "d256" in case else 1e-10)
        else:
            s = {name: value.double() for name, value in given.items() if name != "superpoint_ids"}
            answers = [s[name] for name in ("cls_preds", "masks", "centers", "sizes", "points_xyz")]
            got, candidates, _ = instances(*answers, given["superpoint_ids"])
            order = (candidates["query"] * 1000 + candidates["label"]).argsort()
            got |= {f"candidates.{name}": value[order] for name, value in candidates.items()}
            bare = instances(*answers, given["superpoint_ids"], filtered=False)[0]
            got["semantic_map"] = s["sem_preds"][:, :-1].argmax(1)[given["superpoint_ids"]]
            compare(case, got, {name: value for name, value in want.items() if "panoptic" not in name})
            mark = "expected_no_box_filter."
            want = {name.removeprefix(mark): value for name, value in stored.items() if name.startswith(mark) and "panoptic" not in name}
            compare(case + ", no box filter", bare, want)
    if failed:
        sys.exit(f"differs from the released code: {', '.join(failed)}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    check()
