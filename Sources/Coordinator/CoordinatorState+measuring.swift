/// What is measured, and what of it is told.

internal import Checkpoints
internal import Compute
internal import Messaging
internal import Wire

extension CoordinatorState {
  /// A step has come back with what each stage spent on it.
  mutating func measure(_ timings: [StageTiming], of step: StepInFlight, now: Double) {
    let decodes = step.plan.decodes
    let sampled = step.plan.spans.count(where: \.samples)
    measurements.computed(
      promptTokens: step.plan.rows - decodes, newTokens: sampled, now: now)
    for timing in timings where pipeline?.stages.indices.contains(timing.stage) == true {
      pipeline?.stages[timing.stage].add(stepSeconds: timing.computeSeconds)
    }
    if settings.traces { trace(timings, of: step, decodes: decodes, now: now) }
  }

  mutating func receive(_ heartbeat: Heartbeat, from peer: PeerIdentity, now: Double) {
    members[peer]?.load.add(heartbeat)
    if let name = members[peer]?.name, let refused = members[peer]?.refusals.add(heartbeat) {
      for (reason, count) in refused { measurements.refused(reason, by: name, count: count) }
    }
    guard heartbeat.echoSeconds > 0 else { return }
    members[peer]?.lastEcho = now
    members[peer]?.clock.add(
      echo: heartbeat.echoSeconds, held: heartbeat.heldSeconds, sent: heartbeat.sentSeconds,
      now: now)
  }

  /// Tells the metrics system how things stand.
  mutating func recordMetrics(now: Double) {
    let scheduler = pipeline?.scheduler
    var counts = CoordinatorMetrics.Counts()
    counts.hitTokens = ended.hitTokens + (scheduler?.hitTokens ?? 0)
    counts.askedTokens = ended.askedTokens + (scheduler?.askedTokens ?? 0)
    counts.featureHits = ended.featureHits + (pipeline?.features.hits ?? 0)
    counts.preemptions = ended.preemptions + (scheduler?.preemptions ?? 0)
    measurements.metrics.record(status(now: now), counts, since: told)
    told = counts
  }

  /// Keeps what a pipeline counted when it ends.
  mutating func keepCounts(of pipeline: Pipeline) {
    ended.hitTokens += pipeline.scheduler.hitTokens
    ended.askedTokens += pipeline.scheduler.askedTokens
    ended.featureHits += pipeline.features.hits
    ended.preemptions += pipeline.scheduler.preemptions
    for stage in pipeline.stages { measurements.metrics.forget(stage: stage.name) }
  }

  // MARK: tracing

  private mutating func trace(
    _ timings: [StageTiming], of step: StepInFlight, decodes: Int, now: Double
  ) {
    let name = "step \(step.plan.number)"
    let details = [
      ("decodes", Double(decodes)), ("prefill rows", Double(step.plan.rows - decodes)),
    ]
    actions.append(
      .trace(
        TraceEvent(
          track: .pipeline, name: name, start: step.sent, seconds: now - step.sent,
          details: details, overlap: step.plan.number)))
    for timing in timings {
      guard let stages = pipeline?.stages, stages.indices.contains(timing.stage),
        let clock = members[stages[timing.stage].peer]?.clock,
        let start = clock.coordinatorTime(timing.startSeconds)
      else { continue }
      actions.append(
        .trace(
          TraceEvent(
            track: .stage(timing.stage, name: stages[timing.stage].name), name: name, start: start,
            seconds: timing.computeSeconds,
            details: details + [("waited ms", timing.waitSeconds * 1000)])))
    }
  }

  /// An image has been encoded.
  mutating func trace(_ ready: FeaturesReady, encodedBy node: PeerIdentity?, now: Double) {
    guard settings.traces else { return }
    let name = "image \(ready.image)"
    if let member = node.flatMap({ members[$0] }),
      let start = member.clock.coordinatorTime(ready.startSeconds)
    {
      actions.append(
        .trace(
          TraceEvent(
            track: .vision(name: member.name), name: name, start: start,
            seconds: ready.decodeSeconds + ready.encodeSeconds,
            details: [("decode ms", ready.decodeSeconds * 1000)])))
    }
  }

  // MARK: status

  func status(now: Double) -> ClusterStatus {
    let text = model.configuration.text
    let scheduler = pipeline?.scheduler
    let running = scheduler?.runningCount ?? 0
    let rates = measurements.tokensPerSecond(now: now)
    let held = pipeline?.features.entries.count ?? 0
    return ClusterStatus(
      ready: pipeline?.isReady == true, waitingFor: waitingFor,
      takesQueries: hasPlanned && !members.isEmpty,
      epoch: pipeline?.epoch ?? lastEpoch,
      model: ClusterStatus.Model(
        name: model.name,
        digest: model.digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
        layers: text.layers, contextTokens: contextMax),
      queries: ClusterStatus.Queries(
        running: running, waiting: queries.count + preparing.count - running),
      tokensPerSecond: ClusterStatus.TokensPerSecond(prompt: rates.prompt, new: rates.new),
      kv: ClusterStatus.KV(
        blocks: scheduler?.pool.blockCount ?? 0, free: scheduler?.pool.freeCount ?? 0,
        cached: scheduler?.pool.cachedCount ?? 0, blockTokens: settings.kvBlockTokens),
      prefix: ClusterStatus.Prefix(
        hitTokens: ended.hitTokens + (scheduler?.hitTokens ?? 0),
        askedTokens: ended.askedTokens + (scheduler?.askedTokens ?? 0)),
      features: ClusterStatus.Features(
        held: held, bytes: held * model.featureBytes,
        hits: ended.featureHits + (pipeline?.features.hits ?? 0)),
      predicted: ClusterStatus.Predicted(stepSeconds: pipeline?.predictedStepSeconds ?? 0),
      stages: (pipeline?.stages ?? []).map(status),
      visionNodes: visionNodes.map {
        ClusterStatus.VisionNode(
          name: $0.name, processID: $0.processID, images: $0.load.completed, busy: $0.load.busy)
      },
      spares: workers.filter { pipeline?.contains($0.peer) != true }.map {
        ClusterStatus.Spare(name: $0.name, leftOut: leftOut($0, now: now))
      },
      losses: losses.map {
        ClusterStatus.Loss(name: $0.name, reason: $0.reason, secondsAgo: now - $0.at)
      },
      lastInterruption: (interruption ?? lastInterruption).map {
        ClusterStatus.Interruption(
          reason: $0.reason, secondsAgo: now - $0.since, seconds: $0.seconds, queries: $0.queries,
          rebuiltPositions: $0.rebuiltPositions)
      },
      uptimeSeconds: now)
  }

  private func leftOut(_ worker: Member, now: Double) -> String {
    if draining.keys.contains(worker.peer) { return "drained" }
    return isSteady(worker, now: now) ? "" : "comes and goes"
  }

  private func status(_ stage: Pipeline.Stage) -> ClusterStatus.Stage {
    let load = members[stage.peer]?.load
    let times = stage.stepSeconds.sorted()
    return ClusterStatus.Stage(
      name: stage.name, processID: stage.processID,
      layers: [stage.layers.lowerBound, stage.layers.count],
      weights: weights?.rawValue ?? "stored", memoryBytes: stage.memoryBytes,
      busy: load?.busy ?? 0, waiting: load?.waiting ?? 0, sending: load?.sending ?? 0,
      stepSecondsMedian: times.isEmpty ? 0 : times[times.count / 2], steps: stage.steps)
  }
}
