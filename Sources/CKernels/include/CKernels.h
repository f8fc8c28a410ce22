/// SIMD kernels of ChatSpot. Every kernel has a portable twin; the fastest that the CPU can run is chosen
/// at run time. All matrices are row-major, all numbers little-endian.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "ggml_blocks.h"
#include "machine.h"
#include "mapped_files.h"
#include "team.h"

/// How stored weights are encoded.
typedef enum { CK_F32 = 0, CK_F16 = 1, CK_BF16 = 2 } ck_format;

/// Which instructions the kernels use.
/// Each includes those before it where a kernel is not written
/// for it: AVX2 with FMA and F16C; AVX-VNNI on top of them; AVX-512 F, BW, DQ, VL and VNNI.
typedef enum { CK_PORTABLE = 0, CK_AVX2 = 1, CK_AVX_VNNI = 2, CK_AVX512 = 3 } ck_instructions;

/// The best instructions that this CPU has.
ck_instructions ck_best_instructions(void);

/// Whether this CPU has them. A CPU with AVX-512 need not have AVX-VNNI.
int ck_has_instructions(ck_instructions instructions);

/// result[r][c] = sum over k of input[r][k] * weights[c][k], in f32.
///
/// input [rows, depth], weights [columns, depth] in `format`, result [rows, columns] with
/// `result_stride` numbers from one row to the next, so that columns can be shared out.
/// The sum over k is taken in one fixed order, so a row's result does not depend on how many rows
/// are multiplied with it: batching and splitting a prompt never change an answer.
void ck_product(ck_instructions instructions, ck_format format, const float *input, size_t rows,
                size_t depth, const void *weights, size_t columns, float *result,
                size_t result_stride);

/// Numbers that share one scale in the quantised formats.
enum { CK_BLOCK = 32 };

/// Columns whose blocks lie interleaved in a packed matrix.
enum { CK_PANEL = 16 };

/// Quantised weights, as GGML defines them.
typedef enum {
  /// 32 numbers in 34 bytes: an f16 scale d, then 32 signed bytes; a number is byte * d.
  CK_Q8_0 = 0,
  /// 32 numbers in 18 bytes: an f16 scale d, then 16 bytes whose low nibbles are numbers 0..15 and
  /// whose high nibbles are numbers 16..31; a number is (nibble - 8) * d.
  CK_Q4_0 = 1,
  /// 256 numbers in 144, 176 and 210 bytes, see CK_GGML_Q4_K and so on. Nothing is quantised to
  /// these here.
  CK_Q4_K = 2,
  CK_Q5_K = 3,
  CK_Q6_K = 4
} ck_block_format;

/// Numbers of one block.
size_t ck_block_elements(ck_block_format format);

/// Bytes of one block.
size_t ck_block_bytes(ck_block_format format);

/// f32 values[count] to blocks, rounded as GGML's reference (`quantize_row_q8_0_ref`,
/// `quantize_row_q4_0_ref`) rounds them. `count` is a multiple of 32; the format is Q8_0 or Q4_0.
void ck_quantize_blocks(ck_block_format format, const float *values, size_t count, void *blocks);

/// Bytes of a packed matrix of `columns` columns of `depth` numbers; `depth` is a multiple of a
/// block's numbers.
///
/// A packed matrix is one panel after the other. A panel holds 16 columns, and in it two blocks of
/// the depth stand together: the 16 f16 scales of the first, those of the second, then the columns'
/// bytes of either, interleaved by fours, so that one vector holds four neighbours of each column.
/// Of an odd number of blocks the last has room for the scales of two. Of blocks of 256 numbers each
/// stands alone, with its scales and minima in whole bytes and the bits above four after the
/// nibbles: 148, 180 and 212 bytes a column. What is missing from the last panel is zeros. Panel p
/// begins at p * ck_packed_bytes(format, depth, 16); where the matrix begins at a multiple of
/// 64 bytes, so do all vectors.
size_t ck_packed_bytes(ck_block_format format, size_t depth, size_t columns);

/// Blocks of `columns` columns, one column after the other, to panels. Panels are independent, so
/// the work can be shared out from any multiple of 16 columns on.
void ck_pack_blocks(ck_block_format format, const void *blocks, size_t depth, size_t columns,
                    void *packed);

/// The blocks of one column of a packed matrix.
void ck_unpack_blocks(ck_block_format format, const void *packed, size_t depth, size_t column,
                      void *blocks);

