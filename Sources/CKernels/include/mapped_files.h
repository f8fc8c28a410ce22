// Mapped files whose bytes cannot be read any more: which file, and where.
#ifndef CKERNELS_MAPPED_FILES_H
#define CKERNELS_MAPPED_FILES_H

#include <stddef.h>
#include <stdint.h>

/// Notes that `length` bytes at `start` map the file at `path` from `offset` on. Returns a number for
/// `ck_mapping_forget`; -1 where no more can be noted, which costs an explanation and nothing else.
int ck_mapping_note(const void *start, size_t length, const char *path, uint64_t offset);

/// Forgets a mapping before it ends. -1 is passed over.
void ck_mapping_forget(int number);

/// From now on a thread that touches bytes of a noted mapping that cannot be read (SIGBUS: the file was cut
/// short, or its disk fails) writes a `ck_mapping_fault` to `descriptor` and stops there for ever. Other bus
/// errors end the process as they did. Returns 0, or the number of an error.
int ck_mapping_faults_report(int descriptor);

enum { CK_MAPPING_PATH = 1024 };

/// Where bytes could not be read.
typedef struct {
  uint64_t offset;
  /// As much of the file's path as fits, ending with a zero.
  char path[CK_MAPPING_PATH];
} ck_mapping_fault;

#endif
