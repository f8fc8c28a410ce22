// f16 and bf16 in portable arithmetic.
#ifndef CK_HALF_H
#define CK_HALF_H

#include <stdint.h>
#include <string.h>

static inline float ck_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t ck_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float ck_bf16_to_f32(uint16_t half) { return ck_from_bits((uint32_t)half << 16); }

static inline float ck_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    // Zero or subnormal: mantissa * 2^-24 is exact in f32.
    float magnitude = (float)mantissa * 0x1p-24f;
    return ck_from_bits(sign | ck_to_bits(magnitude));
  }
  if (exponent == 31) {
    // F16C returns quiet NaNs; so does this.
    uint32_t quiet = mantissa ? 0x400000u : 0;
    return ck_from_bits(sign | 0x7f800000u | quiet | (mantissa << 13));
  }
  return ck_from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

static inline uint16_t ck_f32_to_f16(float value) {
  uint32_t bits = ck_to_bits(value);
  uint16_t sign = (uint16_t)((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return (uint16_t)(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  }
  // From halfway above the largest f16 upwards everything rounds to infinity.
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000u) {
    // Subnormal in f16: adding 2^-1 aligns the mantissa to units of 2^-24 and rounds to nearest even.
    float shifted = ck_from_bits(magnitude) + 0.5f;
    return (uint16_t)(sign | (ck_to_bits(shifted) - 0x3f000000u));
  }
  uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

#endif
