/// Products of activations with stored weights.

internal import CKernels
internal import COpenBLAS

extension StoredTensor {
  /// `result = input · weightsᵀ` with our own kernel: input `[rows, depth]`, weights
  /// `[columns, depth]`, result `[rows, columns]`.
  ///
  /// A row's result does not depend on the other rows, so that answers do not change with the
  /// batch. Quantised weights are multiplied with the rows rounded to 8 bits.
  public func multiply(
    _ input: Matrix, into result: inout Matrix, on team: ThreadTeam = .single,
    using instructions: Instructions = .best
  ) {
    if format.isQuantized {
      multiply(
        QuantizedRows(input, on: team, using: instructions), into: &result, on: team,
        using: instructions)
      return
    }
    result.reshape(rows: input.rows, columns: rows)
    result.withUnsafeValues { output in
      withProduct(of: input, into: output.baseAddress, using: instructions) { product in
        let grain = shareOfColumns(inputRows: input.rows, threads: team.threads)
        team.share(rows, grain: grain, with: product) { product, range, _ in
          product.multiply(range)
        }
      }
    }
  }

  private func withProduct(
    of input: Matrix, into output: UnsafeMutablePointer<Float>?, using instructions: Instructions,
    _ body: (PlainProduct) -> Void
  ) {
    precondition(input.columns == columns)
    input.values.withUnsafeBufferPointer { values in
      guard let values = values.baseAddress, let output else { return }
      body(
        PlainProduct(
          instructions: instructions.kernel, format: format.kernel, input: values,
          inputRows: input.rows, depth: columns, weights: memory.base,
          columnBytes: columns * format.byteCount, output: output, columns: rows))
    }
    withExtendedLifetime(memory) {}
  }

  /// Columns that a thread takes at once: whole panels, and enough work to be worth a hand-over.
  /// Many rows pass over more columns at once, as long as every thread gets some of them.
  func shareOfColumns(inputRows: Int, threads: Int) -> Int {
    let work = Self.shareOperationsMin / max(1, columns * inputRows)
    let weights =
      inputRows <= Self.fewRows || format.isQuantized
      ? Self.shareElements / max(1, columns) : Self.shareColumns
    let fair = rows / (Self.sharesPerThread * threads)
    return (max(min(weights, fair), work, 1) + 15) / 16 * 16
  }

  private static let fewRows = 8
  private static let shareColumns = 128
  private static let sharesPerThread = 4
  private static let shareElements = 1 << 18
  private static let shareOperationsMin = 1 << 15

  /// The same product with rows that are quantised already, as several tensors share them. The
  /// weights are quantised.
  public func multiply(
    _ input: QuantizedRows, into result: inout Matrix, on team: ThreadTeam = .single,
    using instructions: Instructions = .best
  ) {
    result.reshape(rows: input.rows, columns: rows)
    result.withUnsafeValues { output in
      guard let output = output.baseAddress else { return }
      let grain = shareOfColumns(inputRows: input.rows, threads: team.threads)
      withProduct(of: input, into: output, stride: rows, using: instructions) { product in
        team.share(rows, grain: grain, with: product) { product, range, _ in
          product.multiply(range)
        }
      }
    }
  }

  /// Columns `range` of that product, a part of the work that begins at a multiple of `panelRows`;
  /// `result` is where the whole product begins, `[rows, stride]`.
  func multiply(
    _ input: QuantizedRows, columns range: Range<Int>, into result: UnsafeMutablePointer<Float>,
    stride: Int, using instructions: Instructions = .best
  ) {
    precondition(range.lowerBound % Self.panelRows == 0 && range.upperBound <= rows)
    withProduct(of: input, into: result, stride: stride, using: instructions) {
      $0.multiply(range)
    }
  }

  /// That product of `input`, or of its rows in 8 bits if the weights are quantised.
  func withProduct(
    of input: Matrix, rounded: QuantizedRows, into output: UnsafeMutablePointer<Float>?,
    using instructions: Instructions, _ body: (StoredProduct) -> Void
  ) {
    guard format.isQuantized else {
      withProduct(of: input, into: output, using: instructions) { body(.plain($0)) }
      return
    }
    guard let output else { return }
    withProduct(of: rounded, into: output, stride: rows, using: instructions) {
      body(.quantized($0))
    }
  }

