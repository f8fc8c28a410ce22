/// The state of a cluster for people.

public import Coordinator
public import Foundation
internal import Requests
internal import Wire

/// A cluster's state as text and as JSON.
public struct ClusterStatusReport: Sendable {
  private let status: ClusterStatus

  public init(_ status: ClusterStatus) { self.status = status }

  /// One JSON object, as `GET /cluster` gives it.
  public func json() throws -> Data { try JSONEncoder.api.encode(status) }

  /// Who runs what, predicted and measured.
  public var text: String {
    var lines = [headline, queries, memory, ""]
    lines += Self.table(
      [
        [
          "stage", "process", "layers", "weights", "memory", "busy", "waiting", "sending",
          "ms/step",
          "steps",
        ]
      ] + status.stages.map { row(of: $0) })
    if let slowest = status.stages.map(\.stepSecondsMedian).max(), slowest > 0 {
      lines.append(
        "slowest stage: predicted \(Self.milliseconds(status.predicted.stepSeconds)) ms a token, "
          + "measured \(Self.milliseconds(slowest)) ms a step")
    } else if status.predicted.stepSeconds > 0 {
      lines.append(
        "slowest stage: predicted \(Self.milliseconds(status.predicted.stepSeconds)) ms a token")
    }
    if !status.visionNodes.isEmpty {
      lines.append("")
      lines += Self.table(
        [["vision node", "process", "images", "busy"]]
          + status.visionNodes.map {
            [$0.name, "\($0.processID)", "\($0.images)", Self.percent($0.busy)]
          })
    }
    if !status.spares.isEmpty {
      let spares = status.spares.map {
        $0.leftOut.isEmpty ? $0.name : "\($0.name) (\($0.leftOut))"
      }
      lines.append("spare: \(spares.joined(separator: ", "))")
    }
    lines += status.losses.map {
      "lost \($0.name) \(Self.duration($0.secondsAgo)) ago: \($0.reason)"
    }
    if let last = status.lastInterruption { lines.append(Self.line(of: last)) }
    return lines.joined(separator: "\n")
  }

  private var headline: String {
    let missing = status.waitingFor.isEmpty ? "a plan" : status.waitingFor
    let state =
      status.ready ? "ready, plan \(planNumber(status.epoch))" : "not ready, waiting for \(missing)"
    return "\(status.model.name): \(state); up \(Self.duration(status.uptimeSeconds))"
  }

  private static func line(of interruption: ClusterStatus.Interruption) -> String {
    let time = interruption.seconds.map { "over after \(milliseconds($0)) ms" } ?? "not over"
    let queries = interruption.queries
    let rebuilt =
      interruption.rebuiltPositions.map { "; \($0) positions were sent once more" } ?? ""
    return "interrupted \(duration(interruption.secondsAgo)) ago, \(time), "
      + "\(queries) quer\(queries == 1 ? "y" : "ies") under way: \(interruption.reason)\(rebuilt)"
  }

  private var queries: String {
    let rate = status.tokensPerSecond
    return "queries: \(status.queries.running) running, \(status.queries.waiting) waiting; "
      + "\(Self.decimal(rate.prompt, 1)) prompt and \(Self.decimal(rate.new, 1)) new tokens/s"
  }

  private var memory: String {
    let (kv, features) = (status.kv, status.features)
    return "KV blocks: \(kv.blocks) of \(kv.blockTokens) tokens, \(kv.free) free, "
      + "\(kv.cached) cached; \(status.prefix.hitTokens) of \(status.prefix.askedTokens) prompt "
      + "tokens found; features of \(features.held) images, \(Self.bytes(features.bytes)), "
      + "\(features.hits) hits"
  }

  private func row(of stage: ClusterStatus.Stage) -> [String] {
    let layers =
      stage.layers.count == 2
      ? "\(stage.layers[0])–\(stage.layers[0] + max(1, stage.layers[1]) - 1)" : "–"
    return [
      stage.name, "\(stage.processID)", layers, stage.weights, Self.bytes(stage.memoryBytes),
      Self.percent(stage.busy), Self.percent(stage.waiting), Self.percent(stage.sending),
      Self.milliseconds(stage.stepSecondsMedian), "\(stage.steps)",
    ]
  }

  /// Columns as wide as their widest cell; the first is aligned left, the others right.
  static func table(_ rows: [[String]]) -> [String] {
    guard let columns = rows.map(\.count).max() else { return [] }
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
  }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private static func milliseconds(_ seconds: Double) -> String { decimal(seconds * 1000, 2) }
  private static func percent(_ share: Double) -> String { decimal(share * 100, 0) + " %" }

  private static func bytes(_ count: Int) -> String {
    count >= 10 << 30
      ? decimal(Double(count) / Double(1 << 30), 1) + " GiB"
      : decimal(Double(count) / Double(1 << 20), 1) + " MiB"
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds)
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
