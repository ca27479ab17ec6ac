"""Makes tests/golden/published: checkpoints of tiny published networks, written by torch.save, a scene, and what the networks say about it.

The numbers are those of published_checkpoint.py beside this file, in float64. Weights are random, with seeds for which no decision is close.

    pip install torch==2.15.0 numpy safetensors
    python tests/beside/published_fixture.py make
    python tests/beside/published_fixture.py search mink 100   # what the first hundred seeds give
"""

import argparse
import collections
import json

import numpy as np
import published_checkpoint
import torch
from published_checkpoint import GOLDEN, VOXEL, corners, decoded, encoded, instances, mink, part, spconv, voxelized
from safetensors.torch import save_file

COLOR_MEAN = 255 * torch.tensor([0.47793125906962, 0.4303257521323044, 0.3749598901421883], dtype=torch.float64)
COLOR_DEVIATION = 255 * torch.tensor([0.2834475483823543, 0.27566157565723015, 0.27018971370874995], dtype=torch.float64)
FOLDER = GOLDEN / "published"

NETWORKS = {
    "mink": {
        "topology": mink,
        "seed": 11,
        "emptiness": 5.0,
        "names": ["chair", "table", "door", "couch", "cabinet"],
        "semantics": 7,
        "stem": 4,
        "planes": [4, 4, 6, 6, 6, 4, 4, 6],
        "blocks": [1, 2, 1, 1, 1, 1, 1, 1],
        "d_model": 16,
        "heads": 2,
        "ffn": 32,
        "layers": 2,
        "image": 4,
    },
    "spconv": {
        "topology": spconv,
        "seed": 21,
        "emptiness": 9.0,
        "names": ["bed", "chair", "desk", "curtain"],
        "semantics": 6,
        "planes": [4, 6, 8],
        "grid": 128,
        "d_model": 16,
        "heads": 2,
        "ffn": 32,
        "layers": 2,
        "image": 4,
    },
}


