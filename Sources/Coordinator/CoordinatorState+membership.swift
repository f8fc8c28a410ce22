/// Who is in the cluster, and which plan that makes possible.

internal import Checkpoints
internal import Compute
internal import Foundation
internal import Messaging
internal import Wire

extension CoordinatorState {
  mutating func receive(_ hello: Hello, from peer: PeerIdentity, now: Double) {
    guard hello.protocolVersion == Wire.protocolVersion else {
      refuse(
        peer, .protocolVersion,
        "protocol version \(hello.protocolVersion) is not \(Wire.protocolVersion), "
          + "which this coordinator speaks")
      return
    }
    let welcome = Welcome(
      protocolVersion: Wire.protocolVersion,
      heartbeatIntervalMilliseconds: settings.heartbeatMilliseconds,
      heartbeatTimeoutMilliseconds: settings.heartbeatTimeoutMilliseconds)
    if hello.role == .client {
      if clients.count >= Self.clientsMax { forgetIdleClients() }
      clients.insert(peer)
      send(.welcome(welcome), to: peer)
      return
    }
    guard hello.modelDigest == model.digest else {
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
    }
  }

  /// What is missing before queries can be answered, for people; empty if nothing is.
  var waitingFor: String {
    guard pipeline == nil else { return "" }
    let missing = settings.workersExpected - workers.count
    var parts: [String] = []
    if missing > 0 { parts.append("\(missing) decoder worker\(missing == 1 ? "" : "s")") }
    if visionNodes.isEmpty { parts.append("a vision node") }
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
    guard let current = pipeline, ready.epoch == current.epoch else { return }
    guard pipeline?.pending.remove(peer) != nil else { return }
    if let stage = current.stages.firstIndex(where: { $0.peer == peer }) {
      pipeline?.stages[stage].memoryBytes = ready.weightBytes + ready.kvBytes
    }
    guard pipeline?.isReady == true else { return }
    // So that clocks are compared before the first step.
    if settings.traces { sendHeartbeats(now: now) }
    report(
      .ready(
        epoch: current.epoch, stages: current.stages.map(\.name), seconds: now - plannedAt))
  }

  /// Clients that are remembered. ZeroMQ does not tell of one that went without a goodbye.
  private static let clientsMax = 10_000

  /// Forgets clients that wait for nothing; one that is still there says hello before it asks.
  private mutating func forgetIdleClients() {
    clients.formIntersection(names.keys.map(\.client))
  }

  /// A peer says goodbye.
  mutating func leave(_ peer: PeerIdentity, reason: String, now: Double) {
    if clients.contains(peer) { forgetClient(peer) }
    if members[peer] != nil { lose(peer, reason: reason, isExpected: true, now: now) }
  }

  /// Takes a member out. A pipeline that it was part of ends, and with it the queries in it.
  mutating func lose(
    _ peer: PeerIdentity, reason: String, isExpected: Bool = false, now: Double
  ) {
    guard let member = members.removeValue(forKey: peer) else { return }
    joinOrder.removeAll { $0 == peer }
    report(
      isExpected
        ? .left(name: member.name, reason: reason) : .lost(name: member.name, reason: reason))
    if member.role == .visionNode {
      pipeline?.features.forget(peer)
    } else if pipeline?.contains(peer) == true {
      endPipeline("\(member.name) was lost: \(reason)")
    }
  }

  mutating func endPipeline(_ reason: String) {
    guard let ended = pipeline else { return }
    keepCounts(of: ended)
    pipeline = nil
    queriesAwaitingImages = []
    for sequence in queries.keys.sorted() {
      guard let query = queries[sequence] else { continue }
      // Those that nothing was done for yet wait for the next plan.
      if query.firstIssued == nil, query.features.isEmpty {
        queries[sequence]?.wantsFeatures = false
        if !queriesAwaitingPlan.contains(sequence) { queriesAwaitingPlan.append(sequence) }
      } else {
        fail(
          sequence, .lost, reason,
          remedy: "Ask again: the cluster is planned anew with the workers that are left")
      }
    }
  }

  /// Makes the first plan once everybody expected is there, and later ones from whoever is left.
  mutating func planIfPossible(now: Double) {
    guard pipeline == nil else { return }
    let enough = lastEpoch == 0 ? settings.workersExpected : 1
    guard workers.count >= enough, !visionNodes.isEmpty else { return }
    let workers = workers
    do {
      let (plan, kvTokens) = try plan(for: workers)
      start(plan, of: workers, kvTokens: kvTokens, now: now)
    } catch {
      // Said once for each set of workers: the next try comes when somebody joins or leaves.
      let event = ClusterEvent.cannotPlan(reason: error.description)
      if lastTrouble != workers.count {
        lastTrouble = workers.count
        report(event)
      }
    }
  }

