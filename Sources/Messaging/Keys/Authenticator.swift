import CZeroMQ
import Glibc

/// Answers ZeroMQ's question whether a peer may connect (ZAP, ZeroMQ RFC 27), one a context.
///
/// A thread of its own: it sleeps until somebody shakes hands, and a reactor that is busy does not
/// hold up the handshakes of the others.
///
/// Where a list may still learn of a key, the answer waits for that: after a no, ZeroMQ would leave
/// the connection lying until its time for a handshake is over, and only then would the peer try
/// again.
enum Authenticator {
  private static let endpoint = "inproc://zeromq.zap.01"
  /// How long an answer waits for a list to learn of a key.
  static let patienceNanoseconds: UInt64 = 9_000_000_000
  /// How often lists are looked at again while an answer waits, in milliseconds.
  private static let lookMilliseconds: Int32 = 10

  /// The socket on its way to the thread, which alone uses it from then on.
  private struct Handed: @unchecked Sendable { let handle: SocketHandle }

  /// A question, and who asked it.
  private struct Question {
    /// Routing frames, up to the empty one.
    var envelope: [[UInt8]]
    /// Version, request, domain, address, identity, mechanism and the key, in this order.
    var request: [[UInt8]]
    var deadline: UInt64
  }

  /// Binds the socket that ZeroMQ asks, and starts the thread. It ends with the context.
  static func start(in context: MessagingContext) throws(MessagingError) {
    let handle = try context.makeHandle(type: ZMQ_ROUTER)
    _ = handle.set(ZMQ_LINGER, Int32(0))
    guard handle.bind(endpoint) else { throw .fromZeroMQ(while: "starting authentication") }
    let handed = Handed(handle: handle)
    let thread = try ReactorThread.start(name: "authenticator") { serve(handed.handle) }
    pthread_detach(thread)
  }

  private static func serve(_ handle: SocketHandle) {
    defer { handle.close() }
    var waiting: [Question] = []
    while true {
      _ = handle.set(ZMQ_RCVTIMEO, waiting.isEmpty ? -1 : lookMilliseconds)
      switch receive(handle) {
      case .question(let question): waiting.append(question)
      case .nothingYet: break
      case .ended: return
      }
      let now = MonotonicClock.nanoseconds()
      var unanswered: [Question] = []
      for question in waiting {
        guard let reply = answer(to: question.request, isFinal: now >= question.deadline) else {
          unanswered.append(question)
          continue
        }
        guard handle.reply(question.envelope + reply) else { return }
      }
      waiting = unanswered
    }
  }

  private enum Received {
    case question(Question)
    case nothingYet
    /// With the context.
    case ended
  }

  private static func receive(_ handle: SocketHandle) -> Received {
    var frames: [[UInt8]] = []
    while true {
      guard let part = handle.receivePart(byteLimit: 1024, waits: true) else {
        return zmq_errno() == EAGAIN ? .nothingYet : .ended
      }
      if frames.count < 32 { frames.append(part.bytes ?? []) }
      guard !part.hasMore else { continue }
      let end = (frames.firstIndex(of: []) ?? -1) + 1
      return .question(
        Question(
          envelope: Array(frames[..<end]), request: Array(frames[end...]),
          deadline: MonotonicClock.nanoseconds() + patienceNanoseconds))
    }
  }

  /// The frames of the reply; `nil` where a list may still learn of the key, unless it is final.
  static func answer(to request: [[UInt8]], isFinal: Bool) -> [[UInt8]]? {
    let number = request.count > 1 ? request[1] : []
    func reply(_ status: String, user: String = "") -> [[UInt8]] {
      [Array("1.0".utf8), number, Array(status.utf8), [], Array(user.utf8), []]
    }
    guard request.count >= 6, request[0] == Array("1.0".utf8) else { return reply("400") }
    let domain = String(decoding: request[2], as: UTF8.self)
    if request[5] == Array("NULL".utf8) {
      // Plaintext sockets of the same context, which name no list.
      return reply(domain.isEmpty ? "200" : "400")
    }
    guard request[5] == Array("CURVE".utf8), request.count == 7,
      let list = AllowList.named(domain), let key = try? PublicKey(bytes: request[6])
    else { return reply("400") }
    if list.contains(key) { return reply("200", user: key.text) }
    if list.refusesForGood { return reply("400") }
    return isFinal ? reply("300") : nil
  }
}
