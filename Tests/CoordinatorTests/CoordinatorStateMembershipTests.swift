/// Joining, planning and leaving, as the state machine decides them.

import Checkpoints
import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: members and plans")
struct CoordinatorStateMembershipTests {
  @Test("in whatever order members join, one plan is made once all are there")
  func anyOrder() throws {
    let order = [0, 1, 2, 3]
    for start in order {
      for step in [1, 3] {
        var cluster = try FakeCluster { $0.workersExpected = 3 }
        for index in order {
          #expect(cluster.state.pipeline == nil)
          let who = (start + index * step) % 4
          if who == 3 { try cluster.joinVision() } else { try cluster.joinWorker(who) }
        }
        #expect(cluster.state.pipeline?.epoch == 1)
        #expect(cluster.take().assignments.count == 4)
      }
    }
  }

  @Test("assignments together hold all layers, each stage knows the next, the last knows none")
  func assignments() throws {
    var cluster = try FakeCluster {
      $0.workersExpected = 3
      $0.activationType = .f32
      $0.kvTokens = 100
      $0.kvBlockTokens = 8
      $0.stepTokens = 32
      $0.featureCredits = 5
    }
    for number in [2, 0, 1] { try cluster.joinWorker(number) }
    try cluster.joinVision()
    let pipeline = try #require(cluster.state.pipeline)
    let vision = try #require(cluster.take("vision").assignments.first)
    var end = 0
    for (index, stage) in pipeline.stages.enumerated() {
      let assignment = try #require(cluster.take("\(stage.peer)").assignments.first)
      #expect(assignment.stage == index && assignment.stageCount == 3)
      #expect(assignment.firstLayer == end && assignment.layerCount == stage.layers.count)
      end += assignment.layerCount
      #expect(assignment.kvBlockCount == 12 && assignment.kvBlockTokens == 8)
      #expect(assignment.activationType == .f32)
      #expect(assignment.featureCredits == 5 && assignment.stepTokensMax == 32)
      #expect(assignment.modelDigest == cluster.state.model.digest)
      let next = index == 2 ? "" : try endpoint(of: pipeline.stages[index + 1])
      #expect(assignment.nextEndpoint == next)
    }
    #expect(end == cluster.state.model.configuration.text.layers)
    #expect(vision.nextEndpoint == (try endpoint(of: pipeline.stages[0])))
    #expect(vision.layerCount == 0 && vision.activationType == .f32)
  }

  @Test("a worker that comes late, or one too many for the layers, becomes a spare and is told")
  func spares() throws {
    var cluster = try FakeCluster { $0.workersExpected = 6 }
    for number in 0..<6 { try cluster.joinWorker(number) }
    try cluster.joinVision()
    #expect(cluster.state.pipeline?.stages.count == 4)
    let spares = (0..<6).filter { number in
      cluster.take("worker-\(number)").assignments.map(\.layerCount) == [0]
    }
    #expect(spares.count == 2)
    #expect(cluster.events.count { if case .standsBy = $0 { true } else { false } } == 2)
    try cluster.joinWorker(7)
    let late = cluster.take("worker-7").assignments
    #expect(late.map(\.epoch) == [1] && late.map(\.stageCount) == [0])
    #expect(cluster.events.last == .standsBy(name: "worker-7"))
  }

  @Test("another protocol version and another checkpoint are refused with the reason")
  func refusals() throws {
    var cluster = try FakeCluster()
    var hello = try cluster.hello(.decoderWorker, "w")
    hello.protocolVersion = 7
    try cluster.receive(.hello(hello), from: "old")
    let version = try #require(cluster.take("old").errors.first)
    #expect(version.code == .protocolVersion && version.text.contains("7"))
    let digest = [UInt8](repeating: 9, count: 32)
    try cluster.receive(
      .hello(try cluster.hello(.decoderWorker, "w", digest: digest)), from: "other")
    let mismatch = try #require(cluster.take("other").errors.first)
    #expect(mismatch.code == .modelMismatch && mismatch.text.contains("w has another checkpoint"))
    #expect(cluster.state.members.isEmpty && cluster.state.clients.isEmpty)
  }

