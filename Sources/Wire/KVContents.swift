internal import CChatSpotWire

/// What some KV blocks of a layer hold, or why that cannot be said: the answer to a KVRequest.
public struct KVContents: Sendable, Equatable {
  /// The epoch that was asked for.
  public var epoch: UInt64
  /// The decoder layer.
  public var layer: Int
  /// The KV blocks: 1 to 4096.
  public var blocks: [Int]
  /// One block after the other: its keys, then its values, each `[kvHeads, positions, headWidth]` in f16.
  /// Empty with `refusal`. At most 4 MiB.
  public var data: [UInt8]
  /// Why there is nothing, for people; empty with `data`.
  public var refusal: String

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, layer: Int, blocks: [Int], data: [UInt8] = [], refusal: String = ""
  ) {
    self.epoch = epoch
    self.layer = layer
    self.blocks = blocks
    self.data = data
    self.refusal = refusal
  }
}

extension KVContents: WireMessage {
  static var messageName: StaticString { "KVContents" }
  static var initialise: Initialiser<Chatspot__V1__KVContents> { chatspot__v1__kvcontents__init }

  init(reading c: Chatspot__V1__KVContents) throws(WireFault) {
    epoch = c.epoch
    layer = Int(c.layer)
    blocks = Self.read.integers(c.n_blocks, c.blocks)
    data = Self.read.bytes(c.data)
    refusal = try Self.read.text(c.refusal, "refusal")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.count(layer, "layer", 0...limits.layers - 1)
    try check.count(blocks.count, "blocks", 1...limits.chunkBlocks)
    for block in blocks { try check.count(block, "blocks") }
    try check.count(data.count, "data", 0...limits.chunkBytes)
    try check.text(refusal, "refusal", bytesMax: limits.textBytes)
    try check.that(
      data.isEmpty != refusal.isEmpty, "refusal", data.isEmpty ? "is empty" : "comes with data")
    try check.that(
      data.count % blocks.count == 0, "data",
      "is \(data.count) bytes for \(blocks.count) blocks")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__KVContents>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.layer = UInt32(clamping: layer)
    (c.pointee.n_blocks, c.pointee.blocks) = arena.integers(blocks)
    arena.lend(data) { c.pointee.data = $0 }
    c.pointee.refusal = arena.text(refusal)
  }
}
