import CZeroMQ
import Glibc

/// A POSIX thread that runs one closure.
///
/// A thread of its own rather than a task: it sits in `poll` and would hold one of the few threads
/// that Swift's tasks share.
enum ReactorThread {
  private final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread; the caller joins or detaches it. The kernel keeps 15 bytes of the name.
  static func start(
    name: String, _ body: @escaping @Sendable () -> Void
  ) throws(MessagingError) -> pthread_t {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        czmq_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    if failure != 0 {
      start.release()
      throw .fromZeroMQ(failure, while: "starting the thread of reactor \(name)")
    }
    return thread
  }
}
