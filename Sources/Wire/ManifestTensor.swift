internal import CChatSpotWire

/// A tensor as it is stored.
public struct ManifestTensor: Sendable, Equatable {
  /// Its canonical name. At most 256 bytes.
  public var name: String
  /// The format in which it is held, such as "f16" or "q8_0". At most 128 bytes.
  public var format: String
  /// How its bytes encode the numbers where that is not `format`, by the name of GGML's type, such
  /// as "q4_K". At most 128 bytes.
  public var encoding: String
  /// With `encoding`: rows of a head whose halves' rows lie interleaved; 0 where rows lie as they
  /// are counted.
  public var interleavedHeadRows: Int
  /// The extent of each dimension, outermost first. At most eight.
  public var shape: [Int]
  /// Bytes of it, at most 1 TiB.
  public var byteCount: Int
  /// SHA-256 of its bytes; 32 bytes.
  public var digest: [UInt8]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    name: String, format: String, encoding: String = "", interleavedHeadRows: Int = 0,
    shape: [Int], byteCount: Int, digest: [UInt8]
  ) {
    self.name = name
    self.format = format
    self.encoding = encoding
    self.interleavedHeadRows = interleavedHeadRows
    self.shape = shape
    self.byteCount = byteCount
    self.digest = digest
  }
}

extension ManifestTensor: WireMessage {
  static var messageName: StaticString { "ManifestTensor" }
  static var initialise: Initialiser<Chatspot__V1__ManifestTensor> {
    chatspot__v1__manifest_tensor__init
  }

  init(reading c: Chatspot__V1__ManifestTensor) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
    format = try Self.read.text(c.format, "format")
    encoding = try Self.read.text(c.encoding, "encoding")
    interleavedHeadRows = Int(c.interleaved_head_rows)
    shape = Self.read.integers(c.n_shape, c.shape)
    byteCount = try Self.read.integer(c.byte_count, "byte_count")
    digest = Self.read.bytes(c.digest)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.tensorNameBytes)
    try check.that(!name.isEmpty, "name", "is empty")
    try check.text(format, "format", bytesMax: limits.nameBytes)
    try check.that(!format.isEmpty, "format", "is empty")
    try check.text(encoding, "encoding", bytesMax: limits.nameBytes)
    try check.count(interleavedHeadRows, "interleaved_head_rows")
    try check.that(
      interleavedHeadRows == 0 || !encoding.isEmpty, "interleaved_head_rows",
      "is given without an encoding")
    try check.count(shape.count, "shape", 0...limits.tensorDimensions)
    for extent in shape { try check.count(extent, "shape") }
    try check.count(byteCount, "byte_count", 0...limits.tensorBytes)
    try check.digest(digest, "digest")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ManifestTensor>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
    c.pointee.format = arena.text(format)
    c.pointee.encoding = arena.text(encoding)
    c.pointee.interleaved_head_rows = UInt32(clamping: interleavedHeadRows)
    (c.pointee.n_shape, c.pointee.shape) = arena.integers(shape)
    c.pointee.byte_count = UInt64(clamping: byteCount)
    // Copied: a manifest has more of them than loans may nest.
    c.pointee.digest = arena.copy(digest)
  }
}
