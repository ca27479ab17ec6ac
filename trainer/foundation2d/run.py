#!/usr/bin/env python3
"""Finds named instances in the images of foundation bundles, and writes them there.

A detector that is told what to look for (Grounding DINO, or another zero-shot detector of transformers with the same outputs) gives boxes, a segmenter (SAM 2)
their masks. Weights are fetched from the model hub by their names, or read from a folder.

    pip install -r requirements.txt
    python run.py bundles --names "chair. table. power strip"

bundle.py writes into the bundles. Images that have masks are left alone, so a run that was stopped goes on where it was.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bundle import MOST_INSTANCES, Found, bundles, perceive

# Most names in one question to the detector, whose text is limited.
NAMES_AT_ONCE = 40


class Detector:
    """Boxes of named things."""

    def __init__(self, model, processor, threshold: float, overlap: float):
        self.model, self.processor, self.threshold, self.overlap = model.eval(), processor, threshold, overlap

    @torch.inference_mode()
    def __call__(self, picture: Image.Image, names: list[str]) -> list[Found]:
        found = []
        for start in range(0, len(names), NAMES_AT_ONCE):
            found += self._ask(picture, names[start : start + NAMES_AT_ONCE])
        return without_doubles(found, self.overlap)

    def _ask(self, picture: Image.Image, names: list[str]) -> list[Found]:
        text = " ".join(f"{name.lower().strip().rstrip('.')}." for name in names)
        inputs = self.processor(images=picture, text=text, return_tensors="pt").to(self.model.device)
        outputs = self.model(**inputs)
        name_of_token = tokens_to_names(inputs["input_ids"][0].tolist(), self._separator(), self._special())
        probabilities = outputs.logits[0].sigmoid()
        scores = torch.zeros(probabilities.shape[0], len(names), device=probabilities.device)
        for token, name in enumerate(name_of_token):
            if name is not None and name < len(names) and token < probabilities.shape[1]:
                scores[:, name] = torch.maximum(scores[:, name], probabilities[:, token])
        best, which = scores.max(dim=1)
        width, height = picture.size
        kept = (best > self.threshold).nonzero()[:, 0].tolist()
        boxes = outputs.pred_boxes[0].float().cpu().numpy()
        features = outputs.last_hidden_state[0].float().cpu().numpy()
        found = []
        for query in kept:
            x, y, w, h = boxes[query]
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * [width, height, width, height]
            box = box.clip(0, [width, height, width, height])
            if (box[2:] - box[:2]).min() >= 1:
                found.append(Found(names[which[query]], float(best[query]), box, features[query]))
        return found

    def _separator(self) -> int:
        return self.processor.tokenizer.convert_tokens_to_ids(".")

    def _special(self) -> set[int]:
        return set(self.processor.tokenizer.all_special_ids)


class Segmenter:
    """Masks in boxes."""

    def __init__(self, model, processor):
        self.model, self.processor = model.eval(), processor

    @torch.inference_mode()
    def __call__(self, picture: Image.Image, boxes: list[np.ndarray]) -> np.ndarray:
        """(boxes, height, width) of the picture."""
        inputs = self.processor(images=picture, input_boxes=[[box.tolist() for box in boxes]], return_tensors="pt").to(self.model.device)
        outputs = self.model(**inputs, multimask_output=False)
        masks = self.processor.post_process_masks(outputs.pred_masks.cpu(), inputs["original_sizes"].cpu())[0]
        return masks[:, 0].numpy().astype(bool)

    @torch.inference_mode()
    def features(self, picture: Image.Image, grid: int) -> np.ndarray:
        """(grid, grid, channels): the image encoder's features, averaged in cells that span the picture."""
        pixels = self.processor(images=picture, return_tensors="pt")["pixel_values"].to(self.model.device)
        coarsest = self.model.get_image_embeddings(pixels)[-1]
        pooled = torch.nn.functional.adaptive_avg_pool2d(coarsest.float(), grid)[0]
        return pooled.permute(1, 2, 0).cpu().numpy()


def tokens_to_names(tokens: list[int], separator: int, special: set[int]) -> list[int | None]:
    """Which name each token is part of: names end with the separator."""
    name, names = 0, []
    for token in tokens:
        if token == separator:
            names.append(None)
            name += 1
        else:
            names.append(None if token in special else name)
    return names


def without_doubles(found: list[Found], overlap: float) -> list[Found]:
    """The best of those whose boxes overlap by more than `overlap`, best first."""
    kept: list[Found] = []
    for candidate in sorted(found, key=lambda f: -f.score):
        if all(intersection_over_union(candidate.box, other.box) <= overlap for other in kept):
            kept.append(candidate)
    return kept[:MOST_INSTANCES]


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> float:
    inter = np.prod((np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0))
    area = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter
    return float(inter / area) if area > 0 else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path, help="bundles, or folders of them")
    parser.add_argument("--names", required=True, help='names of the objects to look for: "chair. table", or a file with one name per line')
    parser.add_argument("--detector", default="IDEA-Research/grounding-dino-base", help="zero-shot detector, a name or folder for Transformers")
    parser.add_argument("--segmenter", default="facebook/sam2.1-hiera-large", help="SAM 2 model, a name or folder for Transformers")
    parser.add_argument("--threshold", type=float, default=0.3, help="lowest score of a box, 0 to 1")
    parser.add_argument("--overlap", type=float, default=0.7, help="largest IoU of two boxes; of boxes that overlap more, the best one is kept")
    parser.add_argument("--grid", type=int, default=0, help="write image features, too, in a grid with this number of cells per side; 0 for none")
    parser.add_argument("--again", action="store_true", help="process images that have masks already, too")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor, Sam2Model, Sam2Processor

    text = Path(options.names).read_text() if Path(options.names).is_file() else options.names.replace(".", "\n")
    names = list(dict.fromkeys(name.strip() for name in text.splitlines() if name.strip()))
    found = bundles(options.bundles)
    if not names or not found:
        print("--names is empty" if not names else f"there is no bundle in {options.bundles}", file=sys.stderr)
        return 1
    load = lambda kind, name: kind.from_pretrained(name)
    detector = Detector(
        load(AutoModelForZeroShotObjectDetection, options.detector).to(options.device), load(AutoProcessor, options.detector), options.threshold, options.overlap
    )
    segmenter = Segmenter(load(Sam2Model, options.segmenter).to(options.device), load(Sam2Processor, options.segmenter))
    broken = 0
    for bundle in found:
        try:
            looked, count = perceive(bundle, names, detector, segmenter, options.again, options.grid)
            print(f"{bundle}: {count} instances in {looked} images", file=sys.stderr)
        except (OSError, ValueError, KeyError) as error:
            broken += 1
            print(f"left out {bundle}: {error}", file=sys.stderr)
    return 1 if broken == len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
