// Matrix products of f32 rows with stored weights on AVX2.
#if defined(__x86_64__)
#include "vectors_avx2.h"

#include "product_blocked.h"

__attribute__((target("avx2,fma,f16c")))
void ck_product_avx2(ck_format format, const float *input, size_t rows, size_t depth,
                     const void *weights, size_t columns, float *result, size_t result_stride) {
  switch (format) {
  case CK_F32: product(CK_F32, input, rows, depth, weights, columns, result, result_stride); break;
  case CK_F16: product(CK_F16, input, rows, depth, weights, columns, result, result_stride); break;
  case CK_BF16:
    product(CK_BF16, input, rows, depth, weights, columns, result, result_stride);
    break;
  }
}
#endif
