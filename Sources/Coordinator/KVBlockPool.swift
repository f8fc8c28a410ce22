/// Which KV blocks are free, which are in use, and which hold what a later sequence can use again.
/// The same block numbers hold at every stage.

/// A pool of block numbers with reference counts. A full block may be known by its content; then it
/// stays when nobody uses it any more, until the room is needed: least recently used first.
///
/// Contents are compared whole, never by hash alone. They form a tree: a content names the one
/// before it by a number that is never given twice, so that a chain of equal contents means equal
/// tokens and image rows from position 0 on.
struct KVBlockPool: Sendable {
  /// A block with a known content.
  struct Known: Sendable, Equatable {
    let block: Int
    /// What contents that follow name as their parent.
    let node: UInt64
    /// The step that fills it: later steps may read it, since every stage computes them later.
    let filledBy: UInt64
  }

  private struct Block: Sendable {
    var references = 0
    var content: BlockContent?
    var node: UInt64 = 0
    var filledBy: UInt64 = 0
    /// `takes` when somebody last took it.
    var taken: UInt64 = 0
    /// Neighbours among the unused blocks with contents; -1 for none.
    var older = -1
    var newer = -1
  }

  /// The parent of contents that begin at position 0.
  static let root: UInt64 = 0

  let blockTokens: Int
  let blockCount: Int
  /// Blocks that were ever used; lowest first, so that memory is touched no further than needed.
  private var blocks: [Block] = []
  /// Used blocks without content, last in first out.
  private var empty: [Int] = []
  private var index: [BlockContent: Int] = [:]
  private var oldest = -1
  private var newest = -1
  private var lastNode = Self.root
  /// How often a block was taken.
  private var takes: UInt64 = 0
  /// Blocks that were taken before this taking are in no stage's log.
  private var loggedFrom: UInt64 = 0
  /// Blocks that nobody uses and that hold something.
  private(set) var cachedCount = 0

  init(blockCount: Int, blockTokens: Int) {
    precondition(blockCount > 0 && blockTokens > 0)
    self.blockCount = blockCount
    self.blockTokens = blockTokens
  }

  /// Blocks that hold nothing.
  var freeCount: Int { empty.count + blockCount - blocks.count }
  /// Blocks that can be taken.
  var availableCount: Int { freeCount + cachedCount }

  /// Blocks that `tokens` positions take.
  func blocks(for tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }

  /// A block for one user, or nil if all are in use. What it held is forgotten.
  mutating func take() -> Int? {
    guard let block = next() else { return nil }
    takes += 1
    blocks[block].references = 1
    blocks[block].taken = takes
    return block
  }

  private mutating func next() -> Int? {
    if let block = empty.popLast() { return block }
    if blocks.count < blockCount {
      blocks.append(Block())
      return blocks.count - 1
    }
    guard oldest >= 0 else { return nil }
    let block = oldest
    unlink(block)
    forget(block)
    return block
  }

  /// Tells what a block holds now from what it held before somebody else took it.
  func taken(_ block: Int) -> UInt64 { blocks[block].taken }

  /// Whether the stages' logs hold what they sent for a block's positions.
  func isLogged(_ block: Int) -> Bool { blocks[block].taken > loggedFrom }

  /// The logs hold nothing of the blocks that are in use.
  mutating func forgetLogs() { loggedFrom = takes }

  /// The block that holds a content, if there is one.
  func find(_ content: BlockContent) -> Known? {
    index[content].map { known($0) }
  }

  /// One user more of a block that `find` returned.
  mutating func retain(_ block: Int) {
    if blocks[block].references == 0 { unlink(block) }
    blocks[block].references += 1
  }

  /// One user less. A block with a content stays known.
  mutating func release(_ block: Int) {
    precondition(blocks[block].references > 0, "a block is released by nobody")
    blocks[block].references -= 1
    guard blocks[block].references == 0 else { return }
    if blocks[block].content == nil { empty.append(block) } else { link(block) }
  }

  /// One user less of a sequence's blocks. The last ones are forgotten first: they are of no use
  /// without those before.
  mutating func release(_ blocks: [Int]) {
    for block in blocks.reversed() { release(block) }
  }

  /// Makes the content of a block known. Returns the block that holds it: another one if that was
  /// known before.
  mutating func publish(_ block: Int, _ content: BlockContent, filledBy step: UInt64) -> Known {
    if let block = index[content] { return known(block) }
    precondition(blocks[block].references > 0 && blocks[block].content == nil)
    lastNode += 1
    index[content] = block
    blocks[block].content = content
    blocks[block].node = lastNode
    blocks[block].filledBy = step
    return known(block)
  }

  /// Forgets what all blocks hold but these.
  mutating func forget(except kept: Set<Int>) {
    for block in blocks.indices where blocks[block].content != nil && !kept.contains(block) {
      if blocks[block].references == 0 {
        unlink(block)
        empty.append(block)
      }
      forget(block)
    }
  }

  /// How many use a block.
  func references(_ block: Int) -> Int { block < blocks.count ? blocks[block].references : 0 }

  private func known(_ block: Int) -> Known {
    Known(block: block, node: blocks[block].node, filledBy: blocks[block].filledBy)
  }

  private mutating func forget(_ block: Int) {
    if let content = blocks[block].content { index[content] = nil }
    blocks[block].content = nil
  }

  private mutating func link(_ block: Int) {
    blocks[block].older = newest
    blocks[block].newer = -1
    if newest >= 0 { blocks[newest].newer = block } else { oldest = block }
    newest = block
    cachedCount += 1
  }

  private mutating func unlink(_ block: Int) {
    let (older, newer) = (blocks[block].older, blocks[block].newer)
    if older >= 0 { blocks[older].newer = newer } else { oldest = newer }
    if newer >= 0 { blocks[newer].older = older } else { newest = older }
    cachedCount -= 1
  }
}
