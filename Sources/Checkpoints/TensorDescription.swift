/// A tensor as a file stores it: all that is needed to use its bytes somewhere else.

public import Compute

public struct TensorDescription: Sendable, Equatable {
  /// Its canonical name.
  public var name: String
  /// The format in which the kernels get it, where nobody asks for another.
  public var format: WeightFormat
  /// How its bytes encode the numbers, where the kernels cannot read it as it stands.
  public var encoding: GGMLType?
  /// The order of its rows.
  public var rowOrder: RowOrder
  public var shape: [Int]
  /// Bytes of it as it is stored.
  public var byteCount: Int

  public init(
    name: String, format: WeightFormat, encoding: GGMLType? = nil,
    rowOrder: RowOrder = .asCounted, shape: [Int], byteCount: Int
  ) {
    self.name = name
    self.format = format
    self.encoding = encoding
    self.rowOrder = rowOrder
    self.shape = shape
    self.byteCount = byteCount
  }

  /// Throws `.malformed` where so many bytes are not what the shape takes, or a block or a head does
  /// not divide it.
  public func validate() throws(CheckpointError) {
    func malformed(_ cause: String) -> CheckpointError {
      CheckpointError(.malformed, "tensor \(name) of shape \(shape) \(cause)")
    }
    var elements = 1
    for extent in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow, product <= Self.elementsMax else {
        throw malformed("is too large")
      }
      elements = product
    }
    let columns = shape.dropFirst().reduce(1, *)
    guard columns % format.blockElements == 0 else {
      throw malformed("has rows that are no whole blocks of \(format.rawValue)")
    }
    guard let encoding else {
      guard rowOrder == .asCounted else { throw malformed("has rows in an order of no encoding") }
      let taken = StoredTensor.byteCount(shape: shape, format: format)
      guard byteCount == taken else { throw malformed("takes \(taken) bytes, not \(byteCount)") }
      return
    }
    guard encoding.format == format, columns % encoding.blockElements == 0 else {
      throw malformed("cannot be encoded as \(encoding)")
    }
    let taken = elements / encoding.blockElements * encoding.blockBytes
    guard byteCount == taken else { throw malformed("takes \(taken) bytes, not \(byteCount)") }
    if case .interleavedHalves(let headRows) = rowOrder {
      guard headRows > 0, headRows % 2 == 0, (shape.first ?? 1) % headRows == 0 else {
        throw malformed("has heads of \(headRows) rows")
      }
    }
  }

  /// So many numbers take less than 2^63 bytes in any format.
  private static let elementsMax = 1 << 56
}
