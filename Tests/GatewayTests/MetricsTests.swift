/// Prometheus' text format.

import CoreMetrics
import Foundation
import HTTPTypes
import Testing

@testable import Gateway

@Suite("measurements for Prometheus")
struct MetricsTests {
  private let registry = PrometheusRegistry()

  @Test("counters, gauges and histograms are told in the text format")
  func format() {
    Counter(label: "chatspot_errors_total", dimensions: [("code", "a\"b\\\n")], factory: registry)
      .increment(by: 3)
    Meter(label: "x-y z", factory: registry).set(2.5)
    Recorder(label: "gauge", dimensions: [], aggregate: false, factory: registry).record(-7)
    let seconds = Recorder(label: "chatspot_queue_seconds", factory: registry)
    for value in [0.0005, 0.3, 0.3, 1000] { seconds.record(value) }
    Timer(label: "step", dimensions: [], preferredDisplayUnit: .seconds, factory: registry)
      .recordMilliseconds(20)
    let lines = registry.text().split(separator: "\n").map(String.init)
    #expect(lines.contains("# TYPE chatspot_errors_total counter"))
    #expect(
      lines.contains("# HELP chatspot_errors_total Queries that ended with an error, by code."))
    #expect(lines.contains(#"chatspot_errors_total{code="a\"b\\\n"} 3"#))
    #expect(lines.contains("# TYPE x_y_z gauge") && lines.contains("x_y_z 2.5"))
    #expect(lines.contains("gauge -7"))
    #expect(lines.contains(#"chatspot_queue_seconds_bucket{le="0.0005"} 1"#))
    #expect(lines.contains(#"chatspot_queue_seconds_bucket{le="0.25"} 1"#))
    #expect(lines.contains(#"chatspot_queue_seconds_bucket{le="0.5"} 3"#))
    #expect(lines.contains(#"chatspot_queue_seconds_bucket{le="+Inf"} 4"#))
    #expect(lines.contains("chatspot_queue_seconds_sum 1000.6005"))
    #expect(lines.contains("chatspot_queue_seconds_count 4"))
    #expect(lines.contains(#"step_seconds_bucket{le="0.01"} 0"#))
    #expect(lines.contains(#"step_seconds_bucket{le="0.025"} 1"#))
  }

  @Test("one name and set of labels is one series; another kind under the name is told nowhere")
  func identity() {
    for _ in 0..<3 {
      Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
      Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
    }
    Meter(label: "c", factory: registry).set(99)
    #expect(registry.text() == "# TYPE c counter\nc{a=\"1\",b=\"2\"} 6\n")
  }

  @Test("sets of labels without bound are counted together, and none is lost")
  func cardinality() {
    for number in 0..<1000 {
      Counter(label: "c", dimensions: [("a", "\(number)")], factory: registry).increment()
    }
    let lines = registry.text().split(separator: "\n").dropFirst()
    #expect(lines.count == PrometheusRegistry.seriesMax + 1)
    #expect(lines.contains(#"c{a="other"} \#(1000 - PrometheusRegistry.seriesMax)"#))
  }

  @Test("a measurement that is destroyed is told no more")
  func destroyed() {
    let counter = Counter(label: "c", factory: registry)
    counter.increment()
    counter.destroy()
    #expect(registry.text().isEmpty)
  }

  @Test("many threads count right")
  func threads() async {
    let registry = registry
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<1000 { Counter(label: "c", factory: registry).increment() }
        }
      }
    }
    #expect(registry.text().contains("c 8000\n"))
  }

  @Test("requests are counted by route, not by path")
  func requests() async throws {
    let client = try APIClient(FakeCluster("x"), metrics: registry)
    for path in ["/v1/models/a", "/v1/models/b", "/nowhere/1", "/nowhere/2"] {
      _ = try await client.send(.get, path)
    }
    let text = try await client.send(.get, "/metrics").text
    #expect(text.contains("route=\"/v1/models/{model}\",status=\"404\"} "))
    #expect(text.contains("route=\"other\",status=\"404\"} "))
    #expect(!text.contains("nowhere") && !text.contains("models/a"))
  }
}