/// One column of a packed matrix to f32, result [depth].
void ck_widen_packed(ck_block_format format, const void *packed, size_t depth, size_t column,
                     float *result);

/// A block of activations: value * scale.
typedef struct {
  float scale;
  /// scale times the values' sum: what a minimum of the weights is multiplied with.
  float sum;
  /// What the kernels add for taking weights as unsigned: -128 and -8 times the values' sum, and
  /// -32 times the sum of either half.
  int32_t offset_q8;
  int32_t offset_q4;
  int32_t offset_q6[2];
  int8_t values[CK_BLOCK];
} ck_row_block;

/// f32 input [rows, depth] to blocks [rows, depth / 32], each with scale = largest magnitude / 127
/// and values rounded to nearest even. Every instruction set gives the same bytes. A block with a
/// NaN or an infinity gets the scale NaN, so that its products are NaN too.
void ck_quantize_rows(ck_instructions instructions, const float *input, size_t rows, size_t depth,
                      ck_row_block *blocks);

/// result[r][c] = sum over k of input[r][k] * weights[c][k]: exact in integers within 32 numbers, and
/// fused multiply-adds in f32 over these in order. Hence every result is the same bits
/// whatever rows and columns are computed with it, and on every instruction set.
///
/// input [rows, depth / 32], `packed` from ck_pack_blocks; result [rows, columns] with
/// `result_stride` numbers from one row to the next. Columns are shared out by handing in the
/// address of a panel.
void ck_quantized_product(ck_instructions instructions, ck_block_format format,
                          const ck_row_block *input, size_t rows, size_t depth, const void *packed,
                          size_t columns, float *result, size_t result_stride);

/// values[count] in `format` to f32.
void ck_widen(ck_instructions instructions, ck_format format, const void *values, size_t count,
              float *result);

/// f32 values[count] to f16, rounded to nearest even.
void ck_narrow_f16(ck_instructions instructions, const float *values, size_t count,
                   uint16_t *result);

/// The same, but what is too large for an f16 becomes the largest one, so that it stays a number.
void ck_narrow_f16_finite(ck_instructions instructions, const float *values, size_t count,
                          uint16_t *result);

/// result = values / sqrt(mean(values^2) + epsilon) * weight, over one row of `width`.
void ck_rms_norm(const float *values, const float *weight, size_t width, float epsilon,
                 float *result);

/// result = (values - mean) / sqrt(variance + epsilon) * weight + bias, over one row of `width`.
void ck_layer_norm(const float *values, const float *weight, const float *bias, size_t width,
                   float epsilon, float *result);

/// gate = gate * sigmoid(gate) * up.
void ck_silu_multiply(ck_instructions instructions, float *gate, const float *up, size_t count);

/// values = values * sigmoid(1.702 * values).
void ck_quick_gelu(ck_instructions instructions, float *values, size_t count);

/// values = values * (1 + erf(values / sqrt 2)) / 2.
void ck_gelu(float *values, size_t count);

/// target += addend.
void ck_add(float *target, const float *addend, size_t count);

/// Where the KV blocks of one layer lie. A block holds [heads, block_tokens, head_width].
typedef struct {
  ck_format format;
  const void *keys;
  const void *values;
  /// Numbers from one block to the next.
  size_t block_stride;
  size_t block_tokens;
  size_t head_width;
} ck_kv_layer;

/// Consecutive tokens' query heads that share a key-value head.
typedef struct {
  /// [tokens, heads, head_width], `token_stride` numbers from one token to the next.
  const float *queries;
  /// Like `queries`.
  float *result;
  size_t token_stride;
  size_t tokens;
  size_t heads;
  /// How many positions the first token sees; not 0.
  size_t positions;
  /// Whether every further token sees one position more; otherwise all see the same.
  int is_causal;
  /// What scores are multiplied with.
  float scale;
} ck_attention;

/// Numbers of scratch memory that ck_attend takes.
size_t ck_attention_scratch(size_t head_width);

/// result = softmax(scale * queries . keys) . values, over the positions that each token sees.
///
/// blocks[i] holds positions i * block_tokens and so on. A token's result is the same bits whatever
/// tokens and heads are computed with it.
void ck_attend(ck_instructions instructions, const ck_kv_layer *layer, size_t kv_head,
               const uint32_t *blocks, const ck_attention *attention, float *scratch);

#endif
