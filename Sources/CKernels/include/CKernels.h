/// SIMD kernels of ChatSpot. Every kernel has a portable twin; the fastest that the CPU can run is chosen
/// at run time. All matrices are row-major, all numbers little-endian.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "team.h"

/// How stored weights are encoded.
typedef enum { CK_F32 = 0, CK_F16 = 1, CK_BF16 = 2 } ck_format;

/// Which instructions the kernels use.
typedef enum { CK_PORTABLE = 0, CK_AVX2 = 1 } ck_instructions;

/// The best instructions that this CPU has.
ck_instructions ck_best_instructions(void);

/// result[r][c] = sum over k of input[r][k] * weights[c][k], in f32.
///
/// input [rows, depth], weights [columns, depth] in `format`, result [rows, columns] with
/// `result_stride` numbers from one row to the next, so that columns can be shared out.
/// The sum over k is taken in one fixed order, so a row's result does not depend on how many rows
/// are multiplied with it: batching and splitting a prompt never change an answer.
void ck_product(ck_instructions instructions, ck_format format, const float *input, size_t rows,
                size_t depth, const void *weights, size_t columns, float *result,
                size_t result_stride);

/// values[count] in `format` to f32.
void ck_widen(ck_instructions instructions, ck_format format, const void *values, size_t count,
              float *result);

/// f32 values[count] to f16, rounded to nearest even.
void ck_narrow_f16(ck_instructions instructions, const float *values, size_t count,
                   uint16_t *result);

/// result = values / sqrt(mean(values^2) + epsilon) * weight, over one row of `width`.
void ck_rms_norm(const float *values, const float *weight, size_t width, float epsilon,
                 float *result);

/// result = (values - mean) / sqrt(variance + epsilon) * weight + bias, over one row of `width`.
void ck_layer_norm(const float *values, const float *weight, const float *bias, size_t width,
                   float epsilon, float *result);

/// values = softmax(values), in place.
void ck_softmax(float *values, size_t count);

/// gate = gate * sigmoid(gate) * up.
void ck_silu_multiply(float *gate, const float *up, size_t count);

/// values = values * sigmoid(1.702 * values).
void ck_quick_gelu(float *values, size_t count);

/// values = values * (1 + erf(values / sqrt 2)) / 2.
void ck_gelu(float *values, size_t count);

/// target += addend.
void ck_add(float *target, const float *addend, size_t count);

/// Where the KV blocks of one layer lie. A block holds [heads, block_tokens, head_width].
typedef struct {
  const float *keys;
  const float *values;
  /// Numbers from one block to the next.
  size_t block_stride;
  size_t block_tokens;
  size_t head_width;
} ck_kv_layer;

/// Attention of one query head over the first `positions` positions of a sequence.
///
/// query [head_width]; blocks[i] holds positions i * block_tokens …; scores is scratch of at least
/// `positions` numbers; result [head_width].
void ck_attend(ck_instructions instructions, const ck_kv_layer *layer, size_t kv_head,
               const float *query, const uint32_t *blocks, size_t positions, float scale,
               float *scores, float *result);

#endif
