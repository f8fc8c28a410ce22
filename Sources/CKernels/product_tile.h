// A tile of a product, written once over the vectors of the file that includes it.
//
// That file defines: KERNEL, which inlines and gives the target; `vector` with LANES numbers;
// zero(); load_row and load_row_tail of f32; load_weights and load_weights_tail of a format;
// multiply_add, and multiply_add_row of a row in memory; store; sums_of_four vectors' lanes; and
// the tile that its registers hold, TILE_ROWS (at most 6) x TILE_COLUMNS (4), with ROWS_HELD of its
// rows.
#ifndef CK_PRODUCT_TILE_H
#define CK_PRODUCT_TILE_H

/// Operands of a tile: `count` numbers of the depth, rows and columns so many numbers apart.
typedef struct {
  const float *input;
  size_t input_stride;
  const char *weights;
  size_t weight_stride;
  size_t count;
  /// The weights that come after these columns', asked for while these are multiplied.
  const char *ahead;
  float *result;
  size_t result_stride;
  /// Whether what is in the result already is added to.
  int adds;
} operands;

KERNEL size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/// Asks for bytes that are used later, as far as the second-level cache: the first has too few places
/// for lines on their way, and no room for a whole tile ahead.
KERNEL void ask(const char *start, size_t bytes) {
  for (size_t byte = 0; byte < bytes; byte += 64) _mm_prefetch(start + byte, _MM_HINT_T1);
}

/// Stores the sums of up to four vectors, or adds them to what is there.
KERNEL void add_four(float *target, const vector *sums, size_t count, int adds) {
  size_t last = smaller(count, 4) - 1;
  __m128 four =
      sums_of_four(sums[0], sums[smaller(1, last)], sums[smaller(2, last)], sums[last]);
  if (last == 3) {
    _mm_storeu_ps(target, adds ? _mm_add_ps(_mm_loadu_ps(target), four) : four);
    return;
  }
  float single[4];
  _mm_storeu_ps(single, four);
  for (size_t i = 0; i <= last; i++) target[i] = adds ? target[i] + single[i] : single[i];
}

/// How a tile asks for later weights.
enum {
  /// Not at all: other rows took these columns before.
  ASKS_NOTHING,
  /// For as many bytes as the tile takes, one after the other from `ahead` on.
  ASKS_IN_A_ROW,
  /// For the same stretch of as many columns from `ahead` on.
  ASKS_BY_COLUMN
};

/// Format, rows, columns and `asks` are constants where this is inlined.
KERNEL void tile(ck_format format, const operands *o, size_t rows, size_t columns, int asks) {
  size_t bytes = ck_size_of(format), column_bytes = o->weight_stride * bytes;
  vector sums[TILE_ROWS][TILE_COLUMNS];
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) sums[r][c] = zero();
  }
  size_t k = 0;
  for (; k + LANES <= o->count; k += LANES) {
    vector x[TILE_ROWS];
    size_t held = smaller(rows, ROWS_HELD);
    for (size_t r = 0; r < held; r++) x[r] = load_row(o->input + r * o->input_stride + k);
    if (asks == ASKS_IN_A_ROW) ask(o->ahead + k * columns * bytes, LANES * columns * bytes);
    for (size_t c = 0; c < columns; c++) {
      if (asks == ASKS_BY_COLUMN) ask(o->ahead + c * column_bytes + k * bytes, LANES * bytes);
      vector w = load_weights(format, o->weights + c * column_bytes, k);
      for (size_t r = 0; r < held; r++) sums[r][c] = multiply_add(x[r], w, sums[r][c]);
      for (size_t r = held; r < rows; r++) {
        sums[r][c] = multiply_add_row(o->input + r * o->input_stride + k, w, sums[r][c]);
      }
    }
  }
  if (k < o->count) {
    size_t left = o->count - k;
    for (size_t r = 0; r < rows; r++) {
      vector x = load_row_tail(o->input + r * o->input_stride + k, left);
      for (size_t c = 0; c < columns; c++) {
        vector w = load_weights_tail(format, o->weights + c * column_bytes, k, left);
        sums[r][c] = multiply_add(x, w, sums[r][c]);
      }
    }
  }
  for (size_t r = 0; r < rows; r++) {
    float *target = o->result + r * o->result_stride;
    for (size_t c = 0; c < columns; c += 4) add_four(target + c, sums[r] + c, columns - c, o->adds);
  }
}

/// Up to TILE_ROWS rows with `width` columns, which may be fewer than a tile has; `o->ahead` is what
/// the last of its tiles asks for.
KERNEL void strip(ck_format format, operands o, size_t rows, size_t width, int asks) {
  size_t tile_bytes = TILE_COLUMNS * o.weight_stride * ck_size_of(format);
  const char *last_ahead = o.ahead;
  size_t column = 0;
  for (; column + TILE_COLUMNS <= width; column += TILE_COLUMNS) {
    o.ahead = column + 2 * TILE_COLUMNS <= width ? o.weights + tile_bytes : last_ahead;
    tile(format, &o, rows, TILE_COLUMNS, asks);
    o.weights += tile_bytes;
    o.result += TILE_COLUMNS;
  }
  for (; column < width; column++) {
    tile(format, &o, rows, 1, ASKS_NOTHING);
    o.weights += o.weight_stride * ck_size_of(format);
    o.result += 1;
  }
}

#endif
