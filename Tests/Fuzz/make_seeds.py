#!/usr/bin/env python3
"""Writes Seeds/: small inputs that get far into each reader. The fixtures of the other tests, which
run adds, are larger."""
import json
import struct
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
