// Attention over KV blocks, written once over the vectors of the file that includes it.
//
// A group of rows passes over the positions in windows that begin at multiples of WINDOW. For each
// window: scores, their exponentials against the largest score so far, and the weighted sum of the
// values, with what came before scaled down when the largest grows (arXiv 1805.02867). The windows
// and the order inside them are fixed, so a row's result does not depend on the rows beside it or on
// the chunk that it is computed in.
#include "attention.h"
#include "exponential.h"
#include "product_tile.h"

/// Positions of a window, a multiple of all LANES.
enum { WINDOW = CK_ATTENTION_WINDOW };

/// Rows that pass together: keys and values are brought into the caches once for all of them.
enum { GROUP_ROWS = CK_ATTENTION_ROWS };

/// A group of rows. All matrices are f32.
typedef struct {
  size_t rows;
  size_t width;
  /// Numbers from one row to the next of `queries` and `sums`: a multiple of LANES.
  size_t stride;
  float *queries;
  float *sums;
  /// [rows, WINDOW]: scores, then weights.
  float *weights;
  float largest[GROUP_ROWS];
  float total[GROUP_ROWS];
  /// How many positions each row sees.
  size_t positions[GROUP_ROWS];
} group;

/// Positions of the window that `row` sees.
KERNEL size_t seen(const group *g, size_t row, size_t window) {
  if (g->positions[row] <= window) return 0;
  size_t rest = g->positions[row] - window;
  return rest < WINDOW ? rest : WINDOW;
}

/// Scores of all rows for `count` positions whose keys lie one after the other.
KERNEL void score(ck_format format, const group *g, const char *keys, size_t count, float *scores) {
  operands o = {.input = g->queries,
                .input_stride = g->stride,
                .weights = keys,
                .weight_stride = g->width,
                .count = g->width,
                .result = scores,
                .result_stride = WINDOW};
  size_t rows = g->rows;
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
    strip(format, o, TILE_ROWS, count, ASKS_NOTHING);
    o.input += TILE_ROWS * o.input_stride;
    o.result += TILE_ROWS * o.result_stride;
  }
  switch (rows) {
  case 5: strip(format, o, 5, count, ASKS_NOTHING); break;
  case 4: strip(format, o, 4, count, ASKS_NOTHING); break;
  case 3: strip(format, o, 3, count, ASKS_NOTHING); break;
  case 2: strip(format, o, 2, count, ASKS_NOTHING); break;
  case 1: strip(format, o, 1, count, ASKS_NOTHING); break;
  default: break;
  }
}

/// From a row's scores in the window to weights, and what came before to their scale. Weights of
/// positions that the row does not see are zero up to `width`.
KERNEL void weigh(group *g, size_t row, size_t window, size_t width) {
  float *weights = g->weights + row * WINDOW;
  size_t count = seen(g, row, window);
  for (size_t i = count; i < width || i % LANES != 0; i++) weights[i] = -INFINITY;
  vector largest = all(g->largest[row]);
  for (size_t i = 0; i < count; i += LANES) largest = larger(largest, load_row(weights + i));
  float now = largest_lane(largest);
  // A row that sees nothing yet has no largest score to subtract.
  vector shift = all(now == -INFINITY ? 0 : -now);
  vector total = zero();
  for (size_t i = 0; i < width; i += LANES) {
    vector weight = exponential(add(load_row(weights + i), shift));
    store(weights + i, weight);
    total = add(total, weight);
  }
  float before[LANES];
  store(before, exponential(add(all(g->largest[row]), shift)));
  float sum = _mm_cvtss_f32(sums_of_four(total, total, total, total));
  g->total[row] = g->total[row] * before[0] + sum;
  g->largest[row] = now;
  if (before[0] == 1) return;
  vector scale = all(before[0]);
  float *sums = g->sums + row * g->stride;
  for (size_t i = 0; i < g->stride; i += LANES) {
    store(sums + i, multiply(load_row(sums + i), scale));
  }
}

/// Adds the weighted values of `count` positions to `rows` rows' sums, `vectors` of them wide from
/// number `first` on. Rows and vectors are constants where this is inlined.
KERNEL void add_values(ck_format format, const group *g, size_t row, size_t rows,
                       const char *const *values, size_t count, size_t first_number,
                       size_t vectors) {
  vector sums[VALUE_ROWS][VALUE_VECTORS];
  float *target = g->sums + row * g->stride + first_number;
  const float *weights = g->weights + row * WINDOW;
  for (size_t r = 0; r < rows; r++)
    for (size_t v = 0; v < vectors; v++) sums[r][v] = load_row(target + r * g->stride + v * LANES);
  for (size_t position = 0; position < count; position++) {
    vector value[VALUE_VECTORS];
    for (size_t v = 0; v < vectors; v++) {
      value[v] = load_weights(format, values[position], first_number + v * LANES);
    }
    for (size_t r = 0; r < rows; r++) {
      vector weight = all(weights[r * WINDOW + position]);
      for (size_t v = 0; v < vectors; v++) {
        sums[r][v] = multiply_add(weight, value[v], sums[r][v]);
      }
    }
  }
  for (size_t r = 0; r < rows; r++)
    for (size_t v = 0; v < vectors; v++) store(target + r * g->stride + v * LANES, sums[r][v]);
}

