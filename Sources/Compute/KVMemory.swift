/// The memory behind a KV cache.

internal import CKernels

/// Keys and values of some decoder layers in blocks of token positions, f16 or f32.
///
/// One layer is `[blocks, kvHeads, blockTokens, headWidth]`, keys and values apart, in memory of its
/// own: a cache of other layers may share it. The memory is zeroed and takes no room until it is written
/// to.
public final class KVMemory {
  public let layers: Int
  public let blocks: Int
  public let blockTokens: Int
  public let kvHeads: Int
  public let headWidth: Int
  /// How keys and values are stored: f16 or f32.
  public let format: WeightFormat
  private let memory: [ReservedMemory]

  /// Bytes that a cache of these dimensions reserves, nil if that does not fit an `Int`.
  public static func bytes(
    layers: Int, blocks: Int, blockTokens: Int, kvHeads: Int, headWidth: Int,
    format: WeightFormat = .f16
  ) -> Int? {
    ReservedMemory.bytes(2 * format.byteCount, layers, blocks, blockTokens, kvHeads, headWidth)
  }

  /// Reserves the memory of those layers that `layers` does not name a memory for. Throws
  /// `.outOfMemory`.
  ///
  /// - Parameter layers: for each layer the one of another cache, of the same dimensions, whose keys
  ///   and values are this one's too.
  public init(
    layers: [KVLayer?], blocks: Int, blockTokens: Int, kvHeads: Int, headWidth: Int,
    format: WeightFormat = .f16
  ) throws(ComputeError) {
    precondition(format == .f16 || format == .f32)
    precondition(blocks > 0 && blockTokens > 0 && kvHeads > 0 && headWidth > 0)
    let bytes = Self.bytes(
      layers: 1, blocks: blocks, blockTokens: blockTokens, kvHeads: kvHeads, headWidth: headWidth,
      format: format)
    var memory: [ReservedMemory] = []
    for layer in layers {
      precondition(layer.map { $0.memory.byteCount == bytes } ?? true)
      guard let own = layer?.memory ?? ReservedMemory(byteCount: bytes) else {
        throw ComputeError(
          .outOfMemory, "no room for a KV cache of \(blocks) blocks of \(blockTokens) tokens",
          remedy: "Ask for fewer KV tokens")
      }
      memory.append(own)
    }
    self.layers = layers.count
    self.blocks = blocks
    self.blockTokens = blockTokens
    self.kvHeads = kvHeads
    self.headWidth = headWidth
    self.format = format
    self.memory = memory
  }

  /// Reserves the memory of all layers. Throws `.outOfMemory`.
  public convenience init(
    layers: Int, blocks: Int, blockTokens: Int, kvHeads: Int, headWidth: Int,
    format: WeightFormat = .f16
  ) throws(ComputeError) {
    try self.init(
      layers: Array(repeating: nil, count: layers), blocks: blocks, blockTokens: blockTokens,
      kvHeads: kvHeads, headWidth: headWidth, format: format)
  }

  /// The memory of one layer, for another cache of the same dimensions.
  public func layer(_ layer: Int) -> KVLayer { KVLayer(memory: memory[layer]) }

  /// Bytes reserved.
  public var reservedBytes: Int { memory.reduce(0) { $0 + $1.byteCount } }

  private var blockElements: Int { kvHeads * blockTokens * headWidth }

  func layerBase(_ layer: Int) -> UnsafeMutableRawPointer { memory[layer].base }

  /// Writes one token's keys and values, each `[kvHeads * headWidth]`, taken from row `row`. In f16
  /// what is too large becomes the largest number.
  func write(
    layer: Int, block: Int, slot: Int, keys: Matrix, values: Matrix, row: Int
  ) {
    precondition(block >= 0 && block < blocks && slot >= 0 && slot < blockTokens)
    precondition(keys.columns == kvHeads * headWidth && values.columns == keys.columns)
    precondition(row < keys.rows && row < values.rows)
    let start = layerBase(layer)
    let valueOffset = blocks * blockElements * format.byteCount
    keys.values.withUnsafeBufferPointer { keys in
      values.values.withUnsafeBufferPointer { values in
        for head in 0..<kvHeads {
          let source = (row * kvHeads + head) * headWidth
          let target = block * blockElements + (head * blockTokens + slot) * headWidth
          store(keys.baseAddress! + source, at: start + target * format.byteCount)
          store(
            values.baseAddress! + source, at: start + valueOffset + target * format.byteCount)
        }
      }
    }
  }

  private func store(_ source: UnsafePointer<Float>, at target: UnsafeMutableRawPointer) {
    if format == .f16 {
      ck_narrow_f16_finite(
        Instructions.best.kernel, source, headWidth, target.assumingMemoryBound(to: UInt16.self))
    } else {
      target.copyMemory(from: source, byteCount: headWidth * format.byteCount)
    }
  }

  func kernelLayer(_ layer: Int) -> ck_kv_layer {
    let start = layerBase(layer)
    return ck_kv_layer(
      format: format.kernel, keys: start, values: start + blocks * blockElements * format.byteCount,
      block_stride: blockElements, block_tokens: blockTokens, head_width: headWidth)
  }
}

/// The keys and values of one layer, which several caches may share.
public struct KVLayer {
  let memory: ReservedMemory
}
