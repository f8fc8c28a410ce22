"""Draws a few held-out scenes large, asks the small model about every object by box and by point, and keeps those that
it names right both ways.

usage: make_samples.py MODEL_DIRECTORY OUT
"""
import json
import sys
from pathlib import Path

import torch
from PIL import Image

from asking import Reference
from questions import box_text, point_text
from scenes import SIZE, scene

SCALE = 6
# file, held-out scene, extra background left and right
SAMPLES = [("scene-03.png", 3, 0), ("scene-20.png", 20, 0), ("scene-22.png", 22, 0), ("scene-07-wide.png", 7, 112),
           ("scene-06.jpg", 6, 0)]
NOTE = ("pixels of that picture, [x1, y1, x2, y2] and [x, y]; answers: transformers, f32, greedy, on that very file, "
        "regions written in the notation `mini` after resizing the shortest edge to 112 and the centre crop")


class Crop:
    """Pixels of a picture -> [0, 1] of the square that the model sees."""

    def __init__(self, width, height, side):
        short = min(width, height)
        self.size = [side * v // short for v in (width, height)]            # after resizing
        self.offset = [(v - side) // 2 for v in self.size]
        self.scale = [s / v for s, v in zip(self.size, (width, height))]
        self.side = side

    def __call__(self, coordinates):
        return [(v * self.scale[k % 2] - self.offset[k % 2]) / self.side for k, v in enumerate(coordinates)]


def point_inside(o, box):
    """A point on the object itself: the centre is empty in a ring, so take the band left of it."""
    x1, y1, x2, y2 = box
    across = 0.12 if o.shape == "ring" else 0.5
    return [round(x1 + (x2 - x1) * across), round((y1 + y2) / 2)]


def describe(o, reference, image, crop):
    box = [round(v) for v in o.pixel_box]
    point = point_inside(o, box)
    regions = {"box": box_text(crop(box)), "point": point_text(*crop(point))}
    wordings = {"": "What is at {}?"} | ({"read_": "Read the text in {}."} if o.kind == "text" else {})
    asked = [(prefix + mode, wording.format(region)) for prefix, wording in wordings.items()
             for mode, region in regions.items()]
    answers = dict(zip([key for key, _ in asked], reference.answers(image, [q for _, q in asked])))
    return {"name": o.phrase(), "text": o.text, "box": box, "point": point,
            "questions": dict(asked), "answers": answers}


def sample(reference, out, name, index, margin):
    drawn = scene("heldout", index, scale=SCALE, margin=margin)
    drawn.image.save(out / name, **({"quality": 90} if name.endswith("jpg") else {"optimize": True}))
    image = Image.open(out / name)
    crop = Crop(*image.size, reference.side)
    objects = []
    for o in drawn.objects:
        entry = describe(o, reference, image, crop)
        right = all(entry["answers"][mode] == o.phrase() for mode in ("box", "point"))
        reads = [entry["answers"][k] == o.text for k in ("read_box", "read_point") if k in entry["answers"]]
        if right and all(reads):
            objects.append(entry)
        else:
            print(name, "left out:", entry["name"], entry["answers"])
    print(name, image.size, (out / name).stat().st_size, "bytes,", len(objects), "of", len(drawn.objects), "objects")
    return {"file": name, "width": image.width, "height": image.height, "scene": f"heldout {index}",
            "background": drawn.background, "objects": objects}


def main():
    torch.set_num_threads(1)
    assert SIZE == 112
    reference, out = Reference(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    entries = [sample(reference, out, *entry) for entry in SAMPLES]
    (out / "samples.json").write_text(json.dumps({"note": NOTE, "samples": entries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
