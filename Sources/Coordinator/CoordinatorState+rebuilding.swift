/// What happens when one stage alone is lost and a spare can take its place: the other stages keep what
/// they hold, and only the lost stage's KV blocks are filled anew, from the log of the stage before.
///
/// The first stage has nobody before it: its inputs are tokens and image features, which the next
/// pipeline computes anew as after any other loss.

internal import Messaging
internal import Wire

extension CoordinatorState {
  /// Puts a spare in the place of a lost stage. Returns false where the plan must end instead.
  mutating func replaceStage(of peer: PeerIdentity, reason: String, now: Double) -> Bool {
    guard let lost = pipeline?.stages.firstIndex(where: { $0.peer == peer }),
      let replacement = replacement(ofStage: lost, now: now), let old = pipeline
    else { return false }
    abandonMove()
    beginInterruption(reason, now: now)
    lastEpoch += 1
    plannedAt = now
    for sequence in queries.keys { queries[sequence]?.keepWork(of: old.stages) }
    pipeline?.replace(lost, with: replacement.stage, epoch: lastEpoch)
    let steps = pipeline?.scheduler.rebuildingSteps() ?? []
    if !steps.isEmpty { pipeline?.rebuild = Rebuild(stage: lost, steps: steps) }
    report(
      .planned(
        epoch: lastEpoch, stages: replacement.descriptions, predicted: old.predictedStepSeconds))
    var assignments = replacement.assignments
    for index in assignments.indices {
      assignments[index].epoch = lastEpoch
      assignments[index].keeps = index != lost
    }
    tellAll(assignments)
    return true
  }

  private struct Replacement {
    let stage: Pipeline.Stage
    let assignments: [Assignment]
    let descriptions: [String]
  }

  /// Who takes a lost stage's place, where the best plan differs from the one that stands in that place
  /// alone.
  private func replacement(ofStage lost: Int, now: Double) -> Replacement? {
    guard let old = pipeline, lost > 0, old.isReady || old.rebuild?.stage == lost else {
      return nil
    }
    let steady = workers.filter { isSteady($0, now: now) && !draining.keys.contains($0.peer) }
    guard !steady.isEmpty,
      let (plan, kvTokens) = try? plan(for: steady, keeping: EndedPlan(old)),
      blockCount(kvTokens) == old.scheduler.pool.blockCount,
      plan.stages.map(\.layers) == old.stages.map(\.layers)
    else { return nil }
    let peers = plan.stages.map { steady[$0.worker].peer }
    let isInPlace = old.stages.indices.allSatisfy {
      (peers[$0] == old.stages[$0].peer) == ($0 != lost)
    }
    guard isInPlace else { return nil }
    let member = steady[plan.stages[lost].worker]
    return Replacement(
      stage: Pipeline.Stage(
        peer: member.peer, name: member.name, processID: member.processID,
        layers: plan.stages[lost].layers),
      assignments: assignments(plan, of: steady, kvTokens: kvTokens, epoch: lastEpoch),
      descriptions: descriptions(plan, of: steady))
  }

  /// All stages have answered: what the new one lacks is sent to it.
  mutating func resendSteps(now: Double) {
    guard let pipeline, pipeline.pending.isEmpty, let stage = pipeline.rebuild?.stage else {
      return
    }
    let source = pipeline.stages[stage - 1]
    while let plan = self.pipeline?.rebuild?.next(now: now) {
      let spans = plan.spans.map { span in
        WireSpan(
          sequence: span.sequence, firstPosition: span.firstPosition, tokenCount: span.count,
          kvBlocks: span.blocks)
      }
      let step = Step(
        epoch: pipeline.epoch, number: plan.number, spans: spans, purpose: .resend)
      send(.step(step), to: source.peer)
    }
  }

  /// A stage that is rebuilt has computed a step. Returns whether it is one.
  mutating func rebuilt(_ tokens: Tokens, by peer: PeerIdentity, now: Double) -> Bool {
    guard let pipeline, tokens.epoch == pipeline.epoch, let rebuild = pipeline.rebuild,
      peer == pipeline.stages[rebuild.stage].peer,
      self.pipeline?.rebuild?.steps.removeValue(forKey: tokens.number) != nil
    else { return false }
    resendSteps(now: now)
    if self.pipeline?.rebuild?.isDone == true {
      self.pipeline?.rebuild = nil
      report(
        .rebuilt(
          name: pipeline.stages[rebuild.stage].name, positions: rebuild.positions,
          from: pipeline.stages[rebuild.stage - 1].name))
      measurements.rebuilt(rebuild.positions)
      interruption?.rebuiltPositions = rebuild.positions
      stands(now: now)
    }
    return true
  }
}
