/// Kernels against straightforward double-precision arithmetic, on every instruction set of this
/// CPU.

import Foundation
import Testing

@testable import Compute

@Suite("kernels")
struct KernelTests {
  @Test(
    "products of every format and awkward size equal the plain sum",
    arguments: WeightFormat.plain, Instructions.available)
  func products(format: WeightFormat, instructions: Instructions) {
    var random = SplitMix(state: 7)
    for (rows, depth, columns) in [
      (1, 1, 1), (1, 64, 17), (2, 7, 3), (3, 33, 9), (5, 100, 4), (26, 40, 13), (1, 257, 8),
    ] {
      let input = random.matrix(rows, depth)
      let weights = random.stored(columns, depth, format)
      var result = Matrix()
      weights.multiply(input, into: &result, using: instructions)
      expectProduct(result, input, weights)
      weights.multiplyWithBLAS(input, into: &result)
      expectProduct(result, input, weights)
    }
  }

  @Test(
    "a row's product is the same bits alone and among others, whatever columns are asked for",
    arguments: WeightFormat.plain, Instructions.available)
  func batchInvariance(format: WeightFormat, instructions: Instructions) {
    var random = SplitMix(state: 3)
    for (rows, depth, columns) in [(29, 203, 37), (70, 2100, 13), (9, 64, 26)] {
      let weights = random.stored(columns, depth, format)
      let input = random.matrix(rows, depth)
      var together = Matrix()
      weights.multiply(input, into: &together, using: instructions)
      expectProduct(together, input, weights)
      for first in stride(from: 0, to: rows, by: 5) {
        let range = first..<min(first + 1 + first % 4, rows)
        var alone = Matrix()
        weights.multiply(input.rows(range), into: &alone, using: instructions)
        #expect(alone == together.rows(range))
      }
      let few = StoredTensor(
        shape: [3, depth], format: format,
        memory: ReadOnlyMemory(
          copying: weights.memory.bytes(
            2 * depth * format.byteCount..<5 * depth * format.byteCount)))
      var columnsAlone = Matrix()
      few.multiply(input, into: &columnsAlone, using: instructions)
      for row in 0..<rows {
        #expect(columnsAlone[row: row].elementsEqual(together[row: row].dropFirst(2).prefix(3)))
      }
    }
  }

  @Test("every f16 is widened as Float16 widens it", arguments: Instructions.available)
  func widening(instructions: Instructions) {
    let bits = (0...UInt16.max).map { $0 }
    let bytes = bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let widened = Matrix(
      rows: 1, columns: bits.count, format: .f16, bytes: bytes, using: instructions)
    for (bit, value) in zip(bits, widened.values) {
      let expected = Float(Float16(bitPattern: bit))
      #expect(value.isNaN ? expected.isNaN : value.bitPattern == expected.bitPattern)
    }
  }

  @Test("f32 is narrowed to the nearest f16, ties to even", arguments: Instructions.available)
  func narrowing(instructions: Instructions) {
    var random = SplitMix(state: 11)
    var values: [Float] = [
      0, -0, 65504, 65519.9, 65520, 1e9, -1e9, 5.9e-8, 2.9e-8, 6e-5, 1.00048828125,
    ]
    values += [.infinity, -.infinity, 1.0014648, 3e-8, 2.9802322e-8, 6.097555e-5]
    values += (0..<4000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
      .filter { !$0.isNaN }
    let bytes = Matrix(rows: 1, columns: values.count, values: values).f16Bytes(using: instructions)
    for (index, value) in values.enumerated() {
      let bits = UInt16(bytes[index * 2]) | UInt16(bytes[index * 2 + 1]) << 8
      #expect(bits == Float16(value).bitPattern, "\(value)")
    }
  }

  @Test(
    "attention over scattered blocks equals the plain softmax, head group by head group",
    arguments: Instructions.available)
  func attention(instructions: Instructions) throws {
    var random = SplitMix(state: 5)
    let (heads, kvHeads, width, tokens, blockTokens) = (4, 2, 12, 11, 4)
    let cache = try KVMemory(
      layers: 2, blocks: 6, blockTokens: blockTokens, kvHeads: kvHeads, headWidth: width)
    let queries = random.matrix(tokens, heads * width)
    let keys = random.matrix(tokens, kvHeads * width)
    let values = random.matrix(tokens, kvHeads * width)
    let run = TokenRun(firstRow: 0, count: tokens, firstPosition: 0, blocks: [4, 1, 3])
    cache.append(layer: 1, runs: [run], keys: keys, values: values)
    var (scores, result) = (Matrix(), Matrix())
    cache.attend(
      layer: 1, runs: [run], queries: queries, queryHeads: heads, scores: &scores, into: &result,
      using: instructions)
    for token in 0..<tokens {
      for head in 0..<heads {
        let expected = plainAttention(
          queries, keys, values, token: token, head: head, kvHead: head / 2, width: width)
        let actual = result[row: token].dropFirst(head * width).prefix(width)
        for (a, e) in zip(actual, expected) { #expect(abs(Double(a) - e) < 1e-5) }
      }
    }
  }

  private func plainAttention(
    _ queries: Matrix, _ keys: Matrix, _ values: Matrix, token: Int, head: Int, kvHead: Int,
    width: Int
  ) -> [Double] {
    let query = queries[row: token].dropFirst(head * width).prefix(width).map(Double.init)
    let weights = (0...token).map { position in
      let key = keys[row: position].dropFirst(kvHead * width).prefix(width).map(Double.init)
      return exp(zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } / Double(width).squareRoot())
    }
    return (0..<width).map { column in
      let sum = (0...token).reduce(0.0) {
        $0 + weights[$1] * Double(values.values[$1 * values.columns + kvHead * width + column])
      }
      return sum / weights.reduce(0, +)
    }
  }

  private func expectProduct(_ result: Matrix, _ input: Matrix, _ weights: StoredTensor) {
    let widened = weights.widened()
    for row in 0..<input.rows {
      for column in 0..<weights.rows {
        var (sum, magnitude) = (0.0, 0.0)
        for k in 0..<input.columns {
          let term =
            Double(input.values[row * input.columns + k])
            * Double(widened[column * input.columns + k])
          sum += term
          magnitude += abs(term)
        }
        let difference = abs(Double(result.values[row * result.columns + column]) - sum)
        #expect(difference <= 1e-6 * magnitude + 1e-7)
      }
    }
  }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    let values = (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &self) }
    return Matrix(rows: rows, columns: columns, values: values)
  }

  mutating func stored(_ rows: Int, _ columns: Int, _ format: WeightFormat) -> StoredTensor {
    let matrix = matrix(rows, columns)
    let bytes: [UInt8] =
      switch format {
      case .f32: matrix.f32Bytes()
      case .f16: matrix.f16Bytes()
      case .q8_0, .q4_0: preconditionFailure("quantised from a plain tensor")
      case .bf16:
        matrix.values.flatMap {
          [UInt8(truncatingIfNeeded: $0.bitPattern >> 16), UInt8($0.bitPattern >> 24)]
        }
      }
    return StoredTensor(
      shape: [rows, columns], format: format, memory: ReadOnlyMemory(copying: bytes))
  }
}
