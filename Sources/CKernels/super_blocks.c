// Blocks of 256 numbers to panels and back.
#include "super_blocks.h"

#include <string.h>

#include "half.h"
#include "quantized.h"

// A product that is rounded before it is subtracted gives the same bits on every machine.
#pragma STDC FP_CONTRACT OFF

/// Some bits of a byte of a block.
typedef struct {
  size_t byte;
  int shift;
} bits;

/// Where the low four bits of number i of a group stand in GGML's block, and of the formats that have
/// more their upper ones.
static bits low_bits(ck_block_format format, int group, size_t i) {
  // Two runs of 32 numbers share 32 bytes: neighbours, or of Q6_K those two apart.
  if (format == CK_Q6_K) {
    return (bits){(size_t)(group / 4 * 64 + group % 2 * 32) + i, group % 4 / 2 * 4};
  }
  return (bits){(format == CK_Q5_K ? 48u : 16u) + (size_t)(group / 2 * 32) + i, group % 2 * 4};
}

static bits upper_bits(ck_block_format format, int group, size_t i) {
  if (format == CK_Q6_K) return (bits){128 + (size_t)(group / 4 * 32) + i, group % 4 * 2};
  return (bits){16 + i, group};
}

static int upper_mask(ck_block_format format) {
  return format == CK_Q6_K ? 3 : format == CK_Q5_K ? 1 : 0;
}

static void pack_head(ck_block_format format, const uint8_t *block, size_t lane,
                      ck_super_head *head) {
  if (format == CK_Q6_K) {
    memcpy(&head->scale[lane], block + 208, 2);
    for (int i = 0; i < 2 * CK_SUPER_GROUPS; i++) head->scales[i][lane] = block[192 + i];
    return;
  }
  memcpy(&head->scale[lane], block, 2);
  memcpy(&head->minimum[lane], block + 2, 2);
  for (int g = 0; g < CK_SUPER_GROUPS; g++) {
    ck_scale_and_minimum(block + 4, g, &head->scales[g][lane],
                         &head->scales[g + CK_SUPER_GROUPS][lane]);
  }
}

static void unpack_head(ck_block_format format, const ck_super_head *head, size_t lane,
                        uint8_t *block) {
  if (format == CK_Q6_K) {
    memcpy(block + 208, &head->scale[lane], 2);
    for (int i = 0; i < 2 * CK_SUPER_GROUPS; i++) block[192 + i] = head->scales[i][lane];
    return;
  }
  memcpy(block, &head->scale[lane], 2);
  memcpy(block + 2, &head->minimum[lane], 2);
  uint8_t *packed = block + 4;
  for (int g = 0; g < CK_SUPER_GROUPS; g++) {
    uint8_t scale = head->scales[g][lane], minimum = head->scales[g + CK_SUPER_GROUPS][lane];
    if (g < 4) {
      packed[g] |= scale;
      packed[g + 4] |= minimum;
    } else {
      packed[g + 4] |= (uint8_t)((scale & 15) | (minimum & 15) << 4);
      packed[g - 4] |= (uint8_t)(scale >> 4 << 6);
      packed[g] |= (uint8_t)(minimum >> 4 << 6);
    }
  }
}

static void pack_group(ck_block_format format, const uint8_t *block, int group, size_t lane,
                       uint8_t *target) {
  uint8_t *upper = target + CK_PANEL * CK_BLOCK / 2;
  for (size_t i = 0; i < CK_BLOCK; i++) {
    size_t byte = lane * 4 + i % 4;
    bits low = low_bits(format, group, i), high = upper_bits(format, group, i);
    int nibble = block[low.byte] >> low.shift & 15;
    target[i % (CK_BLOCK / 2) / 4 * 4 * CK_PANEL + byte] |=
        (uint8_t)(nibble << (i < CK_BLOCK / 2 ? 0 : 4));
    int rest = block[high.byte] >> high.shift & upper_mask(format);
    if (format == CK_Q5_K) upper[byte] |= (uint8_t)(rest << i / 4);
    if (format == CK_Q6_K) upper[i / 16 * 64 + byte] |= (uint8_t)(rest << 2 * (i / 4 % 4));
  }
}

static void unpack_group(ck_block_format format, const uint8_t *source, int group, size_t lane,
                         uint8_t *block) {
  for (size_t i = 0; i < CK_BLOCK; i++) {
    int value = ck_super_value(format, source, lane, i);
    bits low = low_bits(format, group, i), high = upper_bits(format, group, i);
    block[low.byte] |= (uint8_t)((value & 15) << low.shift);
    if (upper_mask(format)) block[high.byte] |= (uint8_t)(value >> 4 << high.shift);
  }
}

void ck_pack_super_blocks(ck_block_format format, const uint8_t *blocks, size_t count, size_t lane,
                          uint8_t *panel) {
  for (size_t b = 0; b < count; b++, blocks += ck_block_bytes(format)) {
    pack_head(format, blocks, lane, (ck_super_head *)(panel + b * ck_super_bytes(format)));
    for (int g = 0; g < CK_SUPER_GROUPS; g++) {
      size_t group = b * CK_SUPER_GROUPS + (size_t)g;
      pack_group(format, blocks, g, lane, (uint8_t *)ck_payload(format, panel, group));
    }
  }
}

void ck_unpack_super_blocks(ck_block_format format, const uint8_t *panel, size_t count, size_t lane,
                            uint8_t *blocks) {
  for (size_t b = 0; b < count; b++, blocks += ck_block_bytes(format)) {
    memset(blocks, 0, ck_block_bytes(format));
    unpack_head(format, ck_super_head_of(format, panel, b * CK_SUPER_GROUPS), lane, blocks);
    for (int g = 0; g < CK_SUPER_GROUPS; g++) {
      size_t group = b * CK_SUPER_GROUPS + (size_t)g;
      unpack_group(format, ck_payload(format, panel, group), g, lane, blocks);
    }
  }
}

void ck_widen_super_blocks(ck_block_format format, const uint8_t *panel, size_t count, size_t lane,
                           float *result) {
  for (size_t group = 0; group < count * CK_SUPER_GROUPS; group++, result += CK_BLOCK) {
    const ck_super_head *head = ck_super_head_of(format, panel, group);
    const uint8_t *source = ck_payload(format, panel, group);
    size_t g = group % CK_SUPER_GROUPS;
    float d = ck_f16_to_f32(head->scale[lane]), m = ck_f16_to_f32(head->minimum[lane]);
    for (size_t i = 0; i < CK_BLOCK; i++) {
      int value = ck_super_value(format, source, lane, i);
      if (format == CK_Q6_K) {
        float scale = d * (int8_t)head->scales[2 * g + i / 16][lane];
        result[i] = scale * (float)(value - 32);
      } else {
        float scale = d * head->scales[g][lane];
        float minimum = m * head->scales[g + CK_SUPER_GROUPS][lane];
        result[i] = scale * (float)value - minimum;
      }
    }
  }
}
