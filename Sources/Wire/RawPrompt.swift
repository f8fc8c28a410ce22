internal import CChatSpotWire

/// A prompt that is taken as it is, without a template.
public enum RawPrompt: Sendable, Equatable {
  /// A text; the token that begins a sequence comes before it. Nothing in it is a control token.
  case text(String)
  /// Token ids, at least one.
  case tokens([Int32])
}

extension RawPrompt: WireMessage {
  static var messageName: StaticString { "RawPrompt" }
  static var initialise: Initialiser<Chatspot__V1__RawPrompt> {
    chatspot__v1__raw_prompt__init
  }

  init(reading c: Chatspot__V1__RawPrompt) throws(WireFault) {
    let text = try Self.read.text(c.text, "text")
    let tokens = try Self.read.tokens(c.n_token_ids, c.token_ids, "token_ids")
    try Self.read.that(text.isEmpty || tokens.isEmpty, "text", "is given beside token_ids")
    self = tokens.isEmpty ? .text(text) : .tokens(tokens)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    switch self {
    case .text(let text): try check.text(text, "text", bytesMax: limits.textBytes)
    case .tokens(let tokens):
      try check.count(tokens.count, "token_ids", 1...limits.promptTokens)
      try check.that(tokens.allSatisfy { $0 >= 0 }, "token_ids", "holds a negative token")
    }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__RawPrompt>, _ arena: PackArena) {
    switch self {
    case .text(let text): c.pointee.text = arena.text(text)
    case .tokens(let tokens):
      (c.pointee.n_token_ids, c.pointee.token_ids) = arena.tokens(tokens)
    }
  }
}
