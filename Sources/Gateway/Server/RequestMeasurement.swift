/// One request, from its head to the last byte of its response.

internal import CoreMetrics
internal import HTTPTypes
internal import Synchronization

/// Counts as running while it lives, and is recorded when it goes.
final class RequestMeasurement: Sendable {
  private let begin = ContinuousClock.now
  private let method: HTTPRequest.Method
  private let running: Meter
  private let metrics: PrometheusRegistry
  private let answer = Mutex<(status: HTTPResponse.Status, route: String)?>(nil)

  init(_ method: HTTPRequest.Method, running: Meter, metrics: PrometheusRegistry) {
    self.method = method
    self.metrics = metrics
    self.running = running
    running.increment()
  }

  func answered(_ status: HTTPResponse.Status, route: String) {
    answer.withLock { $0 = (status, route) }
  }

  deinit {
    running.decrement()
    guard let (status, route) = answer.withLock({ $0 }) else { return }
    let known: [HTTPRequest.Method] = [.get, .post, .head, .options]
    Counter(
      label: "chatspot_http_requests_total",
      dimensions: [
        ("route", route), ("method", known.contains(method) ? method.rawValue : "other"),
        ("status", "\(status.code)"),
      ], factory: metrics
    ).increment()
    Recorder(
      label: "chatspot_http_request_seconds", dimensions: [("route", route)], factory: metrics
    ).record((ContinuousClock.now - begin) / .seconds(1))
  }
}
