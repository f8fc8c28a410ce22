"""Scenes: generated pictures of coloured shapes and short strings, with the truth of every object.

A scene depends on (split, index, layout) alone: Python's random.Random seeded by that text and numpy's PCG64 seeded
from it. Splits: "train", and "heldout", which training never draws.

A scene is laid out on 112 x 112 units. `scale` draws the same scene larger (scale 6: 672 x 672 pixels, crisp edges);
`margin` adds pixels of background on the left and the right.

usage: scenes.py SHEET.png      a contact sheet of the first 24 held-out scenes
"""
import math
import random
import sys
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 112           # side of a scene, units
PATCH = 14           # side of one patch of the vision encoder, units
GRID = SIZE // PATCH
SUPERSAMPLING = 4    # masks are drawn this much larger, then averaged

COLORS = {
    "red": (218, 38, 38), "orange": (245, 138, 18), "yellow": (246, 222, 40), "green": (38, 158, 58),
    "cyan": (40, 205, 215), "blue": (42, 76, 222), "purple": (132, 46, 178), "pink": (250, 130, 195),
}
COLOR_NAMES = list(COLORS)
SHAPES = ["circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond"]
SIZES = ["small", "medium", "large"]
FREE_SIDE = {"small": (16, 20), "medium": (25, 30), "large": (37, 44)}   # layout "free", units
GRID_SIDE = {"small": 14, "medium": 28, "large": 42}                      # layout "grid", units
BACKGROUNDS = ["plain", "gradient", "noisy", "striped", "checkered"]
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WORDS = (
    "CAT DOG SUN BOX CAR BUS KEY CUP HAT MAP PEN RED ICE FOX OWL BEE JAM TEA VAN ZOO EXIT STOP OPEN SALE "
    "TAXI BANK CAFE HELP PARK SHOP WEST FISH MILK GOLD QUIZ JAZZ WOLF LAMP KIWI BOOK").split()
# Pillow finds these by name where the DejaVu fonts are installed (Debian: fonts-dejavu-core, fonts-dejavu-extra).
FONTS = ["DejaVuSans-Bold.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSansCondensed-Bold.ttf"]
_fonts = {}


@dataclass
class Obj:
    kind: str                    # "shape" or "text"
    color: str
    shape: str = ""
    size: str = ""
    text: str = ""
    box: tuple = (0, 0, 0, 0)    # tight, units
    pixel_box: tuple = (0, 0, 0, 0)   # tight, pixels of the picture as drawn

    @property
    def nbox(self):
        """The box in [0, 1]."""
        return tuple(v / SIZE for v in self.box)

    @property
    def center(self):
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2

    def phrase(self, with_size=True):
        """What the model is taught to call it: "a small red circle", "green text CAT"."""
        if self.kind == "text":
            return f"{self.color} text {self.text}"
        return article(f"{self.size + ' ' if with_size else ''}{self.color} {self.shape}")


@dataclass
class Scene:
    split: str
    index: int
    background: str
    objects: list = field(default_factory=list)
    image: Image.Image = None


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def font(name, pixels):
    if (name, pixels) not in _fonts:
        _fonts[name, pixels] = ImageFont.truetype(name, pixels)
    return _fonts[name, pixels]


# ---------------------------------------------------------------- masks ("L" images, `unit` mask pixels to one unit)
def outline(shape, angle):
    """Corners of a shape of radius 1, turned by `angle` radians."""
    points = []
    if shape == "square":
        points = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    elif shape == "triangle":
        points = [(0, -1), (1.05, 0.9), (-1.05, 0.9)]
    elif shape == "diamond":
        points = [(0, -1.1), (0.72, 0), (0, 1.1), (-0.72, 0)]
    elif shape == "cross":
        t = 0.34
        points = [(-t, -1), (t, -1), (t, -t), (1, -t), (1, t), (t, t),
                  (t, 1), (-t, 1), (-t, t), (-1, t), (-1, -t), (-t, -t)]
    elif shape == "star":
        for i in range(10):
            radius, a = (1.12 if i % 2 == 0 else 0.46), -math.pi / 2 + i * math.pi / 5
            points.append((radius * math.cos(a), radius * math.sin(a)))
    elif shape == "heart":
        for i in range(40):
            t = 2 * math.pi * i / 40
            x = 16 * math.sin(t) ** 3
            y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            points.append((x / 16, -(y + 2.5) / 14.5))
    c, s = math.cos(angle), math.sin(angle)
    return [(x * c - y * s, x * s + y * c) for x, y in points]


