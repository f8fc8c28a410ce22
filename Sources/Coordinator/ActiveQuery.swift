/// A referring query from its arrival to its answer.

internal import Checkpoints
internal import Messaging
internal import Referring
internal import Tokenizing
internal import Wire

/// One query and its sequence.
struct ActiveQuery: Sendable {
  /// The client, and its own number for the query.
  let client: PeerIdentity
  let clientQuery: UInt64
  let prompt: Prompt
  let geometries: [ImageGeometry]
  let sampling: WireSampling
  var newTokensMax: Int
  let minTokens: Int
  let ignoresEnd: Bool
  /// How many of the likeliest tokens the client wants beside each; nil for no log-probabilities.
  let logProbabilities: Int?
  /// When it arrived, in seconds.
  let arrived: Double
  /// When it fails, in seconds; infinity for never.
  let deadline: Double
  /// The coordinator's numbers for its images, in the order of `geometries`, once they are asked
  /// for.
  var images: [UInt64] = []
  var imagesMissing: Int
  /// Image files that are not yet asked for.
  var files: [[UInt8]]

  var tokens: [Int32] = []
  var answer: AnswerStream
  /// How often each token stands in the answer, if a penalty asks for it.
  var counts: [Int32: Int] = [:]
  var imagesReady: Double?
  var firstToken: Double?
  var reports: [ProcessReport] = []

  /// The position that the next token takes.
  var nextPosition: Int { prompt.tokens.count + tokens.count }

  /// Token ids at `positions`: of the prompt, then of the answer.
  func tokens(at positions: Range<Int>) -> [Int32] {
    positions.map {
      $0 < prompt.tokens.count ? prompt.tokens[$0] : tokens[$0 - prompt.tokens.count]
    }
  }

  /// Adds a sampled token. Returns what the client is to get, and why the answer ends if it does.
  mutating func append(
    _ sampled: SampledToken, model: ServedModel
  ) -> (output: AnswerStream.Output, end: Answer.FinishReason?) {
    let id = sampled.tokenID
    tokens.append(id)
    if sampling.presencePenalty != 0 || sampling.frequencyPenalty != 0 {
      counts[id, default: 0] += 1
    }
    let ends = !ignoresEnd && model.configuration.endsOfSequence.contains(id)
    // As vLLM has it: what the first tokens spell is not searched.
    let heedsStop = tokens.count > minTokens
    var output = AnswerStream.Output()
    if !ends {
      let token = logProbabilities == nil ? nil : AnswerToken(sampled, spelledBy: model.tokenizer)
      output = answer.append(id, token: token, heedsStop: heedsStop)
    }
    if output.isStopped { return (output, .stop) }
    guard ends || tokens.count >= newTokensMax else { return (output, nil) }
    let rest = answer.finish(heedsStop: heedsStop)
    output.text += rest.text
    output.tokens += rest.tokens
    return (output, ends || rest.isStopped ? .stop : .length)
  }

  /// The image rows that fall into `positions`, counted from the first of them.
  func splices(at positions: Range<Int>) -> [Splice] {
    prompt.images.compactMap { image in
      let whole = image.firstToken..<image.firstToken + image.rows
      let part = whole.clamped(to: positions)
      guard !part.isEmpty else { return nil }
      return Splice(
        image: images[image.image], firstRow: part.lowerBound - whole.lowerBound,
        rowCount: part.count, firstToken: part.lowerBound - positions.lowerBound)
    }
  }

  /// Adds to what a process did for this query.
  mutating func report(_ report: ProcessReport) {
    // Process ids alone do not tell: in containers every process may be number 1.
    let index = reports.firstIndex {
      $0.processID == report.processID && $0.name == report.name && $0.work == report.work
    }
    guard let index else {
      reports.append(report)
      return
    }
    reports[index].completed += report.completed
    reports[index].busySeconds += report.busySeconds
  }
}