def shapes(net):
    """The names of a published checkpoint and their shapes (14); spconv's convolutions as spconv 2 has them."""
    found = {}

    def norm(name, channels):
        found.update({f"{name}.{kind}": (channels,) for kind in ("weight", "bias", "running_mean", "running_var")})
        found[f"{name}.num_batches_tracked"] = ()

    def linear(name, inputs, outputs):
        found.update({f"decoder.{name}.weight": (outputs, inputs), f"decoder.{name}.bias": (outputs,)})

    planes = net["planes"]
    if net["topology"] is mink:

        def blocks(stage, inputs, outputs):
            for j in range(net["blocks"][stage - 1]):
                block = f"backbone.block{stage}.{j}."
                found.update({block + "conv1.kernel": (27, inputs, outputs), block + "conv2.kernel": (27, outputs, outputs)})
                norm(block + "norm1.bn", outputs)
                norm(block + "norm2.bn", outputs)
                if inputs != outputs:
                    found[block + "downsample.0.kernel"] = (inputs, outputs)
                    norm(block + "downsample.1.bn", outputs)
                inputs = outputs

        widths = [net["stem"], *planes]
        found["backbone.conv0p1s1.kernel"] = (125, 3 + net["image"], widths[0])
        norm("backbone.bn0.bn", widths[0])
        for stage in range(1, 5):
            before = widths[stage - 1]
            found[f"backbone.conv{stage}p{2 ** (stage - 1)}s2.kernel"] = (8, before, before)
            norm(f"backbone.bn{stage}.bn", before)
            blocks(stage, before, widths[stage])
        for stage in range(5, 9):
            found[f"backbone.convtr{stage - 1}p{2 ** (9 - stage)}s2.kernel"] = (8, widths[stage - 1], widths[stage])
            norm(f"backbone.bntr{stage - 1}.bn", widths[stage])
            blocks(stage, widths[stage] + widths[8 - stage], widths[stage])
    else:

        def block(name, inputs, outputs):
            if inputs != outputs:
                found[f"{name}.i_branch.0.weight"] = (outputs, 1, 1, 1, inputs)
            norm(f"{name}.conv_branch.0", inputs)
            found[f"{name}.conv_branch.2.weight"] = (outputs, 3, 3, 3, inputs)
            norm(f"{name}.conv_branch.3", outputs)
            found[f"{name}.conv_branch.5.weight"] = (outputs, 3, 3, 3, outputs)

        found["backbone.input_conv.0.weight"] = (planes[0], 3, 3, 3, 6 + net["image"])
        for level, plane in enumerate(planes):
            u = "backbone." + "u." * level
            block(u + "blocks.block0", plane, plane), block(u + "blocks.block1", plane, plane)
            if level + 1 < len(planes):
                norm(u + "conv.0", plane)
                found[u + "conv.2.weight"] = (planes[level + 1], 2, 2, 2, plane)
                norm(u + "deconv.0", planes[level + 1])
                found[u + "deconv.2.weight"] = (plane, 2, 2, 2, planes[level + 1])
                block(u + "blocks_tail.block0", 2 * plane, plane), block(u + "blocks_tail.block1", plane, plane)
        norm("backbone.output_layer.0", planes[0])
    d, features = net["d_model"], planes[-1] if net["topology"] is mink else planes[0]
    layer_norm = lambda name: found.update({f"decoder.{name}.weight": (d,), f"decoder.{name}.bias": (d,)})
    linear("input_proj.0", features, d), layer_norm("input_proj.1"), layer_norm("out_norm")
    for name in ("query_proj", "x_mask"):
        linear(name + ".0", features, d), linear(name + ".2", d, d)
    linear("out_cls.0", d, d), linear("out_cls.2", d, len(net["names"]) + 1), linear("out_sem", d, net["semantics"] + 1)
    linear("ref_point_head.layers.0", d, d), linear("ref_point_head.layers.1", d, d), linear("ca_qpos_proj", d, d)
    linear("ref_anchor_head.layers.0", d, d), linear("ref_anchor_head.layers.1", d, 3)
    for i in range(net["layers"]):
        for name in ("ca_qcontent_proj", "ca_kcontent_proj", "ca_kpos_proj", "ca_v_proj", "ca_qpos_sine_proj"):
            linear(f"{name}.{i}", d, d)
        for name in ("sa_qcontent_proj", "sa_qpos_proj", "sa_kcontent_proj", "sa_kpos_proj", "sa_v_proj"):
            linear(f"{name}.{i}", d, d)
        daca = f"dinox_query_cross_attn_layers.{i}."
        found.update({f"decoder.{daca}attn.in_proj_weight": (3 * d, d), f"decoder.{daca}attn.in_proj_bias": (3 * d,)})
        linear(daca + "attn.out_proj", d, d), layer_norm(daca + "norm")
        linear(f"cross_attn_layers.{i}.out_proj", d, d), linear(f"self_attn_layers.{i}.out_proj", d, d)
        linear(f"ffn_layers.{i}.net.0", d, net["ffn"]), linear(f"ffn_layers.{i}.net.3", net["ffn"], d), layer_norm(f"ffn_layers.{i}.norm")
        layer_norm(f"norm1.{i}"), layer_norm(f"norm2.{i}")
        for name in ("bbox_embed", "bbox_size_embed"):
            linear(f"{name}.{i}.layers.0", d, d), linear(f"{name}.{i}.layers.1", d, d), linear(f"{name}.{i}.layers.2", d, 3)
    return found