def shape_mask(shape, side, angle, shift, unit):
    """A shape `side` units wide, `shift` units off the centre of its canvas."""
    n = int(side * 1.25) + 4
    image = Image.new("L", (n * unit, n * unit), 0)
    draw = ImageDraw.Draw(image)
    cx, cy, r = (n / 2 + shift[0]) * unit, (n / 2 + shift[1]) * unit, side / 2 * unit
    if shape in ("circle", "ring"):
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=255)
        if shape == "ring":
            q = r * 0.55
            draw.ellipse([cx - q, cy - q, cx + q, cy + q], fill=0)
    else:
        draw.polygon([(cx + x * r, cy + y * r) for x, y in outline(shape, angle)], fill=255)
    return image


def text_mask(text, name, height, unit):
    f = font(name, height * unit)
    left, top, right, bottom = f.getbbox(text)
    n, m = (right - left) // unit + 4, (bottom - top) // unit + 4
    image = Image.new("L", (n * unit, m * unit), 0)
    ImageDraw.Draw(image).text((2 * unit - left, 2 * unit - top), text, fill=255, font=f)
    return image


def grid_text_mask(text, unit):
    """One character to a patch."""
    f = font(FONTS[0], 16 * unit)
    image = Image.new("L", (PATCH * len(text) * unit, PATCH * unit), 0)
    draw = ImageDraw.Draw(image)
    for k, c in enumerate(text):
        left, top, right, bottom = f.getbbox(c)
        draw.text(((k + 0.5) * PATCH * unit - (left + right) / 2, PATCH * unit / 2 - (top + bottom) / 2),
                  c, fill=255, font=f)
    return image


def mask_box(mask):
    """The tight box of a mask's inside, mask pixels."""
    return mask.point(lambda v: 255 if v > 127 else 0).getbbox()


