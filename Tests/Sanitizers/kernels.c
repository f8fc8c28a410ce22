// Every kernel on random shapes, in memory that ends where the operands end: against the portable twin, with
// results that are NaN until they are written. AddressSanitizer and UndefinedBehaviorSanitizer watch.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static uint64_t state = 88172645463325252u;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static size_t between(size_t low, size_t high) { return low + next() % (high - low + 1); }

static float number(void) { return (float)(next() % 20001) / 10000 - 1; }

/// Memory of exactly so many bytes; where that does not matter to the kernel, at an odd multiple of `alignment`.
static void *exactly(size_t bytes, size_t alignment) {
  void *memory = NULL;
  if (posix_memalign(&memory, alignment < 8 ? 8 : alignment, bytes ? bytes : 1)) abort();
  return memory;
}

static float *numbers(size_t count) {
  float *values = exactly(count * sizeof *values, 4);
  for (size_t i = 0; i < count; i++) values[i] = number();
  return values;
}

static float *poisoned(size_t count) {
  float *values = exactly(count * sizeof *values, 4);
  for (size_t i = 0; i < count; i++) values[i] = NAN;
  return values;
}

static void compare(const char *what, const float *a, const float *b, size_t count, float bound) {
  for (size_t i = 0; i < count; i++) {
    if (!(fabsf(a[i] - b[i]) <= bound * (1 + fabsf(b[i])))) {
      fprintf(stderr, "%s: number %zu of %zu is %g, its twin's %g\n", what, i, count, a[i], b[i]);
      exit(1);
    }
  }
}

static void products(ck_instructions kind) {
  size_t rows = between(1, 17), depth = between(1, 1300), columns = between(1, 40);
  ck_format format = (ck_format)between(0, 2);
  float *input = numbers(rows * depth), *wide = numbers(columns * depth);
  uint16_t *narrow = exactly(columns * depth * 2, 2);
  for (size_t i = 0; i < columns * depth; i++) {
    if (format == CK_BF16) {
      uint32_t bits;
      memcpy(&bits, wide + i, sizeof bits);
      narrow[i] = (uint16_t)(bits >> 16);
    }
  }
  if (format == CK_F16) ck_narrow_f16(kind, wide, columns * depth, narrow);
  const void *weights = format == CK_F32 ? (void *)wide : (void *)narrow;
  float *result = poisoned(rows * columns), *twin = poisoned(rows * columns);
  ck_product(kind, format, input, rows, depth, weights, columns, result, columns);
  ck_product(CK_PORTABLE, format, input, rows, depth, weights, columns, twin, columns);
  compare("product", result, twin, rows * columns, 2e-4f);
  free(input), free(wide), free(narrow), free(result), free(twin);
}

static void quantized_products(ck_instructions kind) {
  ck_block_format format = (ck_block_format)between(0, 4);
  size_t stored = ck_block_elements(format), per_stored = stored / CK_BLOCK;
  size_t rows = between(1, 19), columns = between(1, 50);
  size_t blocks = between(1, 40 / per_stored) * per_stored, depth = blocks * CK_BLOCK;
  float *input = numbers(rows * depth), *weights = numbers(columns * depth);
  size_t plain_bytes = columns * (depth / stored) * ck_block_bytes(format);
  char *plain = exactly(plain_bytes, 2);
  if (stored > CK_BLOCK) {
    for (size_t i = 0; i < plain_bytes; i++) plain[i] = (char)between(0, 255);
    // Finite scales: the two f16 at a block's start, or the one at the end of Q6_K's.
    size_t block_bytes = ck_block_bytes(format);
    for (size_t i = 0; i < plain_bytes; i += block_bytes) {
      if (format == CK_Q6_K) plain[i + block_bytes - 1] = 0x20;
      else plain[i + 1] = plain[i + 3] = 0x20;
    }
  } else {
    ck_quantize_blocks(format, weights, columns * depth, plain);
  }
  char *packed = exactly(ck_packed_bytes(format, depth, columns), 64);
  ck_pack_blocks(format, plain, depth, columns, packed);
  char *column = exactly(plain_bytes / columns, 2);
  ck_unpack_blocks(format, packed, depth, columns - 1, column);
  if (memcmp(column, plain + plain_bytes - plain_bytes / columns, plain_bytes / columns) != 0) {
    fprintf(stderr, "packed blocks come out changed\n");
    exit(1);
  }
  ck_row_block *x = exactly(rows * blocks * sizeof *x, 4), *y = exactly(rows * blocks * sizeof *y, 4);
  ck_quantize_rows(kind, input, rows, depth, x);
  ck_quantize_rows(CK_PORTABLE, input, rows, depth, y);
  if (memcmp(x, y, rows * blocks * sizeof *x) != 0) {
    fprintf(stderr, "rows in 8 bits differ from their twin's\n");
    exit(1);
  }
  float *result = poisoned(rows * columns), *twin = poisoned(rows * columns);
  ck_quantized_product(kind, format, x, rows, depth, packed, columns, result, columns);
  ck_quantized_product(CK_PORTABLE, format, x, rows, depth, packed, columns, twin, columns);
  compare("quantised product", result, twin, rows * columns, 0);
  free(input), free(weights), free(plain), free(column), free(packed), free(x), free(y), free(result), free(twin);
}

