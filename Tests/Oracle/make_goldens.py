"""Goldens of the small model: token ids, greedy answers and the first answer token's logits for 28 prompts.

usage: make_goldens.py MODEL_DIRECTORY OUT
"""
import json
import random
import sys
from pathlib import Path

import torch
import transformers
from PIL import Image

from asking import Reference
from make_tokenizer import VICUNA
from questions import region_text, unique_names
from scenes import scene

SCENES = [3, 4, 12, 15, 18, 22]
LARGE, WIDE, WITH_SYSTEM = 18, 22, 4    # resized to 448; on a grey ground, not square; also with Vicuna's system text


def picture(index):
    image = scene("heldout", index).image
    if index == LARGE:
        return f"heldout_{index}_448.png", image.resize((448, 448))
    if index == WIDE:
        wide = Image.new("RGB", (168, 112), (128, 128, 128))
        wide.paste(image, (28, 0))
        return f"heldout_{index}_wide.png", wide
    return f"heldout_{index}.png", image


def prompt_text(turns, system=""):
    """turns: question, answer, question …"""
    text = system + "USER: <image>\n" + turns[0]
    for k, turn in enumerate(turns[1:]):
        text += f" ASSISTANT: {turn}</s>" if k % 2 == 0 else f"USER: {turn}"
    return text + " ASSISTANT:"


def conversations(index, even):
    """The prompts about one scene, as (turns, system text)."""
    objects = scene("heldout", index).objects
    word = max(objects, key=lambda o: o.kind == "text")
    shape = max(objects, key=lambda o: o.kind == "shape")
    rng = random.Random(index)
    names = unique_names(objects, objects.index(shape)) or ["the object"]
    yield [f"What is at {region_text(rng, shape, 'point')}?"], ""
    yield [f"Read the text in {region_text(rng, word, 'box')}."], ""
    yield [f"Where is {names[0]}?"], ""
    if even:
        yield [f"Describe the region {region_text(rng, shape, 'box')}."], ""
        yield [f"What is in {region_text(rng, shape, 'box')}?", shape.phrase(), "Where is it?"], ""
    else:
        yield ["Describe the image."], ""
    if index == WITH_SYSTEM:
        yield ["How many objects are there?"], VICUNA + " "


def golden(reference, name, image, turns, system):
    prompt = prompt_text(turns, system)
    inputs = reference.inputs(image, [prompt])
    with torch.no_grad():
        logits = reference.model(**inputs).logits[0, -1].float()
    answer = reference.generate(image, [prompt])[0]
    best = logits.topk(2).values
    return {"image": name, "size": list(image.size), "prompt": prompt, "input_ids": inputs["input_ids"][0].tolist(),
            "answer_ids": answer.tolist(),
            "answer": reference.tokenizer.decode(answer, skip_special_tokens=True).strip(),
            "first_logits": [float(f"{v:.6g}") for v in logits.tolist()],
            "first_margin": float(best[0] - best[1])}


def main():
    torch.set_num_threads(1)
    reference, out = Reference(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    items = []
    for k, index in enumerate(SCENES):
        name, image = picture(index)
        image.save(out / name)
        items += [golden(reference, name, image, *c) for c in conversations(index, k % 2 == 0)]
    note = "transformers fp32 from the fp16 checkpoint; <image> is expanded to 64 ids"
    (out / "goldens.json").write_text(
        json.dumps({"note": note, "transformers": transformers.__version__, "items": items}))
    print(len(items), "goldens")


if __name__ == "__main__":
    main()
