// Matrix products of f32 rows with stored weights on AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include "product.h"

#define KERNEL                                                                                     \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), always_inline)) static inline

typedef __m512 vector;
enum { LANES = 16, TILE_ROWS = 4, TILE_COLUMNS = 6 };

/// From so many rows on f16 weights are widened once for all of them: never, the conversions run
/// beside the multiplications.
#define WIDENED_ROWS SIZE_MAX

KERNEL vector zero(void) { return _mm512_setzero_ps(); }

KERNEL __mmask16 first(size_t count) { return (__mmask16)((1u << count) - 1); }

KERNEL vector load_row(const float *values) { return _mm512_loadu_ps(values); }

KERNEL vector load_row_tail(const float *values, size_t count) {
  return _mm512_maskz_loadu_ps(first(count), values);
}

KERNEL vector widen(ck_format format, __m256i halves) {
  if (format == CK_F16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

KERNEL vector load_weights(ck_format format, const void *weights, size_t index) {
  if (format == CK_F32) return _mm512_loadu_ps((const float *)weights + index);
  const uint16_t *halves = (const uint16_t *)weights + index;
  return widen(format, _mm256_loadu_si256((const __m256i *)halves));
}

KERNEL vector load_weights_tail(ck_format format, const void *weights, size_t index,
                                size_t count) {
  if (format == CK_F32) {
    return _mm512_maskz_loadu_ps(first(count), (const float *)weights + index);
  }
  const uint16_t *halves = (const uint16_t *)weights + index;
  return widen(format, _mm256_maskz_loadu_epi16(first(count), halves));
}

KERNEL vector multiply_add(vector a, vector b, vector sum) { return _mm512_fmadd_ps(a, b, sum); }

KERNEL void store(float *target, vector values) { _mm512_storeu_ps(target, values); }

/// Lanes 8 apart are added, then those 4, 2 and 1 apart; four vectors share the steps.
KERNEL __m128 sums_of_four(vector a, vector b, vector c, vector d) {
  vector ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  vector cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
  vector all =
      _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  all = _mm512_add_ps(all, _mm512_permute_ps(all, 0x4e));
  all = _mm512_add_ps(all, _mm512_permute_ps(all, 0xb1));
  __m512i places = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castps512_ps128(_mm512_permutexvar_ps(places, all));
}

#include "product_blocked.h"

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
void ck_product_avx512(ck_format format, const float *input, size_t rows, size_t depth,
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
