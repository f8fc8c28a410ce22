/// GGML's blocks against the numbers that the gguf package makes of them, and their way to the
/// kernels.

import Foundation
import Testing

@testable import Compute

@Suite("GGML's tensors")
struct GGMLTensorTests {
  private static let quantized = GGMLType.allCases.filter { $0.blockElements > 1 }

  @Test("blocks widen to the reference's numbers, bit for bit", arguments: quantized)
  func reference(type: GGMLType) throws {
    let golden = try Golden(type)
    let tensor = try golden.tensor(rows: 2).stored(as: .f32)
    let bytes = Matrix(rows: 1, columns: tensor.elementCount, values: tensor.widened()).f32Bytes()
    #expect(bytes == golden.values)
    #expect(tensor.format == .f32 && tensor.shape == [2, tensor.columns])
  }

  @Test("blocks keep every byte", arguments: quantized)
  func bytesKept(type: GGMLType) throws {
    let golden = try Golden(type)
    let team = try ThreadTeam(threads: 2)
    for rows in [1, 2, 6] {
      let tensor = try golden.tensor(rows: rows).stored(on: team)
      #expect(tensor.format == type.format)
      #expect(tensor.blocks() == golden.blocks)
      let bytes = Matrix(rows: 1, columns: tensor.elementCount, values: tensor.widened()).f32Bytes()
      #expect(bytes == golden.values)
    }
  }

  @Test("another format is rounded from the numbers", arguments: quantized)
  func rounded(type: GGMLType) throws {
    let tensor = try Golden(type).tensor(rows: 3)
    let exact = try tensor.stored(as: .f32)
    for format in WeightFormat.quantized where format != type.format {
      #expect(try tensor.stored(as: format).blocks() == exact.quantized(to: format).blocks())
    }
    #expect(try tensor.stored(as: .f16).widened() == exact.converted(to: .f16).widened())
  }

  @Test(
    "interleaved rows come out in order, whatever the type",
    arguments: [GGMLType.f32, .f16, .bf16, .q8_0, .q4_0, .q4_K, .q6_K],
    [nil, WeightFormat.f32, .q8_0, .q4_0])
  func interleaved(type: GGMLType, format: WeightFormat?) throws {
    var random = SplitMix(state: 9)
    // Three heads of 14 rows: panels and heads end at different rows.
    let (rows, columns, headRows) = (42, 256, 14)
    let file = try random.ggml(type, rows: rows, columns: columns)
    let counted = try GGMLTensor(shape: [rows, columns], type: type, memory: file)
      .stored(as: format).widened()
    let tensor = try GGMLTensor(
      shape: [rows, columns], type: type, rowOrder: .interleavedHalves(headRows: headRows),
      memory: file
    ).stored(as: format)
    for row in 0..<rows {
      let (head, within) = (row / headRows, row % headRows)
      // The converter writes row (half, i) of a head as its row (i, half).
      let position = head * headRows + (within % 7) * 2 + within / 7
      #expect(
        tensor.widenedRows(row..<row + 1)
          == Array(counted[position * columns..<(position + 1) * columns]))
    }
  }

  @Test("plain numbers in order are not copied")
  func mapped() throws {
    var random = SplitMix(state: 2)
    let memory = try random.ggml(.f16, rows: 4, columns: 8)
    let tensor = try GGMLTensor(shape: [4, 8], type: .f16, memory: memory).stored()
    #expect(tensor.memory === memory)
  }
}

extension SplitMix {
  /// A tensor's bytes in a type, from random numbers.
  fileprivate mutating func ggml(
    _ type: GGMLType, rows: Int, columns: Int
  ) throws -> ReadOnlyMemory {
    if type == .q4_K || type == .q6_K {
      let count = rows * columns / type.blockElements * type.blockBytes
      var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
      // Finite scales: the two f16 at the start of a Q4_K block, the one at the end of Q6_K's.
      for start in stride(from: 0, to: count, by: type.blockBytes) {
        for place in type == .q4_K ? [1, 3] : [type.blockBytes - 1] { bytes[start + place] = 0x20 }
      }
      return ReadOnlyMemory(copying: bytes)
    }
    let tensor = stored(rows, columns, .f32)
    if type.format.isQuantized {
      return ReadOnlyMemory(copying: try tensor.quantized(to: type.format).blocks())
    }
    return try tensor.converted(to: type.format).memory
  }
}

/// What `Tests/Oracle/make_blocks.py` wrote of one type.
private struct Golden {
  let type: GGMLType
  let blocks: [UInt8]
  let values: [UInt8]

  init(_ type: GGMLType) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/ggml_blocks.json")
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
    let fields = try #require((object as? [String: [String: String]])?["\(type)".lowercased()])
    self.type = type
    blocks = try Self.bytes(#require(fields["blocks"]))
    values = try Self.bytes(#require(fields["values"]))
  }

  func tensor(rows: Int) -> GGMLTensor {
    let elements = blocks.count / type.blockBytes * type.blockElements
    return GGMLTensor(
      shape: [rows, elements / rows], type: type, memory: ReadOnlyMemory(copying: blocks))
  }

  private static func bytes(_ text: String) throws -> [UInt8] {
    let digits = Array(text.utf8)
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16))
    }
  }
}
