/// What a stage has sent to the next one, kept so that it can be sent once more.

/// One row of bytes for each position of a KV cache: `[blocks, blockTokens, rowBytes]`.
///
/// A row is found by KV block and slot, as keys and values are; it means something for as long as they
/// do, and needs no bookkeeping of its own. The memory is zeroed and takes no room until it is
/// written to.
public final class ActivationLog {
  public let blocks: Int
  public let blockTokens: Int
  public let rowBytes: Int
  private let memory: ReservedMemory

  /// Reserves the memory. Throws `.outOfMemory`.
  public init(blocks: Int, blockTokens: Int, rowBytes: Int) throws(ComputeError) {
    precondition(blocks > 0 && blockTokens > 0 && rowBytes > 0)
    guard
      let memory = ReservedMemory(byteCount: ReservedMemory.bytes(blocks, blockTokens, rowBytes))
    else {
      throw ComputeError(
        .outOfMemory, "no room for a log of \(blocks) blocks of \(blockTokens) activations",
        remedy: "Ask for fewer KV tokens")
    }
    self.blocks = blocks
    self.blockTokens = blockTokens
    self.rowBytes = rowBytes
    self.memory = memory
  }

  /// Bytes reserved.
  public var reservedBytes: Int { memory.byteCount }

  /// Keeps the rows of `runs` in `activations`, which holds the rows of all of them in order.
  public func record(_ activations: [UInt8], of runs: [TokenRun]) {
    activations.withUnsafeBytes { activations in
      for run in runs {
        precondition((run.firstRow + run.count) * rowBytes <= activations.count)
        for token in 0..<run.count {
          let source = activations.baseAddress! + (run.firstRow + token) * rowBytes
          row(at: run.firstPosition + token, of: run).copyMemory(from: source, byteCount: rowBytes)
        }
      }
    }
  }

  /// What was kept for the positions of `runs`, all rows in order.
  public func activations(of runs: [TokenRun]) -> [UInt8] {
    let count = runs.reduce(0) { $0 + $1.count } * rowBytes
    return [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      for run in runs {
        for token in 0..<run.count {
          let source = UnsafeRawBufferPointer(
            start: row(at: run.firstPosition + token, of: run), count: rowBytes)
          let target = (run.firstRow + token) * rowBytes
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[target...])
            .copyMemory(from: source)
        }
      }
      initialized = count
    }
  }

  private func row(at position: Int, of run: TokenRun) -> UnsafeMutableRawPointer {
    let block = Int(run.blocks[position / blockTokens])
    precondition(block < blocks)
    return memory.base + (block * blockTokens + position % blockTokens) * rowBytes
  }
}
