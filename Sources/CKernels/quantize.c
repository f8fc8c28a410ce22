// Quantised weights: from numbers to blocks as GGML defines them, and from blocks to panels.
#include <math.h>

#include "half.h"
#include "quantized.h"

size_t ck_block_elements(ck_block_format format) {
  return ck_is_super(format) ? CK_SUPER_BLOCK : CK_BLOCK;
}

size_t ck_block_bytes(ck_block_format format) {
  if (format == CK_Q4_K) return ck_ggml_block_bytes(CK_GGML_Q4_K);
  if (format == CK_Q5_K) return ck_ggml_block_bytes(CK_GGML_Q5_K);
  if (format == CK_Q6_K) return ck_ggml_block_bytes(CK_GGML_Q6_K);
  return sizeof(uint16_t) + ck_payload_bytes(format);
}

static void store_scale(float scale, uint8_t *block) {
  uint16_t half = ck_f32_to_f16(scale);
  memcpy(block, &half, sizeof half);
}

static float load_scale(const uint8_t *block) {
  uint16_t half;
  memcpy(&half, block, sizeof half);
  return ck_f16_to_f32(half);
}

/// `value` as an integer in low...high; NaN is `low`.
static int clamped(float value, int low, int high) {
  if (!(value > (float)low)) return low;
  return value < (float)high ? (int)value : high;
}

static void quantize_q8_0(const float *values, uint8_t *block) {
  float largest = 0;
  for (int i = 0; i < CK_BLOCK; i++) largest = fmaxf(largest, fabsf(values[i]));
  float scale = largest / 127;
  float inverse = scale != 0 ? 1 / scale : 0;
  store_scale(scale, block);
  for (int i = 0; i < CK_BLOCK; i++) {
    block[2 + i] = (uint8_t)(int8_t)clamped(roundf(values[i] * inverse), -127, 127);
  }
}

static int nibble_of(float value, float inverse) {
  // In double, then rounded once: what the reference gives where it is compiled with fused
  // multiply-add, and what gguf's own Python gives everywhere.
  return clamped((float)((double)value * (double)inverse + 8.5), 0, 15);
}

static void quantize_q4_0(const float *values, uint8_t *block) {
  float extreme = 0;
  for (int i = 0; i < CK_BLOCK; i++) {
    if (fabsf(values[i]) > fabsf(extreme)) extreme = values[i];
  }
  float scale = extreme / -8;
  float inverse = scale != 0 ? 1 / scale : 0;
  store_scale(scale, block);
  for (int i = 0; i < CK_BLOCK / 2; i++) {
    int low = nibble_of(values[i], inverse);
    int high = nibble_of(values[i + CK_BLOCK / 2], inverse);
    block[2 + i] = (uint8_t)(low | high << 4);
  }
}

void ck_quantize_blocks(ck_block_format format, const float *values, size_t count, void *blocks) {
  uint8_t *block = blocks;
  for (size_t i = 0; i < count; i += CK_BLOCK) {
    if (format == CK_Q8_0) quantize_q8_0(values + i, block);
    else quantize_q4_0(values + i, block);
    block += ck_block_bytes(format);
  }
}

size_t ck_packed_bytes(ck_block_format format, size_t depth, size_t columns) {
  return (columns + CK_PANEL - 1) / CK_PANEL * ck_panel_bytes(format, depth);
}

void ck_pack_blocks(ck_block_format format, const void *blocks, size_t depth, size_t columns,
                    void *packed) {
  size_t depth_blocks = depth / ck_block_elements(format);
  size_t payload = ck_payload_bytes(format), block_bytes = ck_block_bytes(format);
  for (size_t first = 0; first < columns; first += CK_PANEL) {
    uint8_t *panel = (uint8_t *)packed + first / CK_PANEL * ck_panel_bytes(format, depth);
    memset(panel, 0, ck_panel_bytes(format, depth));
    size_t width = columns - first < CK_PANEL ? columns - first : CK_PANEL;
    for (size_t column = 0; column < width; column++) {
      const uint8_t *block = blocks;
      block += (first + column) * depth_blocks * block_bytes;
      if (ck_is_super(format)) {
        ck_pack_super_blocks(format, block, depth_blocks, column, panel);
        continue;
      }
      for (size_t b = 0; b < depth_blocks; b++, block += block_bytes) {
        memcpy((uint8_t *)ck_scales(format, panel, b) + column * 2, block, 2);
        uint8_t *target = (uint8_t *)ck_payload(format, panel, b) + column * 4;
        for (size_t i = 0; i < payload; i += 4) memcpy(target + i * CK_PANEL, block + 2 + i, 4);
      }
    }
  }
}

void ck_unpack_blocks(ck_block_format format, const void *packed, size_t depth, size_t column,
                      void *blocks) {
  size_t payload = ck_payload_bytes(format);
  const uint8_t *panel =
      (const uint8_t *)packed + column / CK_PANEL * ck_panel_bytes(format, depth);
  size_t lane = column % CK_PANEL;
  uint8_t *block = blocks;
  if (ck_is_super(format)) {
    ck_unpack_super_blocks(format, panel, depth / CK_SUPER_BLOCK, lane, block);
    return;
  }
  for (size_t b = 0; b < depth / CK_BLOCK; b++, block += ck_block_bytes(format)) {
    memcpy(block, ck_scales(format, panel, b) + lane * 2, 2);
    const uint8_t *source = ck_payload(format, panel, b) + lane * 4;
    for (size_t i = 0; i < payload; i += 4) memcpy(block + 2 + i, source + i * CK_PANEL, 4);
  }
}

void ck_widen_packed(ck_block_format format, const void *packed, size_t depth, size_t column,
                     float *result) {
  const uint8_t *panel =
      (const uint8_t *)packed + column / CK_PANEL * ck_panel_bytes(format, depth);
  size_t payload = ck_payload_bytes(format), lane = column % CK_PANEL;
  if (ck_is_super(format)) {
    ck_widen_super_blocks(format, panel, depth / CK_SUPER_BLOCK, lane, result);
    return;
  }
  for (size_t b = 0; b < depth / CK_BLOCK; b++) {
    float scale = load_scale(ck_scales(format, panel, b) + lane * 2);
    const uint8_t *source = ck_payload(format, panel, b) + lane * 4;
    float *target = result + b * CK_BLOCK;
    for (size_t i = 0; i < payload; i++) {
      uint8_t byte = source[i / 4 * 4 * CK_PANEL + i % 4];
      if (format == CK_Q8_0) {
        target[i] = (float)(int8_t)byte * scale;
      } else {
        target[i] = (float)((byte & 15) - 8) * scale;
        target[i + payload] = (float)((byte >> 4) - 8) * scale;
      }
    }
  }
}
