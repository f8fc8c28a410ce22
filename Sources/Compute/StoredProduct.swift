/// What threads share of a product: addresses and numbers alone, so that nobody counts references
/// for a part of the work. Whoever shares it out keeps what the addresses point to.

internal import CKernels

/// A product with stored weights of any format.
enum StoredProduct {
  case plain(PlainProduct)
  case quantized(QuantizedProduct)

  /// Columns `range` of the result; quantised, it begins at a panel.
  func multiply(_ range: Range<Int>) {
    switch self {
    case .plain(let product): product.multiply(range)
    case .quantized(let product): product.multiply(range)
    }
  }
}

/// A product of f32 rows.
struct PlainProduct {
  let instructions: ck_instructions
  let format: ck_format
  let input: UnsafePointer<Float>
  let inputRows: Int
  let depth: Int
  let weights: UnsafeRawPointer
  let columnBytes: Int
  let output: UnsafeMutablePointer<Float>
  let columns: Int

  func multiply(_ range: Range<Int>) {
    ck_product(
      instructions, format, input, inputRows, depth, weights + range.lowerBound * columnBytes,
      range.count, output + range.lowerBound, columns)
  }
}

/// A product of rows in 8 bits; ranges begin at panels.
struct QuantizedProduct {
  let instructions: ck_instructions
  let format: ck_block_format
  let input: UnsafePointer<ck_row_block>
  let inputRows: Int
  let depth: Int
  let weights: UnsafeRawPointer
  let panelBytes: Int
  let output: UnsafeMutablePointer<Float>
  let stride: Int

  func multiply(_ range: Range<Int>) {
    ck_quantized_product(
      instructions, format, input, inputRows, depth,
      weights + range.lowerBound / StoredTensor.panelRows * panelBytes, range.count,
      output + range.lowerBound, stride)
  }
}
