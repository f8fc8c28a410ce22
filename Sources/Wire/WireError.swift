internal import CChatSpotWire

/// What went wrong, as it travels. Which of the numbers are set says what it is about. The `Error`
/// message of the protocol; what this module itself throws is `WireFault`.
public struct WireError: Sendable, Equatable {
  /// What went wrong.
  public enum Code: UInt32, Sendable, CaseIterable {
    /// The sender speaks another version of this protocol.
    case protocolVersion = 1
    /// A message breaks a rule of this protocol.
    case invalidMessage = 2
    /// The sender's checkpoint is not the coordinator's.
    case modelMismatch = 3
    /// The query cannot be answered as it is: its text, regions or lengths.
    case invalidQuery = 4
    /// An image cannot be decoded, or is too large.
    case invalidImage = 5
    /// Too much is waiting already; try again later.
    case overloaded = 6
    /// A process that was needed is lost.
    case lost = 7
    /// The receiver failed in a way that is not the sender's fault.
    case `internal` = 8
    /// The query's deadline has passed.
    case deadline = 9
    /// The cluster cannot answer queries: it is not planned yet, or ends.
    case unavailable = 10
    /// The sender's key does not allow what it asked for, or is no longer accepted.
    case forbidden = 11
  }

  /// What went wrong.
  public var code: Code
  /// What went wrong, for people: it names the cause.
  public var text: String
  /// What can be done about it; may be empty.
  public var remedy: String
  /// The client's number of the query that it is about, if it is about one.
  public var query: UInt64?
  /// The coordinator's number of the image that it is about, if any.
  public var image: UInt64?
  /// The epoch of the step that it is about, if any.
  public var epoch: UInt64?
  /// The number of the step that it is about, if any.
  public var step: UInt64?
  /// After how many seconds another try may succeed, if anybody can say.
  public var retryAfterSeconds: Double?

  /// Takes the fields as they are; `encode` checks them.
  public init(
    code: Code, text: String, remedy: String = "", query: UInt64? = nil, image: UInt64? = nil,
    epoch: UInt64? = nil, step: UInt64? = nil, retryAfterSeconds: Double? = nil
  ) {
    self.code = code
    self.text = text
    self.remedy = remedy
    self.query = query
    self.image = image
    self.epoch = epoch
    self.step = step
    self.retryAfterSeconds = retryAfterSeconds
  }
}

extension WireError: WireMessage {
  static var messageName: StaticString { "Error" }
  static var initialise: Initialiser<Chatspot__V1__Error> { chatspot__v1__error__init }

  init(reading c: Chatspot__V1__Error) throws(WireFault) {
    try Self.read.that(
      c.about_query != 0 || c.query == 0, "query", "is \(c.query) without about_query")
    code = try Self.read.choice(c.code.rawValue, "code")
    text = try Self.read.text(c.text, "text")
    remedy = try Self.read.text(c.remedy, "remedy")
    query = c.about_query != 0 ? c.query : nil
    image = c.image == 0 ? nil : c.image
    epoch = c.epoch == 0 ? nil : c.epoch
    step = c.step == 0 ? nil : c.step
    retryAfterSeconds = c.retry_after_seconds == 0 ? nil : c.retry_after_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(text, "text", bytesMax: limits.textBytes)
    try check.text(remedy, "remedy", bytesMax: limits.textBytes)
    if let image { try check.identifier(image, "image") }
    if let epoch { try check.identifier(epoch, "epoch") }
    if let step { try check.identifier(step, "step") }
    if let retryAfterSeconds {
      try check.seconds(retryAfterSeconds, "retry_after_seconds")
      try check.that(retryAfterSeconds > 0, "retry_after_seconds", "is 0")
    }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Error>, _ arena: PackArena) {
    c.pointee.about_query = query == nil ? 0 : 1
    c.pointee.code = Chatspot__V1__ErrorCode(rawValue: code.rawValue)
    c.pointee.text = arena.text(text)
    c.pointee.remedy = arena.text(remedy)
    c.pointee.query = query ?? 0
    c.pointee.image = image ?? 0
    c.pointee.epoch = epoch ?? 0
    c.pointee.step = step ?? 0
    c.pointee.retry_after_seconds = retryAfterSeconds ?? 0
  }
}
