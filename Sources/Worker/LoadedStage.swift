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

  /// Makes the log beside a stage's blocks. Throws `.outOfMemory`.
  init(
    _ weights: StageWeights, ends: [Int32], for assignment: Assignment, cache: KVMemory
  ) throws(ComputeError) {
    self.assignment = assignment
    self.ends = ends
    self.cache = cache
    (stage, projector) = (weights.stage, weights.projector)
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
    assignment.layers == other.layers && assignment.hasWeights(of: other)
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

  /// Whether another plan has KV blocks of the same dimensions, and as many.
  func hasBlocks(of other: Assignment) -> Bool {
    assignment.modelDigest == other.modelDigest
      && assignment.kvBlockCount == other.kvBlockCount
      && assignment.kvBlockTokens == other.kvBlockTokens
  }

  /// The memory of its KV blocks by decoder layer.
  var kvLayers: [Int: KVLayer] {
    let layers = assignment.layers.enumerated().map { ($1, cache.layer($0)) }
    return Dictionary(uniqueKeysWithValues: layers)
  }

  /// Its KV blocks, for others.
  var givenBlocks: GivenBlocks {
    GivenBlocks(epoch: assignment.epoch, layers: assignment.layers, cache: cache)
  }
}

/// KV blocks that other workers may ask for.
struct GivenBlocks {
  /// The plan under which they were filled.
  let epoch: UInt64
  let layers: Range<Int>
  let cache: KVMemory

  /// What blocks of a decoder layer hold; nil if they are not all there, or more than one message takes.
  func contents(ofLayer layer: Int, blocks: [Int]) -> [UInt8]? {
    guard blocks.allSatisfy({ (0..<cache.blocks).contains($0) }),
      blocks.count * cache.blockBytes <= WireLimits.standard.chunkBytes
    else { return nil }
    return cache.contents(ofLayer: layer - layers.lowerBound, blocks: blocks)
  }
}
