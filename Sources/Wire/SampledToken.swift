internal import CChatSpotWire

/// A token that the last stage sampled.
public struct SampledToken: Sendable, Equatable {
  /// The coordinator's number for the sequence.
  public var sequence: UInt64
  /// The position that the token takes in its sequence.
  public var position: Int
  /// The token.
  public var tokenID: Int32
  /// Natural logarithm of the token's probability before penalties, temperature and
  /// truncation. 0 where the span did not ask for it.
  public var logProbability: Float
  /// The likeliest tokens, as many as the span asked for, likeliest first.
  public var likeliest: [TokenLikelihood]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    sequence: UInt64, position: Int, tokenID: Int32, logProbability: Float = 0,
    likeliest: [TokenLikelihood] = []
  ) {
    self.sequence = sequence
    self.position = position
    self.tokenID = tokenID
    self.logProbability = logProbability
    self.likeliest = likeliest
  }
}

extension SampledToken: WireMessage {
  static var messageName: StaticString { "SampledToken" }
  static var initialise: Initialiser<Chatspot__V1__SampledToken> {
    chatspot__v1__sampled_token__init
  }

  init(reading c: Chatspot__V1__SampledToken) throws(WireFault) {
    sequence = c.sequence
    position = Int(c.position)
    tokenID = try Self.read.token(c.token_id, "token_id")
    logProbability = c.log_probability
    likeliest = try Self.read.messages(c.n_likeliest, c.likeliest)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(position, "position")
    try check.that(tokenID >= 0, "token_id", "is \(tokenID)")
    try check.finite(logProbability, "log_probability")
    try check.count(likeliest.count, "likeliest", 0...limits.likeliestTokens)
    for token in likeliest { try token.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__SampledToken>, _ arena: PackArena) {
    c.pointee.sequence = sequence
    c.pointee.position = UInt32(clamping: position)
    c.pointee.token_id = UInt32(clamping: tokenID)
    c.pointee.log_probability = logProbability
    (c.pointee.n_likeliest, c.pointee.likeliest) = arena.messages(likeliest)
  }
}
