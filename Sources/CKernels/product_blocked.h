// The blocked product, written once over the vectors of the file that includes it.
//
// That file defines: KERNEL, which inlines and gives the target; `vector` with LANES numbers;
// zero(); load_row and load_row_tail of f32; load_weights and load_weights_tail of a format;
// multiply_add; store; sums_of_four vectors' lanes; the tile that its registers hold, TILE_ROWS
// (at most 4) x TILE_COLUMNS; and WIDENED_ROWS.
//
// Both operands are contiguous along the depth. The depth goes in chunks; within one every result
// is summed in the same lanes in the same order, then lane to lane, and the chunks are added up in
// order. So a result is the same bits whatever tile it falls into, and the order of the other loops
// is free: one tile's width of columns after the other, chunk by chunk, with each chunk all rows
// of a block. The weights stream past once for all of them, and both operands of a tile stay in
// cache. Streams as short as a column are no pattern to a hardware prefetcher, so the kernel asks
// ahead by itself.

/// Numbers of the depth that are summed in lanes: a tile's operands fit into the first-level cache.
enum { CHUNK = 1024 };

/// Rows that stay in the caches while all weights stream past.
enum { ROW_BLOCK = 96 };

/// For one or two rows it takes more columns to keep the units busy and the memory asked.
enum { FEW_ROWS = 2, WIDE_COLUMNS = 8 };

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

/// Asks for bytes that are used later.
KERNEL void ask(const char *start, size_t bytes) {
  for (size_t byte = 0; byte < bytes; byte += 64) _mm_prefetch(start + byte, _MM_HINT_T0);
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

/// Format, rows, columns and `ahead` are constants where this is inlined.
KERNEL void tile(ck_format format, const operands *o, size_t rows, size_t columns, int ahead) {
  size_t bytes = ck_size_of(format), column_bytes = o->weight_stride * bytes;
  vector sums[TILE_ROWS][WIDE_COLUMNS];
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) sums[r][c] = zero();
  }
  size_t k = 0;
  for (; k + LANES <= o->count; k += LANES) {
    vector x[TILE_ROWS];
    for (size_t r = 0; r < rows; r++) x[r] = load_row(o->input + r * o->input_stride + k);
    if (ahead) ask(o->ahead + k * columns * bytes, LANES * columns * bytes);
    for (size_t c = 0; c < columns; c++) {
      vector w = load_weights(format, o->weights + c * column_bytes, k);
      for (size_t r = 0; r < rows; r++) sums[r][c] = multiply_add(x[r], w, sums[r][c]);
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

/// All rows with `columns` columns. If these are `fresh`, their weights come from memory, and the
/// first tile asks for those of the next columns.
KERNEL void tiles(ck_format format, operands o, size_t rows, size_t columns, int fresh) {
  if (fresh && rows >= TILE_ROWS) {
    tile(format, &o, TILE_ROWS, columns, 1);
    rows -= TILE_ROWS;
    o.input += TILE_ROWS * o.input_stride;
    o.result += TILE_ROWS * o.result_stride;
  }
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
    tile(format, &o, TILE_ROWS, columns, 0);
    o.input += TILE_ROWS * o.input_stride;
    o.result += TILE_ROWS * o.result_stride;
  }
  switch (rows) {
  case 3: tile(format, &o, 3, columns, fresh); break;
  case 2: tile(format, &o, 2, columns, fresh); break;
  case 1: tile(format, &o, 1, columns, fresh); break;
  default: break;
  }
}

/// `width` columns, which may be fewer than a tile has.
KERNEL void strip(ck_format format, operands o, size_t rows, size_t width, int fresh) {
  if (width == TILE_COLUMNS) {
    tiles(format, o, rows, TILE_COLUMNS, fresh);
    return;
  }
  for (size_t c = 0; c < width; c++) {
    tiles(format, o, rows, 1, 0);
    o.weights += o.weight_stride * ck_size_of(format);
    o.result += 1;
  }
}

/// `width` columns of a chunk as f32, [width, CHUNK].
KERNEL void widen_chunk(ck_format format, const operands *o, size_t width, float *widened) {
  size_t bytes = ck_size_of(format);
  for (size_t c = 0; c < width; c++) {
    const char *column = o->weights + c * o->weight_stride * bytes;
    float *target = widened + c * CHUNK;
    ask(o->ahead + c * o->count * bytes, o->count * bytes);
    size_t k = 0;
    for (; k + LANES <= o->count; k += LANES) store(target + k, load_weights(format, column, k));
    for (; k < o->count; k++) target[k] = ck_load(format, column, k);
  }
}

/// All columns with a block of rows.
KERNEL void multiply(ck_format format, operands whole, size_t rows, size_t columns) {
  size_t bytes = ck_size_of(format), depth = whole.count;
  size_t step = rows <= FEW_ROWS ? WIDE_COLUMNS : TILE_COLUMNS;
  int widens = format == CK_F16 && rows >= WIDENED_ROWS;
  float widened[TILE_COLUMNS * CHUNK];
  for (size_t column = 0; column < columns; column += step) {
    size_t width = smaller(columns - column, step);
    // Once even without any depth, for the zeros.
    size_t k = 0;
    do {
      operands o = whole;
      o.input += k;
      o.weights += (column * o.weight_stride + k) * bytes;
      o.count = smaller(depth - k, CHUNK);
      o.ahead = whole.weights + ((column + width) * o.weight_stride + k * width) * bytes;
      o.result += column;
      o.adds = k > 0;
      if (width == WIDE_COLUMNS && rows == 1) {
        tile(format, &o, 1, WIDE_COLUMNS, 1);
      } else if (width == WIDE_COLUMNS && rows == 2) {
        tile(format, &o, 2, WIDE_COLUMNS, 1);
      } else if (widens) {
        widen_chunk(format, &o, width, widened);
        o.weights = (const char *)widened;
        o.weight_stride = CHUNK;
        strip(CK_F32, o, rows, width, 0);
      } else {
        strip(format, o, rows, width, 1);
      }
      k += CHUNK;
    } while (k < depth);
  }
}

KERNEL void product(ck_format format, const float *input, size_t rows, size_t depth,
                    const void *weights, size_t columns, float *result, size_t result_stride) {
  for (size_t row = 0; row < rows; row += ROW_BLOCK) {
    operands o = {.input = input + row * depth,
                  .input_stride = depth,
                  .weights = weights,
                  .weight_stride = depth,
                  .count = depth,
                  .result = result + row * result_stride,
                  .result_stride = result_stride};
    multiply(format, o, smaller(rows - row, ROW_BLOCK), columns);
  }
}
