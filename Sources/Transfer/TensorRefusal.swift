/// Who gets no tensor, and why.

internal import Messaging

/// Why a connection or message at a tensor port was refused.
public enum TensorRefusal: String, Sendable, CaseIterable {
  /// Its key is not, or no longer, on the allow-list.
  case key
  /// No key, a damaged handshake, another protocol.
  case handshake
  /// A message that breaks the rules.
  case invalid

  /// What a socket's event says of it; nil of one that refuses nobody.
  init?(_ event: SocketEvent) {
    switch event {
    case .keyRefused, .messageRefused(_, .keyNotAllowed),
      .handshakeFailed(_, SocketEvent.keyNotAllowedYet):
      self = .key
    case .handshakeFailed: self = .handshake
    case .messageRefused: self = .invalid
    default: return nil
    }
  }

  /// For people, behind a count.
  fileprivate var text: String {
    switch self {
    case .key: "with a key that is not on the allow-list of workers"
    case .handshake: "that shook no hands: without a key, or with another protocol"
    case .invalid: "with messages that break the rules"
    }
  }
}

/// Refusals for the log, which nobody fills with them: the first is told at once, those that follow
/// within ten seconds together with the next.
struct TensorRefusals {
  private var counts: [TensorRefusal: Int] = [:]
  private var toldAt: ContinuousClock.Instant?

  static let interval = Duration.seconds(10)

  /// What is to be told now, if anything is.
  mutating func note(_ refusal: TensorRefusal, now: ContinuousClock.Instant) -> String? {
    counts[refusal, default: 0] += 1
    if let toldAt, now - toldAt < Self.interval { return nil }
    toldAt = now
    defer { counts = [:] }
    let parts = TensorRefusal.allCases.compactMap { reason in
      counts[reason].map { "\($0) \(reason.text)" }
    }
    return "refused at the tensor port: \(parts.joined(separator: ", "))"
  }
}
