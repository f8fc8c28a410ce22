// Conversions between f32 and the 16-bit formats.
#include "CKernels.h"
#include "half.h"

/// The largest finite f16.
#define CK_F16_LARGEST 65504.0f

static inline float clamp_to_f16(float value) {
  if (value > CK_F16_LARGEST) return CK_F16_LARGEST;
  return value < -CK_F16_LARGEST ? -CK_F16_LARGEST : value;
}

static void widen_portable(ck_format format, const void *values, size_t count, float *result) {
  const uint16_t *halves = values;
  switch (format) {
  case CK_F32:
    memcpy(result, values, count * sizeof(float));
    break;
  case CK_F16:
    for (size_t i = 0; i < count; i++) result[i] = ck_f16_to_f32(halves[i]);
    break;
  case CK_BF16:
    for (size_t i = 0; i < count; i++) result[i] = ck_bf16_to_f32(halves[i]);
    break;
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma,f16c")))
static void widen_f16_avx2(const uint16_t *values, size_t count, float *result) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m128i halves = _mm_loadu_si128((const __m128i *)(values + i));
    _mm256_storeu_ps(result + i, _mm256_cvtph_ps(halves));
  }
  for (; i < count; i++) result[i] = ck_f16_to_f32(values[i]);
}

__attribute__((target("avx2,fma,f16c")))
static void narrow_f16_avx2(const float *values, size_t count, uint16_t *result) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128((__m128i *)(result + i), halves);
  }
  for (; i < count; i++) result[i] = ck_f32_to_f16(values[i]);
}
#endif

#if defined(__x86_64__)
__attribute__((target("avx2,fma,f16c")))
static void narrow_finite_avx2(const float *values, size_t count, uint16_t *result) {
  size_t i = 0;
  __m256 limit = _mm256_set1_ps(CK_F16_LARGEST), negative = _mm256_set1_ps(-CK_F16_LARGEST);
  for (; i + 8 <= count; i += 8) {
    // In this order a NaN stays one.
    __m256 clamped = _mm256_min_ps(limit, _mm256_max_ps(negative, _mm256_loadu_ps(values + i)));
    _mm_storeu_si128((__m128i *)(result + i), _mm256_cvtps_ph(clamped, _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < count; i++) result[i] = ck_f32_to_f16(clamp_to_f16(values[i]));
}
#endif

void ck_narrow_f16_finite(ck_instructions instructions, const float *values, size_t count,
                          uint16_t *result) {
#if defined(__x86_64__)
  if (instructions >= CK_AVX2) {
    narrow_finite_avx2(values, count, result);
    return;
  }
#endif
  (void)instructions;
  for (size_t i = 0; i < count; i++) result[i] = ck_f32_to_f16(clamp_to_f16(values[i]));
}

void ck_widen(ck_instructions instructions, ck_format format, const void *values, size_t count,
              float *result) {
#if defined(__x86_64__)
  if (instructions >= CK_AVX2 && format == CK_F16) {
    widen_f16_avx2(values, count, result);
    return;
  }
#endif
  (void)instructions;
  widen_portable(format, values, count, result);
}

void ck_narrow_f16(ck_instructions instructions, const float *values, size_t count,
                   uint16_t *result) {
#if defined(__x86_64__)
  if (instructions >= CK_AVX2) {
    narrow_f16_avx2(values, count, result);
    return;
  }
#endif
  (void)instructions;
  for (size_t i = 0; i < count; i++) result[i] = ck_f32_to_f16(values[i]);
}