static void attention(ck_instructions kind) {
  size_t width = between(1, 150), heads = between(1, 5), tokens = between(1, 20), kv_heads = between(1, 3);
  size_t block_tokens = between(1, 40), positions = between(tokens, 200);
  size_t block_count = (positions - 1) / block_tokens + 1, stride = kv_heads * block_tokens * width;
  float *keys = numbers(block_count * stride), *values = numbers(block_count * stride);
  uint16_t *half_keys = exactly(block_count * stride * 2, 2), *half_values = exactly(block_count * stride * 2, 2);
  ck_narrow_f16_finite(kind, keys, block_count * stride, half_keys);
  ck_narrow_f16_finite(kind, values, block_count * stride, half_values);
  uint32_t *blocks = exactly(block_count * sizeof *blocks, 4);
  for (size_t i = 0; i < block_count; i++) blocks[i] = (uint32_t)(block_count - 1 - i);
  int narrow = between(0, 1) == 1, is_causal = between(0, 1) == 1;
  ck_kv_layer layer = {narrow ? CK_F16 : CK_F32, narrow ? (void *)half_keys : keys,
                       narrow ? (void *)half_values : values, stride, block_tokens, width};
  size_t count = tokens * heads * width;
  float *queries = numbers(count), *result = poisoned(count), *twin = poisoned(count);
  float *scratch = poisoned(ck_attention_scratch(width));
  ck_attention job = {queries, result, heads * width, tokens, heads,
                      is_causal ? positions - tokens + 1 : positions, is_causal, 0.3f};
  size_t head = between(0, kv_heads - 1);
  ck_attend(kind, &layer, head, blocks, &job, scratch);
  job.result = twin;
  ck_attend(CK_PORTABLE, &layer, head, blocks, &job, scratch);
  compare("attention", result, twin, count, 2e-5f);
  free(keys), free(values), free(half_keys), free(half_values), free(blocks), free(queries), free(result);
  free(twin), free(scratch);
}

static void activations(ck_instructions kind) {
  size_t count = between(1, 100);
  float *values = numbers(count), *up = numbers(count), *twin = poisoned(count);
  for (size_t i = 0; i < count; i++) values[i] *= 20;
  memcpy(twin, values, count * sizeof *twin);
  ck_silu_multiply(kind, values, up, count);
  ck_silu_multiply(CK_PORTABLE, twin, up, count);
  compare("SwiGLU", values, twin, count, 2e-6f);
  ck_quick_gelu(kind, values, count);
  ck_quick_gelu(CK_PORTABLE, twin, count);
  compare("GELU", values, twin, count, 1e-5f);
  float *wide = poisoned(count);
  uint16_t *halves = exactly(count * 2, 2);
  ck_narrow_f16(kind, values, count, halves);
  ck_widen(kind, CK_F16, halves, count, wide);
  compare("f16", wide, values, count, 1e-3f);
  free(values), free(up), free(twin), free(wide), free(halves);
}

int main(int count, char **arguments) {
  size_t rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 300, kinds = 0;
  for (ck_instructions kind = CK_PORTABLE; kind <= CK_AVX512; kind++) {
    if (!ck_has_instructions(kind)) continue;
    kinds++;
    for (size_t round = 0; round < rounds; round++) {
      products(kind);
      quantized_products(kind);
      attention(kind);
      activations(kind);
    }
  }
  printf("kernels: %zu rounds on each of %zu instruction sets\n", rounds, kinds);
  return 0;
}
