internal import CChatSpotWire

/// The sender leaves.
public struct Goodbye: Sendable, Equatable {
  /// Why, for people.
  public var reason: String
  /// Something made going on impossible: the sender counts as lost. Otherwise it leaves in good order.
  public var failed: Bool

  /// Takes the fields as they are; `encode` checks them.
  public init(reason: String, failed: Bool = false) {
    self.reason = reason
    self.failed = failed
  }
}

extension Goodbye: WireMessage {
  static var messageName: StaticString { "Goodbye" }
  static var initialise: Initialiser<Chatspot__V1__Goodbye> { chatspot__v1__goodbye__init }

  init(reading c: Chatspot__V1__Goodbye) throws(WireFault) {
    reason = try Self.read.text(c.reason, "reason")
    failed = c.failed != 0
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(reason, "reason", bytesMax: limits.textBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Goodbye>, _ arena: PackArena) {
    c.pointee.reason = arena.text(reason)
    c.pointee.failed = failed ? 1 : 0
  }
}
