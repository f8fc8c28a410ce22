internal import CChatSpotWire

/// Asks the coordinator what a part of the model consists of.
public struct ManifestRequest: Sendable, Equatable {
  /// The checkpoint; 32 bytes.
  public var modelDigest: [UInt8]
  /// The beginning of its tensors' canonical names, such as "language_model.layers.3."; empty asks
  /// for the configuration files. At most 256 bytes.
  public var part: String

  /// Takes the fields as they are; `encode` checks them.
  public init(modelDigest: [UInt8], part: String = "") {
    self.modelDigest = modelDigest
    self.part = part
  }
}

extension ManifestRequest: WireMessage {
  static var messageName: StaticString { "ManifestRequest" }
  static var initialise: Initialiser<Chatspot__V1__ManifestRequest> {
    chatspot__v1__manifest_request__init
  }

  init(reading c: Chatspot__V1__ManifestRequest) throws(WireFault) {
    modelDigest = Self.read.bytes(c.model_digest)
    part = try Self.read.text(c.part, "part")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.digest(modelDigest, "model_digest")
    try check.text(part, "part", bytesMax: limits.tensorNameBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ManifestRequest>, _ arena: PackArena) {
    arena.lend(modelDigest) { c.pointee.model_digest = $0 }
    c.pointee.part = arena.text(part)
  }
}
