import CZeroMQ

/// The four ways in which a socket exchanges messages.
public enum SocketKind: String, Sendable, CaseIterable {
  /// Talks to many peers, each by its identity.
  case router
  /// Talks both ways; with several peers it deals its messages out in turn.
  case dealer
  /// Only sends.
  case push
  /// Only receives.
  case pull

  /// Whether a socket of this kind can send.
  public var sends: Bool { self != .pull }
  /// Whether a socket of this kind can receive.
  public var receives: Bool { self != .push }

  var zeroMQType: Int32 {
    switch self {
    case .router: ZMQ_ROUTER
    case .dealer: ZMQ_DEALER
    case .push: ZMQ_PUSH
    case .pull: ZMQ_PULL
    }
  }
}
