import CZeroMQ
import Glibc

/// Answers ZeroMQ's question whether a peer may connect (ZAP, ZeroMQ RFC 27), one a context.
///
/// A thread of its own: it sleeps until somebody shakes hands, and a reactor that is busy does not
/// hold up the handshakes of the others.
enum Authenticator {
  private static let endpoint = "inproc://zeromq.zap.01"

  /// The socket on its way to the thread, which alone uses it from then on.
  private struct Handed: @unchecked Sendable { let handle: SocketHandle }

  /// Binds the socket that ZeroMQ asks, and starts the thread. It ends with the context.
  static func start(in context: MessagingContext) throws(MessagingError) {
    let handle = try context.makeHandle(type: ZMQ_REP)
    _ = handle.set(ZMQ_LINGER, Int32(0))
    guard handle.bind(endpoint) else { throw .fromZeroMQ(while: "starting authentication") }
    let handed = Handed(handle: handle)
    let thread = try ReactorThread.start(name: "authenticator") { serve(handed.handle) }
    pthread_detach(thread)
  }

  private static func serve(_ handle: SocketHandle) {
    defer { handle.close() }
    while let request = receive(handle) {
      guard handle.reply(answer(to: request)) else { return }
    }
  }

  /// The frames of the next request; `nil` when the context ends.
  private static func receive(_ handle: SocketHandle) -> [[UInt8]]? {
    var frames: [[UInt8]] = []
    while true {
      guard let part = handle.receivePart(byteLimit: 1024, waits: true) else { return nil }
      if frames.count < 16 { frames.append(part.bytes ?? []) }
      if !part.hasMore { return frames }
    }
  }

  /// Version, request, domain, address, identity, mechanism and the key, in this order.
  static func answer(to request: [[UInt8]]) -> [[UInt8]] {
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
    return reply(list.refusesForGood ? "400" : "300")
  }
}
