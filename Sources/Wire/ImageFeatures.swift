internal import CChatSpotWire

/// Vision node to stage 0: the encoded image.
public struct ImageFeatures: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The coordinator's number for the image.
  public var image: UInt64
  /// The selected hidden states of the vision encoder, [patches, vision width], before the
  /// projector.
  public var features: WireTensor
  /// Time spent decoding and resampling the picture, in seconds.
  public var decodeSeconds: Double
  /// Time spent in the vision encoder, in seconds.
  public var encodeSeconds: Double
  /// When the vision node began with the picture, in seconds on its own monotonic clock.
  public var startSeconds: Double

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, image: UInt64, features: WireTensor, decodeSeconds: Double = 0,
    encodeSeconds: Double = 0, startSeconds: Double = 0
  ) {
    self.epoch = epoch
    self.image = image
    self.features = features
    self.decodeSeconds = decodeSeconds
    self.encodeSeconds = encodeSeconds
    self.startSeconds = startSeconds
  }
}

extension ImageFeatures: WireMessage {
  static var messageName: StaticString { "ImageFeatures" }
  static var initialise: Initialiser<Chatspot__V1__ImageFeatures> {
    chatspot__v1__image_features__init
  }

  init(reading c: Chatspot__V1__ImageFeatures) throws(WireFault) {
    epoch = c.epoch
    image = c.image
    features = try Self.read.required(c.features, "features")
    decodeSeconds = c.decode_seconds
    encodeSeconds = c.encode_seconds
    startSeconds = c.start_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.identifier(image, "image")
    try features.validate(limits)
    try check.that(
      features.shape.count == 2, "features", "has the shape \(features.shape), not [patches, width]"
    )
    try check.seconds(decodeSeconds, "decode_seconds")
    try check.seconds(encodeSeconds, "encode_seconds")
    try check.seconds(startSeconds, "start_seconds")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ImageFeatures>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.image = image
    c.pointee.features = arena.message(features)
    c.pointee.decode_seconds = decodeSeconds
    c.pointee.encode_seconds = encodeSeconds
    c.pointee.start_seconds = startSeconds
  }
}
