internal import CChatSpotWire

/// The member has carried out its Assignment.
public struct Ready: Sendable, Equatable {
  /// The epoch of the Assignment.
  public var epoch: UInt64
  /// Bytes of weights that the member holds or maps.
  public var weightBytes: Int
  /// Bytes of KV cache that the member has reserved.
  public var kvBytes: Int
  /// How long the Assignment took to carry out, in seconds.
  public var loadSeconds: Double

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, weightBytes: Int = 0, kvBytes: Int = 0, loadSeconds: Double = 0
  ) {
    self.epoch = epoch
    self.weightBytes = weightBytes
    self.kvBytes = kvBytes
    self.loadSeconds = loadSeconds
  }
}

extension Ready: WireMessage {
  static var messageName: StaticString { "Ready" }
  static var initialise: Initialiser<Chatspot__V1__Ready> { chatspot__v1__ready__init }

  init(reading c: Chatspot__V1__Ready) throws(WireFault) {
    epoch = c.epoch
    weightBytes = try Self.read.integer(c.weight_bytes, "weight_bytes")
    kvBytes = try Self.read.integer(c.kv_bytes, "kv_bytes")
    loadSeconds = c.load_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.count(weightBytes, "weight_bytes", 0...Int.max)
    try check.count(kvBytes, "kv_bytes", 0...Int.max)
    try check.seconds(loadSeconds, "load_seconds")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Ready>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.weight_bytes = UInt64(clamping: weightBytes)
    c.pointee.kv_bytes = UInt64(clamping: kvBytes)
    c.pointee.load_seconds = loadSeconds
  }
}
