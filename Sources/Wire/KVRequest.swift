internal import CChatSpotWire

/// Asks a worker for what KV blocks hold.
public struct KVRequest: Sendable, Equatable {
  /// The epoch of the plan under which the worker has, or had, the layer.
  public var epoch: UInt64
  /// The decoder layer.
  public var layer: Int
  /// The KV blocks: 1 to 4096.
  public var blocks: [Int]

  /// Takes the fields as they are; `encode` checks them.
  public init(epoch: UInt64, layer: Int, blocks: [Int]) {
    self.epoch = epoch
    self.layer = layer
    self.blocks = blocks
  }
}

extension KVRequest: WireMessage {
  static var messageName: StaticString { "KVRequest" }
  static var initialise: Initialiser<Chatspot__V1__KVRequest> { chatspot__v1__kvrequest__init }

  init(reading c: Chatspot__V1__KVRequest) throws(WireFault) {
    epoch = c.epoch
    layer = Int(c.layer)
    blocks = Self.read.integers(c.n_blocks, c.blocks)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.count(layer, "layer", 0...limits.layers - 1)
    try check.count(blocks.count, "blocks", 1...limits.chunkBlocks)
    for block in blocks { try check.count(block, "blocks") }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__KVRequest>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.layer = UInt32(clamping: layer)
    (c.pointee.n_blocks, c.pointee.blocks) = arena.integers(blocks)
  }
}
