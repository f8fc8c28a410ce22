// Products of 8-bit rows with quantised weights on AVX2, with and without VNNI.
//
// A lane is a column, a vector half a panel. With VNNI weights are taken as unsigned bytes, as on
// AVX-512. Without it nibbles' products are added up in 16 bits over 32 values (a lane at most
// 8 * 2 * 15 * 127); five and six bits take 32 bits; and Q8_0 multiplies magnitudes with the row's
// values under weights' signs, because 255 * 127 * 2 does not fit into 16 bits but 128 * 127 * 2 does.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "quantized_ahead.h"

#define AVX2 __attribute__((target("avx2,fma,f16c"), always_inline)) static inline
#define AVX_VNNI __attribute__((target("avx2,fma,f16c,avxvnni"), always_inline)) static inline

enum { LANES = 8, GROUPS = CK_BLOCK / 4, TILE_ROWS = 4 };

/// Rows whose blocks stay in the caches while all weights stream past.
enum { ROW_BLOCK = 128 };

AVX2 __m256i four_values(const ck_row_block *block, size_t group) {
  int32_t four;
  memcpy(&four, block->values + 4 * group, sizeof four);
  return _mm256_set1_epi32(four);
}

AVX2 __m256i load(const uint8_t *bytes) { return _mm256_loadu_si256((const __m256i *)bytes); }

/// Bits from `shift` on of each byte that follows the nibbles, brought to bit 4 and `mask`.
AVX2 __m256i upper_bits(const uint8_t *bytes, int shift, char mask) {
  __m256i all = load(bytes + CK_PANEL * CK_BLOCK / 2);
  __m256i moved =
      shift < 4 ? _mm256_slli_epi16(all, 4 - shift) : _mm256_srli_epi16(all, shift - 4);
  return _mm256_and_si256(moved, _mm256_set1_epi8(mask));
}

/// Group g of half a panel's 32 numbers, those that are not Q8_0's: four neighbours of each column
/// from 4g on, as unsigned bytes.
AVX2 __m256i load_group(ck_block_format format, const uint8_t *bytes, size_t g) {
  __m256i both = load(bytes + 64 * (g % (GROUPS / 2)));
  if (g >= GROUPS / 2) both = _mm256_srli_epi16(both, 4);
  __m256i low = _mm256_and_si256(both, _mm256_set1_epi8(15));
  if (format == CK_Q5_K) return _mm256_or_si256(low, upper_bits(bytes, (int)g, 16));
  if (format == CK_Q6_K) {
    return _mm256_or_si256(low, upper_bits(bytes + g / 4 * 64, (int)(g % 4 * 2), 48));
  }
  return low;
}

/// What a row's products start from, of Q6_K those of either half of 32 numbers.
AVX2 __m256i offset(ck_block_format format, const ck_row_block *block, size_t half) {
  switch (format) {
  case CK_Q8_0: return _mm256_set1_epi32(block->offset_q8);
  case CK_Q4_0: return _mm256_set1_epi32(block->offset_q4);
  case CK_Q6_K: return _mm256_set1_epi32(block->offset_q6[half]);
  default: return _mm256_setzero_si256();
  }
}

/// Where Q6_K's products of half of 32 numbers are complete: times that half's scales, of which
/// `scales` are the first's; then the second half begins, or both are added up.
AVX2 void finish_half(const ck_row_block *input, size_t tile_rows, size_t blocks,
                      const uint8_t *scales, size_t halves, size_t half,
                      __m256i products[2][TILE_ROWS], __m256i firsts[2][TILE_ROWS]) {
  for (size_t h = 0; h < halves; h++) {
    const uint8_t *bytes = scales + CK_PANEL * half + LANES * h;
    __m256i factors = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
    for (size_t r = 0; r < tile_rows; r++) {
      __m256i scaled_half = _mm256_mullo_epi32(products[h][r], factors);
      products[h][r] = half ? _mm256_add_epi32(firsts[h][r], scaled_half)
                            : offset(CK_Q6_K, input + r * blocks, 1);
      firsts[h][r] = scaled_half;
    }
  }
}