  private func withProduct(
    of input: QuantizedRows, into output: UnsafeMutablePointer<Float>, stride: Int,
    using instructions: Instructions, _ body: (QuantizedProduct) -> Void
  ) {
    precondition(input.columns == columns)
    guard let blockFormat = format.blockFormat else {
      preconditionFailure("\(format) weights are multiplied with f32 rows")
    }
    input.blocks.withUnsafeBufferPointer { blocks in
      guard let blocks = blocks.baseAddress else { return }
      body(
        QuantizedProduct(
          instructions: instructions.kernel, format: blockFormat, input: blocks,
          inputRows: input.rows, depth: columns, weights: memory.base,
          panelBytes: ck_packed_bytes(blockFormat, columns, Self.panelRows), output: output,
          stride: stride))
    }
    withExtendedLifetime(memory) {}
  }

  /// The same product for the rows of an image, whose number is always the same: on OpenBLAS where
  /// this CPU has none of the instructions that our kernels are written for, and weights are plain.
  public func multiplyForImage(
    _ input: Matrix, into result: inout Matrix, on team: ThreadTeam = .single
  ) {
    if Instructions.best == .portable, !format.isQuantized {
      multiplyWithBLAS(input, into: &result, on: team)
    } else {
      multiply(input, into: &result, on: team)
    }
  }

  /// The same product on OpenBLAS, for many rows of a fixed shape, as the vision encoder has them.
  /// Weights that are not f32 are widened in tiles.
  ///
  /// Every tile is a call of its own, the same on any number of threads: OpenBLAS sums differently
  /// for other sizes.
  public func multiplyWithBLAS(
    _ input: Matrix, into result: inout Matrix, on team: ThreadTeam = .single
  ) {
    precondition(input.columns == columns)
    result.reshape(rows: input.rows, columns: rows)
    guard input.rows > 0, rows > 0 else { return }
    BLAS.prepare()
    let tile = max(1, min(rows, Self.tileColumnsMax, Self.tileElements / max(columns, 1)))
    result.withUnsafeValues { output in
      input.values.withUnsafeBufferPointer { values in
        guard let values = values.baseAddress, let output = output.baseAddress else { return }
        team.share(
          (rows - 1) / tile + 1, with: (self, values, input.rows, output, tile)
        ) { job, tiles, _ in
          let (weights, values, inputRows, output, tile) = job
          weights.multiplyTilesWithBLAS(tiles, of: tile, values, rows: inputRows, into: output)
        }
      }
    }
  }

  private func multiplyTilesWithBLAS(
    _ tiles: Range<Int>, of tile: Int, _ input: UnsafePointer<Float>, rows inputRows: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    func multiply(_ range: Range<Int>, _ weights: UnsafePointer<Float>) {
      BLAS.multiplyTransposed(
        input, rows: inputRows, depth: columns, inputStride: columns, weights,
        columns: range.count, weightStride: columns, output + range.lowerBound, outputStride: rows)
    }
    let ranges = tiles.lazy.map { $0 * tile..<min(($0 + 1) * tile, rows) }
    if format == .f32 {
      let weights = memory.base.assumingMemoryBound(to: Float.self)
      for range in ranges { multiply(range, weights + range.lowerBound * columns) }
    } else {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: tile * max(columns, 1)) { widened in
        for range in ranges {
          widen(range, into: widened.baseAddress!)
          multiply(range, widened.baseAddress!)
        }
      }
    }
  }

  /// Numbers of a tile: small enough for the second-level cache.
  private static let tileElements = 1 << 18
  private static let tileColumnsMax = 256
}

/// OpenBLAS, called on one thread: parallel work is not its to start.
enum BLAS {
  private static let configured: Void = openblas_set_num_threads(1)

  static func prepare() { _ = configured }

  /// `output = input · weightsᵀ`; strides are numbers from one row to the next.
  static func multiplyTransposed(
    _ input: UnsafePointer<Float>, rows: Int, depth: Int, inputStride: Int,
    _ weights: UnsafePointer<Float>, columns: Int, weightStride: Int,
    _ output: UnsafeMutablePointer<Float>, outputStride: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns), blasint(depth),
      1, input, blasint(inputStride), weights, blasint(weightStride), 0, output,
      blasint(outputStride))
  }
}
