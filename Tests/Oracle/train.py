"""Trains the small model on the CPU, from nothing, on generated scenes: first the vision encoder alone (labels of every
patch), then everything (answers, with taught attention, probes and patch labels fading out).

usage: train.py TOKENIZER_DIRECTORY OUT [--minutes 60] [--vision-minutes 10] [--resume CHECKPOINT]

Writes OUT/checkpoint.pt every five minutes and at the end; export.py makes a llava-hf directory of it. The shipped
model had 73 minutes of two busy cores. Time decides the schedule, so that no two runs give the same weights.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import torch

from initial_weights import initialize
from packed_model import BACKGROUND_LABEL, attribute_loss, build
from packing import Packer, collate, coordinate_ids, stacked_labels, to_pixels
from scenes import scene

VISION_RATE, RATE = 1e-3, 1.5e-3
VISION_BATCH, BATCH, EXTRA_BATCH = 16, 6, 8
EXTRA_STEPS = 2               # steps of the vision encoder alone after each step of everything
TOKEN_BUDGET = 240            # of conversations behind one image
KEPT_BACKGROUND = 0.3         # share of background patches that count
SAVE_SECONDS, LOG_SECONDS = 300, 30


class Schedule:
    """Where a run stands, from the clock."""

    def __init__(self, minutes, vision_minutes):
        self.total, self.vision_total = minutes * 60, vision_minutes * 60
        self.start, self.elapsed = time.time(), 0.0

    def tick(self):
        self.elapsed = time.time() - self.start
        return self.elapsed < self.total

    @property
    def vision_only(self):
        return self.elapsed < self.vision_total

    @property
    def done(self):
        """0 to 1 within the second part."""
        return min(max((self.elapsed - self.vision_total) / max(1, self.total - self.vision_total), 0.0), 1.0)

    def rates(self):
        """Of the vision encoder and of the decoder."""
        if self.vision_only:
            return VISION_RATE * (1 - 0.6 * self.elapsed / self.vision_total), 0.0
        warm = min(1, (self.elapsed - self.vision_total) / 60 + 0.02)
        falling = 0.02 + 0.49 * (1 + math.cos(math.pi * (self.done - 0.25) / 0.75))
        rate = RATE * warm * (1.0 if self.done < 0.25 else falling)
        return 0.4 * rate, rate


def draw(first, count, done):
    """Training scenes, "free" ones more often towards the end, half of the words random strings."""
    scenes = []
    for index in range(first, first + count):
        free = random.Random(f"mix-{index}").random() < 0.25 + 0.45 * done
        scenes.append(scene("train", index, layout="free" if free else "grid", random_text=0.5))
    return scenes


def patch_loss(model, features, scenes, parts=None):
    labels, boxes = stacked_labels(scenes)
    keep = (labels[:, 0] != BACKGROUND_LABEL) | (torch.rand(len(labels)) < KEPT_BACKGROUND)
    return attribute_loss(model.dense(features.flatten(0, 1)[keep]), labels[keep], boxes[keep], parts)


class AnswerLoss:
    """Cross entropy of answer tokens; a coordinate may also be one of its neighbours."""

    def __init__(self, tokenizer, spread=1.2):
        self.ids = coordinate_ids(tokenizer)
        v = torch.arange(101).float()
        near = torch.exp(-((v[:, None] - v[None]) ** 2) / (2 * spread ** 2))
        self.targets = near / near.sum(1, keepdim=True)

    def __call__(self, model, rows, batch):
        labels = batch["labels"][:, 1:]
        answered = labels >= 0
        expected, weights = labels[answered], batch["weights"][:, 1:][answered]
        log_p = model.head(rows[:, :-1][answered]).log_softmax(-1)
        place = torch.full((log_p.shape[1],), -1)
        place[self.ids] = torch.arange(101)
        value = place[expected]
        loss, coordinate = -log_p.gather(1, expected[:, None])[:, 0], value >= 0
        if coordinate.any():
            soft = -(log_p[coordinate][:, self.ids] * self.targets[value[coordinate]]).sum(-1)
            loss = loss.masked_scatter(coordinate, soft)
        right = (log_p.argmax(-1) == expected).float().mean()
        return (loss * weights).sum() / weights.sum(), right


def vision_step(model, scenes):
    parts = {}
    loss = patch_loss(model, model.vision(to_pixels(scenes)), scenes, parts)
    return loss, parts | {"patches": loss.detach()}


def full_step(model, packer, answer_loss, scenes, seed, done):
    features = model.vision(to_pixels(scenes))
    rngs = [random.Random(f"d-{seed}-{i}") for i in range(len(scenes))]
    batch = collate(packer, scenes, rngs, TOKEN_BUDGET)
    rows, attention, probed = model.decoder(
        batch["ids"], batch["image_start"], features, batch["positions"], batch["mask"], batch["attention"],
        batch["probe_rows"])
    answers, right = answer_loss(model, rows, batch)
    loss = answers + 0.25 * patch_loss(model, features, scenes)
    if batch["attention"] is not None:
        loss = loss + 0.3 * max(0.25, 1 - done / 0.7) * attention
        loss = loss + 0.25 * max(0.2, 1 - done) * attribute_loss(model.probe(probed), *batch["probe"])
    return loss, {"answers": answers.detach(), "tokens_right": right}


def optimizer_for(model):
    groups = {True: [], False: []}
    for name, p in model.named_parameters():
        groups[any(k in name for k in ("vision_tower", "multi_modal", "dense"))].append(p)
    return torch.optim.AdamW([{"params": groups[k], "lr": 0.0, "weight_decay": 0.02} for k in (True, False)],
                             betas=(0.9, 0.98), eps=1e-8)


def update(model, optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def save(path, model, optimizer, drawn, elapsed):
    unfinished = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "drawn": drawn,
                "elapsed": elapsed}, unfinished)
    unfinished.replace(path)


def train(model, tokenizer, out, schedule, resume):
    packer, answer_loss, optimizer, drawn = Packer(tokenizer), AnswerLoss(tokenizer), optimizer_for(model), 0
    if resume:
        state = torch.load(resume, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        drawn, schedule.start = state["drawn"], schedule.start - state["elapsed"]
    logged = saved = 0.0
    while schedule.tick():
        for group, rate in zip(optimizer.param_groups, schedule.rates()):
            group["lr"] = rate
        count = VISION_BATCH if schedule.vision_only else BATCH
        scenes = draw(drawn, count, schedule.done)
        drawn += count
        if schedule.vision_only:
            loss, parts = vision_step(model, scenes)
        else:
            loss, parts = full_step(model, packer, answer_loss, scenes, drawn, schedule.done)
        update(model, optimizer, loss)
        for _ in range(0 if schedule.vision_only else EXTRA_STEPS):
            update(model, optimizer, vision_step(model, draw(drawn, EXTRA_BATCH, schedule.done))[0])
            drawn += EXTRA_BATCH
        if schedule.elapsed - logged > LOG_SECONDS:
            logged = schedule.elapsed
            print(json.dumps({"seconds": round(logged), "scenes": drawn}
                             | {k: round(float(v), 4) for k, v in parts.items()}), flush=True)
        if schedule.elapsed - saved > SAVE_SECONDS:
            saved = schedule.elapsed
            save(out / "checkpoint.pt", model, optimizer, drawn, saved)
    save(out / "checkpoint.pt", model, optimizer, drawn, schedule.elapsed)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--vision-minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer, model = build(options.tokenizer)
    initialize(model.hf, tokenizer)
    print(sum(p.numel() for p in model.hf.parameters()), "parameters", flush=True)
    train(model, tokenizer, options.out, Schedule(options.minutes, options.vision_minutes), options.resume)


if __name__ == "__main__":
    main()
