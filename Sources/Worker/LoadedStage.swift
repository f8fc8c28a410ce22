/// The layers of a stage with their memory, as an assignment asks for them.

internal import Checkpoints
internal import Compute
internal import Models
internal import Wire

/// A stage that has been loaded for an assignment.
struct LoadedStage {
  let assignment: Assignment
  /// Ids that end an answer.
  let ends: [Int32]
  let stage: LlamaStage
  let cache: KVMemory
  /// What was sent to the next stage; nil where nobody asks for that to be kept.
  let log: ActivationLog?
  let projector: Projector?
  /// Images by the coordinator's number for them.
  var images: [UInt64: ImageRows] = [:]

  /// Makes the memory for a stage's blocks. Throws `.outOfMemory`.
  init(
    _ stage: LlamaStage, projector: Projector?, ends: [Int32], for assignment: Assignment
  ) throws(ComputeError) {
    try self.init(
      stage, projector: projector, ends: ends, for: assignment,
      cache: stage.makeCache(
        blocks: assignment.kvBlockCount, blockTokens: assignment.kvBlockTokens))
  }

  private init(
    _ stage: LlamaStage, projector: Projector?, ends: [Int32], for assignment: Assignment,
    cache: KVMemory
  ) throws(ComputeError) {
    self.assignment = assignment
    self.ends = ends
    self.stage = stage
    self.cache = cache
    self.projector = projector
    let rowBytes = stage.configuration.hidden * assignment.activationType.byteCount
    log =
      assignment.logs
      ? try ActivationLog(
        blocks: assignment.kvBlockCount, blockTokens: assignment.kvBlockTokens, rowBytes: rowBytes)
      : nil
  }

  private init(_ other: LoadedStage, keptFor assignment: Assignment) {
    self.assignment = assignment
    (ends, stage, projector) = (other.ends, other.stage, other.projector)
    (cache, log, images) = (other.cache, other.log, other.images)
  }

  /// Bytes of keys, values and log that it reserves.
  var reservedBytes: Int { cache.reservedBytes + (log?.reservedBytes ?? 0) }

  /// Whether it can be a stage of another plan as it is.
  func serves(_ other: Assignment) -> Bool {
    assignment.layers == other.layers && assignment.weights == other.weights
  }

  /// The same layers for another plan. What the KV blocks hold is of no meaning there; positions are
  /// written before they are read. Throws `.outOfMemory`.
  func taken(over other: Assignment) throws(ComputeError) -> LoadedStage {
    guard hasBlocks(of: other) else {
      return try LoadedStage(stage, projector: projector, ends: ends, for: other)
    }
    return try LoadedStage(stage, projector: projector, ends: ends, for: other, cache: cache)
  }

  /// The same stage with all that it holds, for a plan that differs in another stage alone; nil if this
  /// is not such a plan.
  func kept(for other: Assignment) -> LoadedStage? {
    let isSame =
      serves(other) && hasBlocks(of: other) && assignment.logs == other.logs
      && assignment.stage == other.stage && assignment.stageCount == other.stageCount
      && assignment.activationType == other.activationType
    return isSame ? LoadedStage(self, keptFor: other) : nil
  }

  private func hasBlocks(of other: Assignment) -> Bool {
    assignment.kvBlockCount == other.kvBlockCount
      && assignment.kvBlockTokens == other.kvBlockTokens
  }
}