# ---------------------------------------------------------------- background
def background(rng, nrng, scale, margin):
    kind = rng.choice(BACKGROUNDS)
    tint = np.array([rng.uniform(-10, 10) for _ in range(3)])
    level = rng.uniform(*rng.choice([(205, 250), (205, 250), (20, 70), (110, 150)]))
    side = SIZE * scale
    y, x = np.mgrid[0:side, -margin:side + margin].astype(np.float32)
    x, y = (x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5

    def grain(sigma):   # drawn once a unit, so that a larger picture has the same grain
        g = nrng.normal(0, sigma, (SIZE, SIZE)).repeat(scale, 0).repeat(scale, 1)
        return np.pad(g, ((0, 0), (margin, margin)), mode="reflect")

    if kind == "plain":
        g = np.full(x.shape, level)
    elif kind == "gradient":
        a = rng.uniform(0, 2 * math.pi)
        u = ((x - SIZE / 2) * math.cos(a) + (y - SIZE / 2) * math.sin(a)) / SIZE
        g = level + rng.choice([-1, 1]) * rng.uniform(50, 80) * u
    elif kind == "noisy":
        g = level + grain(rng.uniform(9, 15))
    elif kind == "striped":
        period, a = rng.uniform(8, 16), rng.choice([0, math.pi / 2, math.pi / 4, -math.pi / 4])
        u = x * math.cos(a) + y * math.sin(a)
        g = level + rng.uniform(14, 22) * np.where((u / period) % 1 < 0.5, 1, -1)
    else:
        period = rng.uniform(8, 15)
        g = level + rng.uniform(12, 20) * np.where(((x // period) + (y // period)) % 2 < 1, 1, -1)
    pixels = np.clip(g[..., None] + tint + grain(1.5)[..., None], 0, 255).astype(np.uint8)
    return kind, Image.fromarray(pixels)


# ---------------------------------------------------------------- objects
def choose_object(rng, grid, text_share, random_text):
    """An object, a function from mask pixels a unit to its mask, and its size in patches (layout "grid")."""
    color = rng.choice(COLOR_NAMES)
    if rng.random() < text_share:
        word = rng.random() < 0.55
        text = rng.choice(WORDS) if word else rng.choice(CHARS)
        if word and random_text and rng.random() < random_text:
            text = "".join(rng.choice(CHARS) for _ in range(rng.randint(2, 4)))
        made = Obj("text", color, text=text)
        if grid:
            return made, lambda unit: grid_text_mask(text, unit), (len(text), 1)
        name, height = rng.choice(FONTS), rng.randint(16, 22) if word else rng.randint(19, 34)
        return made, lambda unit: text_mask(text, name, height, unit), (0, 0)
    shape, size = rng.choice(SHAPES), rng.choice(SIZES)
    made = Obj("shape", color, shape=shape, size=size)
    if grid:
        side, angle, shift = GRID_SIDE[size] - rng.uniform(1.0, 3.0), math.radians(rng.uniform(-3, 3)), (0, 0)
    else:
        side = rng.uniform(*FREE_SIDE[size])
        turn = 5 if shape in ("square", "cross", "diamond") else 10
        angle = math.radians(rng.uniform(-turn, turn))
        shift = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
    cells = GRID_SIDE[size] // PATCH
    return made, lambda unit: shape_mask(shape, side, angle, shift, unit), (cells, cells)


def place(rng, grid, made, inside, cells, others):
    """An offset (units) at which the object fits between the others, or None. `inside`: its box in its mask, units."""
    gap = 0.5 if grid else 3
    for _ in range(12):
        if grid:
            ox, oy = (rng.randint(0, GRID - cells[k]) * PATCH
                      + round((cells[k] * PATCH - (inside[k] + inside[k + 2])) / 2) + rng.randint(-1, 1)
                      for k in (0, 1))
        else:
            ox, oy = (rng.randint(math.ceil(2 - inside[k]), math.floor(SIZE - 2 - inside[k + 2])) for k in (0, 1))
        b = (inside[0] + ox, inside[1] + oy, inside[2] + ox, inside[3] + oy)
        if b[0] < 0 or b[1] < 0 or b[2] > SIZE or b[3] > SIZE:
            continue
        beside = any(p.kind == "text" and abs(b[1] - p.box[1]) < 8 and b[0] < p.box[2] + 12 and b[2] > p.box[0] - 12
                     for p in others)
        if grid and made.kind == "text" and beside:
            continue
        if all(b[0] > p.box[2] + gap or b[2] < p.box[0] - gap or b[1] > p.box[3] + gap or b[3] < p.box[1] - gap
               for p in others):
            made.box = b
            return ox, oy
    return None


def scene(split, index, layout="grid", text_share=0.36, random_text=0.0, scale=1, margin=0):
    """layout "grid": objects near the patch grid, one font (what the shipped model learned best);
    "free": any position, size and rotation, four fonts. `random_text`: share of words that are random strings."""
    rng = random.Random(f"{split}-{index}")
    nrng = np.random.default_rng(rng.getrandbits(62))
    kind, image = background(rng, nrng, scale, margin)
    wanted = rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    objects, tries = [], 0
    while len(objects) < wanted and tries < 60:
        tries += 1
        made, draw, cells = choose_object(rng, layout == "grid", text_share, random_text)
        inside = tuple(v / SUPERSAMPLING for v in mask_box(draw(SUPERSAMPLING)))
        if inside[2] - inside[0] > SIZE - 2 or inside[3] - inside[1] > SIZE - 2:
            continue
        at = place(rng, layout == "grid", made, inside, cells, objects)
        if at is None:
            continue
        rgb = tuple(max(0, min(255, c + rng.randint(-12, 12))) for c in COLORS[made.color])
        mask = draw(SUPERSAMPLING * scale)
        corner = at[0] * scale + margin, at[1] * scale
        image.paste(rgb, corner, mask.reduce(SUPERSAMPLING))
        made.pixel_box = tuple(v / SUPERSAMPLING + corner[k % 2] for k, v in enumerate(mask_box(mask)))
        objects.append(made)
    return Scene(split, index, kind, objects, image)


def main():
    sheet = Image.new("RGB", (6 * 226, 4 * 226))
    for i in range(24):
        sheet.paste(scene("heldout", i, scale=2).image, (i % 6 * 226, i // 6 * 226))
    sheet.save(sys.argv[1])


if __name__ == "__main__":
    main()