/// The same for the last numbers of a width that is no multiple of LANES.
KERNEL void add_value_tails(ck_format format, const group *g, const char *const *values,
                            size_t count, size_t first_number) {
  size_t left = g->width - first_number;
  for (size_t row = 0; row < g->rows; row++) {
    float *target = g->sums + row * g->stride + first_number;
    vector sum = load_row(target);
    for (size_t position = 0; position < count; position++) {
      vector value = load_weights_tail(format, values[position], first_number, left);
      sum = multiply_add(all(g->weights[row * WINDOW + position]), value, sum);
    }
    store(target, sum);
  }
}

KERNEL void add_all_values(ck_format format, const group *g, const char *const *values,
                           size_t count) {
  size_t number = 0;
  for (; number + LANES <= g->width;) {
    int wide = number + VALUE_VECTORS * LANES <= g->width;
    size_t row = 0;
    for (; row + VALUE_ROWS <= g->rows; row += VALUE_ROWS) {
      if (wide) {
        add_values(format, g, row, VALUE_ROWS, values, count, number, VALUE_VECTORS);
      } else {
        add_values(format, g, row, VALUE_ROWS, values, count, number, 1);
      }
    }
    for (; row < g->rows; row++) {
      if (wide) {
        add_values(format, g, row, 1, values, count, number, VALUE_VECTORS);
      } else {
        add_values(format, g, row, 1, values, count, number, 1);
      }
    }
    number += (wide ? VALUE_VECTORS : 1) * LANES;
  }
  if (number < g->width) add_value_tails(format, g, values, count, number);
}

/// One window of positions from `window` on, `count` of them.
KERNEL void pass_window(ck_format format, const ck_kv_layer *layer, size_t kv_head,
                        const uint32_t *blocks, group *g, size_t window, size_t count) {
  size_t bytes = ck_size_of(format), row_bytes = layer->head_width * bytes;
  const char *values[WINDOW];
  for (size_t done = 0; done < count;) {
    size_t position = window + done, slot = position % layer->block_tokens;
    size_t here = layer->block_tokens - slot;
    if (here > count - done) here = count - done;
    size_t offset = (blocks[position / layer->block_tokens] * layer->block_stride +
                     (kv_head * layer->block_tokens + slot) * layer->head_width) *
                    bytes;
    score(format, g, (const char *)layer->keys + offset, here, g->weights + done);
    for (size_t i = 0; i < here; i++) {
      values[done + i] = (const char *)layer->values + offset + i * row_bytes;
      ask(values[done + i], row_bytes);
    }
    done += here;
  }
  for (size_t row = 0; row < g->rows; row++) weigh(g, row, window, count);
  add_all_values(format, g, values, count);
}

/// Rows `first` to `first + g->rows` of the attention, rows being heads within tokens.
KERNEL void attend_group(ck_format format, const ck_kv_layer *layer, size_t kv_head,
                         const uint32_t *blocks, const ck_attention *a, size_t first_row,
                         group *g) {
  for (size_t r = 0; r < g->rows; r++) {
    size_t token = (first_row + r) / a->heads, head = (first_row + r) % a->heads;
    const float *query = a->queries + token * a->token_stride + head * g->width;
    float *packed = g->queries + r * g->stride, *sums = g->sums + r * g->stride;
    for (size_t i = 0; i < g->width; i++) packed[i] = query[i] * a->scale;
    for (size_t i = 0; i < g->stride; i++) sums[i] = 0;
    g->largest[r] = -INFINITY;
    g->total[r] = 0;
    g->positions[r] = a->positions + (a->is_causal ? token : 0);
  }
  size_t positions = g->positions[g->rows - 1];
  for (size_t window = 0; window < positions; window += WINDOW) {
    size_t count = positions - window < WINDOW ? positions - window : WINDOW;
    pass_window(format, layer, kv_head, blocks, g, window, count);
  }
  for (size_t r = 0; r < g->rows; r++) {
    size_t token = (first_row + r) / a->heads, head = (first_row + r) % a->heads;
    float *result = a->result + token * a->token_stride + head * g->width;
    const float *sums = g->sums + r * g->stride;
    for (size_t i = 0; i < g->width; i++) result[i] = sums[i] / g->total[r];
  }
}

KERNEL void attend(ck_format format, const ck_kv_layer *layer, size_t kv_head,
                   const uint32_t *blocks, const ck_attention *a, float *scratch) {
  size_t stride = ck_attention_stride(layer->head_width);
  group g = {.width = layer->head_width,
             .stride = stride,
             .queries = scratch,
             .sums = scratch + GROUP_ROWS * stride,
             .weights = scratch + 2 * GROUP_ROWS * stride};
  size_t rows = a->tokens * a->heads;
  for (size_t row = 0; row < rows; row += GROUP_ROWS) {
    g.rows = rows - row < GROUP_ROWS ? rows - row : GROUP_ROWS;
    attend_group(format, layer, kv_head, blocks, a, row, &g);
  }
}
