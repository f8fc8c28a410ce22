internal import CChatSpotWire

/// What a part of the model consists of: the answer to a ManifestRequest.
public struct Manifest: Sendable, Equatable {
  /// The checkpoint; 32 bytes.
  public var modelDigest: [UInt8]
  /// The part that was asked for.
  public var part: String
  /// The configuration files, where `part` is empty. At most 16.
  public var files: [ManifestFile]
  /// The tensors of the part; none where `part` is empty. At most 4096, each name once.
  public var tensors: [ManifestTensor]
  /// Why there is no such manifest, for people; empty where there is.
  public var refusal: String

  /// Takes the fields as they are; `encode` checks them.
  public init(
    modelDigest: [UInt8], part: String = "", files: [ManifestFile] = [],
    tensors: [ManifestTensor] = [], refusal: String = ""
  ) {
    self.modelDigest = modelDigest
    self.part = part
    self.files = files
    self.tensors = tensors
    self.refusal = refusal
  }
}

extension Manifest: WireMessage {
  static var messageName: StaticString { "Manifest" }
  static var initialise: Initialiser<Chatspot__V1__Manifest> { chatspot__v1__manifest__init }

  init(reading c: Chatspot__V1__Manifest) throws(WireFault) {
    modelDigest = Self.read.bytes(c.model_digest)
    part = try Self.read.text(c.part, "part")
    files = try Self.read.messages(c.n_files, c.files)
    tensors = try Self.read.messages(c.n_tensors, c.tensors)
    refusal = try Self.read.text(c.refusal, "refusal")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.digest(modelDigest, "model_digest")
    try check.text(part, "part", bytesMax: limits.tensorNameBytes)
    try check.count(files.count, "files", 0...limits.manifestFiles)
    try check.count(tensors.count, "tensors", 0...limits.manifestTensors)
    try check.text(refusal, "refusal", bytesMax: limits.textBytes)
    try check.that(files.isEmpty || part.isEmpty, "files", "are given for the part \(part)")
    try check.that(tensors.isEmpty || !part.isEmpty, "tensors", "are given without a part")
    for file in files { try file.validate(limits) }
    for tensor in tensors { try tensor.validate(limits) }
    try check.unique(files.map(\.name), "files")
    try check.unique(tensors.map(\.name), "tensors")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Manifest>, _ arena: PackArena) {
    arena.lend(modelDigest) { c.pointee.model_digest = $0 }
    c.pointee.part = arena.text(part)
    (c.pointee.n_files, c.pointee.files) = arena.messages(files)
    (c.pointee.n_tensors, c.pointee.tensors) = arena.messages(tensors)
    c.pointee.refusal = arena.text(refusal)
  }
}
