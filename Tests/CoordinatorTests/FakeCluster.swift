/// A coordinator's state machine with members that exist only in the test.

import Foundation
import Messaging
import Testing
import Tokenizing
import Wire

@testable import Coordinator

/// Drives `CoordinatorState` by messages. All that goes in and comes out passes the wire's door, so
/// that nothing is tested that could not be sent.
struct FakeCluster {
  var state: CoordinatorState
  /// What the coordinator sent, oldest first, until it is taken.
  var sent: [(message: Message, peer: PeerIdentity)] = []
  var events: [ClusterEvent] = []
  var now = 0.0
  /// Whether workers that join can be asked for tensors and KV blocks.
  var givesBlocks = false
  /// Whether queries are prepared only when the test says so, and those that wait for that.
  var holdsPreparations = false
  var held: [(QueryName, Preparation)] = []
  var traced: [TraceEvent] = []
  var cutOff: [PublicKey] = []

  static let model = Result { try ServedModel(directory: Self.modelDirectory) }

  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let modelDirectory = tests.deletingLastPathComponent()
    .appending(path: "Sources/chatspot/Resources/mini-chatspot")

  init(_ change: (inout CoordinatorSettings) -> Void = { _ in }) throws {
    var settings = CoordinatorSettings()
    change(&settings)
    try settings.validate()
    state = CoordinatorState(model: try Self.model.get(), settings: settings)
  }

  /// A cluster that is ready: workers "worker-0" …, vision node "vision", client "client".
  static func ready(
    workers: Int = 2, givesBlocks: Bool = false,
    _ change: (inout CoordinatorSettings) -> Void = { _ in }
  ) throws -> FakeCluster {
    var cluster = try FakeCluster {
      $0.workersExpected = workers
      change(&$0)
    }
    cluster.givesBlocks = givesBlocks
    for number in 0..<workers { try cluster.joinWorker(number) }
    try cluster.joinVision()
    try cluster.allReady()
    try cluster.joinClient()
    _ = cluster.take()
    return cluster
  }

  static func image(_ name: String = "heldout_3.png") throws -> [UInt8] {
    Array(try Data(contentsOf: tests.appending(path: "Fixtures/goldens/\(name)")))
  }

  /// Files of different content, one for each number.
  static func images(_ numbers: ClosedRange<UInt8>) throws -> [[UInt8]] {
    let file = try image()
    return numbers.map { file + [$0] }
  }

  // MARK: messages

  mutating func receive(_ message: Message, from peer: String) throws {
    state.receive(try decode(try encode(message)), from: PeerIdentity(peer), now: now)
    try collect()
  }

  mutating func tick(after seconds: Double) throws {
    now += seconds
    state.tick(now: now)
    try collect()
  }

  /// A member answers a heartbeat.
  mutating func echo(_ name: String) throws {
    let answer = Heartbeat(
      epoch: state.lastEpoch, sentSeconds: now + 1, echoSeconds: max(now, 0.001))
    try receive(.heartbeat(answer), from: name)
  }

  /// Time passes, and every member shows that it lives.
  mutating func tickAlive(after seconds: Double) throws {
    for member in state.joinOrder { try echo("\(member)") }
    try tick(after: seconds)
  }

  /// Takes the actions and holds each message against the wire.
  mutating func collect() throws {
    for action in state.takeActions() {
      switch action {
      case .prepare(let name, let preparation):
        if holdsPreparations {
          held.append((name, preparation))
        } else {
          try prepare(name, preparation)
        }
      case .trace(let event): traced.append(event)
      case .cutOff(let key): cutOff.append(key)
      case .send(let message, let peer):
        let arrived = try decode(try encode(message))
        #expect(arrived == message)
        sent.append((arrived, peer))
      case .report(let event): events.append(event)
      }
    }
  }

  /// Prepares a query as the coordinator's actor does.
  mutating func prepare(_ name: QueryName, _ preparation: Preparation) throws {
    let model = state.model
    let result = Result { () throws(CoordinatorError) in try model.prepare(preparation.message) }
    state.prepared(name, ticket: preparation.ticket, result, now: now)
    try collect()
  }

  /// What was sent since the last time, to one peer or to all.
  mutating func take(_ peer: String? = nil) -> [Message] {
    let wanted = peer.map { PeerIdentity($0) }
    defer { sent.removeAll { wanted == nil || $0.peer == wanted } }
    return sent.filter { wanted == nil || $0.peer == wanted }.map(\.message)
  }

  // MARK: members

  mutating func hello(
    _ role: Role, _ name: String, number: Int = 0, digest: [UInt8]? = nil, memory: Int = 1 << 30
  ) throws -> Hello {
    let isWorker = role == .decoderWorker
    return Hello(
      role: role, name: name, modelDigest: role == .client ? [] : digest ?? state.model.digest,
      dataEndpoint: isWorker ? Self.endpoint(number) : "", memoryBytes: isWorker ? memory : 0,
      weightBytesPerSecond: isWorker ? 1_000_000_000 : 0, processID: UInt64(number + 1),
      tensorEndpoint: isWorker && givesBlocks ? Self.tensorEndpoint(number) : "")
  }

