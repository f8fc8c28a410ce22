// Reading memory and multiply-adding registers as fast as one core can.
#include "machine.h"

/// Sums that do not wait for each other: more than latency times throughput of a multiply-add.
enum { CHAINS = 16 };

static uint64_t read_portable(const uint64_t *words, size_t count) {
  uint64_t sums[8] = {0};
  for (size_t i = 0; i < count; i += 8) {
    for (int lane = 0; lane < 8; lane++) sums[lane] += words[i + lane];
  }
  uint64_t sum = 0;
  for (int lane = 0; lane < 8; lane++) sum += sums[lane];
  return sum;
}

static float multiply_add_portable(size_t rounds, uint64_t *operations) {
  float sums[CHAINS];
  for (int chain = 0; chain < CHAINS; chain++) sums[chain] = (float)chain;
  volatile float given = 0.5f;
  float factor = given;
  for (size_t round = 0; round < rounds; round++) {
    for (int chain = 0; chain < CHAINS; chain++) sums[chain] = sums[chain] * factor + factor;
  }
  float sum = 0;
  for (int chain = 0; chain < CHAINS; chain++) sum += sums[chain];
  *operations += (uint64_t)rounds * CHAINS * 2;
  return sum;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t read_avx2(const void *bytes, size_t count) {
  __m256i sums[8];
  for (int i = 0; i < 8; i++) sums[i] = _mm256_setzero_si256();
  const char *end = (const char *)bytes + count;
  for (const char *at = bytes; at < end; at += 256) {
    for (int i = 0; i < 8; i++) {
      sums[i] = _mm256_add_epi64(sums[i], _mm256_load_si256((const __m256i *)at + i));
    }
  }
  for (int i = 1; i < 8; i++) sums[0] = _mm256_add_epi64(sums[0], sums[i]);
  uint64_t lanes[4];
  _mm256_storeu_si256((__m256i *)lanes, sums[0]);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

// The compiler keeps the sums in registers: their count is a constant, and so are all loops over them.
#define DEFINE_MULTIPLY_ADD(NAME, TARGET, CHAIN_COUNT, VECTOR, SET, FMA, STORE)                    \
  __attribute__((target(TARGET))) static float NAME(size_t rounds, uint64_t *operations) {         \
    enum { WIDTH = sizeof(VECTOR) / sizeof(float) };                                               \
    volatile float given = 0.5f;                                                                   \
    VECTOR factor = SET(given);                                                                    \
    VECTOR sums[CHAIN_COUNT];                                                                      \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAIN_COUNT; i++) sums[i] =             \
        SET((float)i);                                                                             \
    for (size_t round = 0; round < rounds; round++) {                                              \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAIN_COUNT; i++) sums[i] =           \
          FMA(sums[i], factor, factor);                                                            \
    }                                                                                              \
    float sum = 0;                                                                                 \
    for (int i = 0; i < CHAIN_COUNT; i++) {                                                        \
      float lanes[WIDTH];                                                                          \
      STORE(lanes, sums[i]);                                                                       \
      for (int lane = 0; lane < WIDTH; lane++) sum += lanes[lane];                                 \
    }                                                                                              \
    *operations += (uint64_t)rounds * CHAIN_COUNT * WIDTH * 2;                                     \
    return sum;                                                                                    \
  }

DEFINE_MULTIPLY_ADD(multiply_add_avx2, "avx2,fma", 12, __m256, _mm256_set1_ps, _mm256_fmadd_ps,
                    _mm256_storeu_ps)
DEFINE_MULTIPLY_ADD(multiply_add_avx512, "avx512f", 16, __m512, _mm512_set1_ps, _mm512_fmadd_ps,
                    _mm512_storeu_ps)
#endif

uint64_t ck_read_bytes(const void *bytes, size_t count) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return read_avx2(bytes, count);
#endif
  return read_portable(bytes, count / sizeof(uint64_t));
}

float ck_multiply_add(size_t rounds, uint64_t *operations) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return multiply_add_avx512(rounds, operations);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return multiply_add_avx2(rounds, operations);
  }
#endif
  return multiply_add_portable(rounds, operations);
}
