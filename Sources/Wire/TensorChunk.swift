internal import CChatSpotWire

/// Some bytes of a tensor, or why there are none: the answer to a TensorRequest.
public struct TensorChunk: Sendable, Equatable {
  /// The tensor's canonical name. At most 256 bytes.
  public var name: String
  /// The first of the bytes, counted from the tensor's first.
  public var offset: Int
  /// The bytes, as many as were asked for; empty with `refusal`. At most 4 MiB.
  public var data: [UInt8]
  /// Why there are none, for people: the sender does not hold the tensor, or it has no such bytes.
  /// Empty with `data`.
  public var refusal: String

  /// Takes the fields as they are; `encode` checks them.
  public init(name: String, offset: Int, data: [UInt8] = [], refusal: String = "") {
    self.name = name
    self.offset = offset
    self.data = data
    self.refusal = refusal
  }
}

extension TensorChunk: WireMessage {
  static var messageName: StaticString { "TensorChunk" }
  static var initialise: Initialiser<Chatspot__V1__TensorChunk> { chatspot__v1__tensor_chunk__init }

  init(reading c: Chatspot__V1__TensorChunk) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
    offset = try Self.read.integer(c.offset, "offset")
    data = Self.read.bytes(c.data)
    refusal = try Self.read.text(c.refusal, "refusal")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.tensorNameBytes)
    try check.that(!name.isEmpty, "name", "is empty")
    try check.count(offset, "offset", 0...limits.tensorBytes)
    try check.count(data.count, "data", 0...limits.chunkBytes)
    try check.text(refusal, "refusal", bytesMax: limits.textBytes)
    try check.that(
      data.isEmpty != refusal.isEmpty, "refusal", data.isEmpty ? "is empty" : "comes with data")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__TensorChunk>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
    c.pointee.offset = UInt64(clamping: offset)
    arena.lend(data) { c.pointee.data = $0 }
    c.pointee.refusal = arena.text(refusal)
  }
}
