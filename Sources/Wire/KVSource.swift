internal import CChatSpotWire

/// Somebody who holds the KV blocks of some layers.
public struct KVSource: Sendable, Equatable {
  /// The first decoder layer.
  public var firstLayer: Int
  /// How many decoder layers; not zero.
  public var layerCount: Int
  /// The holder's tensor endpoint. At most 256 bytes.
  public var endpoint: String
  /// The public CURVE key of who listens there, 32 bytes; empty in a cluster without keys.
  public var key: [UInt8]

  /// Takes the fields as they are; `encode` checks them.
  public init(layers: Range<Int>, endpoint: String, key: [UInt8] = []) {
    firstLayer = layers.lowerBound
    layerCount = layers.count
    self.endpoint = endpoint
    self.key = key
  }

  /// The decoder layers.
  public var layers: Range<Int> { firstLayer..<firstLayer + layerCount }
}

extension KVSource: WireMessage {
  static var messageName: StaticString { "KVSource" }
  static var initialise: Initialiser<Chatspot__V1__KVSource> { chatspot__v1__kvsource__init }

  init(reading c: Chatspot__V1__KVSource) throws(WireFault) {
    firstLayer = Int(c.first_layer)
    layerCount = Int(c.layer_count)
    endpoint = try Self.read.text(c.endpoint, "endpoint")
    key = Self.read.bytes(c.key)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(layerCount, "layer_count", 1...limits.layers)
    try check.count(firstLayer, "first_layer", 0...limits.layers - layerCount)
    try check.endpoint(endpoint, "endpoint")
    try check.that(!endpoint.isEmpty, "endpoint", "is empty")
    if !key.isEmpty { try check.digest(key, "key") }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__KVSource>, _ arena: PackArena) {
    c.pointee.first_layer = UInt32(clamping: firstLayer)
    c.pointee.layer_count = UInt32(clamping: layerCount)
    c.pointee.endpoint = arena.text(endpoint)
    c.pointee.key = arena.copy(key)
  }
}
