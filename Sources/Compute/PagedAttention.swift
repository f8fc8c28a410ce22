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
  /// Stores the keys and values of a step's runs, `[tokens, kvHeads * headWidth]`.
  public func append(
    layer: Int, runs: [TokenRun], keys: Matrix, values: Matrix, on team: ThreadTeam = .single
  ) {
    check(runs, rows: keys.rows)
    precondition(values.rows == keys.rows)
    let grain = Matrix.rowGrain(keys.columns)
    team.share(keys.rows, grain: grain, with: (self, layer, runs, keys, values)) { job, range, _ in
      let (cache, layer, runs, keys, values) = job
      var number = Self.run(of: range.lowerBound, in: runs)
      for row in range {
        while row >= runs[number].firstRow + runs[number].count { number += 1 }
        let position = runs[number].firstPosition + row - runs[number].firstRow
        cache.write(
          layer: layer, block: Int(runs[number].blocks[position / cache.blockTokens]),
          slot: position % cache.blockTokens, keys: keys, values: values, row: row)
      }
    }
  }

  /// Attention of the queries of a step's runs, each over its sequence up to and including the
  /// token itself.
  ///
  /// queries and result `[tokens, queryHeads * headWidth]`; `scores` is scratch. A token's result
  /// depends neither on the chunk it is computed in nor on the other runs.
  public func attend(
    layer: Int, runs: [TokenRun], queries: Matrix, queryHeads: Int, scores: inout Matrix,
    into result: inout Matrix, on team: ThreadTeam = .single,
    using instructions: Instructions = .best
  ) {
    check(runs, rows: queries.rows)
    precondition(queryHeads % kvHeads == 0 && queries.columns == queryHeads * headWidth)
    result.reshape(rows: queries.rows, columns: queries.columns)
    let positions = runs.reduce(0) { max($0, $1.firstPosition + $1.count) }
    scores.reshape(rows: team.threads, columns: ck_attention_scratch(headWidth))
    let grain = max(1, Self.shareOperations / (positions * headWidth * queryHeads / kvHeads))
    let scratchColumns = scores.columns
    scores.withUnsafeValues { scores in
      result.withUnsafeValues { output in
        queries.values.withUnsafeBufferPointer { queries in
          let attention = PagedAttention(
            layer: kernelLayer(layer), runs: runs, queries: queries.baseAddress!,
            output: output.baseAddress!, kvHeads: kvHeads, groupSize: queryHeads / kvHeads,
            headWidth: headWidth, instructions: instructions)
          team.share(
            attention.rows * kvHeads, grain: grain,
            with: (attention, scores.baseAddress!, scratchColumns)
          ) { job, range, thread in
            job.0.attend(range, scratch: job.1 + thread * job.2)
          }
        }
      }
    }
  }

  /// Multiplications that are worth handing to another thread.
  private static let shareOperations = 1 << 17

  /// The run that holds `row`.
  static func run(of row: Int, in runs: [TokenRun]) -> Int {
    var (low, high) = (0, runs.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if runs[middle].firstRow <= row { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Runs cover `rows` rows in order, and their blocks exist.
  private func check(_ runs: [TokenRun], rows: Int) {
    var next = 0
    for run in runs {
      precondition(run.firstRow == next && run.count > 0 && run.firstPosition >= 0)
      precondition((run.firstPosition + run.count - 1) / blockTokens < run.blocks.count)
      precondition(run.blocks.allSatisfy { $0 < blocks })
      next += run.count
    }
    precondition(next == rows && rows > 0)
  }
}

/// Attention of a step, cut into (run, KV head, token), so that a head's keys and values are used
/// for all tokens of a run while they are in the cache.
private struct PagedAttention {
  let layer: ck_kv_layer
  let runs: [TokenRun]
  let queries: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let kvHeads: Int
  let groupSize: Int
  let headWidth: Int
  let instructions: Instructions

  var rows: Int { runs.last.map { $0.firstRow + $0.count } ?? 0 }

  /// Items are tokens within KV heads within runs, so that a range holds neighbouring tokens, whose
  /// heads pass over the same keys and values together.
  func attend(_ range: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
    var layer = layer
    let columns = kvHeads * groupSize * headWidth
    var number = KVMemory.run(of: range.lowerBound / kvHeads, in: runs)
    var item = range.lowerBound
    while item < range.upperBound {
      while item >= (runs[number].firstRow + runs[number].count) * kvHeads { number += 1 }
      let (first, count) = (runs[number].firstRow, runs[number].count)
      let (kvHead, token) = (item - first * kvHeads).quotientAndRemainder(dividingBy: count)
      let tokens = min(count - token, range.upperBound - item)
      let start = (first + token) * columns + kvHead * groupSize * headWidth
      var attention = ck_attention(
        queries: queries + start, result: output + start, token_stride: columns, tokens: tokens,
        heads: groupSize, positions: runs[number].firstPosition + token + 1, is_causal: 1,
        scale: 1 / Float(headWidth).squareRoot())
      ck_attend(instructions.kernel, &layer, kvHead, runs[number].blocks, &attention, scratch)
      item += tokens
    }
  }
}