def weights(net, seed, given):
    """Random weights under their published names, float32; most masks cover a small part of the scene."""
    random = torch.Generator().manual_seed(seed)
    met = {125: 8, 27: 5, 8: 3}  # voxels that a kernel meets
    w = {}
    for name, shape in shapes(net).items():
        if name.endswith("num_batches_tracked"):
            w[name] = torch.tensor(38_700)
        elif name.endswith("running_var") or len(shape) == 1 and name.endswith(".weight"):
            w[name] = 0.6 + 0.8 * torch.rand(shape, generator=random)
        elif len(shape) == 1:
            w[name] = 0.2 * torch.randn(shape, generator=random)
        elif name.endswith(".kernel"):
            inputs = shape[-2] * (1 if len(shape) == 2 or "convtr" in name else met[shape[0]])
            w[name] = torch.randn(shape, generator=random) * (1.5 / inputs) ** 0.5
        elif len(shape) == 5:
            inputs = shape[4] * (1 if "deconv" in name or shape[1] == 1 else met[shape[1] ** 3])
            w[name] = torch.randn(shape, generator=random) * (1.5 / inputs) ** 0.5
        else:
            w[name] = torch.randn(shape, generator=random) * (1.5 / shape[1]) ** 0.5
    # Normalizations and the first layers of the decoder fit the features of this scene, as after training.
    features = settled(net, w, given)
    for name in ("query_proj.0", "x_mask.0", "input_proj.0"):
        weight, bias = w[f"decoder.{name}.weight"], w[f"decoder.{name}.bias"]
        weight /= (features.float() @ weight.T).std(0)[:, None]
        bias -= weight @ features.mean(0).float()
    # Queries stay different, boxes move by decimetres, classes are decided, and a superpoint is outside most masks.
    for i in range(net["layers"]):
        for name in (f"self_attn_layers.{i}", f"cross_attn_layers.{i}", f"dinox_query_cross_attn_layers.{i}.attn"):
            w[f"decoder.{name}.out_proj.weight"] *= 0.5
        for name, share in (("bbox_embed", 0.1), ("bbox_size_embed", 0.1)):
            w[f"decoder.{name}.{i}.layers.2.weight"] *= share
            w[f"decoder.{name}.{i}.layers.2.bias"] *= share
    away = w["decoder.out_norm.bias"] = w["decoder.out_norm.bias"] * 3
    w["decoder.out_cls.0.bias"] -= w["decoder.out_cls.0.weight"] @ away
    w["decoder.out_cls.2.weight"] *= 4
    w["decoder.x_mask.2.bias"] -= net["emptiness"] * away / away.square().sum()
    return w


def settled(net, w, given):
    """Sets the running statistics of the backbone in `w` to those of the scene; returns the features of its superpoints."""
    features, voxel, grid, _, superpoint, _ = given
    plain = published_checkpoint.normed

    def settle(x, own, name, eps):
        own[name + ".running_mean"], own[name + ".running_var"] = x.mean(0).float().double(), x.var(0).float().double()
        return plain(x, own, name, eps)

    own = part(w, "backbone.")
    published_checkpoint.normed = settle
    found = encoded(own, net["topology"], features, voxel, grid, superpoint)
    published_checkpoint.normed = plain
    w.update({f"backbone.{name}": value.float() for name, value in own.items() if ".running_" in name})
    return found["superpoint_features"]


def margin(positions):
    """How far each position is from the border of a voxel, in voxels, in the grid at the origin and in that at the lowest corner."""
    positions = positions.astype(float)
    shifted = positions - positions.min(0)
    apart = lambda x: np.abs(x / VOXEL - np.round(x / VOXEL))
    return np.minimum(apart(positions), np.where(shifted == 0, 0.5, apart(shifted))).min(1)


