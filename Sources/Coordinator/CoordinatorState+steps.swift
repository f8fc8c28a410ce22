/// Steps: sent to stage 0 as far as the pipeline has room, answered by the last stage.

internal import Checkpoints
internal import Messaging
internal import Wire

extension CoordinatorState {
  mutating func sendSteps(now: Double) {
    guard pipeline?.isReady == true, !isSettling else { return }
    while let plan = pipeline?.scheduler.nextStep() {
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
    guard tokens.epoch == pipeline?.epoch, peer == pipeline?.stages.last?.peer,
      let step = pipeline?.steps.removeValue(forKey: tokens.number)
    else {
      report(.dropped("step \(tokens.number) of epoch \(tokens.epoch), which is not in flight"))
      return
    }
    overdueInRow = 0
    let plan = step.plan
    let slowest = tokens.timings.reduce(0) { max($0, $1.computeSeconds) }
    _ = pipeline?.scheduler.complete(plan.number, rows: plan.rows, seconds: slowest)
    measure(tokens.timings, of: step, now: now)
    let stages = pipeline?.stages.count ?? 0
    for span in plan.spans { queries[span.sequence]?.add(tokens.timings, stages: stages) }
    var next = 0
    for span in plan.spans where span.samples && queries[span.sequence] != nil {
      // They come in the order of the spans.
      var found = tokens.tokens[next...].firstIndex { $0.sequence == span.sequence }
      if let index = found {
        next = index + 1
        if !isNext(tokens.tokens[index], after: span) { found = nil }
      }
      if let found {
        append(tokens.tokens[found], to: span.sequence, now: now)
      } else {
        // Nothing else will ever carry it on.
        fail(
          span.sequence, .internal,
          "step \(tokens.number) ended without the token it was to sample")
      }
    }
  }

  private func isNext(_ token: SampledToken, after span: StepPlan.Span) -> Bool {
    token.position == span.positions.upperBound
      && Int(token.tokenID) < model.configuration.text.vocabulary
  }
}
