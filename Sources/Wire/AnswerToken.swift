internal import CChatSpotWire

/// A token of the answer and how likely the model held it.
public struct AnswerToken: Sendable, Equatable {
  /// The token.
  public var id: Int32
  /// What it spells: UTF-8, or part of a character. Empty for a control token.
  public var bytes: [UInt8]
  /// Natural logarithm of its probability, before penalties, temperature and truncation.
  public var logProbability: Float
  /// The likeliest tokens at its place, as many as were asked for, likeliest first.
  public var likeliest: [TokenLikelihood]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    id: Int32, bytes: [UInt8], logProbability: Float, likeliest: [TokenLikelihood] = []
  ) {
    self.id = id
    self.bytes = bytes
    self.logProbability = logProbability
    self.likeliest = likeliest
  }
}

extension AnswerToken: WireMessage {
  static var messageName: StaticString { "AnswerToken" }
  static var initialise: Initialiser<Chatspot__V1__AnswerToken> {
    chatspot__v1__answer_token__init
  }

  init(reading c: Chatspot__V1__AnswerToken) throws(WireFault) {
    id = try Self.read.token(c.token_id, "token_id")
    bytes = Self.read.bytes(c.spelling)
    logProbability = c.log_probability
    likeliest = try Self.read.messages(c.n_likeliest, c.likeliest)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.that(id >= 0, "token_id", "is \(id)")
    try check.count(bytes.count, "spelling", 0...limits.spellingBytes)
    try check.finite(logProbability, "log_probability")
    try check.count(likeliest.count, "likeliest", 0...limits.likeliestTokens)
    for token in likeliest { try token.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__AnswerToken>, _ arena: PackArena) {
    c.pointee.token_id = UInt32(clamping: id)
    c.pointee.spelling = arena.copy(bytes)
    c.pointee.log_probability = logProbability
    (c.pointee.n_likeliest, c.pointee.likeliest) = arena.messages(likeliest)
  }
}