/// The products of `tile_rows` rows with 32 numbers of `halves` halves of a panel, as integers;
/// `scales` are Q6_K's.
AVX2 void products_avx2(ck_block_format format, const ck_row_block *input, size_t tile_rows,
                        size_t blocks, const uint8_t *bytes, const uint8_t *scales, size_t halves,
                        __m256i products[2][TILE_ROWS]) {
  __m256i ones = _mm256_set1_epi16(1), firsts[2][TILE_ROWS];
  int is_narrow = format == CK_Q4_0 || format == CK_Q4_K;
  for (size_t h = 0; h < halves; h++) {
    for (size_t r = 0; r < tile_rows; r++) {
      products[h][r] =
          format == CK_Q6_K ? offset(format, input + r * blocks, 0) : _mm256_setzero_si256();
    }
  }
  for (size_t g = 0; g < GROUPS; g++) {
    __m256i weights[2], magnitudes[2];
    for (size_t h = 0; h < halves; h++) {
      weights[h] = format == CK_Q8_0 ? load(bytes + 32 * h + 64 * g)
                                     : load_group(format, bytes + 32 * h, g);
      magnitudes[h] = format == CK_Q8_0 ? _mm256_abs_epi8(weights[h]) : weights[h];
    }
    for (size_t r = 0; r < tile_rows; r++) {
      __m256i values = four_values(input + r * blocks, g);
      for (size_t h = 0; h < halves; h++) {
        __m256i given = format == CK_Q8_0 ? _mm256_sign_epi8(values, weights[h]) : values;
        __m256i pairs = _mm256_maddubs_epi16(magnitudes[h], given);
        products[h][r] = is_narrow
                             ? _mm256_add_epi16(products[h][r], pairs)
                             : _mm256_add_epi32(products[h][r], _mm256_madd_epi16(pairs, ones));
      }
    }
    if (format == CK_Q6_K && g % (GROUPS / 2) == GROUPS / 2 - 1) {
      finish_half(input, tile_rows, blocks, scales, halves, g / (GROUPS / 2), products, firsts);
    }
  }
  if (!is_narrow) return;
  for (size_t r = 0; r < tile_rows; r++) {
    for (size_t h = 0; h < halves; h++) {
      products[h][r] = _mm256_add_epi32(_mm256_madd_epi16(products[h][r], ones),
                                        offset(format, input + r * blocks, 0));
    }
  }
}

AVX_VNNI void products_avx_vnni(ck_block_format format, const ck_row_block *input, size_t tile_rows,
                                size_t blocks, const uint8_t *bytes, const uint8_t *scales,
                                size_t halves, __m256i products[2][TILE_ROWS]) {
  __m256i firsts[2][TILE_ROWS];
  for (size_t r = 0; r < tile_rows; r++) {
    for (size_t h = 0; h < halves; h++) products[h][r] = offset(format, input + r * blocks, 0);
  }
  for (size_t g = 0; g < GROUPS; g++) {
    __m256i weights[2];
    for (size_t h = 0; h < halves; h++) {
      weights[h] = format == CK_Q8_0 ? _mm256_xor_si256(load(bytes + 32 * h + 64 * g),
                                                        _mm256_set1_epi8(-128))
                                     : load_group(format, bytes + 32 * h, g);
    }
    for (size_t r = 0; r < tile_rows; r++) {
      __m256i values = four_values(input + r * blocks, g);
      for (size_t h = 0; h < halves; h++) {
        products[h][r] = _mm256_dpbusd_avx_epi32(products[h][r], weights[h], values);
      }
    }
    if (format == CK_Q6_K && g % (GROUPS / 2) == GROUPS / 2 - 1) {
      finish_half(input, tile_rows, blocks, scales, halves, g / (GROUPS / 2), products, firsts);
    }
  }
}

AVX2 __m256 load_halves(const void *halves) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves));
}

/// f16 times a byte of each of eight columns: exact in f32.
AVX2 __m256 scaled(const uint16_t *halves, const uint8_t *bytes) {
  __m256i whole = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
  return _mm256_mul_ps(load_halves(halves), _mm256_cvtepi32_ps(whole));
}

