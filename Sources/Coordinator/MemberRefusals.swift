/// Whom members refuse.

internal import Messaging
internal import Wire

/// Connections and messages that a member refused at its own sockets since it joined, as its heartbeats
/// count them.
struct MemberRefusals: Sendable {
  private var counts: [Refusal: Int] = [:]

  /// What was refused since the heartbeat before.
  mutating func add(_ heartbeat: Heartbeat) -> [Refusal: Int] {
    let earlier = counts
    counts = [
      .key: heartbeat.refusedKeys, .handshake: heartbeat.refusedHandshakes,
      .invalid: heartbeat.refusedMessages,
    ]
    return counts.merging(earlier) { now, before in now - before }.filter { $0.value > 0 }
  }
}
