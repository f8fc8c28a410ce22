/// What the metrics system is told.

import CoreMetrics
import Synchronization
import Testing
import Wire

@testable import Coordinator

@Suite("metrics")
struct MetricsTests {
  @Test("every instrument is recorded under its name")
  func names() throws {
    let system = Recording.system
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()], newTokensMax: 3))
    try cluster.featuresReady(1)
    try cluster.answerAll(7)
    try cluster.ask(FakeCluster.query(2, images: [[1]]))
    try cluster.tick(after: 1)
    let names = [
      "time_to_first_token_seconds", "inter_token_seconds", "queue_seconds", "queries_running",
      "queries_waiting", "prompt_tokens_total", "new_tokens_total", "prefix_hit_tokens_total",
      "kv_blocks", "kv_blocks_free", "kv_blocks_cached", "features_bytes", "features_hits_total",
      "preemptions_total", "stage_busy_ratio{stage=worker-0}",
      "stage_waiting_ratio{stage=worker-0}", "stage_sending_ratio{stage=worker-0}",
      "errors_total{code=invalidImage}",
    ]
    let told = system.told.withLock { $0 }
    for name in names { #expect(told.contains("chatspot_\(name)"), "\(name)") }
  }
}

/// A metrics system that remembers which instruments were used.
private final class Recording: MetricsFactory, Sendable {
  static let system: Recording = {
    let system = Recording()
    MetricsSystem.bootstrap(system)
    return system
  }()

  let told = Mutex<Set<String>>([])

  private func instrument(_ label: String, _ dimensions: [(String, String)]) -> Instrument {
    let suffix = dimensions.map { "{\($0)=\($1)}" }.joined()
    return Instrument { [self] in told.withLock { _ = $0.insert(label + suffix) } }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    instrument(label, dimensions)
  }
  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    instrument(label, dimensions)
  }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    instrument(label, dimensions)
  }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}

private final class Instrument: CounterHandler, RecorderHandler, TimerHandler {
  private let use: @Sendable () -> Void

  init(_ use: @escaping @Sendable () -> Void) { self.use = use }

  func increment(by: Int64) { use() }
  func reset() {}
  func record(_ value: Int64) { use() }
  func record(_ value: Double) { use() }
  func recordNanoseconds(_ duration: Int64) { use() }
}
