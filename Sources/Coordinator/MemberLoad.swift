/// How busy a member was.

internal import Wire

/// Shares of time over the last heartbeats, by the member's own clock.
struct MemberLoad: Sendable {
  /// Heartbeats that shares are taken over.
  private static let kept = 8

  private var heartbeats: [Heartbeat] = []

  mutating func add(_ heartbeat: Heartbeat) {
    if let last = heartbeats.last {
      // A member that was started anew counts from zero; a second one in the same instant says
      // nothing.
      if heartbeat.sentSeconds < last.sentSeconds || heartbeat.busySeconds < last.busySeconds {
        heartbeats = []
      } else if heartbeat.sentSeconds - last.sentSeconds < 0.01 {
        return
      }
    }
    heartbeats.append(heartbeat)
    if heartbeats.count > Self.kept { heartbeats.removeFirst() }
  }

  /// Steps computed, or images encoded, since it joined.
  var completed: Int { heartbeats.last?.completed ?? 0 }
  /// Share of time computing, 0 to 1.
  var busy: Double { share(\.busySeconds) }
  /// Share of time packing and sending, 0 to 1.
  var sending: Double { share(\.sendingSeconds) }
  /// Share of time doing neither.
  var waiting: Double { heartbeats.count < 2 ? 0 : max(0, 1 - busy - sending) }

  private func share(_ seconds: (Heartbeat) -> Double) -> Double {
    guard let first = heartbeats.first, let last = heartbeats.last,
      last.sentSeconds > first.sentSeconds
    else { return 0 }
    let share = (seconds(last) - seconds(first)) / (last.sentSeconds - first.sentSeconds)
    return min(1, max(0, share))
  }
}
