"""Makes a GGUF pair of a llava-hf checkpoint, with the names, metadata and order of rows of llama.cpp's converters.

usage: make_gguf.py CHECKPOINT OUT.gguf [--mmproj OUT.gguf] [--type f32|f16|bf16|q8_0|q4_0] [--names older|newer]
                    [--template TEXT] [--no-tokenizer]

What its converters do is written down here from `convert_hf_to_gguf.py` (class LlamaModel) and
`convert_image_encoder_to_gguf.py`; the files themselves are written by the `gguf` package.
"""
import argparse
import json
import math
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter, RopeScalingType, TokenType, quantize
from safetensors import safe_open
from sentencepiece import SentencePieceProcessor

DECODER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
ENCODER = {
    "layer_norm1": "ln1", "layer_norm2": "ln2", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.out_proj": "attn_out"}
# The older script calls the first layer of the MLP ffn_down.
MLP = {"older": {"mlp.fc1": "ffn_down", "mlp.fc2": "ffn_up"}, "newer": {"mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"}}


def tensors(directory):
    """All tensors in f32, by the names of transformers 5."""
    result = {}
    for path in sorted(Path(directory).glob("model*.safetensors")):
        with safe_open(path, "numpy") as file:
            for name in file.keys():
                result[name] = read(file, path, name)
    return {canonical(name): value for name, value in result.items()}


def read(file, path, name):
    """A tensor in f32; numpy has no bf16, so its bytes are taken from the file."""
    if file.get_slice(name).get_dtype() != "BF16":
        return file.get_tensor(name).astype(np.float32)
    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:8 + length])[name]
    start, end = (8 + length + offset for offset in entry["data_offsets"])
    halves = np.frombuffer(data[start:end], np.uint16).astype(np.uint32) << 16
    return halves.view(np.float32).reshape(entry["shape"])


def canonical(name):
    name = name.removeprefix("model.")
    name = name.removeprefix("language_model.model.").removeprefix("language_model.")
    return name.replace("vision_tower.vision_model.", "vision_tower.")


def interleaved(weight, heads):
    """What convert_hf_to_gguf.py does to the rows of queries and keys."""
    shape = weight.shape
    return weight.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def add(writer, name, value, kind):
    """Vectors stay in f32; rows that are no whole blocks take f16 in place of a quantised type."""
    if value.ndim == 1:
        kind = Kind.F32
    elif kind in (Kind.Q8_0, Kind.Q4_0) and value.shape[-1] % 32:
        kind = Kind.F16
    if kind == Kind.F32:
        writer.add_tensor(name, np.ascontiguousarray(value, np.float32))
    elif kind == Kind.F16:
        writer.add_tensor(name, np.ascontiguousarray(value, np.float16))
    else:
        writer.add_tensor(name, quantize(np.ascontiguousarray(value, np.float32), kind), raw_dtype=kind)


def rope_divisors(rope, theta, width):
    """The tensor rope_freqs, as LlamaModel.generate_extra_tensors computes it."""
    factor, low, high = rope["factor"], rope["low_freq_factor"], rope["high_freq_factor"]
    context = rope["original_max_position_embeddings"]
    result = []
    for i in range(0, width, 2):
        wavelength = 2 * math.pi * theta ** (i / width)
        if wavelength < context / high:
            result.append(1)
        elif wavelength > context / low:
            result.append(factor)
        else:
            smooth = (context / wavelength - low) / (high - low)
            result.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(result, np.float32)


