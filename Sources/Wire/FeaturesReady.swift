internal import CChatSpotWire

/// Stage 0 to coordinator: the features have arrived; steps may refer to them.
public struct FeaturesReady: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The coordinator's number for the image.
  public var image: UInt64
  /// How many token positions the image takes.
  public var rows: Int
  /// Time spent decoding and resampling the picture, in seconds.
  public var decodeSeconds: Double
  /// Time spent in the vision encoder, in seconds.
  public var encodeSeconds: Double
  /// When the vision node began with the picture, in seconds on the node's own monotonic clock.
  public var startSeconds: Double

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, image: UInt64, rows: Int, decodeSeconds: Double = 0, encodeSeconds: Double = 0,
    startSeconds: Double = 0
  ) {
    self.epoch = epoch
    self.image = image
    self.rows = rows
    self.decodeSeconds = decodeSeconds
    self.encodeSeconds = encodeSeconds
    self.startSeconds = startSeconds
  }
}

extension FeaturesReady: WireMessage {
  static var messageName: StaticString { "FeaturesReady" }
  static var initialise: Initialiser<Chatspot__V1__FeaturesReady> {
    chatspot__v1__features_ready__init
  }

  init(reading c: Chatspot__V1__FeaturesReady) throws(WireFault) {
    epoch = c.epoch
    image = c.image
    rows = Int(c.rows)
    decodeSeconds = c.decode_seconds
    encodeSeconds = c.encode_seconds
    startSeconds = c.start_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.identifier(image, "image")
    try check.count(rows, "rows", 1...limits.stepTokens)
    try check.seconds(decodeSeconds, "decode_seconds")
    try check.seconds(encodeSeconds, "encode_seconds")
    try check.seconds(startSeconds, "start_seconds")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__FeaturesReady>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.image = image
    c.pointee.rows = UInt32(clamping: rows)
    c.pointee.decode_seconds = decodeSeconds
    c.pointee.encode_seconds = encodeSeconds
    c.pointee.start_seconds = startSeconds
  }
}