def scene():
    """A strip of floor with a wall, boxes and a ball on it: positions in metres, colors, superpoints in the order of their first points.

    No position is close to the border of a voxel, in either of the two grids."""
    random = np.random.default_rng(7)
    surfaces = []

    def plane(count, low, high, color, superpoints):
        surfaces.append((random.uniform(low, high, (count, 3)), color, superpoints))

    def box(count, low, high, color):
        for axis, end, share in ((2, high, 0.4), (1, low, 0.35), (0, low, 0.25)):
            pressed = [end[axis] if a == axis else None for a in range(3)]
            ends = [[p if p is not None else c for p, c in zip(pressed, corner)] for corner in (low, high)]
            plane(int(count * share), *ends, color, 2)

    plane(900, (-1.2, -0.3, -0.1), (1.55, 0.3, -0.1), (150, 120, 90), 12)
    plane(600, (-1.2, 0.3, -0.1), (1.55, 0.3, 0.25), (220, 215, 200), 9)
    box(420, (-1.0, 0.0, -0.1), (-0.7, 0.2, 0.15), (170, 40, 30))
    box(420, (-0.4, -0.15, -0.1), (-0.1, 0.1, 0.1), (40, 60, 150))
    box(420, (0.3, 0.05, -0.1), (0.65, 0.25, 0.2), (60, 130, 60))
    box(300, (1.15, -0.2, -0.1), (1.4, 0.05, 0.05), (90, 70, 110))
    ball = random.normal(size=(300, 3))
    surfaces.append((np.array((0.85, -0.1, 0.0)) + 0.1 * ball / np.linalg.norm(ball, axis=1, keepdims=True), (230, 200, 40), 4))
    positions, colors, ids = [], [], []
    for points, color, superpoints in surfaces:
        seeds = points[random.permutation(len(points))[:superpoints]]
        ids.append(sum(map(len, map(np.unique, ids))) + ((points[:, None] - seeds[None]) ** 2).sum(2).argmin(1))
        positions.append((points + random.normal(0, 0.003, points.shape)).astype(np.float32))
        colors.append(np.clip(np.array(color) + random.normal(0, 15, points.shape), 0, 255).astype(np.uint8))
    positions, colors, ids = np.concatenate(positions), np.concatenate(colors), np.concatenate(ids)
    kept = np.arange(len(positions))
    while len(close := np.nonzero(margin(positions[kept]) < 0.01)[0]):
        kept = np.delete(kept, close)
    order = random.permutation(kept)
    positions, colors, ids = positions[order], colors[order], ids[order]
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    return {
        "positions": torch.from_numpy(positions),
        "colors": torch.from_numpy(colors),
        "superpoint_of_point": torch.from_numpy(first.argsort().argsort()[inverse].astype(np.int32)),
    }


def given(net, scene):
    """What is the same for all weights: the features of the points, the grid, places."""
    positions, superpoint = scene["positions"].double(), scene["superpoint_of_point"].long()
    features = [(scene["colors"] - COLOR_MEAN) / COLOR_DEVIATION]
    features += [positions - positions.mean(0)] if net["topology"] is spconv else []
    features += [torch.zeros(len(positions), net["image"])]
    places = positions.numpy() / VOXEL
    levels = 5 if net["topology"] is mink else len(net["planes"])
    voxel, grid = voxelized(net["topology"], places, levels, net.get("grid"))
    return torch.cat(features, 1), voxel, grid, positions, superpoint, corners(places, superpoint)


def computed(net, w, given, dtype=torch.float64):
    """All outputs of the network and the instances, under the names of the fixture; and how close the decisions were."""
    features, voxel, grid, positions, superpoint, centers = (x.to(dtype) if torch.is_tensor(x) and x.is_floating_point() else x for x in given)
    found = encoded(part(w, "backbone.", dtype), net["topology"], features, voxel, grid, superpoint)
    low, high = positions.amin(0), positions.amax(0)
    none = torch.zeros(0, net["d_model"], dtype=dtype), torch.zeros(0, 3, dtype=dtype)
    decoder, normalized = part(w, "decoder.", dtype), net["topology"] is mink
    heads = decoded(decoder, net["heads"], normalized, found["superpoint_features"], centers, centers, low, high, *none)
    last = f"head{net['layers']}."
    answers = [heads[last + kind] for kind in ("cls", "mask", "center", "size")]
    final, _, margins = instances(*answers, positions, superpoint)
    margins["mask_logit_from_0"] = min(float(heads[f"head{i}.mask"].abs().min()) for i in range(net["layers"] + 1))
    result = {name: value for name, value in heads.items() if name.startswith("head") and not name.endswith("attn_blocked")}
    result |= {"superpoint_features": found["superpoint_features"], "superpoint_pos": centers, "scene_min": low, "scene_max": high}
    result |= {"semantic_of_superpoint": heads[last + "sem"][:, :-1].argmax(1)}
    return result | {f"instances.{name}": value for name, value in final.items()}, margins


