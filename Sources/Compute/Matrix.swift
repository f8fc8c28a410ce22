/// Activations: a dense f32 matrix, row-major.

/// A matrix of activations, `[rows, columns]`, usually one row a token.
public struct Matrix: Sendable, Equatable {
  public private(set) var rows: Int
  public private(set) var columns: Int
  /// The numbers, `[rows, columns]`.
  public private(set) var values: [Float]

  /// A matrix of zeros.
  public init(rows: Int = 0, columns: Int = 0) {
    precondition(rows >= 0 && columns >= 0)
    self.rows = rows
    self.columns = columns
    values = [Float](repeating: 0, count: rows * columns)
  }

  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// Changes the shape and keeps the storage where it is large enough. The numbers are unspecified
  /// afterwards, so that scratch matrices can be used again without being cleared.
  public mutating func reshape(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0)
    let count = rows * columns
    self.rows = rows
    self.columns = columns
    if values.count > count {
      values.removeLast(values.count - count)
    } else if values.count < count {
      values.append(contentsOf: repeatElement(0, count: count - values.count))
    }
  }

  /// One row, `[columns]`.
  public subscript(row row: Int) -> ArraySlice<Float> {
    get { values[row * columns..<(row + 1) * columns] }
    set {
      precondition(newValue.count == columns)
      values.replaceSubrange(row * columns..<(row + 1) * columns, with: newValue)
    }
  }

  /// Rows `range` as a matrix of their own.
  public func rows(_ range: Range<Int>) -> Matrix {
    Matrix(
      rows: range.count, columns: columns,
      values: Array(values[range.lowerBound * columns..<range.upperBound * columns]))
  }

  /// Copies row `source` of `other` over row `row`. Both have the same number of columns.
  public mutating func copyRow(_ source: Int, of other: Matrix, to row: Int) {
    precondition(other.columns == columns && source < other.rows && row < rows)
    let columns = columns
    withUnsafeValues { target in
      other.values.withUnsafeBufferPointer { values in
        (target.baseAddress! + row * columns).update(
          from: values.baseAddress! + source * columns, count: columns)
      }
    }
  }

  mutating func withUnsafeValues<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) -> Result
  ) -> Result {
    values.withUnsafeMutableBufferPointer { body($0) }
  }
}
