// Activation functions on AVX-512.
#if defined(__x86_64__)
#include "vectors_avx512.h"

#include "elementwise_blocked.h"

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
void ck_silu_multiply_avx512(float *gate, const float *up, size_t count) {
  silu_multiply(gate, up, count);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
void ck_quick_gelu_avx512(float *values, size_t count) {
  quick_gelu(values, count);
}
#endif
