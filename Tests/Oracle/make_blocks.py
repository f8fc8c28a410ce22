"""Makes ComputeTests/Fixtures/ggml_blocks.json: blocks of GGML's types and the numbers that `gguf` makes of them.

usage: make_blocks.py OUT.json

The blocks' bytes are random, so that every bit of scales and values matters; their f16 scales are finite.
"""
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

# Where the f16 scales of a block stand.
SCALES = {"Q4_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
BLOCKS = 6


def main(target):
    random = np.random.default_rng(17)
    result = {}
    for name, places in SCALES.items():
        kind = GGMLQuantizationType[name]
        _, size = GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (BLOCKS, size), np.uint8)
        for place in places:
            scales = random.normal(0, 0.1, BLOCKS).astype(np.float16)
            scales[0] = np.float16(3e-6)    # subnormal
            blocks[:, place:place + 2] = scales.view(np.uint8).reshape(BLOCKS, 2)
        values = dequantize(blocks, kind).astype("<f4")
        result[name.lower()] = {"blocks": blocks.tobytes().hex(), "values": values.tobytes().hex()}
    with open(target, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


main(sys.argv[1])
