#!/usr/bin/env python3
"""Writes tests/golden/onnx: tiny ONNX files of the graphs that people bring, and what PyTorch
computes with the same weights.

Every model has the class of the released one and random weights. The mask models are exported under
the names that their usual exporters use: SAM's decoder by segment-anything's own exporter module,
its encoder and SAM 2's parts through wrappers; the others as Optimum names them. Their manifests
are those of configs/image-models with other sizes.

    pip install torch torchvision transformers onnx pillow safetensors segment-anything
    python tests/beside/image_models.py
"""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from segment_anything.utils.onnx import SamOnnxModel
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, Dinov2Config, Dinov2Model, Sam2Config, Sam2Model, SiglipVisionConfig, SiglipVisionModel

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/onnx"
MANIFESTS = ROOT / "configs/image-models"
# Side of the mask models' input, pixels, and of the masks that they take as input.
SIDE, MASK = 64, 16
# x, y in pixels of the picture
POINT = (20.0, 30.0)
BOX = (8.0, 6.0, 50.0, 40.0)
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def picture(height: int, width: int) -> np.ndarray:
    """(height, width, 3) of 8 bits: a gradient with two boxes on it, and some noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([255 * rows / height, 255 * columns / width, 128 + 0 * rows], axis=2)
    image[height // 8 : height // 2, width // 6 : width // 2] = (220, 60, 40)
    image[height // 2 : -4, width // 2 : -6] = (30, 180, 90)
    image += np.random.default_rng(5).normal(0, 8, image.shape)
    return image.clip(0, 255).round().astype(np.uint8)


def pixels(image: np.ndarray, about: dict) -> torch.Tensor:
    """(1, 3, rows, columns): the picture as its manifest says."""
    height, width, _ = image.shape
    kind, value = next(iter(about["size"].items()))
    if kind == "fixed":
        rows, columns = value
    elif kind == "long_side":
        rows, columns = (int(side * value / max(height, width) + 0.5) for side in (height, width))
    elif kind == "patches":
        patch = value["patch"]
        rows, columns = (max(1, int(side * value["long_side"] / max(height, width) / patch + 0.5)) * patch for side in (height, width))
    else:
        scale = max(value[0] / height, value[1] / width)
        rows, columns = (max(want, int(side * scale + 0.5)) for side, want in zip((height, width), value))
    values = np.asarray(Image.fromarray(image).resize((columns, rows), FILTERS[about["filter"]]), np.float32)
    if kind == "cover":
        top, left = (rows - value[0]) // 2, (columns - value[1]) // 2
        values = values[top : top + value[0], left : left + value[1]]
    values = (values / 255 - np.array(about["mean"], np.float32)) / np.array(about["std"], np.float32)
    if "pad_to" in about:
        rows, columns = about["pad_to"]
        values = np.pad(values, ((0, rows - values.shape[0]), (0, columns - values.shape[1]), (0, 0)))
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None])).float()


def export(model: nn.Module, arguments: tuple, file: Path, inputs: list[str], outputs: list[str], dynamic: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), arguments, str(file), input_names=inputs, output_names=outputs, dynamic_axes=dynamic, opset_version=17, dynamo=False
        )


def listed(file: Path) -> dict:
    content = file.read_bytes()
    return {"file": file.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def manifest(name: str) -> dict:
    return json.loads((MANIFESTS / f"{name}.json").read_text())


def write(name: str, about: dict, tensors: dict) -> None:
    (OUT / f"{name}.json").write_text(json.dumps(about, indent=2) + "\n")
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, OUT / f"{name}.safetensors")
    for key, value in tensors.items():
        print(f"{name} {key} {value.shape} {value.astype(np.float32).mean():.4f} +- {value.astype(np.float32).std():.4f}")


def spread(model: nn.Module) -> nn.Module:
    """The model with weights that make its outputs differ from place to place."""
    torch.manual_seed(11)
    with torch.no_grad():
        for key, value in model.named_parameters():
            if value.dim() > 1:
                nn.init.normal_(value, std=1.2 / np.sqrt(value[0].numel()))
            elif not key.endswith("norm.weight"):
                value.add_(torch.randn_like(value) * 0.1)
    return model.eval()


def prompts(scale: tuple[float, float], padding: bool) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Points (1, points, 2) in pixels of the input, and their labels."""
    at = lambda x, y: [x * scale[0], y * scale[1]]
    point = ([at(*POINT)] + [[0.0, 0.0]] * padding, [1] + [-1] * padding)
    box = ([at(*BOX[:2]), at(*BOX[2:])], [2, 3])
    return {name: (torch.tensor([points]), torch.tensor([labels], dtype=torch.float32)) for name, (points, labels) in {"point": point, "box": box}.items()}


