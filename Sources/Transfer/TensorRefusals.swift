/// Who gets no tensor, told in the log.

internal import Messaging

/// Refusals for the log, which nobody fills with them: the first is told at once, those that follow
/// within ten seconds together with the next.
struct TensorRefusals {
  private var counts: [Refusal: Int] = [:]
  private var toldAt: ContinuousClock.Instant?

  static let interval = Duration.seconds(10)

  /// What is to be told now, if anything is.
  mutating func note(_ refusal: Refusal, now: ContinuousClock.Instant) -> String? {
    counts[refusal, default: 0] += 1
    if let toldAt, now - toldAt < Self.interval { return nil }
    toldAt = now
    defer { counts = [:] }
    let parts = Refusal.allCases.compactMap { reason in
      counts[reason].map { "\($0) \(reason.text)" }
    }
    return "refused at the tensor port: \(parts.joined(separator: ", "))"
  }
}

extension Refusal {
  /// For people, behind a count.
  fileprivate var text: String {
    switch self {
    case .key: "with a key that is not on the allow-list of workers"
    case .handshake: "that shook no hands: without a key, or with another protocol"
    case .invalid: "with messages that break the rules"
    }
  }
}
