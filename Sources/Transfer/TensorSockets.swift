/// Sockets that tensors and KV blocks travel through.

internal import Messaging

/// How they are set up, and when one is of no more use.
enum TensorSockets {
  /// A manifest with all its files is the largest message.
  private static let messageBytes = 24 << 20

  /// A connection to a holder, over which so many requests may be open. `keys`, our own, speak with the
  /// holder's alone; `isTrusted` says whether it is on the allow-list. `received` gets what comes, `ended` why
  /// it can be asked no more; neither is called once the socket is closed.
  ///
  /// To be called on the reactor's thread. Throws `MessagingError`.
  static func connect(
    to holder: TensorHolder, on reactor: Reactor, window: Int, keys: KeyPair?, isTrusted: Bool,
    isInsecure: Bool, received: @escaping ([UInt8]) -> Void, ended: @escaping (String) -> Void
  ) throws(MessagingError) -> Socket {
    try holder.address.requireKeys(keys != nil, unless: isInsecure)
    var options = options(2 * window)
    if let keys {
      guard let key = holder.key, isTrusted else {
        throw MessagingError(.invalidKey, "its key is not on the allow-list")
      }
      options.security = .client(keys, server: key)
    }
    let socket = try reactor.makeSocket(.dealer, options: options)
    socket.onMessage = { _, bytes in received(bytes) }
    socket.onEvent = { event in if let reason = end(event) { ended(reason) } }
    do throws(MessagingError) { try socket.connect(holder.address) } catch {
      // The reactor would keep it.
      socket.close()
      throw error
    }
    return socket
  }

  /// With room for so many messages that a slow receiver has not taken.
  static func options(_ messages: Int) -> SocketOptions {
    var options = SocketOptions()
    options.maxMessageBytes = messageBytes
    options.sendHighWaterMark = messages
    options.lingerMilliseconds = 0
    options.outboxBytes = 64 << 20
    return options
  }

  /// What an event says of a source that cannot be asked any more; nil of one that can.
  private static func end(_ event: SocketEvent) -> String? {
    switch event {
    case .disconnected: "has gone"
    case .keyRefused: "does not accept this worker's key"
    case .handshakeFailed(_, let reason): "cannot be spoken to: \(reason)"
    default: nil
    }
  }
}