  /// The plan and the KV positions that it has room for.
  private func plan(
    for workers: [Member]
  ) throws(CoordinatorError) -> (plan: Plan, kvTokens: Int) {
    let text = model.configuration.text
    // Keys and values, as the stages hold them.
    let tokenBytes = 2 * WeightFormat.f16.byteCount * text.kvHeads * text.headWidth
    var kvTokens = settings.kvTokens ?? defaultKVTokens(workers, tokenBytes: tokenBytes)
    while true {
      let kvBytes = Int(min(Double(kvTokens) * Double(tokenBytes), Self.layerKVBytesMax))
      let layers = layerWeights.map { cost in
        LayerCost(workBytes: cost.workBytes, memoryBytes: cost.memoryBytes + kvBytes)
      }
      do throws(CoordinatorError) {
        return (try Planner.plan(layers: layers, workers: workers.map(\.capacity)), kvTokens)
      } catch {
        // Weights come first: where the operator named no number, KV positions give way.
        guard settings.kvTokens == nil, kvTokens / 2 >= min(text.contextMax, 256) else {
          throw error
        }
        kvTokens /= 2
      }
    }
  }

  /// More than any machine has, and small enough to be summed over all layers.
  private static let layerKVBytesMax = 0x1p48

  private func defaultKVTokens(_ workers: [Member], tokenBytes: Int) -> Int {
    let text = model.configuration.text
    let offered = workers.reduce(0.0) { $0 + Double($1.capacity.memoryBytes) }
    let weights = layerWeights.reduce(0.0) { $0 + Double($1.memoryBytes) }
    let room = max(0, offered - weights) / 2 / Double(tokenBytes * text.layers)
    let most = Double(min(16 * text.contextMax, 1 << 20))
    return max(min(text.contextMax, 256), Int(min(room, most)))
  }

  private mutating func start(_ plan: Plan, of workers: [Member], kvTokens: Int, now: Double) {
    lastEpoch += 1
    plannedAt = now
    lastTrouble = nil
    let blockTokens = settings.kvBlockTokens
    let blockCount = max(1, kvTokens / blockTokens)
    let stages = plan.stages.map { stage in
      let member = workers[stage.worker]
      return Pipeline.Stage(
        peer: member.peer, name: member.name, processID: member.processID, layers: stage.layers)
    }
    let stepsInFlight = settings.stepsInFlight ?? stages.count
    let limits = SchedulerLimits(
      stepsInFlight: stepsInFlight, stepTokens: settings.stepTokens,
      stepSpans: WireLimits.standard.stepSpans,
      stepSeconds: settings.stepSecondsMax,
      predictedSeconds: plan.stepSeconds)
    let pipeline = Pipeline(
      epoch: lastEpoch, stages: stages, predictedStepSeconds: plan.stepSeconds,
      scheduler: Scheduler(
        limits: limits, pool: KVBlockPool(blockCount: blockCount, blockTokens: blockTokens)),
      features: FeatureCache(capacity: featureCredits),
      pending: Set(stages.map(\.peer)))
    self.pipeline = pipeline
    let descriptions = stages.map { "\($0.name): \(layersText($0.layers))" }
    report(.planned(epoch: lastEpoch, stages: descriptions, predicted: plan.stepSeconds))
    for (index, stage) in stages.enumerated() {
      let isLast = index == stages.count - 1
      let assignment = Assignment(
        epoch: lastEpoch, modelDigest: model.digest, stage: index, stageCount: stages.count,
        firstLayer: stage.layers.lowerBound, layerCount: stage.layers.count,
        nextEndpoint: isLast ? "" : workers[plan.stages[index + 1].worker].endpoint,
        kvBlockCount: blockCount, kvBlockTokens: blockTokens,
        activationType: settings.activationType, featureCredits: featureCredits,
        stepTokensMax: settings.stepTokens, weights: weights?.rawValue ?? "")
      send(.assignment(assignment), to: stage.peer)
    }
    for worker in workers where !pipeline.contains(worker.peer) {
      assignSpare(worker.peer, epoch: lastEpoch)
    }
    for node in visionNodes { assignVision(node.peer, pipeline) }
    let waiting = queriesAwaitingPlan
    queriesAwaitingPlan = []
    for sequence in waiting { begin(sequence) }
  }

  private mutating func assignSpare(_ peer: PeerIdentity, epoch: UInt64) {
    send(.assignment(Assignment(epoch: epoch, modelDigest: model.digest)), to: peer)
    report(.standsBy(name: members[peer]?.name ?? peer.description))
  }

  private mutating func assignVision(_ peer: PeerIdentity, _ pipeline: Pipeline) {
    let assignment = Assignment(
      epoch: pipeline.epoch, modelDigest: model.digest,
      nextEndpoint: members[pipeline.first]?.endpoint ?? "",
      activationType: settings.activationType)
    send(.assignment(assignment), to: peer)
  }
}
