// The blocked product, written once over the vectors of the file that includes it.
//
// Both operands are contiguous along the depth. The depth goes in chunks; within one every result
// is summed in the same lanes in the same order, then lane to lane, and the chunks are added up in
// order. So a result is the same bits whatever tile it falls into, and the order of the other loops
// is free: a block of columns stays in the second-level cache while all rows pass; a tile's rows
// stay in the first-level cache while the block's columns pass, which are the smaller stream.
// Streams as short as a chunk are no pattern to a hardware prefetcher, so the kernel asks ahead by
// itself.
#include "product_tile.h"

/// Numbers of the depth that are summed in lanes: a tile's operands fit into the first-level cache.
enum { CHUNK = 1024 };

/// So few rows are bound by the memory: the weights pass in the order in which they lie there.
enum { FEW_ROWS = 2 };

/// All rows with `width` columns over one chunk. Their weights come from memory if they are
/// `fresh`.
KERNEL void chunk(ck_format format, operands o, size_t rows, size_t width, int fresh) {
  if (fresh && rows >= TILE_ROWS) {
    strip(format, o, TILE_ROWS, width, ASKS_BY_COLUMN);
    rows -= TILE_ROWS;
    o.input += TILE_ROWS * o.input_stride;
    o.result += TILE_ROWS * o.result_stride;
    fresh = 0;
  }
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
    strip(format, o, TILE_ROWS, width, ASKS_NOTHING);
    o.input += TILE_ROWS * o.input_stride;
    o.result += TILE_ROWS * o.result_stride;
  }
  switch (rows) {
  case 5: strip(format, o, 5, width, ASKS_BY_COLUMN); break;
  case 4: strip(format, o, 4, width, ASKS_BY_COLUMN); break;
  case 3: strip(format, o, 3, width, ASKS_BY_COLUMN); break;
  case 2: strip(format, o, 2, width, ASKS_BY_COLUMN); break;
  case 1: strip(format, o, 1, width, ASKS_BY_COLUMN); break;
  default: break;
  }
}

/// `width` columns of a chunk as f32, [width, CHUNK].
KERNEL void widen_chunk(ck_format format, const operands *o, size_t width, float *widened) {
  size_t column_bytes = o->weight_stride * ck_size_of(format);
  for (size_t c = 0; c < width; c++) {
    const char *column = o->weights + c * column_bytes;
    float *target = widened + c * CHUNK;
    ask(column + column_bytes, o->count * ck_size_of(format));
    size_t k = 0;
    for (; k + LANES <= o->count; k += LANES) store(target + k, load_weights(format, column, k));
    for (; k < o->count; k++) target[k] = ck_load(format, column, k);
  }
}

/// One block of columns with all rows.
KERNEL void multiply_block(ck_format format, operands whole, size_t rows, size_t width) {
  size_t bytes = ck_size_of(format), depth = whole.count;
  int widens = rows >= WIDENED_ROWS;
  float widened[WIDENED_ROWS == SIZE_MAX ? 1 : COLUMN_BLOCK * CHUNK];
  // Once even without any depth, for the zeros.
  size_t k = 0;
  do {
    operands o = whole;
    o.input += k;
    o.weights += k * bytes;
    o.count = smaller(depth - k, CHUNK);
    o.ahead = whole.weights + (k + CHUNK < depth ? k + CHUNK : width * o.weight_stride) * bytes;
    o.adds = k > 0;
    if (widens) {
      widen_chunk(format, &o, width, widened);
      o.weights = (const char *)widened;
      o.weight_stride = CHUNK;
      chunk(CK_F32, o, rows, width, 0);
    } else {
      chunk(format, o, rows, width, 1);
    }
    k += CHUNK;
  } while (k < depth);
}

/// One or two rows, a tile's width of columns after the other.
KERNEL void multiply_few(ck_format format, operands whole, size_t rows, size_t columns) {
  size_t bytes = ck_size_of(format), depth = whole.count;
  for (size_t column = 0; column < columns; column += TILE_COLUMNS) {
    size_t width = smaller(columns - column, TILE_COLUMNS);
    size_t k = 0;
    do {
      operands o = whole;
      o.input += k;
      o.weights += (column * o.weight_stride + k) * bytes;
      o.count = smaller(depth - k, CHUNK);
      o.ahead = whole.weights + ((column + width) * o.weight_stride + k * width) * bytes;
      o.result += column;
      o.adds = k > 0;
      if (width < TILE_COLUMNS) {
        chunk(format, o, rows, width, 1);
      } else if (rows == 1) {
        tile(format, &o, 1, TILE_COLUMNS, ASKS_IN_A_ROW);
      } else {
        tile(format, &o, 2, TILE_COLUMNS, ASKS_IN_A_ROW);
      }
      k += CHUNK;
    } while (k < depth);
  }
}

KERNEL void product(ck_format format, const float *input, size_t rows, size_t depth,
                    const void *weights, size_t columns, float *result, size_t result_stride) {
  operands o = {.input = input,
                .input_stride = depth,
                .weights = weights,
                .weight_stride = depth,
                .count = depth,
                .result = result,
                .result_stride = result_stride};
  if (rows <= FEW_ROWS) {
    multiply_few(format, o, rows, columns);
    return;
  }
  for (size_t column = 0; column < columns; column += COLUMN_BLOCK) {
    multiply_block(format, o, rows, smaller(columns - column, COLUMN_BLOCK));
    o.weights += COLUMN_BLOCK * depth * ck_size_of(format);
    o.result += COLUMN_BLOCK;
  }
}
