/// Blocks of quantised numbers as GGML defines them and GGUF files hold them.
#ifndef CKERNELS_GGML_BLOCKS_H
#define CKERNELS_GGML_BLOCKS_H

#include <stddef.h>

/// GGML's block formats that are read; the numbers are GGML's own.
typedef enum {
  /// 32 numbers in 18 bytes, see CK_Q4_0.
  CK_GGML_Q4_0 = 2,
  /// 32 numbers in 34 bytes, see CK_Q8_0.
  CK_GGML_Q8_0 = 8,
  /// 256 numbers in 144 bytes: f16 d and m; 12 bytes with a 6-bit scale and minimum for each 32
  /// numbers; 128 bytes of nibbles, the low ones of 32 bytes before the high ones. A number is
  /// d * scale * nibble - m * minimum.
  CK_GGML_Q4_K = 12,
  /// 256 numbers in 176 bytes: as Q4_K with 32 bytes of fifth bits before the nibbles.
  CK_GGML_Q5_K = 13,
  /// 256 numbers in 210 bytes: 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales,
  /// one for each 16 numbers; f16 d. A number is d * scale * (six bits - 32).
  CK_GGML_Q6_K = 14
} ck_ggml_block;

/// Numbers of one block.
size_t ck_ggml_block_elements(ck_ggml_block block);

/// Bytes of one block.
size_t ck_ggml_block_bytes(ck_ggml_block block);

/// Blocks to f32 values[count], the bits that GGML's reference gives without fused operations.
/// `count` is a multiple of the block's numbers; `blocks` may stand at any address.
void ck_ggml_widen(ck_ggml_block block, const void *blocks, size_t count, float *values);

#endif
