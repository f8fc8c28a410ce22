// The kernels of a product of f32 rows with stored weights.
#ifndef CK_PRODUCT_H
#define CK_PRODUCT_H

#include "CKernels.h"
#include "half.h"

static inline float ck_load(ck_format format, const void *weights, size_t index) {
  switch (format) {
  case CK_F32: return ((const float *)weights)[index];
  case CK_F16: return ck_f16_to_f32(((const uint16_t *)weights)[index]);
  default: return ck_bf16_to_f32(((const uint16_t *)weights)[index]);
  }
}

static inline size_t ck_size_of(ck_format format) { return format == CK_F32 ? 4 : 2; }

#if defined(__x86_64__)
void ck_product_avx2(ck_format format, const float *input, size_t rows, size_t depth,
                     const void *weights, size_t columns, float *result, size_t result_stride);
void ck_product_avx512(ck_format format, const float *input, size_t rows, size_t depth,
                       const void *weights, size_t columns, float *result, size_t result_stride);
#endif

#endif
