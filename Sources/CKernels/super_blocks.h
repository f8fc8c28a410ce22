// Q4_K, Q5_K and Q6_K: blocks of 256 numbers with scales of two levels.
#ifndef CK_SUPER_BLOCKS_H
#define CK_SUPER_BLOCKS_H

#include "CKernels.h"

/// A block has eight groups of 32 numbers.
enum { CK_SUPER_BLOCK = 256, CK_SUPER_GROUPS = CK_SUPER_BLOCK / CK_BLOCK };

static inline int ck_is_super(ck_block_format format) { return format >= CK_Q4_K; }

static inline int ck_has_minima(ck_block_format format) {
  return format == CK_Q4_K || format == CK_Q5_K;
}

/// The scales of one block of each column of a panel. The numbers of its groups follow: nibbles as
/// Q4_0 has them, 256 bytes; then of Q5_K 64 bytes whose bit g is the fifth of the number in four g,
/// of Q6_K twice 64 bytes with two bits of each of four fours.
typedef struct {
  /// f16 that scales and minima are multiplied with; Q6_K has no minima.
  uint16_t scale[CK_PANEL];
  uint16_t minimum[CK_PANEL];
  /// Of the eight groups the scales, then the minima; of Q6_K two signed scales a group, one for
  /// each 16 numbers.
  uint8_t scales[2 * CK_SUPER_GROUPS][CK_PANEL];
} ck_super_head;

/// The 6-bit scale and minimum of a group, from the 12 bytes in which GGML packs all eight.
static inline void ck_scale_and_minimum(const uint8_t *packed, int group, uint8_t *scale,
                                        uint8_t *minimum) {
  if (group < 4) {
    *scale = packed[group] & 63;
    *minimum = packed[group + 4] & 63;
  } else {
    *scale = (uint8_t)((packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4);
    *minimum = (uint8_t)((packed[group + 4] >> 4) | (packed[group] >> 6) << 4);
  }
}

/// Number i of a group of one lane, without scale and minimum: its four to six bits.
static inline int ck_super_value(ck_block_format format, const uint8_t *group, size_t lane,
                                 size_t i) {
  size_t half = i % (CK_BLOCK / 2), byte = lane * 4 + i % 4;
  int value = group[half / 4 * 4 * CK_PANEL + byte] >> (i < CK_BLOCK / 2 ? 0 : 4) & 15;
  const uint8_t *upper = group + CK_PANEL * CK_BLOCK / 2;
  if (format == CK_Q5_K) value |= (upper[byte] >> i / 4 & 1) << 4;
  if (format == CK_Q6_K) value |= (upper[i / 16 * 64 + byte] >> 2 * (i / 4 % 4) & 3) << 4;
  return value;
}

/// One column's `count` blocks to its lane of a panel that holds zeros.
void ck_pack_super_blocks(ck_block_format format, const uint8_t *blocks, size_t count, size_t lane,
                          uint8_t *panel);

/// One lane of a panel to its column's blocks.
void ck_unpack_super_blocks(ck_block_format format, const uint8_t *panel, size_t count, size_t lane,
                            uint8_t *blocks);

/// One lane of a panel to f32, the bits that GGML's reference gives without fused operations.
void ck_widen_super_blocks(ck_block_format format, const uint8_t *panel, size_t count, size_t lane,
                           float *result);

#endif
