import CZeroMQ
import Glibc
import Synchronization

/// A ZeroMQ context: the I/O threads that all its sockets share, and the room in which `inproc://`
/// names are known. A process needs one, `shared`; tests make their own.
public final class MessagingContext: Sendable {
  /// The context of this process.
  public static let shared = MessagingContext()

  private enum State {
    case unopened
    case open(Handle)
    case terminated
  }

  /// ZeroMQ lets any thread use a context, so the pointer may travel.
  private struct Handle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
  }

  private let ioThreads: Int
  private let maxSockets: Int
  private let state = Mutex(State.unopened)
  /// Whether somebody answers ZeroMQ who may connect.
  private let authenticates = Mutex(false)

  /// A context that starts its threads with its first socket.
  ///
  /// - Parameters:
  ///   - ioThreads: threads that move bytes, held to 1...16. One moves about 1 GB/s.
  ///   - maxSockets: ZeroMQ sockets at one time, held to 3...65,000. Each `Socket` takes three:
  ///     itself and the two ends of its monitor.
  public init(ioThreads: Int = 1, maxSockets: Int = 3072) {
    self.ioThreads = min(max(ioThreads, 1), 16)
    self.maxSockets = min(max(maxSockets, 3), 65_000)
  }

  /// Ends the context. Sockets that are still open close themselves; the call returns when all
  /// of them have delivered what they could within their linger. Idempotent. Must not be called on
  /// a reactor's thread, which has to close the sockets meanwhile.
  public func terminate() {
    precondition(!CurrentReactor.exists, "terminate() on a reactor's thread never returns")
    end()
  }

  deinit {
    // Sockets hold their context, so none is open here; only their linger may be waited for.
    end()
  }

  private func end() {
    let handle: Handle? = state.withLock { state in
      defer { state = .terminated }
      if case .open(let handle) = state { return handle }
      return nil
    }
    guard let handle else { return }
    while zmq_ctx_term(handle.pointer) != 0, zmq_errno() == EINTR {}
  }

  /// A new ZeroMQ socket. Throws `.closed` after `terminate()`, `.system` without resources.
  func makeHandle(type: Int32) throws(MessagingError) -> SocketHandle {
    // Inside the lock, so that the context cannot be freed meanwhile.
    let socket = try state.withLock { (state) throws(MessagingError) -> Handle in
      let context = try open(&state)
      guard let socket = zmq_socket(context.pointer, type) else {
        throw .fromZeroMQ(while: "creating a socket")
      }
      return Handle(pointer: socket)
    }
    return SocketHandle(socket.pointer)
  }

  /// Sees to it that ZeroMQ asks before it lets a peer in; must come before a socket with keys is
  /// bound, as ZeroMQ lets everybody in while there is nobody to ask.
  func authenticate() throws(MessagingError) {
    try authenticates.withLock { (isStarted) throws(MessagingError) in
      guard !isStarted else { return }
      try Authenticator.start(in: self)
      isStarted = true
    }
  }

  private func open(_ state: inout State) throws(MessagingError) -> Handle {
    switch state {
    case .terminated:
      throw MessagingError(.closed, "The messaging context has been terminated")
    case .open(let handle):
      return handle
    case .unopened:
      guard let pointer = zmq_ctx_new() else {
        throw .fromZeroMQ(while: "creating the messaging context")
      }
      zmq_ctx_set(pointer, ZMQ_IO_THREADS, Int32(ioThreads))
      zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, Int32(maxSockets))
      state = .open(Handle(pointer: pointer))
      return Handle(pointer: pointer)
    }
  }
}
