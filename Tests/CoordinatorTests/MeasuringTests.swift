/// What is measured: times of steps, clocks, loads; and the features that stage 0 holds.

import Compute
import Foundation
import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("measuring")
struct MeasuringTests {
  @Test("the rows that a time allows are found from noisy steps, and found again when it changes")
  func stepCurve() {
    var random = SplitMix(state: 3)
    var curve = StepCurve(predictedSeconds: 0.02)
    for (base, slope) in [(0.02, 0.0005), (0.02, 0.002), (0.001, 0.0001)] {
      for _ in 0..<1500 {
        let rows = curve.rowsMax(within: 0.1)
        var seconds = base + slope * Double(rows)
        seconds *= Double.random(in: 0.97...1.03, using: &random)
        // Now and then the machine does something else.
        if Int.random(in: 0..<20, using: &random) == 0 { seconds *= 5 }
        curve.add(rows: rows, seconds: seconds)
      }
      let ideal = (0.1 - base) / slope
      let found = Double(curve.rowsMax(within: 0.1))
      #expect(found > 0.7 * ideal && found <= 1.02 * ideal, "\(found) of \(ideal)")
    }
  }

  @Test("what rows attend to is told from the times of steps, and counts from then on")
  func attention() {
    var random = SplitMix(state: 5)
    var curve = StepCurve(predictedSeconds: 0.002)
    func seconds(_ rows: Int, context: Int) -> Double {
      0.01 + 0.001 * Double(rows) + 1e-6 * Double(rows * context)
    }
    for _ in 0..<4 {
      // Chunks of a long prompt.
      var context = 0
      while context < 3000 {
        let rows = curve.rowsMax(within: 0.1, context: context)
        var time = seconds(rows, context: context) * .random(in: 0.97...1.03, using: &random)
        if Int.random(in: 0..<20, using: &random) == 0 { time *= 5 }
        curve.add(rows: rows, attended: rows * context, seconds: time)
        context += rows
      }
    }
    for context in [0, 500, 2500] {
      let time = seconds(curve.rowsMax(within: 0.1, context: context), context: context)
      #expect(time > 0.06 && time < 0.115, "\(time) s at \(context)")
    }
  }

  @Test("whom a member refused counts once, however often its heartbeats say so")
  func refusals() {
    var member = MemberRefusals()
    func added(_ keys: Int, _ handshakes: Int) -> [Refusal: Int] {
      member.add(Heartbeat(refusedKeys: keys, refusedHandshakes: handshakes))
    }
    #expect(added(5, 0) == [.key: 5])
    #expect(added(7, 1) == [.key: 2, .handshake: 1])
    #expect(added(7, 1).isEmpty)
  }

  @Test("decodes alone tell little of large steps: rows grow at most twofold beyond what is known")
  func extrapolation() {
    var curve = StepCurve(predictedSeconds: 1)
    #expect(curve.rowsMax(within: 0.1) == 1)
    curve.add(rows: 8, seconds: 0.001)
    #expect(curve.rowsMax(within: 0.1) == 16)
    curve.add(rows: 1, seconds: 5)
    curve.add(rows: 0, seconds: 1)
    curve.add(rows: 4, seconds: .nan)
    #expect(curve.rowsMax(within: 0.1) == 16)
  }

  @Test("clocks are compared by the fastest round trip")
  func clocks() {
    var random = SplitMix(state: 8)
    var clock = MemberClock()
    #expect(clock.coordinatorTime(3) == nil)
    // The member's clock is 1000 s ahead; ways take from 0.1 ms to a second, each its own time.
    for second in 1...40 {
      let there = 0.0001 + pow(Double.random(in: 0...1, using: &random), 8)
      let back = 0.0001 + pow(Double.random(in: 0...1, using: &random), 8)
      let sent = Double(second) + there + 0.01
      clock.add(
        echo: Double(second), held: 0.01, sent: sent + 1000, now: sent + back)
    }
    let time = clock.coordinatorTime(1050) ?? 0
    #expect(abs(time - 50) < 0.001)
  }

  @Test("loads are shares of the member's own time")
  func loads() {
    var load = MemberLoad()
    #expect(load.busy == 0 && load.waiting == 0)
    for beat in 0...20 {
      let time = Double(beat)
      load.add(
        Heartbeat(
          completed: beat, busySeconds: time * 0.6, sendingSeconds: time * 0.1, sentSeconds: time))
    }
    #expect(abs(load.busy - 0.6) < 1e-9 && abs(load.sending - 0.1) < 1e-9)
    #expect(abs(load.waiting - 0.3) < 1e-9 && load.completed == 20)
    load.add(Heartbeat(busySeconds: 0, sentSeconds: 1))
    #expect(load.busy == 0 && load.completed == 0)
  }

