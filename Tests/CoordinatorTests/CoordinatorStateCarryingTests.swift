/// Moves whose KV blocks go along with the layers.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: KV blocks that move")
struct CoordinatorStateCarryingTests {
  private static let long = String(repeating: "a red box and a blue box ", count: 4)

  /// A query under way, with a step in flight; long enough to fill KV blocks.
  private static func busy(
    workers: Int, _ change: (inout CoordinatorSettings) -> Void = { _ in }
  ) throws -> FakeCluster {
    var cluster = try FakeCluster.ready(workers: workers, givesBlocks: true, change)
    var query = FakeCluster.query(1, newTokensMax: 6)
    query.turns[0].text = long
    try cluster.ask(query)
    while cluster.state.queries.values.contains(where: { $0.newTokens == 0 }) {
      for step in cluster.steps() { try cluster.answer(step) { _ in 500 } }
    }
    return cluster
  }

  /// The members that were asked to load layers have.
  private static func loaded(_ cluster: inout FakeCluster) throws {
    let move = try #require(cluster.state.move)
    for peer in move.pending {
      try cluster.receive(.ready(Ready(epoch: move.epoch)), from: "\(peer)")
    }
  }

  private static func finish(_ cluster: inout FakeCluster) throws {
    try cluster.allReady()
    try cluster.answerAll(502)
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && messages.answers.map(\.newTokens) == [6])
    cluster.expectIdle()
  }

  @Test("who gets layers copies full blocks first and the rest at last; nothing is computed again")
  func join() throws {
    var cluster = try Self.busy(workers: 1)
    let positions = try #require(cluster.state.queries.values.first).tokens.count
    let inFlight = try #require(cluster.steps().first)
    try cluster.joinWorker(1)
    let getting = try #require(cluster.take("worker-1").assignments.last)
    let source = KVSource(layers: 2..<4, endpoint: FakeCluster.tensorEndpoint(0))
    #expect(getting.prepares && getting.kvSources == [source] && getting.kvEpoch == 1)
    #expect(getting.kvBlocks.count == (positions - 1) / 16 && getting.kvBlocks.count > 1)
    let shrinking = try #require(cluster.take("worker-0").assignments.last)
    #expect(shrinking.prepares && shrinking.kvSources.isEmpty && !shrinking.gives)
    try Self.loaded(&cluster)
    try cluster.answer(inFlight) { _ in 501 }
    let kept = try #require(cluster.take("worker-0").assignments.last)
    #expect(kept.keeps && kept.gives && kept.layers == 0..<2 && kept.kvSources.isEmpty)
    let got = try #require(cluster.take("worker-1").assignments.last)
    #expect(!got.keeps && !got.gives && got.kvSources == [source] && got.kvEpoch == 1)
    // The block that was not full.
    #expect(got.kvBlocks.count == 1 && Set(got.kvBlocks).isDisjoint(with: getting.kvBlocks))
    #expect(cluster.steps().isEmpty)
    try cluster.receive(.ready(Ready(epoch: 2)), from: "worker-0")
    #expect(cluster.take("worker-0").settled.isEmpty)
    try cluster.receive(.ready(Ready(epoch: 2)), from: "worker-1")
    let told = cluster.take("worker-0")
    #expect(told.settled == [Settled(epoch: 2)])
    // Behind the last token, one at a time.
    let next = try #require(told.steps.first)
    #expect(next.spans.map(\.tokenCount) == [1] && next.spans[0].firstPosition == positions)
    #expect(next.spans[0].tokenIDs == [501])
    try cluster.answer(next) { _ in 502 }
    try Self.finish(&cluster)
  }

  @Test("who is drained stays until its blocks have been copied")
  func drain() throws {
    var cluster = try Self.busy(workers: 2)
    let inFlight = try #require(cluster.steps().first)
    _ = cluster.take()
    try cluster.receive(.drain(Drain(name: "worker-1")), from: "client")
    try Self.loaded(&cluster)
    try cluster.answer(inFlight) { _ in 501 }
    let given = try #require(cluster.take("worker-1").assignments.last)
    #expect(given.layerCount == 0 && given.gives && cluster.take("client").drained.isEmpty)
    try cluster.allReady()
    #expect(cluster.take("client").drained == [Drained(name: "worker-1")])
    #expect(cluster.take("worker-1").settled == [Settled(epoch: 2)])
    try Self.finish(&cluster)
  }

  @Test(
    "what fills up while others copy is copied again before queries wait, as long as it is much")
  func copyAgain() throws {
    var cluster = try Self.busy(workers: 1) { $0.movedAtLastBytes = 0 }
    try cluster.joinWorker(1)
    _ = cluster.take("worker-1")
    let move = try #require(cluster.state.move)
    // So that another query's blocks fill up.
    var query = FakeCluster.query(2, newTokensMax: 6)
    query.turns[0].text = "another text" + Self.long
    try cluster.ask(query)
    for _ in 0..<2 {
      for step in cluster.steps() { try cluster.answer(step) { _ in 501 } }
    }
    try Self.loaded(&cluster)
    let again = try #require(cluster.take("worker-1").assignments.first)
    #expect(again.prepares && again.epoch == move.epoch && again.kvBlocks.count > 1)
    #expect(cluster.state.pipeline?.epoch == 1)
    try Self.loaded(&cluster)
    for step in cluster.steps() { try cluster.answer(step) { _ in 501 } }
    #expect(cluster.state.pipeline?.epoch == 2)
    try cluster.allReady()
    try cluster.answerAll(502)
    #expect(cluster.take("client").answers.map(\.newTokens) == [6, 6])
    cluster.expectIdle()
  }

  /// How copying goes wrong.
  enum Trouble: CaseIterable {
    case before, atLast, giverLost, getterLost
  }

  @Test(
    "where blocks cannot be copied, they are computed again; no query fails",
    arguments: Trouble.allCases)
  func trouble(_ trouble: Trouble) throws {
    var cluster = try Self.busy(workers: 3) {
      $0.workersExpected = 2
      $0.spares = 1
    }
    let flight = cluster.steps()
    try cluster.receive(.drain(Drain(name: "worker-1")), from: "client")
    let move = try #require(cluster.state.move)
    let error = WireError(code: .unavailable, text: "worker-1 has gone", epoch: move.epoch)
    if trouble == .before {
      try cluster.receive(.error(error), from: "worker-2")
      // Its layers are not loaded yet.
      #expect(cluster.state.move?.pending.isEmpty == false)
    }
    try Self.loaded(&cluster)
    for step in flight { try cluster.answer(step) { _ in 501 } }
    #expect(cluster.state.pipeline?.epoch == move.epoch && cluster.steps().isEmpty)
    switch trouble {
    case .before:
      #expect(cluster.take("worker-2").assignments.last?.kvSources.isEmpty == true)
      #expect(cluster.events.contains(.notCarried(reason: error.text)))
    case .atLast: try cluster.receive(.error(error), from: "worker-2")
    case .giverLost, .getterLost:
      let lost = trouble == .giverLost ? "worker-1" : "worker-2"
      cluster.state.unreachable(PeerIdentity(lost), now: 1)
      try cluster.collect()
    }
    try cluster.allReady()
    if cluster.state.move != nil {
      try cluster.answerAll(502)
      try Self.loaded(&cluster)
      try cluster.answerAll(502)
    }
    try cluster.allReady()
    try cluster.answerAll(502)
    let messages = cluster.take("client")
    #expect(messages.errors.isEmpty && messages.answers.map(\.newTokens) == [6])
    // Whoever asked for it hears that it may go, or why it may not.
    #expect(messages.drained.map(\.name) == ["worker-1"])
    cluster.expectIdle()
  }

  @Test("a move that is given up leaves nothing at those who got ready for it")
  func abandoned() throws {
    var cluster = try Self.busy(workers: 1)
    let flight = cluster.steps()
    try cluster.joinWorker(1)
    _ = cluster.take()
    cluster.state.unreachable(PeerIdentity("worker-1"), now: 1)
    try cluster.collect()
    #expect(cluster.take("worker-0").settled == [Settled(epoch: 1)])
    for step in flight { try cluster.answer(step) { _ in 501 } }
    try Self.finish(&cluster)
  }

  @Test("another first stage gets the images again that are still needed")
  func images() throws {
    var cluster = try FakeCluster.ready(workers: 2, givesBlocks: true)
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()], newTokensMax: 6))
    let first = try #require(cluster.take("vision").encodes.first)
    try cluster.receive(.drain(Drain(name: "worker-0")), from: "client")
    try Self.loaded(&cluster)
    try cluster.allReady()
    let again = try #require(cluster.take("vision").encodes.first)
    #expect(again.fileDigest == first.fileDigest && again.epoch == 2)
    try cluster.featuresReady(again.image)
    try Self.finish(&cluster)
  }

  @Test("a stage that is lost after a move is not filled from a log that does not reach back")
  func lossAfterwards() throws {
    var cluster = try Self.busy(workers: 1) { $0.spares = 1 }
    let flight = cluster.steps()
    try cluster.joinWorker(1)
    try cluster.joinWorker(2)
    try Self.loaded(&cluster)
    for step in flight { try cluster.answer(step) { _ in 501 } }
    try cluster.allReady()
    let last = try #require(cluster.state.pipeline?.stages.last?.peer)
    cluster.state.unreachable(last, now: 1)
    try cluster.collect()
    _ = cluster.steps()
    try cluster.allReady()
    let steps = cluster.sent.map(\.message).steps
    #expect(steps.allSatisfy { $0.purpose == .compute } && steps.first?.spans[0].firstPosition == 0)
    try Self.finish(&cluster)
  }

  @Test("far more room for KV blocks is used once nobody waits for an answer", arguments: [1.4, 3])
  func growth(factor: Double) throws {
    var cluster = try FakeCluster(({ $0.workersExpected = 1 }))
    cluster.givesBlocks = true
    let weights = cluster.state.layerWeights.reduce(0) { $0 + $1.memoryBytes }
    let layers = cluster.state.layerWeights.count
    // Half of what weights leave is for 10,000 positions.
    let room = 2 * 10_000 * cluster.state.layerBlockBytes / 16 * layers
    try cluster.joinWorker(0, memory: weights + room)
    try cluster.joinVision()
    try cluster.allReady()
    try cluster.joinClient()
    let held = try #require(cluster.state.pipeline?.scheduler.sequenceTokensMax)
    #expect(held == 10_000)
    try cluster.ask(FakeCluster.query(1, newTokensMax: 6))
    for step in cluster.steps() { try cluster.answer(step) { _ in 500 } }
    let flight = cluster.steps()
    try cluster.joinWorker(1, memory: Int(Double(room) * (factor - 1)))
    #expect(cluster.state.move?.carried != nil && cluster.state.move?.kvTokens == held)
    try Self.loaded(&cluster)
    for step in flight { try cluster.answer(step) { _ in 501 } }
    #expect(cluster.state.pipeline?.epoch == 2)
    try cluster.allReady()
    #expect(cluster.state.pipeline?.epoch == 2 && cluster.state.pipeline?.isReady == true)
    try cluster.answerAll(502)
    #expect(cluster.take("client").answers.map(\.newTokens) == [6])
    let grown = cluster.state.pipeline?.scheduler.sequenceTokensMax ?? 0
    #expect(factor < 1.5 ? grown == held : grown > 2 * held)
    if factor > 1.5 { try cluster.allReady() }
    #expect(cluster.state.pipeline?.isReady == true && !cluster.state.leavesRoom)
    cluster.expectIdle()
  }
}

extension [Message] {
  fileprivate var settled: [Settled] {
    compactMap { if case .settled(let body) = $0 { body } else { nil } }
  }
  fileprivate var drained: [Drained] {
    compactMap { if case .drained(let body) = $0 { body } else { nil } }
  }
}
