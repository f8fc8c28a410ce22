/// Weights as they are stored in a checkpoint, or quantised.

internal import CKernels

/// A tensor of weights in its stored format, `shape` row-major, mapped or held in memory.
///
/// Quantised ones are held as the kernels read them (`ck_packed_bytes` describes it), not as GGML
/// lays its blocks out: `StoredTensor+quantizing.swift` goes from one to the other.
public struct StoredTensor: Sendable {
  public let shape: [Int]
  public let format: WeightFormat
  let memory: ReadOnlyMemory

  /// `memory` holds exactly the numbers of `shape` in `format`, packed if that is quantised; bytes
  /// that are not aligned for the format are copied.
  public init(shape: [Int], format: WeightFormat, memory: ReadOnlyMemory) {
    precondition(memory.count == Self.byteCount(shape: shape, format: format))
    self.shape = shape
    self.format = format
    let alignment = format.isQuantized ? 64 : format.byteCount
    let aligned = UInt(bitPattern: memory.base) % UInt(alignment) == 0
    self.memory = aligned ? memory : ReadOnlyMemory(copying: memory.bytes(0..<memory.count))
  }

  /// A tensor of zeros that takes no memory as long as nobody reads it. Throws `.outOfMemory` where
  /// there are not even the addresses for it.
  public init(zerosOf shape: [Int], format: WeightFormat) throws(ComputeError) {
    let memory = try ReadOnlyMemory(count: Self.byteCount(shape: shape, format: format)) { _ in }
    self.init(shape: shape, format: format, memory: memory)
  }

  /// Bytes that a tensor takes in memory. Quantised, its rows are whole blocks.
  public static func byteCount(shape: [Int], format: WeightFormat) -> Int {
    guard let blockFormat = format.blockFormat else {
      return shape.reduce(1, *) * format.byteCount
    }
    let (rows, columns) = (shape.first ?? 1, shape.dropFirst().reduce(1, *))
    precondition(columns % format.blockElements == 0, "rows of \(columns) are not whole blocks")
    return ck_packed_bytes(blockFormat, columns, rows)
  }

  /// How many numbers it holds.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Bytes of the stored numbers.
  public var byteCount: Int { memory.count }

  /// Rows of the tensor seen as a matrix: its first extent.
  public var rows: Int { shape.first ?? 1 }

  /// Columns of the tensor seen as a matrix: the product of its other extents.
  public var columns: Int { shape.dropFirst().reduce(1, *) }

  /// The same numbers under another shape; a quantised tensor keeps its rows.
  public func reshaped(_ shape: [Int]) -> StoredTensor {
    precondition(!format.isQuantized || shape.first == rows)
    return StoredTensor(shape: shape, format: format, memory: memory)
  }

  /// All numbers as f32.
  public func widened() -> [Float] { widenedRows(0..<rows) }

  /// Rows `range` as f32, `[range.count, columns]`.
  public func widenedRows(_ range: Range<Int>) -> [Float] {
    [Float](unsafeUninitializedCapacity: range.count * columns) { buffer, count in
      if let target = buffer.baseAddress { widen(range, into: target) }
      count = range.count * columns
    }
  }

  /// Copies row `row` as f32 over row `target` of `matrix`: an embedding look-up.
  public func copyRow(_ row: Int, to target: Int, of matrix: inout Matrix) {
    precondition(row >= 0 && row < rows && matrix.columns == columns && target < matrix.rows)
    let columns = columns
    matrix.withUnsafeValues { widen(row..<row + 1, into: $0.baseAddress! + target * columns) }
  }

  func widen(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    if let blockFormat = format.blockFormat {
      for (index, row) in range.enumerated() {
        ck_widen_packed(blockFormat, memory.base, columns, row, target + index * columns)
      }
      return
    }
    ck_widen(
      Instructions.best.kernel, format.kernel,
      memory.base + range.lowerBound * columns * format.byteCount, range.count * columns, target)
  }
}
