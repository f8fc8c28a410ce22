/// KV blocks on their way from one process to another.

extension KVMemory {
  /// Bytes of one layer's part of a block: its keys, then its values, each
  /// `[kvHeads, blockTokens, headWidth]`.
  public var blockBytes: Int { 2 * kvHeads * blockTokens * headWidth * format.byteCount }

  /// What some blocks of a layer hold, one block after the other.
  public func contents(ofLayer layer: Int, blocks: [Int]) -> [UInt8] {
    let count = blocks.count * blockBytes
    return [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      var target = UnsafeMutableRawPointer(bytes.baseAddress)
      for part in parts(ofLayer: layer, blocks) {
        target?.copyMemory(from: part, byteCount: blockBytes / 2)
        target? += blockBytes / 2
      }
      initialized = count
    }
  }

  /// Puts what `contents` returned elsewhere into blocks of a layer.
  public func fill(layer: Int, blocks: [Int], with contents: [UInt8]) {
    precondition(contents.count == blocks.count * blockBytes)
    contents.withUnsafeBytes { bytes in
      for (index, part) in parts(ofLayer: layer, blocks).enumerated() {
        let source = UnsafeRawBufferPointer(rebasing: bytes[(index * blockBytes / 2)...])
        part.copyMemory(from: source.baseAddress!, byteCount: blockBytes / 2)
      }
    }
  }

  /// Where keys and values of each block lie.
  private func parts(ofLayer layer: Int, _ numbers: [Int]) -> [UnsafeMutableRawPointer] {
    let start = layerBase(layer)
    return numbers.flatMap { block in
      precondition(block >= 0 && block < blocks)
      let keys = start + block * blockBytes / 2
      return [keys, keys + blocks * blockBytes / 2]
    }
  }
}
