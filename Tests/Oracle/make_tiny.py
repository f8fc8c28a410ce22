"""Makes the tiny random checkpoints with their goldens.

usage: make_tiny.py TOKENIZER_DIRECTORY OUT [NAME ...]      names: those of tiny_checkpoints.py, all by default

A picture that is already at OUT/NAME/input.png is kept: the goldens of tiny-mlp-gqa and tiny-linear belong to pictures
that the present generator does not draw.
"""
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPImageProcessorPil, GenerationConfig, LlavaConfig, LlavaForConditionalGeneration

import checkpoint_files as files
from goldens import LONG_TEXT, Recorder
from scenes import scene
from tiny_checkpoints import CHECKPOINTS, PAD_TOKEN

PROMPT = "USER: <image>\nWhat is at <point>[0.25,0.40]</point>? ASSISTANT:"
MULTI_TURN = ("USER: <image>\nWhat is at <box>[0.10,0.20,0.55,1.00]</box>? ASSISTANT: a red circle</s>"
              "USER: Where is it? ASSISTANT:")


class ConvolutionProjector(nn.Module):
    """Merlin's: the patches as a picture, row by row -> 3 x 3 convolution, stride 2 -> rows again."""

    def __init__(self, width, hidden):
        super().__init__()
        self.projector = nn.Conv2d(width, hidden, kernel_size=3, stride=2, padding=1)

    def forward(self, features):                                       # [1, side * side, width]
        side = int(features.shape[1] ** 0.5)
        picture = features.transpose(1, 2).unflatten(2, (side, side))  # [1, width, side, side]
        out = F.conv2d(picture, self.projector.weight, self.projector.bias, stride=2, padding=1)
        return out.flatten(2).transpose(1, 2)                          # [1, image tokens, hidden]


def randomize(model, seed, dtype):
    """Weights of a size that keeps activations near 1, representable in `dtype`."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if p.dim() >= 2:
            table = "embed" in name and "patch" not in name
            p.copy_(torch.randn(p.shape, generator=generator) * (0.5 if table else 1.2 / p[0].numel() ** 0.5))
        elif "norm" in name and name.endswith("weight"):
            p.copy_(1 + 0.1 * torch.randn(p.shape, generator=generator))
        else:
            p.copy_(0.05 * torch.randn(p.shape, generator=generator))
        p.copy_(p.to(dtype).float())


@torch.no_grad()
def build(tiny):
    config = LlavaConfig.from_dict(json.loads(json.dumps(tiny.config)))
    config._attn_implementation = "eager"
    model = LlavaForConditionalGeneration(config).float().eval()
    inner = model.model
    if tiny.projector == "convolution":
        inner.multi_modal_projector = ConvolutionProjector(config.vision_config.hidden_size,
                                                           config.text_config.hidden_size)
    randomize(model, tiny.seed, tiny.dtype)
    if tiny.projector == "identity":
        nn.init.eye_(inner.multi_modal_projector.linear_2.weight)
        nn.init.zeros_(inner.multi_modal_projector.linear_2.bias)
    return model


def stored_tensors(model, tiny):
    tensors = {}
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and model.config.text_config.tie_word_embeddings:
            continue
        if tiny.projector == "convolution":
            key = key.replace("multi_modal_projector.projector", "projector.projector")
        tensors[files.NAMES[tiny.names](key)] = value.to(tiny.dtype).contiguous()
    return tensors


def write(tiny, model, tokenizer, source, directory):
    directory.mkdir(parents=True, exist_ok=True)
    files.save_weights(stored_tensors(model, tiny), directory, tiny.shards)
    if tiny.complete:
        config = LlavaConfig.from_dict(json.loads(json.dumps(tiny.config)))
        config.dtype, config.architectures = tiny.dtype, tiny.config["architectures"]
        config.save_pretrained(directory)
    else:
        files.write_json(directory / "config.json", tiny.config)
    GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=PAD_TOKEN).save_pretrained(directory)
    processor = CLIPImageProcessorPil(**tiny.preprocessor)
    processor.save_pretrained(directory)
    path = directory / "preprocessor_config.json"
    saved = json.loads(path.read_text()) | tiny.preprocessor | {"image_processor_type": "CLIPImageProcessor"}
    files.write_json(path, saved, indent=2)
    write_tokenizer(tiny, tokenizer, source, directory)


def write_tokenizer(tiny, tokenizer, source, directory):
    if tiny.old_tokenizer:
        files.save_old_tokenizer(tokenizer, source, directory)
        return
    files.save_tokenizer(tokenizer, source, directory)
    if tiny.compact:
        path = directory / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":")))


def reloaded(tiny, directory, model):
    """The model as transformers reads it from the files; it must be the one that was written."""
    if tiny.projector == "convolution":      # transformers has no such class: compare the tensors
        stored = load_file(directory / "model.safetensors")
        for key, value in stored_tensors(model, tiny).items():
            assert torch.equal(stored[key], value), key
        return model
    read, info = LlavaForConditionalGeneration.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    expected = model.state_dict()
    for key, value in read.state_dict().items():
        assert torch.equal(value, expected[key]), key
    return read.eval()


def picture(size):
    """A held-out scene, squeezed to a width and cut to a height: not square, not aligned to anything."""
    width, height = size
    tall = width * 112 // 150
    top = (tall - height) // 2
    return scene("heldout", 3).image.resize((width, tall)).crop((0, top, width, top + height))


def make(name, source, out):
    tiny, directory = CHECKPOINTS[name], Path(out) / name
    tokenizer = files.load_tokenizer(source)
    model = build(tiny)
    write(tiny, model, tokenizer, source, directory)
    model = reloaded(tiny, directory, model)
    if not (directory / "input.png").exists():
        picture(tiny.picture).save(directory / "input.png", optimize=True)
    image = Image.open(directory / "input.png")
    processor = CLIPImageProcessorPil.from_pretrained(directory)
    recorder = Recorder(model, tokenizer, processor, image, tiny.image_tokens)
    recorder.record(PROMPT, MULTI_TURN, tiny.text_only, LONG_TEXT if tiny.long_text else None)
    recorder.save(directory)
    for path in directory.iterdir():
        path.chmod(0o644)
    size = sum(p.stat().st_size for p in directory.iterdir())
    print(name, f"{size:,} bytes, smallest lead {recorder.values['greedy_smallest_lead']}")


def main():
    torch.set_num_threads(1)
    source, out, *names = sys.argv[1:]
    for name in names or CHECKPOINTS:
        make(name, source, out)


if __name__ == "__main__":
    main()
