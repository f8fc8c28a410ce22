internal import CChatSpotWire

/// A run of consecutive tokens of one sequence: a prefill chunk, or one decode token. The `Span`
/// message of the protocol.
public struct WireSpan: Sendable, Equatable {
  /// The coordinator's number for the sequence.
  public var sequence: UInt64
  /// The position of the first token in its sequence, counted from 0.
  public var firstPosition: Int
  /// How many tokens; not zero.
  public var tokenCount: Int
  /// The token ids, `tokenCount` of them. Only towards stage 0; empty between stages.
  public var tokenIDs: [Int32]
  /// The KV blocks of the sequence from its position 0, enough to cover the span's last position.
  public var kvBlocks: [Int]
  /// How the last stage samples a token after the span's last position; nil if it does not.
  public var sampling: WireSampling?
  /// Image features in place of embeddings, by rising `firstToken`, without overlap, inside the
  /// span. Only towards stage 0; empty between stages.
  public var splices: [Splice]

  /// Whether the tokens that end a sequence may not be chosen.
  public var withholdsEnd: Bool
  /// How many of the likeliest tokens come back beside the chosen one and its log-probability; nil
  /// for no log-probabilities at all. At most 20.
  public var logProbabilities: Int?
  /// The tokens of the answer so far, each once, if a penalty is not 0.
  public var generated: [WireTokenCount]

  /// Whether the last stage samples a token after the span's last position.
  public var samples: Bool { sampling != nil }

  /// Takes the fields as they are; `encode` checks them.
  public init(
    sequence: UInt64, firstPosition: Int, tokenCount: Int, tokenIDs: [Int32] = [], kvBlocks: [Int],
    sampling: WireSampling? = nil, splices: [Splice] = [], withholdsEnd: Bool = false,
    logProbabilities: Int? = nil, generated: [WireTokenCount] = []
  ) {
    self.sequence = sequence
    self.firstPosition = firstPosition
    self.tokenCount = tokenCount
    self.tokenIDs = tokenIDs
    self.kvBlocks = kvBlocks
    self.sampling = sampling
    self.splices = splices
    self.withholdsEnd = withholdsEnd
    self.logProbabilities = logProbabilities
    self.generated = generated
  }
}

extension WireSpan: WireMessage {
  static var messageName: StaticString { "Span" }
  static var initialise: Initialiser<Chatspot__V1__Span> { chatspot__v1__span__init }

  init(reading c: Chatspot__V1__Span) throws(WireFault) {
    try Self.read.that(
      (c.samples != 0) == (c.sampling != nil), "sampling",
      c.samples != 0 ? "is missing where samples is set" : "is given where samples is not set")
    sequence = c.sequence
    firstPosition = Int(c.first_position)
    tokenCount = Int(c.token_count)
    tokenIDs = try Self.read.tokens(c.n_token_ids, c.token_ids, "token_ids")
    kvBlocks = Self.read.integers(c.n_kv_blocks, c.kv_blocks)
    sampling = try Self.read.message(c.sampling)
    splices = try Self.read.messages(c.n_splices, c.splices)
    withholdsEnd = c.withholds_end != 0
    logProbabilities = c.wants_log_probabilities != 0 ? Int(c.likeliest) : nil
    try Self.read.that(
      c.wants_log_probabilities != 0 || c.likeliest == 0, "likeliest",
      "is \(c.likeliest) without wants_log_probabilities")
    generated = try Self.read.messages(c.n_generated, c.generated)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(firstPosition, "first_position")
    try check.count(tokenCount, "token_count", 1...limits.stepTokens)
    try check.that(
      tokenIDs.isEmpty || tokenIDs.count == tokenCount, "token_ids",
      "holds \(tokenIDs.count) tokens where token_count is \(tokenCount)")
    try check.that(tokenIDs.allSatisfy { $0 >= 0 }, "token_ids", "holds a negative token")
    try check.count(kvBlocks.count, "kv_blocks", 1...limits.spanBlocks)
    for block in kvBlocks { try check.count(block, "kv_blocks") }
    try sampling?.validate(limits)
    try check.count(splices.count, "splices", 0...limits.spanSplices)
    var end = 0
    for splice in splices {
      try splice.validate(limits)
      try check.that(
        splice.firstToken >= end, "splices", "start at token \(splice.firstToken), before \(end)")
      end = splice.firstToken + splice.rowCount
      try check.that(end <= tokenCount, "splices", "end at token \(end) of \(tokenCount)")
    }
    if let logProbabilities {
      try check.count(logProbabilities, "likeliest", 0...limits.likeliestTokens)
    }
    try check.count(generated.count, "generated", 0...limits.stepTokens)
    for count in generated { try count.validate(limits) }
    if generated.count > 1 { try check.unique(generated.lazy.map(\.tokenID), "generated") }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Span>, _ arena: PackArena) {
    c.pointee.samples = samples ? 1 : 0
    c.pointee.sequence = sequence
    c.pointee.first_position = UInt32(clamping: firstPosition)
    c.pointee.token_count = UInt32(clamping: tokenCount)
    (c.pointee.n_token_ids, c.pointee.token_ids) = arena.tokens(tokenIDs)
    (c.pointee.n_kv_blocks, c.pointee.kv_blocks) = arena.integers(kvBlocks)
    c.pointee.sampling = arena.message(sampling)
    (c.pointee.n_splices, c.pointee.splices) = arena.messages(splices)
    c.pointee.withholds_end = withholdsEnd ? 1 : 0
    c.pointee.wants_log_probabilities = logProbabilities == nil ? 0 : 1
    c.pointee.likeliest = UInt32(clamping: logProbabilities ?? 0)
    (c.pointee.n_generated, c.pointee.generated) = arena.messages(generated)
  }
}
