internal import CChatSpotWire

/// Client to coordinator: a conversation that ends with a question. The `ReferringQuery` message of
/// the protocol.
public struct ReferringQueryMessage: Sendable, Equatable {
  /// The client's number for the query; answers carry it.
  public var query: UInt64
  /// The image files' bytes: JPEG, PNG or WebP.
  public var images: [[UInt8]]
  /// Text that stands before the first turn; may be empty.
  public var system: String
  /// The turns, a user's first and last.
  public var turns: [WireTurn]
  /// How tokens are chosen.
  public var sampling: WireSampling
  /// The most tokens that the answer may take; 0 leaves it to the coordinator.
  public var newTokensMax: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    query: UInt64, images: [[UInt8]] = [], system: String = "", turns: [WireTurn],
    sampling: WireSampling = .greedy, newTokensMax: Int = 0
  ) {
    self.query = query
    self.images = images
    self.system = system
    self.turns = turns
    self.sampling = sampling
    self.newTokensMax = newTokensMax
  }
}

extension ReferringQueryMessage: WireMessage {
  static var messageName: StaticString { "ReferringQuery" }
  static var initialise: Initialiser<Chatspot__V1__ReferringQuery> {
    chatspot__v1__referring_query__init
  }

  init(reading c: Chatspot__V1__ReferringQuery) throws(WireFault) {
    query = c.query
    images = Self.read.blobs(c.n_images, c.images)
    system = try Self.read.text(c.system, "system")
    turns = try Self.read.messages(c.n_turns, c.turns)
    sampling = try Self.read.required(c.sampling, "sampling")
    newTokensMax = Int(c.new_tokens_max)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(images.count, "images", 0...limits.queryImages)
    for image in images { try check.count(image.count, "images", 1...limits.imageBytes) }
    try check.text(system, "system", bytesMax: limits.textBytes)
    try check.count(turns.count, "turns", 1...limits.queryTurns)
    for turn in turns {
      try turn.validate(limits)
      for image in turn.images + turn.regions.map(\.image) {
        try check.that(
          image < images.count, "turns", "refer to image \(image) of \(images.count)")
      }
    }
    try check.unique(turns.lazy.flatMap(\.images), "turns")
    try check.that(
      turns.first?.speaker == .user && turns.last?.speaker == .user, "turns",
      "do not begin and end with the user's")
    try sampling.validate(limits)
    try check.count(newTokensMax, "new_tokens_max")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ReferringQuery>, _ arena: PackArena) {
    c.pointee.query = query
    (c.pointee.n_images, c.pointee.images) = arena.blobs(images)
    c.pointee.system = arena.text(system)
    (c.pointee.n_turns, c.pointee.turns) = arena.messages(turns)
    c.pointee.sampling = arena.message(sampling)
    c.pointee.new_tokens_max = UInt32(clamping: newTokensMax)
  }
}
