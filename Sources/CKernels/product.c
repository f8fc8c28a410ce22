// Matrix products of f32 rows with stored weights.
//
// Both operands are contiguous along the depth, so the products need no packing and read each weight
// once for a block of rows. Every element of the result is summed in the same eight lanes, in the same
// order, whatever tile it falls into.
#include "CKernels.h"
#include "half.h"

enum { LANES = 8 };

/// Rows whose inputs stay in the second-level cache while all weights stream past.
enum { ROW_BLOCK = 24 };

static inline float load_portable(ck_format format, const void *weights, size_t index) {
  switch (format) {
  case CK_F32: return ((const float *)weights)[index];
  case CK_F16: return ck_f16_to_f32(((const uint16_t *)weights)[index]);
  default: return ck_bf16_to_f32(((const uint16_t *)weights)[index]);
  }
}

static inline size_t size_of(ck_format format) { return format == CK_F32 ? 4 : 2; }

static void product_portable(ck_format format, const float *input, size_t rows, size_t depth,
                             const void *weights, size_t columns, float *result,
                             size_t result_stride) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t column = 0; column < columns; column++) {
      const float *x = input + row * depth;
      float lanes[LANES] = {0};
      for (size_t k = 0; k < depth; k++) {
        lanes[k % LANES] += x[k] * load_portable(format, weights, column * depth + k);
      }
      float pairs[4];
      for (int i = 0; i < 4; i++) pairs[i] = lanes[i] + lanes[i + 4];
      result[row * result_stride + column] = (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
    }
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c"), always_inline)) static inline

AVX2 __m256 load_f32(const void *weights, size_t index) {
  return _mm256_loadu_ps((const float *)weights + index);
}

AVX2 __m256 load_f16(const void *weights, size_t index) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)weights + index)));
}

AVX2 __m256 load_bf16(const void *weights, size_t index) {
  __m128i halves = _mm_loadu_si128((const __m128i *)((const uint16_t *)weights + index));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

AVX2 float sum_of_lanes(__m256 lanes) {
  __m128 pairs = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  pairs = _mm_add_ps(pairs, _mm_movehl_ps(pairs, pairs));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

/// The tail of the depth goes through the same lanes, padded with zeros.
AVX2 __m256 load_tail_f32(const float *values, size_t count) {
  float padded[LANES] = {0};
  for (size_t i = 0; i < count; i++) padded[i] = values[i];
  return _mm256_loadu_ps(padded);
}

AVX2 __m256 load_tail(ck_format format, const void *weights, size_t index, size_t count) {
  float padded[LANES] = {0};
  for (size_t i = 0; i < count; i++) padded[i] = load_portable(format, weights, index + i);
  return _mm256_loadu_ps(padded);
}

/// One tile of `tile_rows` x `tile_columns` sums; both are constants where this is inlined.
#define DEFINE_PRODUCT(NAME, FORMAT, LOAD)                                                         \
  AVX2 void NAME##_tile(const float *input, size_t tile_rows, size_t depth, const void *weights,   \
                        size_t tile_columns, float *result, size_t result_stride) {                \
    __m256 sums[3][8];                                                                             \
    for (size_t r = 0; r < tile_rows; r++)                                                         \
      for (size_t c = 0; c < tile_columns; c++) sums[r][c] = _mm256_setzero_ps();                  \
    size_t k = 0;                                                                                  \
    for (; k + LANES <= depth; k += LANES) {                                                       \
      __m256 x[3];                                                                                 \
      for (size_t r = 0; r < tile_rows; r++) x[r] = _mm256_loadu_ps(input + r * depth + k);        \
      for (size_t c = 0; c < tile_columns; c++) {                                                  \
        __m256 w = LOAD(weights, c * depth + k);                                                   \
        for (size_t r = 0; r < tile_rows; r++) sums[r][c] = _mm256_fmadd_ps(x[r], w, sums[r][c]);  \
      }                                                                                            \
    }                                                                                              \
    if (k < depth) {                                                                               \
      for (size_t r = 0; r < tile_rows; r++) {                                                     \
        __m256 x = load_tail_f32(input + r * depth + k, depth - k);                                \
        for (size_t c = 0; c < tile_columns; c++) {                                                \
          __m256 w = load_tail(FORMAT, weights, c * depth + k, depth - k);                         \
          sums[r][c] = _mm256_fmadd_ps(x, w, sums[r][c]);                                          \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    for (size_t r = 0; r < tile_rows; r++)                                                         \
      for (size_t c = 0; c < tile_columns; c++)                                                    \
        result[r * result_stride + c] = sum_of_lanes(sums[r][c]);                                  \
  }                                                                                                \
                                                                                                   \
  __attribute__((target("avx2,fma,f16c"))) static void NAME(                                       \
      const float *input, size_t rows, size_t depth, const void *weights, size_t columns,          \
      float *result, size_t result_stride) {                                                       \
    size_t bytes = size_of(FORMAT);                                                                \
    if (rows == 1) {                                                                               \
      size_t column = 0;                                                                           \
      for (; column + 8 <= columns; column += 8)                                                   \
        NAME##_tile(input, 1, depth, (const char *)weights + column * depth * bytes, 8,            \
                    result + column, result_stride);                                               \
      for (; column < columns; column++)                                                           \
        NAME##_tile(input, 1, depth, (const char *)weights + column * depth * bytes, 1,            \
                    result + column, result_stride);                                               \
      return;                                                                                      \
    }                                                                                              \
    for (size_t block = 0; block < rows; block += ROW_BLOCK) {                                     \
      size_t end = block + ROW_BLOCK < rows ? block + ROW_BLOCK : rows;                            \
      for (size_t column = 0; column < columns;) {                                                 \
        const char *w = (const char *)weights + column * depth * bytes;                            \
        size_t width = column + 4 <= columns ? 4 : 1;                                              \
        size_t row = block;                                                                        \
        for (; row + 3 <= end; row += 3) {                                                         \
          const float *x = input + row * depth;                                                    \
          float *y = result + row * result_stride + column;                                        \
          if (width == 4) NAME##_tile(x, 3, depth, w, 4, y, result_stride);                        \
          else NAME##_tile(x, 3, depth, w, 1, y, result_stride);                                   \
        }                                                                                          \
        for (; row < end; row++) {                                                                 \
          const float *x = input + row * depth;                                                    \
          float *y = result + row * result_stride + column;                                        \
          if (width == 4) NAME##_tile(x, 1, depth, w, 4, y, result_stride);                        \
          else NAME##_tile(x, 1, depth, w, 1, y, result_stride);                                   \
        }                                                                                          \
        column += width;                                                                           \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_PRODUCT(product_f32_avx2, CK_F32, load_f32)
DEFINE_PRODUCT(product_f16_avx2, CK_F16, load_f16)
DEFINE_PRODUCT(product_bf16_avx2, CK_BF16, load_bf16)
#endif

void ck_product(ck_instructions instructions, ck_format format, const float *input, size_t rows,
                size_t depth, const void *weights, size_t columns, float *result,
                size_t result_stride) {
#if defined(__x86_64__)
  if (instructions >= CK_AVX2) {
    switch (format) {
    case CK_F32:
      product_f32_avx2(input, rows, depth, weights, columns, result, result_stride);
      return;
    case CK_F16:
      product_f16_avx2(input, rows, depth, weights, columns, result, result_stride);
      return;
    case CK_BF16:
      product_bf16_avx2(input, rows, depth, weights, columns, result, result_stride);
      return;
    }
  }
#endif
  (void)instructions;
  product_portable(format, input, rows, depth, weights, columns, result, result_stride);
}
