// Products of 8-bit rows with quantised weights: the portable twin, and the choice of a kernel.
#include <math.h>

#include "half.h"
#include "quantized.h"

/// The products of the 32 numbers from 32 * block on as an integer; of Q6_K with the scales of their
/// halves.
static int32_t block_product(ck_block_format format, const ck_row_block *x, const uint8_t *panel,
                             size_t block, size_t lane) {
  const uint8_t *bytes = ck_payload(format, panel, block);
  int32_t halves[2] = {0};
  for (size_t i = 0; i < CK_BLOCK; i++) {
    int32_t value;
    if (format == CK_Q8_0) {
      value = (int8_t)bytes[i / 4 * 4 * CK_PANEL + lane * 4 + i % 4];
    } else {
      value = ck_super_value(format, bytes, lane, i);
      if (format == CK_Q4_0) value -= 8;
      if (format == CK_Q6_K) value -= 32;
    }
    halves[i / 16] += value * x->values[i];
  }
  if (format != CK_Q6_K) return halves[0] + halves[1];
  const ck_super_head *head = ck_super_head_of(format, panel, block);
  size_t scale = block % CK_SUPER_GROUPS * 2;
  return halves[0] * (int8_t)head->scales[scale][lane] +
         halves[1] * (int8_t)head->scales[scale + 1][lane];
}

/// The f32 scale of a column's 32 numbers from 32 * block on, and of formats that have them their
/// minimum, else 0.
static float scale_of(ck_block_format format, const uint8_t *panel, size_t block, size_t lane,
                      float *minimum) {
  *minimum = 0;
  if (ck_is_super(format)) {
    const ck_super_head *head = ck_super_head_of(format, panel, block);
    size_t group = block % CK_SUPER_GROUPS;
    float scale = ck_f16_to_f32(head->scale[lane]);
    if (format == CK_Q6_K) return scale;
    *minimum = ck_f16_to_f32(head->minimum[lane]) * head->scales[group + CK_SUPER_GROUPS][lane];
    return scale * head->scales[group][lane];
  }
  uint16_t half;
  memcpy(&half, ck_scales(format, panel, block) + lane * sizeof half, sizeof half);
  return ck_f16_to_f32(half);
}

void ck_quantized_product_portable(ck_block_format format, const ck_row_block *input, size_t rows,
                                   size_t depth, const void *packed, size_t columns, float *result,
                                   size_t result_stride) {
  size_t blocks = depth / CK_BLOCK, panel_bytes = ck_panel_bytes(format, depth);
  for (size_t column = 0; column < columns; column++) {
    const uint8_t *panel = (const uint8_t *)packed + column / CK_PANEL * panel_bytes;
    size_t lane = column % CK_PANEL;
    for (size_t row = 0; row < rows; row++) {
      const ck_row_block *x = input + row * blocks;
      float sum = 0;
      for (size_t b = 0; b < blocks; b++) {
        float minimum, scale = scale_of(format, panel, b, lane, &minimum) * x[b].scale;
        int32_t product = block_product(format, x + b, panel, b, lane);
        sum = fmaf((float)product, scale, sum);
        if (ck_has_minima(format)) sum = fmaf(-minimum, x[b].sum, sum);
      }
      result[row * result_stride + column] = sum;
    }
  }
}

void ck_quantized_product(ck_instructions instructions, ck_block_format format,
                          const ck_row_block *input, size_t rows, size_t depth, const void *packed,
                          size_t columns, float *result, size_t result_stride) {
  switch (instructions) {
#if defined(__x86_64__)
  case CK_AVX512:
    ck_quantized_product_avx512(format, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_AVX_VNNI:
    ck_quantized_product_avx_vnni(format, input, rows, depth, packed, columns, result,
                                  result_stride);
    break;
  case CK_AVX2:
    ck_quantized_product_avx2(format, input, rows, depth, packed, columns, result, result_stride);
    break;
#endif
  default:
    ck_quantized_product_portable(format, input, rows, depth, packed, columns, result,
                                  result_stride);
  }
}
