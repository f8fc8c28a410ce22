internal import CChatSpotWire

/// A region that the answer names.
public struct AnswerRegion: Sendable, Equatable {
  /// The place, in pixels of the original image.
  public var region: WireRegion
  /// The answer's own text for it.
  public var text: String

  /// Takes the fields as they are; `encode` checks them.
  public init(
    region: WireRegion, text: String
  ) {
    self.region = region
    self.text = text
  }
}

extension AnswerRegion: WireMessage {
  static var messageName: StaticString { "AnswerRegion" }
  static var initialise: Initialiser<Chatspot__V1__AnswerRegion> {
    chatspot__v1__answer_region__init
  }

  init(reading c: Chatspot__V1__AnswerRegion) throws(WireFault) {
    region = try Self.read.required(c.region, "region")
    text = try Self.read.text(c.text, "text")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try region.validate(limits)
    try check.that(region.frame == .pixels, "region", "is not in pixels")
    try check.text(text, "text", bytesMax: limits.textBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__AnswerRegion>, _ arena: PackArena) {
    c.pointee.region = arena.message(region)
    c.pointee.text = arena.text(text)
  }
}
