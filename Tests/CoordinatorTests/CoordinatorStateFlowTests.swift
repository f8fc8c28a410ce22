/// Many queries at once through a simulated pipeline, in random orders of events.

import Messaging
import Testing
import Tokenizing
import Wire

@testable import Coordinator

@Suite("coordinator: many queries at once")
struct CoordinatorStateFlowTests {
  @Test("whatever the order of events, every query gets exactly its tokens and nothing is left")
  func interleavings() throws {
    var preemptions = 0
    for seed in 0..<12 as Range<UInt64> {
      var flow = try Flow(seed: seed, cancels: false)
      try flow.run()
      #expect(flow.answers.count == 20, "seed \(seed)")
      for (number, script) in flow.scripts {
        let answer = try #require(flow.answers[number])
        let ends = script.last == 2
        #expect(answer.newTokens == script.count)
        #expect(answer.finishReason == (ends ? .stop : .length))
        let tokenizer = flow.cluster.state.model.tokenizer
        #expect(answer.text == tokenizer.decode(ends ? script.dropLast() : script))
        #expect(flow.streamed[number, default: ""] == answer.text)
      }
      flow.expectNothingHeld()
      preemptions += flow.cluster.state.pipeline?.scheduler.preemptions ?? 0
    }
    #expect(preemptions > 0)
  }

  @Test("clients that cancel or leave at any moment free everything, and disturb nobody else")
  func cancels() throws {
    for seed in 100..<112 as Range<UInt64> {
      var flow = try Flow(seed: seed, cancels: true)
      try flow.run()
      #expect(flow.answers.count + flow.cancelled.count >= 20, "seed \(seed)")
      for (number, script) in flow.scripts where !flow.cancelled.contains(number) {
        #expect(flow.answers[number]?.newTokens == script.count, "seed \(seed)")
      }
      flow.expectNothingHeld()
    }
  }
}

/// A pipeline, a stage 0 and a vision node that answer when the dice say so.
private struct Flow {
  var cluster: FakeCluster
  var random: SplitMix
  let cancels: Bool
  let stages: Int
  /// What the model says to each query, by the client's number.
  var scripts: [UInt64: [Int32]] = [:]
  var unasked: [ReferringQueryMessage] = []
  var answers: [UInt64: Answer] = [:]
  var streamed: [UInt64: String] = [:]
  var cancelled: Set<UInt64> = []
  /// Images in a vision node's hands, and those whose features stage 0 holds.
  var encoding: [UInt64] = []
  var held: Set<UInt64> = []
  /// Steps in the pipeline, oldest first.
  var flight: [Step] = []
  /// What stands in the KV cache of every stage.
  var decoder = FakeDecoder(blockTokens: 8)
  /// What each sequence's prompt positions hold.
  var prompts: [UInt64: [UInt64]] = [:]
  /// The client's number of each sequence, kept when the query has ended.
  var numbers: [UInt64: UInt64] = [:]

  static let credits = 3

  init(seed: UInt64, cancels: Bool) throws {
    var random = SplitMix(state: seed)
    let stages = Int.random(in: 1...4, using: &random)
    self.stages = stages
    self.cancels = cancels
    cluster = try FakeCluster.ready(workers: stages) {
      $0.stepTokens = Int.random(in: 1...48, using: &random)
      $0.kvTokens = 264
      $0.kvBlockTokens = 8
      $0.featureCredits = Self.credits
    }
    try cluster.joinClient("leaver")
    let file = try FakeCluster.image()
    for number in 1...20 as ClosedRange<UInt64> {
      let count = Int.random(in: 1...60, using: &random)
      var script = (0..<count).map { _ in Int32.random(in: 4..<800, using: &random) }
      if Bool.random(using: &random) { script[count - 1] = 2 }
      scripts[number] = script
      let images = Int.random(in: 0...2, using: &random)
      unasked.append(
        FakeCluster.query(
          number, images: Array(repeating: file, count: images), newTokensMax: count))
    }
    self.random = random
  }

