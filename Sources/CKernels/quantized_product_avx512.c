// Products of 8-bit rows with quantised weights on AVX-512 VNNI.
//
// A lane is a column. Weights are taken as unsigned bytes: Q8_0 plus 128, the others as their nibbles.
// What that adds is taken off by starting from the row's offset. So one instruction multiplies 64 pairs,
// and no lanes have to be summed up.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "quantized_ahead.h"

#define TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
#define AVX512 __attribute__((target(TARGET), always_inline)) static inline

enum { GROUPS = CK_BLOCK / 4, TILE_ROWS = 8 };

/// Rows whose blocks stay in the caches while all weights stream past.
enum { ROW_BLOCK = 128 };

AVX512 __m512i four_values(const ck_row_block *block, size_t group) {
  int32_t four;
  memcpy(&four, block->values + 4 * group, sizeof four);
  return _mm512_set1_epi32(four);
}

/// Bits from `shift` on of each byte that follows the nibbles, brought to bit 4 and `mask`.
AVX512 __m512i upper_bits(const uint8_t *bytes, int shift, char mask) {
  __m512i all = _mm512_loadu_si512(bytes + CK_PANEL * CK_BLOCK / 2);
  __m512i moved = shift < 4 ? _mm512_slli_epi16(all, (unsigned)(4 - shift))
                            : _mm512_srli_epi16(all, (unsigned)(shift - 4));
  return _mm512_and_si512(moved, _mm512_set1_epi8(mask));
}

/// Four neighbours of each column from 4g on, as unsigned bytes.
AVX512 __m512i load_group(ck_block_format format, const uint8_t *bytes, size_t g) {
  if (format == CK_Q8_0) {
    return _mm512_xor_si512(_mm512_loadu_si512(bytes + 64 * g), _mm512_set1_epi8(-128));
  }
  __m512i both = _mm512_loadu_si512(bytes + 64 * (g % (GROUPS / 2)));
  if (g >= GROUPS / 2) both = _mm512_srli_epi16(both, 4);
  __m512i low = _mm512_and_si512(both, _mm512_set1_epi8(15));
  if (format == CK_Q5_K) return _mm512_or_si512(low, upper_bits(bytes, (int)g, 16));
  if (format == CK_Q6_K) {
    return _mm512_or_si512(low, upper_bits(bytes + g / 4 * 64, (int)(g % 4 * 2), 48));
  }
  return low;
}

/// What a row's products start from, of Q6_K those of either half of 32 numbers.
AVX512 __m512i offset(ck_block_format format, const ck_row_block *block, size_t half) {
  switch (format) {
  case CK_Q8_0: return _mm512_set1_epi32(block->offset_q8);
  case CK_Q4_0: return _mm512_set1_epi32(block->offset_q4);
  case CK_Q6_K: return _mm512_set1_epi32(block->offset_q6[half]);
  default: return _mm512_setzero_si512();
  }
}

AVX512 __m512 load_halves(const void *halves) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)halves));
}

/// f16 times a byte of each column: exact in f32.
AVX512 __m512 scaled(const uint16_t *halves, const uint8_t *bytes) {
  __m512i whole = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes));
  return _mm512_mul_ps(load_halves(halves), _mm512_cvtepi32_ps(whole));
}

/// The columns' scales of block b.
AVX512 __m512 scales_of(ck_block_format format, const uint8_t *panel, size_t b) {
  if (!ck_is_super(format)) return load_halves(ck_scales(format, panel, b));
  const ck_super_head *head = ck_super_head_of(format, panel, b);
  if (format == CK_Q6_K) return load_halves(head->scale);
  return scaled(head->scale, head->scales[b % CK_SUPER_GROUPS]);
}

AVX512 __m512 minima_of(ck_block_format format, const uint8_t *panel, size_t b) {
  const ck_super_head *head = ck_super_head_of(format, panel, b);
  return scaled(head->minimum, head->scales[b % CK_SUPER_GROUPS + CK_SUPER_GROUPS]);
}

/// The columns' scales of one half of Q6_K's block b.
AVX512 __m512i half_scales(ck_block_format format, const uint8_t *panel, size_t b, size_t half) {
  const ck_super_head *head = ck_super_head_of(format, panel, b);
  const uint8_t *scales = head->scales[b % CK_SUPER_GROUPS * 2 + half];
  return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)scales));
}

/// Where a panel's product comes from and goes to.
typedef struct {
  const ck_row_block *input;
  size_t depth;
  const uint8_t *panel;
  /// The columns that are wanted.
  __mmask16 columns;
  float *result;
  size_t result_stride;
} span;

