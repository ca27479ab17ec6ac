"""Tiny models of the same classes with random weights, on a tiny bundle: python -m unittest, in this folder."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Sam2Config,
    Sam2ImageProcessorFast,
    Sam2Model,
    Sam2Processor,
    SwinConfig,
)
from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2MaskDecoderConfig, Sam2PromptEncoderConfig, Sam2VisionConfig

import bundle
import run

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "chair", "power", "strip", "lamp"]


def tiny_detector(folder: Path, threshold: float) -> run.Detector:
    torch.manual_seed(0)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    backbone = SwinConfig(embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2, out_features=["stage2", "stage3", "stage4"])
    text = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config = GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        num_queries=12,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        fusion_dropout=0.0,
    )
    processor = GroundingDinoProcessor(GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}), BertTokenizerFast(str(folder / "vocab.txt")))
    return run.Detector(GroundingDinoForObjectDetection(config), processor, threshold, 0.99)


def tiny_segmenter() -> run.Segmenter:
    torch.manual_seed(1)
    side, hidden = 128, 16
    hiera = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[side, side],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[2, 2],
    )
    vision = Sam2VisionConfig(
        backbone_config=hiera.to_dict(), backbone_channel_list=[64, 32, 16, 8], backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]], fpn_hidden_size=hidden
    )
    prompts = Sam2PromptEncoderConfig(hidden_size=hidden, image_size=side, patch_size=16, mask_input_channels=4)
    decoder = Sam2MaskDecoderConfig(hidden_size=hidden, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16)
    config = Sam2Config(vision_config=vision.to_dict(), prompt_encoder_config=prompts.to_dict(), mask_decoder_config=decoder.to_dict())
    size = {"height": side, "width": side}
    processor = Sam2Processor(Sam2ImageProcessorFast(size=size, mask_size={"height": side // 4, "width": side // 4}), target_size=side)
    return run.Segmenter(Sam2Model(config), processor)


def room(folder: Path) -> Path:
    """Two images, one without a picture."""
    out = folder / "room"
    out.mkdir()
    image = {"size": [48, 64], "focal": [50, 50], "center": [31.5, 23.5], "world_from_camera": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}
    images = [{"name": "0", "picture": "0.png", **image}, {"name": "1", **image}]
    (out / bundle.INDEX).write_text(json.dumps({"foundation": 1, "images": images}))
    save_file({"positions": np.zeros((3, 3), np.float32)}, out / bundle.TENSORS)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(out / "0.png")
    return out


class Perception(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def test_a_bundle_gets_instances_masks_and_features(self):
        out, names = room(self.path), ["chair", "Power strip"]
        detector, segmenter = tiny_detector(self.path, 0.0), tiny_segmenter()
        looked, count = bundle.perceive(out, names, detector, segmenter, False, 4)
        self.assertEqual(looked, 1)
        self.assertGreater(count, 0)
        index, tensors = json.loads((out / bundle.INDEX).read_text()), load_file(out / bundle.TENSORS)
        instances = index["images"][0]["instances"]
        self.assertEqual(len(instances), count)
        self.assertTrue(all(i["name"] in names and 0 <= i["score"] <= 1 for i in instances))
        self.assertNotIn("instances", index["images"][1])
        values = np.array(Image.open(out / "0.masks.png"))
        self.assertEqual((values.dtype, values.shape), (np.uint16, (48, 64)))
        self.assertLessEqual(values.max(), count)
        self.assertEqual(tensors["object_features.0"].shape, (count, 32))
        self.assertEqual(tensors["image_features.0"].shape, (4, 4, 16))
        self.assertEqual(tensors["positions"].shape, (3, 3))
        self.assertEqual(bundle.perceive(out, names, detector, segmenter, False, 0)[0], 0, "it goes on where it was")
        self.assertEqual(bundle.perceive(out, names, detector, segmenter, True, 0)[0], 1)
        self.assertEqual(list(out.glob("*.part*")), [])

    def test_nothing_found_is_an_answer(self):
        out = room(self.path)
        bundle.perceive(out, ["chair"], tiny_detector(self.path, 1.0), tiny_segmenter(), False, 0)
        self.assertEqual(json.loads((out / bundle.INDEX).read_text())["images"][0]["instances"], [])
        self.assertEqual(np.array(Image.open(out / "0.masks.png")).max(), 0)

    def test_a_newer_bundle_is_refused(self):
        out = room(self.path)
        (out / bundle.INDEX).write_text(json.dumps({"foundation": 2, "images": []}))
        with self.assertRaisesRegex(ValueError, "version 2"):
            bundle.perceive(out, ["chair"], None, None, False, 0)

    def test_tokens_belong_to_the_name_before_the_next_full_stop(self):
        self.assertEqual(run.tokens_to_names([101, 7, 5, 8, 9, 5, 102], 5, {101, 102}), [None, 0, None, 1, 1, None, None])

    def test_the_smaller_mask_is_seen_on_the_larger(self):
        bed, pillow = np.ones((2, 3), bool), np.zeros((2, 3), bool)
        pillow[0, 1] = True
        self.assertEqual(bundle.painted(np.stack([pillow, bed]), (2, 3)).tolist(), [[2, 1, 2], [2, 2, 2]])

    def test_of_doubles_the_better_stays(self):
        make = lambda score, *box: bundle.Found("x", score, np.array(box, float), np.zeros(1))
        found = run.without_doubles([make(0.4, 0, 0, 10, 10), make(0.9, 0, 0, 10, 9), make(0.5, 20, 0, 30, 10)], 0.7)
        self.assertEqual([f.score for f in found], [0.9, 0.5])


if __name__ == "__main__":
    unittest.main()
