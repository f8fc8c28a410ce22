// libzmq (4.3.4 and 4.3.5) and the system calls around it, as Swift can see them.
#ifndef CHATSPOT_CZEROMQ_SHIM_H
#define CHATSPOT_CZEROMQ_SHIM_H

#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

// ZeroMQ's own error numbers are sums of macros, which Swift does not import.
static inline int czmq_eterm(void) { return ETERM; }

// A non-blocking event counter; -1 with `errno` when the process has no file descriptor left.
static inline int czmq_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static inline void czmq_eventfd_signal(int descriptor) {
  const uint64_t one = 1;
  // The only failure of a non-blocking write is a full counter, which wakes the reader just as well.
  ssize_t written;
  do {
    written = write(descriptor, &one, sizeof one);
  } while (written < 0 && errno == EINTR);
}

static inline void czmq_eventfd_drain(int descriptor) {
  uint64_t count;
  ssize_t taken;
  do {
    taken = read(descriptor, &count, sizeof count);
  } while (taken < 0 && errno == EINTR);
}

// Names the calling thread; the kernel keeps 15 bytes.
static inline void czmq_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

#endif
