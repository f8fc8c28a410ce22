// Where things lie in a packed matrix of quantised weights.
#ifndef CK_QUANTIZED_H
#define CK_QUANTIZED_H

#include "CKernels.h"
#include "super_blocks.h"

/// Bytes of 32 numbers without their scales.
static inline size_t ck_payload_bytes(ck_block_format format) {
  switch (format) {
  case CK_Q8_0: return CK_BLOCK;
  case CK_Q4_0:
  case CK_Q4_K: return CK_BLOCK / 2;
  case CK_Q5_K: return CK_BLOCK * 5 / 8;
  case CK_Q6_K: return CK_BLOCK * 6 / 8;
  }
  return 0;
}

/// Bytes of the f16 scales of one block of each column of a panel: half a cache line.
enum { CK_SCALE_BYTES = CK_PANEL * sizeof(uint16_t) };

/// Bytes of two blocks of each column of a panel: the scales of both, then the payload of either.
/// So a product reads one stream from end to end, which is what hardware prefetchers are made for.
static inline size_t ck_pair_bytes(ck_block_format format) {
  return 2 * (CK_SCALE_BYTES + CK_PANEL * ck_payload_bytes(format));
}

/// Bytes of one block of 256 numbers of each column of a panel.
static inline size_t ck_super_bytes(ck_block_format format) {
  return sizeof(ck_super_head) + CK_SUPER_GROUPS * CK_PANEL * ck_payload_bytes(format);
}

static inline size_t ck_panel_bytes(ck_block_format format, size_t depth) {
  if (ck_is_super(format)) return depth / CK_SUPER_BLOCK * ck_super_bytes(format);
  size_t blocks = depth / CK_BLOCK;
  // The last pair keeps the room for the scales of both where it is only half there.
  return (blocks + 1) / 2 * 2 * CK_SCALE_BYTES + blocks * CK_PANEL * ck_payload_bytes(format);
}

/// The scales of the block of 256 to which the depth's 32 numbers from 32 * block on belong.
static inline const ck_super_head *ck_super_head_of(ck_block_format format, const uint8_t *panel,
                                                    size_t block) {
  return (const ck_super_head *)(panel + block / CK_SUPER_GROUPS * ck_super_bytes(format));
}

/// Where the columns' bytes of the depth's 32 numbers from 32 * block on stand in a panel.
static inline const uint8_t *ck_payload(ck_block_format format, const uint8_t *panel,
                                        size_t block) {
  size_t bytes = CK_PANEL * ck_payload_bytes(format);
  if (ck_is_super(format)) {
    const ck_super_head *head = ck_super_head_of(format, panel, block);
    return (const uint8_t *)(head + 1) + block % CK_SUPER_GROUPS * bytes;
  }
  return panel + block / 2 * ck_pair_bytes(format) + 2 * CK_SCALE_BYTES + block % 2 * bytes;
}

/// Where the columns' f16 scales of that block stand, of a format without blocks of 256.
static inline const uint8_t *ck_scales(ck_block_format format, const uint8_t *panel, size_t block) {
  return panel + block / 2 * ck_pair_bytes(format) + block % 2 * CK_SCALE_BYTES;
}

void ck_quantized_product_portable(ck_block_format format, const ck_row_block *input, size_t rows,
                                   size_t depth, const void *packed, size_t columns, float *result,
                                   size_t result_stride);
#if defined(__x86_64__)
void ck_quantized_product_avx2(ck_block_format format, const ck_row_block *input, size_t rows,
                               size_t depth, const void *packed, size_t columns, float *result,
                               size_t result_stride);
void ck_quantized_product_avx_vnni(ck_block_format format, const ck_row_block *input, size_t rows,
                                   size_t depth, const void *packed, size_t columns, float *result,
                                   size_t result_stride);
void ck_quantized_product_avx512(ck_block_format format, const ck_row_block *input, size_t rows,
                                 size_t depth, const void *packed, size_t columns, float *result,
                                 size_t result_stride);
#endif

#endif
