// Vectors of AVX2 as the kernels that are written over any vectors take them.
#ifndef CK_VECTORS_AVX2_H
#define CK_VECTORS_AVX2_H

#include <immintrin.h>

#include "product.h"

#define KERNEL __attribute__((target("avx2,fma,f16c"), always_inline)) static inline

typedef __m256 vector;
enum { LANES = 8, TILE_ROWS = 3, ROWS_HELD = 2, TILE_COLUMNS = 4, COLUMN_BLOCK = 64 };

/// From so many rows on it pays to bring weights to f32, side by side, once for all of them.
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

/// The third row of a tile would take the last register beside 12 sums, two rows and the weights.
/// Compilers then spill sums, which doubles the time; so it is multiplied from where it stands.
KERNEL vector multiply_add_row(const float *row, vector w, vector sum) {
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(w), "m"(*(const __m256_u *)row));
  return sum;
}

KERNEL void store(float *target, vector values) { _mm256_storeu_ps(target, values); }

/// Lanes 4 apart are added, then those 2 and 1 apart; four vectors share the steps.
KERNEL __m128 sums_of_four(vector a, vector b, vector c, vector d) {
  vector ac = _mm256_add_ps(_mm256_permute2f128_ps(a, c, 0x20), _mm256_permute2f128_ps(a, c, 0x31));
  vector bd = _mm256_add_ps(_mm256_permute2f128_ps(b, d, 0x20), _mm256_permute2f128_ps(b, d, 0x31));
  vector all = _mm256_add_ps(_mm256_shuffle_ps(ac, bd, 0x44), _mm256_shuffle_ps(ac, bd, 0xee));
  __m128 ab = _mm256_castps256_ps128(all), cd = _mm256_extractf128_ps(all, 1);
  return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xdd));
}

KERNEL void store_tail(float *target, vector values, size_t count) {
  float lanes[LANES];
  _mm256_storeu_ps(lanes, values);
  for (size_t i = 0; i < count; i++) target[i] = lanes[i];
}

KERNEL vector all(float value) { return _mm256_set1_ps(value); }
KERNEL vector add(vector a, vector b) { return _mm256_add_ps(a, b); }
KERNEL vector multiply(vector a, vector b) { return _mm256_mul_ps(a, b); }
KERNEL vector divide(vector a, vector b) { return _mm256_div_ps(a, b); }
/// The larger of each pair; NaN where `b` is.
KERNEL vector larger(vector a, vector b) { return _mm256_max_ps(a, b); }

/// The smaller of each pair; NaN where `b` is.
KERNEL vector smaller_of(vector a, vector b) { return _mm256_min_ps(a, b); }
KERNEL float largest_lane(vector a) {
  float lanes[LANES];
  _mm256_storeu_ps(lanes, a);
  float largest = lanes[0];
  for (int i = 1; i < LANES; i++) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
}

/// `values`, but zero where `x` is at most `limit`.
KERNEL vector zero_where_at_most(vector x, float limit, vector values) {
  return _mm256_andnot_ps(_mm256_cmp_ps(x, all(limit), _CMP_LE_OQ), values);
}

/// 2 to the power of `n`, whole numbers from -125 to 128, times `values`.
KERNEL vector scale_by_power(vector values, vector n) {
  // 2^128 is no f32, but half of it is.
  __m256i exponents = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(126));
  vector half = _mm256_castsi256_ps(_mm256_slli_epi32(exponents, 23));
  return _mm256_mul_ps(_mm256_mul_ps(values, half), _mm256_set1_ps(2));
}
KERNEL vector nearest_whole(vector a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

#endif
