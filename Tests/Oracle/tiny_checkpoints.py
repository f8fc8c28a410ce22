"""The tiny random checkpoints: what each is there to test, as configurations."""
from dataclasses import dataclass, field

import torch

IMAGE_TOKEN, PAD_TOKEN = 820, 821


@dataclass
class Tiny:
    config: dict                   # config.json; completed by transformers if `complete`
    dtype: torch.dtype
    names: str                     # key of checkpoint_files.NAMES
    image_tokens: int
    complete: bool = False         # write config.json as transformers 5 does, every field
    shards: int = 1
    seed: int = 99
    old_tokenizer: bool = False    # files of transformers 4
    compact: bool = False          # tokenizer.json without blanks
    preprocessor: dict = field(default_factory=dict)
    picture: tuple = (90, 60)      # input.png, pixels
    projector: str = "mlp"         # "mlp", "identity" (second linear = identity), "convolution"
    text_only: str = "Hi \u00e9"
    long_text: bool = False


def vision(hidden, intermediate, layers, image, patch, **more):
    return {"model_type": "clip_vision_model", "hidden_size": hidden, "intermediate_size": intermediate,
            "num_hidden_layers": layers, "num_attention_heads": 4, "image_size": image, "patch_size": patch, **more}


def text(hidden, intermediate, layers, vocabulary=832, **more):
    return {"model_type": "llama", "vocab_size": vocabulary, "hidden_size": hidden, "intermediate_size": intermediate,
            "num_hidden_layers": layers, "num_attention_heads": 4, **more}


def llava(vision_config, text_config, **more):
    return {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
            "image_token_index": IMAGE_TOKEN, "text_config": text_config, "vision_config": vision_config, **more}


def crop(side):
    return {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}


def first_pair(key_value_heads, eps, projector_act):
    """The configuration that tiny-mlp-gqa and tiny-linear share."""
    return llava(
        vision(64, 192, 3, 56, 14, hidden_act="quick_gelu", projection_dim=64),
        text(64, 160, 4, num_key_value_heads=key_value_heads, max_position_embeddings=512, rms_norm_eps=eps,
             rope_theta=10000.0, bos_token_id=1, eos_token_id=2, pad_token_id=PAD_TOKEN, tie_word_embeddings=False),
        projector_hidden_act=projector_act, vision_feature_layer=-2, vision_feature_select_strategy="default",
        image_seq_length=16, tie_word_embeddings=False)


GREETING = "Hello, how are you? \u00e9\u4f60"

CHECKPOINTS = {
    # LLaVA-1.5's two-layer projector, grouped key-value heads, names as transformers 5.23 writes them.
    "tiny-mlp-gqa": Tiny(
        first_pair(2, 1e-5, "gelu"), torch.float16, "saved", 16, complete=True, preprocessor=crop(56),
        picture=(150, 100), text_only=GREETING),

    # The paper's single linear projector, as many key-value heads as heads, old names.
    "tiny-linear": Tiny(
        first_pair(4, 1e-6, "linear"), torch.bfloat16, "old", 16, complete=True, preprocessor=crop(56),
        picture=(150, 100), projector="identity", text_only=GREETING),

    # Llama 3's rotary scaling, all three of its bands; head given by the embedding; a head_dim of its own; exact gelu
    # in the vision encoder, its last layer, class token kept; patches of 7; names of the model in memory; f32; shards.
    "tiny-llama3-tied": Tiny(
        llava(
            vision(48, 64, 2, 28, 7, hidden_act="gelu", projection_dim=48),
            text(32, 64, 3, 822, head_dim=24, num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5,
                 rope_parameters={"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
                 hidden_act="silu", bos_token_id=1, eos_token_id=2, pad_token_id=PAD_TOKEN, tie_word_embeddings=True),
            dtype="float32", projector_hidden_act="gelu", multimodal_projector_bias=True, vision_feature_layer=-1,
            vision_feature_select_strategy="full", image_seq_length=17, transformers_version="5.23.0"),
        torch.float32, "memory", 17, shards=3, seed=4, compact=True, preprocessor=crop(28)),

    # Linear rotary scaling in the old style of config; whatever equals a default of transformers is left out; picture
    # stretched to the square, no crop.
    "tiny-linear-rope": Tiny(
        llava(
            vision(32, 48, 3, 56, 14, projection_dim=32, torch_dtype="bfloat16"),
            text(64, 64, 2, rope_theta=20000.0, rope_scaling={"type": "linear", "factor": 4.0},
                 torch_dtype="bfloat16"),
            ignore_index=-100, pad_token_id=PAD_TOKEN, torch_dtype="bfloat16", transformers_version="4.37.2",
            vision_feature_layer=-2),
        torch.bfloat16, "old", 16, seed=25, old_tokenizer=True, long_text=True,
        preprocessor={"size": {"height": 56, "width": 56}, "do_center_crop": False,
                      "crop_size": {"height": 56, "width": 56}, "feature_extractor_type": "CLIPFeatureExtractor"}),

    # Merlin's projector: a 3 x 3 convolution with stride 2 over the 8 x 8 patches, 16 image tokens.
    "tiny-conv": Tiny(
        llava(
            vision(40, 64, 2, 112, 14, hidden_act="quick_gelu", projection_dim=40),
            text(32, 64, 3, num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0,
                 bos_token_id=1, eos_token_id=2, pad_token_id=PAD_TOKEN, tie_word_embeddings=False),
            torch_dtype="float16", vision_feature_layer=-2, vision_feature_select_strategy="default",
            image_seq_length=16, tie_word_embeddings=False),
        torch.float16, "convolution", 16, seed=11, compact=True, preprocessor=crop(112), projector="convolution"),
}
