// What the machine itself can do, as a measure for the kernels.
#ifndef CKERNELS_MACHINE_H
#define CKERNELS_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/// Reads `count` bytes, a multiple of 256, from 64-byte aligned memory as fast as one core can. The sum of
/// what was read is returned so that reading cannot be left out.
uint64_t ck_read_bytes(const void *bytes, size_t count);

/// Runs `rounds` of independent fused multiply-adds in registers, with the widest vectors of this CPU.
/// Adds their floating-point operations, two each, to `operations`, and returns a number that depends on all
/// of them.
float ck_multiply_add(size_t rounds, uint64_t *operations);

#endif
