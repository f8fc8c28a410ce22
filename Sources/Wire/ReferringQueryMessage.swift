internal import CChatSpotWire

/// Client to coordinator: a conversation that ends with a question, or a raw prompt. The `ReferringQuery` message of
/// the protocol.
public struct ReferringQueryMessage: Sendable, Equatable {
  /// The client's number for the query; answers carry it.
  public var query: UInt64
  /// The image files' bytes: JPEG, PNG or WebP.
  public var images: [[UInt8]]
  /// Text that stands before the first turn; may be empty.
  public var system: String
  /// The turns, a user's first and last. None with a raw prompt.
  public var turns: [WireTurn]
  /// How tokens are chosen.
  public var sampling: WireSampling
  /// The most tokens that the answer may take; 0 leaves it to the coordinator.
  public var newTokensMax: Int
  /// Instead of turns, images and a system text.
  public var prompt: RawPrompt?
  /// The answer ends before the first of these texts. At most 16, none empty or over 1 KiB.
  public var stop: [String]
  /// No token that ends the answer is chosen, and no stop text heeded, before this many tokens.
  public var minTokens: Int
  /// Tokens that end a sequence do not end the answer.
  public var ignoreEnd: Bool
  /// How many of the likeliest tokens come beside each token and its log-probability, 0 to 20; nil
  /// for no log-probabilities at all.
  public var logProbabilities: Int?
  /// The query fails with `.deadline` this long after its arrival; 0 for never.
  public var deadlineMilliseconds: Int
  /// Whom the scheduler treats fairly: users share the cluster evenly. At most 256 bytes.
  public var user: String

  /// Takes the fields as they are; `encode` checks them.
  public init(
    query: UInt64, images: [[UInt8]] = [], system: String = "", turns: [WireTurn] = [],
    sampling: WireSampling = .greedy, newTokensMax: Int = 0, prompt: RawPrompt? = nil,
    stop: [String] = [], minTokens: Int = 0, ignoreEnd: Bool = false,
    logProbabilities: Int? = nil, deadlineMilliseconds: Int = 0, user: String = ""
  ) {
    self.query = query
    self.images = images
    self.system = system
    self.turns = turns
    self.sampling = sampling
    self.newTokensMax = newTokensMax
    self.prompt = prompt
    self.stop = stop
    self.minTokens = minTokens
    self.ignoreEnd = ignoreEnd
    self.logProbabilities = logProbabilities
    self.deadlineMilliseconds = deadlineMilliseconds
    self.user = user
  }
}

extension ReferringQueryMessage: WireMessage {
  static var messageName: StaticString { "ReferringQuery" }
  static var initialise: Initialiser<Chatspot__V1__ReferringQuery> {
    chatspot__v1__referring_query__init
  }

  init(reading c: Chatspot__V1__ReferringQuery) throws(WireFault) {
    query = c.query
    images = Self.read.blobs(c.n_images, c.images)
    system = try Self.read.text(c.system, "system")
    turns = try Self.read.messages(c.n_turns, c.turns)
    sampling = try Self.read.required(c.sampling, "sampling")
    newTokensMax = Int(c.new_tokens_max)
    prompt = try Self.read.message(c.prompt)
    stop = try Self.read.texts(c.n_stop, c.stop, "stop")
    minTokens = Int(c.min_tokens)
    ignoreEnd = c.ignore_end != 0
    logProbabilities = c.wants_log_probabilities != 0 ? Int(c.likeliest) : nil
    try Self.read.that(
      c.wants_log_probabilities != 0 || c.likeliest == 0, "likeliest",
      "is \(c.likeliest) without wants_log_probabilities")
    deadlineMilliseconds = Int(c.deadline_milliseconds)
    user = try Self.read.text(c.user, "user")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    if let prompt {
      try prompt.validate(limits)
      try check.that(
        turns.isEmpty && images.isEmpty && system.isEmpty, "prompt",
        "is given beside turns, images or a system text")
    } else {
      try validateConversation(check, limits)
    }
    try sampling.validate(limits)
    try check.count(newTokensMax, "new_tokens_max")
    try check.count(stop.count, "stop", 0...limits.stopTexts)
    for text in stop {
      try check.that(!text.isEmpty, "stop", "holds an empty text")
      try check.text(text, "stop", bytesMax: limits.stopTextBytes)
    }
    try check.count(minTokens, "min_tokens")
    if let logProbabilities {
      try check.count(logProbabilities, "likeliest", 0...limits.likeliestTokens)
    }
    try check.count(deadlineMilliseconds, "deadline_milliseconds")
    try check.text(user, "user", bytesMax: limits.userBytes)
  }

  private func validateConversation(
    _ check: FieldCheck, _ limits: WireLimits
  ) throws(WireFault) {
    try check.count(images.count, "images", 0...limits.queryImages)
    for image in images { try check.count(image.count, "images", 1...limits.imageBytes) }
    try check.text(system, "system", bytesMax: limits.textBytes)
    try check.count(turns.count, "turns", 1...limits.queryTurns)
    for turn in turns {
      try turn.validate(limits)
      for image in turn.images + turn.regions.map(\.image) {
        try check.that(
          image < images.count, "turns", "refer to image \(image) of \(images.count)")
      }
    }
    try check.unique(turns.lazy.flatMap(\.images), "turns")
    try check.that(
      turns.first?.speaker == .user && turns.last?.speaker == .user, "turns",
      "do not begin and end with the user's")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ReferringQuery>, _ arena: PackArena) {
    c.pointee.query = query
    (c.pointee.n_images, c.pointee.images) = arena.blobs(images)
    c.pointee.system = arena.text(system)
    (c.pointee.n_turns, c.pointee.turns) = arena.messages(turns)
    c.pointee.sampling = arena.message(sampling)
    c.pointee.new_tokens_max = UInt32(clamping: newTokensMax)
    c.pointee.prompt = arena.message(prompt)
    (c.pointee.n_stop, c.pointee.stop) = arena.texts(stop)
    c.pointee.min_tokens = UInt32(clamping: minTokens)
    c.pointee.ignore_end = ignoreEnd ? 1 : 0
    c.pointee.wants_log_probabilities = logProbabilities == nil ? 0 : 1
    c.pointee.likeliest = UInt32(clamping: logProbabilities ?? 0)
    c.pointee.deadline_milliseconds = UInt32(clamping: deadlineMilliseconds)
    c.pointee.user = arena.text(user)
  }
}

/// Throws what is wrong with a query that does not come over the wire: the same rules, field by
/// field.
public func check(_ query: ReferringQueryMessage) throws(WireFault) {
  try query.validate(.standard)
}
