// Which instructions this CPU has.
#include "CKernels.h"

ck_instructions ck_best_instructions(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c")) {
    return CK_AVX2;
  }
#endif
  return CK_PORTABLE;
}
