"""Makes Tests/ImagingTests/Fixtures with Pillow, numpy and Hugging Face transformers as the oracle.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pillow numpy transformers safetensors
    /tmp/venv/bin/python Tests/Oracle/make_imaging_fixtures.py [directory of a tiny checkpoint with goldens]

Made with Pillow 13.0, numpy 2.4, transformers 5.23. PNGs are written by hand here, so that every colour
type, depth, filter and interlace exists; Pillow only says what their pixels are.
"""

import io
import json
import pathlib
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

warnings.simplefilter("ignore")
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "ImagingTests" / "Fixtures"
random = np.random.default_rng(20240721)


def digest(data: bytes) -> str:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def scene(width: int, height: int, channels: int = 3) -> np.ndarray:
    """A gradient with noise: smooth enough for codecs, rough enough to show a wrong pixel."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        (x * (3 + c) + y * (5 - c)) * 255 / (8 * (width + height)) + random.integers(0, 60, (height, width))
        for c in range(channels)
    ]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


# PNG

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples: np.ndarray, depth: int) -> list[bytes]:
    """samples: [height, width, channels]"""
    rows = []
    for row in samples:
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            bits = "".join(format(int(value), f"0{depth}b") for value in row.reshape(-1))
            bits += "0" * (-len(bits) % 8)
            rows.append(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    return rows


def filter_rows(rows: list[bytes], step: int) -> bytes:
    """Filters 0…4 in turn (PNG, section 9)."""
    result = b""
    above = bytes(len(rows[0])) if rows else b""
    for number, row in enumerate(rows):
        kind = number % 5
        line = bytearray()
        for i, value in enumerate(row):
            a = row[i - step] if i >= step else 0
            b = above[i]
            c = above[i - step] if i >= step else 0
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line.append((value - [0, a, b, (a + b) // 2, nearest][kind]) & 255)
        result += bytes([kind]) + bytes(line)
        above = row
    return result


def png(samples, depth, colour, interlaced=False, before=b"", after=b"") -> bytes:
    height, width, channels = samples.shape
    step = max(1, depth * channels // 8)
    if interlaced:
        raw = b"".join(
            filter_rows(pack_rows(samples[y::dy, x::dx], depth), step)
            for x, y, dx, dy in ADAM7
            if x < width and y < height
        )
    else:
        raw = filter_rows(pack_rows(samples, depth), step)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced)))
    return (
        b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", zlib.compress(raw, 9)) + after + chunk(b"IEND", b"")
    )


def noise(width, height, channels, depth):
    return random.integers(0, 1 << depth, (height, width, channels))


def png_cases():
    kinds = [("grey", 0, 1, (1, 2, 4, 8, 16)), ("rgb", 2, 3, (8, 16)), ("palette", 3, 1, (1, 2, 4, 8)),
             ("greyalpha", 4, 2, (8, 16)), ("rgba", 6, 4, (8, 16))]
    for name, colour, channels, depths in kinds:
        for depth in depths:
            for interlaced in (False, True):
                before = b""
                if colour == 3:
                    before = chunk(b"PLTE", random.integers(0, 256, 3 * (1 << depth), dtype=np.uint8).tobytes())
                suffix = "-interlaced" if interlaced else ""
                samples = noise(13, 11, channels, depth)
                if colour == 0 and depth == 16:
                    samples = samples >> 7  # some values below 256, some above
                yield f"{name}{depth}{suffix}.png", png(samples, depth, colour, interlaced, before)
    palette = chunk(b"PLTE", bytes(range(30, 60)))
    yield "palette8-short.png", png(noise(9, 5, 1, 8), 8, 3, before=palette)
    yield "palette8-trns.png", png(noise(9, 5, 1, 3), 8, 3, before=palette + chunk(b"tRNS", b"\x00\x80\xff"))
    yield "palette2-trns-interlaced.png", png(
        noise(9, 5, 1, 2), 2, 3, True, before=palette[:0] + chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", b"\0"))
    yield "grey8-trns.png", png(noise(9, 5, 1, 8), 8, 0, before=chunk(b"tRNS", b"\0\x07"))
    yield "grey16-trns.png", png(noise(9, 5, 1, 9), 16, 0, before=chunk(b"tRNS", b"\0\x07"))
    yield "rgb8-trns.png", png(noise(9, 5, 3, 8), 8, 2, before=chunk(b"tRNS", bytes(6)))
    yield "rgb8-gamma.png", png(noise(9, 5, 3, 8), 8, 2, before=chunk(b"gAMA", struct.pack(">I", 100000)))
    for width, height in [(1, 1), (1, 9), (9, 1), (2, 3)]:
        yield f"rgb8-{width}x{height}-interlaced.png", png(noise(width, height, 3, 8), 8, 2, True)
        yield f"grey1-{width}x{height}.png", png(noise(width, height, 1, 1), 1, 0)
    yield "text.png", png(noise(4, 4, 3, 8), 8, 2, before=chunk(b"tEXt", b"Comment\0hello"), after=chunk(b"tEXt", b"a\0b"))


# Orientation

def exif(entries, order="<", directory=8, prefix=b"Exif\0\0") -> bytes:
    """entries: (tag, type, count, four bytes)"""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = mark + struct.pack(order + "I", directory) + bytes(directory - 8)
    body += struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack(order + "HHI", tag, kind, count) + value
    return prefix + body + bytes(4)


def orientation(value, order="<", kind=3, count=1, **more) -> bytes:
    packed = struct.pack(order + ("HH" if kind in (3, 8) else "I"), *((value, 0) if kind in (3, 8) else (value,)))
    return exif([(0x010F, 2, 2, b"ab\0\0"), (0x0112, kind, count, packed)], order, **more)


def xmp(text: str) -> bytes:
    return f'<x:xmpmeta><rdf:Description {text}</rdf:Description></x:xmpmeta>'.encode()


def orientation_blocks():
    for value in range(1, 9):
        yield f"o{value}", orientation(value, "<" if value % 2 else ">")
    yield "o6-long", orientation(6, "<", kind=4)
    yield "o6-short-be", orientation(6, ">")
    yield "o6-two-values", exif([(0x0112, 3, 2, struct.pack("<HH", 6, 3))])
    yield "o6-no-values", exif([(0x0112, 3, 0, struct.pack("<HH", 6, 3))])
    yield "o6-byte", exif([(0x0112, 1, 1, b"\x06\0\0\0")])
    yield "o6-then-3", exif([(0x0112, 3, 1, b"\x06\0\0\0"), (0x0112, 3, 1, b"\x03\0\0\0")])
    yield "o6-unknown-type-then-3", exif([(0x0112, 99, 1, b"\x06\0\0\0"), (0x0112, 3, 1, b"\x03\0\0\0")])
    yield "o6-far-directory", orientation(6, "<", directory=40)
    yield "o0", orientation(0)
    yield "o9", orientation(9)
    yield "o6-cut", orientation(6)[:-8]
    yield "no-magic", b"Exif\0\0" + bytes(20)
    yield "empty", b"Exif\0\0"
    yield "directory-outside", b"Exif\0\0II*\0\xff\xff\xff\x7f"
    yield "many-entries", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(24)


def jpeg_with(segments: bytes, base: bytes) -> bytes:
    return base[:2] + segments + base[2:]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def save(image, kind, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + bytes(len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, offset = [], 12
    while offset + 8 <= len(data):
        length = struct.unpack_from("<I", data, offset + 4)[0]
        chunks.append((data[offset : offset + 4], data[offset + 8 : offset + 8 + length]))
        offset += 8 + length + length % 2
    return chunks


def extended(flags, width, height) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]


def orientation_cases():
    picture = Image.fromarray(scene(10, 6))
    base = save(picture, "JPEG", quality=90, subsampling=0)
    still = webp_chunks(save(picture, "WEBP", lossless=True))
    pixels = np.asarray(picture).astype(int)
    for name, block in orientation_blocks():
        yield f"{name}.jpg", jpeg_with(segment(0xE1, block), base)
        if name in ("o5", "o6", "o7", "o8", "o6-cut", "no-magic"):
            yield f"{name}-before.png", png(pixels, 8, 2, before=chunk(b"eXIf", block[6:]))
            yield f"{name}-after.png", png(pixels, 8, 2, after=chunk(b"eXIf", block[6:]))
            yield f"{name}.webp", riff(extended(8, 10, 6), *still, (b"EXIF", block[6:]))
    yield "o6-prefixed.webp", riff(extended(8, 10, 6), *still, (b"EXIF", orientation(6)))
    packet = b"http://ns.adobe.com/xap/1.0/\0"
    for name, text in [("attribute", 'tiff:Orientation="8">'), ("element", "><tiff:Orientation>3</tiff:Orientation>"),
                       ("second", 'tiff:Orientation="x" tiff:Orientation="6">'), ("nine", 'tiff:Orientation="9">')]:
        yield f"xmp-{name}.jpg", jpeg_with(segment(0xE1, packet + xmp(text)), base)
    both = segment(0xE1, packet + xmp('tiff:Orientation="8">')) + segment(0xE1, orientation(3))
    yield "xmp-and-exif.jpg", jpeg_with(both, base)
    bare = segment(0xE1, packet + xmp('tiff:Orientation="8">')) + segment(0xE1, exif([(0x010F, 2, 2, b"ab\0\0")]))
    yield "xmp-and-exif-without.jpg", jpeg_with(bare, base)
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp('tiff:Orientation="8">')
    yield "xmp.png", png(pixels, 8, 2, before=chunk(b"iTXt", text))
    yield "xmp.webp", riff(extended(4, 10, 6), *still, (b"XMP ", xmp('tiff:Orientation="8">')))


# JPEG and WebP

def jpeg_cases():
    rgb, grey = Image.fromarray(scene(35, 27)), Image.fromarray(scene(35, 27, 1)[..., 0])
    cmyk = Image.fromarray(scene(35, 27, 4), "CMYK")
    yield "grey.jpg", save(grey, "JPEG", quality=80)
    for name, value in [("444", 0), ("422", 1), ("420", 2)]:
        yield f"ycc-{name}.jpg", save(rgb, "JPEG", quality=80, subsampling=value)
        yield f"ycc-{name}-progressive.jpg", save(rgb, "JPEG", quality=80, subsampling=value, progressive=True)
    square = save(Image.fromarray(scene(32, 32)), "JPEG", quality=80, subsampling=1)
    start = square.index(b"\xff\xc0")
    yield "ycc-440.jpg", square[: start + 11] + b"\x12" + square[start + 12 :]  # 2×1 sampling turned to 1×2
    yield "rgb.jpg", save(rgb, "JPEG", quality=80, keep_rgb=True)
    yield "restart.jpg", save(rgb, "JPEG", quality=80, restart_marker_blocks=2)
    yield "quality-100.jpg", save(rgb, "JPEG", quality=100, subsampling=0)
    yield "quality-5.jpg", save(rgb, "JPEG", quality=5)
    inks = save(cmyk, "JPEG", quality=90)
    adobe = inks.index(b"\xff\xee")
    yield "cmyk.jpg", inks
    yield "ycck.jpg", inks[: adobe + 15] + b"\x02" + inks[adobe + 16 :]
    yield "cmyk-without-adobe.jpg", inks[:adobe] + inks[adobe + 16 :]
    yield "cmyk-progressive.jpg", save(cmyk, "JPEG", quality=90, progressive=True)
    yield "one-pixel.jpg", save(Image.fromarray(scene(1, 1)), "JPEG")
    yield "trailing-bytes.jpg", save(rgb, "JPEG", quality=60) + b"after the end"
    yield "comment.jpg", save(rgb, "JPEG", quality=60, comment=b"hello")


def animation(frame, width, height, x, y, alpha) -> bytes:
    body = webp_chunks(frame)
    if body[0][0] == b"VP8X":
        body = body[1:]
    inner = b"".join(k + struct.pack("<I", len(d)) + d + bytes(len(d) % 2) for k, d in body)
    w, h = Image.open(io.BytesIO(frame)).size
    head = b"".join(struct.pack("<I", value)[:3] for value in (x // 2, y // 2, w - 1, h - 1, 40)) + b"\x02"
    anmf = (b"ANMF", head + inner)
    return riff(extended(0x02 | (0x10 if alpha else 0), width, height), (b"ANIM", b"\xff\x80\x40\xff\0\0"), anmf, anmf)


def webp_cases():
    rgb, rgba = Image.fromarray(scene(35, 27)), Image.fromarray(scene(35, 27, 4))
    yield "lossless.webp", save(rgb, "WEBP", lossless=True)
    yield "lossless-alpha.webp", save(rgba, "WEBP", lossless=True, exact=True)
    yield "lossy.webp", save(rgb, "WEBP", quality=75)
    yield "lossy-alpha.webp", save(rgba, "WEBP", quality=75, exact=True)
    yield "one-pixel.webp", save(Image.fromarray(scene(1, 1)), "WEBP", lossless=True)
    frames = [Image.fromarray(scene(20, 12)) for _ in range(3)]
    yield "animated.webp", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    small, clear = Image.fromarray(scene(7, 5)), Image.fromarray(scene(7, 5, 4))
    yield "animated-offset.webp", animation(save(small, "WEBP", lossless=True), 16, 12, 4, 2, False)
    yield "animated-offset-alpha.webp", animation(save(clear, "WEBP", lossless=True, exact=True), 16, 12, 8, 6, True)
    yield "animated-lossy-alpha.webp", animation(save(clear, "WEBP", quality=80, exact=True), 7, 5, 0, 0, True)


def decoding(directory):
    cases = []
    for name, data in [*png_cases(), *orientation_cases(), *jpeg_cases(), *webp_cases()]:
        picture = Image.open(io.BytesIO(data))
        stored = picture.size
        try:
            upright = ImageOps.exif_transpose(picture)
            stated = picture.getexif().get(0x0112, 1)
        except Exception:  # Pillow raises on malformed EXIF; the picture itself is sound
            upright, stated = picture, 1
        rgb = np.asarray(upright.convert("RGB"))
        (directory / name).write_bytes(data)
        cases.append({
            "file": name, "storedWidth": stored[0], "storedHeight": stored[1],
            "orientation": stated if isinstance(stated, int) and 1 <= stated <= 8 else 1,
            "width": rgb.shape[1], "height": rgb.shape[0], "digest": digest(rgb.tobytes()),
            "first": rgb[0, 0].tolist(), "last": rgb[-1, -1].tolist(),
        })
    return cases


def resampling(directory):
    sources = {"wide.png": scene(61, 37), "noise.png": noise(23, 29, 3, 8).astype(np.uint8),
               "edges.png": (noise(40, 24, 3, 1) * 255).astype(np.uint8), "pixel.png": scene(1, 1),
               "thin.png": scene(1, 2000)}
    sizes = {"wide.png": [(20, 12), (61, 12), (20, 37), (122, 74), (1, 1), (60, 36), (7, 90), (61, 37)],
             "noise.png": [(5, 5), (24, 30), (22, 28), (100, 3), (23, 58)], "edges.png": [(13, 9), (80, 50), (39, 25)],
             "pixel.png": [(1, 1), (9, 4)], "thin.png": [(5, 20), (1, 300), (3, 2000)]}
    cases = []
    for name, pixels in sources.items():
        image = Image.fromarray(pixels)
        (directory / name).write_bytes(png(pixels.astype(int), 8, 2))
        for width, height in sizes[name]:
            for resample in range(6):
                result = np.asarray(image.resize((width, height), resample))
                cases.append({"file": name, "width": width, "height": height, "resample": resample,
                              "digest": digest(result.tobytes()),
                              "middle": result[height // 2, width // 2].tolist()})
    return cases


# Pixel values

def placement(width, height, side, pad, stretch, crop):
    canvas = max(width, height) if pad else 0
    w, h = (canvas, canvas) if pad else (width, height)
    x, y = ((canvas - width) // 2, (canvas - height) // 2) if pad else (0, 0)
    if stretch:
        rw, rh = side, side
    elif w <= h:
        rw, rh = side, int(side * h / w)
    else:
        rw, rh = int(side * w / h), side
    return {"canvasWidth": w, "canvasHeight": h, "canvasX": x, "canvasY": y, "resizedWidth": rw, "resizedHeight": rh,
            "cropX": (rw - crop) // 2, "cropY": (rh - crop) // 2, "side": crop}


def pixel_values(directory):
    cases = []
    pictures = {"wide": scene(61, 37), "tall": scene(19, 50), "pixel": scene(1, 1), "thin": scene(2, 150),
                "small": scene(9, 7)}
    for name, pixels in pictures.items():
        (directory / f"{name}.png").write_bytes(png(pixels.astype(int), 8, 2))
    plans = [("wide", {}), ("tall", {}), ("pixel", {}), ("thin", {}), ("wide", {"pad": True}), ("tall", {"pad": True}),
             ("tall", {"stretch": True}), ("wide", {"crop": 17}), ("small", {"crop": 11, "size": 8}),
             ("wide", {"resample": 2}), ("wide", {"normalize": False}), ("wide", {"rescale": False}), ("thin", {"pad": True})]
    for number, (name, plan) in enumerate(plans):
        side, crop = plan.get("size", 12), plan.get("crop", 12)
        options = {
            "do_resize": True, "do_center_crop": True, "do_convert_rgb": True,
            "size": {"height": side, "width": side} if plan.get("stretch") else {"shortest_edge": side},
            "crop_size": {"height": crop, "width": crop}, "resample": plan.get("resample", 3),
            "do_rescale": plan.get("rescale", True), "rescale_factor": 1 / 255,
            "do_normalize": plan.get("normalize", True),
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        }
        family = LlavaImageProcessorPil if plan.get("pad") else CLIPImageProcessorPil
        if plan.get("pad"):
            options["do_pad"] = True
        image = Image.open(directory / f"{name}.png")
        values = np.asarray(family(**options)(image, return_tensors="np")["pixel_values"][0], dtype="<f4")
        assert values.shape == (3, crop, crop), (name, plan, values.shape)
        (directory / f"{number}.f32").write_bytes(values.tobytes())
        cases.append({"file": f"{name}.png", "values": f"{number}.f32", "configuration": options,
                      "placement": placement(*image.size, side, bool(plan.get("pad")), bool(plan.get("stretch")), crop)})
    return cases


def golden(directory, checkpoint):
    from safetensors.numpy import load_file
    (directory / "golden.png").write_bytes((checkpoint / "input.png").read_bytes())
    (directory / "golden.json").write_bytes((checkpoint / "preprocessor_config.json").read_bytes())
    (directory / "processor_config.json").write_bytes((checkpoint / "processor_config.json").read_bytes())
    values = load_file(checkpoint / "goldens.safetensors")["pixel_values"].astype("<f4")
    (directory / "golden.f32").write_bytes(values.tobytes())


for part, make in [("decoding", decoding), ("resampling", resampling), ("pixels", pixel_values)]:
    folder = FIXTURES / part
    folder.mkdir(parents=True, exist_ok=True)
    cases = make(folder)
    lines = ",\n".join(json.dumps(case) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")
    print(part, len(cases), "cases", sum(f.stat().st_size for f in folder.iterdir()), "bytes")
if len(sys.argv) > 1:
    golden(FIXTURES / "pixels", pathlib.Path(sys.argv[1]))
