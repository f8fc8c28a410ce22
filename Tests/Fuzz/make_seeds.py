#!/usr/bin/env python3
"""Writes Seeds/: small inputs that get far into each reader. The fixtures of the other tests, which
run adds, are larger."""
import base64
import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path

SEEDS = Path(__file__).parent / "Seeds"


def write(name, content):
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def safetensors(entries, data):
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + data


def gguf_text(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(value):
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, gguf_text(value)
    kind = gguf_value(value[0])[0]
    items = b"".join(gguf_value(item)[1] for item in value)
    return 9, struct.pack("<IQ", kind, len(value)) + items


def gguf(keys, tensors):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, value in keys.items():
        kind, content = gguf_value(value)
        head += gguf_text(key) + struct.pack("<I", kind) + content
    data = b""
    for name, (shape, kind, content) in tensors.items():
        head += gguf_text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}QIQ", *shape, kind, len(data))
        data += content + bytes(-len(content) % 32)
    return head + bytes(-len(head) % 32) + data


def field(number, content):
    if isinstance(content, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", content)
    if isinstance(content, int):
        return bytes([number << 3]) + bytes([content])
    return bytes([number << 3 | 2, len(content)]) + content


def sentencepiece(pieces):
    model = b""
    for text, kind, score in pieces:
        model += field(1, field(1, text.encode()) + field(2, score) + field(3, kind))
    return model + field(2, field(3, 2)) + field(3, field(1, b"identity") + field(3, 1))


class Storage:
    """A storage of PyTorch's, which need not be installed."""

    def __init__(self, kind, key, count):
        self.kind, self.key, self.count = kind, key, count


class TorchPickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", getattr(sys.modules["torch"], value.kind), value.key, "cpu", value.count
        return None


class Rebuilt:
    """What is pickled as a call of one of PyTorch's functions."""

    def __init__(self, function, *arguments):
        self.call = getattr(sys.modules["torch._utils"], function), arguments

    def __reduce__(self):
        return self.call


def imitate_torch():
    """Modules with PyTorch's names, so that pickles name them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, names in ((torch, ["FloatStorage", "HalfStorage", "LongStorage"]),
                          (utils, ["_rebuild_tensor_v2", "_rebuild_parameter"])):
        for name in names:
            value = type(name, (), {"__module__": module.__name__}) if module is torch else types.FunctionType(
                (lambda *arguments: None).__code__, {}, name)
            value.__module__, value.__qualname__ = module.__name__, name
            setattr(module, name, value)
    sys.modules |= {"torch": torch, "torch._utils": utils}


def tensor(kind, key, count, shape, strides, offset=0):
    hooks = collections.OrderedDict()
    return Rebuilt("_rebuild_tensor_v2", Storage(kind, key, count), offset, shape, strides, False, hooks)


def pickled(tensors):
    result = io.BytesIO()
    TorchPickler(result, protocol=2).dump(tensors)
    return result.getvalue()


def pickled_archive(tensors, storages):
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        entries = {"m/data.pkl": pickled(tensors), "m/byteorder": b"little"}
        for name, content in (entries | {f"m/data/{key}": value for key, value in storages.items()}).items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return result.getvalue()


def png(width, height):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(3 * width)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


LLAMA = {
    "general.architecture": "llama", "llama.embedding_length": 32, "llama.block_count": 1,
    "llama.feed_forward_length": 32, "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1, "llama.context_length": 64, "llama.vocab_size": 6,
    "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 1e4,
}
PIECES = [("<unk>", 2, 0.0), ("<s>", 3, 0.0), ("</s>", 3, 0.0), ("▁", 1, -1.0), ("a", 1, -2.0),
          ("▁a", 1, -3.0)]

write("safetensors/one", safetensors(
    {"__metadata__": {"format": "pt"},
     "a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}, bytes(16)))
write("safetensors/types", safetensors(
    {"h": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]},
     "f": {"dtype": "F16", "shape": [1, 4], "data_offsets": [8, 16]},
     "i": {"dtype": "I64", "shape": [], "data_offsets": [16, 24]}}, bytes(24)))

kinds = {"tokenizer.ggml.tokens": [piece[0] for piece in PIECES],
         "tokenizer.ggml.scores": [piece[2] for piece in PIECES],
         "tokenizer.ggml.token_type": [piece[1] for piece in PIECES],
         "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2}
embedding = {"token_embd.weight": ([32, 6], 0, bytes(768))}
write("gguf/llama", gguf({**LLAMA, "tokenizer.ggml.model": "llama", **kinds}, embedding))
write("gguf/bytes", gguf(
    {**LLAMA, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe",
     "tokenizer.ggml.tokens": ["<s>", "a", "Ġ", "Ġa"], "tokenizer.ggml.token_type": [3, 1, 1, 1],
     "tokenizer.ggml.merges": ["Ġ a"]}, {"output.weight": ([32, 1], 8, bytes(34))}))

write("sentencepiece/small", sentencepiece(PIECES))
write("sentencepiece/bytes", sentencepiece(
    PIECES + [(f"<0x{byte:02X}>", 6, 0.0) for byte in range(256)]))

write("answers/boxes", "A dog <box>[[0.10,0.20,0.5,0.75]]</box> and [0.1, 0.2], [12, 30, 400, 999].")
write("answers/tracks", "<Id1>Frame1:[100,200,300,400], Frame2:[1,2,3,4]</Id1> [0.1,0.2;0.3,0.4]")
write("answers/marks", "<point>[0.5,0.5]</point><polygon>[0,0,1,0,1,1]</polygon><|im_start|>USER:")
write("shapes/point", b"\x01\xe0\x01\x40" + b"12,30.5")
write("shapes/box", b"\x01\xe0\x01\x40" + b"-10, 20 ,1e2,.5")
write("shapes/polygon", b"\x00\x09\x03\x40" + b"0.1,0.2 0.9,0.25 0.5,1 <region:a> <region>")

fixture = SEEDS.parent.parent / "TokenizingTests/Fixtures/gguf/llama3/tokenizer.json"
whole = json.loads(fixture.read_text())
whole["model"]["vocab"] = {"a": 0, "Ġ": 1, "Ġa": 2, "b": 3}
whole["model"]["merges"] = ["Ġ a"]
whole["added_tokens"] = [{"id": 4, "content": "</s>", "special": True, "lstrip": True}]
write("tokenizer-json/small", json.dumps(whole, ensure_ascii=False))

imitate_torch()
half = tensor("HalfStorage", "0", 6, (2, 3), (3, 1))
dictionary = collections.OrderedDict({"a.weight": half, "b": tensor("FloatStorage", "1", 2, (1,), (1,), 1)})
dictionary._metadata = collections.OrderedDict({"": {"version": 1}})
parameters = {"p": Rebuilt("_rebuild_parameter", half, True, collections.OrderedDict()),
              "i": tensor("LongStorage", "1", 1, (), ())}
write("pickle/archive", pickled_archive(dictionary, {"0": bytes(12), "1": bytes(8)}))
write("pickle/parameters", pickled_archive(parameters, {"0": bytes(12), "1": bytes(8)}))
write("pickle/alone", pickled(dictionary))
write("pickle/call", b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00truetR.")

picture = base64.b64encode(png(2, 2)).decode()
image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
write("http/chat", json.dumps({
    "model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"},
                               {"role": "assistant", "content": None}, {"role": "user", "content": [
                                   {"type": "text", "text": "And <region:a>?"}]}],
    "temperature": 0.5, "top_p": 0.9, "top_k": -1, "seed": 7, "max_tokens": 9, "n": 2, "stop": ["\n", "."],
    "stream": True, "stream_options": {"include_usage": True}, "logprobs": True, "top_logprobs": 3,
    "presence_penalty": 0.1, "frequency_penalty": -0.1, "min_tokens": 1, "ignore_eos": False, "user": "u"}))
write("http/regions", json.dumps({"messages": [{"role": "user", "content": [
    image, {"type": "region", "region": {"box": [0, 0, 1, 2], "units": "px", "image": 0, "id": "a"}},
    {"type": "region", "region": {"point": [0.5, 0.5], "units": "norm"}},
    {"type": "region", "region": {"polygon": [[0, 0], [1, 0], [1, 1]]}},
    {"type": "text", "text": "What is <region>?"}]}]}))
write("http/completion", json.dumps({"prompt": ["Once", "Twice"], "echo": True, "max_tokens": 3, "n": 2, "stop": "."}))
write("http/prompts", json.dumps({"prompt": [[1, 2], [3]], "logprobs": 2}))
write("http/detokenize", json.dumps({"model": "m", "tokens": [1, 2]}))
write("http/tokenize", json.dumps({"model": "m", "prompt": "text", "add_special_tokens": False}))
