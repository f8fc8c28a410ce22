/// Whom members refuse.

internal import Messaging
internal import Wire

/// Connections and messages that a member refused at its own sockets, as its heartbeats count them.
struct MemberRefusals: Sendable {
  private var counts: [Refusal: Int]?

  /// What was refused since the heartbeat before. A member's first heartbeat says nothing: it may have
  /// been with the cluster earlier, and was counted then.
  mutating func add(_ heartbeat: Heartbeat) -> [Refusal: Int] {
    let new: [Refusal: Int] = [
      .key: heartbeat.refusedKeys, .handshake: heartbeat.refusedHandshakes,
      .invalid: heartbeat.refusedMessages,
    ]
    defer { counts = new }
    guard let counts else { return [:] }
    // A member that was started anew counts from zero.
    return new.merging(counts) { now, before in now >= before ? now - before : now }
      .filter { $0.value > 0 }
  }
}
