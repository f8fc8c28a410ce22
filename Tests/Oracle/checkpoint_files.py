"""The files of a llava-hf checkpoint directory: tensor names of each generation, shards, tokeniser, chat template."""
import json
import shutil
from pathlib import Path

from safetensors.torch import save_file

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'][0]['text'] + ' ' }}"
    "{% elif message['role'] == 'user' %}{{ 'USER: ' }}"
    "{% for c in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% for c in message['content'] | selectattr('type', 'equalto', 'text') %}{{ c['text'] + ' ' }}{% endfor %}"
    "{% else %}{{ 'ASSISTANT: ' }}"
    "{% for c in message['content'] | selectattr('type', 'equalto', 'text') %}{{ c['text'] + '</s>' }}{% endfor %}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
           "image_token": "<image>"}


# ---------------------------------------------------------------- names (from those of the model in memory)
def old_name(key):
    """Names of llava-hf repositories made before transformers 4.52."""
    if key.startswith("model.language_model."):
        return "language_model.model." + key.removeprefix("model.language_model.")
    if key.startswith("model.vision_tower."):
        return "vision_tower.vision_model." + key.removeprefix("model.vision_tower.").removeprefix("vision_model.")
    if key == "lm_head.weight":
        return "language_model.lm_head.weight"
    return key.removeprefix("model.")


def saved_name(key):
    """Names that transformers 5.23 writes."""
    return old_name(key).replace("vision_tower.vision_model.", "vision_tower.")


def convolution_name(key):
    """llava-hf's old names with Merlin's projector."""
    return key if key.startswith("model.projector.") else old_name(key)


def memory_name(key):
    return key


NAMES = {"saved": saved_name, "memory": memory_name, "old": old_name, "convolution": convolution_name}


# ---------------------------------------------------------------- weights
def save_weights(tensors, directory, shards=1):
    """One model.safetensors, or `shards` files of about the same size and their index."""
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(tensors, directory / "model.safetensors", metadata=metadata)
        return
    total = sum(t.nbytes for t in tensors.values())
    groups, used = [{} for _ in range(shards)], 0
    for key, tensor in tensors.items():
        groups[min(shards - 1, used * shards // total)][key] = tensor
        used += tensor.nbytes
    weight_map = {}
    for i, group in enumerate(groups):
        name = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        save_file(group, directory / name, metadata=metadata)
        weight_map |= dict.fromkeys(group, name)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(directory / "model.safetensors.index.json", index)


# ---------------------------------------------------------------- tokeniser
def load_tokenizer(directory):
    """Llama's tokeniser with legacy=false (the dummy prefix only at the very start), and `<image>` and `<pad>`."""
    from transformers import AddedToken, LlamaTokenizer
    tokenizer = LlamaTokenizer.from_pretrained(directory, legacy=False, add_bos_token=True, add_eos_token=False)
    added = [AddedToken(text, special=True, normalized=False) for text in ("<image>", "<pad>")]
    tokenizer.add_tokens(added, special_tokens=True)
    tokenizer.pad_token = "<pad>"
    tokenizer.padding_side = "left"
    return tokenizer


def save_tokenizer(tokenizer, source, directory):
    """tokenizer.model, tokenizer.json and the small files that transformers 5 leaves out and repositories have."""
    shutil.copy(Path(source) / "tokenizer.model", directory)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(directory)
    write_specials(tokenizer, directory)


def save_old_tokenizer(tokenizer, source, directory):
    """The same in the manner of transformers 4: no tokenizer.json, added tokens in tokenizer_config.json."""
    shutil.copy(Path(source) / "tokenizer.model", directory)
    specials = ["<unk>", "<s>", "</s>", "<image>", "<pad>"]
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    decoder = {str(tokenizer.convert_tokens_to_ids(t)): {"content": t, **flags} for t in specials}
    write_json(directory / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "added_tokens_decoder": decoder, "bos_token": "<s>",
        "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": False, "model_max_length": 512,
        "pad_token": "<pad>", "padding_side": "left", "processor_class": "LlavaProcessor", "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer", "trust_remote_code": False, "unk_token": "<unk>",
        "use_default_system_prompt": False})
    write_specials(tokenizer, directory)


def write_specials(tokenizer, directory):
    write_json(directory / "special_tokens_map.json", SPECIAL)
    added = {text: tokenizer.convert_tokens_to_ids(text) for text in ("<image>", "<pad>")}
    write_json(directory / "added_tokens.json", added)


def write_json(path, value, indent=1):
    path.write_text(json.dumps(value, indent=indent) + "\n")
