"""Weights that training starts from: Xavier, smooth embeddings of coordinates and places, cosine patch filters."""
import math

import torch
import torch.nn.functional as F

from packed_model import PATCHES
from packing import coordinate_ids, to_pixels
from scenes import GRID, PATCH, scene

FIRST_SCENE = 20_000_000      # scenes that training does not reach


@torch.no_grad()
def initialize(hf, tokenizer, seed=0):
    generator = torch.Generator().manual_seed(seed)
    layers = hf.config.text_config.num_hidden_layers
    for name, p in hf.named_parameters():
        if p.dim() >= 2:
            spread = math.sqrt(2.0 / (p[0].numel() + p.shape[0]))
            if "embed" in name and "patch" not in name:
                spread = 0.1
            if name.endswith("lm_head.weight"):
                spread = 0.02
            if any(k in name for k in ("o_proj", "out_proj", "down_proj", "fc2")):
                spread /= math.sqrt(2 * layers)
            p.copy_(torch.randn(p.shape, generator=generator) * spread)
        elif "norm" in name and name.endswith("weight"):
            p.fill_(1.0)
        elif name.endswith("class_embedding"):
            p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
        else:
            p.zero_()
    ids, values = coordinate_ids(tokenizer), torch.arange(101).float() / 100
    embedding, head = hf.model.language_model.embed_tokens.weight, hf.lm_head.weight
    embedding[ids] = 0.14 * waves(values, embedding.shape[1], 2.5, generator)
    head[ids] = 0.03 * waves(values, head.shape[1], 2.5, generator)
    vision = hf.model.vision_tower.embeddings
    vision.patch_embedding.weight.copy_(cosine_filters(vision.patch_embedding.weight.shape[0]))
    table, half = vision.position_embedding.weight, vision.position_embedding.weight.shape[1] // 2
    places = (torch.arange(GRID).float() + 0.5) / GRID
    x, y = (0.4 * waves(places, half, 2, generator) for _ in range(2))
    table[1:, :half] = x[None].expand(GRID, -1, -1).reshape(PATCHES, half)
    table[1:, half:] = y[:, None].expand(-1, GRID, -1).reshape(PATCHES, half)


def waves(values, width, spread, generator):
    """Random cosines of each value [values, width]: near values get near rows."""
    frequency = torch.randn(width, generator=generator).abs() * spread + 0.3
    phase = torch.rand(width, generator=generator) * 2 * math.pi
    return torch.cos(math.pi * values[:, None] * frequency + phase)


def cosine_filters(count, spread=0.5):
    """The lowest 2-D cosines of three colour axes, scaled so that each answers scenes with the same spread."""
    i = torch.arange(PATCH).float() + 0.5
    frequencies = sorted(((u, v) for u in range(PATCH) for v in range(PATCH)), key=lambda f: (f[0] ** 2 + f[1] ** 2, f))
    axes = torch.tensor([[1, 1, 1], [1, -1, 0], [0.5, 0.5, -1.0]])
    filters = []
    for u, v in frequencies[:count // 3 + 1]:
        wave = torch.cos(math.pi * u * i / PATCH)[:, None] * torch.cos(math.pi * v * i / PATCH)[None]
        filters += [(a / a.norm())[:, None, None] * wave / wave.norm() for a in axes]
    filters = torch.stack(filters)[:count]
    pixels = to_pixels([scene("train", FIRST_SCENE + k) for k in range(48)])
    answers = F.conv2d(pixels, filters, stride=PATCH).permute(0, 2, 3, 1).reshape(-1, count)
    return filters * (spread / answers.std(0))[:, None, None, None]
