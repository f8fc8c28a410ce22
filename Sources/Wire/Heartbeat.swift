internal import CChatSpotWire

/// A sign of life, both ways, every heartbeat interval.
public struct Heartbeat: Sendable, Equatable {
  /// The epoch that the sender is in; 0 before the first.
  public var epoch: UInt64
  /// Steps computed (decoder worker) or images encoded (vision node) since the sender started.
  public var completed: Int
  /// Time spent computing since the sender started, in seconds.
  public var busySeconds: Double

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64 = 0, completed: Int = 0, busySeconds: Double = 0
  ) {
    self.epoch = epoch
    self.completed = completed
    self.busySeconds = busySeconds
  }
}

extension Heartbeat: WireMessage {
  static var messageName: StaticString { "Heartbeat" }
  static var initialise: Initialiser<Chatspot__V1__Heartbeat> { chatspot__v1__heartbeat__init }

  init(reading c: Chatspot__V1__Heartbeat) throws(WireFault) {
    epoch = c.epoch
    completed = try Self.read.integer(c.completed, "completed")
    busySeconds = c.busy_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(completed, "completed", 0...Int.max)
    try check.seconds(busySeconds, "busy_seconds")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Heartbeat>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.completed = UInt64(clamping: completed)
    c.pointee.busy_seconds = busySeconds
  }
}
