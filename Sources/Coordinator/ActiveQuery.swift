/// A referring query from its arrival to its answer.

internal import Checkpoints
internal import Messaging
internal import Referring
internal import Wire

/// A client's own name for a query.
struct QueryName: Hashable, Sendable {
  let client: PeerIdentity
  let number: UInt64
}

/// One query and its sequence.
struct ActiveQuery: Sendable {
  /// What the client asked about the way of answering.
  struct Options: Sendable {
    let sampling: WireSampling
    let minTokens: Int
    let ignoresEnd: Bool
    /// How many of the likeliest tokens the client wants beside each; nil for no
    /// log-probabilities.
    let logProbabilities: Int?
    let user: String

    init(_ message: ReferringQueryMessage) {
      sampling = message.sampling
      minTokens = message.minTokens
      ignoresEnd = message.ignoreEnd
      logProbabilities = message.logProbabilities
      user = message.user
    }

    /// Whether the last stage must know the answer's tokens.
    var hasPenalties: Bool { sampling.presencePenalty != 0 || sampling.frequencyPenalty != 0 }
  }

  let name: QueryName
  let options: Options
  let prompt: Prompt
  let images: [QueryImage]
  var newTokensMax: Int
  /// When it arrived, in seconds.
  let arrived: Double
  /// When it fails, in seconds; infinity for never.
  let deadline: Double

  /// The coordinator's numbers for its images that stage 0 holds for it, or is about to.
  var features: [ContentDigest: UInt64] = [:]
  /// Whether it waits for features, or holds some.
  var wantsFeatures = false
  /// The answer's tokens so far: whoever computes it anew begins behind them.
  private(set) var sampled: [Int32] = []
  var answer: AnswerStream
  /// How often each token stands in the answer, if a penalty asks for it.
  var counts: [Int32: Int] = [:]

  var imagesReady: Double?
  var firstIssued: Double?
  var firstToken: Double?
  var lastToken: Double?
  /// What vision nodes did for it.
  var encodings: [ProcessReport] = []
  /// Steps computed for it at each stage, and the time that they took.
  var stageWork: [(steps: Int, seconds: Double)] = []
  /// What the stages of plans did that ended meanwhile.
  private var earlierWork: [ProcessReport] = []

  init(
    name: QueryName, message: ReferringQueryMessage, prepared: PreparedQuery, newTokensMax: Int,
    arrived: Double, model: ServedModel
  ) {
    self.name = name
    options = Options(message)
    prompt = prepared.prompt
    images = prepared.images
    self.newTokensMax = newTokensMax
    self.arrived = arrived
    deadline =
      message.deadlineMilliseconds == 0
      ? .infinity : arrived + Double(message.deadlineMilliseconds) / 1000
    answer = AnswerStream(model.tokenizer, stop: message.stop)
  }

  var newTokens: Int { sampled.count }
  /// Positions that it may come to take.
  var tokensMax: Int { prompt.tokens.count + newTokensMax }
  /// All its tokens that are known.
  var tokens: [Int32] { prompt.tokens + sampled }

  /// Adds a sampled token. Returns what the client is to get, and why the answer ends if it does.
  mutating func append(
    _ token: SampledToken, model: ServedModel
  ) -> (output: AnswerStream.Output, end: Answer.FinishReason?) {
    let id = token.tokenID
    sampled.append(id)
    if options.hasPenalties { counts[id, default: 0] += 1 }
    let ends = !options.ignoresEnd && model.configuration.endsOfSequence.contains(id)
    // As vLLM has it: what the first tokens spell is not searched.
    let heedsStop = newTokens > options.minTokens
    var output = AnswerStream.Output()
    if !ends {
      let spelled =
        options.logProbabilities == nil ? nil : AnswerToken(token, spelledBy: model.tokenizer)
      output = answer.append(id, token: spelled, heedsStop: heedsStop)
    }
    if output.isStopped { return (output, .stop) }
    guard ends || newTokens >= newTokensMax else { return (output, nil) }
    let rest = answer.finish(heedsStop: heedsStop)
    output.text += rest.text
    output.tokens += rest.tokens
    return (output, ends || rest.isStopped ? .stop : .length)
  }

