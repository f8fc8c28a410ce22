/// Loading the layers of a plan, before it comes or when it does.

internal import Checkpoints
internal import Compute
internal import Models
internal import Wire

/// Weights that have been loaded before the plan that needs them.
struct PreparedStage {
  let assignment: Assignment
  let stage: LlamaStage
  let projector: Projector?
  /// Where others' KV blocks are filled in already.
  let cache: KVMemory?

  func hasWeights(of other: Assignment) -> Bool {
    assignment.layers == other.layers && assignment.weights == other.weights
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
    unfilled = nil
    let (before, prepared) = (loaded, self.prepared)
    given = assignment.gives ? before?.givenBlocks : nil
    if assignment.keeps {
      if let kept = before?.kept(for: assignment) {
        loaded = kept
        self.prepared = nil
        return ready(kept, assignment, since: started, results)
      }
      guard before?.hasBlocks(of: assignment) == true else {
        let error = WireError(
          code: .internal, text: "it does not hold what the plan has it keep",
          epoch: assignment.epoch)
        results.yield(.toCoordinator(.error(error)))
        return
      }
    }
    // Before others are loaded, so that there is room for them.
    loaded = nil
    self.prepared = nil
    guard assignment.layerCount > 0, let checkpoint else { return }
    do throws(WorkerError) {
      let loaded = try load(assignment, of: checkpoint, prepared, after: before)
      self.loaded = loaded
      ready(loaded, assignment, since: started, results)
    } catch {
      results.yield(.failed(error))
    }
  }

  /// Answers that an assignment is carried out, as soon as its KV blocks are filled.
  private func ready(
    _ loaded: LoadedStage, _ assignment: Assignment, since started: ContinuousClock.Instant,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let ready = Ready(
      epoch: assignment.epoch, weightBytes: loaded.stage.weightBytes,
      kvBytes: loaded.reservedBytes, loadSeconds: (clock.now - started).seconds)
    answer(ready, assignment, results)
  }

  private func answer(
    _ ready: Ready, _ assignment: Assignment, _ results: AsyncStream<StageResult>.Continuation
  ) {
    if assignment.kvSources.isEmpty {
      results.yield(.toCoordinator(.ready(ready)))
    } else {
      unfilled = ready
    }
  }

  /// The decoder's weights in the format that the plan says; empty is as they are stored.
  private func decoderWeights(
    of checkpoint: Checkpoint, heldAs name: String
  ) throws(WorkerError) -> WeightScope {
    let format = WeightFormat(target: name)
    guard name.isEmpty || format != nil else {
      throw WorkerError(
        .loading, "the plan holds weights as \(name), which this worker does not know",
        remedy: "Run the same version everywhere; this one knows \(WeightFormat.targetNames)")
    }
    return WeightScope(
      of: ConvertedWeights(checkpoint, to: format, on: team), prefix: "language_model")
  }

  func prepare(
    _ assignment: Assignment, of checkpoint: Checkpoint,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let started = clock.now
    unfilled = nil
    // Loaded already: only more of its KV blocks are to be fetched.
    if let prepared, prepared.isFor(assignment) {
      let ready = Ready(epoch: assignment.epoch, weightBytes: prepared.stage.weightBytes)
      return answer(ready, assignment, results)
    }
    prepared = nil
    do throws(WorkerError) {
      let (stage, projector) = try loadWeights(assignment, of: checkpoint)
      let shared = loaded.flatMap { $0.hasBlocks(of: assignment) ? $0.kvLayers : nil } ?? [:]
      let cache =
        try assignment.kvSources.isEmpty
        ? nil : makeCache(of: stage, for: assignment, sharing: shared)
      prepared = PreparedStage(
        assignment: assignment, stage: stage, projector: projector, cache: cache)
      let ready = Ready(
        epoch: assignment.epoch, weightBytes: stage.weightBytes,
        loadSeconds: (clock.now - started).seconds)
      answer(ready, assignment, results)
    } catch {
      results.yield(.failed(error))
    }
  }

  private func makeCache(
    of stage: LlamaStage, for assignment: Assignment, sharing held: [Int: KVLayer]
  ) throws(WorkerError) -> KVMemory {
    do throws(ComputeError) {
      return try stage.makeCache(
        blocks: assignment.kvBlockCount, blockTokens: assignment.kvBlockTokens, sharing: held)
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }

  /// The stage of an assignment: with weights that are here or got ready, and with the KV blocks that
  /// stay of meaning.
  private func load(
    _ assignment: Assignment, of checkpoint: Checkpoint, _ prepared: PreparedStage?,
    after before: LoadedStage?
  ) throws(WorkerError) -> LoadedStage {
    let prepared = prepared.flatMap { $0.hasWeights(of: assignment) ? $0 : nil }
    let (stage, projector) =
      if let before, before.serves(assignment) {
        (before.stage, before.projector)
      } else if let prepared {
        (prepared.stage, prepared.projector)
      } else {
        try loadWeights(assignment, of: checkpoint)
      }
    // Memory that is of no meaning any more saves the pages of new one.
    let reuses = assignment.keeps || !assignment.gives && before?.serves(assignment) == true
    var shared =
      reuses && before?.hasBlocks(of: assignment) == true ? before?.kvLayers ?? [:] : [:]
    if let cache = prepared?.cache, prepared?.isFor(assignment) == true {
      for (index, layer) in assignment.layers.enumerated() { shared[layer] = cache.layer(index) }
    }
    let cache = try makeCache(of: stage, for: assignment, sharing: shared)
    do throws(ComputeError) {
      var loaded = try LoadedStage(
        stage, projector: projector, ends: checkpoint.configuration.endsOfSequence,
        for: assignment, cache: cache)
      if assignment.keeps, stage.isFirst { loaded.images = before?.images ?? [:] }
      return loaded
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }

  private func loadWeights(
    _ assignment: Assignment, of checkpoint: Checkpoint
  ) throws(WorkerError) -> (LlamaStage, Projector?) {
    let text = checkpoint.configuration.text
    let layers = assignment.layers
    guard layers.upperBound <= text.layers else {
      throw WorkerError(.loading, "layers \(layers) are assigned; the model has \(text.layers)")
    }
    let weights = try decoderWeights(of: checkpoint, heldAs: assignment.weights)
    do {
      let stage = try LlamaStage(
        loading: weights, configuration: text, layerRange: layers)
      let projector =
        stage.isFirst
        ? try Projector(
          loading: checkpoint.weights("multi_modal_projector"),
          configuration: checkpoint.configuration) : nil
      return (stage, projector)
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }
}
