/// Attention of every row to every row, as the vision encoder has it, on OpenBLAS.

internal import CKernels

extension Matrix {
  /// Full attention: queries (self), keys, values and result `[tokens, heads * headWidth]`.
  ///
  /// `scores` is scratch. A head's queries are cut into tiles whose size depends on their number
  /// alone, so that results are the same on any number of threads.
  public func attendingFully(
    keys: Matrix, values: Matrix, heads: Int, scores: inout Matrix, into result: inout Matrix,
    on team: ThreadTeam = .single
  ) {
    precondition(columns % heads == 0 && keys.columns == columns && values.columns == columns)
    precondition(keys.rows == values.rows)
    result.reshape(rows: rows, columns: columns)
    guard rows > 0, keys.rows > 0 else { return }
    BLAS.prepare()
    let tiles = (rows - 1) / Self.queryTileMax + 1
    let tileRows = (rows - 1) / tiles + 1
    scores.reshape(rows: team.threads * tileRows, columns: keys.rows)
    let queries = self.values
    scores.withUnsafeValues { scores in
      result.withUnsafeValues { output in
        queries.withUnsafeBufferPointer { queries in
          keys.values.withUnsafeBufferPointer { keyValues in
            values.values.withUnsafeBufferPointer { values in
              let attention = TiledAttention(
                queries: queries.baseAddress!, keys: keyValues.baseAddress!,
                values: values.baseAddress!, output: output.baseAddress!, rows: rows,
                keyRows: keys.rows, columns: columns, headWidth: columns / heads, tiles: tiles,
                tileRows: tileRows)
              team.share(heads * tiles, with: (attention, scores.baseAddress!)) {
                job, range, thread in
                let (attention, scores) = job
                let own = scores + thread * attention.tileRows * attention.keyRows
                for item in range { attention.attend(item, scores: own) }
              }
            }
          }
        }
      }
    }
  }

  /// Most queries of a tile: their scores stay in the second-level cache, and packing the keys
  /// anew for each tile costs little.
  private static let queryTileMax = 288
}

/// Full attention cut into (head, tile of queries).
private struct TiledAttention {
  let queries: UnsafePointer<Float>
  let keys: UnsafePointer<Float>
  let values: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let rows: Int
  let keyRows: Int
  let columns: Int
  let headWidth: Int
  let tiles: Int
  let tileRows: Int

  /// One tile of one head; scores `[tileRows, keyRows]` are scratch.
  func attend(_ item: Int, scores: UnsafeMutablePointer<Float>) {
    let offset = item / tiles * headWidth
    let first = item % tiles * tileRows
    let count = min(tileRows, rows - first)
    guard count > 0 else { return }
    let start = first * columns + offset
    BLAS.multiplyTransposed(
      queries + start, rows: count, depth: headWidth, inputStride: columns, keys + offset,
      columns: keyRows, weightStride: columns, scores, outputStride: keyRows,
      scale: 1 / Float(headWidth).squareRoot())
    for row in 0..<count { ck_softmax(scores + row * keyRows, keyRows) }
    BLAS.multiply(
      scores, rows: count, depth: keyRows, inputStride: keyRows, values + offset,
      columns: headWidth, weightStride: columns, output + start, outputStride: columns)
  }
}