def sam() -> None:
    about = manifest("sam-vit-b")
    encoder = ImageEncoderViT(img_size=SIDE, patch_size=16, embed_dim=16, depth=2, num_heads=2, out_chans=16, use_rel_pos=True, window_size=2, global_attn_indexes=(1,))
    decoder = MaskDecoder(transformer_dim=16, transformer=TwoWayTransformer(depth=2, embedding_dim=16, num_heads=2, mlp_dim=32), num_multimask_outputs=3, iou_head_hidden_dim=16)
    model = spread(Sam(encoder, PromptEncoder(16, (SIDE // 16,) * 2, (SIDE,) * 2, 8), decoder))
    files = [OUT / "sam.encoder.onnx", OUT / "sam.decoder.onnx"]
    export(encoder, (torch.zeros(1, 3, SIDE, SIDE),), files[0], ["image"], ["image_embeddings"], {})
    names = ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"]
    whole = SamOnnxModel(model, return_single_mask=False).eval()
    blank = (torch.zeros(1, 1, MASK, MASK), torch.zeros(1))
    example = (torch.zeros(1, 16, 4, 4), torch.zeros(1, 2, 2), torch.ones(1, 2), *blank, torch.tensor([48.0, 64.0]))
    export(whole, example, files[1], names, ["masks", "iou_predictions", "low_res_masks"], {"point_coords": {1: "points"}, "point_labels": {1: "points"}})
    about["input"].update(size={"long_side": SIDE}, pad_to=[SIDE, SIDE])
    task = about["task"]["masks"]
    task["encoder"]["file"], task["decoder"]["file"] = map(listed, files)
    task["decoder"]["mask_input"]["size"] = [MASK, MASK]
    tensors = {}
    for case, (height, width) in {"same": (48, SIDE), "larger": (96, 72)}.items():
        image = picture(height, width)
        tensors[f"{case}.picture"] = image
        tensors[f"{case}.pixels"] = pixels(image, about["input"]).numpy()
        with torch.no_grad():
            embeddings = encoder(torch.from_numpy(tensors[f"{case}.pixels"]))
            tensors[f"{case}.image_embeddings"] = embeddings.numpy()
            scale = SIDE / max(height, width)
            for prompt, (points, labels) in prompts((scale, scale), True).items():
                masks, scores, low = whole(embeddings, points, labels, *blank, torch.tensor([height, width], dtype=torch.float32))
                for key, value in {"masks": masks, "scores": scores, "low_res_masks": low}.items():
                    if key == "masks" and case == "larger":
                        continue
                    tensors[f"{case}.{prompt}.{key}"] = value[0].numpy()
    write("sam", about, tensors)


class Sam2Encoder(nn.Module):
    def __init__(self, model: Sam2Model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return tuple(self.model.get_image_embeddings(image))


class Sam2Decoder(nn.Module):
    def __init__(self, model: Sam2Model):
        super().__init__()
        self.model = model

    def forward(self, image_embed, high_res_feats_0, high_res_feats_1, point_coords, point_labels, mask_input, has_mask_input):
        prompt = self.model.prompt_encoder
        sparse = prompt._embed_points(point_coords[:, None], point_labels[:, None].to(torch.int32), pad=True)
        dense = has_mask_input * prompt.mask_embed(mask_input) + (1 - has_mask_input) * prompt.no_mask_embed.weight.reshape(1, -1, 1, 1)
        masks, scores, _, _ = self.model.mask_decoder(
            image_embeddings=image_embed,
            image_positional_embeddings=self.model.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=[high_res_feats_0, high_res_feats_1],
        )
        return masks[:, 0], scores[:, 0]


def sam2() -> None:
    about = manifest("sam2.1-hiera-tiny")
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [SIDE, SIDE],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": [4, 2, 2, 1],
                "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 16,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 8},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    config._attn_implementation = "eager"
    model = spread(Sam2Model(config))
    # The input has one size, so this is a constant; rten would interpolate it linearly.
    backbone = model.vision_encoder.backbone
    with torch.no_grad():
        positions = backbone._get_pos_embed((SIDE // 4, SIDE // 4)).clone()
    backbone._get_pos_embed = lambda size: positions
    encoder, decoder = Sam2Encoder(model), Sam2Decoder(model)
    files = [OUT / "sam2.encoder.onnx", OUT / "sam2.decoder.onnx"]
    with torch.no_grad():
        example = encoder(torch.zeros(1, 3, SIDE, SIDE))
    export(encoder, (torch.zeros(1, 3, SIDE, SIDE),), files[0], ["image"], ["high_res_feats_0", "high_res_feats_1", "image_embed"], {})
    blank = (torch.zeros(1, 1, MASK, MASK), torch.zeros(1))
    names = ["image_embed", "high_res_feats_0", "high_res_feats_1", "point_coords", "point_labels", "mask_input", "has_mask_input"]
    arguments = (example[2], example[0], example[1], torch.zeros(1, 2, 2), torch.ones(1, 2), *blank)
    export(decoder, arguments, files[1], names, ["masks", "iou_predictions"], {"point_coords": {1: "points"}, "point_labels": {1: "points"}})
    about["input"].update(size={"fixed": [SIDE, SIDE]})
    task = about["task"]["masks"]
    task["encoder"]["file"], task["decoder"]["file"] = map(listed, files)
    task["decoder"]["mask_input"]["size"] = [MASK, MASK]
    tensors = {}
    for case, size in {"same": (SIDE, SIDE), "wide": (48, 80)}.items():
        tensors[f"{case}.picture"] = picture(*size)
        tensors[f"{case}.pixels"] = pixels(tensors[f"{case}.picture"], about["input"]).numpy()
    with torch.no_grad():
        features = encoder(torch.from_numpy(tensors["same.pixels"]))
        for prompt, (points, labels) in prompts((1.0, 1.0), False).items():
            masks, scores = decoder(features[2], features[0], features[1], points, labels, *blank)
            tensors[f"same.{prompt}.masks"], tensors[f"same.{prompt}.scores"] = masks[0].numpy(), scores[0].numpy()
    write("sam2", about, tensors)


class Chosen(nn.Module):
    """One output of a model."""

    def __init__(self, model: nn.Module, output: str):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, pixel_values):
        return getattr(self.model(pixel_values=pixel_values), self.output)


def tower(name: str, template: str, model: nn.Module, size: dict, shape: tuple[int, int], dynamic: bool) -> None:
    """An image tower with one output."""
    about = manifest(template)
    about["input"]["size"] = size
    task = next(iter(about["task"].values()))
    chosen = Chosen(spread(model), task["output"])
    image = picture(*shape)
    tensors = {"picture": image, "pixels": pixels(image, about["input"]).numpy()}
    file = OUT / f"{name}.onnx"
    given = torch.from_numpy(tensors["pixels"])
    axes = {"pixel_values": {0: "batch", 2: "height", 3: "width"}} if dynamic else {"pixel_values": {0: "batch"}}
    export(chosen, (torch.zeros_like(given),), file, ["pixel_values"], [task["output"]], axes)
    task["encoder"]["file"] = listed(file)
    with torch.no_grad():
        tensors["output"] = chosen(given).numpy()
    write(name, about, tensors)


def main() -> None:
    OUT.mkdir(exist_ok=True, parents=True)
    torch.manual_seed(3)
    sam()
    sam2()
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "attn_implementation": "eager"}
    dinov2 = Dinov2Model(Dinov2Config(**small, image_size=56, patch_size=14))
    tower("dinov2", "dinov2-base", dinov2, {"patches": {"long_side": 56, "patch": 14}}, (40, 56), True)
    clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**small, intermediate_size=32, projection_dim=8, image_size=32, patch_size=8))
    tower("clip", "clip-vit-b-32", clip, {"cover": [32, 32]}, (45, 60), False)
    siglip = SiglipVisionModel(SiglipVisionConfig(**small, intermediate_size=32, image_size=32, patch_size=8))
    tower("siglip", "siglip-base-patch16-224", siglip, {"fixed": [32, 32]}, (45, 60), False)
    print(sum(file.stat().st_size for file in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
