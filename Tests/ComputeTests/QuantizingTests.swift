/// Quantised weights against gguf's reference, byte for byte.

import Foundation
import Testing

@testable import Compute

@Suite("quantising")
struct QuantizingTests {
  @Test(
    "numbers become the reference's blocks and widen to its numbers",
    arguments: WeightFormat.quantized)
  func reference(format: WeightFormat) throws {
    let golden = try Golden()
    let tensor = try golden.tensor.quantized(to: format)
    let blocks = try golden.bytes(format.rawValue)
    #expect(tensor.blocks() == blocks)
    let widened = try golden.bytes(format.rawValue + "_widened")
    #expect(
      Matrix(rows: 1, columns: tensor.elementCount, values: tensor.widened())
        .f32Bytes() == widened)
  }

  @Test(
    "blocks that are packed come out again",
    arguments: WeightFormat.allCases.filter(\.isQuantized))
  func packing(format: WeightFormat) throws {
    var random = SplitMix(state: 31)
    for (rows, blocks) in [(1, 1), (15, 3), (16, 1), (33, 5)] {
      let columns = blocks * format.blockElements
      let count = rows * blocks * format.blockBytes
      let blocks = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let tensor = try StoredTensor(
        shape: [rows, columns], format: format, blocks: ReadOnlyMemory(copying: blocks))
      #expect(tensor.blocks() == blocks)
      #expect(tensor.byteCount >= count && tensor.rows == rows && tensor.columns == columns)
    }
  }

  @Test("a row that is looked up is the widened row", arguments: WeightFormat.quantized)
  func lookUp(format: WeightFormat) throws {
    var random = SplitMix(state: 4)
    let tensor = try random.stored(21, 64, .f16).quantized(to: format)
    var matrix = Matrix(rows: 2, columns: 64)
    tensor.copyRow(18, to: 1, of: &matrix)
    #expect(Array(matrix[row: 1]) == Array(tensor.widened()[18 * 64..<19 * 64]))
    #expect(tensor.widenedRows(18..<19) == Array(matrix[row: 1]))
    #expect(matrix[row: 0].allSatisfy { $0 == 0 })
  }

  @Test(
    "weights that are not finite are quantised without a trap", arguments: WeightFormat.quantized)
  func notFinite(format: WeightFormat) throws {
    for value in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, 0x1p-147] {
      var values = [Float](repeating: 0.5, count: 64)
      values[7] = value
      let matrix = Matrix(rows: 2, columns: 32, values: values)
      let tensor = StoredTensor(
        shape: [2, 32], format: .f32, memory: ReadOnlyMemory(copying: matrix.f32Bytes()))
      let widened = try tensor.quantized(to: format).widened()
      #expect(widened[32...].allSatisfy { abs($0 - 0.5) < 0.01 })
    }
  }
}

/// What `Tests/Oracle/make_quantized.py` wrote.
private struct Golden {
  private let fields: [String: Any]

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/blocks.json")
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
    fields = try #require(object as? [String: Any])
  }

  var tensor: StoredTensor {
    get throws {
      let rows = try #require(fields["rows"] as? Int)
      let columns = try #require(fields["columns"] as? Int)
      return StoredTensor(
        shape: [rows, columns], format: .f32, memory: ReadOnlyMemory(copying: try bytes("values")))
    }
  }

  func bytes(_ name: String) throws -> [UInt8] {
    let digits = Array(try #require(fields[name] as? String).utf8)
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16))
    }
  }
}
