// Matrix products of f32 rows with stored weights: the portable twin, and the choice of a kernel.
#include "CKernels.h"
#include "half.h"
#include "product.h"

enum { LANES = 8 };

static void product_portable(ck_format format, const float *input, size_t rows, size_t depth,
                             const void *weights, size_t columns, float *result,
                             size_t result_stride) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t column = 0; column < columns; column++) {
      const float *x = input + row * depth;
      float lanes[LANES] = {0};
      for (size_t k = 0; k < depth; k++) {
        lanes[k % LANES] += x[k] * ck_load(format, weights, column * depth + k);
      }
      float pairs[4];
      for (int i = 0; i < 4; i++) pairs[i] = lanes[i] + lanes[i + 4];
      result[row * result_stride + column] = (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
    }
  }
}

void ck_product(ck_instructions instructions, ck_format format, const float *input, size_t rows,
                size_t depth, const void *weights, size_t columns, float *result,
                size_t result_stride) {
  switch (instructions) {
#if defined(__x86_64__)
  case CK_AVX512:
    ck_product_avx512(format, input, rows, depth, weights, columns, result, result_stride);
    break;
  case CK_AVX2:
  case CK_AVX_VNNI:
    ck_product_avx2(format, input, rows, depth, weights, columns, result, result_stride);
    break;
#endif
  default:
    product_portable(format, input, rows, depth, weights, columns, result, result_stride);
  }
}
