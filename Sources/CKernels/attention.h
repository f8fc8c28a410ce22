// The kernels of attention.
#ifndef CK_ATTENTION_H
#define CK_ATTENTION_H

#include <math.h>

#include "CKernels.h"
#include "product.h"

enum { CK_ATTENTION_WINDOW = 64, CK_ATTENTION_ROWS = 24 };

/// Numbers that a head's row takes in scratch memory: whole vectors.
static inline size_t ck_attention_stride(size_t head_width) { return (head_width + 15) / 16 * 16; }

#if defined(__x86_64__)
void ck_attend_avx2(const ck_kv_layer *layer, size_t kv_head, const uint32_t *blocks,
                    const ck_attention *attention, float *scratch);
void ck_attend_avx512(const ck_kv_layer *layer, size_t kv_head, const uint32_t *blocks,
                      const ck_attention *attention, float *scratch);
#endif

#endif