/// `tile_rows` rows with one panel. Format, rows and `ahead` are constants where
/// this is inlined.
AVX512 void tile(ck_block_format format, const span *s, size_t row, size_t tile_rows, int ahead) {
  size_t payload = CK_PANEL * ck_payload_bytes(format), blocks = s->depth / CK_BLOCK;
  const ck_row_block *input = s->input + row * blocks;
  __m512 sums[TILE_ROWS];
  for (size_t r = 0; r < tile_rows; r++) sums[r] = _mm512_setzero_ps();
  for (size_t b = 0; b < blocks; b++, input++) {
    const uint8_t *bytes = ck_payload(format, s->panel, b);
    __m512i products[TILE_ROWS], firsts[TILE_ROWS];
    for (size_t r = 0; r < tile_rows; r++) products[r] = offset(format, input + r * blocks, 0);
    if (ahead) ck_ask_ahead_for_scales(format, s->panel, b);
    for (size_t g = 0; g < GROUPS; g++) {
      __m512i weights = load_group(format, bytes, g);
      if (ahead && 64 * g < payload) ck_ask_ahead(bytes + 64 * g);
      for (size_t r = 0; r < tile_rows; r++) {
        __m512i values = four_values(input + r * blocks, g);
        products[r] = _mm512_dpbusd_epi32(products[r], weights, values);
      }
      if (format != CK_Q6_K || g % (GROUPS / 2) < GROUPS / 2 - 1) continue;
      size_t half = g / (GROUPS / 2);
      __m512i factors = half_scales(format, s->panel, b, half);
      for (size_t r = 0; r < tile_rows; r++) {
        __m512i scaled_half = _mm512_mullo_epi32(products[r], factors);
        products[r] = half ? _mm512_add_epi32(firsts[r], scaled_half)
                           : offset(format, input + r * blocks, 1);
        firsts[r] = scaled_half;
      }
    }
    __m512 scale = scales_of(format, s->panel, b);
    for (size_t r = 0; r < tile_rows; r++) {
      __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(input[r * blocks].scale));
      sums[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[r]), both, sums[r]);
    }
    if (!ck_has_minima(format)) continue;
    __m512 minimum = minima_of(format, s->panel, b);
    for (size_t r = 0; r < tile_rows; r++) {
      sums[r] = _mm512_fnmadd_ps(minimum, _mm512_set1_ps(input[r * blocks].sum), sums[r]);
    }
  }
  for (size_t r = 0; r < tile_rows; r++) {
    _mm512_mask_storeu_ps(s->result + (row + r) * s->result_stride, s->columns, sums[r]);
  }
}

typedef void tile_function(const span *s, size_t row);

/// A function for each number of rows, so that weights are read once for any. None is inlined, so
/// that no register of one is spilled for another.
#define DEFINE_TILE(FORMAT, ROWS)                                                                  \
  __attribute__((target(TARGET), noinline)) static void FORMAT##_ahead_##ROWS(const span *s,       \
                                                                              size_t row) {        \
    tile(FORMAT, s, row, ROWS, 1);                                                                 \
  }                                                                                                \
  __attribute__((target(TARGET), noinline)) static void FORMAT##_##ROWS(const span *s,             \
                                                                        size_t row) {              \
    tile(FORMAT, s, row, ROWS, 0);                                                                 \
  }

#define DEFINE_TILES(FORMAT)                                                                       \
  DEFINE_TILE(FORMAT, 1)                                                                           \
  DEFINE_TILE(FORMAT, 2)                                                                           \
  DEFINE_TILE(FORMAT, 3)                                                                           \
  DEFINE_TILE(FORMAT, 4)                                                                           \
  DEFINE_TILE(FORMAT, 5)                                                                           \
  DEFINE_TILE(FORMAT, 6)                                                                           \
  DEFINE_TILE(FORMAT, 7)                                                                           \
  DEFINE_TILE(FORMAT, 8)

DEFINE_TILES(CK_Q8_0)
DEFINE_TILES(CK_Q4_0)
DEFINE_TILES(CK_Q4_K)
DEFINE_TILES(CK_Q5_K)
DEFINE_TILES(CK_Q6_K)

/// The tiles of one row, two, … of a format whose names begin so.
#define TILES(PREFIX)                                                                              \
  {PREFIX##_1, PREFIX##_2, PREFIX##_3, PREFIX##_4, PREFIX##_5, PREFIX##_6, PREFIX##_7, PREFIX##_8}
#define TILES_OF(FORMAT) [FORMAT] = {TILES(FORMAT), TILES(FORMAT##_ahead)}

/// By format, whether later weights are asked for, and rows less one.
static tile_function *const tiles[][2][TILE_ROWS] = {TILES_OF(CK_Q8_0), TILES_OF(CK_Q4_0),
                                                     TILES_OF(CK_Q4_K), TILES_OF(CK_Q5_K),
                                                     TILES_OF(CK_Q6_K)};

/// `rows` rows, one or more, with one panel. Its weights come from memory for the first of them,
/// then from cache.
static void multiply_panel(ck_block_format format, const span *s, size_t rows) {
  size_t row = rows < TILE_ROWS ? rows : TILE_ROWS;
  // A single row has so little to multiply that its own loads run far ahead, in one stream, and
  // asking for lines only takes their places: 0.9 of what plain reading reaches instead of 0.67.
  int ahead = rows > 1 || ck_is_super(format);
  tiles[format][ahead][row - 1](s, 0);
  while (row < rows) {
    size_t count = rows - row < TILE_ROWS ? rows - row : TILE_ROWS;
    tiles[format][0][count - 1](s, row);
    row += count;
  }
}

void ck_quantized_product_avx512(ck_block_format format, const ck_row_block *input, size_t rows,
                                 size_t depth, const void *packed, size_t columns, float *result,
                                 size_t result_stride) {
  size_t blocks = depth / CK_BLOCK, panel_bytes = ck_panel_bytes(format, depth);
  for (size_t row = 0; row < rows; row += ROW_BLOCK) {
    size_t count = rows - row < ROW_BLOCK ? rows - row : ROW_BLOCK;
    for (size_t column = 0; column < columns; column += CK_PANEL) {
      size_t width = columns - column < CK_PANEL ? columns - column : CK_PANEL;
      span s = {input + row * blocks,
                depth,
                (const uint8_t *)packed + column / CK_PANEL * panel_bytes,
                (__mmask16)((1u << width) - 1),
                result + row * result_stride + column,
                result_stride};
      multiply_panel(format, &s, count);
    }
  }
}
#endif