  /// A span of the plan as it goes to stage 0.
  func wireSpan(_ span: StepPlan.Span) -> WireSpan {
    var wire = WireSpan(
      sequence: span.sequence, firstPosition: span.firstPosition, tokenCount: span.count,
      tokenIDs: span.tokens, kvBlocks: span.blocks, splices: splices(at: span.positions))
    guard span.samples else { return wire }
    wire.sampling = options.sampling
    wire.withholdsEnd = newTokens < options.minTokens
    wire.logProbabilities = options.logProbabilities
    wire.generated = counts.map { WireTokenCount(tokenID: $0.key, count: $0.value) }
    return wire
  }

  /// The image rows that fall into `positions`, counted from the first of them.
  private func splices(at positions: Range<Int>) -> [Splice] {
    prompt.images.compactMap { image in
      let whole = image.firstToken..<image.firstToken + image.rows
      let part = whole.clamped(to: positions)
      guard !part.isEmpty, let number = features[images[image.image].digest] else { return nil }
      return Splice(
        image: number, firstRow: part.lowerBound - whole.lowerBound, rowCount: part.count,
        firstToken: part.lowerBound - positions.lowerBound)
    }
  }

  /// Adds the time that the stages took for a step that it was part of.
  mutating func add(_ timings: [StageTiming], stages: Int) {
    if stageWork.isEmpty { stageWork = Array(repeating: (0, 0), count: stages) }
    for timing in timings where stageWork.indices.contains(timing.stage) {
      stageWork[timing.stage].steps += 1
      stageWork[timing.stage].seconds += timing.computeSeconds
    }
  }

  /// What each process did for it: vision nodes first, then the stages in order.
  func reports(_ stages: [Pipeline.Stage]) -> [ProcessReport] {
    let work = Self.work(stages, stageWork).reduce(into: earlierWork) { $0.add($1) }
    return Array((encodings + work).suffix(WireLimits.standard.processes))
  }

  private static func work(
    _ stages: [Pipeline.Stage], _ stageWork: [(steps: Int, seconds: Double)]
  ) -> [ProcessReport] {
    zip(stages, stageWork).filter { $1.steps > 0 }.map { stage, work in
      ProcessReport(
        name: stage.name, processID: stage.processID, work: "decodes \(layersText(stage.layers))",
        completed: work.steps, busySeconds: work.seconds, firstLayer: stage.layers.lowerBound,
        layerCount: stage.layers.count)
    }
  }

  /// Its pipeline has ended; what is known of it is enough for another to go on.
  mutating func suspend(_ stages: [Pipeline.Stage]) {
    keepWork(of: stages)
    wantsFeatures = false
    features = [:]
  }

  /// Other stages go on with it; what these did is kept for the report.
  mutating func keepWork(of stages: [Pipeline.Stage]) {
    for report in Self.work(stages, stageWork) { earlierWork.add(report) }
    earlierWork = earlierWork.suffix(WireLimits.standard.processes)
    stageWork = []
  }

  /// Adds an image that a vision node encoded for it.
  mutating func add(_ node: Member, encodeSeconds: Double) {
    encodings.add(
      ProcessReport(
        name: node.name, processID: node.processID, work: "encodes images", completed: 1,
        busySeconds: encodeSeconds))
  }
}

extension [ProcessReport] {
  /// Adds to what the same process did of the same work.
  fileprivate mutating func add(_ report: ProcessReport) {
    // Process ids alone do not tell: in containers every process may be number 1.
    let index = firstIndex {
      $0.processID == report.processID && $0.name == report.name && $0.work == report.work
    }
    guard let index else { return append(report) }
    self[index].completed += report.completed
    self[index].busySeconds += report.busySeconds
  }
}
