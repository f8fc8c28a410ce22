// Vectors of AVX-512 as the kernels that are written over any vectors take them.
#ifndef CK_VECTORS_AVX512_H
#define CK_VECTORS_AVX512_H

#include <immintrin.h>

#include "product.h"

#define KERNEL                                                                                     \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), always_inline)) static inline

typedef __m512 vector;
enum { LANES = 16, TILE_ROWS = 6, ROWS_HELD = 6, TILE_COLUMNS = 4, COLUMN_BLOCK = 128 };

/// From so many rows on weights are brought to f32 once for all of them: never, the conversions run
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

KERNEL vector multiply_add_row(const float *row, vector w, vector sum) {
  return multiply_add(load_row(row), w, sum);
}

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

KERNEL void store_tail(float *target, vector values, size_t count) {
  _mm512_mask_storeu_ps(target, first(count), values);
}

KERNEL vector all(float value) { return _mm512_set1_ps(value); }
KERNEL vector add(vector a, vector b) { return _mm512_add_ps(a, b); }
KERNEL vector multiply(vector a, vector b) { return _mm512_mul_ps(a, b); }
KERNEL vector divide(vector a, vector b) { return _mm512_div_ps(a, b); }
/// The larger of each pair; NaN where `b` is.
KERNEL vector larger(vector a, vector b) { return _mm512_max_ps(a, b); }
/// The smaller of each pair; NaN where `b` is.
KERNEL vector smaller_of(vector a, vector b) { return _mm512_min_ps(a, b); }
KERNEL float largest_lane(vector a) { return _mm512_reduce_max_ps(a); }

/// `values`, but zero where `x` is at most `limit`.
KERNEL vector zero_where_at_most(vector x, float limit, vector values) {
  return _mm512_mask_mov_ps(values, _mm512_cmp_ps_mask(x, all(limit), _CMP_LE_OQ), zero());
}

/// 2 to the power of `n`, whole numbers, times `values`.
KERNEL vector scale_by_power(vector values, vector n) { return _mm512_scalef_ps(values, n); }
KERNEL vector nearest_whole(vector a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

#endif
