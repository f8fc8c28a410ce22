internal import CChatSpotWire

/// A token and how likely the model held it.
public struct TokenLikelihood: Sendable, Equatable {
  /// The token.
  public var id: Int32
  /// What it spells: UTF-8, or part of a character. Empty for a control token, and between the
  /// last stage and the coordinator.
  public var bytes: [UInt8]
  /// Natural logarithm of its probability, before penalties, temperature and truncation.
  public var logProbability: Float

  /// Takes the fields as they are; `encode` checks them.
  public init(id: Int32, bytes: [UInt8] = [], logProbability: Float) {
    self.id = id
    self.bytes = bytes
    self.logProbability = logProbability
  }
}

extension TokenLikelihood: WireMessage {
  static var messageName: StaticString { "TokenLikelihood" }
  static var initialise: Initialiser<Chatspot__V1__TokenLikelihood> {
    chatspot__v1__token_likelihood__init
  }

  init(reading c: Chatspot__V1__TokenLikelihood) throws(WireFault) {
    id = try Self.read.token(c.token_id, "token_id")
    bytes = Self.read.bytes(c.spelling)
    logProbability = c.log_probability
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.that(id >= 0, "token_id", "is \(id)")
    try check.count(bytes.count, "spelling", 0...limits.spellingBytes)
    try check.finite(logProbability, "log_probability")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__TokenLikelihood>, _ arena: PackArena) {
    c.pointee.token_id = UInt32(clamping: id)
    c.pointee.spelling = arena.copy(bytes)
    c.pointee.log_probability = logProbability
  }
}
