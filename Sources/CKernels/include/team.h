// What the thread team needs of the system: atomic words that threads wait on, and threads on chosen CPUs.
#ifndef CKERNELS_TEAM_H
#define CKERNELS_TEAM_H

#include <stddef.h>
#include <stdint.h>

/// A number that threads share and wait on, on a cache line of its own.
///
/// All accesses are sequentially consistent: whoever changes `value` and then finds no sleepers may skip
/// the wake-up, because a sleeper counts itself before it looks at `value` for the last time.
typedef struct {
  uint32_t value;
  uint32_t sleepers;
  uint32_t unused[14];
} ck_word;

static inline uint32_t ck_word_load(const ck_word *word) {
  return __atomic_load_n(&word->value, __ATOMIC_SEQ_CST);
}

static inline void ck_word_store(ck_word *word, uint32_t value) {
  __atomic_store_n(&word->value, value, __ATOMIC_SEQ_CST);
}

/// Adds and returns the value before.
static inline uint32_t ck_word_add(ck_word *word, uint32_t addend) {
  return __atomic_fetch_add(&word->value, addend, __ATOMIC_SEQ_CST);
}

/// Stores `value` and returns the value before.
static inline uint32_t ck_word_exchange(ck_word *word, uint32_t value) {
  return __atomic_exchange_n(&word->value, value, __ATOMIC_SEQ_CST);
}

/// Returns once the value is not `old`: watches it for `spin_nanoseconds`, then sleeps.
void ck_word_await_change(ck_word *word, uint32_t old, uint64_t spin_nanoseconds);

/// Returns once the value is 0; waits as `ck_word_await_change` does.
void ck_word_await_zero(ck_word *word, uint64_t spin_nanoseconds);

/// Wakes every thread that sleeps on the word; costs one load if there is none.
void ck_word_wake(ck_word *word);

/// Numbers of the CPUs that this process may run on, ascending; returns how many there are, and writes the
/// first `capacity` of them.
size_t ck_processors(int32_t *numbers, size_t capacity);

/// A thread started by `ck_thread_start`.
typedef struct {
  uintptr_t handle;
} ck_thread;

/// Starts a thread that runs `body(argument)`; on one CPU only unless `processor` is negative. Returns 0 or
/// an errno.
int ck_thread_start(ck_thread *thread, const char *name, int32_t processor,
                    void (*body)(void *argument), void *argument);

/// Waits for the thread's end.
void ck_thread_join(ck_thread thread);

/// Binds the calling thread to one CPU. Returns 0 or an errno.
int ck_thread_bind(int32_t processor);

#endif
