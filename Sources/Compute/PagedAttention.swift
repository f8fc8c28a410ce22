/// Causal attention over KV blocks, with grouped query heads.

internal import CKernels

/// Consecutive tokens of one sequence among the rows of a step.
public struct TokenRun: Sendable, Equatable {
  /// The first row of the step's matrices.
  public var firstRow: Int
  public var count: Int
  /// The position of the first token in its sequence.
  public var firstPosition: Int
  /// The sequence's KV blocks from position 0, covering at least the last position.
  public var blocks: [UInt32]

  public init(firstRow: Int, count: Int, firstPosition: Int, blocks: [UInt32]) {
    self.firstRow = firstRow
    self.count = count
    self.firstPosition = firstPosition
    self.blocks = blocks
  }
}

extension KVMemory {
  /// Stores a run's keys and values, `[tokens, kvHeads * headWidth]` of the whole step.
  public func append(layer: Int, run: TokenRun, keys: Matrix, values: Matrix) {
    check(run)
    for offset in 0..<run.count {
      let position = run.firstPosition + offset
      write(
        layer: layer, block: Int(run.blocks[position / blockTokens]), slot: position % blockTokens,
        keys: keys, values: values, row: run.firstRow + offset)
    }
  }

  /// Attention of a run's queries over its sequence up to and including each token itself.
  ///
  /// queries and result `[tokens, queryHeads * headWidth]` of the whole step; only the run's rows
  /// are written.
  public func attend(
    layer: Int, run: TokenRun, queries: Matrix, queryHeads: Int, into result: inout Matrix,
    using instructions: Instructions = .best
  ) {
    check(run)
    precondition(queryHeads % kvHeads == 0 && queries.columns == queryHeads * headWidth)
    precondition(run.firstRow + run.count <= queries.rows)
    precondition(result.rows == queries.rows && result.columns == queries.columns)
    var kernelLayer = kernelLayer(layer)
    let (headWidth, groupSize, columns) = (headWidth, queryHeads / kvHeads, queries.columns)
    let scale = 1 / Float(headWidth).squareRoot()
    let capacity = run.firstPosition + run.count
    result.withUnsafeValues { output in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: capacity) { scores in
        queries.values.withUnsafeBufferPointer { queries in
          for offset in 0..<run.count {
            for head in 0..<queryHeads {
              let start = (run.firstRow + offset) * columns + head * headWidth
              ck_attend(
                instructions.kernel, &kernelLayer, head / groupSize, queries.baseAddress! + start,
                run.blocks, run.firstPosition + offset + 1, scale, scores.baseAddress!,
                output.baseAddress! + start)
            }
          }
        }
      }
    }
  }

  private func check(_ run: TokenRun) {
    precondition(run.count > 0 && run.firstPosition >= 0 && run.firstRow >= 0)
    precondition((run.firstPosition + run.count - 1) / blockTokens < run.blocks.count)
    precondition(run.blocks.allSatisfy { $0 < blocks })
  }
}
