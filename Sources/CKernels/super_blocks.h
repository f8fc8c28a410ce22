// Q4_K: blocks of 256 numbers, whose eight groups of 32 have scales and minima of 6 bits.
#ifndef CK_SUPER_BLOCKS_H
#define CK_SUPER_BLOCKS_H

#include "CKernels.h"

enum { CK_SUPER_BLOCK = 256, CK_SUPER_GROUPS = CK_SUPER_BLOCK / CK_BLOCK };

/// One block of each column of a panel.
typedef struct {
  /// f16 that the groups' scales and minima are multiplied with.
  uint16_t scale[CK_PANEL];
  uint16_t minimum[CK_PANEL];
  uint8_t scales[CK_SUPER_GROUPS][CK_PANEL];
  uint8_t minima[CK_SUPER_GROUPS][CK_PANEL];
  /// Of each group what Q4_0 has of a block: the low nibbles are numbers 0..15.
  uint8_t nibbles[CK_SUPER_GROUPS][CK_PANEL * CK_BLOCK / 2];
} ck_super_panel;

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

/// One column's blocks to its lane of a panel.
void ck_pack_super_blocks(const uint8_t *blocks, size_t count, size_t lane, ck_super_panel *panel);

/// One lane of a panel to its column's blocks.
void ck_unpack_super_blocks(const ck_super_panel *panel, size_t count, size_t lane,
                            uint8_t *blocks);

/// One lane of a panel to f32, the bits that GGML's reference gives without fused operations.
void ck_widen_super_blocks(const ck_super_panel *panel, size_t count, size_t lane, float *result);

#endif
