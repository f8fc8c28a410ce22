/// The memory behind a KV cache.

internal import CKernels
import Foundation

/// Keys and values of some decoder layers in blocks of token positions, f32.
///
/// One layer is `[blocks, kvHeads, blockTokens, headWidth]`, keys and values apart. The memory is
/// zeroed and takes no room until it is written to.
public final class KVMemory {
  public let layers: Int
  public let blocks: Int
  public let blockTokens: Int
  public let kvHeads: Int
  public let headWidth: Int
  private let base: UnsafeMutablePointer<Float>
  private let byteCount: Int

  /// Bytes that a cache of these dimensions reserves, nil if that does not fit an `Int`.
  public static func bytes(
    layers: Int, blocks: Int, blockTokens: Int, kvHeads: Int, headWidth: Int
  ) -> Int? {
    var product = 2 * MemoryLayout<Float>.size
    for factor in [layers, blocks, blockTokens, kvHeads, headWidth] {
      let (partial, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = partial
    }
    return product
  }

  /// Reserves the memory. Throws `.outOfMemory`.
  public init(
    layers: Int, blocks: Int, blockTokens: Int, kvHeads: Int, headWidth: Int
  ) throws(ComputeError) {
    precondition(layers >= 0 && blocks > 0 && blockTokens > 0 && kvHeads > 0 && headWidth > 0)
    let bytes = Self.bytes(
      layers: layers, blocks: blocks, blockTokens: blockTokens, kvHeads: kvHeads,
      headWidth: headWidth)
    guard
      let bytes,
      let start = mmap(
        nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
        -1, 0),
      start != MAP_FAILED
    else {
      throw ComputeError(
        .outOfMemory, "no room for a KV cache of \(blocks) blocks of \(blockTokens) tokens",
        remedy: "Ask for fewer KV tokens")
    }
    self.layers = layers
    self.blocks = blocks
    self.blockTokens = blockTokens
    self.kvHeads = kvHeads
    self.headWidth = headWidth
    byteCount = max(bytes, 1)
    base = start.assumingMemoryBound(to: Float.self)
  }

  deinit { munmap(base, byteCount) }

  /// Bytes reserved.
  public var reservedBytes: Int { byteCount }

  private var blockElements: Int { kvHeads * blockTokens * headWidth }

  private func layerBase(_ layer: Int) -> UnsafeMutablePointer<Float> {
    precondition(layer >= 0 && layer < layers)
    return base + layer * 2 * blocks * blockElements
  }

  /// Writes one token's keys and values, each `[kvHeads * headWidth]`, taken from row `row`.
  func write(
    layer: Int, block: Int, slot: Int, keys: Matrix, values: Matrix, row: Int
  ) {
    precondition(block >= 0 && block < blocks && slot >= 0 && slot < blockTokens)
    precondition(keys.columns == kvHeads * headWidth && values.columns == keys.columns)
    precondition(row < keys.rows && row < values.rows)
    let start = layerBase(layer) + block * blockElements + slot * headWidth
    let valueOffset = blocks * blockElements
    keys.values.withUnsafeBufferPointer { keys in
      values.values.withUnsafeBufferPointer { values in
        for head in 0..<kvHeads {
          let source = (row * kvHeads + head) * headWidth
          let target = start + head * blockTokens * headWidth
          target.update(from: keys.baseAddress! + source, count: headWidth)
          (target + valueOffset).update(from: values.baseAddress! + source, count: headWidth)
        }
      }
    }
  }

  func kernelLayer(_ layer: Int) -> ck_kv_layer {
    let start = layerBase(layer)
    return ck_kv_layer(
      keys: start, values: start + blocks * blockElements, block_stride: blockElements,
      block_tokens: blockTokens, head_width: headWidth)
  }
}
