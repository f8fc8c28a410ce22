/// Members and clients that go away, and messages that come too late or make no sense.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: losses and late messages")
struct CoordinatorStateLossTests {
  @Test("queries of a lost worker's pipeline go on behind their last token with a new plan")
  func workerLost() throws {
    var cluster = try FakeCluster.ready(workers: 2) { $0.featureCredits = 1 }
    let files = try FakeCluster.images(1...2)
    try cluster.ask(FakeCluster.query(1))
    try cluster.ask(FakeCluster.query(2, images: [files[0]]))
    try cluster.ask(FakeCluster.query(3, images: [files[1]]))
    let begun = try #require(cluster.steps().first)
    try cluster.answer(begun) { _ in 500 }
    let old = try #require(cluster.steps().first)
    let prompt = begun.spans[0].tokenIDs
    _ = cluster.take()
    cluster.state.unreachable(PeerIdentity("worker-0"), now: 1)
    try cluster.collect()
    #expect(cluster.take("client").isEmpty)
    #expect(
      cluster.events.contains(
        .interrupted(
          reason: "worker-0 was lost: its connection is gone", queries: 3)))
    let assignment = try #require(cluster.take("worker-1").assignments.first)
    #expect(assignment.epoch == 2 && assignment.stageCount == 1 && assignment.layerCount == 4)
    // What the old epoch still says changes nothing.
    let late = Tokens(epoch: old.epoch, number: old.number, tokens: [])
    try cluster.receive(.tokens(late), from: "worker-1")
    #expect(cluster.take("worker-1").isEmpty)
    try cluster.allReady()
    // What was sampled is computed again and not sampled again.
    let again = try #require(cluster.sent.map(\.message).steps.first)
    #expect(again.spans[0].tokenIDs == prompt + [500] && again.spans[0].samples)
    for _ in 0..<2 {
      let image = try #require(cluster.take("vision").encodes.last)
      #expect(image.epoch == 2)
      try cluster.featuresReady(image.image)
      try cluster.answerAll(2)
    }
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && Set(messages.answers.map(\.query)) == [1, 2, 3])
    #expect(messages.answers.first { $0.query == 1 }?.newTokens == 2)
    cluster.expectIdle()
  }

  @Test("a spare takes the lost worker's place; those who are left keep their layers")
  func spareTakesOver() throws {
    var cluster = try FakeCluster.ready(workers: 3) {
      $0.workersExpected = 2
      $0.spares = 1
    }
    let before = try #require(cluster.state.pipeline?.stages)
    #expect(before.map(\.name) == ["worker-0", "worker-1"])
    try cluster.ask(FakeCluster.query(1))
    cluster.state.unreachable(PeerIdentity("worker-0"), now: 1)
    try cluster.collect()
    let after = try #require(cluster.state.pipeline?.stages)
    #expect(after.map(\.name) == ["worker-2", "worker-1"])
    #expect(after.map(\.layers) == before.map(\.layers))
    try cluster.allReady()
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
    cluster.expectIdle()
  }

  @Test("a loss while the next plan is being loaded, of anybody, loses no query")
  func twoLosses() throws {
    var cluster = try FakeCluster.ready(workers: 4)
    try cluster.ask(FakeCluster.query(1))
    for name in ["worker-2", "worker-0"] {
      cluster.state.unreachable(PeerIdentity(name), now: 1)
      try cluster.collect()
    }
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "vision")
    try cluster.joinVision("vision-2")
    try cluster.allReady()
    try cluster.answerAll(2)
    let messages = cluster.take("client")
    #expect(messages.answers.count == 1 && messages.errors.isEmpty)
    cluster.expectIdle()
  }

  @Test("who says that it cannot go on counts as lost, with its reason; who only leaves does not")
  func goodbyes() throws {
    var cluster = try FakeCluster.ready(workers: 3)
    try cluster.receive(.goodbye(Goodbye(reason: "it was asked to end")), from: "worker-0")
    #expect(cluster.state.status(now: 1).losses.isEmpty)
    try cluster.allReady()
    let trouble = Goodbye(reason: "its disk is full", failed: true)
    try cluster.receive(.goodbye(trouble), from: "worker-1")
    let status = cluster.state.status(now: cluster.now + 2)
    #expect(status.losses.map(\.name) == ["worker-1"])
    #expect(status.losses.first?.reason == "its disk is full")
    #expect(status.lastInterruption?.reason == "worker-1 was lost: its disk is full")
  }

  @Test("a step that never comes back is computed again by another epoch, ever more patiently")
  func overdueStep() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 3))
    for step in cluster.steps() { try cluster.answer(step) { _ in 500 } }
    var waits: [Double] = []
    for _ in 0..<3 {
      let epoch = cluster.state.lastEpoch
      var waited = 0.0
      while cluster.state.lastEpoch == epoch, waited < 100 {
        try cluster.tickAlive(after: 0.5)
        waited += 0.5
      }
      waits.append(waited)
      #expect(cluster.state.pipeline?.stages.count == 2)
      try cluster.allReady()
    }
    #expect(waits == waits.sorted() && waits[0] >= 2 && waits[2] >= 8 && waits[2] < 20)
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
    cluster.expectIdle()
  }

  @Test("a worker that comes and goes is left out for ever longer, unless nobody else is there")
  func flapping() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    for _ in 0..<4 {
      cluster.state.unreachable(PeerIdentity("worker-1"), now: cluster.now)
      try cluster.joinWorker(1)
      try cluster.collect()
    }
    let times = cluster.events.compactMap { event -> Double? in
      if case .leftOut("worker-1", let seconds) = event { seconds } else { nil }
    }
    #expect(times == [1, 2, 4])
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-0"])
    // Once it is left out no longer, it is part of a better plan again.
    var later = cluster
    try later.allReady()
    for _ in 0..<20 where later.state.move == nil { try later.tickAlive(after: 0.5) }
    #expect(later.now >= 4 && later.now < 6)
    #expect(later.state.move?.workers.map(\.name) == ["worker-0", "worker-1"])
    cluster.state.unreachable(PeerIdentity("worker-0"), now: cluster.now)
    try cluster.collect()
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-1"])
  }

  @Test("a member that is heard but does not hear is lost")
  func oneWayPartition() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    for _ in 0..<12 {
      for name in ["worker-0", "vision"] { try cluster.echo(name) }
      try cluster.receive(.heartbeat(Heartbeat(epoch: 1)), from: "worker-1")
      try cluster.tick(after: 0.5)
    }
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-0"])
  }

  @Test("without any worker left, queries wait for the next one")
  func nobodyLeft() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "worker-0")
    #expect(cluster.state.pipeline == nil && cluster.state.lastEpoch == 1)
    try cluster.ask(FakeCluster.query(1))
    #expect(cluster.take("client").isEmpty)
    try cluster.joinWorker(5)
    try cluster.allReady()
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.map(\.query) == [1])
    cluster.expectIdle()
  }

  @Test("a stage that reports a broken step is taken out, and a plan without it is made")
  func brokenStage() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1))
    let fault = WireError(code: .invalidMessage, text: "no such rows", epoch: 1, step: 1)
    try cluster.receive(.error(fault), from: "worker-1")
    #expect(cluster.take("client").errors.isEmpty)
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-0"])
  }

  @Test("a stage that sends what is no message is taken out, and its queries go on")
  func nonsense() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1))
    let last = try #require(cluster.state.pipeline?.stages.last)
    cluster.state.receiveInvalid(WireFault(.invalid, "no such token"), from: last.peer, now: 0)
    try cluster.collect()
    #expect(cluster.take("client").errors.isEmpty && cluster.state.members[last.peer] == nil)
    try cluster.allReady()
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
    cluster.expectIdle()
  }

  @Test("what a lost vision node had in hand is encoded by another, or by the next that joins")
  func visionLost() throws {
    var cluster = try FakeCluster.ready()
    try cluster.joinVision("vision-2")
    _ = cluster.take()
    for (number, file) in zip(UInt64(1)..., try FakeCluster.images(1...2)) {
      try cluster.ask(FakeCluster.query(number, images: [file]))
    }
    #expect(cluster.take("vision").encodes.map(\.image) == [1])
    #expect(cluster.take("vision-2").encodes.map(\.image) == [2])
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "vision")
    #expect(cluster.take("vision-2").encodes.map(\.image) == [1])
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "vision-2")
    #expect(cluster.take().encodes.isEmpty)
    try cluster.joinVision("vision-3")
    let again = cluster.take("vision-3")
    #expect(again.encodes.map(\.image) == [1, 2])
    #expect(again.map(\.name) == ["Welcome", "Assignment", "EncodeImage", "EncodeImage"])
  }

  @Test("features that a given-up vision node sent after all do not stay at stage 0")
  func doubleFeatures() throws {
    var cluster = try FakeCluster.ready { $0.featureCredits = 1 }
    let files = try FakeCluster.images(1...2)
    try cluster.ask(FakeCluster.query(1, images: [files[0]]))
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "vision")
    try cluster.joinVision("vision-2")
    try cluster.featuresReady(1)
    // The second node's complaint is about an image that is there already.
    let fault = WireError(code: .invalidImage, text: "no", image: 1)
    try cluster.receive(.error(fault), from: "vision-2")
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
    #expect(cluster.take("worker-0").released.isEmpty)
    // They are still held, until another image needs the room.
    try cluster.featuresReady(1)
    #expect(cluster.take("worker-0").released.isEmpty)
    try cluster.ask(FakeCluster.query(2, images: [files[1]]))
    #expect(cluster.take("worker-0").released == [1])
    try cluster.featuresReady(1)
    #expect(cluster.take("worker-0").released == [1])
  }

  @Test("a vision node's error about an image fails that query alone")
  func imageError() throws {
    var cluster = try FakeCluster.ready()
    let files = try FakeCluster.images(1...3)
    try cluster.ask(FakeCluster.query(1, images: [files[0], files[1]]))
    try cluster.ask(FakeCluster.query(2, images: [files[2]]))
    let fault = WireError(
      code: .invalidImage, text: "it is cut off", remedy: "Send it again", image: 1)
    // Only who encodes it may say so.
    try cluster.joinVision("other")
    try cluster.receive(.error(fault), from: "other")
    #expect(cluster.take("client").errors.isEmpty)
    try cluster.receive(.error(fault), from: "vision")
    let errors = cluster.take("client").errors
    #expect(errors.map(\.query) == [1] && errors.map(\.text) == ["it is cut off"])
    #expect(errors.first?.remedy == "Send it again" && errors.first?.code == .invalidImage)
    // Its other image stays for whoever asks about it next.
    try cluster.featuresReady(2)
    #expect(cluster.take("worker-0").released.isEmpty)
    try cluster.featuresReady(3)
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.map(\.query) == [2])
    cluster.expectIdle()
  }

  @Test("features of another number of rows than the prompt has fail the query")
  func wrongRows() throws {
    var cluster = try FakeCluster.ready()
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()]))
    try cluster.featuresReady(1, rows: 63)
    #expect(cluster.take("client").errors.first?.text.contains("63") == true)
    #expect(cluster.take("worker-0").released == [1])
    cluster.expectIdle()
  }

  @Test("tokens of an old epoch, an unknown step, another sender or twice are dropped")
  func lateTokens() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 3))
    let step = try #require(cluster.steps().first)
    let span = step.spans[0]
    let last = try #require(cluster.state.pipeline?.stages.last?.name)
    let first = try #require(cluster.state.pipeline?.stages.first?.name)
    let token = SampledToken(
      sequence: span.sequence, position: span.firstPosition + span.tokenCount, tokenID: 500)
    func tokens(epoch: UInt64 = 1, number: UInt64 = step.number) -> Message {
      .tokens(Tokens(epoch: epoch, number: number, tokens: [token]))
    }
    try cluster.receive(tokens(epoch: 9), from: last)
    try cluster.receive(tokens(number: 77), from: last)
    try cluster.receive(tokens(), from: first)
    #expect(cluster.sent.isEmpty && cluster.state.queries.values.first?.newTokens == 0)
    try cluster.receive(tokens(), from: last)
    try cluster.receive(tokens(), from: last)
    #expect(cluster.state.queries.values.first?.newTokens == 1)
    #expect(cluster.steps().count == 1 && cluster.take(last).errors.isEmpty)
  }

  @Test("a stage that ends a step without the right token is taken out, and another goes on")
  func wrongPosition() throws {
    for (shift, id) in [(1, 500), (-1, 500), (0, 100_000)] {
      var cluster = try FakeCluster.ready(workers: 1)
      try cluster.ask(FakeCluster.query(1))
      let step = try #require(cluster.steps().first)
      let end = step.spans[0].firstPosition + step.spans[0].tokenCount
      let token = SampledToken(
        sequence: step.spans[0].sequence, position: end + shift, tokenID: Int32(id))
      try cluster.receive(
        .tokens(Tokens(epoch: 1, number: step.number, tokens: [token])), from: "worker-0")
      let messages = cluster.take("client")
      #expect(messages.errors.isEmpty && messages.texts.isEmpty)
      #expect(
        cluster.state.members[PeerIdentity("worker-0")] == nil && cluster.state.queries.count == 1)
      try cluster.joinWorker(1)
      try cluster.allReady()
      try cluster.answerAll(2)
      #expect(cluster.take("client").answers.map(\.query) == [1])
      cluster.expectIdle()
    }
  }

  @Test("a client that cancels or leaves frees everything at once", arguments: [true, false])
  func clientGone(says goodbye: Bool) throws {
    let word = Int32(500)
    for phase in ["encoding", "prefilling", "decoding"] {
      var cluster = try FakeCluster.ready(workers: 2) { $0.stepTokens = 16 }
      try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()]))
      if phase != "encoding" { try cluster.featuresReady(1) }
      var flight = cluster.steps()
      while phase == "decoding", cluster.state.queries.values.first?.newTokens == 0 {
        for step in flight { try cluster.answer(step) { _ in word } }
        flight = cluster.steps()
      }
      let leaving: Message =
        goodbye ? .goodbye(Goodbye(reason: "")) : .cancelQuery(CancelQuery(query: 1))
      try cluster.receive(leaving, from: "client")
      #expect(cluster.state.queries.count == 0, "\(phase)")
      if phase == "encoding" { try cluster.featuresReady(1) }
      for step in flight { try cluster.answer(step) { _ in word } }
      #expect(cluster.steps().isEmpty)
      #expect(cluster.take("worker-0").released.isEmpty, "\(phase)")
      #expect(cluster.take("client").answers.isEmpty)
      cluster.expectIdle()
    }
  }

  @Test("processes on two machines with one process id are reported apart")
  func reports() throws {
    var cluster = try FakeCluster { $0.workersExpected = 2 }
    for number in 0..<2 {
      var hello = try cluster.hello(.decoderWorker, "worker-\(number)", number: number)
      hello.processID = 1
      try cluster.receive(.hello(hello), from: hello.name)
    }
    try cluster.joinVision()
    try cluster.allReady()
    try cluster.joinClient()
    try cluster.ask(FakeCluster.query(1))
    let step = try #require(cluster.steps().first)
    let span = step.spans[0]
    let last = try #require(cluster.state.pipeline?.stages.last?.name)
    let token = SampledToken(
      sequence: span.sequence, position: span.firstPosition + span.tokenCount, tokenID: 2)
    let tokens = Tokens(
      epoch: 1, number: step.number, tokens: [token],
      timings: [StageTiming(stage: 0), StageTiming(stage: 1)])
    try cluster.receive(.tokens(tokens), from: last)
    let answer = try #require(cluster.take("client").answers.first)
    #expect(Set(answer.processes.map(\.name)) == ["worker-0", "worker-1"])
  }
}
