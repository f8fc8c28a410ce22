import CZeroMQ
import Glibc

/// One ZeroMQ socket, as thin as can be: every call is one call of libzmq, errors are its numbers.
/// Used by one thread at a time.
final class SocketHandle {
  /// What became of a message that was offered without waiting.
  enum SendOutcome {
    case sent
    /// ZeroMQ takes no message at the moment.
    case wouldBlock
    /// No such peer (router only).
    case unreachable
    case failed(Int32)
  }

  private var pointer: UnsafeMutableRawPointer?
  /// The message being sent or received. On the heap, as small messages live inside this structure
  /// and their bytes must not move.
  private let message: UnsafeMutablePointer<zmq_msg_t>
  /// Becomes readable when something happened to the socket (edge-triggered); -1, which `poll`
  /// passes over, once the socket is closed.
  private(set) var descriptor: Int32

  init(_ pointer: UnsafeMutableRawPointer) {
    self.pointer = pointer
    message = .allocate(capacity: 1)
    var descriptor: Int32 = -1
    var size = MemoryLayout<Int32>.size
    zmq_getsockopt(pointer, ZMQ_FD, &descriptor, &size)
    self.descriptor = descriptor
  }

  deinit {
    close()
    message.deallocate()
  }

  /// Gives the socket back to ZeroMQ, which delivers what was sent within its linger.
  func close() {
    guard let pointer else { return }
    zmq_close(pointer)
    self.pointer = nil
    descriptor = -1
  }

  func set(_ option: Int32, _ value: Int32) -> Bool {
    withUnsafeBytes(of: value) { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) == 0 }
  }

  func set(_ option: Int32, _ value: Int64) -> Bool {
    withUnsafeBytes(of: value) { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) == 0 }
  }

  func set(_ option: Int32, _ value: [UInt8]) -> Bool {
    zmq_setsockopt(pointer, option, value, value.count) == 0
  }

  func bind(_ endpoint: String) -> Bool { zmq_bind(pointer, endpoint) == 0 }
  func unbind(_ endpoint: String) -> Bool { zmq_unbind(pointer, endpoint) == 0 }
  func connect(_ endpoint: String) -> Bool { zmq_connect(pointer, endpoint) == 0 }
  func disconnect(_ endpoint: String) -> Bool { zmq_disconnect(pointer, endpoint) == 0 }

  /// Starts the socket's monitor on an inproc endpoint; `nil` ends it.
  func monitor(_ endpoint: String?) -> Bool {
    // Without the event that announces the end: sending it would wait for room.
    let events = ZMQ_EVENT_ALL & ~ZMQ_EVENT_MONITOR_STOPPED
    return zmq_socket_monitor(pointer, endpoint, endpoint == nil ? 0 : events) == 0
  }

  /// The endpoint of the last bind or connect, with wildcards resolved.
  var lastEndpoint: String? {
    var text = [UInt8](repeating: 0, count: 512)
    var size = text.count
    guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else { return nil }
    return String(decoding: text.prefix(max(0, size - 1)), as: UTF8.self)
  }

  /// What can be done now, or `nil` with `zmq_errno` set. Asking also takes in ZeroMQ's news, so
  /// that the descriptor falls silent until there is more.
  func readiness() -> (canReceive: Bool, canSend: Bool)? {
    var events: Int32 = 0
    var size = MemoryLayout<Int32>.size
    while zmq_getsockopt(pointer, ZMQ_EVENTS, &events, &size) != 0 {
      if zmq_errno() != EINTR { return nil }
    }
    return (events & Int32(ZMQ_POLLIN) != 0, events & Int32(ZMQ_POLLOUT) != 0)
  }

  /// Offers one message, with the routing frame in front for a router. Copies the bytes once.
  func send(_ bytes: [UInt8], to peer: PeerIdentity?) -> SendOutcome {
    // The memory comes first: once the routing frame is in, the payload has to follow.
    guard zmq_msg_init_size(message, bytes.count) == 0 else { return .failed(zmq_errno()) }
    if let peer {
      let routed = retrying {
        zmq_send(pointer, peer.bytes, peer.bytes.count, ZMQ_DONTWAIT | ZMQ_SNDMORE)
      }
      if routed < 0 { return giveUp() }
    }
    if !bytes.isEmpty { memcpy(zmq_msg_data(message), bytes, bytes.count) }
    return retrying { zmq_msg_send(message, pointer, ZMQ_DONTWAIT) } < 0 ? giveUp() : .sent
  }

  /// Sends the parts of one message, waiting for room; false when the context ends.
  func reply(_ parts: [[UInt8]]) -> Bool {
    for (index, part) in parts.enumerated() {
      let flags = index == parts.count - 1 ? 0 : ZMQ_SNDMORE
      guard retrying({ zmq_send(pointer, part, part.count, flags) }) >= 0 else { return false }
    }
    return true
  }

  private func giveUp() -> SendOutcome {
    let number = zmq_errno()
    zmq_msg_close(message)
    switch number {
    case EAGAIN: return .wouldBlock
    case EHOSTUNREACH: return .unreachable
    default: return .failed(number)
    }
  }

  /// One part of a message: its size and, if it keeps the limit, its bytes (copied once).
  struct Part {
    var bytes: [UInt8]?
    var byteCount: Int
    /// Whether another part of the same message follows.
    var hasMore: Bool
    /// Who sent it, where the socket authenticates.
    var sender: PublicKey?
    /// The connection's descriptor, where the socket authenticates.
    var descriptor: Int32 = -1
  }

  /// The next part, without waiting unless `waits`; `nil` with `zmq_errno` set if there is none.
  func receivePart(
    byteLimit: Int, waits: Bool = false, authenticates: Bool = false
  ) -> Part? {
    zmq_msg_init(message)
    let flags = waits ? 0 : ZMQ_DONTWAIT
    guard retrying({ zmq_msg_recv(message, pointer, flags) }) >= 0 else {
      let number = zmq_errno()
      zmq_msg_close(message)
      errno = number
      return nil
    }
    defer { zmq_msg_close(message) }
    let count = zmq_msg_size(message)
    var part = Part(bytes: nil, byteCount: count, hasMore: zmq_msg_more(message) != 0)
    if authenticates {
      if let user = zmq_msg_gets(message, "User-Id") {
        part.sender = PublicKey(trusted: String(cString: user))
      }
      part.descriptor = zmq_msg_get(message, ZMQ_SRCFD)
    }
    if count <= byteLimit {
      part.bytes = Array(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: count))
    }
    return part
  }

  /// Repeats a call that a signal interrupted.
  private func retrying(_ call: () -> Int32) -> Int32 {
    while true {
      let result = call()
      if result >= 0 || zmq_errno() != EINTR { return result }
    }
  }
}
