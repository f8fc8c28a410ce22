// Where things lie in a packed matrix of quantised weights.
#ifndef CK_QUANTIZED_H
#define CK_QUANTIZED_H

#include "CKernels.h"
#include "super_blocks.h"

/// Bytes of 32 numbers without their scales.
static inline size_t ck_payload_bytes(ck_block_format format) {
  return format == CK_Q8_0 ? CK_BLOCK : CK_BLOCK / 2;
}

/// Bytes of a panel's scales: one f16 a column and block, padded so that what follows is aligned.
static inline size_t ck_panel_scale_bytes(size_t depth) {
  return (depth / CK_BLOCK * CK_PANEL * sizeof(uint16_t) + 63) / 64 * 64;
}

static inline size_t ck_panel_bytes(ck_block_format format, size_t depth) {
  if (format == CK_Q4_K) return depth / CK_SUPER_BLOCK * sizeof(ck_super_panel);
  return ck_panel_scale_bytes(depth) + depth / CK_BLOCK * CK_PANEL * ck_payload_bytes(format);
}

/// Where the columns' bytes of the depth's 32 numbers from 32 * block on stand in a panel.
static inline const uint8_t *ck_payload(ck_block_format format, const uint8_t *panel, size_t depth,
                                        size_t block) {
  if (format == CK_Q4_K) {
    const ck_super_panel *super = (const ck_super_panel *)panel + block / CK_SUPER_GROUPS;
    return super->nibbles[block % CK_SUPER_GROUPS];
  }
  return panel + ck_panel_scale_bytes(depth) + block * CK_PANEL * ck_payload_bytes(format);
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
