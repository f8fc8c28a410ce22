// Matrix products of f32 rows with stored weights on AVX2.
#if defined(__x86_64__)
#include <immintrin.h>

#include "product.h"

#define KERNEL __attribute__((target("avx2,fma,f16c"), always_inline)) static inline

typedef __m256 vector;
enum { LANES = 8, TILE_ROWS = 3, TILE_COLUMNS = 4 };

/// From so many rows on it pays to widen f16 weights once for all of them; bf16 widens for nothing.
enum { WIDENED_ROWS = 9 };

KERNEL vector zero(void) { return _mm256_setzero_ps(); }

KERNEL vector load_row(const float *values) { return _mm256_loadu_ps(values); }

KERNEL vector load_row_tail(const float *values, size_t count) {
  float padded[LANES] = {0};
  for (size_t i = 0; i < count; i++) padded[i] = values[i];
  return _mm256_loadu_ps(padded);
}

KERNEL vector load_weights(ck_format format, const void *weights, size_t index) {
  if (format == CK_F32) return _mm256_loadu_ps((const float *)weights + index);
  __m128i halves = _mm_loadu_si128((const __m128i *)((const uint16_t *)weights + index));
  if (format == CK_F16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

KERNEL vector load_weights_tail(ck_format format, const void *weights, size_t index,
                                size_t count) {
  float padded[LANES] = {0};
  for (size_t i = 0; i < count; i++) padded[i] = ck_load(format, weights, index + i);
  return _mm256_loadu_ps(padded);
}

KERNEL vector multiply_add(vector a, vector b, vector sum) { return _mm256_fmadd_ps(a, b, sum); }

KERNEL void store(float *target, vector values) { _mm256_storeu_ps(target, values); }

/// Lanes 4 apart are added, then those 2 and 1 apart; four vectors share the steps.
KERNEL __m128 sums_of_four(vector a, vector b, vector c, vector d) {
  vector ac = _mm256_add_ps(_mm256_permute2f128_ps(a, c, 0x20), _mm256_permute2f128_ps(a, c, 0x31));
  vector bd = _mm256_add_ps(_mm256_permute2f128_ps(b, d, 0x20), _mm256_permute2f128_ps(b, d, 0x31));
  vector all = _mm256_add_ps(_mm256_shuffle_ps(ac, bd, 0x44), _mm256_shuffle_ps(ac, bd, 0xee));
  __m128 ab = _mm256_castps256_ps128(all), cd = _mm256_extractf128_ps(all, 1);
  return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xdd));
}

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