/// The scales of half a panel's columns in block b.
AVX2 __m256 scales_of(ck_block_format format, const uint8_t *panel, size_t b, size_t half) {
  if (!ck_is_super(format)) return load_halves(ck_scales(format, panel, b) + 2 * LANES * half);
  const ck_super_head *head = ck_super_head_of(format, panel, b);
  if (format == CK_Q6_K) return load_halves(head->scale + LANES * half);
  return scaled(head->scale + LANES * half, head->scales[b % CK_SUPER_GROUPS] + LANES * half);
}

AVX2 __m256 minima_of(ck_block_format format, const uint8_t *panel, size_t b, size_t half) {
  const ck_super_head *head = ck_super_head_of(format, panel, b);
  const uint8_t *minima = head->scales[b % CK_SUPER_GROUPS + CK_SUPER_GROUPS];
  return scaled(head->minimum + LANES * half, minima + LANES * half);
}

/// Of Q6_K the scales of the halves of block b, from half a panel's columns on; else nothing.
AVX2 const uint8_t *half_scales(ck_block_format format, const uint8_t *panel, size_t b,
                                size_t half) {
  if (format != CK_Q6_K) return NULL;
  return ck_super_head_of(format, panel, b)->scales[b % CK_SUPER_GROUPS * 2] + LANES * half;
}

AVX2 void store(float *result, __m256 sums, size_t width) {
  if (width >= LANES) {
    _mm256_storeu_ps(result, sums);
    return;
  }
  float lanes[LANES];
  _mm256_storeu_ps(lanes, sums);
  memcpy(result, lanes, width * sizeof(float));
}

/// Where a panel's product comes from and goes to.
typedef struct {
  const ck_row_block *input;
  size_t depth;
  const uint8_t *panel;
  /// The columns that are wanted.
  size_t columns;
  float *result;
  size_t result_stride;
} span;

