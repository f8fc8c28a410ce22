/// Tells from a connecting socket's events why a connection to the coordinator does not come about.
public struct HandshakeDiagnosis {
  /// Handshakes in a row that may fail: one does where the other side ends in the middle of it.
  private static let failuresMax = 4

  private let hasKeys: Bool
  private var failures = 0

  /// - Parameter hasKeys: whether the socket has keys itself.
  public init(hasKeys: Bool) { self.hasKeys = hasKeys }

  /// The reason, for people, once it is sure that trying again will not help; `nil` until then.
  public mutating func reason(after event: SocketEvent) -> String? {
    switch event {
    case .keyRefused:
      return "it does not accept this key, which was revoked or never added. "
        + "See `chatspot keys list` there"
    case .handshakeSucceeded: failures = 0
    case .handshakeFailed(_, let reason):
      // ZeroMQ does not try again after this one, and does after the others.
      failures += reason == SocketEvent.otherMechanism ? Self.failuresMax : 1
      guard failures >= Self.failuresMax else { return nil }
      return hasKeys
        ? "it has no keys, or others than this key file was made for. Start it with --keys, or "
          + "make a key there with `chatspot keys add`"
        : "it asks for keys. Make one there with `chatspot keys add`, and pass --keys FILE here"
    default: break
    }
    return nil
  }
}
