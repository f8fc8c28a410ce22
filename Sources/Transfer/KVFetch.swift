/// What a stage wants of the KV blocks that others have filled.

public struct KVFetch: Sendable {
  /// The plan that it is for. A fetch for a later one takes its place.
  public var plan: UInt64
  /// The epoch of the plan under which the blocks were filled.
  public var epoch: UInt64
  /// Who holds which layers.
  public var sources: [(layers: Range<Int>, holder: TensorHolder)]
  /// The blocks, of every layer.
  public var blocks: [Int]
  /// Bytes of one layer's part of a block.
  public var blockBytes: Int

  public init(
    plan: UInt64, epoch: UInt64, sources: [(layers: Range<Int>, holder: TensorHolder)],
    blocks: [Int], blockBytes: Int
  ) {
    self.plan = plan
    self.epoch = epoch
    self.sources = sources
    self.blocks = blocks
    self.blockBytes = blockBytes
  }
}
