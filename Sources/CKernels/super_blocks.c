// Q4_K's blocks to panels and back.
#include "super_blocks.h"

#include <string.h>

#include "half.h"

// A product that is rounded before it is subtracted gives the same bits on every machine.
#pragma STDC FP_CONTRACT OFF

enum { BLOCK_BYTES = 144, NIBBLES_AT = 16 };

/// Where byte i of a group stands in a column's part of a panel.
static size_t place(size_t lane, size_t i) { return i / 4 * 4 * CK_PANEL + lane * 4 + i % 4; }

void ck_pack_super_blocks(const uint8_t *blocks, size_t count, size_t lane,
                          ck_super_panel *panel) {
  for (size_t b = 0; b < count; b++, blocks += BLOCK_BYTES, panel++) {
    memcpy(&panel->scale[lane], blocks, 2);
    memcpy(&panel->minimum[lane], blocks + 2, 2);
    for (int g = 0; g < CK_SUPER_GROUPS; g++) {
      ck_scale_and_minimum(blocks + 4, g, &panel->scales[g][lane], &panel->minima[g][lane]);
      // GGML has two groups side by side in the nibbles of 32 bytes.
      const uint8_t *source = blocks + NIBBLES_AT + g / 2 * CK_BLOCK;
      int shift = g % 2 * 4;
      for (size_t i = 0; i < CK_BLOCK / 2; i++) {
        uint8_t low = source[i] >> shift & 15, high = source[i + CK_BLOCK / 2] >> shift & 15;
        panel->nibbles[g][place(lane, i)] = (uint8_t)(low | high << 4);
      }
    }
  }
}

void ck_unpack_super_blocks(const ck_super_panel *panel, size_t count, size_t lane,
                            uint8_t *blocks) {
  for (size_t b = 0; b < count; b++, blocks += BLOCK_BYTES, panel++) {
    memset(blocks, 0, BLOCK_BYTES);
    memcpy(blocks, &panel->scale[lane], 2);
    memcpy(blocks + 2, &panel->minimum[lane], 2);
    uint8_t *packed = blocks + 4;
    for (int g = 0; g < CK_SUPER_GROUPS; g++) {
      uint8_t scale = panel->scales[g][lane], minimum = panel->minima[g][lane];
      if (g < 4) {
        packed[g] |= scale;
        packed[g + 4] |= minimum;
      } else {
        packed[g + 4] |= (uint8_t)((scale & 15) | (minimum & 15) << 4);
        packed[g - 4] |= (uint8_t)(scale >> 4 << 6);
        packed[g] |= (uint8_t)(minimum >> 4 << 6);
      }
      uint8_t *target = blocks + NIBBLES_AT + g / 2 * CK_BLOCK;
      int shift = g % 2 * 4;
      for (size_t i = 0; i < CK_BLOCK / 2; i++) {
        uint8_t both = panel->nibbles[g][place(lane, i)];
        target[i] |= (uint8_t)((both & 15) << shift);
        target[i + CK_BLOCK / 2] |= (uint8_t)(both >> 4 << shift);
      }
    }
  }
}

void ck_widen_super_blocks(const ck_super_panel *panel, size_t count, size_t lane, float *result) {
  for (size_t b = 0; b < count; b++, panel++) {
    float d = ck_f16_to_f32(panel->scale[lane]), m = ck_f16_to_f32(panel->minimum[lane]);
    for (int g = 0; g < CK_SUPER_GROUPS; g++, result += CK_BLOCK) {
      float scale = d * panel->scales[g][lane], minimum = m * panel->minima[g][lane];
      for (size_t i = 0; i < CK_BLOCK / 2; i++) {
        uint8_t both = panel->nibbles[g][place(lane, i)];
        result[i] = scale * (float)(both & 15) - minimum;
        result[i + CK_BLOCK / 2] = scale * (float)(both >> 4) - minimum;
      }
    }
  }
}
