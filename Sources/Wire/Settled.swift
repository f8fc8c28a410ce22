internal import CChatSpotWire

/// What a member kept of the plan before, for others, may go, and what it got ready for a plan that will
/// not be.
public struct Settled: Sendable, Equatable {
  /// The epoch of the plan that stands.
  public var epoch: UInt64

  /// Takes the field as it is; `encode` checks it.
  public init(epoch: UInt64) { self.epoch = epoch }
}

extension Settled: WireMessage {
  static var messageName: StaticString { "Settled" }
  static var initialise: Initialiser<Chatspot__V1__Settled> { chatspot__v1__settled__init }

  init(reading c: Chatspot__V1__Settled) throws(WireFault) { epoch = c.epoch }

  func validate(_ limits: WireLimits) throws(WireFault) {
    try FieldCheck(Self.messageName, limits).identifier(epoch, "epoch")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Settled>, _ arena: PackArena) {
    c.pointee.epoch = epoch
  }
}
