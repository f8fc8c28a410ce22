/// Changes of plan while all is well: somebody joins who makes it faster, or somebody is to go.
///
/// Those who get other layers load them while the plan that stands is carried out. Then the steps in
/// flight come to their end, and the queries go on with the new plan behind their last token.

internal import Messaging
internal import Wire

/// A plan that is being got ready beside the one that is carried out.
struct Move: Sendable {
  let epoch: UInt64
  let plan: Plan
  /// The workers that it counts in.
  let workers: [Member]
  let kvTokens: Int
  /// Those that have not loaded their layers.
  var pending: Set<PeerIdentity>
  let reason: String
}

extension CoordinatorState {
  /// Looks for a better plan once somebody came, or somebody is to go.
  mutating func considerMove(now: Double) {
    guard wantsReview, move == nil, let pipeline, pipeline.isReady else { return }
    wantsReview = false
    let steady = workers.filter { isSteady($0, now: now) && !draining.keys.contains($0.peer) }
    let leaving = pipeline.stages.filter { draining.keys.contains($0.peer) }
    if leaving.isEmpty {
      considerGain(of: steady, over: pipeline)
    } else {
      moveAway(leaving, to: steady, from: pipeline)
    }
    tellDrained()
  }

  func isSteady(_ worker: Member, now: Double) -> Bool { flaps[worker.name]?.until ?? 0 <= now }

  /// Moves to a faster plan, if what it saves soon outweighs what the move costs.
  private mutating func considerGain(of workers: [Member], over pipeline: Pipeline) {
    guard let (best, kvTokens) = try? plan(for: workers, keeping: nil) else { return }
    let share = best.stepSeconds / pipeline.predictedStepSeconds
    // All that is under way is computed again.
    let tokens = queries.values.reduce(0) { $0 + $1.tokens.count }
    let cost = Double(tokens) * best.stepSeconds / Self.rowsPerRead
    guard share < Self.gainLeast, (1 - share) * Self.gainSeconds > cost else { return }
    prepare(best, of: workers, kvTokens: kvTokens, reason: "a plan that is faster", pipeline)
  }

  /// A plan must be this much faster for anything to be moved.
  private static let gainLeast = 0.85
  /// Seconds within which a move must have paid for itself.
  private static let gainSeconds = 60.0
  /// Rows of a prompt that take as long as one decoded token, roughly.
  private static let rowsPerRead = 4.0

  private mutating func moveAway(
    _ leaving: [Pipeline.Stage], to workers: [Member], from pipeline: Pipeline
  ) {
    let names = leaving.map(\.name).joined(separator: ", ")
    do throws(CoordinatorError) {
      guard !workers.isEmpty else {
        throw CoordinatorError(
          .noRoom, "no other worker is there", remedy: "Start another worker first")
      }
      let (plan, kvTokens) = try plan(for: workers, keeping: EndedPlan(pipeline))
      prepare(plan, of: workers, kvTokens: kvTokens, reason: "\(names) is to go", pipeline)
    } catch {
      for stage in leaving { endDrain(of: stage.peer, problem: error.description) }
    }
  }

  private mutating func prepare(
    _ plan: Plan, of workers: [Member], kvTokens: Int, reason: String, _ pipeline: Pipeline
  ) {
    lastEpoch += 1
    var move = Move(
      epoch: lastEpoch, plan: plan, workers: workers, kvTokens: kvTokens, pending: [],
      reason: reason)
    let assignments = assignments(plan, of: workers, kvTokens: kvTokens, epoch: move.epoch)
    for (index, stage) in plan.stages.enumerated() {
      let peer = workers[stage.worker].peer
      let held = pipeline.stages.first { $0.peer == peer }?.layers
      guard held != stage.layers, hasRoom(workers[stage.worker], beside: held, for: stage.layers)
      else { continue }
      move.pending.insert(peer)
      var assignment = assignments[index]
      assignment.prepares = true
      send(.assignment(assignment), to: peer)
    }
    report(.moving(reason: reason, stages: descriptions(plan, of: workers)))
    self.move = move
  }

  /// Whether a worker can hold the layers of both plans for a while. Who cannot loads the new ones
  /// when the move is made.
  private func hasRoom(
    _ worker: Member, beside held: Range<Int>?, for layers: Range<Int>
  ) -> Bool {
    let bytes = [held, layers].compactMap(\.self).reduce(0) { sum, range in
      sum + layerWeights[range].reduce(0) { $0 + $1.memoryBytes }
    }
    return bytes <= worker.capacity.memoryBytes
  }

  /// A worker has loaded what it will hold after the move.
  mutating func prepared(_ peer: PeerIdentity) { move?.pending.remove(peer) }

  /// Whether no more steps are to be sent, since the move only waits for those in flight.
  var isSettling: Bool { move?.pending.isEmpty == true }

  /// Makes the move once everything is loaded and no step is in flight.
  mutating func finishMove(now: Double) {
    guard let move, isSettling, let ended = pipeline, ended.steps.isEmpty else { return }
    self.move = nil
    suspendAll(of: ended)
    start(
      move.plan, of: move.workers, kvTokens: move.kvTokens, epoch: move.epoch, now: now)
    tellDrained()
  }

  /// The plan that was being got ready will not be.
  mutating func abandonMove() {
    guard move != nil else { return }
    move = nil
    wantsReview = true
  }

  // MARK: draining

  /// Somebody asks that a member's work be moved away.
  mutating func receive(_ drain: Drain, from peer: PeerIdentity) {
    let named = drain.name.isEmpty ? members[peer] : members.values.first { $0.name == drain.name }
    // A client's key is for asking; whoever runs the machine has the signal.
    guard access == nil || named?.peer == peer else {
      let problem = "in a cluster with keys a member drains itself; send its process SIGTERM"
      send(.drained(Drained(name: drain.name, problem: problem)), to: peer)
      return
    }
    guard let member = named else {
      let names = members.values.map(\.name).sorted().joined(separator: ", ")
      send(
        .drained(
          Drained(
            name: drain.name,
            problem: "no member is called that\(names.isEmpty ? "" : "; there are \(names)")")),
        to: peer)
      return
    }
    if draining[member.peer] == nil { report(.draining(name: member.name)) }
    draining[member.peer, default: []].insert(peer)
    wantsReview = true
    if pipeline == nil { tellDrained() }
  }

  /// Tells those who wait for it that a member is needed no more.
  mutating func tellDrained() {
    for peer in draining.keys where isIdle(peer) { endDrain(of: peer, problem: "") }
  }

  private func isIdle(_ peer: PeerIdentity) -> Bool {
    if members[peer]?.role == .visionNode {
      return visionNodes.count < 2 || pipeline?.features.outstanding(peer) ?? 0 == 0
    }
    // Without a plan nobody has work; who goes now is not in the next one.
    guard let pipeline else { return true }
    let isWanted = move?.plan.stages.contains { move?.workers[$0.worker].peer == peer } ?? false
    return !pipeline.contains(peer) && !isWanted
  }

  /// Answers those who asked. A member that could be drained stays without work; one that could not
  /// goes on.
  private mutating func endDrain(of peer: PeerIdentity, problem: String) {
    guard let asking = draining[peer], !asking.isEmpty else { return }
    let name = members[peer]?.name ?? peer.description
    draining[peer] = problem.isEmpty ? [] : nil
    report(.drained(name: name, problem: problem))
    for asker in asking { send(.drained(Drained(name: name, problem: problem)), to: asker) }
  }
}
