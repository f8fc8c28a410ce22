// Activations to blocks of bytes.
#include <math.h>

#include "half.h"
#include "quantized.h"

/// Blocks whose largest number is smaller are zeros: the inverse of their scale would overflow.
static const float smallest = 0x1p-100f;

/// What follows from a block's scale and the sums of its halves.
static void finish(float scale, int32_t first, int32_t second, ck_row_block *block) {
  int32_t sum = first + second;
  block->scale = scale;
  block->sum = scale * (float)sum;
  block->offset_q8 = -128 * sum;
  block->offset_q4 = -8 * sum;
  block->offset_q6[0] = -32 * first;
  block->offset_q6[1] = -32 * second;
}

/// A block of zeros, or of NaN, from the bits of its largest magnitude.
static int is_special(uint32_t largest, ck_row_block *block) {
  int finite = largest < 0x7f800000u;
  if (finite && ck_from_bits(largest) >= smallest) return 0;
  memset(block->values, 0, sizeof block->values);
  finish(finite ? 0 : NAN, 0, 0, block);
  return 1;
}

static void quantize_portable(const float *values, ck_row_block *block) {
  // Magnitudes compare as integers, NaN above all.
  uint32_t largest = 0;
  for (int i = 0; i < CK_BLOCK; i++) {
    uint32_t magnitude = ck_to_bits(values[i]) & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  if (is_special(largest, block)) return;
  float scale = ck_from_bits(largest) / 127, inverse = 127 / ck_from_bits(largest);
  int32_t sums[2] = {0};
  for (int i = 0; i < CK_BLOCK; i++) {
    int32_t value = (int32_t)rintf(values[i] * inverse);
    block->values[i] = (int8_t)value;
    sums[i / 16] += value;
  }
  finish(scale, sums[0], sums[1], block);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c"))) static

AVX2 int32_t largest_of(__m256i values) {
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

AVX2 int32_t sum_of(__m256i values) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

AVX2 void quantize_avx2(const float *values, ck_row_block *block) {
  __m256 parts[4];
  __m256i magnitude = _mm256_set1_epi32(0x7fffffff), largest = _mm256_setzero_si256();
  for (int i = 0; i < 4; i++) {
    parts[i] = _mm256_loadu_ps(values + 8 * i);
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(parts[i]), magnitude));
  }
  uint32_t bits = (uint32_t)largest_of(largest);
  if (is_special(bits, block)) return;
  float scale = ck_from_bits(bits) / 127;
  __m256 inverse = _mm256_set1_ps(127 / ck_from_bits(bits));
  __m256i rounded[4];
  for (int i = 0; i < 4; i++) rounded[i] = _mm256_cvtps_epi32(_mm256_mul_ps(parts[i], inverse));
  // Packing works within 128-bit halves; the permutation puts the fours back in order.
  __m256i low = _mm256_packs_epi32(rounded[0], rounded[1]);
  __m256i high = _mm256_packs_epi32(rounded[2], rounded[3]);
  __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                              _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256((__m256i *)block->values, bytes);
  finish(scale, sum_of(_mm256_add_epi32(rounded[0], rounded[1])),
         sum_of(_mm256_add_epi32(rounded[2], rounded[3])), block);
}

AVX2 void quantize_rows_avx2(const float *input, size_t count, ck_row_block *blocks) {
  for (size_t i = 0; i < count; i++) quantize_avx2(input + i * CK_BLOCK, blocks + i);
}
#endif

void ck_quantize_rows(ck_instructions instructions, const float *input, size_t rows, size_t depth,
                      ck_row_block *blocks) {
  size_t count = rows * (depth / CK_BLOCK);
#if defined(__x86_64__)
  if (instructions >= CK_AVX2) {
    quantize_rows_avx2(input, count, blocks);
    return;
  }
#endif
  (void)instructions;
  for (size_t i = 0; i < count; i++) quantize_portable(input + i * CK_BLOCK, blocks + i);
}
