internal import CChatSpotWire

/// Coordinator to vision node: encode this image and send its features to stage 0.
public struct EncodeImage: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The coordinator's number for this image; not zero.
  public var image: UInt64
  /// SHA-256 of `file`; 32 bytes.
  public var fileDigest: [UInt8]
  /// The image file's bytes: JPEG, PNG or WebP.
  public var file: [UInt8]
  /// How the pixels are brought to the model's square.
  public var geometry: WireImageGeometry

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, image: UInt64, fileDigest: [UInt8], file: [UInt8], geometry: WireImageGeometry
  ) {
    self.epoch = epoch
    self.image = image
    self.fileDigest = fileDigest
    self.file = file
    self.geometry = geometry
  }
}

extension EncodeImage: WireMessage {
  static var messageName: StaticString { "EncodeImage" }
  static var initialise: Initialiser<Chatspot__V1__EncodeImage> { chatspot__v1__encode_image__init }

  init(reading c: Chatspot__V1__EncodeImage) throws(WireFault) {
    epoch = c.epoch
    image = c.image
    fileDigest = Self.read.bytes(c.file_digest)
    file = Self.read.bytes(c.file)
    geometry = try Self.read.required(c.geometry, "geometry")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.identifier(image, "image")
    try check.digest(fileDigest, "file_digest")
    try check.count(file.count, "file", 1...limits.imageBytes)
    try geometry.validate(limits)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__EncodeImage>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.image = image
    arena.lend(fileDigest) { c.pointee.file_digest = $0 }
    arena.lend(file) { c.pointee.file = $0 }
    c.pointee.geometry = arena.message(geometry)
  }
}
