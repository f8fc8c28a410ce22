/// A decoder whose KV cache holds, in place of keys and values, what they are a function of.

import Testing

@testable import Coordinator

/// Every position of the cache holds a number that depends on everything up to it. A step that reads
/// a block that was not written, was overwritten, or belongs to other tokens, is found out.
struct FakeDecoder {
  let blockTokens: Int
  private var cache: [Int: [UInt64?]] = [:]

  init(blockTokens: Int) { self.blockTokens = blockTokens }

  /// A decoder with an empty cache but for blocks of another's.
  init(copying blocks: Set<Int>, of other: FakeDecoder) {
    blockTokens = other.blockTokens
    copy(blocks, of: other)
  }

  mutating func copy(_ blocks: Set<Int>, of other: FakeDecoder) {
    for block in blocks { cache[block] = other.cache[block] }
  }

  /// One span: contents of its positions, and those of all positions before it.
  struct Span {
    let before: [UInt64]
    let contents: [UInt64]
    let blocks: [Int]
  }

  /// Computes a step. Returns for each span what is sampled after it. All spans read before any of
  /// them writes: nothing of a step may rely on the same step.
  mutating func compute(_ spans: [Span]) -> [Int32] {
    var written: Set<Int> = []
    for span in spans {
      var value = Self.start
      for (position, content) in span.before.enumerated() {
        value = Self.next(value, content)
        let held = cache[span.blocks[position / blockTokens]]?[position % blockTokens]
        #expect(held == value, "position \(position) is not in block \(span.blocks)")
        guard held == value else { break }
      }
    }
    return spans.map { span in
      var value = span.before.reduce(Self.start, Self.next)
      for (index, content) in span.contents.enumerated() {
        let position = span.before.count + index
        let block = span.blocks[position / blockTokens]
        value = Self.next(value, content)
        cache[block, default: Array(repeating: nil, count: blockTokens)][position % blockTokens] =
          value
        let isFirst = written.insert(block * blockTokens + position % blockTokens).inserted
        #expect(isFirst, "two spans write to block \(block)")
      }
      return Self.token(value)
    }
  }

  /// The answer to a prompt that is asked alone.
  static func answer(to contents: [UInt64], count: Int) -> [Int32] {
    var value = contents.reduce(start, next)
    var answer: [Int32] = []
    for _ in 0..<count {
      answer.append(token(value))
      value = next(value, UInt64(token(value)))
    }
    return answer
  }

  private static let start: UInt64 = 0x9e37_79b9_7f4a_7c15

  private static func next(_ value: UInt64, _ content: UInt64) -> UInt64 {
    let mixed = (value ^ content &* 0xbf58_476d_1ce4_e5b9) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 29)
  }

  /// Few different ones, so that answers begin alike, and none that ends a sequence.
  private static func token(_ value: UInt64) -> Int32 { 10 + Int32(value >> 40 & 3) }
}
