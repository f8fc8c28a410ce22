internal import CChatSpotWire

/// How often a token stands in an answer. The `TokenCount` message of the protocol.
public struct WireTokenCount: Sendable, Equatable {
  /// The token.
  public var tokenID: Int32
  /// How often; not zero.
  public var count: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(tokenID: Int32, count: Int) {
    self.tokenID = tokenID
    self.count = count
  }
}

extension WireTokenCount: WireMessage {
  static var messageName: StaticString { "TokenCount" }
  static var initialise: Initialiser<Chatspot__V1__TokenCount> { chatspot__v1__token_count__init }

  init(reading c: Chatspot__V1__TokenCount) throws(WireFault) {
    tokenID = try Self.read.token(c.token_id, "token_id")
    count = Int(c.count)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.that(tokenID >= 0, "token_id", "is \(tokenID)")
    try check.count(count, "count", 1...Int(UInt32.max))
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__TokenCount>, _ arena: PackArena) {
    c.pointee.token_id = UInt32(clamping: tokenID)
    c.pointee.count = UInt32(clamping: count)
  }
}
