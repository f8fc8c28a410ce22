/// Changes of plan while all is well: somebody joins who makes it faster, or somebody is to go.
///
/// Those who get other layers load them while the plan that stands is carried out, and what the KV
/// blocks hold with them (see `CoordinatorState+carrying.swift`). Then the steps in flight come to their
/// end, and the queries go on with the new plan behind their last token.

internal import Messaging
internal import Wire

/// A plan that is being got ready beside the one that is carried out.
struct Move: Sendable {
  let epoch: UInt64
  let plan: Plan
  /// The workers that it counts in.
  let workers: [Member]
  let kvTokens: Int
  /// Those that load layers before the move is made, and those of them that are not done.
  var preparing: Set<PeerIdentity> = []
  var pending: Set<PeerIdentity> = []
  /// When it began to wait for the steps in flight, in seconds: no other is sent from then on.
  var settlingSince: Double?
  /// What goes along with the layers; nil where all that is under way is computed again.
  var carried: CarriedBlocks?
  /// There is room for far more KV blocks than are carried.
  var leavesRoom = false

  /// Who will hold a stage of the plan.
  func peer(of stage: Plan.Stage) -> PeerIdentity { workers[stage.worker].peer }

  /// What a worker will hold; nil for nothing.
  func layers(of peer: PeerIdentity) -> Range<Int>? {
    plan.stages.first { self.peer(of: $0) == peer }?.layers
  }
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
    guard let move = try? move(to: workers, keeping: nil, from: pipeline) else { return }
    let share = move.plan.stepSeconds / pipeline.predictedStepSeconds
    guard share < Self.gainLeast, (1 - share) * Self.gainSeconds > cost(of: move, pipeline) else {
      return
    }
    prepare(move, reason: "a plan that is faster", pipeline)
  }

  /// What a move takes from those who are being answered, in seconds, roughly.
  private func cost(of move: Move, _ pipeline: Pipeline) -> Double {
    if move.carried != nil {
      let blocks = pipeline.scheduler.heldBlocks.count
      return Double(blocks * movedLayers(move, from: pipeline) * layerBlockBytes)
        / Self.bytesPerSecond
    }
    // All that is under way is computed again.
    let tokens = queries.values.reduce(0) { $0 + $1.tokens.count }
    return Double(tokens) * move.plan.stepSeconds / Self.rowsPerRead
  }

  /// A plan must be this much faster for anything to be moved.
  private static let gainLeast = 0.85
  /// Seconds within which a move must have paid for itself.
  private static let gainSeconds = 60.0
  /// Rows of a prompt that take as long as one decoded token, roughly.
  private static let rowsPerRead = 4.0
  /// What goes from worker to worker, roughly: over 1 Gbit/s.
  private static let bytesPerSecond = 1e8

  private mutating func moveAway(
    _ leaving: [Pipeline.Stage], to workers: [Member], from pipeline: Pipeline
  ) {
    let names = leaving.map(\.name).joined(separator: ", ")
    do throws(CoordinatorError) {
      guard !workers.isEmpty else {
        throw CoordinatorError(
          .noRoom, "no other worker is there", remedy: "Start another worker first")
      }
      let move = try move(to: workers, keeping: EndedPlan(pipeline), from: pipeline)
      prepare(move, reason: "\(names) is to go", pipeline)
    } catch {
      for stage in leaving { endDrain(of: stage.peer, problem: error.description) }
    }
  }

  /// The best plan for `workers`, like `last` where that is hardly worse, and what goes along with
  /// its layers.
  private func move(
    to workers: [Member], keeping last: EndedPlan?, from pipeline: Pipeline
  ) throws(CoordinatorError) -> Move {
    let (plan, kvTokens) = try plan(for: workers, keeping: last)
    let best = Move(epoch: lastEpoch + 1, plan: plan, workers: workers, kvTokens: kvTokens)
    // Blocks keep their numbers as long as there are as many.
    let held = pipeline.scheduler.pool.blockCount * settings.kvBlockTokens
    var move = best
    if blockCount(kvTokens) != pipeline.scheduler.pool.blockCount {
      guard let same = try? self.plan(for: workers, keeping: last, kvTokens: held) else {
        return best
      }
      move = Move(epoch: best.epoch, plan: same.plan, workers: workers, kvTokens: held)
    }
    guard canCarry(move, from: pipeline) else { return best }
    move.carried = CarriedBlocks()
    move.leavesRoom = Double(kvTokens) >= Self.growthLeast * Double(held)
    return move
  }

  /// So many times as much room for KV blocks is worth another plan.
  private static let growthLeast = 1.5

  /// Makes more KV blocks, where a move has left room for them, once nobody waits for an answer: what is
  /// held is forgotten.
  mutating func growIfIdle(now: Double) {
    guard leavesRoom, move == nil, let old = pipeline, old.isReady, old.steps.isEmpty,
      queries.isEmpty, preparing.isEmpty
    else { return }
    leavesRoom = false
    let workers = workers.filter { isSteady($0, now: now) && !draining.keys.contains($0.peer) }
    guard let (plan, kvTokens) = try? plan(for: workers, keeping: EndedPlan(old)),
      blockCount(kvTokens) > old.scheduler.pool.blockCount
    else { return }
    suspendAll(of: old)
    lastEpoch += 1
    start(plan, of: workers, kvTokens: kvTokens, epoch: lastEpoch, now: now)
  }

  private mutating func prepare(_ move: Move, reason: String, _ pipeline: Pipeline) {
    lastEpoch = move.epoch
    var move = move
    for stage in move.plan.stages {
      let peer = move.peer(of: stage)
      let held = pipeline.layers(of: peer)
      guard held != stage.layers,
        hasRoom(move.workers[stage.worker], beside: held, for: stage.layers)
      else { continue }
      move.preparing.insert(peer)
    }
    self.move = move
    sendPreparations(copying: pipeline.scheduler.fullBlocks)
    report(.moving(reason: reason, stages: descriptions(move.plan, of: move.workers)))
  }

  /// Has those load their layers who have room for them beside what they hold, and copy blocks.
  mutating func sendPreparations(copying blocks: Set<Int>) {
    guard var move, let pipeline else { return }
    if !move.preparing.isEmpty { move.carried?.note(blocks, in: pipeline.scheduler.pool) }
    move.pending = move.preparing
    move.settlingSince = nil
    self.move = move
    let assignments = assignments(
      move.plan, of: move.workers, kvTokens: move.kvTokens, epoch: move.epoch)
    for (index, stage) in move.plan.stages.enumerated() {
      let peer = move.peer(of: stage)
      guard move.pending.contains(peer) else { continue }
      var assignment = assignments[index]
      assignment.prepares = true
      if move.carried != nil {
        let sources = kvSources(for: assignment, of: peer, from: pipeline)
        assignment.fetch(blocks, from: sources, filledIn: pipeline.epoch)
      }
      send(.assignment(assignment), to: peer)
    }
  }

  /// Whether a worker can hold the layers of both plans for a while, with their KV blocks; those of both
  /// count once. Who cannot loads the new ones when the move is made.
  func hasRoom(_ worker: Member, beside held: Range<Int>?, for layers: Range<Int>) -> Bool {
    let kvBytes = (pipeline?.scheduler.pool.blockCount ?? 0) * layerBlockBytes
    let bytes = Set(layers).union(held.map(Set.init) ?? []).reduce(0) { sum, layer in
      sum + layerWeights[layer].memoryBytes + kvBytes
    }
    return bytes <= worker.capacity.memoryBytes
  }

  /// A worker has loaded what it will hold after the move, and copied what it was to copy.
  mutating func prepared(_ peer: PeerIdentity) {
    guard move?.pending.remove(peer) != nil, isSettling else { return }
    copyAgain()
  }

  /// Whether no more steps are to be sent, since the move only waits for those in flight.
  var isSettling: Bool { move?.pending.isEmpty == true }

  /// Makes the move once everything is loaded and no step is in flight.
  mutating func finishMove(now: Double) {
    guard let move, isSettling, let ended = pipeline else { return }
    let since = move.settlingSince ?? now
    self.move?.settlingSince = since
    guard ended.steps.isEmpty else { return }
    self.move = nil
    if let carried = move.carried {
      carryOver(to: move, carried, from: ended)
    } else {
      suspendAll(of: ended)
      start(
        move.plan, of: move.workers, kvTokens: move.kvTokens, epoch: move.epoch, now: now)
    }
    plannedAt = since
    tellDrained()
  }

  /// The plan that was being got ready will not be.
  mutating func abandonMove() {
    guard let abandoned = move else { return }
    settle(abandoned.preparing)
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
    return !pipeline.contains(peer) && !pipeline.givers.contains(peer)
      && move?.layers(of: peer) == nil
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
