internal import CChatSpotWire

/// Last stage to coordinator: the results of a step. Sent for every step, sampled or not.
public struct Tokens: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The step's number.
  public var number: UInt64
  /// One for each span that samples, in the order of the spans.
  public var tokens: [SampledToken]
  /// What each stage spent, stage 0 first.
  public var timings: [StageTiming]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, number: UInt64, tokens: [SampledToken], timings: [StageTiming] = []
  ) {
    self.epoch = epoch
    self.number = number
    self.tokens = tokens
    self.timings = timings
  }
}

extension Tokens: WireMessage {
  static var messageName: StaticString { "Tokens" }
  static var initialise: Initialiser<Chatspot__V1__Tokens> { chatspot__v1__tokens__init }

  init(reading c: Chatspot__V1__Tokens) throws(WireFault) {
    epoch = c.epoch
    number = c.number
    tokens = try Self.read.messages(c.n_tokens, c.tokens)
    timings = try Self.read.messages(c.n_timings, c.timings)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.identifier(number, "number")
    try check.count(tokens.count, "tokens", 0...limits.stepSpans)
    for token in tokens { try token.validate(limits) }
    try check.unique(tokens.lazy.map(\.sequence), "tokens")
    try check.count(timings.count, "timings", 0...limits.stages)
    for timing in timings { try timing.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Tokens>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.number = number
    (c.pointee.n_tokens, c.pointee.tokens) = arena.messages(tokens)
    (c.pointee.n_timings, c.pointee.timings) = arena.messages(timings)
  }
}
