/// Work that is large enough to be shared out: the same bits on any number of threads, and right.

import Foundation
import Testing

@testable import Compute

@Suite("shared work")
struct SharingTests {
  private let teams: [ThreadTeam]

  init() throws { teams = try [2, 3, 7].map { try ThreadTeam(threads: $0) } }

  @Test("products of every format", arguments: WeightFormat.targets)
  func products(format: WeightFormat) throws {
    var random = SplitMix(state: 21)
    for (rows, depth, columns) in [(1, 608, 1200), (5, 512, 301), (70, 640, 515)] {
      let input = random.matrix(rows, depth)
      let plain = random.stored(columns, depth, format.isQuantized ? .f32 : format)
      let weights = try plain.converted(to: format)
      for team in teams where format.isQuantized {
        #expect(try plain.converted(to: format, on: team).blocks() == weights.blocks())
      }
      var (alone, shared) = (Matrix(), Matrix())
      weights.multiply(input, into: &alone)
      for team in teams {
        weights.multiply(input, into: &shared, on: team)
        #expect(shared == alone)
      }
      var onBLAS = Matrix()
      weights.multiplyWithBLAS(input, into: &onBLAS)
      let difference = zip(alone.values, onBLAS.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
      // OpenBLAS multiplies the rows as they are, our kernel those of quantised weights in 8 bits.
      #expect(difference < (format.isQuantized ? 0.5 : 1e-3))
      for team in teams {
        weights.multiplyWithBLAS(input, into: &shared, on: team)
        #expect(shared == onBLAS)
      }
    }
  }

  @Test(
    "two products in one job are the bits of each alone, whatever their formats and sizes",
    arguments: [
      (WeightFormat.q8_0, 520, WeightFormat.q4_0, 301), (.q4_0, 5, .f16, 700),
      (.f16, 333, .bf16, 1),
    ])
  func joined(
    format: WeightFormat, columns: Int, second: WeightFormat, secondColumns: Int
  ) throws {
    var random = SplitMix(state: 25)
    let weights = try random.stored(columns, 512, .f32).converted(to: format)
    let others = try random.stored(secondColumns, 512, .f32).converted(to: second)
    for rows in [1, 9] {
      let input = random.matrix(rows, 512)
      let rounded = QuantizedRows(input)
      var (alone, othersAlone) = (Matrix(), Matrix())
      weights.multiply(input, into: &alone)
      others.multiply(input, into: &othersAlone)
      for team in [.single] + teams {
        var joined = Matrix(rows: rows, columns: columns, values: alone.values.map { _ in .nan })
        var othersJoined = Matrix()
        weights.multiply(
          input, rounded: rounded, into: &joined, and: others, into: &othersJoined, on: team)
        #expect(joined == alone && othersJoined == othersAlone)
      }
    }
  }

  @Test("full attention of more queries than a tile holds equals the plain softmax")
  func fullAttention() {
    var random = SplitMix(state: 22)
    let (rows, heads, width) = (301, 3, 8)
    let (queries, keys, values) = (
      random.matrix(rows, heads * width), random.matrix(rows, heads * width),
      random.matrix(rows, heads * width)
    )
    var (scores, alone, shared) = (Matrix(), Matrix(), Matrix())
    queries.attendingFully(
      keys: keys, values: values, heads: heads, scores: &scores, into: &alone)
    for (row, head) in [(0, 0), (150, 1), (151, 2), (300, 2)] {
      let expected = plain(
        queries, keys, values, row: row, columns: head * width..<(head + 1) * width)
      for (actual, expected) in zip(alone[row: row].dropFirst(head * width), expected) {
        #expect(abs(Double(actual) - expected) < 1e-5)
      }
    }
    for team in teams {
      queries.attendingFully(
        keys: keys, values: values, heads: heads, scores: &scores, into: &shared, on: team)
      #expect(shared == alone)
    }
  }

  private func plain(
    _ queries: Matrix, _ keys: Matrix, _ values: Matrix, row: Int, columns: Range<Int>
  ) -> [Double] {
    func head(_ matrix: Matrix, _ row: Int) -> [Double] {
      matrix[row: row].dropFirst(columns.lowerBound).prefix(columns.count).map(Double.init)
    }
    let query = head(queries, row)
    let weights = (0..<keys.rows).map { other in
      exp(
        zip(query, head(keys, other)).reduce(0) { $0 + $1.0 * $1.1 }
          / Double(columns.count).squareRoot())
    }
    let total = weights.reduce(0, +)
    return (0..<columns.count).map { column in
      (0..<keys.rows).reduce(0.0) { $0 + weights[$1] * head(values, $1)[column] } / total
    }
  }

  @Test("norms, activations, sums and rotations of many rows and of one")
  func elementwise() {
    var random = SplitMix(state: 23)
    for rows in [1, 77] {
      let (x, y) = (random.matrix(rows, 5000), random.matrix(rows, 5000))
      let weight = Array(random.matrix(1, 5000).values)
      let alone = results(x, y, weight, .single)
      for team in teams { #expect(results(x, y, weight, team) == alone) }
    }
  }

  private func results(
    _ x: Matrix, _ y: Matrix, _ weight: [Float], _ team: ThreadTeam
  ) -> [Matrix] {
    var results = (0..<7).map { _ in x }
    x.rmsNormalized(weight, epsilon: 1e-5, into: &results[0], on: team)
    x.layerNormalized(weight, weight, epsilon: 1e-5, into: &results[1], on: team)
    results[2].add(y, on: team)
    results[3].addToRows(weight, on: team)
    results[4].siluMultiply(y, on: team)
    results[5].quickGELU(on: team)
    results[6].gelu(on: team)
    var rotated = x
    var table = RotaryTable()
    table.cover(1000, of: RotaryEmbedding(frequencies: (0..<50).map { 1 / Float($0 + 1) }))
    table.rotate(&rotated, at: (0..<x.rows).map { 999 - $0 * 3 }, heads: 50, on: team)
    return results + [rotated]
  }
}
