internal import CChatSpotWire

/// Coordinator to stage 0: no later step refers to these images; their room is free again.
public struct ReleaseFeatures: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The coordinator's numbers for the images.
  public var images: [UInt64]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, images: [UInt64]
  ) {
    self.epoch = epoch
    self.images = images
  }
}

extension ReleaseFeatures: WireMessage {
  static var messageName: StaticString { "ReleaseFeatures" }
  static var initialise: Initialiser<Chatspot__V1__ReleaseFeatures> {
    chatspot__v1__release_features__init
  }

  init(reading c: Chatspot__V1__ReleaseFeatures) throws(WireFault) {
    epoch = c.epoch
    images = Self.read.array(c.n_images, c.images)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.count(images.count, "images", 1...limits.releasedImages)
    for image in images { try check.identifier(image, "images") }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ReleaseFeatures>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    (c.pointee.n_images, c.pointee.images) = arena.array(images)
  }
}
