// Activation functions on AVX2.
#if defined(__x86_64__)
#include "vectors_avx2.h"

#include "elementwise_blocked.h"

__attribute__((target("avx2,fma,f16c")))
void ck_silu_multiply_avx2(float *gate, const float *up, size_t count) {
  silu_multiply(gate, up, count);
}

__attribute__((target("avx2,fma,f16c")))
void ck_quick_gelu_avx2(float *values, size_t count) {
  quick_gelu(values, count);
}
#endif
