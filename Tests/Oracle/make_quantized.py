"""Quantised blocks as gguf's reference makes them: Tests/ComputeTests/Fixtures/blocks.json.

    python3 make_quantized.py OUT.json      (needs the package gguf, 0.17 or later)

Rows of 64 numbers with all that rounding can trip over: ties, zeros, one outlier, extremes of both
signs, tiny and large magnitudes. Numbers and blocks are hexadecimal, little-endian.
"""

import json
import sys

import numpy
from gguf import GGMLQuantizationType, dequantize, quantize


def rows() -> numpy.ndarray:
    random = numpy.random.default_rng(20)
    ties = numpy.arange(-32, 32, dtype=numpy.float32) / 2
    outlier = random.normal(0, 0.01, 64)
    outlier[[5, 40]] = [-100, 100]
    opposed = numpy.where(numpy.arange(64) % 2 == 0, 1.0, -1.0)
    listed = [ties, ties * 127 / 16, numpy.zeros(64), outlier, opposed, -opposed, numpy.full(64, 3.25)]
    listed += [random.normal(0, deviation, 64) for deviation in (1e-7, 1e-3, 0.02, 1, 30, 4000)]
    listed += [random.uniform(-1, 1, 64) for _ in range(12)]
    half_zero = random.normal(0, 1, 64)
    half_zero[:32] = 0
    return numpy.array(listed + [half_zero], dtype="<f4")


def main(target: str) -> None:
    values = rows()
    result = {"rows": len(values), "columns": 64, "values": values.tobytes().hex()}
    for name in ("q8_0", "q4_0"):
        kind = GGMLQuantizationType[name.upper()]
        blocks = quantize(values, kind)
        result[name] = blocks.tobytes().hex()
        result[name + "_widened"] = dequantize(blocks, kind).astype("<f4").tobytes().hex()
    with open(target, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


main(sys.argv[1])
