#!/usr/bin/env python3
"""Writes GGUF files with random weights, for timing: a Llama decoder and, if asked for, a CLIP projector file.

    python3 Tests/Benchmarks/make_random_gguf.py --dimensions 1.1b --type q8_0 /tmp/1.1b-q8_0.gguf
    python3 Tests/Benchmarks/make_random_gguf.py --dimensions 1.1b --vision /tmp/mmproj-1.1b-f16.gguf

Needs the packages gguf and numpy. Every layer gets the same numbers: only their size matters here.
"""

import argparse

import gguf
import numpy as np

# hidden, layers, heads, key-value heads, feed-forward: those of `chatspot bench --dimensions`.
DIMENSIONS = {
    "tiny": (256, 4, 4, 2, 512),
    "1.1b": (2048, 22, 32, 4, 5632),
    "7b": (4096, 32, 32, 32, 11008),
    "13b": (5120, 40, 40, 40, 13824),
}
VOCABULARY = 32000
CONTEXT = 4096
TYPES = {
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
    "q4_0": gguf.GGMLQuantizationType.Q4_0,
}
# CLIP ViT-L/14 at 336 pixels.
VISION_HIDDEN, VISION_LAYERS, VISION_HEADS, VISION_FEED_FORWARD = 1024, 24, 16, 4096
PATCH, SIDE = 14, 336


def random_matrix(generator, rows, columns):
    return (generator.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns)).astype(np.float32)


def vocabulary():
    """Tokens as SentencePiece has them: three controls, all bytes, and words nobody uses."""
    tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % byte for byte in range(256)]
    kinds = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.BYTE] * 256
    for number in range(VOCABULARY - len(tokens)):
        tokens.append("\u2581word{}".format(number).encode())
        kinds.append(gguf.TokenType.NORMAL)
    return tokens, [-float(i) for i in range(VOCABULARY)], kinds


def write_decoder(path, dimensions, kind):
    hidden, layers, heads, kv_heads, feed_forward = DIMENSIONS[dimensions]
    width = hidden // heads
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random " + dimensions)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCABULARY)
    tokens, scores, kinds = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    generator = np.random.default_rng(1)

    def packed(rows, columns, target=TYPES[kind]):
        values = random_matrix(generator, rows, columns)
        return gguf.quants.quantize(values, target), target

    def add(name, data):
        writer.add_tensor(name, data[0], raw_dtype=data[1])

    ones = (np.ones(hidden, dtype=np.float32), gguf.GGMLQuantizationType.F32)
    ends = TYPES["q8_0"] if kind == "q4_0" else TYPES[kind]
    table = packed(VOCABULARY, hidden, ends)
    add("token_embd.weight", table)
    add("output_norm.weight", ones)
    add("output.weight", table)
    layer = {
        "attn_q": packed(heads * width, hidden),
        "attn_k": packed(kv_heads * width, hidden),
        "attn_v": packed(kv_heads * width, hidden),
        "attn_output": packed(hidden, heads * width),
        "ffn_gate": packed(feed_forward, hidden),
        "ffn_up": packed(feed_forward, hidden),
        "ffn_down": packed(hidden, feed_forward),
        "attn_norm": ones,
        "ffn_norm": ones,
    }
    for number in range(layers):
        for name, data in layer.items():
            add(f"blk.{number}.{name}.weight", data)
    finish(writer)


def write_vision(path, dimensions, kind):
    """A LLaVA 1.5 projector file: the vision tower without its last layer, and a two-layer projector."""
    hidden = DIMENSIONS[dimensions][0]
    layers = VISION_LAYERS - 1
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name("random vision")
    writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_uint32("clip.vision.image_size", SIDE)
    writer.add_uint32("clip.vision.patch_size", PATCH)
    writer.add_uint32("clip.vision.embedding_length", VISION_HIDDEN)
    writer.add_uint32("clip.vision.feed_forward_length", VISION_FEED_FORWARD)
    writer.add_uint32("clip.vision.projection_dim", 768)
    writer.add_uint32("clip.vision.attention.head_count", VISION_HEADS)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_uint32("clip.vision.block_count", layers)
    writer.add_array("clip.vision.image_mean", [0.48145466, 0.4578275, 0.40821073])
    writer.add_array("clip.vision.image_std", [0.26862954, 0.26130258, 0.27577711])
    writer.add_bool("clip.use_gelu", False)
    generator = np.random.default_rng(2)

    def matrix(rows, columns):
        values = random_matrix(generator, rows, columns)
        return gguf.quants.quantize(values, TYPES[kind]), TYPES[kind]

    def vector(count, value=0.0):
        return np.full(count, value, dtype=np.float32), gguf.GGMLQuantizationType.F32

    def add(name, data):
        writer.add_tensor(name, data[0], raw_dtype=data[1])

    patches = (SIDE // PATCH) ** 2
    convolution = random_matrix(generator, VISION_HIDDEN, 3 * PATCH * PATCH).astype(np.float16)
    writer.add_tensor("v.patch_embd.weight", convolution.reshape(VISION_HIDDEN, 3, PATCH, PATCH))
    add("v.class_embd", vector(VISION_HIDDEN))
    positions = random_matrix(generator, patches + 1, VISION_HIDDEN).astype(np.float16)
    writer.add_tensor("v.position_embd.weight", positions)
    add("v.pre_ln.weight", vector(VISION_HIDDEN, 1.0))
    add("v.pre_ln.bias", vector(VISION_HIDDEN))
    square = {name: matrix(VISION_HIDDEN, VISION_HIDDEN) for name in ("attn_q", "attn_k", "attn_v", "attn_out")}
    up, down = matrix(VISION_FEED_FORWARD, VISION_HIDDEN), matrix(VISION_HIDDEN, VISION_FEED_FORWARD)
    for number in range(layers):
        for name, data in square.items():
            add(f"v.blk.{number}.{name}.weight", data)
            add(f"v.blk.{number}.{name}.bias", vector(VISION_HIDDEN))
        # Under the names that LLaVA's converter gives them: "down" is the first of the two.
        add(f"v.blk.{number}.ffn_down.weight", up)
        add(f"v.blk.{number}.ffn_down.bias", vector(VISION_FEED_FORWARD))
        add(f"v.blk.{number}.ffn_up.weight", down)
        add(f"v.blk.{number}.ffn_up.bias", vector(VISION_HIDDEN))
        for norm in ("ln1", "ln2"):
            add(f"v.blk.{number}.{norm}.weight", vector(VISION_HIDDEN, 1.0))
            add(f"v.blk.{number}.{norm}.bias", vector(VISION_HIDDEN))
    add("mm.0.weight", matrix(hidden, VISION_HIDDEN))
    add("mm.0.bias", vector(hidden))
    add("mm.2.weight", matrix(hidden, hidden))
    add("mm.2.bias", vector(hidden))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output")
    parser.add_argument("--dimensions", choices=DIMENSIONS, default="1.1b")
    parser.add_argument("--type", choices=TYPES, default="f16", dest="kind")
    parser.add_argument("--vision", action="store_true", help="the projector file instead of the decoder")
    options = parser.parse_args()
    (write_vision if options.vision else write_decoder)(options.output, options.dimensions, options.kind)


if __name__ == "__main__":
    main()
