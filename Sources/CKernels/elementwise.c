// Normalisations and activations over rows.
#include "elementwise.h"

#include <math.h>

// Sums run in eight lanes: it vectorises without reordering what the source says, and loses less than one
// running sum.
enum { LANES = 8 };

static float sum_of_lanes(const float *lanes) {
  float pairs[4];
  for (int i = 0; i < 4; i++) pairs[i] = lanes[i] + lanes[i + 4];
  return (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
}

static float sum(const float *values, size_t count) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += values[i + lane];
  }
  for (; i < count; i++) lanes[i % LANES] += values[i];
  return sum_of_lanes(lanes);
}

static float sum_of_squares(const float *values, size_t count, float offset) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) {
      float value = values[i + lane] - offset;
      lanes[lane] += value * value;
    }
  }
  for (; i < count; i++) {
    float value = values[i] - offset;
    lanes[i % LANES] += value * value;
  }
  return sum_of_lanes(lanes);
}

void ck_rms_norm(const float *values, const float *weight, size_t width, float epsilon,
                 float *result) {
  float mean_square = sum_of_squares(values, width, 0) / (float)width;
  float scale = 1 / sqrtf(mean_square + epsilon);
  for (size_t i = 0; i < width; i++) result[i] = values[i] * scale * weight[i];
}

void ck_layer_norm(const float *values, const float *weight, const float *bias, size_t width,
                   float epsilon, float *result) {
  float mean = sum(values, width) / (float)width;
  float variance = sum_of_squares(values, width, mean) / (float)width;
  float scale = 1 / sqrtf(variance + epsilon);
  for (size_t i = 0; i < width; i++) result[i] = (values[i] - mean) * scale * weight[i] + bias[i];
}

void ck_silu_multiply(ck_instructions instructions, float *gate, const float *up, size_t count) {
#if defined(__x86_64__)
  if (instructions == CK_AVX512) return ck_silu_multiply_avx512(gate, up, count);
  if (instructions >= CK_AVX2) return ck_silu_multiply_avx2(gate, up, count);
#endif
  (void)instructions;
  for (size_t i = 0; i < count; i++) gate[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

void ck_quick_gelu(ck_instructions instructions, float *values, size_t count) {
#if defined(__x86_64__)
  if (instructions == CK_AVX512) return ck_quick_gelu_avx512(values, count);
  if (instructions >= CK_AVX2) return ck_quick_gelu_avx2(values, count);
#endif
  (void)instructions;
  for (size_t i = 0; i < count; i++) values[i] = values[i] / (1 + expf(-1.702f * values[i]));
}

void ck_gelu(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    values[i] = 0.5f * values[i] * (1 + erff(values[i] * 0.70710678118654752440f));
  }
}

void ck_add(float *target, const float *addend, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] += addend[i];
}
