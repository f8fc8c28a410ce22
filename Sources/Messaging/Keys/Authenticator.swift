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
  private static let patienceNanoseconds: UInt64 = 9_000_000_000
  /// How often lists are looked at again while an answer waits, in milliseconds.
  private static let lookMilliseconds: Int32 = 10

  /// The socket on its way to the thread, which alone uses it from then on.
  private struct Handed: @unchecked Sendable { let handle: SocketHandle }

  /// Handshakes that wait for a list at one time: more than strangers may begin at one TCP socket while
  /// one waits.
  private static let waitingMax = 1024

  /// A handshake that waits for a list to learn of its key.
  private struct Waiting {
    var domain: String
    var key: PublicKey
    /// What goes in front of each answer.
    var envelope: [[UInt8]]
    var deadline: UInt64
  }

  /// What is said of a key.
  private enum Verdict {
    case isAllowed(PublicKey)
    /// There is no key: a plaintext socket of the same context, which names no list.
    case isPlain
    /// For good, and the peer is told so.
    case isRefused
    /// Not now; the peer tries again.
    case isUnknown
    /// By the list of a domain, which may still learn of the key.
    case isOpen(domain: String, PublicKey)
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
    var waiting: [Waiting] = []
    var lookedAt: UInt64 = 0
    while true {
      _ = handle.set(ZMQ_RCVTIMEO, waiting.isEmpty ? -1 : lookMilliseconds)
      let received = receive(handle)
      let now = MonotonicClock.nanoseconds()
      switch received {
      case .question(let frames):
        let (envelope, request) = split(frames)
        var verdict = verdict(on: request)
        if case .isOpen(let domain, let key) = verdict {
          if waiting.count < waitingMax {
            waiting.append(
              Waiting(
                domain: domain, key: key, envelope: envelope, deadline: now + patienceNanoseconds))
            continue
          }
          verdict = .isUnknown
        }
        guard handle.reply(envelope + answer(verdict)) else { return }
      case .nothingYet: break
      case .ended: return
      }
      guard now - lookedAt >= UInt64(lookMilliseconds) * 1_000_000 else { continue }
      lookedAt = now
      var stillWaiting: [Waiting] = []
      for one in waiting {
        let isAllowed = AllowList.named(one.domain)?.contains(one.key) == true
        guard isAllowed || now >= one.deadline else {
          stillWaiting.append(one)
          continue
        }
        let verdict = isAllowed ? Verdict.isAllowed(one.key) : .isUnknown
        guard handle.reply(one.envelope + answer(verdict)) else { return }
      }
      waiting = stillWaiting
    }
  }

  private enum Received {
    case question([[UInt8]])
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
      if !part.hasMore { return .question(frames) }
    }
  }

  private static let version = Array("1.0".utf8)

  /// Parts a question into what every answer to it begins with, that is routing frames up to an empty one,
  /// the version and the request's number; and the question itself: version, number, domain,
  /// address, identity, mechanism and the key, in this order.
  private static func split(_ frames: [[UInt8]]) -> (envelope: [[UInt8]], request: [[UInt8]]) {
    let end = (frames.firstIndex(of: []) ?? -1) + 1
    let request = Array(frames[end...])
    return (frames[..<end] + [version, request.count > 1 ? request[1] : []], request)
  }

  /// The frames of an answer behind its envelope.
  private static func answer(_ verdict: Verdict) -> [[UInt8]] {
    let (status, user) =
      switch verdict {
      case .isAllowed(let key): ("200", key.text)
      case .isPlain: ("200", "")
      case .isRefused: ("400", "")
      case .isUnknown, .isOpen: ("300", "")
      }
    return [Array(status.utf8), [], Array(user.utf8), []]
  }

  private static func verdict(on request: [[UInt8]]) -> Verdict {
    guard request.count >= 6, request[0] == version else { return .isRefused }
    let domain = String(decoding: request[2], as: UTF8.self)
    if request[5] == Array("NULL".utf8) { return domain.isEmpty ? .isPlain : .isRefused }
    guard request[5] == Array("CURVE".utf8), request.count == 7, let list = AllowList.named(domain),
      let key = try? PublicKey(bytes: request[6])
    else { return .isRefused }
    if list.contains(key) { return .isAllowed(key) }
    return list.refusesForGood ? .isRefused : .isOpen(domain: domain, key)
  }
}
