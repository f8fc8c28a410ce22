/// Attention of every row to every row, as the vision encoder has it.

internal import CKernels

extension Matrix {
  /// Full attention: queries (self), keys, values and result `[tokens, heads * headWidth]`.
  ///
  /// `scores` is scratch. A head is one thread's work, or several threads' where there are more of
  /// them than heads; a row's result depends on neither.
  public func attendingFully(
    keys: Matrix, values: Matrix, heads: Int, scores: inout Matrix, into result: inout Matrix,
    on team: ThreadTeam = .single, using instructions: Instructions = .best
  ) {
    precondition(columns % heads == 0 && keys.columns == columns && values.columns == columns)
    precondition(keys.rows == values.rows)
    result.reshape(rows: rows, columns: columns)
    guard rows > 0, keys.rows > 0 else { return }
    let headWidth = columns / heads
    let tiles = max(1, min(rows, (4 * team.threads + heads - 1) / heads))
    scores.reshape(
      rows: team.threads, columns: 2 * keys.rows * headWidth + ck_attention_scratch(headWidth))
    let (queries, scratchColumns) = (self.values, scores.columns)
    scores.withUnsafeValues { scores in
      result.withUnsafeValues { output in
        queries.withUnsafeBufferPointer { queries in
          keys.values.withUnsafeBufferPointer { keyValues in
            values.values.withUnsafeBufferPointer { values in
              let attention = FullAttention(
                queries: queries.baseAddress!, keys: keyValues.baseAddress!,
                values: values.baseAddress!, output: output.baseAddress!, rows: rows,
                keyRows: keys.rows, columns: columns, headWidth: headWidth, tiles: tiles,
                instructions: instructions)
              team.share(
                heads * tiles, with: (attention, scores.baseAddress!, scratchColumns)
              ) { job, range, thread in
                job.0.attend(range, scratch: job.1 + thread * job.2)
              }
            }
          }
        }
      }
    }
  }
}

/// Full attention cut into (head, tile of queries).
private struct FullAttention {
  let queries: UnsafePointer<Float>
  let keys: UnsafePointer<Float>
  let values: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let rows: Int
  let keyRows: Int
  let columns: Int
  let headWidth: Int
  let tiles: Int
  let instructions: Instructions

  /// Some tiles. A head's keys and values are brought together first: rows as far apart as a
  /// matrix's fall into the same few places of a cache.
  func attend(_ range: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
    let (ownKeys, ownValues) = (scratch, scratch + keyRows * headWidth)
    var layer = ck_kv_layer(
      format: CK_F32, keys: ownKeys, values: ownValues, block_stride: 0, block_tokens: keyRows,
      head_width: headWidth)
    let rest = ownValues + keyRows * headWidth
    var packed = -1
    for item in range {
      let (head, tile) = item.quotientAndRemainder(dividingBy: tiles)
      if head != packed {
        pack(keys + head * headWidth, into: ownKeys)
        pack(values + head * headWidth, into: ownValues)
        packed = head
      }
      let (first, end) = (rows * tile / tiles, rows * (tile + 1) / tiles)
      let start = first * columns + head * headWidth
      var attention = ck_attention(
        queries: queries + start, result: output + start, token_stride: columns,
        tokens: end - first, heads: 1, positions: keyRows, is_causal: 0,
        scale: 1 / Float(headWidth).squareRoot())
      ck_attend(instructions.kernel, &layer, 0, [0], &attention, rest)
    }
  }

  private func pack(_ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    for row in 0..<keyRows {
      (target + row * headWidth).update(from: source + row * columns, count: headWidth)
    }
  }
}
