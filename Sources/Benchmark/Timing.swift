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
  /// How long it took to read what a repetition reads of weights, and nothing else, in turns with
  /// the repetitions; empty where that was not measured.
  var readingSeconds: [Double] = []

  /// Runs `body` once to warm up, and then `repetitions` times on the clock, each followed by
  /// `pause`.
  static func measured(
    _ repetitions: Int, pause: () -> Void = {}, _ body: (_ isWarmUp: Bool) -> Void
  ) -> [Double] {
    body(true)
    return (0..<repetitions).map { _ in
      defer { pause() }
      return seconds { body(false) }
    }
  }

  /// How long `body` takes.
  static func seconds(_ body: () -> Void) -> Double {
    max(1e-9, ContinuousClock().measure(body) / .seconds(1))
  }

  /// Of an even number of repetitions the mean of the middle two.
  var medianSeconds: Double { Self.median(seconds) }

  /// The time of reading alone as a share of its neighbour's, the median; nil if not measured.
  var shareOfReading: Double? {
    guard !readingSeconds.isEmpty else { return nil }
    return Self.median(zip(readingSeconds, seconds).map { $0 / $1 })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// The slowest repetition minus the fastest, as a share of the median.
  var spread: Double {
    ((seconds.max() ?? 0) - (seconds.min() ?? 0)) / medianSeconds
  }
}