  @Test("a repeated Hello is welcomed again and changes nothing")
  func repeatedHello() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    try cluster.joinWorker(0)
    try cluster.joinClient()
    #expect(cluster.take().map(\.name) == ["Welcome", "Welcome"])
    #expect(cluster.state.joinOrder.count == 2 && cluster.state.pipeline?.epoch == 1)
  }

  @Test("strangers get an error and change nothing")
  func strangers() throws {
    var cluster = try FakeCluster.ready(workers: 1)
    let step = Tokens(epoch: 1, number: 1, tokens: [])
    for message: Message in [
      .referringQuery(FakeCluster.query(1)), .tokens(step), .heartbeat(Heartbeat()),
      .featuresReady(FeaturesReady(epoch: 1, image: 1, rows: 64)), .ready(Ready(epoch: 1)),
      .cancelQuery(CancelQuery(query: 1)), .error(WireError(code: .internal, text: "x")),
      .welcome(
        Welcome(
          heartbeatIntervalMilliseconds: 1, heartbeatTimeoutMilliseconds: 2)),
    ] {
      try cluster.receive(message, from: "stranger")
      let replies = cluster.take("stranger")
      #expect(replies.errors.map(\.code) == [.invalidMessage], "\(message.name)")
    }
    cluster.state.receiveInvalid(
      WireFault(.malformed, "no message"), from: PeerIdentity("x"), now: 0)
    try cluster.collect()
    #expect(cluster.take("x").errors.first?.text == "no message")
    #expect(cluster.sent.isEmpty && cluster.state.members.count == 2)
    cluster.expectIdle()
  }

  @Test("members that fall silent are lost; a heartbeat keeps the others")
  func silence() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.tick(after: 0.6)
    try cluster.tick(after: 0.6)
    #expect(cluster.take("vision").map(\.name) == ["Heartbeat", "Heartbeat"])
    try cluster.receive(.heartbeat(Heartbeat(epoch: 1)), from: "worker-1")
    try cluster.receive(.heartbeat(Heartbeat(epoch: 1)), from: "vision")
    try cluster.tick(after: 0.6)
    try cluster.tick(after: 0.6)
    #expect(cluster.state.members.count == 2)
    #expect(cluster.state.pipeline?.epoch == 2)
    #expect(cluster.state.pipeline?.stages.map(\.name) == ["worker-1"])
    // It was only slow: it is told, says hello again, and stands by.
    try cluster.receive(.heartbeat(Heartbeat(epoch: 1)), from: "worker-0")
    #expect(cluster.take("worker-0").errors.map(\.code) == [.invalidMessage])
    try cluster.joinWorker(0)
    #expect(cluster.take("worker-0").assignments.map(\.layerCount) == [0])
  }

  @Test("after a pause of the coordinator itself nobody counts as silent")
  func ownPause() throws {
    var cluster = try FakeCluster.ready(workers: 2)
    try cluster.ask(FakeCluster.query(1))
    try cluster.tick(after: 0.5)
    try cluster.tick(after: 60)
    #expect(cluster.state.members.count == 3 && cluster.state.pipeline?.epoch == 1)
    for _ in 0..<5 { try cluster.tick(after: 0.5) }
    #expect(cluster.state.members.isEmpty)
  }

  @Test("workers too small for the layers are reported once for each set, also after a plan")
  func cannotPlan() throws {
    var cluster = try FakeCluster { $0.kvTokens = 4096 }
    try cluster.joinVision()
    try cluster.joinWorker(0, memory: 1000)
    try cluster.tick(after: 1)
    try cluster.tick(after: 1)
    #expect(troubles(cluster) == 1)
    try cluster.joinWorker(1)
    #expect(cluster.state.pipeline != nil)
    try cluster.receive(.goodbye(Goodbye(reason: "ends")), from: "worker-1")
    try cluster.tick(after: 1)
    #expect(troubles(cluster) == 2)
    #expect(cluster.state.pipeline == nil)
  }

  private func troubles(_ cluster: FakeCluster) -> Int {
    cluster.events.count { if case .cannotPlan = $0 { true } else { false } }
  }

  private func endpoint(of stage: Pipeline.Stage) throws -> String {
    FakeCluster.endpoint(try #require(Int(stage.name.dropFirst("worker-".count))))
  }
}
