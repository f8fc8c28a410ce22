/// Who is in the cluster, and which plan that makes possible.

internal import Checkpoints
internal import Compute
internal import Foundation
internal import Messaging
internal import Wire

extension CoordinatorState {
  mutating func receive(_ hello: Hello, from peer: PeerIdentity, now: Double) {
    guard hello.protocolVersion == Wire.protocolVersion else {
      misbehaved(peer, .invalid, now: now)
      refuse(
        peer, .protocolVersion,
        "protocol version \(hello.protocolVersion) is not \(Wire.protocolVersion), "
          + "which this coordinator speaks")
      return
    }
    let welcome = Welcome(
      protocolVersion: Wire.protocolVersion,
      heartbeatIntervalMilliseconds: settings.heartbeatMilliseconds,
      heartbeatTimeoutMilliseconds: settings.heartbeatTimeoutMilliseconds, tensorPort: tensorPort)
    if hello.role == .client {
      if clients.count >= Self.clientsMax { forgetIdleClients() }
      clients.insert(peer)
      send(.welcome(welcome), to: peer)
      return
    }
    guard hello.fetches || hello.modelDigest == model.digest else {
      refuse(
        peer, .modelMismatch,
        "\(hello.name) has another checkpoint than this coordinator's \(model.directory.path)")
      return
    }
    send(.welcome(welcome), to: peer)
    guard members[peer] == nil else { return }
    let member = Member(hello, peer: peer, now: now)
    members[peer] = member
    joinOrder.append(peer)
    let role = hello.role == .visionNode ? "vision node" : "decoder worker"
    report(.joined(name: member.name, role: role, waitingFor: waitingFor))
    guard let pipeline else { return }
    if hello.role == .visionNode {
      assignVision(peer, pipeline)
    } else {
      assignSpare(peer, epoch: pipeline.epoch)
      wantsReview = true
    }
  }

  /// What is missing before queries can be answered, for people; empty if nothing is.
  var waitingFor: String {
    if let pipeline {
      let loading = pipeline.stages.filter { pipeline.pending.contains($0.peer) }.map(\.name)
      if !loading.isEmpty { return "\(loading.joined(separator: ", ")) to load layers" }
      guard let rebuild = pipeline.rebuild else { return "" }
      return "\(pipeline.stages[rebuild.stage].name) to fill its KV blocks"
    }
    let missing = (hasPlanned ? 1 : settings.workersExpected) - workers.count
    var parts: [String] = []
    if missing > 0 { parts.append("\(missing) decoder worker\(missing == 1 ? "" : "s")") }
    if visionNodes.isEmpty { parts.append("a vision node") }
    if parts.isEmpty, let lastTrouble { return "another worker: \(lastTrouble)" }
    return parts.joined(separator: " and ")
  }

  /// By name, so that the same machines get the same plan in whatever order they join.
  var workers: [Member] {
    joinOrder.compactMap { members[$0] }.filter { $0.role == .decoderWorker }
      .sorted { ($0.name.utf8.count, $0.name) < ($1.name.utf8.count, $1.name) }
  }

  var visionNodes: [Member] {
    joinOrder.compactMap { members[$0] }.filter { $0.role == .visionNode }
  }

  mutating func receive(_ ready: Ready, from peer: PeerIdentity, now: Double) {
    if ready.epoch == move?.epoch { prepared(peer) }
    guard let current = pipeline, ready.epoch == current.epoch else { return }
    guard pipeline?.pending.remove(peer) != nil else { return }
    if let stage = current.stages.firstIndex(where: { $0.peer == peer }) {
      pipeline?.stages[stage].memoryBytes = ready.weightBytes + ready.kvBytes
    }
    resendSteps(now: now)
    if pipeline?.isReady == true { stands(now: now) }
  }

  /// All stages of the plan hold what they are to hold.
  mutating func stands(now: Double) {
    settle()
    guard let pipeline else { return }
    noteRecovery(now: now)
    // So that clocks are compared before the first step.
    if settings.traces { sendHeartbeats(now: now) }
    report(
      .ready(
        epoch: pipeline.epoch, stages: pipeline.stages.map(\.name), seconds: now - plannedAt))
  }

  /// Clients that are remembered. ZeroMQ does not tell of one that went without a goodbye.
  private static let clientsMax = 10_000

  /// Forgets clients that wait for nothing; one that is still there says hello before it asks.
  private mutating func forgetIdleClients() {
    clients.formIntersection(names.keys.map(\.client))
  }

  /// A peer says goodbye; one that could not go on counts as lost.
  mutating func leave(_ peer: PeerIdentity, _ goodbye: Goodbye, now: Double) {
    if clients.contains(peer) { forgetClient(peer) }
    if members[peer] != nil {
      lose(peer, reason: goodbye.reason, isExpected: !goodbye.failed, now: now)
    }
  }
}
