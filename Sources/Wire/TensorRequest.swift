internal import CChatSpotWire

/// Asks a holder for some bytes of a tensor as it is stored.
public struct TensorRequest: Sendable, Equatable {
  /// The checkpoint; 32 bytes.
  public var modelDigest: [UInt8]
  /// The tensor's canonical name. At most 256 bytes.
  public var name: String
  /// The first byte that is wanted, counted from the tensor's first.
  public var offset: Int
  /// How many bytes are wanted: 1 to 4 MiB.
  public var length: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(modelDigest: [UInt8], name: String, offset: Int, length: Int) {
    self.modelDigest = modelDigest
    self.name = name
    self.offset = offset
    self.length = length
  }
}

extension TensorRequest: WireMessage {
  static var messageName: StaticString { "TensorRequest" }
  static var initialise: Initialiser<Chatspot__V1__TensorRequest> {
    chatspot__v1__tensor_request__init
  }

  init(reading c: Chatspot__V1__TensorRequest) throws(WireFault) {
    modelDigest = Self.read.bytes(c.model_digest)
    name = try Self.read.text(c.name, "name")
    offset = try Self.read.integer(c.offset, "offset")
    length = Int(c.length)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.digest(modelDigest, "model_digest")
    try check.text(name, "name", bytesMax: limits.tensorNameBytes)
    try check.that(!name.isEmpty, "name", "is empty")
    try check.count(offset, "offset", 0...limits.tensorBytes)
    try check.count(length, "length", 1...limits.chunkBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__TensorRequest>, _ arena: PackArena) {
    arena.lend(modelDigest) { c.pointee.model_digest = $0 }
    c.pointee.name = arena.text(name)
    c.pointee.offset = UInt64(clamping: offset)
    c.pointee.length = UInt32(clamping: length)
  }
}
