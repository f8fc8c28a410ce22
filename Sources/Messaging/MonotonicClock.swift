import Glibc

/// The clock of timers and deadlines: nanoseconds that never go back.
enum MonotonicClock {
  /// Nanoseconds since some fixed moment.
  static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// A duration as nanoseconds, held between `minimum` and one year so that sums cannot overflow.
  static func nanoseconds(_ duration: Duration, atLeast minimum: UInt64 = 0) -> UInt64 {
    let year = 365 * 86_400
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return minimum }
    guard seconds < year else { return UInt64(year) * 1_000_000_000 }
    return max(minimum, UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }
}
