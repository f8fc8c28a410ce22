"""Questions about scenes and their true answers: the tasks that the small model learns, in the notation `mini`.

A box is `<box>[0.25,0.30,0.50,0.62]</box>`, a point `<point>[0.25,0.40]</point>`: [0, 1], exactly two decimals.
"""
import math
from dataclasses import dataclass

from scenes import COLOR_NAMES, SHAPES, SIZE, article


@dataclass
class Turn:
    task: str
    question: str
    answer: str
    target: int = -1     # index of the object asked about, -1 for none
    mode: str = ""       # how the region is given: "box", "point", "" for none


# ---------------------------------------------------------------- regions as text
def number_text(v):
    return f"{min(max(v, 0.0), 1.0):.2f}"


def box_text(box):
    return "<box>[" + ",".join(number_text(v) for v in box) + "]</box>"


def point_text(x, y):
    return f"<point>[{number_text(x)},{number_text(y)}]</point>"


def region_text(rng, o, mode):
    """The object's box with edges moved a little, or a point well inside it."""
    x1, y1, x2, y2 = o.nbox
    w, h = x2 - x1, y2 - y1
    if mode == "box":
        def jitter(side):
            return rng.uniform(-0.07, 0.07) * side + rng.uniform(-0.01, 0.01)
        return box_text((x1 + jitter(w), y1 + jitter(h), x2 + jitter(w), y2 + jitter(h)))
    return point_text(x1 + w * rng.uniform(0.12, 0.88), y1 + h * rng.uniform(0.12, 0.88))


# ---------------------------------------------------------------- wordings ({r}: a region, {x}: something named)
WORDINGS = {
    "cls": ["What is at {r}?", "What is in {r}?", "What object is at {r}?", "Identify the object in {r}.",
            "What is this {r}?"],
    "color": ["What color is the object at {r}?", "What color is {r}?", "Tell me the color of {r}."],
    "shape": ["What shape is at {r}?", "What shape is {r}?", "Tell me the shape of {r}."],
    "size": ["How big is the object at {r}?", "What size is {r}?"],
    "ocr": ["Read the text in {r}.", "What text is at {r}?", "What does {r} say?", "What is written in {r}?"],
    "rcap": ["Describe the region {r}.", "Give a caption for {r}.", "Describe {r} in detail."],
    "cap": ["Describe the image.", "What is in the image?", "Give a caption for the image."],
    "count": ["How many {x} are there?", "Count the {x}."],
    "exist": ["Is there {x}?", "Is there {x} in the image?"],
    "ryn": ["Is the object at {r} {x}?", "Is {r} {x}?"],
    "ground": ["Where is {x}?", "Find {x}.", "Locate {x}.", "Give the box of {x}."],
    "it_color": ["What color is it?"], "it_where": ["Where is it?"],
    "it_size": ["How big is it?"], "it_cls": ["What is it?"],
    "background": ["What is the background like?"],
}


# ---------------------------------------------------------------- descriptions
def relation(a, b):
    dx, dy = a.center[0] - b.center[0], a.center[1] - b.center[1]
    if abs(dx) > abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def region_caption(objects, i):
    o = objects[i]
    if len(objects) == 1:
        return o.phrase() + "."
    nearest = min((p for p in objects if p is not o), key=lambda p: math.dist(o.center, p.center))
    return f"{o.phrase()} {relation(o, nearest)} {nearest.phrase(with_size=False)}."


def image_caption(scene):
    phrases = [o.phrase() for o in sorted(scene.objects, key=lambda o: o.center[0])]
    if not phrases:
        return f"a {scene.background} background."
    listed = phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return f"{listed} on a {scene.background} background."


def unique_names(objects, i):
    """Expressions that pick out objects[i] and nothing else."""
    o, others, names = objects[i], objects[:i] + objects[i + 1:], []
    if o.kind == "text":
        if not any(p.kind == "text" and p.text == o.text for p in others):
            names.append(f"the text {o.text}")
        if not any(p.kind == "text" and p.color == o.color for p in others):
            names.append(f"the {o.color} text")
        return names
    alike = [p for p in others if p.shape == o.shape and p.color == o.color]
    if not alike:
        names.append(f"the {o.color} {o.shape}")
    elif not any(p.size == o.size for p in alike):
        names.append(f"the {o.size} {o.color} {o.shape}")
    if not any(p.shape == o.shape for p in others):
        names.append(f"the {o.shape}")
    return names


# ---------------------------------------------------------------- turns
REGION_TASKS = ["cls", "color", "shape", "size", "ocr", "rcap", "ryn"]
REGION_WEIGHTS = {"text": [30, 12, 12, 5, 34, 12, 8], "shape": [36, 14, 14, 8, 3, 16, 8]}


