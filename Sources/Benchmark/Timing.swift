/// How long one work took, and what was done in that time.

/// Times of the repetitions of one work.
struct Timing: Sendable {
  /// One a repetition.
  let seconds: [Double]
  /// Tokens that a repetition computes.
  let tokens: Int
  /// Floating-point operations of a repetition.
  let operations: Double
  /// Bytes of weights and of keys and values that a repetition cannot but read.
  let bytesRead: Double

  /// Runs `body` once to warm up, and then `repetitions` times on the clock.
  static func measured(_ repetitions: Int, _ body: (_ isWarmUp: Bool) -> Void) -> [Double] {
    body(true)
    let clock = ContinuousClock()
    return (0..<repetitions).map { _ in
      max(1e-9, clock.measure { body(false) } / .seconds(1))
    }
  }

  /// Of an even number of repetitions the mean of the middle two.
  var medianSeconds: Double {
    let sorted = seconds.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// The slowest repetition minus the fastest, as a share of the median.
  var spread: Double {
    ((seconds.max() ?? 0) - (seconds.min() ?? 0)) / medianSeconds
  }
}
