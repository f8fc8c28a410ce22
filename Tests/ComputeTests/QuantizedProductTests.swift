/// Products of 8-bit rows with quantised weights against double precision, against the portable
/// twin, and against themselves in other company.

import Testing

@testable import Compute

@Suite("quantised products")
struct QuantizedProductTests {
  private static let shapes = [
    (1, 32, 1), (1, 256, 16), (2, 64, 17), (3, 96, 9), (5, 32, 31), (7, 320, 48), (8, 128, 33),
    (15, 64, 7), (17, 96, 40), (131, 64, 19),
  ]

  @Test(
    "rows are rounded to the nearest of 255 steps, the same bytes on all instructions",
    arguments: Instructions.available)
  func rows(instructions: Instructions) {
    var random = SplitMix(state: 8)
    var input = random.matrix(7, 96)
    input[row: 1] = [Float](repeating: 0, count: 96)[...]
    input[row: 2] = input[row: 2].map { $0 * 1e-35 }[...]
    input[row: 3] = (0..<96).map { Float($0 - 48) / 2 }[...]
    input[row: 4] = input[row: 4].map { $0 * 1e37 }[...]
    let quantized = QuantizedRows(input, using: instructions)
    let twin = QuantizedRows(input, using: .portable)
    #expect(
      quantized.blocks.withUnsafeBytes { Array($0) } == twin.blocks.withUnsafeBytes { Array($0) })
    for (index, block) in Block.all(quantized).enumerated() {
      let sum = block.values.reduce(0, +)
      let half = block.values.prefix(16).reduce(0, +)
      #expect(block.offsets == [-128 * sum, -8 * sum, -32 * half, -32 * (sum - half)])
      #expect(block.sum == block.scale * Float(sum))
      let original = input.values[index * 32..<index * 32 + 32]
      for (value, number) in zip(block.values, original) {
        #expect(
          abs(Double(value) * Double(block.scale) - Double(number))
            <= 0.5001 * Double(block.scale) + 1e-31)
      }
    }
  }

  @Test(
    "a block with a NaN or an infinity makes the whole product NaN",
    arguments: Instructions.available, WeightFormat.inBlocks)
  func notFinite(instructions: Instructions, format: WeightFormat) throws {
    var random = SplitMix(state: 9)
    let depth = format.wholeBlocks(64)
    let weights = try random.blocks(17, depth, format)
    var input = random.matrix(4, depth)
    for (row, value) in [Float.nan, .infinity, -.infinity].enumerated() {
      var values = input[row: row]
      values[row * depth + 40] = value
      input[row: row] = values
    }
    var result = Matrix()
    weights.multiply(input, into: &result, using: instructions)
    for row in 0..<3 { #expect(result[row: row].allSatisfy { $0.isNaN }) }
    #expect(result[row: 3].allSatisfy { $0.isFinite })
  }

  @Test(
    "products of every size equal the plain sum, and the twin's bits",
    arguments: Instructions.available, WeightFormat.inBlocks)
  func products(instructions: Instructions, format: WeightFormat) throws {
    var random = SplitMix(state: 12)
    for (rows, depth, columns) in Self.shapes {
      let depth = format.wholeBlocks(depth)
      let weights = try random.blocks(columns, depth, format)
      let input = QuantizedRows(random.matrix(rows, depth))
      var (result, twin) = (Matrix(), Matrix())
      weights.multiply(input, into: &result, using: instructions)
      weights.multiply(input, into: &twin, using: .portable)
      #expect(result == twin)
      expectProduct(result, input, weights)
    }
  }

  @Test(
    "the largest numbers that blocks can hold do not overflow",
    arguments: Instructions.available, WeightFormat.inBlocks)
  func extremes(instructions: Instructions, format: WeightFormat) throws {
    let depth = format.wholeBlocks(64)
    // Every byte of the weights: 0x80 is -128 in Q8_0 and nibbles 0 and 8, 0xff is nibbles of 15 and
    // in Q4_K scales and minima of 63. All scales are 1.
    for byte in [UInt8(0x80), 0x7f, 0x00, 0xff, 0x88, 0x0f] {
      var block = [UInt8](repeating: byte, count: format.blockBytes)
      for place in format.scalePlaces { block.replaceSubrange(place..<place + 2, with: [0, 0x3c]) }
      let weights = try StoredTensor(
        shape: [16, depth], format: format,
        blocks: ReadOnlyMemory(
          copying: (0..<16 * depth / format.blockElements).flatMap { _ in block }))
      for sign in [Float(1), -1] {
        let input = QuantizedRows(
          Matrix(rows: 6, columns: depth, values: [Float](repeating: sign * 127, count: 6 * depth)))
        var result = Matrix()
        weights.multiply(input, into: &result, using: instructions)
        expectProduct(result, input, weights)
      }
    }
  }

  @Test(
    "a result is the same bits whatever rows and columns are computed with it",
    arguments: Instructions.available, WeightFormat.inBlocks)
  func company(instructions: Instructions, format: WeightFormat) throws {
    var random = SplitMix(state: 15)
    let (rows, depth, columns) = (37, format.wholeBlocks(352), 70)
    let weights = try random.blocks(columns, depth, format)
    let input = random.matrix(rows, depth)
    var together = Matrix()
    weights.multiply(input, into: &together, using: instructions)
    // As many rows as every tile takes, first and after others.
    let ranges = (1...16).map { 20 - $0..<20 }
    for range in ranges + [0..<1, 36..<37, 4..<8, 20..<36, 1..<37] {
      var alone = Matrix()
      weights.multiply(input.rows(range), into: &alone, using: instructions)
      #expect(alone == together.rows(range))
    }
  }

  @Test(
    "columns can be shared out by panels; nothing beside them is written",
    arguments: Instructions.available, WeightFormat.inBlocks)
  func sharing(instructions: Instructions, format: WeightFormat) throws {
    var random = SplitMix(state: 16)
    let (rows, depth, columns) = (11, format.wholeBlocks(96), 53)
    let weights = try random.blocks(columns, depth, format)
    let input = QuantizedRows(random.matrix(rows, depth))
    var together = Matrix()
    weights.multiply(input, into: &together, using: instructions)
    for (first, count) in [(0, 16), (16, 32), (48, 5), (32, 21), (16, 3)] {
      let margin = 64 + columns
      var result = [Float](repeating: .nan, count: rows * columns + 2 * margin)
      result.withUnsafeMutableBufferPointer { result in
        weights.multiply(
          input, columns: first..<first + count, into: result.baseAddress! + margin,
          stride: columns, using: instructions)
      }
      for (index, value) in result.enumerated() {
        let place = index - margin
        let column = place - place / columns * columns
        if place >= 0, place < rows * columns, (first..<first + count).contains(column) {
          #expect(value == together.values[place])
        } else {
          #expect(value.isNaN)
        }
      }
    }
  }

  private func expectProduct(_ result: Matrix, _ input: QuantizedRows, _ weights: StoredTensor) {
    let widened = weights.widened()
    let activations = Block.all(input).flatMap { block in
      block.values.map { Double($0) * Double(block.scale) }
    }
    for row in 0..<input.rows {
      for column in 0..<weights.rows {
        var (sum, magnitude) = (0.0, 0.0)
        for k in 0..<input.columns {
          let term =
            activations[row * input.columns + k] * Double(widened[column * input.columns + k])
          sum += term
          magnitude += abs(term)
        }
        let difference = abs(Double(result.values[row * result.columns + column]) - sum)
        #expect(difference <= 1e-6 * magnitude)
      }
    }
  }
}

