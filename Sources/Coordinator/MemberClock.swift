/// How far a member's clock is from the coordinator's.

/// Measured by heartbeats that are answered at once, as NTP does it (RFC 5905): of the last round
/// trips the shortest tells most, since its two ways were the least delayed.
struct MemberClock: Sendable {
  /// Round trips that are compared.
  private static let kept = 16

  private var samples: [(roundTrip: Double, offset: Double)] = []

  /// A heartbeat's answer: sent by the coordinator at `echo` on its own clock, held by the member
  /// for `held`, sent back at `sent` on the member's clock, received at `now` on the coordinator's.
  mutating func add(echo: Double, held: Double, sent: Double, now: Double) {
    let roundTrip = now - echo - held
    guard roundTrip >= 0 else { return }
    samples.append((roundTrip, sent - (now - roundTrip / 2)))
    if samples.count > Self.kept { samples.removeFirst() }
  }

  /// The coordinator's time at a member's time; nil before the first round trip.
  func coordinatorTime(_ memberTime: Double) -> Double? {
    samples.min { $0.roundTrip < $1.roundTrip }.map { memberTime - $0.offset }
  }
}
