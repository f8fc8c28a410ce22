// Attention over KV blocks.
//
// Scores, softmax and the weighted sum run over positions in order, so a token's result does not depend on
// the chunk it was computed in.
#include "CKernels.h"

enum { LANES = 8 };

typedef struct {
  const float *keys;
  const float *values;
} block_head;

static inline block_head locate(const ck_kv_layer *layer, size_t kv_head, uint32_t block) {
  size_t offset =
      (size_t)block * layer->block_stride + kv_head * layer->block_tokens * layer->head_width;
  return (block_head){layer->keys + offset, layer->values + offset};
}

static inline size_t tokens_in_block(const ck_kv_layer *layer, size_t index, size_t positions) {
  size_t rest = positions - index * layer->block_tokens;
  return rest < layer->block_tokens ? rest : layer->block_tokens;
}

__attribute__((always_inline)) static inline float dot(const float *a, const float *b,
                                                       size_t count) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; i++) lanes[i % LANES] += a[i] * b[i];
  float pairs[4];
  for (int lane = 0; lane < 4; lane++) pairs[lane] = lanes[lane] + lanes[lane + 4];
  return (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]);
}

__attribute__((always_inline)) static inline void attend(const ck_kv_layer *layer, size_t kv_head,
                                                         const float *query,
                                                         const uint32_t *blocks, size_t positions,
                                                         float scale, float *scores,
                                                         float *result) {
  size_t width = layer->head_width;
  size_t block_count = (positions + layer->block_tokens - 1) / layer->block_tokens;
  for (size_t index = 0; index < block_count; index++) {
    block_head head = locate(layer, kv_head, blocks[index]);
    size_t tokens = tokens_in_block(layer, index, positions);
    float *block_scores = scores + index * layer->block_tokens;
    for (size_t token = 0; token < tokens; token++) {
      block_scores[token] = scale * dot(query, head.keys + token * width, width);
    }
  }
  ck_softmax(scores, positions);
  for (size_t i = 0; i < width; i++) result[i] = 0;
  for (size_t index = 0; index < block_count; index++) {
    block_head head = locate(layer, kv_head, blocks[index]);
    size_t tokens = tokens_in_block(layer, index, positions);
    for (size_t token = 0; token < tokens; token++) {
      float weight = scores[index * layer->block_tokens + token];
      const float *value = head.values + token * width;
      for (size_t i = 0; i < width; i++) result[i] += weight * value[i];
    }
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma,f16c")))
static void attend_avx2(const ck_kv_layer *layer, size_t kv_head, const float *query,
                        const uint32_t *blocks, size_t positions, float scale, float *scores,
                        float *result) {
  attend(layer, kv_head, query, blocks, positions, scale, scores, result);
}
#endif

void ck_attend(ck_instructions instructions, const ck_kv_layer *layer, size_t kv_head,
               const float *query, const uint32_t *blocks, size_t positions, float scale,
               float *scores, float *result) {
#if defined(__x86_64__)
  if (instructions >= CK_AVX2) {
    attend_avx2(layer, kv_head, query, blocks, positions, scale, scores, result);
    return;
  }
#endif
  (void)instructions;
  attend(layer, kv_head, query, blocks, positions, scale, scores, result);
}