def toml(name, net):
    """The training configuration that `trainer import --network` takes."""
    backbone = f'kind = "sparse_unet", planes = {net["planes"]}, grid = {net.get("grid")}'
    if net["topology"] is mink:
        backbone = f'kind = "res_unet", first_kernel = 5, stem = {net["stem"]}, planes = {net["planes"]}, blocks = {net["blocks"]}'
    return f"""# The network of {name}*.pth beside this file.

[data]
rooms = ["rooms"] # every configuration names data; `trainer import` reads none

[model]
voxel_size = {VOXEL}
inputs = {{ position = {str(net["topology"] is spconv).lower()}, height = false, image = {net["image"]}, views = "nearest" }}
backbone = {{ {backbone} }}
d_model = {net["d_model"]}
heads = {net["heads"]}
ffn = {net["ffn"]}
layers = {net["layers"]}
sizes = "{"normalized" if net["topology"] is mink else "metric"}"
objects = {{ channels = {net["d_model"]}, reach = 0.2 }}
classes = {{ kind = "fixed", instances = {len(net["names"])}, semantics = {net["semantics"]} }}
class_names = {json.dumps(net["names"])}
mesh_superpoints = "segmentator"
max_queries = 16384
"""


def older(value):
    """A weight as spconv 1 stores it: x, y, z, inputs, outputs. The memory of 1 x 1 x 1 kernels is that already."""
    if value.dim() != 5:
        return value
    return value.permute(1, 2, 3, 4, 0).contiguous() if value.shape[1] > 1 else value.reshape(1, 1, 1, value.shape[4], -1)


def checkpoints(name, w):
    """File names and what training code would save: SegDINO3D's loop, mmcv's runner, Lightning."""
    state = lambda prefix, change=lambda value: value: state_dict({prefix + key: change(value).clone() for key, value in w.items()})
    first = w["decoder.out_norm.bias"]
    moments = {"step": torch.tensor(38_700.0), "exp_avg": torch.full_like(first, 0.25), "exp_avg_sq": torch.full_like(first, 0.0625)}
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "weight_decay": 0.05, "params": [0]}]}
    if name == "mink":
        args = argparse.Namespace(config="configs/tiny.py", seed=10_000, find_unused_params=False, local_rank=None)
        return {"mink.pth": {"model": state("module."), "optimizer": optimizer, "args": args, "step": 38_700, "epoch": 3}}
    return {
        "spconv1.pth": {"meta": {"epoch": 3, "iter": 38_700}, "state_dict": state("", older), "optimizer": optimizer},
        "spconv2.pth": {"epoch": 3, "global_step": 38_700, "state_dict": state("model."), "optimizer_states": [optimizer], "lr_schedulers": []},
    }


def state_dict(tensors):
    """As torch.nn.Module.state_dict returns it: ordered, with the versions of the modules as an attribute."""
    state = collections.OrderedDict(tensors)
    state._metadata = collections.OrderedDict((name.rpartition(".")[0], {"version": 1}) for name in tensors)
    return state


def saved(file, content):
    """Writes a checkpoint and returns the weights that are read from it."""
    torch.save(content, FOLDER / file)
    content = torch.load(FOLDER / file, weights_only=False)
    state = content["model"] if "model" in content else content["state_dict"]
    return {name.removeprefix("module.").removeprefix("model."): value for name, value in state.items()}