def region_turn(rng, scene, i, mode, task=None):
    o = scene.objects[i]
    if task is None:
        task = rng.choices(REGION_TASKS, REGION_WEIGHTS[o.kind])[0]
    if task == "size" and o.kind == "text":
        task = "ocr"
    region = region_text(rng, o, mode)
    own, x = (o.shape if o.kind == "shape" else "text"), ""
    if task == "ryn":
        yes = rng.random() < 0.5
        if rng.random() < 0.5:
            x = o.color if yes else rng.choice([c for c in COLOR_NAMES if c != o.color])
        else:
            x = own if yes else rng.choice([s for s in SHAPES + ["text"] if s != own])
            x = x if x == "text" else article(x)
        answer = "yes" if yes else "no"
    else:
        answer = {"cls": o.phrase(), "color": o.color, "shape": own, "size": o.size,
                  "ocr": o.text or "no text", "rcap": region_caption(scene.objects, i)}[task]
    return Turn(task, rng.choice(WORDINGS[task]).format(r=region, x=x), answer, i, mode)


def background_turn(rng, scene):
    """A point at least 6 units away from every object; None if chance finds none."""
    for _ in range(20):
        x, y = rng.uniform(0.02, 0.98) * SIZE, rng.uniform(0.02, 0.98) * SIZE
        if all(x < o.box[0] - 6 or x > o.box[2] + 6 or y < o.box[1] - 6 or y > o.box[3] + 6 for o in scene.objects):
            question = rng.choice(WORDINGS["cls"]).format(r=point_text(x / SIZE, y / SIZE))
            return Turn("bgpoint", question, "background", -1, "point")
    return None


def grounding_turn(rng, scene, i):
    """"Where is …?"; None if nothing names the object alone."""
    names = unique_names(scene.objects, i)
    if not names:
        return None
    question = rng.choice(WORDINGS["ground"]).format(x=rng.choice(names))
    return Turn("ground", question, box_text(scene.objects[i].nbox), i)


def count_turn(rng, scene):
    objects = scene.objects
    k = rng.random()
    if k < 0.35:
        x, n = "objects", len(objects)
    elif k < 0.7:
        color = rng.choice(objects).color if rng.random() < 0.75 else rng.choice(COLOR_NAMES)
        x, n = f"{color} objects", sum(o.color == color for o in objects)
    else:
        present = [o.shape for o in objects if o.shape]
        shape = rng.choice(present) if present and rng.random() < 0.75 else rng.choice(SHAPES)
        x, n = (shape + "es" if shape == "cross" else shape + "s"), sum(o.shape == shape for o in objects)
    return Turn("count", rng.choice(WORDINGS["count"]).format(x=x), str(n))


def existence_turn(rng, scene):
    shapes = [o for o in scene.objects if o.kind == "shape"]
    if shapes and rng.random() < 0.5:
        o = rng.choice(shapes)
        color, shape = o.color, o.shape
    else:   # half of these share one attribute with an object that is there
        color, shape = rng.choice(COLOR_NAMES), rng.choice(SHAPES)
        if shapes and rng.random() < 0.5:
            o = rng.choice(shapes)
            color, shape = (o.color, shape) if rng.random() < 0.5 else (color, o.shape)
    if rng.random() < 0.7:
        x, yes = f"{color} {shape}", any(o.color == color and o.shape == shape for o in scene.objects)
    else:
        x, yes = shape, any(o.shape == shape for o in scene.objects)
    return Turn("exist", rng.choice(WORDINGS["exist"]).format(x=article(x)), "yes" if yes else "no")


def caption_turn(rng, scene):
    return Turn("cap", rng.choice(WORDINGS["cap"]), image_caption(scene))


# ---------------------------------------------------------------- conversations
def first_turn(rng, scene, order):
    """`order` yields (object, mode) in turn, so that every object is asked about by box and by point."""
    u = rng.random()
    if not scene.objects or 0.64 <= u < 0.67:
        return background_turn(rng, scene)
    if u < 0.64:
        return region_turn(rng, scene, *next(order))
    if u < 0.81:
        return grounding_turn(rng, scene, rng.randrange(len(scene.objects)))
    if u < 0.88:
        return count_turn(rng, scene)
    if u < 0.94:
        return existence_turn(rng, scene)
    if u < 0.985:
        return caption_turn(rng, scene)
    return Turn("background", WORDINGS["background"][0], scene.background)


def follow_up(rng, scene, turn):
    if turn.target < 0 or rng.random() >= 0.7:
        return region_turn(rng, scene, rng.randrange(len(scene.objects)), rng.choice(["box", "point"]))
    o = scene.objects[turn.target]
    tasks = ["it_color", "it_cls"]
    tasks += ["it_size"] if o.kind == "shape" else []
    tasks += ["it_where"] * 2 if turn.task != "ground" else []
    task = rng.choice(tasks)
    answer = {"it_color": o.color, "it_cls": o.phrase(), "it_size": o.size, "it_where": box_text(o.nbox)}[task]
    return Turn(task, WORDINGS[task][0], answer, turn.target)


def conversations(scene, rng, n):
    """n conversations of one or two turns about one scene."""
    pairs = [(i, mode) for i in range(len(scene.objects)) for mode in ("box", "point")]
    rng.shuffle(pairs)
    order = (pairs[k % len(pairs)] for k in range(10 ** 9))
    out = []
    while len(out) < n:
        turn = first_turn(rng, scene, order)
        if turn is None:
            continue
        turns = [turn]
        if rng.random() < 0.15 and scene.objects:
            turns.append(follow_up(rng, scene, turn))
        out.append(turns)
    return out
