// Activation functions, written once over the vectors of the file that includes it.
#include "elementwise.h"
#include "exponential.h"

/// x * sigmoid(steepness * x).
KERNEL vector gated(vector x, float steepness) {
  return divide(x, add(all(1), exponential(multiply(x, all(-steepness)))));
}

KERNEL void silu_multiply(float *gate, const float *up, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    store(gate + i, multiply(gated(load_row(gate + i), 1), load_row(up + i)));
  }
  if (i == count) return;
  vector x = load_row_tail(gate + i, count - i), y = load_row_tail(up + i, count - i);
  store_tail(gate + i, multiply(gated(x, 1), y), count - i);
}

KERNEL void quick_gelu(float *values, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(values + i, gated(load_row(values + i), 1.702f));
  if (i == count) return;
  store_tail(values + i, gated(load_row_tail(values + i, count - i), 1.702f), count - i);
}
