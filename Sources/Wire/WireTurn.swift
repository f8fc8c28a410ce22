internal import CChatSpotWire

/// One turn of the conversation.
public struct WireTurn: Sendable, Equatable {
  /// Who speaks in a turn.
  public enum Speaker: UInt32, Sendable, CaseIterable {
    /// The person.
    case user = 1
    /// The model.
    case assistant = 2
  }

  /// Who speaks.
  public var speaker: Speaker
  /// What is said. "<region>" marks where a region stands; without a mark the regions follow the
  /// text.
  public var text: String
  /// The regions that the text refers to, in order. None in an assistant's turn.
  public var regions: [WireRegion]
  /// Which of the query's images are first shown in this turn, counted from 0. Each image at most
  /// once in the whole query, and only in a user's turn.
  public var images: [Int]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    speaker: Speaker, text: String, regions: [WireRegion] = [], images: [Int] = []
  ) {
    self.speaker = speaker
    self.text = text
    self.regions = regions
    self.images = images
  }
}

extension WireTurn: WireMessage {
  static var messageName: StaticString { "Turn" }
  static var initialise: Initialiser<Chatspot__V1__Turn> { chatspot__v1__turn__init }

  init(reading c: Chatspot__V1__Turn) throws(WireFault) {
    speaker = try Self.read.choice(c.speaker.rawValue, "speaker")
    text = try Self.read.text(c.text, "text")
    regions = try Self.read.messages(c.n_regions, c.regions)
    images = Self.read.integers(c.n_images, c.images)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(text, "text", bytesMax: limits.textBytes)
    try check.count(regions.count, "regions", 0...limits.turnRegions)
    for region in regions { try region.validate(limits) }
    try check.count(images.count, "images", 0...limits.queryImages)
    for image in images { try check.count(image, "images", 0...limits.queryImages) }
    try check.that(
      speaker == .user || regions.isEmpty, "regions", "stand in a turn of the assistant")
    try check.that(speaker == .user || images.isEmpty, "images", "stand in a turn of the assistant")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Turn>, _ arena: PackArena) {
    c.pointee.speaker = Chatspot__V1__Speaker(rawValue: speaker.rawValue)
    c.pointee.text = arena.text(text)
    (c.pointee.n_regions, c.pointee.regions) = arena.messages(regions)
    (c.pointee.n_images, c.pointee.images) = arena.integers(images)
  }
}
