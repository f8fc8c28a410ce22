internal import CChatSpotWire

/// Coordinator to client: the whole answer, after its last AnswerText.
public struct Answer: Sendable, Equatable {
  /// Why an answer ended.
  public enum FinishReason: UInt32, Sendable, CaseIterable {
    /// The model ended it, or one of the query's stop texts.
    case stop = 1
    /// It reached the most tokens that it may take.
    case length = 2
  }

  /// The client's number for the query.
  public var query: UInt64
  /// The model's text, unchanged, as far as the first stop text.
  public var text: String
  /// Why it ended.
  public var finishReason: FinishReason
  /// The regions found in the text.
  public var regions: [AnswerRegion]
  /// Tokens of the prompt, image tokens included.
  public var promptTokens: Int
  /// Tokens of the prompt that images take.
  public var imageTokens: Int
  /// Tokens of the answer, the end token included.
  public var newTokens: Int
  /// Tokens of the prompt whose KV blocks were there already.
  public var cachedTokens: Int
  /// From the query's arrival until its images' features were at stage 0, in seconds.
  public var imageSeconds: Double
  /// From the query's arrival until its first token, in seconds.
  public var firstTokenSeconds: Double
  /// From the query's arrival until its last token, in seconds.
  public var totalSeconds: Double
  /// From the query's arrival until the first of its tokens went to stage 0, in seconds.
  public var queuedSeconds: Double
  /// What each process did: vision nodes first, then the stages in order.
  public var processes: [ProcessReport]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    query: UInt64, text: String, finishReason: FinishReason, regions: [AnswerRegion] = [],
    promptTokens: Int = 0, imageTokens: Int = 0, newTokens: Int = 0, imageSeconds: Double = 0,
    firstTokenSeconds: Double = 0, totalSeconds: Double = 0, processes: [ProcessReport] = [],
    cachedTokens: Int = 0, queuedSeconds: Double = 0
  ) {
    self.query = query
    self.text = text
    self.finishReason = finishReason
    self.regions = regions
    self.promptTokens = promptTokens
    self.imageTokens = imageTokens
    self.newTokens = newTokens
    self.cachedTokens = cachedTokens
    self.imageSeconds = imageSeconds
    self.firstTokenSeconds = firstTokenSeconds
    self.totalSeconds = totalSeconds
    self.queuedSeconds = queuedSeconds
    self.processes = processes
  }
}

extension Answer: WireMessage {
  static var messageName: StaticString { "Answer" }
  static var initialise: Initialiser<Chatspot__V1__Answer> { chatspot__v1__answer__init }

  init(reading c: Chatspot__V1__Answer) throws(WireFault) {
    query = c.query
    text = try Self.read.text(c.text, "text")
    finishReason = try Self.read.choice(c.finish_reason.rawValue, "finish_reason")
    regions = try Self.read.messages(c.n_regions, c.regions)
    promptTokens = Int(c.prompt_tokens)
    imageTokens = Int(c.image_tokens)
    newTokens = Int(c.new_tokens)
    cachedTokens = Int(c.cached_tokens)
    imageSeconds = c.image_seconds
    firstTokenSeconds = c.first_token_seconds
    totalSeconds = c.total_seconds
    queuedSeconds = c.queued_seconds
    processes = try Self.read.messages(c.n_processes, c.processes)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(text, "text", bytesMax: limits.textBytes)
    try check.count(regions.count, "regions", 0...limits.turnRegions)
    for region in regions { try region.validate(limits) }
    try check.count(promptTokens, "prompt_tokens")
    try check.count(imageTokens, "image_tokens")
    try check.that(
      imageTokens <= promptTokens, "image_tokens",
      "is \(imageTokens), more than the prompt's \(promptTokens)")
    try check.count(newTokens, "new_tokens")
    try check.count(cachedTokens, "cached_tokens")
    try check.seconds(imageSeconds, "image_seconds")
    try check.seconds(firstTokenSeconds, "first_token_seconds")
    try check.seconds(totalSeconds, "total_seconds")
    try check.seconds(queuedSeconds, "queued_seconds")
    try check.count(processes.count, "processes", 0...limits.processes)
    for process in processes { try process.validate(limits) }
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Answer>, _ arena: PackArena) {
    c.pointee.query = query
    c.pointee.text = arena.text(text)
    c.pointee.finish_reason = Chatspot__V1__FinishReason(rawValue: finishReason.rawValue)
    (c.pointee.n_regions, c.pointee.regions) = arena.messages(regions)
    c.pointee.prompt_tokens = UInt32(clamping: promptTokens)
    c.pointee.image_tokens = UInt32(clamping: imageTokens)
    c.pointee.new_tokens = UInt32(clamping: newTokens)
    c.pointee.cached_tokens = UInt32(clamping: cachedTokens)
    c.pointee.image_seconds = imageSeconds
    c.pointee.first_token_seconds = firstTokenSeconds
    c.pointee.total_seconds = totalSeconds
    c.pointee.queued_seconds = queuedSeconds
    (c.pointee.n_processes, c.pointee.processes) = arena.messages(processes)
  }
}
