/// Many queries at once: each gets the answer that it gets alone, and nothing is left of those that
/// went away.

import Coordinator
import Foundation
import Messaging
import Testing
import Wire

@Suite("serving", .serialized, .timeLimit(.minutes(5)))
struct ServingTests {
  /// Long answers to questions about few images, some greedy and some drawn.
  private func queries(_ count: Int) throws -> [ReferringQueryMessage] {
    let cases = try HeldoutCase.all()
    return try (0..<count).map { index in
      var query = try cases[index % 3 == 0 ? 0 : index].message()
      query.newTokensMax = 12 + index * 7 % 50
      query.ignoreEnd = true
      query.user = ["", "anna", "ben"][index % 3]
      query.logProbabilities = index % 4 == 0 ? 2 : nil
      query.sampling.seed = UInt64(index)
      query.sampling.temperature = index % 2 == 0 ? 0 : 0.8
      if index % 5 == 0 { query.sampling.frequencyPenalty = 0.5 }
      return query
    }
  }

  @Test("answers under preemption, shared prefixes and any batch are those of queries asked alone")
  func sameAnswers() async throws {
    let queries = try queries(24)
    let alone = try await InProcessCluster.start(workers: 1) { $0.featureCredits = 1 }
    var expected: [(answer: Answer, tokens: [AnswerToken])] = []
    for query in queries { expected.append(try await alone.answer(query)) }
    await alone.stop()

    let busy = try await InProcessCluster.start(workers: 3) {
      $0.kvTokens = 480
      $0.kvBlockTokens = 8
      $0.stepTokens = 40
    }
    let answers = try await withThrowingTaskGroup(
      of: (Int, (answer: Answer, tokens: [AnswerToken])).self
    ) { group in
      for (index, query) in queries.enumerated() {
        group.addTask { (index, try await busy.answer(query)) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    let status = try await busy.idle()
    await busy.stop()
    for (index, (answer, tokens)) in expected.enumerated() {
      #expect(answers[index]?.answer.text == answer.text, "query \(index)")
      #expect(answers[index]?.tokens == tokens, "query \(index)")
      #expect(answers[index]?.answer.newTokens == queries[index].newTokensMax)
    }
    #expect(status.kv.free + status.kv.cached == status.kv.blocks)
    #expect(status.prefix.hitTokens > 0 && status.features.hits + status.prefix.hitTokens > 0)
  }

  @Test(
    "workers join and go under load: answers are those of queries asked alone, no prompt comes twice",
    arguments: [false, true])
  func moves(hasKeys: Bool) async throws {
    let queries = try queries(8).map { query in
      var query = query
      query.newTokensMax = 400
      return query
    }
    let alone = try await InProcessCluster.start(workers: 1)
    var expected: [(answer: Answer, tokens: [AnswerToken])] = []
    for query in queries { expected.append(try await alone.answer(query)) }
    await alone.stop()

    let directory = FileManager.default.temporaryDirectory.appending(
      path: "chatspot-moves-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    let keys = hasKeys ? KeyDirectory(path: directory.path) : nil
    try keys?.make()
    var cluster = try await InProcessCluster.start(workers: 1, late: 2, keys: keys)
    let asked = cluster
    let answering = Task {
      try await withThrowingTaskGroup(of: (Int, (answer: Answer, tokens: [AnswerToken])).self) {
        group in
        for (index, query) in queries.enumerated() {
          group.addTask { (index, try await asked.answer(query)) }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
    }
    try await cluster.wait { $0.queries.running == queries.count }
    try await cluster.join(1, stages: 2)
    try await Task.sleep(for: .milliseconds(50))
    try await cluster.join(2, stages: 2)
    // The last stage, then the first.
    try await cluster.drain(1)
    try await Task.sleep(for: .milliseconds(50))
    try await cluster.drain(0)
    let underWay = await cluster.coordinator.status().queries.running
    let answers = try await answering.value
    let status = try await cluster.idle()
    await cluster.stop()
    #expect(underWay > 0, "the answers were through before the moves were")
    for (index, (answer, tokens)) in expected.enumerated() {
      #expect(answers[index]?.answer.text == answer.text, "query \(index)")
      #expect(answers[index]?.tokens == tokens, "query \(index)")
    }
    // Each prompt was asked of the KV cache once.
    #expect(status.prefix.askedTokens == expected.reduce(0) { $0 + $1.answer.promptTokens })
    #expect(status.kv.free + status.kv.cached == status.kv.blocks)
  }

  @Test("a worker that goes in good order while the coordinator is busy has left, and is not lost")
  func goodbyeBehind() async throws {
    let cluster = try await InProcessCluster.start(workers: 2)
    // Behind this, timers have messages for who is gone before its goodbye is read.
    async let isThrough: Void = cluster.coordinator.beBusy(milliseconds: 1000)
    try await Task.sleep(for: .milliseconds(100))
    try await cluster.end(1)
    await isThrough
    try await cluster.wait { $0.stages.count + $0.spares.count == 1 }
    let losses = await cluster.coordinator.status().losses
    await cluster.stop()
    #expect(losses.map(\.name) == [])
  }

  @Test("a second question about an image costs no encoding and only its own text")
  func secondQuestion() async throws {
    let cluster = try await InProcessCluster.start(workers: 2)
    var query = try HeldoutCase.all()[0].message()
    let first = try await cluster.answer(query)
    #expect(first.answer.cachedTokens == 0 && first.answer.imageSeconds > 0)
    query.turns[0].text = "What colour is this?"
    let second = try await cluster.answer(query)
    #expect(second.answer.imageSeconds == 0)
    #expect(second.answer.cachedTokens >= second.answer.imageTokens)
    #expect(!second.answer.processes.contains { $0.layerCount == 0 })
    // Ten at once about a new image: one encoding, one prefill.
    query = try HeldoutCase.all()[40].message()
    let before = await cluster.coordinator.status()
    let asked = query
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for _ in 0..<10 { group.addTask { try await cluster.answer(asked).answer } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let after = try await cluster.idle()
    await cluster.stop()
    #expect(Set(answers.map(\.text)).count == 1)
    #expect(after.features.held == before.features.held + 1)
    let computed = answers.reduce(0) { $0 + $1.promptTokens - $1.cachedTokens }
    // Each computes its own text, and what does not fill a block.
    #expect(computed < answers[0].promptTokens + 9 * 24)
  }

  @Test("who stops reading, or is out of time, frees everything at once")
  func goingAway() async throws {
    let cluster = try await InProcessCluster.start(workers: 2)
    var query = try HeldoutCase.all()[0].message()
    query.ignoreEnd = true
    query.newTokensMax = 400
    for _ in 0..<8 {
      for try await event in cluster.coordinator.ask(query) {
        if case .text = event { break }
      }
    }
    query.deadlineMilliseconds = 30
    query.newTokensMax = 100_000
    let late = query
    let error = await #expect(throws: CoordinatorError.self) {
      while true { _ = try await cluster.answer(late) }
    }
    #expect(error?.code == .deadline)
    let status = try await cluster.idle()
    await cluster.stop()
    #expect(status.queries.running == 0 && status.kv.free + status.kv.cached == status.kv.blocks)
  }

  @Test("clients that hang up at random disturb nobody, and leave nothing behind")
  func hangUps() async throws {
    let cluster = try await InProcessCluster.start(workers: 2) { $0.kvTokens = 640 }
    let queries = try queries(12)
    var expected: [String] = []
    for query in queries { expected.append(try await cluster.answer(query).answer.text) }
    let (asked, alone) = (queries, expected)
    let whole = try await withThrowingTaskGroup(of: Int.self) { group in
      for client in 0..<32 {
        group.addTask {
          var random = SystemRandomNumberGenerator()
          var answers = 0
          for round in 0..<6 {
            let index = (client + round * 5) % asked.count
            let patience = Int.random(in: 0...60, using: &random)
            var text = ""
            reading: for try await event in cluster.coordinator.ask(asked[index]) {
              switch event {
              case .text(let more, _): text += more
              case .answer(let answer):
                #expect(answer.text == alone[index] && text == answer.text)
                answers += 1
              }
              if text.utf8.count > patience * 2 { break reading }
            }
            #expect(alone[index].hasPrefix(text))
          }
          return answers
        }
      }
      return try await group.reduce(0, +)
    }
    let status = try await cluster.idle()
    await cluster.stop()
    #expect(whole > 0 && status.queries.running + status.queries.waiting == 0)
    #expect(status.kv.free + status.kv.cached == status.kv.blocks)
  }

  @Test("stop texts, min tokens, raw prompts and log-probabilities do what they say")
  func options() async throws {
    let cluster = try await InProcessCluster.start(workers: 2)
    var query = try HeldoutCase.all()[0].message()
    query.ignoreEnd = true
    query.newTokensMax = 24
    query.logProbabilities = 3
    let (whole, tokens) = try await cluster.answer(query)
    #expect(tokens.count == 24 && tokens.allSatisfy { $0.likeliest.count == 3 })
    #expect(tokens.allSatisfy { $0.id == $0.likeliest[0].id && $0.logProbability <= 0 })
    let end = try #require(
      whole.text.index(whole.text.startIndex, offsetBy: 6, limitedBy: whole.text.endIndex))
    let stop = String(whole.text[end...].prefix(3))
    query.stop = [stop]
    let (cut, _) = try await cluster.answer(query)
    #expect(cut.finishReason == .stop && !cut.text.contains(stop) && whole.text.hasPrefix(cut.text))
    query.stop = []
    query.ignoreEnd = false
    query.minTokens = 20
    let (long, _) = try await cluster.answer(query)
    #expect(long.newTokens >= 20)
    // A raw prompt of the tokens of a text is that text.
    let served = try ServedModel(directory: Program.model)
    let text = ReferringQueryMessage(query: 1, newTokensMax: 8, prompt: .text("What is red?"))
    var ids = text
    ids.prompt = .tokens(served.tokenize("What is red?", addsSpecial: true))
    let fromText = try await cluster.answer(text).answer
    #expect(try await cluster.answer(ids).answer.text == fromText.text)
    ids.prompt = .tokens([1, 100_000])
    let wrong = ids
    let error = await #expect(throws: CoordinatorError.self) { try await cluster.answer(wrong) }
    #expect(error?.code == .invalidQuery)
    await cluster.stop()
    let late = await #expect(throws: CoordinatorError.self) { try await cluster.answer(text) }
    #expect(late?.code == .unavailable)
  }

  @Test("large files come beside the sockets' thread, and what follows them stays behind them")
  func largeFiles() async throws {
    let cluster = try await InProcessCluster.start(workers: 1)
    let client = try QueryClient(coordinator: cluster.address)
    try await client.connect()
    var query = try HeldoutCase.all()[0].message()
    let small = try await client.answer(query)
    // Behind a PNG's end anything may stand.
    query.images[0] += [UInt8](repeating: 7, count: 3_000_000)
    #expect(try await client.answer(query).text == small.text)
    query.newTokensMax = 400
    query.ignoreEnd = true
    for _ in 0..<5 {
      let task = Task { [query] in try await client.answer(query) }
      try await Task.sleep(for: .milliseconds(3))
      task.cancel()
      _ = try? await task.value
    }
    let status = try await cluster.idle()
    #expect(status.queries.running == 0 && status.kv.free + status.kv.cached == status.kv.blocks)
    await client.close()
    await cluster.stop()
  }

  @Test("a trace shows every stage and image in order, and is JSON")
  func tracing() async throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "chatspot-trace-\(UUID().uuidString).json").path
    let cluster = try await InProcessCluster.start(workers: 2) { $0.trace = path }
    _ = try await cluster.answer(try HeldoutCase.all()[0].message())
    await cluster.stop()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let data = try Data(contentsOf: URL(filePath: path))
    let events = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    let rows = events.compactMap { ($0["args"] as? [String: Any])?["name"] as? String }
    #expect(Set(rows) == ["pipeline", "stage 0: worker-0", "stage 1: worker-1", "vision: vision"])
    let complete = events.filter { $0["ph"] as? String == "X" }
    func spans(_ name: String) -> [(start: Double, end: Double)] {
      complete.filter { $0["name"] as? String == name }.map {
        let start = $0["ts"] as? Double ?? 0
        return (start, start + ($0["dur"] as? Double ?? 0))
      }
    }
    let chain = spans("image 1") + spans("step 1")
    try #require(chain.count == 3)
    // One machine, one clock: what follows from another lies behind it, but for a millisecond.
    #expect(chain[1].start > chain[0].end - 1000)
    #expect(chain[2].start > chain[1].end - 1000)
    // A writer that was killed leaves an array without its end.
    let cut = String(decoding: data, as: UTF8.self).split(separator: "\n")[1]
    #expect(cut.hasSuffix(",") && cut.hasPrefix("{"))
  }
}

extension Coordinator {
  /// Does nothing else for a while.
  fileprivate func beBusy(milliseconds: UInt32) { usleep(milliseconds * 1000) }
}
