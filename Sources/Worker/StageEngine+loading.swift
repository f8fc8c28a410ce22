/// Loading the layers of a plan, before it comes or when it does.

internal import Checkpoints
internal import Compute
internal import Foundation
internal import Models
internal import Wire

/// A stage that is got ready for a plan that is to come.
struct PreparedStage {
  var assignment: Assignment
  /// Where others' KV blocks are filled in already; of meaning in the plan that it is for alone.
  let cache: KVMemory
  /// Nil while they are being loaded.
  var weights: StageWeights?

  func hasWeights(of other: Assignment) -> Bool {
    assignment.layers == other.layers && assignment.hasWeights(of: other)
  }

  func isFor(_ other: Assignment) -> Bool {
    assignment.epoch == other.epoch && hasWeights(of: other)
  }
}

extension StageEngine {
  /// Maps the layers of an assignment and makes their KV cache, or keeps those that are here already;
  /// without layers, lets both go.
  func assign(
    _ assignment: Assignment, of checkpoint: Checkpoint?,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let started = clock.now
    (readiness, filledPlan) = (nil, nil)
    given = assignment.gives ? loaded?.givenBlocks : nil
    if assignment.keeps {
      if let kept = loaded?.kept(for: assignment) {
        (loaded, prepared) = (kept, nil)
        return ready(kept, since: started, results)
      }
      guard loaded?.hasBlocks(of: assignment) == true else {
        let error = WireError(
          code: .internal, text: "it does not hold what the plan has it keep",
          epoch: assignment.epoch)
        results.yield(.toCoordinator(.error(error)))
        return
      }
    }
    let kept = loaded.map { KeptParts(of: $0, for: assignment) }
    let prepared = self.prepared.flatMap { $0.hasWeights(of: assignment) ? $0 : nil }
    // Before others are loaded, so that there is room for them.
    (loaded, self.prepared) = (nil, nil)
    guard assignment.layerCount > 0, let checkpoint else { return }
    do throws(WorkerError) {
      let loaded = try load(assignment, of: checkpoint, prepared, kept)
      self.loaded = loaded
      ready(loaded, since: started, results)
    } catch {
      results.yield(.failed(error))
    }
  }

