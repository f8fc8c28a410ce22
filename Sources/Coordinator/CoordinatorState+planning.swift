/// Which plan the members make possible, and how it is carried out.

internal import Checkpoints
internal import Compute
internal import Foundation
internal import Messaging
internal import Wire

extension CoordinatorState {
  /// Makes the first plan once everybody expected is there, and later ones from whoever is left.
  mutating func planIfPossible(now: Double) {
    guard pipeline == nil, !visionNodes.isEmpty else { return }
    let all = workers
    let enough = hasPlanned ? 1 : settings.workersExpected
    guard all.count >= enough else { return }
    let steady = all.filter { isSteady($0, now: now) && !draining.keys.contains($0.peer) }
    // Better somebody who comes and goes, or who would rather go, than nobody.
    var trouble: CoordinatorError?
    for workers in steady.count == all.count ? [all] : [steady, all] where !workers.isEmpty {
      do throws(CoordinatorError) {
        let (plan, kvTokens) = try plan(for: workers, keeping: lastPlan)
        lastEpoch += 1
        start(plan, of: workers, kvTokens: kvTokens, epoch: lastEpoch, now: now)
        return
      } catch {
        trouble = error
      }
    }
    // Said once for each cause: the next try comes when somebody joins or leaves.
    guard let reason = trouble?.description, reason != lastTrouble else { return }
    lastTrouble = reason
    report(.cannotPlan(reason: reason))
  }

  /// The plan and the KV positions that it has room for, `wanted` if that is given; like `last` where
  /// that is hardly worse.
  func plan(
    for workers: [Member], keeping last: EndedPlan?, kvTokens wanted: Int? = nil
  ) throws(CoordinatorError) -> (plan: Plan, kvTokens: Int) {
    let text = model.configuration.text
    let tokenBytes = layerTokenBytes
    let named = wanted ?? settings.kvTokens
    var kvTokens = named ?? defaultKVTokens(workers, tokenBytes: tokenBytes)
    // What is under way must find room, or wait for it.
    let least = max(min(text.contextMax, 256), queries.values.reduce(0) { max($0, $1.tokensMax) })
    while true {
      let kvBytes = Int(min(Double(kvTokens) * Double(tokenBytes), Self.layerKVBytesMax))
      let layers = layerWeights.map { cost in
        LayerCost(workBytes: cost.workBytes, memoryBytes: cost.memoryBytes + kvBytes)
      }
      do throws(CoordinatorError) {
        let split = try split(
          layers, over: workers, keeping: last, logBytes: logBytes(kvTokens, workers))
        return (split, kvTokens)
      } catch {
        // Weights come first: where the operator named no number, KV positions give way.
        guard named == nil, kvTokens / 2 >= least else { throw error }
        kvTokens /= 2
      }
    }
  }

  /// What a stage keeps of what it sent. Only the last one keeps nothing, and that is not known before
  /// there is a plan.
  private func logBytes(_ kvTokens: Int, _ workers: [Member]) -> Int {
    let rowBytes = model.configuration.text.hidden * settings.activationType.byteCount
    return workers.count == 1
      ? 0 : Int(min(Double(kvTokens) * Double(rowBytes), Self.layerKVBytesMax))
  }

  /// The best split, or the one that was: where it is hardly worse, those who are left keep their
  /// layers, and spares take the places of those who are gone.
  private func split(
    _ layers: [LayerCost], over workers: [Member], keeping last: EndedPlan?, logBytes: Int
  ) throws(CoordinatorError) -> Plan {
    let capacities = workers.map { worker in
      WorkerCapacity(
        bytesPerSecond: worker.capacity.bytesPerSecond,
        memoryBytes: max(0, worker.capacity.memoryBytes - logBytes))
    }
    let best = try Planner.plan(
      layers: layers, workers: capacities,
      stagesMax: max(
        settings.workersExpected, workers.count - settings.spares, last?.stages.count ?? 0))
    guard let last else { return best }
    let holders = last.stages.map { stage in
      (worker: workers.firstIndex { $0.peer == stage.peer }, layers: stage.layers)
    }
    let replaced = Planner.replacing(holders, layers: layers, workers: capacities)
    guard let replaced, replaced.stepSeconds <= Self.keepFactor * best.stepSeconds else {
      return best
    }
    return replaced
  }

  /// How much slower the split that was may be than the best one.
  private static let keepFactor = 1.15

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

  /// Begins a plan: the stages are told, and the queries that wait are handed to it.
  mutating func start(
    _ plan: Plan, of workers: [Member], kvTokens: Int, epoch: UInt64, now: Double
  ) {
    hasPlanned = true
    plannedAt = now
    lastTrouble = nil
    leavesRoom = false
    let pool = KVBlockPool(blockCount: blockCount(kvTokens), blockTokens: settings.kvBlockTokens)
    let stages = stages(of: plan, workers)
    var pipeline = Pipeline(
      epoch: epoch, stages: stages, predictedStepSeconds: plan.stepSeconds,
      scheduler: Scheduler(limits: schedulerLimits(plan), pool: pool),
      features: FeatureCache(capacity: featureCredits))
    if let lastPlan, lastPlan.stages.map(\.layers) == stages.map(\.layers) {
      pipeline.scheduler.curve = lastPlan.curve
    }
    self.pipeline = pipeline
    report(
      .planned(
        epoch: epoch, stages: descriptions(plan, of: workers), predicted: plan.stepSeconds))
    tellAll(assignments(plan, of: workers, kvTokens: kvTokens, epoch: epoch))
    let waiting = queriesAwaitingPlan
    queriesAwaitingPlan = []
    for sequence in waiting { begin(sequence) }
  }

