// GGML's blocks to numbers. Portable: they are read once, when a model is loaded.
#include "ggml_blocks.h"

#include <string.h>

#include "CKernels.h"
#include "half.h"
#include "super_blocks.h"

// A product that is rounded before it is added gives the same bits on every machine.
#pragma STDC FP_CONTRACT OFF

size_t ck_ggml_block_elements(ck_ggml_block block) {
  return block == CK_GGML_Q4_0 || block == CK_GGML_Q8_0 ? CK_BLOCK : CK_SUPER_BLOCK;
}

size_t ck_ggml_block_bytes(ck_ggml_block block) {
  switch (block) {
    case CK_GGML_Q4_0: return 18;
    case CK_GGML_Q8_0: return 34;
    case CK_GGML_Q4_K: return 144;
    case CK_GGML_Q5_K: return 176;
    case CK_GGML_Q6_K: return 210;
  }
  return 0;
}

static float load_half(const uint8_t *bytes) {
  uint16_t half;
  memcpy(&half, bytes, sizeof half);
  return ck_f16_to_f32(half);
}

static void widen_q8_0(const uint8_t *block, float *values) {
  float d = load_half(block);
  for (int i = 0; i < CK_BLOCK; i++) values[i] = (float)(int8_t)block[2 + i] * d;
}

static void widen_q4_0(const uint8_t *block, float *values) {
  float d = load_half(block);
  for (int i = 0; i < CK_BLOCK / 2; i++) {
    uint8_t byte = block[2 + i];
    values[i] = (float)((byte & 15) - 8) * d;
    values[i + CK_BLOCK / 2] = (float)((byte >> 4) - 8) * d;
  }
}

/// Q4_K, and with `fifth` bits Q5_K.
static void widen_with_minima(const uint8_t *block, const uint8_t *fifth, const uint8_t *nibbles,
                              float *values) {
  float d = load_half(block), m = load_half(block + 2);
  for (int group = 0; group < CK_SUPER_BLOCK / 32; group++) {
    uint8_t scale, minimum;
    ck_scale_and_minimum(block + 4, group, &scale, &minimum);
    float factor = d * (float)scale, offset = m * (float)minimum;
    const uint8_t *source = nibbles + group / 2 * 32;
    for (int i = 0; i < 32; i++) {
      int value = group % 2 ? source[i] >> 4 : source[i] & 15;
      if (fifth) value |= (fifth[i] >> group & 1) << 4;
      values[group * 32 + i] = factor * (float)value - offset;
    }
  }
}

static void widen_q6_k(const uint8_t *block, float *values) {
  const uint8_t *low = block, *high = block + 128;
  const int8_t *scales = (const int8_t *)block + 192;
  float d = load_half(block + 208);
  for (int group = 0; group < CK_SUPER_BLOCK / 32; group++) {
    // Halves of 128 numbers; in each the four runs of 32 share 64 bytes of low nibbles and 32 of
    // bit pairs.
    int half = group / 4, run = group % 4;
    for (int i = 0; i < 32; i++) {
      uint8_t byte = low[half * 64 + run % 2 * 32 + i];
      int value = run < 2 ? byte & 15 : byte >> 4;
      value |= (high[half * 32 + i] >> 2 * run & 3) << 4;
      float factor = d * (float)scales[group * 2 + i / 16];
      values[group * 32 + i] = factor * (float)(value - 32);
    }
  }
}

void ck_ggml_widen(ck_ggml_block block, const void *blocks, size_t count, float *values) {
  const uint8_t *source = blocks;
  size_t elements = ck_ggml_block_elements(block), bytes = ck_ggml_block_bytes(block);
  for (size_t i = 0; i < count; i += elements, source += bytes) {
    switch (block) {
      case CK_GGML_Q4_0: widen_q4_0(source, values + i); break;
      case CK_GGML_Q8_0: widen_q8_0(source, values + i); break;
      case CK_GGML_Q4_K: widen_with_minima(source, NULL, source + 16, values + i); break;
      case CK_GGML_Q5_K: widen_with_minima(source, source + 16, source + 48, values + i); break;
      case CK_GGML_Q6_K: widen_q6_k(source, values + i); break;
    }
  }
}
