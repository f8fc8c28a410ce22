/// Peers that keep sending what breaks the rules.

internal import Messaging

/// Counts refused messages by peer. Who sends too many is not heard for a while, so that refusing
/// costs nothing.
struct PeerConduct: Sendable {
  /// Refused messages within `windowSeconds` that a peer may send.
  static let refusedMax = 20
  static let windowSeconds = 10.0
  /// How long a peer that sent more is not heard, in seconds.
  static let silenceSeconds = 30.0
  /// Peers that are remembered.
  private static let peersMax = 10_000

  private struct Record: Sendable {
    var since: Double
    var refused = 0
    var silentUntil = 0.0
  }

  private var records: [PeerIdentity: Record] = [:]

  /// Whether nobody was refused lately.
  var isClean: Bool { records.isEmpty }

  /// Whether a peer is heard now.
  func hears(_ peer: PeerIdentity, now: Double) -> Bool {
    guard let record = records[peer] else { return true }
    return now >= record.silentUntil
  }

  /// A message of a peer was refused; true if it was one too many.
  mutating func refused(_ peer: PeerIdentity, now: Double) -> Bool {
    if records.count >= Self.peersMax {
      records = records.filter {
        $0.value.silentUntil > now || now - $0.value.since < Self.windowSeconds
      }
      // So many at once are not told apart any more.
      if records.count >= Self.peersMax { records = [:] }
    }
    var record = records[peer] ?? Record(since: now)
    if now - record.since >= Self.windowSeconds { record = Record(since: now) }
    record.refused += 1
    let isTooMany = record.refused > Self.refusedMax
    if isTooMany {
      record.refused = 0
      record.silentUntil = now + Self.silenceSeconds
    }
    records[peer] = record
    return isTooMany
  }
}
