// Attention over KV blocks: the portable twin, and the choice of a kernel.
#include "attention.h"

enum { LANES = 8, WINDOW = CK_ATTENTION_WINDOW };

size_t ck_attention_scratch(size_t head_width) {
  return CK_ATTENTION_ROWS * (2 * ck_attention_stride(head_width) + WINDOW);
}

static float dot(ck_format format, const float *query, const void *keys, size_t first,
                 size_t width) {
  float lanes[LANES] = {0};
  for (size_t i = 0; i < width; i++) lanes[i % LANES] += query[i] * ck_load(format, keys, first + i);
  float pairs[4];
  for (int lane = 0; lane < 4; lane++) pairs[lane] = lanes[lane] + lanes[lane + 4];
  return (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
}

/// One head of one token over its `positions`.
static void attend_portable(const ck_kv_layer *layer, size_t kv_head, const uint32_t *blocks,
                            size_t positions, const float *query, float scale, float *result) {
  size_t width = layer->head_width;
  float largest = -INFINITY, total = 0;
  for (size_t i = 0; i < width; i++) result[i] = 0;
  for (size_t window = 0; window < positions; window += WINDOW) {
    size_t count = positions - window < WINDOW ? positions - window : WINDOW;
    float weights[WINDOW];
    size_t rows[WINDOW];
    float before = largest;
    for (size_t i = 0; i < count; i++) {
      size_t position = window + i, slot = position % layer->block_tokens;
      rows[i] = blocks[position / layer->block_tokens] * layer->block_stride +
                (kv_head * layer->block_tokens + slot) * width;
      weights[i] = scale * dot(layer->format, query, layer->keys, rows[i], width);
      largest = weights[i] > largest ? weights[i] : largest;
    }
    float shrink = expf(before - largest);
    total *= shrink;
    for (size_t i = 0; i < width; i++) result[i] *= shrink;
    for (size_t i = 0; i < count; i++) {
      float weight = expf(weights[i] - largest);
      total += weight;
      for (size_t n = 0; n < width; n++) {
        result[n] += weight * ck_load(layer->format, layer->values, rows[i] + n);
      }
    }
  }
  for (size_t i = 0; i < width; i++) result[i] /= total;
}

void ck_attend(ck_instructions instructions, const ck_kv_layer *layer, size_t kv_head,
               const uint32_t *blocks, const ck_attention *attention, float *scratch) {
#if defined(__x86_64__)
  if (instructions == CK_AVX512) {
    ck_attend_avx512(layer, kv_head, blocks, attention, scratch);
    return;
  }
  if (instructions >= CK_AVX2) {
    ck_attend_avx2(layer, kv_head, blocks, attention, scratch);
    return;
  }
#endif
  (void)instructions;
  (void)scratch;
  for (size_t token = 0; token < attention->tokens; token++) {
    for (size_t head = 0; head < attention->heads; head++) {
      size_t offset = token * attention->token_stride + head * layer->head_width;
      attend_portable(layer, kv_head, blocks,
                      attention->positions + (attention->is_causal ? token : 0),
                      attention->queries + offset, attention->scale, attention->result + offset);
    }
  }
}
