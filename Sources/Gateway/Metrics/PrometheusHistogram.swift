/// How values are distributed.

internal import CoreMetrics
internal import Synchronization

/// Counts values up to each of its bounds.
final class PrometheusHistogram: PrometheusSeries, RecorderHandler, TimerHandler {
  private struct State {
    /// One more than bounds: values above the last.
    var counts: [UInt64]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  /// - Parameter bounds: upper bounds, growing.
  init(bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: [UInt64](repeating: 0, count: bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[bucket] += 1
      state.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  func write(name: String, labels: String, to text: inout String) {
    let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
    let prefix = labels.isEmpty ? "" : labels + ","
    var total: UInt64 = 0
    for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], counts) {
      total += count
      line("\(name)_bucket", "\(prefix)le=\"\(bound)\"", Double(total), to: &text)
    }
    line("\(name)_sum", labels, sum, to: &text)
    line("\(name)_count", labels, Double(total), to: &text)
  }
}

extension [Double] {
  /// The bounds that suit what a name says it measures: seconds, else counts.
  static func bounds(of name: String) -> [Double] {
    name.hasSuffix("_seconds")
      ? [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
        120,
      ]
      : [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536]
  }
}
