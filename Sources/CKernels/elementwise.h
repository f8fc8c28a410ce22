// The kernels of activation functions.
#ifndef CK_ELEMENTWISE_H
#define CK_ELEMENTWISE_H

#include "CKernels.h"

#if defined(__x86_64__)
void ck_silu_multiply_avx2(float *gate, const float *up, size_t count);
void ck_silu_multiply_avx512(float *gate, const float *up, size_t count);
void ck_quick_gelu_avx2(float *values, size_t count);
void ck_quick_gelu_avx512(float *values, size_t count);
#endif

#endif
