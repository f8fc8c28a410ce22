// Attention on AVX-512.
#if defined(__x86_64__)
#include "vectors_avx512.h"

/// Sums that the registers hold beside a position's values and a weight.
enum { VALUE_ROWS = 6, VALUE_VECTORS = 4 };

#include "attention_blocked.h"

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
void ck_attend_avx512(const ck_kv_layer *layer, size_t kv_head, const uint32_t *blocks,
                    const ck_attention *attention, float *scratch) {
  switch (layer->format) {
  case CK_F32: attend(CK_F32, layer, kv_head, blocks, attention, scratch); break;
  case CK_F16: attend(CK_F16, layer, kv_head, blocks, attention, scratch); break;
  case CK_BF16: attend(CK_BF16, layer, kv_head, blocks, attention, scratch); break;
  }
}
#endif