  static func tensorEndpoint(_ number: Int) -> String { "tcp://10.0.0.\(number + 1):4001" }

  static func endpoint(_ number: Int) -> String { "tcp://10.0.0.\(number + 1):4000" }

  mutating func joinWorker(_ number: Int, memory: Int = 1 << 30) throws {
    let name = "worker-\(number)"
    try receive(
      .hello(try hello(.decoderWorker, name, number: number, memory: memory)), from: name)
  }

  mutating func joinVision(_ name: String = "vision") throws {
    try receive(.hello(try hello(.visionNode, name, number: 99)), from: name)
  }

  mutating func joinClient(_ name: String = "client") throws {
    try receive(.hello(try hello(.client, name)), from: name)
  }

  /// All stages of the plan say that they are ready.
  mutating func allReady() throws {
    let pipeline = try #require(state.pipeline)
    for stage in pipeline.stages {
      try receive(.ready(Ready(epoch: pipeline.epoch)), from: "\(stage.peer)")
    }
  }

  // MARK: queries

  static func query(
    _ number: UInt64, _ text: String = "What is at <region>?", images: [[UInt8]] = [],
    regions: [WireRegion]? = nil, newTokensMax: Int = 8
  ) -> ReferringQueryMessage {
    let shown = Array(images.indices)
    let point = WireRegion(kind: .point, frame: .normalized, coordinates: [0.5, 0.5])
    return ReferringQueryMessage(
      query: number, images: images,
      turns: [
        WireTurn(
          speaker: .user, text: images.isEmpty ? "Hello" : text,
          regions: regions ?? (images.isEmpty ? [] : [point]), images: shown)
      ],
      newTokensMax: newTokensMax)
  }

  mutating func ask(_ query: ReferringQueryMessage, from client: String = "client") throws {
    try receive(.referringQuery(query), from: client)
  }

  /// Stage 0 says that an image's features have arrived.
  mutating func featuresReady(_ image: UInt64, rows: Int? = nil) throws {
    let pipeline = try #require(state.pipeline)
    let ready = FeaturesReady(
      epoch: pipeline.epoch, image: image, rows: rows ?? state.model.imageRows)
    try receive(.featuresReady(ready), from: "\(pipeline.first)")
  }

  /// The last stage answers a step; spans that sample get the token that `token` says.
  mutating func answer(_ step: Step, _ token: (WireSpan) -> Int32?) throws {
    let last = try #require(state.pipeline?.stages.last)
    let tokens = step.spans.filter(\.samples).compactMap { span in
      token(span).map {
        SampledToken(
          sequence: span.sequence, position: span.firstPosition + span.tokenCount, tokenID: $0)
      }
    }
    let message = Tokens(
      epoch: step.epoch, number: step.number, tokens: tokens,
      timings: [StageTiming(stage: 0, computeSeconds: 0.001)])
    try receive(.tokens(message), from: "\(last.peer)")
  }

  /// Answers all steps that are sent, until none is, always with this token.
  mutating func answerAll(_ token: Int32) throws {
    while true {
      let steps = steps()
      guard !steps.isEmpty else { return }
      for step in steps { try answer(step) { _ in token } }
    }
  }

  /// Takes the steps that were sent.
  mutating func steps() -> [Step] {
    var steps: [Step] = []
    sent.removeAll { item in
      guard case .step(let step) = item.message else { return false }
      steps.append(step)
      return true
    }
    return steps
  }

  func tokens(_ text: String) -> [Int32] { state.model.tokenizer.encode(text, atStart: true) }

  /// Nothing is left of any query.
  func expectIdle(_ location: SourceLocation = #_sourceLocation) {
    let left = [
      state.queries.count, state.names.count, state.preparing.count, state.preparingBytes,
      state.files.byteCount, state.queriesAwaitingImages.count, state.queriesAwaitingPlan.count,
    ]
    #expect(left.allSatisfy { $0 == 0 }, sourceLocation: location)
    guard let pipeline = state.pipeline else { return }
    let scheduler = pipeline.scheduler
    let isIdle =
      scheduler.isIdle && pipeline.steps.isEmpty
      && pipeline.features.entries.values.allSatisfy { $0.users.isEmpty }
    #expect(isIdle, sourceLocation: location)
    #expect(
      scheduler.pool.availableCount * state.settings.kvBlockTokens == scheduler.sequenceTokensMax,
      sourceLocation: location)
  }
}

extension [Message] {
  var assignments: [Assignment] {
    compactMap { if case .assignment(let body) = $0 { body } else { nil } }
  }
  var encodes: [EncodeImage] {
    compactMap { if case .encodeImage(let body) = $0 { body } else { nil } }
  }
  var errors: [WireError] { compactMap { if case .error(let body) = $0 { body } else { nil } } }
  var answers: [Answer] { compactMap { if case .answer(let body) = $0 { body } else { nil } } }
  var texts: [AnswerText] {
    compactMap { if case .answerText(let body) = $0 { body } else { nil } }
  }
  var steps: [Step] { compactMap { if case .step(let body) = $0 { body } else { nil } } }
  var released: [UInt64] {
    flatMap { message -> [UInt64] in
      if case .releaseFeatures(let body) = message { body.images } else { [] }
    }
  }
}
