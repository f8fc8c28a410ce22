"""Writes a training checkpoint as a llava-hf directory in f16, and checks it: transformers must agree with the forward
pass that was trained.

usage: export.py CHECKPOINT.pt TOKENIZER_DIRECTORY OUT
"""
import random
import sys
from pathlib import Path

import torch
from transformers import CLIPImageProcessorPil, GenerationConfig, LlavaForConditionalGeneration, LlavaProcessor

from asking import Reference
from checkpoint_files import CHAT_TEMPLATE, save_tokenizer
from packed_model import build
from packing import Packer, collate, to_pixels
from scenes import PATCH, SIZE, scene


def write(hf, tokenizer, source, out):
    half = LlavaForConditionalGeneration(hf.config)
    half.load_state_dict(hf.state_dict())
    half = half.half()
    half.generation_config = GenerationConfig(
        bos_token_id=1, eos_token_id=2, pad_token_id=tokenizer.convert_tokens_to_ids("<pad>"), do_sample=False,
        max_new_tokens=64)
    half.save_pretrained(out)
    images = CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
    processor = LlavaProcessor(
        image_processor=images, tokenizer=tokenizer, patch_size=PATCH, vision_feature_select_strategy="default",
        image_token="<image>", num_additional_image_tokens=1, chat_template=CHAT_TEMPLATE)
    processor.save_pretrained(out)
    images.save_pretrained(out)
    save_tokenizer(tokenizer, source, out)
    for name in ("preprocessor_config.json", "processor_config.json"):      # the name that every version knows
        path = out / name
        path.write_text(path.read_text().replace("CLIPImageProcessorPil", "CLIPImageProcessor"))


@torch.no_grad()
def worst_difference(model, tokenizer, out):
    """Of a logit, over first turns of packed conversations about one scene."""
    drawn, reference, worst = scene("heldout", 1), Reference(out), 0.0
    batch = collate(Packer(tokenizer), [drawn], [random.Random(3)], 200)
    rows, _, _ = model.decoder(batch["ids"], batch["image_start"], model.vision(to_pixels([drawn])),
                               batch["positions"], batch["mask"])
    for b, colon, _, turn in batch["turns"]:
        inputs = reference.inputs(drawn.image, [f"USER: <image>\n{turn.question} ASSISTANT:"])
        if batch["positions"][b, colon] != inputs["input_ids"].shape[1] - 1:
            continue      # a later turn, or a system text before it
        expected = reference.model(**inputs).logits[0, -1]
        worst = max(worst, (model.head(rows[b, colon]) - expected).abs().max().item())
    return worst


def main():
    torch.set_num_threads(1)
    checkpoint, source, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    tokenizer, model = build(source)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    model.eval()
    with torch.no_grad():
        for p in model.hf.parameters():
            p.copy_(p.half().float())
    out.mkdir(parents=True, exist_ok=True)
    write(model.hf, tokenizer, source, out)
    worst = worst_difference(model, tokenizer, out)
    assert worst < 1e-3, worst
    print("logits differ from transformers' by", worst)


if __name__ == "__main__":
    main()
