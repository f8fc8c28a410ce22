internal import CChatSpotWire

/// Client to coordinator: the answer is no longer wanted.
public struct CancelQuery: Sendable, Equatable {
  /// The client's number for the query.
  public var query: UInt64

  /// Takes the fields as they are; `encode` checks them.
  public init(
    query: UInt64
  ) {
    self.query = query
  }
}

extension CancelQuery: WireMessage {
  static var messageName: StaticString { "CancelQuery" }
  static var initialise: Initialiser<Chatspot__V1__CancelQuery> { chatspot__v1__cancel_query__init }

  init(reading c: Chatspot__V1__CancelQuery) throws(WireFault) {
    query = c.query
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    // Any number names a query.
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__CancelQuery>, _ arena: PackArena) {
    c.pointee.query = query
  }
}
