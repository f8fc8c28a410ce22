"""Scores an exported checkpoint through transformers on held-out scenes, task by task, greedy, exact match unless said.

usage: evaluate.py MODEL_DIRECTORY SCENES [--layout grid] [--unseen-strings] [--out FILE.json]
"""
import argparse
import json
import random
import re
import time
from collections import defaultdict
from pathlib import Path

import torch

import questions
import scenes
from asking import Reference

UNSEEN = (
    "DAY RAT HEN LIP MUG NET OIL PIG TOY WAX YES BIRD CLAY DUCK FROG HAND JUMP LION MOON NEST RAIN SHIP TREE WIND "
    "X9Z B4K 7UP QW3E").split()
BATCH = 16
BOX = re.compile(r"<box>\[([\d.]+),([\d.]+),([\d.]+),([\d.]+)\]</box>")


def parse_box(text):
    match = BOX.fullmatch(text)
    return [float(v) for v in match.groups()] if match else None


def intersection_over_union(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / max(either, 1e-9)


def turns(rng, scene):
    asked = []
    for i, o in enumerate(scene.objects):
        for mode in ("box", "point"):
            asked.append(questions.region_turn(rng, scene, i, mode, "cls"))
            if o.kind == "text":
                asked.append(questions.region_turn(rng, scene, i, mode, "ocr"))
        for task in ("color", "shape", "rcap", "ryn"):
            asked.append(questions.region_turn(rng, scene, i, rng.choice(["box", "point"]), task))
        asked.append(questions.grounding_turn(rng, scene, i))
    asked.append(questions.count_turn(rng, scene))
    asked += [questions.existence_turn(rng, scene) for _ in range(2)]
    asked += [questions.caption_turn(rng, scene), questions.background_turn(rng, scene)]
    return sorted((t for t in asked if t), key=lambda t: len(t.answer))


def scores(scene, turn, answer):
    """(name, score) pairs of one answer."""
    exact = answer == turn.answer
    target, words = scene.objects[turn.target] if turn.target >= 0 else None, answer.split()
    if turn.task == "ground":
        box = parse_box(answer)
        overlap = intersection_over_union(box, parse_box(turn.answer)) if box else 0.0
        yield from (("ground_iou_mean", overlap), ("ground_acc@0.5", overlap >= 0.5),
                    (f"ground_acc@0.5_{target.kind}", overlap >= 0.5), ("ground_wellformed", box is not None))
    elif turn.task == "cls":
        name = f"cls_{turn.mode}"
        yield from ((f"{name}_{target.kind}_exact", exact), (f"{name}_color", target.color in words),
                    (f"{name}_kind", (target.shape or "text") in words))
        if target.kind == "shape":
            yield from ((f"{name}_shape", target.shape in words), (f"{name}_size", target.size in words))
    elif turn.task == "ocr":
        yield f"ocr_{turn.mode}_exact", exact
        yield ("ocr_char1" if len(target.text) == 1 else "ocr_word"), exact
    elif turn.task == "cap":
        named = sum(o.phrase() in answer for o in scene.objects)
        yield from (("cap_exact", exact), ("cap_objects_recall", named / max(1, len(scene.objects))))
    else:
        yield turn.task, exact


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("scenes", type=int)
    parser.add_argument("--layout", default="grid", choices=["grid", "free"])
    parser.add_argument("--unseen-strings", action="store_true", help="strings that training never drew")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.unseen_strings:
        scenes.WORDS = UNSEEN
    reference, found, truths, start = Reference(options.model), defaultdict(list), defaultdict(list), time.time()
    for index in range(options.scenes):
        scene = scenes.scene("heldout", index, options.layout)
        asked = turns(random.Random(f"eval-{index}"), scene)
        for first in range(0, len(asked), BATCH):
            batch = asked[first:first + BATCH]
            answers = reference.answers(scene.image, [t.question for t in batch])
            for turn, answer in zip(batch, answers):
                truths[turn.task].append(turn.answer)
                for name, value in scores(scene, turn, answer):
                    found[name].append(float(value))
    report = {name: {"score": round(sum(v) / len(v), 4), "n": len(v)} for name, v in sorted(found.items())}
    for task in ("exist", "ryn", "count"):      # what the commonest answer alone would score
        if all_truths := truths[task]:
            best = max(map(all_truths.count, set(all_truths)))
            report["majority_baseline_" + task] = {"score": round(best / len(all_truths), 4), "n": len(all_truths)}
    result = {"scenes": options.scenes, "metrics": report, "seconds": round(time.time() - start, 1)}
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
