/// Steps: sent to stage 0 as far as the pipeline has room, answered by the last stage.

internal import Checkpoints
internal import Messaging
internal import Wire

extension CoordinatorState {
  mutating func sendSteps(now: Double) {
    guard pipeline?.isReady == true, !isSettling else { return }
    while let plan = pipeline?.scheduler.nextStep(now: now) {
      guard let epoch = pipeline?.epoch, let first = pipeline?.first else { return }
      let spans = plan.spans.compactMap { queries[$0.sequence]?.wireSpan($0) }
      pipeline?.steps[plan.number] = StepInFlight(plan: plan, sent: now)
      send(.step(Step(epoch: epoch, number: plan.number, spans: spans)), to: first)
      for span in plan.spans { issued(span, now: now) }
    }
    for sequence in pipeline?.scheduler.takeImageless() ?? [] { wantFeatures(sequence) }
  }

  private mutating func issued(_ span: StepPlan.Span, now: Double) {
    if let query = queries[span.sequence], query.firstIssued == nil {
      queries[span.sequence]?.firstIssued = now
      measurements.queued(now - query.arrived)
    }
    if span.samples { releaseFeatures(of: span.sequence) }
  }

  /// A step has left the pipeline. One of an older epoch, or one that is not in flight, is dropped.
  mutating func receive(_ tokens: Tokens, from peer: PeerIdentity, now: Double) {
    if rebuilt(tokens, by: peer, now: now) { return }
    guard tokens.epoch == pipeline?.epoch, peer == pipeline?.stages.last?.peer,
      let step = pipeline?.steps[tokens.number]
    else {
      report(.dropped("step \(tokens.number) of epoch \(tokens.epoch), which is not in flight"))
      return
    }
    let plan = step.plan
    guard let sampled = sampled(tokens.tokens, by: plan) else {
      // Nothing of what it says can be relied on: another worker computes the step again.
      lose(
        peer, reason: "it ended step \(tokens.number) without the tokens it was to sample", now: now
      )
      return
    }
    pipeline?.steps[tokens.number] = nil
    overdueInRow = 0
    let slowest = tokens.timings.reduce(0) { max($0, $1.computeSeconds) }
    _ = pipeline?.scheduler.complete(plan.number, seconds: slowest, now: now)
    measure(tokens.timings, of: step, now: now)
    let stages = pipeline?.stages.count ?? 0
    for span in plan.spans { queries[span.sequence]?.add(tokens.timings, stages: stages) }
    for token in sampled { append(token, to: token.sequence, now: now) }
  }

  /// The tokens of a step's spans, in their order, as far as somebody still waits for them; nil if
  /// one is missing or cannot be what it claims.
  private func sampled(_ tokens: [SampledToken], by plan: StepPlan) -> [SampledToken]? {
    var result: [SampledToken] = []
    var next = 0
    for span in plan.spans where span.samples && queries[span.sequence] != nil {
      // They come in the order of the spans.
      guard let index = tokens[next...].firstIndex(where: { $0.sequence == span.sequence }),
        isNext(tokens[index], after: span)
      else { return nil }
      next = index + 1
      result.append(tokens[index])
    }
    return result
  }

  private func isNext(_ token: SampledToken, after span: StepPlan.Span) -> Bool {
    token.position == span.positions.upperBound
      && Int(token.tokenID) < model.configuration.text.vocabulary
  }
}
