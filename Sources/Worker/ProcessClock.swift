/// The clock by which this process says when things happened.

/// Seconds on the monotonic clock since the process first asked. All times in messages are by it.
enum ProcessClock {
  private static let origin = ContinuousClock.now

  static var now: Double { seconds(at: .now) }

  static func seconds(at instant: ContinuousClock.Instant) -> Double {
    max(0, (instant - origin).seconds)
  }
}
