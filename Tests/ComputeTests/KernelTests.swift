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
    arguments: Instructions.available, [WeightFormat.f32, .f16])
  func attention(instructions: Instructions, format: WeightFormat) throws {
    var random = SplitMix(state: 5)
    for (heads, kvHeads, width, tokens, blockTokens) in [
      (4, 2, 12, 11, 4), (3, 1, 64, 150, 16), (4, 4, 40, 97, 7), (8, 1, 128, 70, 200),
    ] {
      let blocks = (tokens - 1) / blockTokens + 1
      let cache = try KVMemory(
        layers: 2, blocks: blocks + 3, blockTokens: blockTokens, kvHeads: kvHeads,
        headWidth: width, format: format)
      let queries = random.matrix(tokens, heads * width)
      // Numbers that an f16 holds, so that both formats are held to the same bound.
      let keys = random.halves(tokens, kvHeads * width)
      let values = random.halves(tokens, kvHeads * width)
      let run = TokenRun(
        firstRow: 0, count: tokens, firstPosition: 0,
        blocks: (0..<UInt32(blocks + 3)).shuffled(using: &random))
      cache.append(layer: 1, runs: [run], keys: keys, values: values)
      var (scores, result) = (Matrix(), Matrix.poisoned(tokens, heads * width))
      cache.attend(
        layer: 1, runs: [run], queries: queries, queryHeads: heads, scores: &scores, into: &result,
        using: instructions)
      for token in stride(from: 0, to: tokens, by: 7) {
        for head in 0..<heads {
          let expected = plainAttention(
            queries, keys, values, positions: 0...token, token: token, head: head,
            kvHead: head * kvHeads / heads, width: width)
          let actual = result[row: token].dropFirst(head * width).prefix(width)
          for (a, e) in zip(actual, expected) { #expect(abs(Double(a) - e) < 1e-5) }
        }
      }
    }
  }

  @Test(
    "a token's attention is the same bits in any chunk and beside any other run",
    arguments: Instructions.available)
  func attentionInvariance(instructions: Instructions) throws {
    var random = SplitMix(state: 9)
    let (heads, kvHeads, width, tokens, blockTokens) = (6, 2, 48, 131, 16)
    let cache = try KVMemory(
      layers: 1, blocks: 24, blockTokens: blockTokens, kvHeads: kvHeads, headWidth: width)
    let queries = random.matrix(tokens, heads * width)
    let keys = random.matrix(tokens, kvHeads * width)
    let values = random.matrix(tokens, kvHeads * width)
    func attend(_ runs: [TokenRun], _ rows: [Range<Int>], on team: ThreadTeam) -> Matrix {
      let rows = rows.flatMap { Array($0) }
      func picked(_ matrix: Matrix) -> Matrix {
        Matrix(
          rows: rows.count, columns: matrix.columns, values: rows.flatMap { matrix[row: $0] })
      }
      cache.append(layer: 0, runs: runs, keys: picked(keys), values: picked(values), on: team)
      var (scores, result) = (Matrix(), Matrix())
      cache.attend(
        layer: 0, runs: runs, queries: picked(queries), queryHeads: heads, scores: &scores,
        into: &result, on: team, using: instructions)
      return result
    }
    let first = (0..<12).map { UInt32($0) }
    let whole = attend(
      [TokenRun(firstRow: 0, count: tokens, firstPosition: 0, blocks: first)], [0..<tokens],
      on: .single)
    let second = (12..<24).map { UInt32($0) }
    let team = try ThreadTeam(threads: 2)
    for (start, count) in [(0, 1), (1, 16), (17, 50), (67, 1), (68, 63)] {
      // The same tokens once more in blocks of their own, beside one token of the first sequence.
      let chunk = attend(
        [
          TokenRun(firstRow: 0, count: count, firstPosition: start, blocks: second),
          TokenRun(firstRow: count, count: 1, firstPosition: tokens - 1, blocks: first),
        ], [start..<start + count, tokens - 1..<tokens], on: team)
      #expect(chunk.rows(0..<count) == whole.rows(start..<start + count))
      #expect(chunk[row: count].elementsEqual(whole[row: tokens - 1]))
    }
  }

  @Test(
    "full attention equals the plain softmax, the same bits on any number of threads",
    arguments: Instructions.available)
  func fullAttention(instructions: Instructions) throws {
    var random = SplitMix(state: 6)
    let (heads, width, tokens) = (3, 20, 75)
    let queries = random.matrix(tokens, heads * width)
    let keys = random.matrix(tokens, heads * width)
    let values = random.matrix(tokens, heads * width)
    var (scores, result) = (Matrix(), Matrix.poisoned(tokens, heads * width))
    queries.attendingFully(
      keys: keys, values: values, heads: heads, scores: &scores, into: &result, using: instructions)
    for token in 0..<tokens {
      for head in 0..<heads {
        let expected = plainAttention(
          queries, keys, values, positions: 0...tokens - 1, token: token, head: head, kvHead: head,
          width: width)
        let actual = result[row: token].dropFirst(head * width).prefix(width)
        for (a, e) in zip(actual, expected) { #expect(abs(Double(a) - e) < 1e-5) }
      }
    }
    var shared = Matrix()
    queries.attendingFully(
      keys: keys, values: values, heads: heads, scores: &scores, into: &shared,
      on: try ThreadTeam(threads: 3), using: instructions)
    #expect(shared == result)
  }

  @Test("keys and values that no f16 holds stay finite in a cache of f16")
  func cacheSaturates() throws {
    let cache = try KVMemory(layers: 1, blocks: 1, blockTokens: 4, kvHeads: 1, headWidth: 2)
    let run = TokenRun(firstRow: 0, count: 1, firstPosition: 0, blocks: [0])
    let values = Matrix(rows: 1, columns: 2, values: [1e9, -1e9])
    cache.append(
      layer: 0, runs: [run], keys: Matrix(rows: 1, columns: 2, values: [0, 0]), values: values)
    var (scores, result) = (Matrix(), Matrix())
    cache.attend(
      layer: 0, runs: [run], queries: Matrix(rows: 1, columns: 2, values: [1, 1]), queryHeads: 1,
      scores: &scores, into: &result)
    #expect(result.values == [65504, -65504])
  }

  @Test(
    "activations equal double precision over the whole range, tails included",
    arguments: Instructions.available)
  func activations(instructions: Instructions) {
    let inputs: [Float] =
      stride(from: Float(-120), through: 120, by: 0.37).map { $0 } + [0, -0, 1e-20, -1e-20]
    for count in [1, 7, 16, 33, inputs.count] {
      let x = Matrix(rows: 1, columns: count, values: Array(inputs.prefix(count)))
      let ones = Matrix(rows: 1, columns: count, values: [Float](repeating: 1, count: count))
      var (silu, gelu) = (x, x)
      silu.siluMultiply(ones, using: instructions)
      gelu.quickGELU(using: instructions)
      for (index, input) in x.values.enumerated() {
        let x = Double(input)
        for (actual, steepness) in [(silu.values[index], 1.0), (gelu.values[index], 1.702)] {
          let expected = x / (1 + exp(-steepness * x))
          // The product in the exponent is rounded, which shows the more the larger it is.
          let bound = (4e-7 + 1.2e-7 * abs(steepness * x)) * abs(expected) + 1e-30
          #expect(abs(Double(actual) - expected) <= bound, "\(input)")
        }
      }
    }
    var nothing = Matrix(rows: 1, columns: 3, values: [.nan, .infinity, 1])
    nothing.quickGELU(using: instructions)
    #expect(nothing.values[0].isNaN && nothing.values[1] == .infinity)
  }

  private func plainAttention(
    _ queries: Matrix, _ keys: Matrix, _ values: Matrix, positions: ClosedRange<Int>, token: Int,
    head: Int, kvHead: Int, width: Int
  ) -> [Double] {
    let query = queries[row: token].dropFirst(head * width).prefix(width).map(Double.init)
    let weights = positions.map { position in
      let key = keys[row: position].dropFirst(kvHead * width).prefix(width).map(Double.init)
      return exp(zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } / Double(width).squareRoot())
    }
    return (0..<width).map { column in
      let sum = positions.reduce(0.0) {
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

extension Matrix {
  /// A matrix whose numbers show it if they are not written.
  static func poisoned(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(rows: rows, columns: columns, values: [Float](repeating: .nan, count: rows * columns))
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

  /// A matrix of numbers that an f16 holds.
  mutating func halves(_ rows: Int, _ columns: Int) -> Matrix {
    let matrix = matrix(rows, columns)
    return Matrix(
      rows: rows, columns: columns, values: matrix.values.map { Float(Float16($0)) })
  }

  mutating func stored(_ rows: Int, _ columns: Int, _ format: WeightFormat) -> StoredTensor {
    let matrix = matrix(rows, columns)
    let bytes: [UInt8] =
      switch format {
      case .f32: matrix.f32Bytes()
      case .f16: matrix.f16Bytes()
      case .q8_0, .q4_0, .q4_K, .q5_K, .q6_K: preconditionFailure("quantised from a plain tensor")
      case .bf16:
        matrix.values.flatMap {
          [UInt8(truncatingIfNeeded: $0.bitPattern >> 16), UInt8($0.bitPattern >> 24)]
        }
      }
    return StoredTensor(
      shape: [rows, columns], format: format, memory: ReadOnlyMemory(copying: bytes))
  }
}
