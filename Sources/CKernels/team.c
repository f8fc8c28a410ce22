// Waiting on words by futex, and threads on chosen CPUs.
#define _GNU_SOURCE
#include "team.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// Looks at the word between two looks at the clock.
enum { LOOKS = 32 };

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline bool is_over(uint32_t value, uint32_t reference, bool until_equal) {
  return (value == reference) == until_equal;
}

static void await(ck_word *word, uint32_t reference, bool until_equal, uint64_t spin_nanoseconds) {
  if (is_over(ck_word_load(word), reference, until_equal)) return;
  if (spin_nanoseconds > 0) {
    uint64_t end = now() + spin_nanoseconds;
    do {
      for (int look = 0; look < LOOKS; look++) {
        if (is_over(ck_word_load(word), reference, until_equal)) return;
        pause_briefly();
      }
    } while (now() < end);
  }
  __atomic_fetch_add(&word->sleepers, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    uint32_t value = ck_word_load(word);
    if (is_over(value, reference, until_equal)) break;
    // Returns at once if the value is another by now.
    syscall(SYS_futex, &word->value, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
  }
  __atomic_fetch_sub(&word->sleepers, 1, __ATOMIC_SEQ_CST);
}

void ck_word_await_change(ck_word *word, uint32_t old, uint64_t spin_nanoseconds) {
  await(word, old, false, spin_nanoseconds);
}

void ck_word_await_zero(ck_word *word, uint64_t spin_nanoseconds) {
  await(word, 0, true, spin_nanoseconds);
}

void ck_word_wake(ck_word *word) {
  if (__atomic_load_n(&word->sleepers, __ATOMIC_SEQ_CST) == 0) return;
  syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/// CPU numbers that are looked at.
enum { PROCESSORS_MAX = 8192 };

size_t ck_processors(int32_t *numbers, size_t capacity) {
  cpu_set_t *set = CPU_ALLOC(PROCESSORS_MAX);
  size_t size = CPU_ALLOC_SIZE(PROCESSORS_MAX), count = 0;
  if (set == NULL) return 0;
  CPU_ZERO_S(size, set);
  if (sched_getaffinity(0, size, set) == 0) {
    for (int number = 0; number < PROCESSORS_MAX; number++) {
      if (!CPU_ISSET_S(number, size, set)) continue;
      if (count < capacity) numbers[count] = number;
      count++;
    }
  }
  CPU_FREE(set);
  return count;
}

typedef struct {
  void (*body)(void *argument);
  void *argument;
} start;

static void *run(void *pointer) {
  start here = *(start *)pointer;
  free(pointer);
  here.body(here.argument);
  return NULL;
}

/// Calls `apply` with a set of one CPU.
static int with_processor(int32_t processor, int (*apply)(void *target, size_t, cpu_set_t *),
                          void *target) {
  if (processor < 0 || processor >= PROCESSORS_MAX) return EINVAL;
  cpu_set_t *set = CPU_ALLOC(PROCESSORS_MAX);
  if (set == NULL) return ENOMEM;
  size_t size = CPU_ALLOC_SIZE(PROCESSORS_MAX);
  CPU_ZERO_S(size, set);
  CPU_SET_S(processor, size, set);
  int failure = apply(target, size, set);
  CPU_FREE(set);
  return failure;
}

static int set_attribute(void *attributes, size_t size, cpu_set_t *set) {
  return pthread_attr_setaffinity_np(attributes, size, set);
}

static int set_current(void *unused, size_t size, cpu_set_t *set) {
  (void)unused;
  return pthread_setaffinity_np(pthread_self(), size, set);
}

int ck_thread_start(ck_thread *thread, const char *name, int32_t processor,
                    void (*body)(void *argument), void *argument) {
  start *here = calloc(1, sizeof *here);
  if (here == NULL) return ENOMEM;
  here->body = body;
  here->argument = argument;
  pthread_attr_t attributes;
  int failure = pthread_attr_init(&attributes);
  if (failure == 0) {
    if (processor >= 0) failure = with_processor(processor, set_attribute, &attributes);
    pthread_t handle;
    if (failure == 0) failure = pthread_create(&handle, &attributes, run, here);
    if (failure == 0) {
      // The kernel keeps 15 bytes and refuses more.
      char kept[16] = {0};
      strncpy(kept, name, sizeof kept - 1);
      pthread_setname_np(handle, kept);
      thread->handle = (uintptr_t)handle;
    }
    pthread_attr_destroy(&attributes);
  }
  if (failure != 0) free(here);
  return failure;
}

void ck_thread_join(ck_thread thread) { pthread_join((pthread_t)thread.handle, NULL); }

int ck_thread_bind(int32_t processor) { return with_processor(processor, set_current, NULL); }
