"""Makes a set of cases: scenes as PNG; questions whose regions are typed, in pixels; the truth; transformers' answer.

usage: make_cases.py MODEL_DIRECTORY OUT [--split heldout] [--scenes 40] [--layout grid] [--questions 12]
"""
import argparse
import json
import random
import re
from pathlib import Path

import torch

import questions
from asking import Reference
from scenes import SIZE, scene

REGION = re.compile(r"<(box|point)>\[([\d.,]+)\]</\1>")


def turns(rng, drawn, limit):
    chosen = []
    for i, o in enumerate(drawn.objects):
        for mode in ("box", "point"):
            task = "ocr" if o.kind == "text" and rng.random() < 0.6 else "cls"
            chosen.append(questions.region_turn(rng, drawn, i, mode, task))
        mode, task = rng.choice(["box", "point"]), rng.choice(["color", "shape", "ryn", "rcap"])
        chosen.append(questions.region_turn(rng, drawn, i, mode, task))
        grounding = questions.grounding_turn(rng, drawn, i)
        if grounding and rng.random() < 0.5:
            chosen.append(grounding)
    chosen += [questions.count_turn(rng, drawn), questions.existence_turn(rng, drawn)]
    rng.shuffle(chosen)
    return chosen[:limit]


def case(name, turn, answer):
    made = {"image": name, "task": turn.task, "question": REGION.sub("<region>", turn.question),
            "prompt": turn.question, "truth": turn.answer, "transformers": answer}
    found = REGION.search(turn.question)
    if found:
        made[found[1]] = [round(float(v) * SIZE, 4) for v in found[2].split(",")]
    return made


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="heldout")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--layout", default="grid", choices=["grid", "free"])
    parser.add_argument("--questions", type=int, default=12, help="at most so many a scene")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reference, cases = Reference(options.model), []
    options.out.mkdir(parents=True, exist_ok=True)
    for k in range(options.scenes):
        drawn, name = scene(options.split, k, layout=options.layout), f"{options.layout}_{k:03d}.png"
        drawn.image.save(options.out / name)
        asked = turns(random.Random(f"{options.split}-cases-{k}"), drawn, options.questions)
        answers = reference.answers(drawn.image, [t.question for t in asked], limit=48)
        cases += [case(name, turn, answer) for turn, answer in zip(asked, answers)]
    (options.out / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    print(len(cases), "cases,", sum(c["truth"] == c["transformers"] for c in cases), "answered exactly")


if __name__ == "__main__":
    main()
