// libFuzzer's entry for programs that have a main of their own. It comes without a header.
#ifndef CFUZZING_H
#define CFUZZING_H

#include <stddef.h>
#include <stdint.h>

// Reads libFuzzer's options from the arguments, then calls `run` with one input after another.
int LLVMFuzzerRunDriver(int *count, char ***arguments,
                        int (*run)(const uint8_t *bytes, size_t count));

#endif
