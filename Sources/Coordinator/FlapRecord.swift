/// How often a worker was lost soon after it had joined.

/// A worker that comes and goes costs every stream a pause each time. From its second early loss on
/// it is left out of plans for a while, twice as long each time.
struct FlapRecord: Sendable {
  /// A worker that is lost within this time of joining has flapped, in seconds.
  private static let early = 5.0
  /// A worker that stayed for so long is forgiven, in seconds.
  private static let steady = 30.0
  private static let waitFirst = 1.0
  private static let waitMax = 60.0

  private(set) var flaps = 0
  /// Until when it is left out, in seconds.
  private(set) var until = 0.0

  /// It was lost after so many seconds as a member. Returns how long it is left out.
  mutating func lost(after seconds: Double, now: Double) -> Double {
    if seconds >= Self.steady {
      flaps = 0
    } else if seconds < Self.early {
      flaps += 1
    }
    guard flaps > 1 else { return 0 }
    let wait = min(Self.waitMax, Self.waitFirst * Double(1 << min(flaps - 2, 10)))
    until = now + wait
    return wait
  }
}
