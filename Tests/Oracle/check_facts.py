"""Checks what an engine has to know of transformers: preprocessing, names of tensors, rotary scaling, feature layers.

usage: check_facts.py TINY_DIRECTORY      as made by make_tiny.py, all five
"""
import math
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPImageProcessorPil, LlavaForConditionalGeneration

from checkpoint_files import NAMES, save_weights

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
SIZES = [(150, 100), (97, 211), (56, 56), (300, 57), (40, 31), (640, 481), (1, 1)]   # width, height


def normalized(pixels):
    return ((pixels.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)


def cropped(image, side):
    """Shortest edge to `side`, the other truncated; centre crop, offsets truncated."""
    short = min(image.size)
    width, height = (side * v // short for v in image.size)
    pixels = np.asarray(image.resize((width, height), Image.BICUBIC))
    top, left = (height - side) // 2, (width - side) // 2
    return normalized(pixels[top:top + side, left:left + side])


def stretched(image, side):
    return normalized(np.asarray(image.resize((side, side), Image.BICUBIC)))


def check_preprocessing(root):
    rng = np.random.default_rng(0)
    for name, by_hand in (("tiny-mlp-gqa", cropped), ("tiny-linear-rope", stretched)):
        processor = CLIPImageProcessorPil.from_pretrained(root / name)
        worst = 0
        for width, height in SIZES:
            image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
            expected = processor(image, return_tensors="np")["pixel_values"][0]
            worst = max(worst, np.abs(by_hand(image, 56) - expected).max())
        assert worst < 2e-6, (name, worst)
        print(f"pixel values by hand, {by_hand.__name__}: off by {worst:.1e} at most")


def load(directory):
    model, info = LlavaForConditionalGeneration.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    return model.eval()


def check_names(root):
    model = load(root / "tiny-mlp-gqa")
    for scheme in ("saved", "memory", "old"):
        with tempfile.TemporaryDirectory() as directory:
            directory = Path(directory)
            shutil.copy(root / "tiny-mlp-gqa" / "config.json", directory)
            save_weights({NAMES[scheme](k): v.contiguous() for k, v in model.state_dict().items()}, directory)
            read = load(directory).state_dict()
            assert all(torch.equal(read[k], v) for k, v in model.state_dict().items())
        print("names load:", scheme)


def llama3_frequencies(dimension, theta, factor, low, high, original):
    """Rotations a position: fast ones stay, slow ones are divided, those between are mixed."""
    out = []
    for i in range(0, dimension, 2):
        frequency = theta ** (-i / dimension)
        turns = original * frequency / (2 * math.pi)        # within the original context
        if turns < low:
            frequency /= factor
        elif turns <= high:
            smooth = (turns - low) / (high - low)
            frequency *= (1 - smooth) / factor + smooth
        out.append(frequency)
    return out


def check_rotary(root):
    llama3 = llama3_frequencies(24, 500000.0, 8.0, 1.0, 4.0, 64)
    linear = [20000.0 ** (-i / 16) / 4 for i in range(0, 16, 2)]
    for name, expected in (("tiny-llama3-tied", llama3), ("tiny-linear-rope", linear)):
        found = load(root / name).model.language_model.rotary_emb.inv_freq
        worst = ((found - torch.tensor(expected)).abs() / found).max().item()
        assert worst < 1e-6, (name, worst)
        print(f"rotary frequencies of {name}: off by {worst:.1e} relative")


@torch.no_grad()
def check_feature_layers(root):
    tower = load(root / "tiny-llama3-tied").model.vision_tower
    goldens = load_file(root / "tiny-llama3-tied" / "goldens.safetensors")
    out = tower(goldens["pixel_values"], output_hidden_states=True)
    assert torch.equal(goldens["vision.selected"], out.hidden_states[-1])
    assert len(out.hidden_states) == tower.config.num_hidden_layers + 1
    normed = tower.post_layernorm(out.hidden_states[-1])
    assert (normed - out.hidden_states[-1]).abs().max() > 0.1
    assert torch.allclose(out.pooler_output, normed[:, 0], atol=1e-5)
    print("feature layer -1 is the last layer's output without post_layernorm; full keeps the class token, first")


def main():
    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    for check in (check_preprocessing, check_names, check_rotary, check_feature_layers):
        check(root)


if __name__ == "__main__":
    main()
