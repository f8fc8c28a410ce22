internal import CChatSpotWire

/// The coordinator's answer to an accepted Hello.
public struct Welcome: Sendable, Equatable {
  /// The version of this protocol that the coordinator speaks.
  public var protocolVersion: Int
  /// How often each side sends a Heartbeat, in milliseconds.
  public var heartbeatIntervalMilliseconds: Int
  /// After how long a silence the other side counts as lost, in milliseconds. Longer than the
  /// interval.
  public var heartbeatTimeoutMilliseconds: Int
  /// The TCP port at which the coordinator gives manifests and tensors, on the host under which the
  /// receiver reaches it; 0: nowhere.
  public var tensorPort: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    protocolVersion: Int = Wire.protocolVersion, heartbeatIntervalMilliseconds: Int,
    heartbeatTimeoutMilliseconds: Int, tensorPort: Int = 0
  ) {
    self.protocolVersion = protocolVersion
    self.heartbeatIntervalMilliseconds = heartbeatIntervalMilliseconds
    self.heartbeatTimeoutMilliseconds = heartbeatTimeoutMilliseconds
    self.tensorPort = tensorPort
  }
}

extension Welcome: WireMessage {
  static var messageName: StaticString { "Welcome" }
  static var initialise: Initialiser<Chatspot__V1__Welcome> { chatspot__v1__welcome__init }

  init(reading c: Chatspot__V1__Welcome) throws(WireFault) {
    protocolVersion = Int(c.protocol_version)
    heartbeatIntervalMilliseconds = Int(c.heartbeat_interval_milliseconds)
    heartbeatTimeoutMilliseconds = Int(c.heartbeat_timeout_milliseconds)
    tensorPort = Int(c.tensor_port)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.that(
      protocolVersion == Wire.protocolVersion, "protocol_version",
      "is \(protocolVersion), not \(Wire.protocolVersion)")
    try check.count(heartbeatIntervalMilliseconds, "heartbeat_interval_milliseconds", 1...day)
    try check.count(heartbeatTimeoutMilliseconds, "heartbeat_timeout_milliseconds", 1...day)
    try check.that(
      heartbeatTimeoutMilliseconds > heartbeatIntervalMilliseconds,
      "heartbeat_timeout_milliseconds",
      "is \(heartbeatTimeoutMilliseconds), not longer than \(heartbeatIntervalMilliseconds)")
    try check.count(tensorPort, "tensor_port", 0...65_535)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Welcome>, _ arena: PackArena) {
    c.pointee.protocol_version = UInt32(clamping: protocolVersion)
    c.pointee.heartbeat_interval_milliseconds = UInt32(clamping: heartbeatIntervalMilliseconds)
    c.pointee.heartbeat_timeout_milliseconds = UInt32(clamping: heartbeatTimeoutMilliseconds)
    c.pointee.tensor_port = UInt32(clamping: tensorPort)
  }
}

/// The longest heartbeat interval or timeout, in milliseconds.
private let day = 86_400_000