extension WeightFormat {
  /// The formats that encode numbers in blocks, those that are only read among them.
  fileprivate static let inBlocks = allCases.filter(\.isQuantized)

  /// Where the f16 scales of a block stand.
  fileprivate var scalePlaces: [Int] {
    switch self {
    case .q4_K, .q5_K: [0, 2]
    case .q6_K: [208]
    default: [0]
    }
  }

  /// The least whole blocks that hold `count` numbers, in numbers.
  fileprivate func wholeBlocks(_ count: Int) -> Int {
    (count + blockElements - 1) / blockElements * blockElements
  }
}

extension SplitMix {
  /// Weights in blocks: of random numbers, or of random bytes where nothing is quantised to the
  /// format.
  fileprivate mutating func blocks(
    _ rows: Int, _ columns: Int, _ format: WeightFormat
  ) throws -> StoredTensor {
    guard !WeightFormat.quantized.contains(format) else {
      return try stored(rows, columns, .f32).quantized(to: format)
    }
    var bytes = (0..<rows * columns / format.blockElements * format.blockBytes).map { _ in
      UInt8(truncatingIfNeeded: next())
    }
    for start in stride(from: 0, to: bytes.count, by: format.blockBytes) {
      // Finite scales of any sign.
      for place in format.scalePlaces {
        bytes[start + place + 1] = bytes[start + place + 1] & 0x83 | 0x20
      }
    }
    return try StoredTensor(
      shape: [rows, columns], format: format, blocks: ReadOnlyMemory(copying: bytes))
  }
}

/// A block of a row, as `ck_row_block` lays it out.
private struct Block {
  let scale: Float
  /// What a minimum of Q4_K is multiplied with.
  let sum: Float
  /// For Q8_0 and Q4_0, and for the halves of Q6_K.
  let offsets: [Int32]
  let values: [Int32]

  static func all(_ rows: QuantizedRows) -> [Block] {
    rows.blocks.withUnsafeBytes { bytes in
      stride(from: 0, to: rows.rows * rows.columns / 32 * 56, by: 56).map { start in
        Block(
          scale: bytes.load(fromByteOffset: start, as: Float.self),
          sum: bytes.load(fromByteOffset: start + 4, as: Float.self),
          offsets: [8, 12, 16, 20].map { bytes.load(fromByteOffset: start + $0, as: Int32.self) },
          values: bytes[start + 24..<start + 56].map { Int32(Int8(bitPattern: $0)) })
      }
    }
  }
}