  mutating func run() throws {
    var turns = 0
    while turns < 20_000,
      !unasked.isEmpty || !flight.isEmpty || !encoding.isEmpty
        || !cluster.state.queries.isEmpty
    {
      turns += 1
      switch Int.random(in: 0..<10, using: &random) {
      case 0: try askNext()
      case 1, 2: try finishEncoding()
      case 3 where cancels: try cancelOne()
      default: try finishStep()
      }
      take()
    }
    #expect(turns < 20_000)
  }

  private func client(of number: UInt64) -> String { number % 4 == 0 ? "leaver" : "client" }

  private mutating func askNext() throws {
    guard let query = unasked.popLast() else { return }
    try cluster.ask(query, from: client(of: query.query))
  }

  private mutating func finishEncoding() throws {
    guard let index = encoding.indices.randomElement(using: &random) else { return }
    let image = encoding.remove(at: index)
    held.insert(image)
    #expect(held.count <= Self.credits)
    try cluster.featuresReady(image)
  }

  private mutating func cancelOne() throws {
    let number = UInt64.random(in: 1...40, using: &random)
    guard number > 20 else {
      guard answers[number] == nil, !cancelled.contains(number),
        !unasked.contains(where: { $0.query == number })
      else { return }
      cancelled.insert(number)
      return try cluster.receive(
        .cancelQuery(CancelQuery(query: number)), from: client(of: number))
    }
    guard number == 40 else { return }
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "leaver")
    let gone = scripts.keys.filter { client(of: $0) == "leaver" && answers[$0] == nil }
    cancelled.formUnion(gone)
    unasked.removeAll { gone.contains($0.query) }
  }

  private mutating func finishStep() throws {
    guard !flight.isEmpty else { return }
    let step = flight.removeFirst()
    let (scripts, prompts, numbers) = (scripts, prompts, numbers)
    try cluster.answer(step) { span in
      let position = span.firstPosition + span.tokenCount - prompts[span.sequence]!.count
      return scripts[numbers[span.sequence]!]![position]
    }
  }

  private mutating func take() {
    // Sequences are told apart while their queries are there.
    for (sequence, query) in cluster.state.queries {
      guard prompts[sequence] == nil else { continue }
      numbers[sequence] = query.name.number
      var contents = query.prompt.tokens.map { UInt64($0) }
      for image in query.prompt.images {
        for row in 0..<image.rows { contents[image.firstToken + row] = UInt64(100_000 + row) }
      }
      prompts[sequence] = contents
    }
    for message in cluster.take() {
      switch message {
      case .encodeImage(let request): encoding.append(request.image)
      case .releaseFeatures(let release):
        for image in release.images {
          let wasHeld = held.remove(image) != nil
          #expect(wasHeld)
        }
      case .step(let step): check(step)
      case .answerText(let text):
        #expect(!cancelled.contains(text.query))
        streamed[text.query, default: ""] += text.text
      case .answer(let answer):
        #expect(!cancelled.contains(answer.query))
        let earlier = answers.updateValue(answer, forKey: answer.query)
        #expect(earlier == nil)
      case .error(let error): Issue.record("\(error)")
      default: break
      }
    }
    #expect(encoding.count + held.count <= Self.credits)
  }

  private mutating func check(_ step: Step) {
    flight.append(step)
    #expect(flight.count <= stages + 1)
    let spans = step.spans.map { span in
      for splice in span.splices { #expect(held.contains(splice.image)) }
      let script = scripts[numbers[span.sequence]!]!
      let prompt = prompts[span.sequence]!
      let all = prompt + script.map { UInt64($0) }
      let positions = span.firstPosition..<span.firstPosition + span.tokenCount
      for (position, token) in zip(positions, span.tokenIDs) where position >= prompt.count {
        #expect(UInt64(token) == all[position])
      }
      let imageRows = all[positions].count { $0 >= 100_000 }
      #expect(span.splices.reduce(0) { $0 + $1.rowCount } == imageRows)
      return FakeDecoder.Span(
        before: Array(all[..<span.firstPosition]), contents: Array(all[positions]),
        blocks: span.kvBlocks)
    }
    _ = decoder.compute(spans)
  }

  func expectNothingHeld() {
    cluster.expectIdle()
    #expect(flight.isEmpty && encoding.isEmpty)
    #expect(held == Set(cluster.state.pipeline?.features.entries.keys.map { $0 } ?? []))
  }
}
