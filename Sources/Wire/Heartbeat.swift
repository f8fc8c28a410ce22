internal import CChatSpotWire

/// A sign of life, both ways, every heartbeat interval.
public struct Heartbeat: Sendable, Equatable {
  /// The epoch that the sender is in; 0 before the first.
  public var epoch: UInt64
  /// Steps computed (decoder worker) or images encoded (vision node) since the sender started.
  public var completed: Int
  /// Time spent computing since the sender started, in seconds.
  public var busySeconds: Double
  /// Time spent packing and sending results since the sender started, in seconds. It may overlap
  /// with computing.
  public var sendingSeconds: Double
  /// When this was sent, in seconds on the sender's own monotonic clock.
  public var sentSeconds: Double
  /// `sentSeconds` of the Heartbeat that this one answers; 0 if it answers none.
  public var echoSeconds: Double
  /// How long the answered Heartbeat lay at the member before this was sent, in seconds.
  public var heldSeconds: Double
  /// Connections and messages that the sender refused at its own sockets since it joined: of keys
  /// that are not on its allow-list, or not for what they sent.
  public var refusedKeys: Int
  /// Likewise: that shook no hands, without a key or with another protocol.
  public var refusedHandshakes: Int
  /// Likewise: messages that break the rules.
  public var refusedMessages: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64 = 0, completed: Int = 0, busySeconds: Double = 0, sendingSeconds: Double = 0,
    sentSeconds: Double = 0, echoSeconds: Double = 0, heldSeconds: Double = 0,
    refusedKeys: Int = 0, refusedHandshakes: Int = 0, refusedMessages: Int = 0
  ) {
    self.epoch = epoch
    self.completed = completed
    self.busySeconds = busySeconds
    self.sendingSeconds = sendingSeconds
    self.sentSeconds = sentSeconds
    self.echoSeconds = echoSeconds
    self.heldSeconds = heldSeconds
    self.refusedKeys = refusedKeys
    self.refusedHandshakes = refusedHandshakes
    self.refusedMessages = refusedMessages
  }
}

extension Heartbeat: WireMessage {
  static var messageName: StaticString { "Heartbeat" }
  static var initialise: Initialiser<Chatspot__V1__Heartbeat> { chatspot__v1__heartbeat__init }

  init(reading c: Chatspot__V1__Heartbeat) throws(WireFault) {
    epoch = c.epoch
    completed = try Self.read.integer(c.completed, "completed")
    busySeconds = c.busy_seconds
    sendingSeconds = c.sending_seconds
    sentSeconds = c.sent_seconds
    echoSeconds = c.echo_seconds
    heldSeconds = c.held_seconds
    refusedKeys = try Self.read.integer(c.refused_keys, "refused_keys")
    refusedHandshakes = try Self.read.integer(c.refused_handshakes, "refused_handshakes")
    refusedMessages = try Self.read.integer(c.refused_messages, "refused_messages")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(completed, "completed", 0...Int.max)
    try check.seconds(busySeconds, "busy_seconds")
    try check.seconds(sendingSeconds, "sending_seconds")
    try check.seconds(sentSeconds, "sent_seconds")
    try check.seconds(echoSeconds, "echo_seconds")
    try check.seconds(heldSeconds, "held_seconds")
    try check.count(refusedKeys, "refused_keys", 0...Int.max)
    try check.count(refusedHandshakes, "refused_handshakes", 0...Int.max)
    try check.count(refusedMessages, "refused_messages", 0...Int.max)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Heartbeat>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.completed = UInt64(clamping: completed)
    c.pointee.busy_seconds = busySeconds
    c.pointee.sending_seconds = sendingSeconds
    c.pointee.sent_seconds = sentSeconds
    c.pointee.echo_seconds = echoSeconds
    c.pointee.held_seconds = heldSeconds
    c.pointee.refused_keys = UInt64(clamping: refusedKeys)
    c.pointee.refused_handshakes = UInt64(clamping: refusedHandshakes)
    c.pointee.refused_messages = UInt64(clamping: refusedMessages)
  }
}
