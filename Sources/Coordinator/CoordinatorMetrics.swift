/// What the coordinator tells the process's metrics system.

internal import CoreMetrics
internal import Messaging
internal import Wire

/// The coordinator's instruments, by the names under which they are scraped.
struct CoordinatorMetrics: Sendable {
  let timeToFirstToken = Recorder(label: "chatspot_time_to_first_token_seconds")
  let timeBetweenTokens = Recorder(label: "chatspot_inter_token_seconds")
  let queueTime = Recorder(label: "chatspot_queue_seconds")
  let recovery = Recorder(label: "chatspot_recovery_seconds")
  let rebuiltPositions = Counter(label: "chatspot_rebuilt_positions_total")
  let promptTokens = Counter(label: "chatspot_prompt_tokens_total")
  let newTokens = Counter(label: "chatspot_new_tokens_total")
  private let prefixHits = Counter(label: "chatspot_prefix_hit_tokens_total")
  private let featureHits = Counter(label: "chatspot_features_hits_total")
  private let preemptions = Counter(label: "chatspot_preemptions_total")
  private let running = Gauge(label: "chatspot_queries_running")
  private let waiting = Gauge(label: "chatspot_queries_waiting")
  private let blocks = Gauge(label: "chatspot_kv_blocks")
  private let blocksFree = Gauge(label: "chatspot_kv_blocks_free")
  private let blocksCached = Gauge(label: "chatspot_kv_blocks_cached")
  private let featureBytes = Gauge(label: "chatspot_features_bytes")

  /// An error that a client gets.
  func failed(_ code: WireError.Code) {
    Counter(label: "chatspot_errors_total", dimensions: [("code", "\(code)")]).increment()
  }

  /// Why somebody or something was refused.
  enum Refusal: String, Sendable {
    /// No key, a damaged handshake, another protocol.
    case handshake
    /// A key that is not, or no longer, on the allow-list.
    case key
    /// A key of another role.
    case role
    /// A message that breaks the rules.
    case invalid
    /// A message of a peer that is not heard for a while.
    case ignored

    init(_ refusal: Messaging.Refusal) {
      switch refusal {
      case .key: self = .key
      case .handshake: self = .handshake
      case .invalid: self = .invalid
      }
    }
  }

  /// A connection or message that the coordinator refused.
  func refused(_ reason: Refusal) {
    Counter(label: "chatspot_refused_total", dimensions: [("reason", reason.rawValue)]).increment()
  }

  /// Connections or messages that the member of that name refused at its own sockets.
  func refused(_ reason: Refusal, by member: String, count: Int) {
    let dimensions = [("member", member), ("reason", reason.rawValue)]
    Counter(label: "chatspot_member_refused_total", dimensions: dimensions).increment(by: count)
  }

  /// A member that was lost.
  func lost(_ role: Role) {
    let name = role == .visionNode ? "vision" : "worker"
    Counter(label: "chatspot_members_lost_total", dimensions: [("role", name)]).increment()
  }

  /// What the cluster looks like at this moment, and how much was counted since `earlier`.
  func record(_ status: ClusterStatus, _ counts: Counts, since earlier: Counts) {
    running.record(status.queries.running)
    waiting.record(status.queries.waiting)
    blocks.record(status.kv.blocks)
    blocksFree.record(status.kv.free)
    blocksCached.record(status.kv.cached)
    featureBytes.record(status.features.bytes)
    prefixHits.increment(by: counts.hitTokens - earlier.hitTokens)
    featureHits.increment(by: counts.featureHits - earlier.featureHits)
    preemptions.increment(by: counts.preemptions - earlier.preemptions)
    for stage in status.stages {
      record(stage.busy, "chatspot_stage_busy_ratio", of: stage.name)
      record(stage.waiting, "chatspot_stage_waiting_ratio", of: stage.name)
      record(stage.sending, "chatspot_stage_sending_ratio", of: stage.name)
    }
  }

  /// A stage that is no more would be shown for ever.
  func forget(stage: String) {
    for label in ["busy", "waiting", "sending"] {
      Gauge(label: "chatspot_stage_\(label)_ratio", dimensions: [("stage", stage)]).destroy()
    }
  }

  private func record(_ share: Double, _ label: String, of stage: String) {
    Gauge(label: label, dimensions: [("stage", stage)]).record(share)
  }

  /// What only rises.
  struct Counts: Sendable, Equatable {
    var hitTokens = 0
    var askedTokens = 0
    var featureHits = 0
    var preemptions = 0
  }
}
