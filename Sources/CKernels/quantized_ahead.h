// Asking for packed weights before they are used.
//
// A kernel that multiplies while weights stream past leaves too few loads on their way for one
// thread to fill the memory's bandwidth, so every line is asked for twice: into the second-level
// cache as far ahead as memory takes, and from there into the first-level cache. On a Zen 4 that
// took 8 rows on one thread from 0.56 to 0.79 of what plain reading reaches.
// A single row of Q8_0 or Q4_0 gains by it on AVX2, but not on AVX-512: its own loads run ahead there.
#ifndef CK_QUANTIZED_AHEAD_H
#define CK_QUANTIZED_AHEAD_H

#include <immintrin.h>

#include "quantized.h"

/// How far ahead of their use lines are asked for, in bytes.
enum { CK_AHEAD_OF_L2 = 16384, CK_AHEAD_OF_L1 = 2048 };

/// Asks for the line that is used so much later than the one at `bytes`.
static inline __attribute__((always_inline)) void ck_ask_ahead(const uint8_t *bytes) {
  _mm_prefetch((const char *)bytes + CK_AHEAD_OF_L2, _MM_HINT_T1);
  _mm_prefetch((const char *)bytes + CK_AHEAD_OF_L1, _MM_HINT_T0);
}

/// While block b is multiplied: asks for what would be passed over by asking from each payload on
/// alone. That is the scales of pairs of blocks, and the heads of blocks of 256 numbers.
static inline __attribute__((always_inline)) void
ck_ask_ahead_for_scales(ck_block_format format, const uint8_t *panel, size_t b) {
  if (ck_is_super(format)) {
    if (b % CK_SUPER_GROUPS) return;
    const uint8_t *head = (const uint8_t *)ck_super_head_of(format, panel, b);
    for (size_t i = 0; i < sizeof(ck_super_head); i += 64) ck_ask_ahead(head + i);
  } else if (b % 2 == 0) {
    ck_ask_ahead(ck_scales(format, panel, b));
  }
}

#endif
