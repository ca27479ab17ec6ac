"""Makes tests/golden/clip: a tiny random CLIP as transformers saves it, and what transformers says about texts and images.

The tokenizer is CLIP's own, with few merges. Its end-of-text token is not the one with the highest id, so that the two ways to find the state that
stands for a text give different answers. The embeddings are those of the same weights in float64.

    pip install torch==2.15.0 transformers==5.24.0 tokenizers==0.23.3 safetensors==0.8.0 pillow==13.0.0 numpy
    python tests/beside/clip_fixture.py
"""

import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPTokenizer

FOLDER = pathlib.Path(__file__).parent.parent / "golden" / "clip"
MERGES = 220
START, END = "<|startoftext|>", "<|endoftext|>"

CORPUS = """
A wooden chair stands at the table in the kitchen, and a second chair lies on the floor beside the window.
The office chair has wheels; the armchair, the sofa and the bookshelf have none. Two lamps hang above the desk.
There is a picture on the wall, a plant on the cabinet, a mirror in the bathroom and a towel near the sink.
Somebody's laptop doesn't stand on the nightstand: it's under the pillow, they've put it there, we'll see it, I'm sure.
The red backpack is larger than the blue suitcase, the white door is open and the grey curtain is closed.
""".strip()

TEXTS = [
    "chair",
    "a photo of a chair",
    "A Photo Of A CHAIR",
    "office chair",
    "office-chair",
    "the red backpack on the table",
    "it's somebody's laptop",
    "they've said we'll see; I'm sure it doesn't",
    "don'T",
    "2 lamps, 24\" monitor (black)",
    "1234567890",
    "  blanks   and\ttabs\nand lines  ",
    "",
    " ",
    "!!!",
    "...?!",
    "café",
    "cafe\u0301",
    "Bürostuhl",
    "krzesło",
    "椅子",
    "стул",
    "كرسي",
    "🪑",
    "a 🪑 and a 👩‍👩‍👧",
    "naïve façade ÀÉÎ",
    "x" * 100,
    "chair table sofa desk lamp " * 20,
    "<|endoftext|> in the middle",
    "gronkulator",
    "İstanbul ǅ ß",
    "tab\u00a0no-break\u2003em\u200bzero",
]


def merges() -> list[tuple[str, str]]:
    """The merges learned from the corpus: those of the last time, because which of equally frequent pairs comes first is a matter of chance."""
    saved = FOLDER / "tokenizer.json"
    if saved.exists():
        return [tuple(pair) for pair in json.loads(saved.read_text())["model"]["merges"]]
    plain = CLIPTokenizer()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = plain.backend_tokenizer.normalizer
    learner.pre_tokenizer = plain.backend_tokenizer.pre_tokenizer
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner.train_from_iterator(
        CORPUS.splitlines(),
        trainers.BpeTrainer(vocab_size=2 * len(letters) + MERGES, initial_alphabet=letters, end_of_word_suffix="</w>", show_progress=False),
    )
    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]


def tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer with few merges."""
    letters, learned = sorted(pre_tokenizers.ByteLevel.alphabet()), merges()
    # bytes, bytes that end a word, the two special tokens, and then what the merges make
    names = letters + [letter + "</w>" for letter in letters] + [START, END]
    names += [name for name in dict.fromkeys(first + second for first, second in learned) if name not in names]
    return CLIPTokenizer(vocab={name: number for number, name in enumerate(names)}, merges=learned, model_max_length=77)


def model(tokens: CLIPTokenizer) -> CLIPModel:
    """A tiny CLIP whose random weights are large enough for every part to matter."""
    config = CLIPConfig(
        projection_dim=40,
        text_config={
            "vocab_size": len(tokens),
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "projection_dim": 40,
            "bos_token_id": tokens.bos_token_id,
            "eos_token_id": tokens.eos_token_id,
            "pad_token_id": tokens.pad_token_id,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "projection_dim": 40,
        },
    )
    made = CLIPModel(config).eval()
    random = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            values = torch.randn(parameter.shape, generator=random)
            if parameter.dim() == 0:
                continue
            if parameter.dim() == 1:
                values = 0.2 * values + (1 if "norm" in name and name.endswith("weight") else 0)
            elif "embed" in name and "patch" not in name:
                values = 0.7 * values
            else:
                values = values * 1.5 / np.sqrt(parameter[0].numel())
            # the encoder keeps its table of tokens in f16
            parameter.copy_(values.half().float() if "token_embedding" in name else values)
    return made


def pictures() -> dict[str, np.ndarray]:
    """Images of several shapes with edges, slopes and noise.

    None is much taller than wide: of such images this Pillow resizes the columns first, and earlier ones the rows.
    """
    random = np.random.default_rng(3)
    made = {}
    for name, (rows, columns) in {"wide": (40, 67), "tall": (61, 40), "small": (13, 20), "exact": (32, 32), "large": (150, 201)}.items():
        y, x = np.mgrid[0:rows, 0:columns]
        slope = np.stack([255 * x / columns, 255 * y / rows, 255 * ((x // 5 + y // 7) % 2)], axis=-1)
        made[name] = np.clip(slope + random.normal(0, 30, slope.shape), 0, 255).astype(np.uint8)
    return made


def texts_of(clip: CLIPModel, ids: list[list[int]]) -> torch.Tensor:
    with torch.no_grad():
        rows = [clip.text_projection(clip.text_model(input_ids=torch.tensor([row])).pooler_output)[0] for row in ids]
    return torch.stack([row / row.norm() for row in rows]).float()


def set_end(clip: CLIPModel, end: int) -> None:
    for part in [clip, clip.text_model]:
        for configuration in [part.config, getattr(part.config, "text_config", None)]:
            if configuration is not None:
                configuration.eos_token_id = end
    for part in clip.modules():
        if hasattr(part, "eos_token_id"):
            part.eos_token_id = end


def set_activation(clip: CLIPModel, name: str) -> None:
    for part in clip.modules():
        if hasattr(part, "activation_fn"):
            part.activation_fn = transformers.activations.ACT2FN[name]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    tokens = tokenizer()
    clip = model(tokens)
    with tempfile.TemporaryDirectory() as folder:
        clip.save_pretrained(folder)
        tokens.save_pretrained(folder)
        for name in ["config.json", "model.safetensors", "tokenizer.json"]:
            shutil.copy(pathlib.Path(folder) / name, FOLDER / name)
        whole = load_file(FOLDER / "model.safetensors")
    # the text tower alone is a part of the same file
    with tempfile.TemporaryDirectory() as folder:
        CLIPTextModelWithProjection.from_pretrained(FOLDER).save_pretrained(folder)
        shutil.copy(pathlib.Path(folder) / "config.json", FOLDER / "config_text.json")
        alone = load_file(pathlib.Path(folder) / "model.safetensors")
    assert all(torch.equal(whole[name], values) for name, values in alone.items()), sorted(alone)
    assert {name for name in whole if name.startswith("text")} == set(alone), sorted(set(whole) ^ set(alone))

    ids = tokens(TEXTS, truncation=True, max_length=77)["input_ids"]
    exact = clip.double()
    expected = {"texts": texts_of(exact, ids)}
    set_end(exact, 2)
    expected["texts_highest_id"] = texts_of(exact, ids)
    set_end(exact, tokens.eos_token_id)
    assert (expected["texts"] - expected["texts_highest_id"]).abs().amax() > 0.1
    set_activation(exact, "gelu")
    expected["texts_gelu"] = texts_of(exact, ids)
    set_activation(exact, "quick_gelu")
    assert torch.equal(texts_of(exact, ids), expected["texts"])

    processor = transformers.models.clip.image_processing_pil_clip.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        shutil.copy(pathlib.Path(folder) / "preprocessor_config.json", FOLDER / "preprocessor_config.json")
    for name, picture in pictures().items():
        pixels = processor(images=picture, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        with torch.no_grad():
            row = exact.visual_projection(exact.vision_model(pixel_values=pixels.double()).pooler_output)[0]
        expected[f"image.{name}"] = torch.from_numpy(picture)
        expected[f"pixels.{name}"] = pixels[0].float()
        expected[f"vector.{name}"] = (row / row.norm()).float()
    save_file(expected, FOLDER / "expected.safetensors")
    texts = [{"text": text, "token_ids": row} for text, row in zip(TEXTS, ids)]
    (FOLDER / "texts.json").write_text(json.dumps(texts, ensure_ascii=False, indent=0) + "\n")


main()
