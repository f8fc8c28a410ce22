/// Why somebody or something is refused at a socket, whoever listens there.
public enum Refusal: String, Sendable, CaseIterable {
  /// Its key is not, or no longer, on the allow-list, or not for what it sent.
  case key
  /// No key, a damaged handshake, another protocol.
  case handshake
  /// A message that breaks the rules.
  case invalid
}

extension SocketEvent {
  /// What the log of whoever listens should say of the event, where it should say anything.
  public var warning: String? {
    guard case .connectionsLimited(let source) = self else { return nil }
    return
      "too many connections from \(source) came without a key that is known; new ones have to wait"
  }

  /// Why the event refuses somebody or something; nil of an event that does not.
  public var refusal: Refusal? {
    switch self {
    case .keyRefused, .messageRefused(_, .keyNotAllowed),
      .handshakeFailed(_, Self.keyNotAllowedYet):
      .key
    case .handshakeFailed: .handshake
    case .messageRefused: .invalid
    default: nil
    }
  }
}