  func stages(of plan: Plan, _ workers: [Member]) -> [Pipeline.Stage] {
    plan.stages.map { stage in
      let member = workers[stage.worker]
      return Pipeline.Stage(
        peer: member.peer, name: member.name, processID: member.processID, layers: stage.layers)
    }
  }

  func schedulerLimits(_ plan: Plan) -> SchedulerLimits {
    SchedulerLimits(
      stepsInFlight: settings.stepsInFlight ?? plan.stages.count, stages: plan.stages.count,
      stepTokens: settings.stepTokens, stepSpans: WireLimits.standard.stepSpans,
      stepSeconds: settings.stepSecondsMax, predictedSeconds: plan.stepSeconds)
  }

  /// Tells all members of the plan: the stages their assignments, in the order of the pipeline, and those
  /// without layers that they have none.
  mutating func tellAll(_ assignments: [Assignment]) {
    let stages = pipeline?.stages ?? []
    for (index, assignment) in assignments.enumerated() {
      let next = stages.indices.contains(index + 1) ? stages[index + 1].peer : nil
      assign(assignment, to: stages[index].peer, next: next)
    }
    tellOthers()
  }

  /// Tells those without layers of the plan: spares stand by, vision nodes learn where stage 0 is.
  private mutating func tellOthers() {
    guard let pipeline else { return }
    for worker in workers where !pipeline.contains(worker.peer) {
      assignSpare(
        worker.peer, epoch: pipeline.epoch, gives: pipeline.givers.contains(worker.peer))
    }
    for node in visionNodes { assignVision(node.peer, pipeline) }
  }

  /// Who may have what a worker has to fetch: those with a checkpoint first. None for one that has the
  /// checkpoint itself.
  private func tensorSources(for peer: PeerIdentity) -> ArraySlice<Member> {
    guard members[peer]?.fetches == true else { return [] }
    let others = workers.filter { $0.peer != peer && !$0.tensorEndpoint.isEmpty }
    let ordered = others.filter { !$0.fetches } + others.filter(\.fetches)
    return ordered.filter { access == nil || access?.identity(of: $0.peer) != nil }
      .prefix(WireLimits.standard.tensorSources)
  }

  /// Bytes of one layer's keys and values of one position, as the stages hold them.
  var layerTokenBytes: Int {
    let text = model.configuration.text
    return 2 * WeightFormat.f16.byteCount * text.kvHeads * text.headWidth
  }

  func blockCount(_ kvTokens: Int) -> Int { max(1, kvTokens / settings.kvBlockTokens) }

  /// A plan for people.
  func descriptions(_ plan: Plan, of workers: [Member]) -> [String] {
    plan.stages.map { "\(workers[$0.worker].name): \(layersText($0.layers))" }
  }

  /// What each stage of a plan is told, in the order of the pipeline.
  func assignments(
    _ plan: Plan, of workers: [Member], kvTokens: Int, epoch: UInt64
  ) -> [Assignment] {
    plan.stages.enumerated().map { index, stage in
      let isLast = index == plan.stages.count - 1
      let sources = tensorSources(for: workers[stage.worker].peer)
      return Assignment(
        epoch: epoch, modelDigest: model.digest, stage: index, stageCount: plan.stages.count,
        firstLayer: stage.layers.lowerBound, layerCount: stage.layers.count,
        nextEndpoint: isLast ? "" : workers[plan.stages[index + 1].worker].endpoint,
        kvBlockCount: blockCount(kvTokens), kvBlockTokens: settings.kvBlockTokens,
        activationType: settings.activationType, featureCredits: featureCredits,
        stepTokensMax: settings.stepTokens, weights: weights?.rawValue ?? "", logs: !isLast,
        tensorSources: sources.map(\.tensorEndpoint),
        tensorSourceKeys: sources.compactMap { access?.identity(of: $0.peer)?.key.bytes })
    }
  }

  mutating func assignSpare(_ peer: PeerIdentity, epoch: UInt64, gives: Bool = false) {
    assign(Assignment(epoch: epoch, modelDigest: model.digest, gives: gives), to: peer)
    report(.standsBy(name: members[peer]?.name ?? peer.description))
  }

  mutating func assignVision(_ peer: PeerIdentity, _ pipeline: Pipeline) {
    let assignment = Assignment(
      epoch: pipeline.epoch, modelDigest: model.digest,
      nextEndpoint: members[pipeline.first]?.endpoint ?? "",
      activationType: settings.activationType)
    assign(assignment, to: peer, next: pipeline.first)
  }
}
