/// Plans that change while all is well: somebody joins, somebody is to go.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: moves")
struct CoordinatorStateMovingTests {
  @Test("a worker that makes the plan faster loads its layers first; then the queries go on")
  func join() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 4))
    let begun = try #require(cluster.steps().first)
    try cluster.joinWorker(1)
    // Who has layers keeps them until the other has loaded his.
    let preparing = cluster.take("worker-1").assignments
    #expect(preparing.map(\.prepares) == [false, true] && preparing.map(\.layerCount) == [0, 2])
    let shrunk = cluster.take("worker-0").assignments
    #expect(shrunk.map(\.prepares) == [true])
    #expect(cluster.state.pipeline?.epoch == 1)
    try cluster.answer(begun) { _ in 500 }
    let inFlight = try #require(cluster.steps().first)
    for name in ["worker-0", "worker-1"] {
      try cluster.receive(.ready(Ready(epoch: preparing[1].epoch)), from: name)
    }
    // The step in flight comes to its end first, and no other is sent.
    #expect(cluster.state.pipeline?.epoch == 1 && cluster.steps().isEmpty)
    try cluster.answer(inFlight) { _ in 501 }
    #expect(cluster.state.pipeline?.epoch == 2 && cluster.steps().isEmpty)
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-0", "worker-1"])
    try cluster.allReady()
    let again = try #require(cluster.sent.map(\.message).steps.first)
    #expect(again.epoch == 2 && again.spans[0].tokenIDs.suffix(2) == [500, 501])
    try cluster.answerAll(502)
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && messages.answers.map(\.newTokens) == [4])
    cluster.expectIdle()
  }

  @Test("a worker that gains too little, or that is to be a spare, changes nothing")
  func noGain() throws {
    var slow = try FakeCluster.ready(workers: 1)
    var hello = try slow.hello(.decoderWorker, "slow", number: 5)
    hello.weightBytesPerSecond = 10_000_000
    try slow.receive(.hello(hello), from: "slow")
    #expect(slow.take("slow").assignments.map(\.layerCount) == [0] && slow.state.move == nil)
    var spare = try FakeCluster.ready(workers: 2) { $0.spares = 1 }
    try spare.joinWorker(2)
    #expect(spare.state.move == nil && spare.state.pipeline?.stages.count == 2)
  }

  @Test("draining moves a worker's layers to others without an error; it gets no more work")
  func drain() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 4))
    let step = try #require(cluster.steps().first)
    _ = cluster.take()
    try cluster.receive(.drain(Drain(name: "worker-0")), from: "client")
    let prepare = try #require(cluster.take("worker-1").assignments.first)
    #expect(prepare.prepares && prepare.layerCount == 4)
    try cluster.receive(.ready(Ready(epoch: prepare.epoch)), from: "worker-1")
    #expect(cluster.take("client").isEmpty)
    try cluster.answer(step) { _ in 500 }
    #expect(cluster.take("client").drained == [Drained(name: "worker-0")])
    try cluster.allReady()
    try cluster.answerAll(501)
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && messages.answers.map(\.newTokens) == [4])
    #expect(cluster.take("worker-0").assignments.map(\.layerCount) == [0])
    // It stands by, and is not planned with even when another worker joins.
    try cluster.joinWorker(2)
    #expect(cluster.state.move?.workers.map(\.name) == ["worker-1", "worker-2"])
    cluster.expectIdle()
  }

  @Test("who cannot be spared is told why and goes on working")
  func cannotDrain() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.receive(.drain(Drain()), from: "worker-0")
    let answer = try #require(cluster.take("worker-0").drained.first)
    #expect(answer.problem.contains("no other worker"))
    try cluster.receive(.drain(Drain(name: "nobody")), from: "client")
    let unknown = try #require(cluster.take("client").drained.first)
    #expect(unknown.problem.contains("worker-0") && unknown.name == "nobody")
    try cluster.ask(FakeCluster.query(1))
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
  }

  @Test("who drains while no plan stands may go at once")
  func drainWithoutPlan() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "vision")
    cluster.state.unreachable(PeerIdentity("worker-0"), now: 0)
    try cluster.ask(FakeCluster.query(1))
    try cluster.joinWorker(1)
    #expect(cluster.state.pipeline == nil)
    try cluster.receive(.drain(Drain()), from: "worker-1")
    #expect(cluster.take("worker-1").drained == [Drained(name: "worker-1")])
  }

  @Test("a loss during a move ends the move, and no query with it", arguments: [0, 1, 2])
  func lossDuringMove(lost number: Int) throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 4))
    // Four layers go faster over four than over two.
    for joining in 2...3 { try cluster.joinWorker(joining) }
    let move = try #require(cluster.state.move)
    cluster.state.unreachable(PeerIdentity("worker-\(number)"), now: 1)
    try cluster.collect()
    // What comes of the old move changes nothing.
    for other in 0...3 where other != number {
      let name = "worker-\(other)"
      try cluster.receive(.ready(Ready(epoch: move.epoch)), from: name)
    }
    for _ in 0..<4 where cluster.state.queries.count > 0 {
      if let move = cluster.state.move {
        for peer in move.pending {
          try cluster.receive(.ready(Ready(epoch: move.epoch)), from: "\(peer)")
        }
      }
      if cluster.state.pipeline?.isReady == false { try cluster.allReady() }
      try cluster.answerAll(501)
    }
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && messages.answers.map(\.newTokens) == [4])
    cluster.expectIdle()
  }

  @Test("a vision node that drains gets no more images and goes when its last is done")
  func drainVision() throws {
    var cluster = try FakeCluster.ready()
    let files = try FakeCluster.images(1...2)
    try cluster.ask(FakeCluster.query(1, images: [files[0]]))
    try cluster.joinVision("vision-2")
    try cluster.receive(.drain(Drain()), from: "vision")
    #expect(cluster.take("vision").drained.isEmpty)
    try cluster.ask(FakeCluster.query(2, images: [files[1]]))
    #expect(cluster.take("vision-2").encodes.map(\.image) == [2])
    try cluster.featuresReady(1)
    #expect(cluster.take("vision").drained == [Drained(name: "vision")])
  }
}

extension [Message] {
  fileprivate var drained: [Drained] {
    compactMap { if case .drained(let body) = $0 { body } else { nil } }
  }
}
