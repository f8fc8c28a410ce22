import CZeroMQ
import Glibc

/// An eventfd: one thread polls it, any thread signals it.
final class Wakeup: Sendable {
  /// The descriptor to poll for reading.
  let descriptor: Int32

  init() throws(MessagingError) {
    descriptor = czmq_eventfd_create()
    if descriptor < 0 { throw .fromZeroMQ(errno, while: "starting a reactor") }
  }

  deinit { Glibc.close(descriptor) }

  /// Makes the descriptor readable.
  func signal() { czmq_eventfd_signal(descriptor) }

  /// Makes the descriptor unreadable again.
  func drain() { czmq_eventfd_drain(descriptor) }
}
