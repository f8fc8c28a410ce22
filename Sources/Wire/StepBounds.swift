/// What a stage knows of its model and its plan, and holds every step against before it allocates
/// or computes.
public struct StepBounds: Sendable, Equatable {
  /// Width of a hidden state.
  public var hidden: Int
  /// Token ids are below this.
  public var vocabulary: Int
  /// KV block ids are below this.
  public var blockCount: Int
  /// Token positions of a KV block.
  public var blockTokens: Int
  /// Positions are below this.
  public var contextMax: Int
  /// The most tokens of a step.
  public var stepTokensMax: Int
  /// Whether the stage takes token ids; the others take activations.
  public var isFirstStage: Bool

  /// Bounds of one stage; all numbers are positive.
  public init(
    hidden: Int, vocabulary: Int, blockCount: Int, blockTokens: Int, contextMax: Int,
    stepTokensMax: Int, isFirstStage: Bool
  ) {
    let smallest = min(hidden, vocabulary, blockCount, blockTokens, contextMax, stepTokensMax)
    precondition(smallest > 0, "step bounds are positive")
    self.hidden = hidden
    self.vocabulary = vocabulary
    self.blockCount = blockCount
    self.blockTokens = blockTokens
    self.contextMax = contextMax
    self.stepTokensMax = stepTokensMax
    self.isFirstStage = isFirstStage
  }
}

/// Holds a step against the model and the plan. The step keeps the protocol's own rules, as every
/// step does that `decode` returned or `encode` accepts.
/// - Throws: `WireFault` naming the field and the value that is out of bounds.
public func check(_ step: Step, against bounds: StepBounds) throws(WireFault) {
  let check = FieldCheck(Step.messageName, .standard)
  let tokens = step.spans.reduce(0) { $0 + $1.tokenCount }
  try check.count(tokens, "spans", 1...bounds.stepTokensMax)
  if bounds.isFirstStage {
    try check.that(step.activations == nil, "activations", "is given to the first stage")
  } else if step.purpose != .resend {
    let shape = step.activations?.shape ?? []
    try check.that(
      shape == [tokens, bounds.hidden], "activations",
      "has the shape \(shape), not [\(tokens), \(bounds.hidden)]")
  }
  for span in step.spans { try checkSpan(span, against: bounds) }
}

private func checkSpan(_ span: WireSpan, against bounds: StepBounds) throws(WireFault) {
  let check = FieldCheck(WireSpan.messageName, .standard)
  let end = span.firstPosition + span.tokenCount
  try check.that(
    end <= bounds.contextMax, "first_position",
    "is \(span.firstPosition), so that \(span.tokenCount) tokens reach past \(bounds.contextMax)")
  let blocks = (end + bounds.blockTokens - 1) / bounds.blockTokens
  try check.that(
    span.kvBlocks.count >= blocks, "kv_blocks",
    "holds \(span.kvBlocks.count) blocks where \(end) positions take \(blocks)")
  for block in span.kvBlocks {
    try check.that(
      block < bounds.blockCount, "kv_blocks", "holds block \(block) of \(bounds.blockCount)")
  }
  for token in span.tokenIDs {
    try check.that(
      token < bounds.vocabulary, "token_ids", "holds token \(token) of \(bounds.vocabulary)")
  }
}
