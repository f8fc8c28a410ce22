/// Measurements in Prometheus' text format.

public import CoreMetrics
internal import Synchronization

/// What swift-metrics records into, rendered for Prometheus to read.
///
/// Names are used as they are given. A timer's nanoseconds are told as seconds. Of one name at most
/// ``seriesMax`` sets of labels are kept apart; what comes beyond is counted together.
public final class PrometheusRegistry: MetricsFactory {
  /// Sets of labels of one name.
  public static let seriesMax = 128

  /// The registry that this process's measurements go into. Installed at the first call.
  public static let installed: PrometheusRegistry = {
    let registry = PrometheusRegistry()
    MetricsSystem.bootstrap(registry)
    return registry
  }()

  private let families = Mutex<[String: PrometheusFamily]>([:])

  public init() {}

  /// All measurements, in Prometheus' text format 0.0.4.
  public func text() -> String {
    let families = families.withLock { $0.values.sorted { $0.name < $1.name } }
    var text = ""
    for family in families { family.write(to: &text) }
    return text
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, kind: .counter) { PrometheusCounter() }
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, kind: .counter) { PrometheusCounter() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, kind: .gauge) { PrometheusGauge() }
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else { return series(label, dimensions, kind: .gauge) { PrometheusGauge() } }
    return series(label, dimensions, kind: .histogram) {
      PrometheusHistogram(bounds: .bounds(of: label))
    }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let label = label.hasSuffix("_seconds") ? label : label + "_seconds"
    return series(label, dimensions, kind: .histogram) {
      PrometheusHistogram(bounds: .bounds(of: label))
    }
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    remove(handler)
  }
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  /// The series of a name and its labels; a new one if there is none yet.
  private func series<Series: PrometheusSeries>(
    _ label: String, _ dimensions: [(String, String)], kind: PrometheusFamily.Kind,
    make: () -> Series
  ) -> Series {
    let name = PrometheusFamily.name(label)
    return families.withLock { families in
      let series = families[name, default: PrometheusFamily(name: name, kind: kind)]
        .series(dimensions, kind: kind, make: make)
      // One name for two kinds of measurement: the later one is counted for nobody.
      return series as? Series ?? make()
    }
  }

  private func remove(_ handler: AnyObject) {
    families.withLock { families in
      for name in families.keys { families[name]?.remove(handler) }
      families = families.filter { !$0.value.isEmpty }
    }
  }
}
