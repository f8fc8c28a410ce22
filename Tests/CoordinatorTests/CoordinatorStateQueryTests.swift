/// One query at a time: from its arrival over images and steps to its answer.

import Checkpoints
import Messaging
import Testing
import Tokenizing
import Wire

@testable import Coordinator

@Suite("coordinator: queries")
struct CoordinatorStateQueryTests {
  @Test("a query that comes before the cluster is ready waits until it is")
  func waits() throws {
    var cluster = try FakeCluster()
    try cluster.joinClient()
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()]))
    try cluster.ask(FakeCluster.query(2))
    try cluster.joinWorker(0)
    try cluster.joinVision()
    #expect(cluster.take("vision").encodes.isEmpty && cluster.steps().isEmpty)
    try cluster.allReady()
    #expect(cluster.take("vision").encodes.count == 1)
    #expect(cluster.steps().flatMap(\.spans).map(\.firstPosition) == [0])
    #expect(cluster.events.contains { if case .ready = $0 { true } else { false } })
  }

  @Test("images are asked for only while stage 0 has room, first come first served")
  func credits() throws {
    var cluster = try FakeCluster.ready { $0.featureCredits = 2 }
    let files = try FakeCluster.images(1...3)
    for (number, file) in zip(UInt64(1)..., files) {
      try cluster.ask(FakeCluster.query(number, images: [file]))
    }
    let asked = cluster.take("vision").encodes
    #expect(asked.map(\.image) == [1, 2] && asked.map(\.file) == Array(files[..<2]))
    #expect(asked.allSatisfy { $0.geometry.side == 112 })
    try cluster.featuresReady(1)
    // Once the prompt is on its way, whatever comes to stage 0 next comes behind it.
    #expect(cluster.take("worker-0").map(\.name) == ["Step", "Step", "ReleaseFeatures"])
    #expect(cluster.take("vision").encodes.map(\.image) == [3])
  }

  @Test("a query begins when all its images have come, each once")
  func severalImages() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    let files = [try FakeCluster.image(), try FakeCluster.image("heldout_22_wide.png")]
    try cluster.ask(FakeCluster.query(1, images: files))
    let asked = cluster.take("vision").encodes
    #expect(asked.map(\.file) == files)
    try cluster.featuresReady(2)
    try cluster.featuresReady(2)
    #expect(cluster.steps().isEmpty)
    try cluster.featuresReady(1)
    let span = try #require(cluster.steps().first?.spans.first)
    #expect(span.splices.map(\.image) == [1, 2])
    #expect(span.splices.map(\.rowCount) == [64, 64])
    for splice in span.splices {
      let ids = span.tokenIDs[splice.firstToken..<splice.firstToken + splice.rowCount]
      #expect(ids.allSatisfy { $0 == cluster.state.model.configuration.imageToken })
    }
  }

  @Test("a prompt in small steps: every token, image row and block once; only the end samples")
  func chunks() throws {
    var cluster = try FakeCluster.ready(workers: 4) {
      $0.stepTokens = 10
      $0.kvBlockTokens = 8
    }
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()]))
    try cluster.featuresReady(1)
    let prompt = try #require(cluster.state.queries.values.first?.prompt.tokens)
    var (ids, rows, samples, blocks) = ([Int32](), [Int](), [Bool](), [Int]())
    while true {
      let steps = cluster.steps()
      guard let last = steps.last?.spans.last, !last.samples || samples.last != true else { break }
      #expect(steps.count <= 5)
      for step in steps {
        let span = step.spans[0]
        #expect(span.firstPosition == ids.count && span.tokenCount <= 10)
        for splice in span.splices {
          #expect(splice.image == 1 && splice.firstRow == rows.count)
          rows += splice.firstRow..<splice.firstRow + splice.rowCount
          let image = span.tokenIDs[splice.firstToken..<splice.firstToken + splice.rowCount]
          #expect(image.allSatisfy { $0 == cluster.state.model.configuration.imageToken })
        }
        ids += span.tokenIDs
        samples.append(span.samples)
        #expect(span.kvBlocks.count == (ids.count + 7) / 8)
        #expect(
          span.kvBlocks.starts(with: blocks) && Set(span.kvBlocks).count == span.kvBlocks.count)
        blocks = span.kvBlocks
      }
      for step in steps where samples.last != true { try cluster.answer(step) { _ in nil } }
    }
    #expect(ids == prompt && rows == Array(0..<64))
    #expect(samples == Array(repeating: false, count: samples.count - 1) + [true])
  }

  @Test("an answer ends at the end token or at its length, and says which")
  func endings() throws {
    var cluster = try FakeCluster.ready()
    let word = try #require(cluster.tokens("red").first)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 3))
    let first = try #require(cluster.steps().first)
    try cluster.answer(first) { _ in word }
    try cluster.answerAll(2)
    let stopped = try #require(cluster.take("client").answers.first)
    #expect(stopped.finishReason == .stop && stopped.text == "red" && stopped.newTokens == 2)
    try cluster.ask(FakeCluster.query(2, newTokensMax: 3))
    try cluster.answerAll(word)
    let cut = try #require(cluster.take("client").answers.first)
    #expect(cut.finishReason == .length && cut.text == "red red red" && cut.newTokens == 3)
    cluster.expectIdle()
  }

  @Test("regions in an answer are mapped to pixels of the picture")
  func answerRegions() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    let text = "<box>[0.25,0.30,0.50,0.62]</box>"
    let ids = cluster.tokens(text)
    let file = try FakeCluster.image("heldout_18_448.png")
    try cluster.ask(FakeCluster.query(1, images: [file], newTokensMax: 64))
    try cluster.featuresReady(1)
    for id in ids + [2] {
      let step = try #require(cluster.steps().first)
      try cluster.answer(step) { _ in id }
    }
    let answer = try #require(cluster.take("client").answers.first)
    #expect(answer.text == text)
    let region = try #require(answer.regions.first)
    #expect(answer.regions.count == 1 && region.text == text && region.region.kind == .box)
    for (value, share) in zip(region.region.coordinates, [0.25, 0.30, 0.50, 0.62]) {
      #expect(abs(value - share * 448) < 1e-9)
    }
    #expect(answer.imageTokens == 64 && answer.processes.map(\.name).contains("vision"))
  }

  @Test("an answer with a zero byte reaches the client")
  func zeroByte() throws {
    var cluster = try FakeCluster.ready()
    let zero = try #require(cluster.state.model.tokenizer.id(of: "<0x00>"))
    try cluster.ask(FakeCluster.query(1))
    try cluster.answer(try #require(cluster.steps().first)) { _ in zero }
    try cluster.answerAll(2)
    let messages = cluster.take("client")
    #expect(messages.answers.map(\.text) == ["\u{FFFD}"])
    #expect(messages.texts.map(\.text).joined() == "\u{FFFD}")
  }

  @Test("a query that asks for more tokens than there is room gets what there is")
  func clamped() throws {
    for isEarly in [true, false] {
      var cluster = try FakeCluster { $0.kvTokens = 64 }
      try cluster.joinClient()
      if isEarly { try cluster.ask(FakeCluster.query(1, newTokensMax: 4000)) }
      try cluster.joinVision()
      try cluster.joinWorker(0)
      try cluster.allReady()
      if !isEarly { try cluster.ask(FakeCluster.query(1, newTokensMax: 4000)) }
      try cluster.answerAll(500)
      let answer = try #require(cluster.take("client").answers.first)
      #expect(answer.finishReason == .length && answer.promptTokens + answer.newTokens == 64)
      cluster.expectIdle()
    }
  }

  @Test("a query that came before a smaller plan is clamped to it, or refused")
  func smallerPlan() throws {
    var cluster = try FakeCluster()
    try cluster.joinClient()
    let long = String(repeating: "red box ", count: 250)
    var query = FakeCluster.query(1, newTokensMax: 0)
    query.turns[0].text = long
    try cluster.ask(query)
    try cluster.ask(FakeCluster.query(2, newTokensMax: 0))
    let weights = cluster.state.layerWeights.reduce(0) { $0 + $1.memoryBytes }
    try cluster.joinVision()
    try cluster.joinWorker(0, memory: weights + 4 * 300 * 8 * 64)
    try cluster.allReady()
    let capacity = try #require(cluster.state.pipeline?.scheduler.sequenceTokensMax)
    #expect(capacity < 512)
    let error = try #require(cluster.take("client").errors.first)
    #expect(error.query == 1 && error.code == .invalidQuery && error.text.contains("\(capacity)"))
    try cluster.answerAll(500)
    let answer = try #require(cluster.take("client").answers.first)
    #expect(answer.query == 2 && answer.promptTokens + answer.newTokens == capacity)
  }
}
