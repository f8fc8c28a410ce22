// Products of 8-bit rows with quantised weights: the portable twin, and the choice of a kernel.
#include <math.h>

#include "half.h"
#include "quantized.h"

static int32_t block_product(ck_block_format format, const ck_row_block *x, const uint8_t *bytes,
                             size_t lane) {
  int32_t sum = 0;
  size_t payload = ck_payload_bytes(format);
  for (size_t i = 0; i < payload; i++) {
    uint8_t byte = bytes[i / 4 * 4 * CK_PANEL + lane * 4 + i % 4];
    if (format == CK_Q8_0) {
      sum += (int8_t)byte * x->values[i];
    } else {
      int zero = format == CK_Q4_0 ? 8 : 0;
      sum += ((byte & 15) - zero) * x->values[i] + ((byte >> 4) - zero) * x->values[i + payload];
    }
  }
  return sum;
}

/// The f32 scale of a column's 32 numbers from 32 * block on, and of Q4_K their minimum, else 0.
static float scale_of(ck_block_format format, const uint8_t *panel, size_t block, size_t lane,
                      float *minimum) {
  *minimum = 0;
  if (format == CK_Q4_K) {
    const ck_super_panel *super = (const ck_super_panel *)panel + block / CK_SUPER_GROUPS;
    size_t group = block % CK_SUPER_GROUPS;
    *minimum = ck_f16_to_f32(super->minimum[lane]) * super->minima[group][lane];
    return ck_f16_to_f32(super->scale[lane]) * super->scales[group][lane];
  }
  uint16_t half;
  memcpy(&half, panel + (block * CK_PANEL + lane) * 2, sizeof half);
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
        int32_t product = block_product(format, x + b, ck_payload(format, panel, depth, b), lane);
        sum = fmaf((float)product, scale, sum);
        if (format == CK_Q4_K) sum = fmaf(-minimum, x[b].sum, sum);
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
