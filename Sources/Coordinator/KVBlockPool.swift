/// Which KV blocks are free. The same block numbers hold at every stage.

/// A pool of block numbers, handed out lowest first so that memory is touched no further than
/// needed.
struct KVBlockPool: Sendable {
  let blockTokens: Int
  let blockCount: Int
  /// Blocks that were given back, last in first out.
  private var returned: [Int] = []
  /// Blocks from here on were never used.
  private var untouched = 0

  init(blockCount: Int, blockTokens: Int) {
    precondition(blockCount > 0 && blockTokens > 0)
    self.blockCount = blockCount
    self.blockTokens = blockTokens
  }

  var freeCount: Int { returned.count + blockCount - untouched }

  /// Blocks that `tokens` positions take.
  func blocks(for tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }

  /// Blocks for `tokens` positions, or nil if there are not enough.
  mutating func allocate(tokens: Int) -> [Int]? {
    let count = blocks(for: tokens)
    guard count <= freeCount else { return nil }
    return (0..<count).map { _ in
      if let block = returned.popLast() { return block }
      defer { untouched += 1 }
      return untouched
    }
  }

  mutating func release(_ blocks: [Int]) {
    returned.append(contentsOf: blocks.reversed())
    assert(freeCount <= blockCount)
  }
}
