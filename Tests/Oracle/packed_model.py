"""The small model for training: transformers' parameters, and a forward pass of its own over packed conversations (one
image prefix, many independent conversations behind it), numerically equal to transformers'. Also heads that only
training uses.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from checkpoint_files import load_tokenizer
from scenes import CHARS, COLOR_NAMES, GRID, PATCH, SHAPES, SIZE, SIZES

PATCHES = GRID * GRID
ROPE_THETA = 10000.0
HEAD_SIZES = [len(SHAPES) + 2, len(COLOR_NAMES), len(SIZES), 4, 5 * (len(CHARS) + 1)]   # size 4: the box
BACKGROUND_LABEL = len(SHAPES) + 1                                                       # after shapes and "text"


def make_config(vocabulary, image_token, pad_token):
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig
    vision = CLIPVisionConfig(
        hidden_size=128, intermediate_size=512, num_hidden_layers=6, num_attention_heads=4, image_size=SIZE,
        patch_size=PATCH, hidden_act="quick_gelu", projection_dim=128)
    text = LlamaConfig(
        vocab_size=vocabulary, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=ROPE_THETA, bos_token_id=1,
        eos_token_id=2, pad_token_id=pad_token, tie_word_embeddings=False, hidden_act="silu")
    return LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=image_token, projector_hidden_act="gelu",
        vision_feature_layer=-2, vision_feature_select_strategy="default", image_seq_length=PATCHES,
        tie_word_embeddings=False)


class AttributeHeads(nn.Module):
    """Shape, colour, size, box and characters of the object at a row."""

    def __init__(self, width):
        super().__init__()
        self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, width)
        self.cls = nn.Linear(width, sum(HEAD_SIZES))

    def forward(self, x):
        return self.cls(F.gelu(self.fc(self.norm(x)))).split(HEAD_SIZES, -1)


def attribute_loss(out, labels, boxes, parts=None):
    """labels [rows, 8]: shape, colour, size, four characters, own character; -1 for none. boxes [rows, 4]."""
    shape, color, size, box, text = out
    loss = F.cross_entropy(shape, labels[:, 0])
    color_loss = F.cross_entropy(color, labels[:, 1], ignore_index=-1)
    if parts is not None:
        parts.update(shape=loss.detach(), color=color_loss.detach())
    loss = loss + color_loss
    if (labels[:, 2] >= 0).any():
        loss = loss + 0.5 * F.cross_entropy(size, labels[:, 2], ignore_index=-1)
    if (labels[:, 3:8] >= 0).any():
        text_loss = F.cross_entropy(text.reshape(-1, len(CHARS) + 1), labels[:, 3:8].reshape(-1), ignore_index=-1)
        if parts is not None:
            parts["text"] = text_loss.detach()
        loss = loss + text_loss
    inside = labels[:, 0] != BACKGROUND_LABEL
    return loss + 4.0 * F.smooth_l1_loss(box[inside], boxes[inside], beta=0.02)


def rotary(positions, dimension):
    """A function that turns [batch, heads, tokens, dimension] by the positions [batch, tokens]."""
    inverse = 1.0 / (ROPE_THETA ** (torch.arange(0, dimension, 2).float() / dimension))
    angles = positions[..., None].float() * inverse
    cos, sin = (torch.cat([f(angles)] * 2, -1)[:, None] for f in (torch.cos, torch.sin))

    def turn(t):
        half = dimension // 2
        return t * cos + torch.cat([-t[..., half:], t[..., :half]], -1) * sin
    return turn


class PackedModel(nn.Module):
    def __init__(self, hf):
        super().__init__()
        self.hf = hf
        width = hf.config.text_config.hidden_size
        self.dense, self.probe = AttributeHeads(width), AttributeHeads(width)

    @property
    def tower(self):
        return self.hf.model.vision_tower

    def head(self, x):
        return self.hf.lm_head(x)

    def vision(self, pixels):
        """[batch, 3, 112, 112] -> projected features [batch, 64, width]; the last layer is never used."""
        embeddings, batch = self.tower.embeddings, pixels.shape[0]
        x = pixels.view(batch, 3, GRID, PATCH, GRID, PATCH).permute(0, 2, 4, 1, 3, 5)
        x = x.reshape(batch, PATCHES, 3 * PATCH * PATCH)
        x = F.linear(x, embeddings.patch_embedding.weight.flatten(1))
        x = torch.cat([embeddings.class_embedding.expand(batch, 1, -1), x], 1) + embeddings.position_embedding.weight
        x = self.tower.pre_layrnorm(x)
        for layer in self.tower.encoder.layers[:-1]:
            x = x + self.vision_attention(layer.self_attn, layer.layer_norm1(x))
            h = layer.mlp.fc1(layer.layer_norm2(x))
            x = x + layer.mlp.fc2(h * torch.sigmoid(1.702 * h))
        projector = self.hf.model.multi_modal_projector
        return projector.linear_2(F.gelu(projector.linear_1(x[:, 1:])))

    @staticmethod
    def vision_attention(attention, h):
        batch, tokens, _ = h.shape
        q, k, v = (p(h).view(batch, tokens, attention.num_heads, attention.head_dim).transpose(1, 2)
                   for p in (attention.q_proj, attention.k_proj, attention.v_proj))
        out = F.scaled_dot_product_attention(q, k, v)
        return attention.out_proj(out.transpose(1, 2).reshape(batch, tokens, -1))

    def decoder(self, ids, image_start, features, positions, mask, supervision=None, probe_rows=None, probe_layer=3):
        """Rows after the final norm [batch, tokens, width], attention loss, probed rows after `probe_layer` layers."""
        model, config = self.hf.model.language_model, self.hf.config.text_config
        heads, shared = config.num_attention_heads, config.num_key_value_heads
        dimension, (batch, tokens) = config.hidden_size // heads, ids.shape
        x = model.embed_tokens(ids)
        image_rows = image_start[:, None] + torch.arange(PATCHES)[None]
        x = x.scatter(1, image_rows[..., None].expand(-1, -1, x.shape[-1]), features)
        turn, bias = rotary(positions, dimension), torch.zeros(mask.shape).masked_fill_(~mask, -1e9)
        attention_loss, probed = 0.0, None
        for index, layer in enumerate(model.layers):
            attention, h = layer.self_attn, layer.input_layernorm(x)
            q = turn(attention.q_proj(h).view(batch, tokens, heads, dimension).transpose(1, 2))
            k = turn(attention.k_proj(h).view(batch, tokens, shared, dimension).transpose(1, 2))
            v = attention.v_proj(h).view(batch, tokens, shared, dimension).transpose(1, 2)
            if supervision is not None and index in (1, 2):
                attention_loss = attention_loss + self.attention_loss(q, k, mask, image_rows, supervision, index == 1)
            k, v = (t.repeat_interleave(heads // shared, 1) for t in (k, v))
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            x = x + attention.o_proj(out.transpose(1, 2).reshape(batch, tokens, -1))
            h = layer.post_attention_layernorm(x)
            x = x + layer.mlp.down_proj(F.silu(layer.mlp.gate_proj(h)) * layer.mlp.up_proj(h))
            if index == probe_layer - 1 and probe_rows is not None:
                probed = x[probe_rows[0], probe_rows[1]]
        return model.norm(x), attention_loss, probed

    @staticmethod
    def attention_loss(q, k, mask, image_rows, supervision, regions_only):
        """Two heads are taught to look at the patches of the object that a row is about."""
        batch, rows, weights, is_region = supervision
        use = is_region if regions_only else torch.ones_like(is_region)
        s = torch.einsum("rhd,rtd->rht", q[batch, :2, rows], k[batch, 0]) / math.sqrt(q.shape[-1])
        s = s.masked_fill(~mask[batch, 0, rows][:, None], -1e9).softmax(-1)
        s = s.gather(2, image_rows[batch][:, None].expand(-1, 2, -1))
        hit = (s * (weights > 0.25)[:, None]).sum(-1).clamp_min(1e-6)
        return -(hit.log().mean(1) * use).sum() / use.sum().clamp_min(1)


def build(tokenizer_directory):
    """The tokeniser and an untrained model."""
    from transformers import LlavaForConditionalGeneration
    tokenizer = load_tokenizer(tokenizer_directory)
    image, pad = tokenizer.convert_tokens_to_ids(["<image>", "<pad>"])
    vocabulary = (len(tokenizer) + 63) // 64 * 64
    torch.manual_seed(0)
    return tokenizer, PackedModel(LlavaForConditionalGeneration(make_config(vocabulary, image, pad)).float())
