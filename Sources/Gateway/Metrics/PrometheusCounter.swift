/// A number that only grows.

internal import CoreMetrics
internal import Synchronization

final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
  private let value = Mutex<Double>(0)

  func increment(by amount: Int64) { increment(by: Double(amount)) }
  func increment(by amount: Double) { value.withLock { $0 += max(0, amount) } }
  func reset() { value.withLock { $0 = 0 } }

  func write(name: String, labels: String, to text: inout String) {
    line(name, labels, value.withLock { $0 }, to: &text)
  }
}
