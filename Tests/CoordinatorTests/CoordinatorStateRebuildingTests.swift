/// One stage is lost and a spare takes its place: the others keep what they hold.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: a stage that is replaced")
struct CoordinatorStateRebuildingTests {
  /// Two stages and a spare, "worker-2"; a query about an image and one without, under way.
  private static func busy() throws -> FakeCluster {
    var cluster = try FakeCluster.ready(workers: 3) {
      $0.workersExpected = 2
      $0.spares = 1
    }
    try cluster.ask(FakeCluster.query(1, newTokensMax: 4))
    try cluster.ask(FakeCluster.query(2, images: [try FakeCluster.image()], newTokensMax: 4))
    try cluster.featuresReady(1)
    // The second has its prompt in a step behind the first's.
    for _ in 1...2 {
      for step in cluster.steps() { try cluster.answer(step) { _ in 500 } }
    }
    return cluster
  }

  private static func loseLast(_ cluster: inout FakeCluster) throws {
    let last = try #require(cluster.state.pipeline?.stages.last?.peer)
    _ = cluster.take()
    cluster.state.unreachable(last, now: cluster.now + 1)
    try cluster.collect()
  }

  /// The new stage answers the steps that rebuild it, until there are none. Returns them.
  private static func rebuild(_ cluster: inout FakeCluster) throws -> [Step] {
    var all: [Step] = []
    while cluster.sent.map(\.message).steps.contains(where: { $0.purpose == .resend }) {
      for step in cluster.steps() {
        let tokens = Tokens(epoch: step.epoch, number: step.number, tokens: [])
        try cluster.receive(.tokens(tokens), from: "worker-2")
        all.append(step)
      }
    }
    return all
  }

  @Test("a spare in the lost stage's place gets from the stage before what it lacks, nothing else")
  func rebuilt() throws {
    var cluster = try Self.busy()
    let held = cluster.state.queries.values.map { $0.tokens.count }.sorted()
    try Self.loseLast(&cluster)
    let kept = try #require(cluster.take("worker-0").assignments.first)
    let new = try #require(cluster.take("worker-2").assignments.first)
    #expect(
      kept.epoch == 2 && kept.keeps && kept.logs && kept.nextEndpoint == FakeCluster.endpoint(2))
    #expect(new.epoch == 2 && !new.keeps && !new.logs && new.layers == 2..<4)
    #expect(cluster.take("client").isEmpty && cluster.steps().isEmpty)
    #expect(cluster.take("vision").encodes.isEmpty)
    for stage in ["worker-0", "worker-2"] {
      #expect(cluster.state.pipeline?.isReady == false)
      try cluster.receive(.ready(Ready(epoch: 2)), from: stage)
    }
    // Nothing is computed until the new stage has all.
    #expect(cluster.sent.allSatisfy { $0.peer == PeerIdentity("worker-0") })
    #expect(cluster.state.status(now: 0).waitingFor == "worker-2 to fill its KV blocks")
    let steps = try Self.rebuild(&cluster)
    let rows = steps.flatMap(\.spans).reduce(into: [:]) {
      $0[$1.sequence, default: 0] += $1.tokenCount
    }
    // All but the last token of each, which is not computed yet.
    #expect(rows.values.sorted() == held.map { $0 - 1 })
    #expect(
      cluster.events.contains(
        .rebuilt(name: "worker-2", positions: rows.values.reduce(0, +), from: "worker-0")))
    try cluster.answerAll(501)
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && Set(messages.answers.map(\.query)) == [1, 2])
    #expect(messages.answers.allSatisfy { $0.newTokens == 4 })
    #expect(messages.texts.count + 2 >= 6)
    #expect(
      cluster.state.status(now: 9).lastInterruption?.rebuiltPositions == rows.values.reduce(0, +))
    cluster.expectIdle()
  }

  @Test("a step that was in flight is formed again, and its late result is not taken")
  func inFlight() throws {
    var cluster = try Self.busy()
    let flight = cluster.steps()
    try Self.loseLast(&cluster)
    for step in flight {
      let late = Tokens(epoch: step.epoch, number: step.number, tokens: [])
      try cluster.receive(.tokens(late), from: "worker-0")
    }
    try cluster.allReady()
    _ = try Self.rebuild(&cluster)
    try cluster.answerAll(501)
    #expect(cluster.take("client").answers.allSatisfy { $0.newTokens == 4 })
    cluster.expectIdle()
  }

  @Test("images on their way are asked for once more; those that came stay at the first stage")
  func images() throws {
    var cluster = try Self.busy()
    let files = try FakeCluster.images(1...1)
    _ = cluster.take("vision")
    try cluster.ask(FakeCluster.query(3, images: files))
    #expect(cluster.take("vision").encodes.map(\.image) == [2])
    try Self.loseLast(&cluster)
    try cluster.allReady()
    _ = try Self.rebuild(&cluster)
    let again = cluster.take("vision").encodes
    #expect(again.map(\.image) == [2] && again.map(\.epoch) == [2])
    try cluster.answerAll(501)
    try cluster.featuresReady(2)
    try cluster.answerAll(501)
    #expect(cluster.take("client").answers.count == 3)
    cluster.expectIdle()
  }

  @Test(
    "the first stage, and a loss while another stage is rebuilt, end the plan; no query is lost")
  func otherwise() throws {
    for losesSource in [false, true] {
      var cluster = try Self.busy()
      if losesSource {
        try Self.loseLast(&cluster)
        try cluster.allReady()
        #expect(cluster.steps().first?.purpose == .resend)
      }
      cluster.state.unreachable(PeerIdentity("worker-0"), now: 2)
      try cluster.collect()
      #expect(cluster.state.pipeline?.rebuild == nil)
      try cluster.allReady()
      for image in cluster.take("vision").encodes { try cluster.featuresReady(image.image) }
      try cluster.answerAll(501)
      for image in cluster.take("vision").encodes { try cluster.featuresReady(image.image) }
      try cluster.answerAll(501)
      let messages = cluster.take("client")
      #expect(messages.errors.isEmpty && Set(messages.answers.map(\.query)) == [1, 2])
      cluster.expectIdle()
    }
  }

  @Test("a rebuilding step that never comes back ends the plan")
  func overdue() throws {
    var cluster = try Self.busy()
    try Self.loseLast(&cluster)
    try cluster.allReady()
    let epoch = cluster.state.lastEpoch
    for _ in 0..<40 where cluster.state.lastEpoch == epoch { try cluster.tickAlive(after: 0.5) }
    #expect(cluster.state.lastEpoch > epoch && cluster.state.pipeline?.rebuild == nil)
  }

  @Test("a client that goes while a stage is rebuilt leaves nothing behind")
  func cancelled() throws {
    var cluster = try Self.busy()
    try Self.loseLast(&cluster)
    try cluster.allReady()
    try cluster.receive(.goodbye(Goodbye(reason: "")), from: "client")
    _ = try Self.rebuild(&cluster)
    cluster.expectIdle()
  }
}