  /// The stage of an assignment: with weights that are here or got ready, and with the KV blocks that
  /// stay of meaning.
  private func load(
    _ assignment: Assignment, of checkpoint: Checkpoint, _ prepared: PreparedStage?,
    _ kept: KeptParts?
  ) throws(WorkerError) -> LoadedStage {
    let weights: StageWeights
    if let ready = prepared?.weights {
      weights = ready
    } else {
      weights = try StageWeights(assignment, of: checkpoint, reusing: kept?.weights, on: team)
    }
    var shared = kept?.kvLayers ?? [:]
    if let prepared, prepared.isFor(assignment) {
      let cache = prepared.cache
      for (index, layer) in assignment.layers.enumerated() { shared[layer] = cache.layer(index) }
    }
    let configuration = checkpoint.configuration
    do throws(ComputeError) {
      let cache = try configuration.text.makeCache(
        ofLayers: assignment.layers, blocks: assignment.kvBlockCount,
        blockTokens: assignment.kvBlockTokens, sharing: shared)
      var loaded = try LoadedStage(
        weights, ends: configuration.endsOfSequence, for: assignment, cache: cache)
      loaded.images = kept?.images ?? [:]
      return loaded
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }

  /// Loads layers beside those that are held. Whoever has none does it at once, with the whole team; else
  /// another thread does, and steps go on.
  func prepare(
    _ assignment: Assignment, of checkpoint: Checkpoint,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let started = clock.now
    (readiness, filledPlan) = (nil, nil)
    // Loaded already: only more of its KV blocks are to be fetched.
    if let weights = prepared?.weights, prepared?.isFor(assignment) == true {
      prepared?.assignment = assignment
      let ready = Ready(epoch: assignment.epoch, weightBytes: weights.stage.weightBytes)
      return answer(ready, to: assignment, results)
    }
    prepared = nil
    do throws(ComputeError) {
      let shared = loaded.flatMap { $0.hasBlocks(of: assignment) ? $0.kvLayers : nil } ?? [:]
      let cache = try checkpoint.configuration.text.makeCache(
        ofLayers: assignment.layers, blocks: assignment.kvBlockCount,
        blockTokens: assignment.kvBlockTokens, sharing: shared)
      prepared = PreparedStage(assignment: assignment, cache: cache)
    } catch {
      results.yield(.failed(WorkerError(.loading, error.message, remedy: error.remedy)))
      return
    }
    guard let loaded else {
      let weights = Result { () throws(WorkerError) in
        try StageWeights(assignment, of: checkpoint, reusing: nil, on: team)
      }
      return finishPreparing(weights, for: assignment, since: started, results)
    }
    let held = StageWeights(partOf: loaded, for: assignment)
    // From a thread that is bound to no CPU, as this one may be.
    Task.detached { [self] in
      Thread.detachNewThread { [self] in
        let weights = Result { () throws(WorkerError) in
          try StageWeights(assignment, of: checkpoint, reusing: held, on: .single)
        }
        Task { await finishPreparing(weights, for: assignment, since: started, results) }
      }
    }
  }

  private func finishPreparing(
    _ weights: Result<StageWeights, WorkerError>, for assignment: Assignment,
    since started: ContinuousClock.Instant, _ results: AsyncStream<StageResult>.Continuation
  ) {
    guard prepared?.isFor(assignment) == true else { return }
    do throws(WorkerError) {
      let weights = try weights.get()
      prepared?.weights = weights
      let ready = Ready(
        epoch: assignment.epoch, weightBytes: weights.stage.weightBytes,
        loadSeconds: (clock.now - started).seconds)
      answer(ready, to: assignment, results)
    } catch {
      results.yield(.failed(error))
    }
  }

  /// Answers that an assignment is carried out.
  private func ready(
    _ loaded: LoadedStage, since started: ContinuousClock.Instant,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let ready = Ready(
      epoch: loaded.assignment.epoch, weightBytes: loaded.stage.weightBytes,
      kvBytes: loaded.reservedBytes, loadSeconds: (clock.now - started).seconds)
    answer(ready, to: loaded.assignment, results)
  }

  /// Answers as soon as the KV blocks are filled that others hold.
  private func answer(
    _ ready: Ready, to assignment: Assignment,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    readiness = ready
    if assignment.kvSources.isEmpty { filledPlan = assignment.epoch }
    answerIfFilled(results)
  }

  /// All that a plan has from others has been filled in.
  func filled(_ plan: UInt64, _ results: AsyncStream<StageResult>.Continuation) {
    filledPlan = max(plan, filledPlan ?? 0)
    answerIfFilled(results)
  }

  private func answerIfFilled(_ results: AsyncStream<StageResult>.Continuation) {
    guard let ready = readiness, ready.epoch == filledPlan else { return }
    readiness = nil
    results.yield(.toCoordinator(.ready(ready)))
  }
}

/// What another plan's stage can use of a stage that goes.
private struct KeptParts {
  let weights: StageWeights?
  let kvLayers: [Int: KVLayer]
  let images: [UInt64: ImageRows]

  init(of stage: LoadedStage, for assignment: Assignment) {
    weights = StageWeights(partOf: stage, for: assignment)
    // Memory that is of no meaning any more saves the pages of new one, unless others read it.
    let sharesBlocks = (assignment.keeps || !assignment.gives) && stage.hasBlocks(of: assignment)
    kvLayers = sharesBlocks ? stage.kvLayers.filter { assignment.layers.contains($0.key) } : [:]
    images = assignment.keeps && assignment.firstLayer == 0 ? stage.images : [:]
  }
}
