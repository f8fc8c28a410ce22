import Testing

@testable import Compute

@Suite("KV blocks between caches")
struct KVBlockTests {
  private static func cache(_ layers: [KVLayer?], format: WeightFormat = .f16) throws -> KVMemory {
    try KVMemory(
      layers: layers, blocks: 9, blockTokens: 4, kvHeads: 2, headWidth: 6, format: format)
  }

  /// Three runs' keys and values in both layers.
  private static func fill(_ cache: KVMemory, _ random: inout SplitMix) -> [TokenRun] {
    let runs = [(0, 11, [7, 1, 4]), (11, 4, [0]), (15, 2, [8])].map { row, count, blocks in
      TokenRun(firstRow: row, count: count, firstPosition: 0, blocks: blocks.map { UInt32($0) })
    }
    for layer in 0..<cache.layers {
      cache.append(
        layer: layer, runs: runs, keys: random.halves(17, 12), values: random.halves(17, 12))
    }
    return runs
  }

  private static func attend(_ cache: KVMemory, _ layer: Int, _ runs: [TokenRun], _ queries: Matrix)
    -> [Float]
  {
    var (scores, result) = (Matrix(), Matrix.poisoned(queries.rows, queries.columns))
    cache.attend(
      layer: layer, runs: runs, queries: queries, queryHeads: 4, scores: &scores, into: &result)
    return result.values
  }

  @Test("what blocks hold is the same in another cache", arguments: [WeightFormat.f16, .f32])
  func copy(format: WeightFormat) throws {
    var random = SplitMix(state: 3)
    let one = try Self.cache([nil, nil], format: format)
    let other = try Self.cache([nil, nil], format: format)
    let runs = Self.fill(one, &random)
    for layer in 0..<2 {
      for blocks in [[4, 0], [7], [1, 8]] {
        let contents = one.contents(ofLayer: layer, blocks: blocks)
        #expect(contents.count == blocks.count * one.blockBytes)
        other.fill(layer: layer, blocks: blocks, with: contents)
      }
    }
    let queries = random.matrix(17, 24)
    for layer in 0..<2 {
      #expect(Self.attend(one, layer, runs, queries) == Self.attend(other, layer, runs, queries))
    }
    // Nothing else was written to.
    let rest = other.contents(ofLayer: 0, blocks: [2, 3, 5, 6])
    #expect(rest.allSatisfy { $0 == 0 })
  }

  @Test("a layer that caches share is one, and lives as long as one of them")
  func sharing() throws {
    var random = SplitMix(state: 4)
    var first: KVMemory? = try Self.cache([nil, nil])
    let second = try Self.cache([nil, first?.layer(0)])
    let runs = try Self.fill(#require(first), &random)
    let held = first?.contents(ofLayer: 0, blocks: [7, 1, 4])
    #expect(second.contents(ofLayer: 1, blocks: [7, 1, 4]) == held)
    let queries = random.matrix(17, 24)
    let attended = first.map { Self.attend($0, 0, runs, queries) }
    first = nil
    #expect(Self.attend(second, 1, runs, queries) == attended)
  }
}