def text_config(directory):
    config = json.loads((Path(directory) / "config.json").read_text())
    text = {"num_key_value_heads": config["text_config"]["num_attention_heads"], "rms_norm_eps": 1e-6,
            "max_position_embeddings": 2048, "rope_theta": 10000.0, "bos_token_id": 1, "eos_token_id": 2}
    text |= config["text_config"]
    text["rope"] = text.get("rope_parameters") or text.get("rope_scaling") or {}
    text["rope_theta"] = text["rope"].get("rope_theta", text["rope_theta"])
    text.setdefault("head_dim", text["hidden_size"] // text["num_attention_heads"])
    return text


def write_decoder(directory, path, kind, template, tokenizer):
    text, weights = text_config(directory), tensors(directory)
    writer = GGUFWriter(path, "llama")
    writer.add_name(Path(directory).name)
    writer.add_vocab_size(text["vocab_size"])
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_key_length(text["head_dim"])
    writer.add_value_length(text["head_dim"])
    writer.add_rope_dimension_count(text["head_dim"])
    writer.add_rope_freq_base(text["rope_theta"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    scaling = text["rope"].get("rope_type", text["rope"].get("type"))
    if scaling == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(text["rope"]["factor"])
    if scaling == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(text["rope"], text["rope_theta"], text["head_dim"]))
    if tokenizer:
        write_tokenizer(writer, directory, text["vocab_size"])
    if template:
        writer.add_chat_template(template)
    for name, value in weights.items():
        if name.startswith(("vision_tower.", "multi_modal_projector.", "projector.", "mm_projector.")):
            continue
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            value = interleaved(value, text["num_attention_heads"])
        if name.endswith(("k_proj.weight", "k_proj.bias")):
            value = interleaved(value, text["num_key_value_heads"])
        add(writer, decoder_name(name), value, kind)
    finish(writer)


def decoder_name(name):
    stem, ending = name.rsplit(".", 1)
    ends = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}
    if stem in ends:
        return f"{ends[stem]}.{ending}"
    _, layer, part = stem.split(".", 2)
    return f"blk.{layer}.{DECODER[part]}.{ending}"


def write_tokenizer(writer, directory, size):
    """As convert_hf_to_gguf.py's _set_vocab_sentencepiece does it; rows without a token are padding."""
    model = SentencePieceProcessor(model_file=str(Path(directory) / "tokenizer.model"))
    tokens = [f"[PAD{i}]".encode() for i in range(size)]
    scores, kinds = [-10000.0] * size, [TokenType.UNUSED] * size
    for i in range(model.vocab_size()):
        kind = TokenType.NORMAL
        if model.is_unknown(i):
            kind = TokenType.UNKNOWN
        elif model.is_control(i):
            kind = TokenType.CONTROL
        elif model.is_unused(i):
            kind = TokenType.UNUSED
        elif model.is_byte(i):
            kind = TokenType.BYTE
        tokens[i], scores[i], kinds[i] = model.id_to_piece(i).encode(), model.get_score(i), kind
    added = Path(directory) / "added_tokens.json"
    for text, i in (json.loads(added.read_text()) if added.exists() else {}).items():
        tokens[i], scores[i], kinds[i] = text.encode(), -1000.0, TokenType.CONTROL
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(model.bos_id())
    writer.add_eos_token_id(model.eos_id())
    writer.add_unk_token_id(model.unk_id())
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def write_encoder(directory, path, kind, names):
    config = json.loads((Path(directory) / "config.json").read_text())
    vision, weights = config["vision_config"], tensors(directory)
    processor = json.loads((Path(directory) / "preprocessor_config.json").read_text())
    layers = vision["num_hidden_layers"]
    listed = config.get("vision_feature_layer", -2)
    features = [i if i >= 0 else layers + 1 + i for i in (listed if isinstance(listed, list) else [listed])]
    writer = GGUFWriter(path, "clip")
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_uint32("clip.vision.image_size", vision["image_size"])
    writer.add_uint32("clip.vision.patch_size", vision["patch_size"])
    writer.add_uint32("clip.vision.embedding_length", vision["hidden_size"])
    writer.add_uint32("clip.vision.feed_forward_length", vision["intermediate_size"])
    writer.add_uint32("clip.vision.projection_dim", vision.get("projection_dim", 512))
    writer.add_uint32("clip.vision.attention.head_count", vision["num_attention_heads"])
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", vision.get("layer_norm_eps", 1e-5))
    writer.add_uint32("clip.vision.block_count", max(features))
    if names == "newer":
        writer.add_array("clip.vision.feature_layer", features)
    writer.add_array("clip.vision.image_mean", processor["image_mean"])
    writer.add_array("clip.vision.image_std", processor["image_std"])
    writer.add_bool("clip.use_gelu", vision.get("hidden_act", "quick_gelu") == "gelu")
    for name, value in weights.items():
        target = encoder_name(name, max(features), MLP[names])
        if target:
            add(writer, target, value, kind)
    finish(writer)


def encoder_name(name, layers, mlp):
    if name == "vision_tower.embeddings.class_embedding":
        return "v.class_embd"
    stem, ending = name.rsplit(".", 1)
    ends = {"vision_tower.embeddings.patch_embedding": "v.patch_embd",
            "vision_tower.embeddings.position_embedding": "v.position_embd",
            "vision_tower.pre_layrnorm": "v.pre_ln",
            "multi_modal_projector.linear_1": "mm.0", "multi_modal_projector.linear_2": "mm.2"}
    if stem in ends:
        return f"{ends[stem]}.{ending}"
    if not stem.startswith("vision_tower.encoder.layers."):
        return None
    layer, part = stem.removeprefix("vision_tower.encoder.layers.").split(".", 1)
    return f"v.blk.{layer}.{(ENCODER | mlp)[part]}.{ending}" if int(layer) < layers else None


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("decoder")
    parser.add_argument("--mmproj")
    parser.add_argument("--type", default="f32", choices=["f32", "f16", "bf16", "q8_0", "q4_0"])
    parser.add_argument("--names", default="older", choices=list(MLP))
    parser.add_argument("--template")
    parser.add_argument("--no-tokenizer", action="store_true")
    options = parser.parse_args()
    kind = Kind[options.type.upper()]
    write_decoder(options.checkpoint, options.decoder, kind, options.template, not options.no_tokenizer)
    if options.mmproj:
        write_encoder(options.checkpoint, options.mmproj, kind, options.names)


if __name__ == "__main__":
    main()
