"""Makes the fixtures beside it. usage: make_fixtures.py ORACLE_DIRECTORY

numbers.json   doubles (as bits) with what Python writes for them
geometry.json  sizes and offsets of each image fit, from definitions on pixel indexes
cases.json     questions of the held-out split with typed regions and their prompts
prompts.json   prompts that transformers was run on, with the size of their image
"""
import json, math, os, random, re, struct, sys

oracle, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20240607)


def write(name, value):
    with open(os.path.join(here, name), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in value) + "\n]\n")


values = [0.0, -0.0, 1.0, 5e-324, 1e-300, 0.125, 0.375, 0.0625, 0.0005, 0.9995, 0.285, 0.29, 0.575, 0.005, 0.995]
values += [k / 1024 for k in (1, 3, 5, 511, 513, 1023)]
for n in (0, 4, 14, 28, 50, 57, 62, 71, 99):  # neighbours of rounding borders of both precisions
    for border in (n / 100 + 0.005, n / 1000 + 0.0005, n / 1000):
        values += [border, math.nextafter(border, 0), math.nextafter(border, 1)]
values += [rng.random() for _ in range(60)]
write("numbers.json", [[str(struct.unpack("<Q", struct.pack("<d", v))[0]), f"{abs(v):.2f}", f"{abs(v):.3f}", str(int(v * 1000))] for v in values])


def crop(length, side):
    """Where the side's window begins: found by padding a list of indexes and cutting its middle."""
    row = list(range(length))
    new = max(length, side)
    before = math.ceil((new - length) / 2)
    row = [None] * before + row + [None] * (new - length - before)
    start = (length - side) // 2 + before
    row = row[max(0, start):min(new, start + side)]
    assert len(row) == side
    seen = next(i for i, v in enumerate(row) if v is not None)
    return row[seen] - seen


def geometry(fit, w, h, side, edge):
    canvas, offset, resized, cut = (w, h), (0, 0), (side, side), (0, 0)
    if fit in ("centre-pad", "top-left-pad"):
        canvas = (max(w, h), max(w, h))
    if fit == "centre-pad":
        offset = (0, (w - h) // 2) if w > h else ((h - w) // 2, 0)
    if fit == "centre-crop":
        short, long = (w, h) if w <= h else (h, w)
        new_long = int(edge * long / short)
        resized = (edge, new_long) if w <= h else (new_long, edge)
        cut = (crop(resized[0], side), crop(resized[1], side))
    return dict(fit=fit, original=[w, h], side=side, edge=edge, canvas=canvas, canvasOffset=offset, resized=resized, cropOffset=cut)


sizes = [(1, 1), (1, 37), (37, 1), (2, 3), (112, 112), (168, 112), (112, 168), (640, 480), (481, 640), (97, 211), (300, 57), (1999, 3)]
rows = [geometry(fit, w, h, 112, 112) for w, h in sizes for fit in ("stretch", "centre-pad", "top-left-pad", "centre-crop")]
rows += [geometry("centre-crop", w, h, side, edge) for w, h in sizes for side, edge in ((112, 128), (113, 112), (224, 56), (57, 40))]
write("geometry.json", rows)

cases = [c for c in json.load(open(oracle + "/heldout/cases.json")) if "box" in c or "point" in c]
write("cases.json", [{k: c[k] for k in ("question", "prompt", "box", "point") if k in c} for c in cases[::2]])

prompts = [dict(size=i["size"], prompt=i["prompt"]) for i in json.load(open(oracle + "/goldens/goldens.json"))["items"]]
tiny = json.load(open(oracle + "/tiny-linear/goldens.json"))
prompts += [dict(size=[56, 56], prompt=p) for p in (tiny["prompt"], tiny["multi_turn"]["prompt"])]
write("prompts.json", prompts)
