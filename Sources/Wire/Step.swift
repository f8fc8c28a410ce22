internal import CChatSpotWire

/// One microbatch on its way down the pipeline: from the coordinator to stage 0, and from stage to
/// stage.
public struct Step: Sendable, Equatable {
  /// The plan's version.
  public var epoch: UInt64
  /// The step's number, rising by one from 1 in each epoch.
  public var number: UInt64
  /// What the step computes. At least one span; every sequence at most once.
  public var spans: [WireSpan]
  /// The hidden states of all spans' tokens in order, [tokens, hidden]. Absent towards stage 0, and
  /// in a step that is to be sent once more.
  public var activations: WireTensor?
  /// What the stages before this one spent.
  public var timings: [StageTiming]
  /// What the receiver does with it. Only a step that is computed samples or carries token ids.
  public var purpose: StepPurpose

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, number: UInt64, spans: [WireSpan], activations: WireTensor? = nil,
    timings: [StageTiming] = [], purpose: StepPurpose = .compute
  ) {
    self.epoch = epoch
    self.number = number
    self.spans = spans
    self.activations = activations
    self.timings = timings
    self.purpose = purpose
  }
}

extension Step: WireMessage {
  static var messageName: StaticString { "Step" }
  static var initialise: Initialiser<Chatspot__V1__Step> { chatspot__v1__step__init }

  init(reading c: Chatspot__V1__Step) throws(WireFault) {
    epoch = c.epoch
    number = c.number
    spans = try Self.read.messages(c.n_spans, c.spans)
    activations = try Self.read.message(c.activations)
    timings = try Self.read.messages(c.n_timings, c.timings)
    purpose = try Self.read.choice(c.purpose.rawValue, "purpose")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.identifier(number, "number")
    try check.count(spans.count, "spans", 1...limits.stepSpans)
    var tokens = 0
    var blocks = 0
    for span in spans {
      try span.validate(limits)
      tokens += span.tokenCount
      blocks += span.kvBlocks.count
    }
    try check.count(tokens, "spans", 1...limits.stepTokens)
    try check.unique(spans.lazy.map(\.sequence), "spans")
    try check.count(blocks, "spans", 1...limits.stepBlocks)
    try activations?.validate(limits)
    try checkInputs(tokens: tokens, check)
    try check.count(timings.count, "timings", 0...limits.stages)
    for timing in timings { try timing.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Step>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    c.pointee.number = number
    (c.pointee.n_spans, c.pointee.spans) = arena.messages(spans)
    c.pointee.activations = arena.message(activations)
    (c.pointee.n_timings, c.pointee.timings) = arena.messages(timings)
    c.pointee.purpose = Chatspot__V1__StepPurpose(rawValue: purpose.rawValue)
  }
}

extension Step {
  /// A step carries token ids towards stage 0 and activations between stages, never both; one that is
  /// to be sent once more carries neither.
  private func checkInputs(tokens: Int, _ check: FieldCheck) throws(WireFault) {
    try check.that(
      purpose == .compute || spans.allSatisfy { !$0.samples }, "spans",
      "sample in a step that is not computed")
    try check.that(
      purpose == .compute || (activations != nil) == (purpose == .rebuild), "activations",
      purpose == .rebuild ? "are missing in a step that rebuilds" : "are given to be sent again")
    guard activations != nil || purpose == .resend else {
      try check.that(
        spans.allSatisfy { $0.tokenIDs.count == $0.tokenCount }, "spans",
        "lack token_ids in a step without activations")
      return
    }
    try check.that(
      spans.allSatisfy { $0.tokenIDs.isEmpty && $0.splices.isEmpty }, "spans",
      "hold token_ids or splices beside activations")
    guard let activations else { return }
    try check.that(
      activations.shape.count == 2 && activations.shape.first == tokens, "activations",
      "has the shape \(activations.shape), not [\(tokens), hidden]")
  }
}
