/// What the operator of a coordinator chooses.

public import Compute
public import Wire

/// Settings of a coordinator, with the defaults that suit a few machines.
public struct CoordinatorSettings: Sendable {
  /// Decoder workers to wait for before the first plan is made.
  public var workersExpected = 1
  /// Workers that are kept without layers while all is well, to take over from one that is lost.
  public var spares = 0
  /// How activations and image features travel.
  public var activationType = WireDataType.f16
  /// How workers hold the decoder's matrices; nil is what the checkpoint says, else as stored.
  public var weights: WeightFormat?
  /// KV positions over all sequences; nil takes what the workers' memory allows, up to sixteen
  /// contexts.
  public var kvTokens: Int?
  /// Token positions of a KV block.
  public var kvBlockTokens = 16
  /// Most tokens of a step.
  public var stepTokens = 256
  /// How long a step should take at most from stage to stage through the whole pipeline, in
  /// milliseconds: prefill is cut so that no decode waits longer for its next token.
  public var stepMilliseconds = 200
  /// Steps that decodes are spread over; nil is as many as stages.
  public var stepsInFlight: Int?
  /// Images whose features stage 0 holds at once.
  public var featureCredits = 64
  /// Bytes of image features that stage 0 holds at once.
  public var featureBytesMax = 256 << 20
  /// Queries that are waiting or being answered at once.
  public var queriesMax = 1024
  /// Queries of one client over ZeroMQ that are waiting or being answered at once.
  public var queriesPerClientMax = 512
  /// Queries that are being prepared at once: their images looked at, their text made tokens.
  public var preparationsMax = 512
  /// Bytes of the image files of queries that are waiting or being answered at once.
  public var imageBytesMax = 1 << 30
  /// Tokens of an answer where the query does not say.
  public var newTokensDefault = 512
  /// Bytes that stages may still have to copy from each other once queries wait for a move: where it is
  /// more, they copy again before.
  var movedAtLastBytes = 32 << 20
  /// How often members and the coordinator show that they live, in milliseconds.
  public var heartbeatMilliseconds = 500
  /// After how long a silence a member counts as lost, in milliseconds.
  public var heartbeatTimeoutMilliseconds = 2000

  /// The file that a trace of all steps is written to, in the format that Perfetto reads.
  public var trace: String?

  var traces: Bool { trace != nil }
  /// `stepMilliseconds` in seconds.
  var stepSecondsMax: Double { Double(stepMilliseconds) / 1000 }

  public init() {}

  /// Throws `.configuration`, naming the setting.
  public func validate() throws(CoordinatorError) {
    let ranges: [(String, Int, ClosedRange<Int>)] = [
      ("--workers", workersExpected, 1...1024),
      ("--spares", spares, 0...1024),
      ("--kv-tokens", kvTokens ?? 1, 1...(1 << 30)),
      ("--kv-block-tokens", kvBlockTokens, 1...4096),
      ("--step-tokens", stepTokens, 1...65_536),
      ("--max-step-ms", stepMilliseconds, 1...600_000),
      ("--steps-in-flight", stepsInFlight ?? 1, 1...4096),
      ("--images-held", featureCredits, 1...4096),
      ("--image-feature-bytes", featureBytesMax, 1...(1 << 40)),
      ("--queries", queriesMax, 1...1_000_000),
      ("--queries-per-client", queriesPerClientMax, 1...1_000_000),
      ("--preparations", preparationsMax, 1...1_000_000),
      ("--image-bytes", imageBytesMax, 1...(1 << 40)),
      ("--new-tokens", newTokensDefault, 1...1_000_000),
      ("heartbeat milliseconds", heartbeatMilliseconds, 10...60_000),
      ("--heartbeat-timeout", heartbeatTimeoutMilliseconds, 100...600_000),
    ]
    for (name, value, range) in ranges where !range.contains(value) {
      throw CoordinatorError(
        .configuration, "\(name) is \(value)",
        remedy: "Choose a value from \(range.lowerBound) to \(range.upperBound)")
    }
    guard heartbeatTimeoutMilliseconds >= 2 * heartbeatMilliseconds else {
      throw CoordinatorError(
        .configuration,
        "a heartbeat timeout of \(heartbeatTimeoutMilliseconds) ms is shorter than two heartbeats",
        remedy: "Choose at least \(2 * heartbeatMilliseconds) ms")
    }
  }
}
