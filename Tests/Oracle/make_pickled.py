#!/usr/bin/env python3
"""Writes Fixtures/pickled: checkpoints that PyTorch pickled, in the layouts of Merlin's and LLaVA's own programs, with
the tensors of tiny-conv and tiny-linear-rope.

    python Tests/Oracle/make_pickled.py Tests/Fixtures

Needs torch and safetensors alone."""
import json
import shutil
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file

TOKENIZER = ["tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def own_name(key):
    """Names that the families' own programs give."""
    if key.startswith("language_model.lm_head."):
        return key.removeprefix("language_model.")
    if key.startswith("language_model."):
        return key.removeprefix("language_model.")
    if key.startswith("vision_tower."):
        return "model.vision_tower." + key
    for number, name in (("0", "linear_1"), ("2", "linear_2")):
        if key.startswith(f"multi_modal_projector.{name}."):
            return key.replace(f"multi_modal_projector.{name}", f"model.mm_projector.{number}")
    return key


def buffers(layers, positions):
    """What files of their time have besides weights."""
    yield "model.vision_tower.vision_tower.vision_model.embeddings.position_ids", torch.arange(positions).expand((1, -1))
    for layer in range(layers):
        yield f"model.layers.{layer}.self_attn.rotary_emb.inv_freq", torch.ones(4)


def save_shards(tensors, directory, parameters=False):
    """Two files of about the same size, and their index."""
    total, used, groups = sum(t.nbytes for t in tensors.values()), 0, [OrderedDict(), OrderedDict()]
    for key, tensor in tensors.items():
        groups[min(1, used * 2 // total)][key] = torch.nn.Parameter(tensor, False) if parameters else tensor
        used += tensor.nbytes
    weight_map = {}
    for number, group in enumerate(groups):
        name = f"pytorch_model-{number + 1:05d}-of-00002.bin"
        group._metadata = OrderedDict({"": {"version": 1}})
        torch.save(group, directory / name)
        weight_map |= dict.fromkeys(group, name)
    write_json(directory / "pytorch_model.bin.index.json",
               {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


def begin(directory, source):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in TOKENIZER:
        shutil.copy(source / name, directory)


def merlin(fixtures):
    source, directory = fixtures / "tiny-conv", fixtures / "pickled/merlin"
    begin(directory, source)
    given = json.loads((source / "config.json").read_text())
    tensors = {own_name(key): value for key, value in load_file(source / "model.safetensors").items()}
    tensors |= dict(buffers(given["text_config"]["num_hidden_layers"], 65))
    save_shards(tensors, directory)
    write_json(directory / "config.json", {
        **given["text_config"], "architectures": ["MMGPTLlamaForCausalLM"], "model_type": "mmgpt",
        "torch_dtype": "float16", "transformers_version": "4.31.0", "use_cache": True,
        # Where a model is not as wide, and has not as many image tokens, as Merlin.
        "vision_config": {"num_attention_heads": 4}, "image_seq_length": 16})
    write_json(directory / "added_tokens.json", {"<im_patch>": 822, "<im_start>": 823, "<im_end>": 824})


def llava(fixtures):
    source, directory, tower = (fixtures / name for name in ("tiny-linear-rope", "pickled/llava", "pickled/clip-tiny"))
    begin(directory, source)
    shutil.rmtree(tower, ignore_errors=True)
    tower.mkdir()
    given = json.loads((source / "config.json").read_text())
    stored = load_file(source / "model.safetensors")
    tensors, vision = {}, {}
    for key, value in stored.items():
        if key.startswith("vision_tower."):
            vision[key.removeprefix("vision_tower.")] = value
        else:
            tensors[own_name(key)] = value
    # Weights that are views of one storage, as parameters that were trained flattened are saved.
    names = [f"model.layers.0.self_attn.{part}_proj.weight" for part in "qkv"]
    flat = torch.cat([tensors[name].flatten() for name in names])
    offset = 0
    for name in names:
        tensors[name] = flat[offset:offset + tensors[name].numel()].view(tensors[name].shape)
        offset += tensors[name].numel()
    save_shards(tensors, directory, parameters=True)
    text = {"num_attention_heads": 4, "hidden_act": "silu"} | given["text_config"]
    write_json(directory / "config.json", {
        **text, "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava", "image_aspect_ratio": "pad",
        "mm_hidden_size": 32, "mm_projector_type": "mlp2x_gelu", "mm_resampler_type": None,
        "mm_use_im_patch_token": False, "mm_use_im_start_end": False, "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2, "mm_vision_tower": "nobody/clip-tiny", "use_mm_proj": True, "vocab_size": 832})
    vision["text_model.final_layer_norm.weight"] = torch.ones(8)
    vision["visual_projection.weight"] = torch.ones(8, 32)
    vision["logit_scale"] = torch.tensor(2.5)
    vision["vision_model.embeddings.position_ids"] = torch.arange(17).expand((1, -1))
    torch.save(vision, tower / "pytorch_model.bin")
    write_json(tower / "config.json", {"model_type": "clip", "vision_config": given["vision_config"]})
    write_json(tower / "preprocessor_config.json", {
        "size": {"height": 56, "width": 56}, "do_center_crop": False, "feature_extractor_type": "CLIPFeatureExtractor"})


def main():
    fixtures = Path(sys.argv[1])
    merlin(fixtures)
    llava(fixtures)


if __name__ == "__main__":
    main()
