internal import CChatSpotWire

/// The answer to a `Drain`: nothing depends on the member any more, or its work cannot be moved.
public struct Drained: Sendable, Equatable {
  /// The member's name.
  public var name: String
  /// Why its work cannot be moved, for people; empty if it has been.
  public var problem: String

  /// Takes the fields as they are; `encode` checks them.
  public init(name: String, problem: String = "") {
    self.name = name
    self.problem = problem
  }
}

extension Drained: WireMessage {
  static var messageName: StaticString { "Drained" }
  static var initialise: Initialiser<Chatspot__V1__Drained> { chatspot__v1__drained__init }

  init(reading c: Chatspot__V1__Drained) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
    problem = try Self.read.text(c.problem, "problem")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.nameBytes)
    try check.text(problem, "problem", bytesMax: limits.textBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Drained>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
    c.pointee.problem = arena.text(problem)
  }
}
