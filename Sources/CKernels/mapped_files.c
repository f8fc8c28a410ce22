// A table of mapped files that a signal handler can read, and the handler.
#define _GNU_SOURCE
#include "mapped_files.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

/// Each tensor of a checkpoint is one mapping; the largest models have some thousands.
enum { MAPPINGS = 1 << 15 };

/// A mapping; none where `start` is 0, which is written last and erased first.
typedef struct {
  uintptr_t start;
  size_t length;
  uint64_t offset;
  char *path;
} mapping;

static mapping mappings[MAPPINGS];
/// Entries behind this one have never been used.
static int used;
static pthread_mutex_t changes = PTHREAD_MUTEX_INITIALIZER;
static int reports = -1;

int ck_mapping_note(const void *start, size_t length, const char *path, uint64_t offset) {
  char *copy = strndup(path, CK_MAPPING_PATH - 1);
  if (!copy) return -1;
  pthread_mutex_lock(&changes);
  int number = 0;
  while (number < used && mappings[number].start) number++;
  if (number == MAPPINGS) {
    pthread_mutex_unlock(&changes);
    free(copy);
    return -1;
  }
  mapping *entry = &mappings[number];
  *entry = (mapping){.length = length, .offset = offset, .path = copy};
  __atomic_store_n(&entry->start, (uintptr_t)start, __ATOMIC_RELEASE);
  if (number == used) __atomic_store_n(&used, number + 1, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&changes);
  return number;
}

void ck_mapping_forget(int number) {
  if (number < 0) return;
  pthread_mutex_lock(&changes);
  mapping *entry = &mappings[number];
  __atomic_store_n(&entry->start, 0, __ATOMIC_RELEASE);
  // Nobody reads the mapping any more, so no handler needs its path.
  free(entry->path);
  entry->path = NULL;
  pthread_mutex_unlock(&changes);
}

static const mapping *find(uintptr_t address) {
  int count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
  for (int number = 0; number < count; number++) {
    uintptr_t start = __atomic_load_n(&mappings[number].start, __ATOMIC_ACQUIRE);
    if (start && address >= start && address - start < mappings[number].length) {
      return &mappings[number];
    }
  }
  return NULL;
}

static void report(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  const mapping *entry = find(address);
  if (!entry) {
    // The instruction is repeated, and its fault ends the process.
    signal(number, SIG_DFL);
    return;
  }
  ck_mapping_fault fault = {.offset = entry->offset + (address - entry->start)};
  memcpy(fault.path, entry->path, strlen(entry->path));
  // Less than PIPE_BUF: whole, or not at all.
  while (write(reports, &fault, sizeof fault) < 0 && errno == EINTR) {
  }
  for (;;) pause();
}

int ck_mapping_faults_report(int descriptor) {
  reports = descriptor;
  struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : errno;
}
