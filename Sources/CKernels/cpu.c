// Which instructions this CPU has.
#include "CKernels.h"

#if defined(__x86_64__)
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

int ck_has_instructions(ck_instructions instructions) {
  if (instructions == CK_PORTABLE) return 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!has_avx2()) return 0;
  switch (instructions) {
  case CK_AVX_VNNI: return __builtin_cpu_supports("avxvnni") != 0;
  case CK_AVX512: return has_avx512();
  default: return 1;
  }
#else
  return 0;
#endif
}

ck_instructions ck_best_instructions(void) {
  for (int instructions = CK_AVX512; instructions > CK_PORTABLE; instructions--) {
    if (ck_has_instructions((ck_instructions)instructions)) return (ck_instructions)instructions;
  }
  return CK_PORTABLE;
}