  @Test("image features are kept by content, the least recently used go, those in use stay")
  func features() {
    var cache = FeatureCache(capacity: 2)
    func acquire(_ names: [UInt64], for sequence: SequenceID) -> FeatureCache.Acquired? {
      cache.acquire(names.map { ContentDigest(words: ($0, 0, 0, 0)) }, for: sequence) { _, number in
        EncodeImage(
          epoch: 1, image: number, fileDigest: [], file: [],
          geometry: WireImageGeometry(
            fit: .stretch, originalWidth: 1, originalHeight: 1, side: 1, shortestEdge: 1))
      }
    }
    #expect(acquire([7, 7, 8], for: 1)?.numbers == [1, 1, 2])
    #expect(acquire([8], for: 2)?.new == [] && cache.hits == 1)
    #expect(acquire([9], for: 3) == nil)
    cache.dispatch(1, to: PeerIdentity("v"))
    cache.release([1, 2], of: 1)
    // The first is being encoded: it counts until it is there.
    #expect(acquire([9], for: 3) == nil && cache.undispatched == [2])
    cache.setReady(1)
    let third = acquire([9], for: 3)
    #expect(third?.evicted == [1] && third?.new == [3])
    // Nobody encodes it yet, nobody wants it any more.
    cache.release([3], of: 3)
    #expect(cache.entries.count == 1)
    cache.dispatch(2, to: PeerIdentity("v"))
    cache.forget(PeerIdentity("v"))
    #expect(cache.undispatched == [2])
  }

  @Test("the plan counts the bytes of weights as they are held, and says so to the workers")
  func heldWeights() throws {
    var bytes: [WeightFormat?: Int] = [:]
    for format in [nil, .f32, .q8_0, .q4_0] as [WeightFormat?] {
      var cluster = try FakeCluster { $0.weights = format }
      bytes[format] = cluster.state.layerWeights.reduce(0) { $0 + $1.workBytes }
      try cluster.joinWorker(0)
      try cluster.joinVision()
      let assignment = cluster.take("worker-0").assignments.first
      #expect(assignment?.weights == format?.rawValue ?? "")
    }
    let stored = try #require(bytes[nil] ?? nil)
    let whole = try #require(bytes[.f32] ?? nil)
    let eight = try #require(bytes[.q8_0] ?? nil)
    let four = try #require(bytes[.q4_0] ?? nil)
    // The embedded model is stored in f16: its matrices double, or halve, or quarter.
    #expect(whole > stored * 3 / 2 && eight < stored * 4 / 5 && four < eight)
  }

  @Test("a query is not prepared twice, nor answered when it is cancelled meanwhile")
  func preparing() throws {
    var cluster = try FakeCluster.ready()
    cluster.holdsPreparations = true
    try cluster.ask(FakeCluster.query(1))
    try cluster.ask(FakeCluster.query(1))
    #expect(cluster.take("client").errors.map(\.code) == [.invalidQuery])
    try cluster.receive(.cancelQuery(CancelQuery(query: 1)), from: "client")
    try cluster.ask(FakeCluster.query(1))
    #expect(cluster.held.count == 2)
    for (name, preparation) in cluster.held { try cluster.prepare(name, preparation) }
    #expect(cluster.state.queries.count == 1)
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.map(\.query) == [1])
    cluster.expectIdle()
  }

  @Test("a query past its deadline fails with all that it holds")
  func deadline() throws {
    var cluster = try FakeCluster.ready()
    var query = FakeCluster.query(1, newTokensMax: 100)
    query.deadlineMilliseconds = 500
    try cluster.ask(query)
    #expect(cluster.state.nextDeadline == cluster.now + 0.5)
    cluster.state.deadlineReached(now: cluster.now + 0.4)
    #expect(cluster.state.queries.count == 1)
    cluster.state.deadlineReached(now: cluster.now + 0.5)
    try cluster.collect()
    #expect(cluster.take("client").errors.map(\.code) == [.deadline])
    #expect(cluster.state.nextDeadline == .infinity)
    try cluster.answerAll(7)
    cluster.expectIdle()
  }

  @Test("status as JSON has the keys that its readers know")
  func status() throws {
    var cluster = try FakeCluster.ready(workers: 3)
    try cluster.ask(FakeCluster.query(1, images: [try FakeCluster.image()]))
    let status = cluster.state.status(now: 12)
    let json = String(decoding: try JSONEncoder().encode(status), as: UTF8.self)
    for key in [
      "context_tokens", "tokens_per_second", "block_tokens", "hit_tokens", "asked_tokens",
      "step_seconds", "process_id", "memory_bytes", "step_seconds_median", "vision_nodes",
      "uptime_seconds",
    ] {
      #expect(json.contains("\"\(key)\":"), "\(key)")
    }
    #expect(try JSONDecoder().decode(ClusterStatus.self, from: Data(json.utf8)) == status)
    #expect(status.queries.waiting == 1 && status.stages.count == 3 && status.features.held == 1)
  }
}
