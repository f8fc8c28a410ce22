/// Steps: sent to stage 0 as far as the pipeline has room, answered by the last stage.

internal import Checkpoints
internal import Messaging
internal import Wire

extension CoordinatorState {
  mutating func sendSteps() {
    guard pipeline?.isReady == true else { return }
    for sequence in queriesWithoutImages {
      beginSequence(sequence, now: queries[sequence]?.arrived ?? 0)
    }
    queriesWithoutImages = []
    while let pipeline, let plan = self.pipeline?.scheduler.nextStep() {
      let step = Step(
        epoch: pipeline.epoch, number: plan.number, spans: plan.spans.compactMap(wireSpan))
      self.pipeline?.steps[plan.number] = plan
      send(.step(step), to: pipeline.first)
    }
  }

  private func wireSpan(_ span: StepPlan.Span) -> WireSpan? {
    guard let query = queries[span.sequence] else { return nil }
    let positions = span.firstPosition..<span.firstPosition + span.count
    let drawn = query.tokens.count
    let blocks = (positions.upperBound + settings.kvBlockTokens - 1) / settings.kvBlockTokens
    return WireSpan(
      sequence: span.sequence, firstPosition: span.firstPosition, tokenCount: span.count,
      tokenIDs: query.tokens(at: positions), kvBlocks: Array(span.blocks.prefix(blocks)),
      sampling: span.samples ? query.sampling : nil, splices: query.splices(at: positions),
      withholdsEnd: span.samples && drawn < query.minTokens,
      logProbabilities: span.samples ? query.logProbabilities : nil,
      generated: span.samples
        ? query.counts.map { WireTokenCount(tokenID: $0.key, count: $0.value) } : [])
  }

  /// A step has left the pipeline. One of an older epoch, or one that is not in flight, is dropped.
  mutating func receive(_ tokens: Tokens, from peer: PeerIdentity, now: Double) {
    guard tokens.epoch == pipeline?.epoch, peer == pipeline?.stages.last?.peer,
      pipeline?.scheduler.complete(tokens.number) == true,
      let plan = pipeline?.steps.removeValue(forKey: tokens.number)
    else {
      report(.dropped("step \(tokens.number) of epoch \(tokens.epoch), which is not in flight"))
      return
    }
    for span in plan.spans { reportTimings(tokens.timings, to: span.sequence) }
    var expected = Set(plan.spans.lazy.filter(\.samples).map(\.sequence))
    for token in tokens.tokens where expected.contains(token.sequence) {
      guard let query = queries[token.sequence], token.position == query.nextPosition,
        Int(token.tokenID) < model.configuration.text.vocabulary
      else { continue }
      expected.remove(token.sequence)
      append(token, to: token.sequence, now: now)
    }
    // Nothing else will ever carry these on.
    for sequence in expected.sorted() {
      fail(sequence, .internal, "step \(tokens.number) ended without the token it was to sample")
    }
  }

  private mutating func reportTimings(_ timings: [StageTiming], to sequence: SequenceID) {
    guard let stages = pipeline?.stages, queries[sequence] != nil else { return }
    for timing in timings where stages.indices.contains(timing.stage) {
      let stage = stages[timing.stage]
      queries[sequence]?.report(
        ProcessReport(
          name: stage.name, processID: stage.processID,
          work: "decodes \(layersText(stage.layers))", completed: 1,
          busySeconds: timing.computeSeconds, firstLayer: stage.layers.lowerBound,
          layerCount: stage.layers.count))
    }
  }
}