/// `_tile`: `tile_rows` rows with `halves` halves of a panel from `half` on; `ahead` asks for later
/// weights. Format, rows, halves and `ahead` are constants where this is inlined. HALVES is what
/// measured best for four rows.
#define DEFINE_PRODUCT(NAME, TARGET, PRODUCTS, HALVES)                                             \
  TARGET void NAME##_tile(ck_block_format format, const span *s, size_t row, size_t tile_rows,     \
                          size_t half, size_t halves, int ahead) {                                 \
    size_t payload = CK_PANEL * ck_payload_bytes(format), blocks = s->depth / CK_BLOCK;            \
    const ck_row_block *input = s->input + row * blocks;                                           \
    __m256 sums[2][TILE_ROWS];                                                                     \
    for (size_t h = 0; h < halves; h++)                                                            \
      for (size_t r = 0; r < tile_rows; r++) sums[h][r] = _mm256_setzero_ps();                     \
    for (size_t b = 0; b < blocks; b++, input++) {                                                 \
      const uint8_t *bytes = ck_payload(format, s->panel, b) + 32 * half;                          \
      if (ahead) {                                                                                 \
        ck_ask_ahead_for_scales(format, s->panel, b);                                              \
        for (size_t i = 0; i < payload; i += 64) ck_ask_ahead(bytes + i);                          \
      }                                                                                            \
      __m256i products[2][TILE_ROWS];                                                              \
      const uint8_t *factors = half_scales(format, s->panel, b, half);                             \
      PRODUCTS(format, input, tile_rows, blocks, bytes, factors, halves, products);                \
      for (size_t h = 0; h < halves; h++) {                                                        \
        __m256 scale = scales_of(format, s->panel, b, half + h);                                   \
        for (size_t r = 0; r < tile_rows; r++) {                                                   \
          __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(input[r * blocks].scale));             \
          sums[h][r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products[h][r]), both, sums[h][r]);      \
        }                                                                                          \
        if (!ck_has_minima(format)) continue;                                                      \
        __m256 minimum = minima_of(format, s->panel, b, half + h);                                 \
        for (size_t r = 0; r < tile_rows; r++) {                                                   \
          __m256 sum = _mm256_set1_ps(input[r * blocks].sum);                                      \
          sums[h][r] = _mm256_fnmadd_ps(minimum, sum, sums[h][r]);                                 \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    for (size_t h = 0; h < halves && LANES * (half + h) < s->columns; h++)                         \
      for (size_t r = 0; r < tile_rows; r++)                                                       \
        store(s->result + (row + r) * s->result_stride + LANES * (half + h), sums[h][r],           \
              s->columns - LANES * (half + h));                                                    \
  }                                                                                                \
                                                                                                   \
  TARGET void NAME##_panel(ck_block_format format, const span *s, size_t rows) {                   \
    size_t row = 0;                                                                                \
    const size_t halves = HALVES;                                                                  \
    for (; row + TILE_ROWS <= rows; row += TILE_ROWS) {                                            \
      for (size_t half = 0; half < 2; half += halves) {                                            \
        if (row + half == 0) NAME##_tile(format, s, row, TILE_ROWS, half, halves, 1);              \
        else NAME##_tile(format, s, row, TILE_ROWS, half, halves, 0);                              \
      }                                                                                            \
    }                                                                                              \
    switch (rows - row) {                                                                          \
    case 3:                                                                                        \
      if (row == 0) NAME##_tile(format, s, row, 3, 0, 2, 1);                                       \
      else NAME##_tile(format, s, row, 3, 0, 2, 0);                                                \
      break;                                                                                       \
    case 2:                                                                                        \
      if (row == 0) NAME##_tile(format, s, row, 2, 0, 2, 1);                                       \
      else NAME##_tile(format, s, row, 2, 0, 2, 0);                                                \
      break;                                                                                       \
    case 1:                                                                                        \
      if (row == 0) NAME##_tile(format, s, row, 1, 0, 2, 1);                                       \
      else NAME##_tile(format, s, row, 1, 0, 2, 0);                                                \
      break;                                                                                       \
    default: break;                                                                                \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  TARGET void NAME(ck_block_format format, const ck_row_block *input, size_t rows, size_t depth,   \
                   const void *packed, size_t columns, float *result, size_t result_stride) {      \
    size_t blocks = depth / CK_BLOCK, panel_bytes = ck_panel_bytes(format, depth);                 \
    for (size_t row = 0; row < rows; row += ROW_BLOCK) {                                           \
      size_t count = rows - row < ROW_BLOCK ? rows - row : ROW_BLOCK;                              \
      for (size_t column = 0; column < columns; column += CK_PANEL) {                              \
        span s = {input + row * blocks,                                                            \
                  depth,                                                                           \
                  (const uint8_t *)packed + column / CK_PANEL * panel_bytes,                       \
                  columns - column < CK_PANEL ? columns - column : CK_PANEL,                       \
                  result + row * result_stride + column,                                           \
                  result_stride};                                                                  \
        NAME##_panel(format, &s, count);                                                           \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_PRODUCT(product_avx2, AVX2, products_avx2, format == CK_Q8_0 ? 2 : 1)
DEFINE_PRODUCT(product_avx_vnni, AVX_VNNI, products_avx_vnni, 2)

__attribute__((target("avx2,fma,f16c")))
void ck_quantized_product_avx2(ck_block_format format, const ck_row_block *input, size_t rows,
                               size_t depth, const void *packed, size_t columns, float *result,
                               size_t result_stride) {
  switch (format) {
  case CK_Q8_0:
    product_avx2(CK_Q8_0, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q4_0:
    product_avx2(CK_Q4_0, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q4_K:
    product_avx2(CK_Q4_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q5_K:
    product_avx2(CK_Q5_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q6_K:
    product_avx2(CK_Q6_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  }
}

__attribute__((target("avx2,fma,f16c,avxvnni")))
void ck_quantized_product_avx_vnni(ck_block_format format, const ck_row_block *input, size_t rows,
                                   size_t depth, const void *packed, size_t columns, float *result,
                                   size_t result_stride) {
  switch (format) {
  case CK_Q8_0:
    product_avx_vnni(CK_Q8_0, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q4_0:
    product_avx_vnni(CK_Q4_0, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q4_K:
    product_avx_vnni(CK_Q4_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q5_K:
    product_avx_vnni(CK_Q5_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  case CK_Q6_K:
    product_avx_vnni(CK_Q6_K, input, rows, depth, packed, columns, result, result_stride);
    break;
  }
}
#endif
