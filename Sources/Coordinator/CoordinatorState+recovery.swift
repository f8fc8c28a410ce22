/// What happens when somebody or something is lost: the queries go on with another plan.
///
/// Where one stage alone is replaced, the others keep what they hold (see
/// `CoordinatorState+rebuilding.swift`). Otherwise the next pipeline computes each query's prompt and its
/// tokens so far anew, which are known here, and continues behind them. As tokens are sampled by (seed,
/// position), the answer is the one that would have been; as steps of older epochs are dropped, no
/// token comes twice.

internal import Messaging
internal import Wire

extension CoordinatorState {
  /// Takes a member out. If it had layers, the plan ends and its queries wait for the next one.
  mutating func lose(
    _ peer: PeerIdentity, reason: String, isExpected: Bool = false, now: Double
  ) {
    guard let member = members.removeValue(forKey: peer) else { return }
    joinOrder.removeAll { $0 == peer }
    for asker in draining.removeValue(forKey: peer) ?? [] where asker != peer {
      send(.drained(Drained(name: member.name)), to: asker)
    }
    if isExpected {
      report(.left(name: member.name, reason: reason))
    } else {
      report(.lost(name: member.name, reason: reason))
      losses = [Loss(name: member.name, reason: reason, at: now)] + losses.prefix(Loss.kept - 1)
      measurements.lost(member.role)
      noteFlap(of: member, now: now)
    }
    if member.role == .visionNode {
      pipeline?.features.forget(peer)
      return
    }
    if move?.workers.contains(where: { $0.peer == peer }) == true { abandonMove() }
    guard let pipeline, pipeline.contains(peer) || pipeline.givers.contains(peer) else { return }
    let cause = "\(member.name) was lost: \(reason)"
    if !replaceStage(of: peer, reason: cause, now: now) { endPipeline(cause, now: now) }
  }

  private mutating func noteFlap(of member: Member, now: Double) {
    guard member.role == .decoderWorker else { return }
    // Names that nobody bears any more would be kept for ever.
    if flaps.count > Self.flapsKept { flaps = flaps.filter { $0.value.until > now } }
    var record = flaps[member.name] ?? FlapRecord()
    let seconds = record.lost(after: now - member.joined, now: now)
    flaps[member.name] = record
    guard seconds > 0 else { return }
    reviewAt = max(reviewAt == .infinity ? 0 : reviewAt, record.until)
    report(.leftOut(name: member.name, seconds: seconds))
  }

  private static let flapsKept = 4096

  /// Ends the plan that is carried out. Its queries wait for the next one.
  mutating func endPipeline(_ reason: String, now: Double) {
    guard let ended = pipeline else { return }
    abandonMove()
    // Whoever waits to go was told nothing yet.
    if draining.values.contains(where: { !$0.isEmpty }) { wantsReview = true }
    suspendAll(of: ended)
    beginInterruption(reason, now: now)
  }

  /// Queries wait from now on until all stages of a plan stand.
  mutating func beginInterruption(_ reason: String, now: Double) {
    if interruption == nil {
      interruption = Interruption(reason: reason, since: now, queries: queries.count)
    }
    report(.interrupted(reason: reason, queries: queries.count))
  }

  /// Takes the queries out of a pipeline, which is no more.
  mutating func suspendAll(of ended: Pipeline) {
    keepCounts(of: ended)
    lastPlan = EndedPlan(ended)
    pipeline = nil
    queriesAwaitingImages = []
    let waiting = Set(queriesAwaitingPlan)
    for sequence in queries.keys.sorted() {
      queries[sequence]?.suspend(ended.stages)
      if !waiting.contains(sequence) { queriesAwaitingPlan.append(sequence) }
    }
  }

  /// All stages of a plan stand: what was interrupted goes on.
  mutating func noteRecovery(now: Double) {
    guard var interruption else { return }
    let seconds = now - interruption.since
    interruption.seconds = seconds
    lastInterruption = interruption
    self.interruption = nil
    measurements.recovered(after: seconds)
    report(.recovered(seconds: seconds, queries: interruption.queries))
  }