def tolerances(expected, single):
    """For each kind of tensor what float32 costs and what is allowed; the decisions must be the same."""
    found = {}
    for key, value in expected.items():
        if not value.is_floating_point():
            assert torch.equal(value, single[key]), f"{key} differs in float32"
            continue
        error, largest = float((single[key].double() - value).abs().max()), float(value.abs().max())
        before = found.setdefault(key.split(".")[-1], [0.0, 0.0])
        before[:] = max(error, before[0]), max(largest, before[1])
    limit = lambda error, largest: max(20 * error, 2e-6 * largest)
    names = ("max_abs_err_f32", "max_abs_value", "atol_f32")
    return {kind: dict(zip(names, map(rounded, (*both, limit(*both))))) for kind, both in found.items()}


def rounded(x):
    return float(f"{x:.3g}")


def make():
    FOLDER.mkdir(exist_ok=True)
    scan = scene()
    save_file(scan, FOLDER / "scene.safetensors")
    for name, net in NETWORKS.items():
        prepared = given(net, scan)
        files = checkpoints(name, weights(net, net["seed"], prepared))
        read = [saved(file, content) for file, content in files.items()]
        (expected, margins), *others = [computed(net, w, prepared) for w in read]
        assert all(torch.allclose(value, other[key], rtol=0, atol=1e-11) for other, _ in others for key, value in expected.items()), "layouts differ"
        single, _ = computed(net, read[0], prepared, torch.float32)
        margins["voxels_from_border"] = float(margin(scan["positions"].numpy()).min())
        labels, grid = expected["instances.labels"], prepared[2]
        about = {
            "case": name,
            "produced_by": f"tests/beside/published_fixture.py, float64, CPU (PyTorch {torch.__version__})",
            "checkpoints": list(files),
            "network": f"{name}.toml",
            "scene": "scene.safetensors",
            "seed": net["seed"],
            "facts": {
                "points": len(scan["positions"]),
                "voxels_per_level": [len(cells) for cells in grid.cells],
                "voxels_without_parent": [len(cells) - sum(table.shape[1] for table in tables) for cells, tables in zip(grid.cells, grid.children)],
                "superpoints": int(prepared[4].max()) + 1,
                "instances": len(labels),
                "instances_per_class": labels.bincount(minlength=len(net["names"])).tolist(),
                "queries_with_instances": len(expected["instances.query_index"].unique()),
            },
            "margins": {key: rounded(value) for key, value in margins.items()},
            "tolerance": tolerances(expected, single),
            "integers_and_masks": "exact, also in a float32 run of the same computation; masks_packed: bit i (least significant first) of byte j = point 8*j+i",
        }
        stored = lambda key, value: value.int() if value.dtype == torch.int64 else value.float() if key.startswith("head") else value
        expected = {f"expected.{key}": stored(key, value).contiguous() for key, value in expected.items()}
        about["tensors"] = {key: [str(value.dtype).removeprefix("torch."), list(value.shape)] for key, value in expected.items()}
        save_file(expected, FOLDER / f"{name}.safetensors")
        (FOLDER / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n")
        (FOLDER / f"{name}.toml").write_text(toml(name, net))
        print(name, json.dumps(about["facts"]), json.dumps(about["margins"]))


def search(name, seeds):
    """Prints how many instances there are for each seed, and how close the decisions were."""
    net = NETWORKS[name]
    prepared = given(net, scene())
    for seed in seeds:
        found, margins = computed(net, weights(net, seed, prepared), prepared)
        labels = found["instances.labels"]
        print(seed, len(labels), "instances of", len(found["instances.query_index"].unique()), "queries", {k: rounded(v) for k, v in margins.items()})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    commands.add_parser("make")
    seeds = commands.add_parser("search")
    seeds.add_argument("network", choices=NETWORKS)
    seeds.add_argument("count", type=int)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.command == "make":
        make()
    else:
        search(options.network, range(options.count))


if __name__ == "__main__":
    main()
