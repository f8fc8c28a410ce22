/// Sockets that tensors and KV blocks travel through.

internal import Messaging

/// How they are set up, and when one is of no more use.
enum TensorSockets {
  /// A manifest with all its files is the largest message.
  private static let messageBytes = 24 << 20

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
  static func end(_ event: SocketEvent) -> String? {
    switch event {
    case .disconnected: "has gone"
    case .keyRefused: "does not accept this worker's key"
    case .handshakeFailed(_, let reason): "cannot be spoken to: \(reason)"
    default: nil
    }
  }
}
