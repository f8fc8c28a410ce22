/// Attention of every row to every row, as the vision encoder has it, on OpenBLAS.

internal import CKernels

extension Matrix {
  /// Full attention: queries (self), keys, values and result `[tokens, heads * headWidth]`.
  ///
  /// `scores` is scratch.
  public func attendingFully(
    keys: Matrix, values: Matrix, heads: Int, scores: inout Matrix, into result: inout Matrix
  ) {
    precondition(columns % heads == 0 && keys.columns == columns && values.columns == columns)
    precondition(keys.rows == values.rows)
    let (headWidth, columns, rows, keyRows) = (columns / heads, columns, rows, keys.rows)
    let scale = 1 / Float(headWidth).squareRoot()
    scores.reshape(rows: rows, columns: keyRows)
    result.reshape(rows: rows, columns: columns)
    guard rows > 0, keyRows > 0 else { return }
    BLAS.prepare()
    let queries = self.values
    scores.withUnsafeValues { scores in
      result.withUnsafeValues { output in
        for head in 0..<heads {
          let offset = head * headWidth
          queries.withUnsafeBufferPointer { queries in
            keys.values.withUnsafeBufferPointer { keys in
              BLAS.multiplyTransposed(
                queries.baseAddress! + offset, rows: rows, depth: headWidth, inputStride: columns,
                keys.baseAddress! + offset, columns: keyRows, weightStride: columns,
                scores.baseAddress!, outputStride: keyRows, scale: scale)
            }
          }
          for row in 0..<rows { ck_softmax(scores.baseAddress! + row * keyRows, keyRows) }
          values.values.withUnsafeBufferPointer { values in
            BLAS.multiply(
              scores.baseAddress!, rows: rows, depth: keyRows, inputStride: keyRows,
              values.baseAddress! + offset, columns: headWidth, weightStride: columns,
              output.baseAddress! + offset, outputStride: columns)
          }
        }
      }
    }
  }
}
