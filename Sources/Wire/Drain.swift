internal import CChatSpotWire

/// Asks that a member's work be moved to others, so that it can go without anybody noticing.
public struct Drain: Sendable, Equatable {
  /// The member's name; empty for the sender itself.
  public var name: String

  /// Takes the fields as they are; `encode` checks them.
  public init(name: String = "") {
    self.name = name
  }
}

extension Drain: WireMessage {
  static var messageName: StaticString { "Drain" }
  static var initialise: Initialiser<Chatspot__V1__Drain> { chatspot__v1__drain__init }

  init(reading c: Chatspot__V1__Drain) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.nameBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Drain>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
  }
}
