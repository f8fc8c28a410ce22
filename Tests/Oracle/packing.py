"""Batches for training: scenes as pixels, labels of every patch, conversations packed behind one image."""
import math

import numpy as np
import torch

from make_tokenizer import VICUNA
from packed_model import BACKGROUND_LABEL, PATCHES
from questions import conversations
from scenes import CHARS, COLOR_NAMES, GRID, PATCH, SHAPES, SIZES

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
TEXT_LABEL, NO_CHARACTER, NONE = len(SHAPES), len(CHARS), -1
SYSTEM_SHARE = 0.12      # of sequences that begin with Vicuna's system text


def to_pixels(scenes):
    pixels = (np.stack([np.asarray(s.image, np.float32) for s in scenes]) / 255.0 - MEAN) / STD
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def coordinate_ids(tokenizer):
    return torch.tensor(tokenizer.convert_tokens_to_ids([f"{v / 100:.2f}" for v in range(101)]))


# ---------------------------------------------------------------- labels
def patch_overlap(o):
    """How much of each patch the object's box covers [64]; 1 at the best one."""
    x1, y1, x2, y2 = (v / PATCH for v in o.box)
    edge = np.arange(GRID)
    across = np.clip(np.minimum(edge + 1, x2) - np.maximum(edge, x1), 0, 1)
    down = np.clip(np.minimum(edge + 1, y2) - np.maximum(edge, y1), 0, 1)
    overlap = down[:, None] * across[None]
    return (overlap / overlap.max()).reshape(-1)


def object_labels(o):
    color = COLOR_NAMES.index(o.color)
    if o.kind == "text":
        characters = [CHARS.index(c) for c in o.text] + [NO_CHARACTER] * (4 - len(o.text))
        return [TEXT_LABEL, color, NONE, *characters, NONE]
    return [SHAPES.index(o.shape), color, SIZES.index(o.size)] + [NONE] * 5


def patch_labels(scene):
    """labels [64, 8] and boxes [64, 4] of the object that covers each patch best."""
    labels, boxes = np.full((PATCHES, 8), NONE, np.int64), np.zeros((PATCHES, 4), np.float32)
    labels[:, 0] = BACKGROUND_LABEL
    best = np.full(PATCHES, 0.3)
    for o in scene.objects:
        overlap = patch_overlap(o)
        mine = overlap >= best
        labels[mine], boxes[mine] = object_labels(o), o.nbox
        if o.kind == "text":      # the character whose cell holds the patch's centre
            for p in np.nonzero(mine)[0]:
                u = ((p % GRID + 0.5) * PATCH - o.box[0]) / (o.box[2] - o.box[0])
                labels[p, 7] = CHARS.index(o.text[min(len(o.text) - 1, max(0, int(u * len(o.text))))])
        best = np.maximum(best, overlap)
    return labels, boxes


def stacked_labels(scenes):
    labels, boxes = zip(*(patch_labels(s) for s in scenes))
    return torch.from_numpy(np.concatenate(labels)), torch.from_numpy(np.concatenate(boxes))


# ---------------------------------------------------------------- conversations
class Packer:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.image = tokenizer.convert_tokens_to_ids("<image>")
        self.region_ends = set(tokenizer.convert_tokens_to_ids(["]</box>", "]</point>"]))
        self.prefixes = {}
        for system in ("", VICUNA + " "):
            ids = self.encode(system + "USER: <image>")
            assert ids[-1] == self.image
            self.prefixes[system] = [1] + ids[:-1] + [self.image] * PATCHES

    def encode(self, text):
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def conversation(self, turns):
        """Ids, labels (answers only) and marks (last region token, last question token, end, turn) after `<image>`."""
        ids, labels, marks = [], [], []
        for k, turn in enumerate(turns):
            # the text follows a special token, so it is tokenised behind one
            asked = ("</s>\n" if k == 0 else "</s>USER: ") + turn.question + " ASSISTANT:"
            question = self.encode(asked)[1:]
            whole = self.encode(f"{asked} {turn.answer}</s>")[1:]
            assert whole[:len(question)] == question
            start = len(ids)
            regions = [start + i for i, v in enumerate(question) if v in self.region_ends]
            ids += whole
            labels += [NONE] * len(question) + whole[len(question):]
            marks.append((regions[-1] if regions else NONE, start + len(question) - 1, start + len(whole), turn))
        return ids, labels, marks

    def sequence(self, scene, rng, budget):
        """One image and as many conversations as `budget` tokens hold, each in a segment of its own."""
        ids = list(self.prefixes[VICUNA + " " if rng.random() < SYSTEM_SHARE else ""])
        prefix = len(ids)
        row = {"ids": ids, "image_start": prefix - PATCHES, "positions": list(range(prefix)), "segments": [0] * prefix,
               "labels": [NONE] * prefix, "weights": [0.0] * prefix, "marks": []}
        for segment, turns in enumerate(conversations(scene, rng, 60), 1):
            more, labels, marks = self.conversation(turns)
            base = len(ids)
            if base + len(more) > budget + prefix:
                break
            ids += more
            row["positions"] += range(prefix, prefix + len(more))
            row["segments"] += [segment] * len(more)
            row["labels"] += labels
            row["weights"] += [1.0 / math.sqrt(sum(v >= 0 for v in labels))] * len(more)
            row["marks"] += [(base + r if r >= 0 else NONE, base + q, base + e, t) for r, q, e, t in marks]
        return row


def supervision(rows, scenes):
    """What attention and the probe are taught: rows, patch weights, whether the row ends a region; labels and boxes."""
    taught, emitting, labels, boxes = [], [], [], []
    for b, row in enumerate(rows):
        for region, colon, end, turn in row["marks"]:
            if turn.target < 0:
                continue
            o = scenes[b].objects[turn.target]
            overlap = patch_overlap(o)
            taught.append((b, region if region >= 0 else colon, overlap, float(region >= 0)))
            labels.append(object_labels(o))
            boxes.append(o.nbox)
            if turn.task in ("ground", "it_where"):      # every row that emits a piece of a box
                emitting += [(b, r, overlap, 0.0) for r in range(colon + 1, end - 1)]
    if not taught:
        return None, None, None
    batch, at, overlap, is_region = zip(*(taught + emitting))
    attention = (torch.tensor(batch), torch.tensor(at), torch.from_numpy(np.array(overlap, np.float32)),
                 torch.tensor(is_region))
    probe_rows = torch.tensor([t[0] for t in taught]), torch.tensor([t[1] for t in taught])
    return attention, probe_rows, (torch.tensor(labels), torch.tensor(boxes, dtype=torch.float32))


def collate(packer, scenes, rngs, budget):
    rows = [packer.sequence(s, r, budget) for s, r in zip(scenes, rngs)]
    longest = max(len(r["ids"]) for r in rows)

    def padded(key, filling, kind=torch.long):
        return torch.tensor([r[key] + [filling] * (longest - len(r[key])) for r in rows], dtype=kind)

    ids, segments = padded("ids", 0), padded("segments", NONE)
    ids[ids == packer.image] = 0
    order = torch.arange(longest)
    own = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
    attention, probe_rows, probe = supervision(rows, scenes)
    return {"ids": ids, "positions": padded("positions", 0), "labels": padded("labels", NONE),
            "weights": padded("weights", 0.0, torch.float32), "mask": ((order[None] <= order[:, None]) & own)[:, None],
            "image_start": torch.tensor([r["image_start"] for r in rows]), "attention": attention,
            "probe_rows": probe_rows, "probe": probe,
            "turns": [(b, colon, end, t) for b, r in enumerate(rows) for _, colon, end, t in r["marks"]]}
