internal import CChatSpotWire

/// How the next token of a sequence is chosen. The random number is a function of (seed, position)
/// alone.
public struct WireSampling: Sendable, Equatable {
  /// 0 chooses the likeliest token; otherwise logits are divided by it. At most 100.
  public var temperature: Float
  /// Only the likeliest tokens whose probabilities reach this sum are drawn from; in (0, 1]. 1 is
  /// all.
  public var topP: Float
  /// Only this many of the likeliest tokens are drawn from; 0 is all.
  public var topK: Int
  /// Names the stream of random numbers.
  public var seed: UInt64
  /// Taken off the logit of each token that the answer holds already; in [-2, 2].
  public var presencePenalty: Float
  /// Taken off a token's logit for each time that the answer holds it; in [-2, 2].
  public var frequencyPenalty: Float

  /// The likeliest token, always.
  public static let greedy = WireSampling()

  /// Takes the fields as they are; `encode` checks them.
  public init(
    temperature: Float = 0, topP: Float = 1, topK: Int = 0, seed: UInt64 = 0,
    presencePenalty: Float = 0, frequencyPenalty: Float = 0
  ) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.seed = seed
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
  }
}

extension WireSampling: WireMessage {
  static var messageName: StaticString { "Sampling" }
  static var initialise: Initialiser<Chatspot__V1__Sampling> { chatspot__v1__sampling__init }

  init(reading c: Chatspot__V1__Sampling) throws(WireFault) {
    temperature = c.temperature
    topP = c.top_p
    topK = Int(c.top_k)
    seed = c.seed
    presencePenalty = c.presence_penalty
    frequencyPenalty = c.frequency_penalty
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.finite(temperature, "temperature", 0...100)
    try check.finite(topP, "top_p", 0...1)
    try check.that(topP > 0, "top_p", "is 0")
    try check.count(topK, "top_k")
    try check.finite(presencePenalty, "presence_penalty", -2...2)
    try check.finite(frequencyPenalty, "frequency_penalty", -2...2)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Sampling>, _ arena: PackArena) {
    c.pointee.temperature = temperature
    c.pointee.top_p = topP
    c.pointee.top_k = UInt32(clamping: topK)
    c.pointee.seed = seed
    c.pointee.presence_penalty = presencePenalty
    c.pointee.frequency_penalty = frequencyPenalty
  }
}
