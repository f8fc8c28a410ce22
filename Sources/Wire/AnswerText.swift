internal import CChatSpotWire

/// Coordinator to client: more text of the answer.
public struct AnswerText: Sendable, Equatable {
  /// The client's number for the query.
  public var query: UInt64
  /// The text that follows what was sent before; may be empty where `tokens` is not.
  public var text: String
  /// The tokens that the text was made of, if log-probabilities were asked for.
  public var tokens: [AnswerToken]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    query: UInt64, text: String, tokens: [AnswerToken] = []
  ) {
    self.query = query
    self.text = text
    self.tokens = tokens
  }
}

extension AnswerText: WireMessage {
  static var messageName: StaticString { "AnswerText" }
  static var initialise: Initialiser<Chatspot__V1__AnswerText> { chatspot__v1__answer_text__init }

  init(reading c: Chatspot__V1__AnswerText) throws(WireFault) {
    query = c.query
    text = try Self.read.text(c.text, "text")
    tokens = try Self.read.messages(c.n_tokens, c.tokens)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(text, "text", bytesMax: limits.textBytes)
    try check.count(tokens.count, "tokens", 0...limits.answerTokens)
    for token in tokens { try token.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__AnswerText>, _ arena: PackArena) {
    c.pointee.query = query
    c.pointee.text = arena.text(text)
    (c.pointee.n_tokens, c.pointee.tokens) = arena.messages(tokens)
  }
}
