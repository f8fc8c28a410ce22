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
    _ input: Matrix, into result: inout Matrix, using instructions: Instructions = .best
  ) {
    precondition(input.columns == columns)
    if format.isQuantized {
      multiply(QuantizedRows(input, using: instructions), into: &result, using: instructions)
      return
    }
    result.reshape(rows: input.rows, columns: rows)
    result.withUnsafeValues { output in
      input.values.withUnsafeBufferPointer { values in
        guard let values = values.baseAddress, let output = output.baseAddress else { return }
        ck_product(
          instructions.kernel, format.kernel, values, input.rows, columns, memory.base, rows,
          output, rows)
      }
    }
  }

  /// The same product with rows that are quantised already, as several tensors share them. The
  /// weights are quantised.
  public func multiply(
    _ input: QuantizedRows, into result: inout Matrix, using instructions: Instructions = .best
  ) {
    result.reshape(rows: input.rows, columns: rows)
    let stride = result.columns
    result.withUnsafeValues { output in
      guard let output = output.baseAddress else { return }
      multiply(input, columns: 0..<stride, into: output, stride: stride, using: instructions)
    }
  }

  /// Columns `range` of that product, a part of the work that begins at a multiple of `panelRows`;
  /// `result` is where the whole product begins, `[rows, stride]`.
  func multiply(
    _ input: QuantizedRows, columns range: Range<Int>, into result: UnsafeMutablePointer<Float>,
    stride: Int, using instructions: Instructions = .best
  ) {
    precondition(input.columns == columns)
    precondition(range.lowerBound % Self.panelRows == 0 && range.upperBound <= rows)
    guard let blockFormat = format.blockFormat else {
      preconditionFailure("\(format) weights are multiplied with f32 rows")
    }
    let first = ck_packed_bytes(blockFormat, columns, range.lowerBound)
    input.blocks.withUnsafeBufferPointer { blocks in
      guard let blocks = blocks.baseAddress else { return }
      ck_quantized_product(
        instructions.kernel, blockFormat, blocks, input.rows, columns, memory.base + first,
        range.count, result + range.lowerBound, stride)
    }
  }

  /// The same product on OpenBLAS, for many rows of a fixed shape, as the vision encoder has them.
  /// Weights that are not f32 are widened in tiles.
  public func multiplyWithBLAS(_ input: Matrix, into result: inout Matrix) {
    precondition(input.columns == columns)
    result.reshape(rows: input.rows, columns: rows)
    let (depth, inputRows, outputColumns) = (columns, input.rows, rows)
    guard inputRows > 0, outputColumns > 0 else { return }
    BLAS.prepare()
    result.withUnsafeValues { output in
      input.values.withUnsafeBufferPointer { values in
        if format == .f32 {
          BLAS.multiplyTransposed(
            values.baseAddress!, rows: inputRows, depth: depth, inputStride: depth,
            memory.base.assumingMemoryBound(to: Float.self), columns: outputColumns,
            weightStride: depth, output.baseAddress!, outputStride: outputColumns)
          return
        }
        let tile = min(outputColumns, max(1, Self.tileElements / max(depth, 1)))
        withUnsafeTemporaryAllocation(of: Float.self, capacity: tile * depth) { widened in
          for first in stride(from: 0, to: outputColumns, by: tile) {
            let count = min(tile, outputColumns - first)
            widen(first..<first + count, into: widened.baseAddress!)
            BLAS.multiplyTransposed(
              values.baseAddress!, rows: inputRows, depth: depth, inputStride: depth,
              widened.baseAddress!, columns: count, weightStride: depth,
              output.baseAddress! + first, outputStride: outputColumns)
          }
        }
      }
    }
  }

  /// Numbers of a widened tile: small enough for the second-level cache.
  private static let tileElements = 1 << 18
}

/// OpenBLAS, called on one thread: parallel work is not its to start.
enum BLAS {
  private static let configured: Void = openblas_set_num_threads(1)

  static func prepare() { _ = configured }

  /// `output = scale · input · weightsᵀ`; strides are numbers from one row to the next.
  static func multiplyTransposed(
    _ input: UnsafePointer<Float>, rows: Int, depth: Int, inputStride: Int,
    _ weights: UnsafePointer<Float>, columns: Int, weightStride: Int,
    _ output: UnsafeMutablePointer<Float>, outputStride: Int, scale: Float = 1
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns), blasint(depth),
      scale, input, blasint(inputStride), weights, blasint(weightStride), 0, output,
      blasint(outputStride))
  }

  /// `output = input · weights`, weights `[depth, columns]`.
  static func multiply(
    _ input: UnsafePointer<Float>, rows: Int, depth: Int, inputStride: Int,
    _ weights: UnsafePointer<Float>, columns: Int, weightStride: Int,
    _ output: UnsafeMutablePointer<Float>, outputStride: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(depth),
      1, input, blasint(inputStride), weights, blasint(weightStride), 0, output,
      blasint(outputStride))
  }
}
