/// Moves that take along what the KV blocks of those hold who are being answered, so that it is not
/// computed again.
///
/// Those who get layers copy the blocks that are full while the plan that stands is carried out, as often
/// as that brings down what is left. Once no step is in flight they copy the rest, while queries wait.
///
///     loading, copying full blocks │ copying again │ steps end │ the rest │ the new plan computes
///     ──────── the old plan computes ──────────────┴───────────┴──────────┴──────────────────────

internal import Messaging
internal import Wire

/// Blocks that were copied before the move is made.
struct CarriedBlocks: Sendable {
  /// The blocks, with what tells what they held then.
  private var copied: [Int: UInt64] = [:]
  /// How often was copied.
  private(set) var rounds = 0

  /// These are copied next.
  mutating func note(_ blocks: Set<Int>, in pool: KVBlockPool) {
    rounds += 1
    for block in blocks { copied[block] = pool.taken(block) }
  }

  /// Whether a block that was copied still holds what it held.
  func holds(_ block: Int, in pool: KVBlockPool) -> Bool { copied[block] == pool.taken(block) }
}

extension CoordinatorState {
  /// Bytes of one layer's part of a KV block.
  var layerBlockBytes: Int { layerTokenBytes * settings.kvBlockTokens }

  /// Whether blocks can go with their layers: there are as many after the move as before it, and all who
  /// lose layers can be asked for them.
  func canCarry(_ move: Move, from pipeline: Pipeline) -> Bool {
    let limits = WireLimits.standard
    guard blockCount(move.kvTokens) == pipeline.scheduler.pool.blockCount,
      pipeline.scheduler.pool.blockCount <= limits.assignedBlocks,
      layerBlockBytes <= limits.chunkBytes
    else { return false }
    return pipeline.stages.allSatisfy { stage in
      guard let member = members[stage.peer] else { return false }
      let kept = move.layers(of: stage.peer)
      let isAsked = kept.map { $0.clamped(to: stage.layers) != stage.layers } ?? true
      guard isAsked else { return true }
      // While it gives it holds what it had, beside what it gets.
      guard kept.map({ hasRoom(member, beside: stage.layers, for: $0) }) ?? true else {
        return false
      }
      return !member.tensorEndpoint.isEmpty
        && (access == nil || access?.identity(of: stage.peer) != nil)
    }
  }

  /// Layers that get to another worker, counted once for each.
  func movedLayers(_ move: Move, from pipeline: Pipeline) -> Int {
    move.plan.stages.reduce(0) { sum, stage in
      let held = pipeline.layers(of: move.peer(of: stage))
      return sum + stage.layers.count - (held?.clamped(to: stage.layers).count ?? 0)
    }
  }

  /// Who holds the layers of an assignment that its worker has not had.
  func kvSources(
    for assignment: Assignment, of peer: PeerIdentity, from pipeline: Pipeline
  ) -> [(holder: PeerIdentity, source: KVSource)] {
    pipeline.stages.compactMap { stage in
      let layers = stage.layers.clamped(to: assignment.layers)
      guard stage.peer != peer, !layers.isEmpty, let member = members[stage.peer] else {
        return nil
      }
      let key = access?.identity(of: stage.peer)?.key.bytes ?? []
      return (stage.peer, KVSource(layers: layers, endpoint: member.tensorEndpoint, key: key))
    }
  }

  /// Everything is loaded; has what became full meanwhile copied once more, where queries would wait
  /// long for it.
  mutating func copyAgain() {
    guard let move, let carried = move.carried, let pipeline,
      carried.rounds < Self.copyingRoundsMax
    else { return }
    let pool = pipeline.scheduler.pool
    let new = pipeline.scheduler.fullBlocks.filter { !carried.holds($0, in: pool) }
    let bytes = new.count * movedLayers(move, from: pipeline) * layerBlockBytes
    guard bytes > settings.movedAtLastBytes else { return }
    sendPreparations(copying: new)
  }

  /// Each time takes a part of the time that the one before took, unless queries come faster than the
  /// network takes their blocks.
  private static let copyingRoundsMax = 5

  /// Makes a move whose blocks go along; no step is in flight.
  mutating func carryOver(to move: Move, _ carried: CarriedBlocks, from old: Pipeline) {
    for sequence in queries.keys { queries[sequence]?.keepWork(of: old.stages) }
    for stage in old.stages { measurements.metrics.forget(stage: stage.name) }
    let stages = stages(of: move.plan, move.workers)
    let isFirstNew = stages[0].peer != old.first
    if isFirstNew { pipeline?.scheduler.forgetImages() }
    let held = pipeline?.scheduler.heldBlocks ?? []
    let rest = held.filter { !carried.holds($0, in: old.scheduler.pool) }
    var givers: Set<PeerIdentity> = []
    var assignments = assignments(
      move.plan, of: move.workers, kvTokens: move.kvTokens, epoch: move.epoch)
    for (index, stage) in stages.enumerated() {
      let sources = kvSources(for: assignments[index], of: stage.peer, from: old)
      let lacking = move.preparing.contains(stage.peer) ? rest : held
      assignments[index].keeps = old.contains(stage.peer)
      assignments[index].fetch(lacking, from: sources, filledIn: old.epoch)
      if !lacking.isEmpty { givers.formUnion(sources.map(\.holder)) }
    }
    for (index, stage) in stages.enumerated() {
      assignments[index].gives = givers.contains(stage.peer)
    }
    let limits = schedulerLimits(move.plan)
    pipeline?.carryOver(to: stages, epoch: move.epoch, limits: limits, givers: givers)
    leavesRoom = move.leavesRoom
    if isFirstNew { askForImagesAgain() }
    report(
      .planned(
        epoch: move.epoch, stages: descriptions(move.plan, of: move.workers),
        predicted: move.plan.stepSeconds))
    report(.carried(blocks: held.count, before: held.count - rest.count))
    tellAll(assignments)
  }

  /// All stages have what they were to get: nobody needs to keep the blocks of the plan before.
  mutating func settle() {
    settle(pipeline?.givers ?? [])
    pipeline?.givers = []
    tellDrained()
  }

  /// Has members let go what they keep beside the plan that stands.
  mutating func settle(_ peers: Set<PeerIdentity>) {
    guard let epoch = pipeline?.epoch else { return }
    for peer in peers.sorted(by: { $0.description < $1.description }) where members[peer] != nil {
      send(.settled(Settled(epoch: epoch)), to: peer)
    }
  }

  /// A worker could not get what KV blocks hold. Returns whether it was to get it.
  mutating func couldNotCarry(
    _ error: WireError, _ peer: PeerIdentity, now: Double
  ) -> Bool {
    guard error.code == .unavailable, let epoch = error.epoch else { return false }
    if epoch == move?.epoch, move?.pending.contains(peer) == true {
      // It goes on loading its layers.
      if move?.carried != nil { report(.notCarried(reason: error.text)) }
      move?.carried = nil
      return true
    }
    guard epoch == pipeline?.epoch, pipeline?.givers.isEmpty == false,
      pipeline?.pending.contains(peer) == true
    else { return false }
    endPipeline(error.text, now: now)
    return true
  }
}

extension Assignment {
  /// Has blocks fetched from `sources`, who filled them under the plan `epoch`.
  mutating func fetch(
    _ blocks: Set<Int>, from sources: [(holder: PeerIdentity, source: KVSource)],
    filledIn epoch: UInt64
  ) {
    guard !blocks.isEmpty, !sources.isEmpty else { return }
    kvSources = sources.map(\.source)
    kvBlocks = blocks.sorted()
    kvEpoch = epoch
  }
}
