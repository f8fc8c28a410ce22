/// Weights as they are stored in a checkpoint.

internal import CKernels

/// A tensor of weights in its stored format, `shape` row-major, mapped or held in memory.
public struct StoredTensor: Sendable {
  public let shape: [Int]
  public let format: WeightFormat
  let memory: ReadOnlyMemory

  /// `memory` holds exactly the numbers of `shape` in `format`; bytes that are not aligned for the
  /// format are copied.
  public init(shape: [Int], format: WeightFormat, memory: ReadOnlyMemory) {
    precondition(memory.count == shape.reduce(1, *) * format.byteCount)
    self.shape = shape
    self.format = format
    let aligned = UInt(bitPattern: memory.base) % UInt(format.byteCount) == 0
    self.memory = aligned ? memory : ReadOnlyMemory(copying: memory.bytes(0..<memory.count))
  }

  /// How many numbers it holds.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Bytes of the stored numbers.
  public var byteCount: Int { memory.count }

  /// Rows of the tensor seen as a matrix: its first extent.
  public var rows: Int { shape.first ?? 1 }

  /// Columns of the tensor seen as a matrix: the product of its other extents.
  public var columns: Int { shape.dropFirst().reduce(1, *) }

  /// The same numbers under another shape.
  public func reshaped(_ shape: [Int]) -> StoredTensor {
    StoredTensor(shape: shape, format: format, memory: memory)
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
    ck_widen(
      Instructions.best.kernel, format.kernel,
      memory.base + range.lowerBound * columns * format.byteCount, range.count * columns, target)
  }
}

extension StoredTensor {
  /// The first and the last `count` stored bytes, fewer if there are fewer.
  public func ends(_ count: Int) -> [[UInt8]] {
    let count = min(count, memory.count)
    return [memory.bytes(0..<count), memory.bytes(memory.count - count..<memory.count)]
  }
}