  // MARK: what nobody reports

  /// A connection has ended. ZeroMQ does not say whose, but refuses to send to whom it was.
  mutating func probe(now: Double) {
    sendHeartbeats(now: now)
    for client in Set(names.keys.map(\.client)) where client != LocalQueries.identity {
      send(.heartbeat(Heartbeat(epoch: lastEpoch, sentSeconds: now)), to: client)
    }
  }

  /// After a pause of the coordinator itself, what others sent meanwhile is still to be read: nobody
  /// counts as silent, and no step as overdue, for it.
  mutating func forgiveOwnPause(now: Double) {
    defer { lastTick = now }
    let usual = Double(settings.heartbeatMilliseconds) / 1000
    guard let lastTick, now - lastTick > 2 * usual else { return }
    let pause = now - lastTick
    for peer in joinOrder {
      members[peer]?.lastHeard += pause
      members[peer]?.lastEcho += pause
    }
    for number in pipeline?.steps.keys.sorted() ?? [] { pipeline?.steps[number]?.sent += pause }
    for number in pipeline?.rebuild?.steps.keys.sorted() ?? [] {
      pipeline?.rebuild?.steps[number]?.sent += pause
    }
  }

  /// Members that have not been heard for too long, or do not hear the coordinator, are lost.
  mutating func loseSilent(now: Double) {
    let timeout = Double(settings.heartbeatTimeoutMilliseconds) / 1000
    for member in members.values {
      if now - member.lastHeard > timeout {
        lose(
          member.peer, reason: "silent for \(milliseconds(now - member.lastHeard))", now: now)
      } else if now - member.lastEcho > 2 * timeout {
        lose(member.peer, reason: "it is heard, but hears nothing", now: now)
      }
    }
  }

  /// A step that is long overdue was lost on its way, or a stage hangs: another epoch computes it
  /// again.
  mutating func restartOverdue(now: Double) {
    guard let pipeline, pipeline.pending.isEmpty,
      let oldest = pipeline.stepsUnderWay.min(by: { $0.value.sent < $1.value.sent })
    else { return }
    let waited = now - oldest.value.sent
    guard waited > patience(with: pipeline) else { return }
    overdueInRow += 1
    endPipeline(
      "step \(oldest.key) is overdue after \(milliseconds(waited))", now: now)
  }

  /// How long a step may be under way, in seconds: many times what steps like those in flight were
  /// measured to take, and longer each time in a row that it was not enough.
  private func patience(with pipeline: Pipeline) -> Double {
    let curve = pipeline.scheduler.curve
    let steps = pipeline.stepsUnderWay
    let expected = steps.values.reduce(0) { $0 + curve.seconds(rows: $1.plan.rows) }
    let ways = Double(pipeline.stages.count + steps.count)
    let least = Double(settings.heartbeatTimeoutMilliseconds) / 1000
    let factor = Double(1 << min(overdueInRow, 6))
    return factor * max(least, Self.overdueFactor * expected * ways / Double(steps.count))
  }

  /// How many times longer than expected a step may take before it counts as lost.
  private static let overdueFactor = 8.0
}

/// A member was lost.
struct Loss: Sendable {
  let name: String
  let reason: String
  /// When, in seconds.
  let at: Double

  /// So many are remembered.
  static let kept = 8
}

/// Queries had to wait for another plan.
struct Interruption: Sendable {
  let reason: String
  /// When it began, in seconds.
  let since: Double
  /// How long it took, in seconds; nil until it is over.
  var seconds: Double?
  /// Queries that were under way.
  let queries: Int
  /// Positions that a new stage was sent once more, from the log of the one before; nil where the
  /// queries were computed anew by all stages.
  var rebuiltPositions: Int?
}

/// What is worth keeping of a plan that has ended.
struct EndedPlan: Sendable {
  /// Who held which layers.
  let stages: [(peer: PeerIdentity, layers: Range<Int>)]
  let curve: StepCurve

  init(_ pipeline: Pipeline) {
    stages = pipeline.stages.map { ($0.peer, $0.layers) }
    curve = pipeline.scheduler.curve
  }
}
