/// A cluster in the test's own process: the real coordinator, workers and vision node, over real
/// sockets.

import Checkpoints
import Coordinator
import Logging
import Messaging
import Testing
import Transfer
import Wire
import Worker

struct InProcessCluster {
  let coordinator: Coordinator
  let address: Address
  private let workers: [DecoderWorker]
  private let vision: VisionNode
  private var running: [Task<Void, any Error>]

  /// `late` workers more are made, which join when they are told to.
  static func start(
    workers count: Int, late: Int = 0, fetchingInto cache: TensorCache? = nil,
    keys: KeyDirectory? = nil,
    _ change: (inout CoordinatorSettings) -> Void = { _ in }
  ) async throws -> InProcessCluster {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var settings = CoordinatorSettings()
    settings.workersExpected = count
    settings.activationType = .f32
    settings.heartbeatMilliseconds = 100
    change(&settings)
    // Before the coordinator reads who may come.
    let workerKeys = try (0..<count + late).map { try keys?.add("worker-\($0)", role: .worker) }
    let visionKeys = try keys?.add("encoder", role: .vision)
    let (ready, isReady) = AsyncStream<Void>.makeStream()
    let coordinator = try Coordinator(
      model: try ServedModel(directory: Program.model), settings: settings, logger: logger,
      keys: try keys.map { try CoordinatorKeys($0) }, onReady: { isReady.finish() })
    let address = try await coordinator.start(at: .loopback(port: 0))
    let checkpoint = try Checkpoint(directory: Program.model)
    let workers = try (0..<count + late).map { number in
      let name = "worker-\(number)"
      let member = MemberSettings(
        coordinator: address, name: name, checkpoint: cache == nil ? checkpoint : nil, cache: cache,
        keys: workerKeys[number])
      return try DecoderWorker(
        DecoderWorkerSettings(
          member: member,
          listen: .loopback(port: 0), memoryBytes: 1 << 30,
          weightBytesPerSecond: 1_000_000_000), logger: logger)
    }
    let vision = try VisionNode(
      MemberSettings(
        coordinator: address, name: "vision", checkpoint: checkpoint,
        keys: visionKeys), logger: logger)
    let running =
      workers.prefix(count).map { worker in Task { try await worker.run() } }
      + [Task { try await vision.run() }]
    for await _ in ready {}
    return InProcessCluster(
      coordinator: coordinator, address: address, workers: workers, vision: vision,
      running: running)
  }

  /// Has a late worker join, and waits until `stages` stages are at work.
  mutating func join(_ number: Int, stages: Int) async throws {
    let worker = workers[number]
    running.append(Task { try await worker.run() })
    try await wait {
      $0.stages.count == stages && $0.ready && $0.stages.count + $0.spares.count > number
    }
  }

  /// Drains a worker, and waits until its layers are others'.
  func drain(_ number: Int) async throws {
    await workers[number].drain()
    try await wait { status in
      status.ready && !status.stages.contains { $0.name == "worker-\(number)" }
    }
  }

  /// Ends a worker, which says goodbye.
  func end(_ number: Int) async throws {
    workers[number].stop()
    try await running[number].value
  }

  /// Waits until the cluster stands so.
  func wait(until isSo: (ClusterStatus) -> Bool) async throws {
    for _ in 0..<3000 {
      if isSo(await coordinator.status()) { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("what was waited for did not come: \(await coordinator.status())")
  }

  func stop() async {
    for worker in workers { worker.stop() }
    vision.stop()
    for task in running { _ = try? await task.value }
    await coordinator.stop()
  }

  /// The whole answer to a query that is asked in the process.
  func answer(_ query: ReferringQueryMessage) async throws -> (
    answer: Answer, tokens: [AnswerToken]
  ) {
    var tokens: [AnswerToken] = []
    for try await event in coordinator.ask(query) {
      switch event {
      case .text(_, let more): tokens += more
      case .answer(let answer): return (answer, tokens)
      }
    }
    throw CancellationError()
  }

  /// Waits until nothing is asked any more, then says how things stand.
  func idle() async throws -> ClusterStatus {
    for _ in 0..<200 {
      let status = await coordinator.status()
      if status.queries.running + status.queries.waiting == 0 { return status }
      try await Task.sleep(for: .milliseconds(20))
    }
    return await coordinator.status()
  }
}
