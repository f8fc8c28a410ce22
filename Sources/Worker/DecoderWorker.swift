/// The process that holds a contiguous range of decoder layers and their KV cache.

internal import Checkpoints
internal import Foundation
public import Logging
internal import Messaging
internal import Wire

/// A decoder worker: its sockets, its place in the pipeline, and the engine that computes.
///
///     coordinator ──control──▶ ┌────────────────┐
///     vision node ──features─▶ │ decoder worker │ ──step──▶ next stage, or tokens to the coordinator
///     stage before ───step───▶ └────────────────┘
public actor DecoderWorker {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let settings: DecoderWorkerSettings
  private let logger: Logger
  private let engineThread: Reactor
  private let engine: StageEngine
  private let work: AsyncStream<StageWork>.Continuation
  private let workStream: AsyncStream<StageWork>
  private let clock = ContinuousClock()

  private var link: CoordinatorLink?
  private var inbox: Socket?
  private var next: (socket: Socket, address: Address)?
  private var assignment: Assignment?
  private var completed = 0
  private var finish: CheckedContinuation<WorkerError?, Never>?
  private var ended: WorkerError??

  public init(_ settings: DecoderWorkerSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    reactor = try Reactor(name: "worker")
    engineThread = try Reactor(name: "stage")
    engine = StageEngine(checkpoint: settings.member.checkpoint, thread: engineThread)
    (workStream, work) = AsyncStream.makeStream()
  }

  /// Serves until `stop` is called. Throws what made going on impossible.
  public func run() async throws {
    let (results, resultsInput) = AsyncStream<StageResult>.makeStream()
    let (engine, workStream) = (engine, workStream)
    let computing = Task { await engine.run(workStream, into: resultsInput) }
    let sending = Task { for await result in results { deliver(result) } }
    let problem: WorkerError?
    do {
      try await join()
      problem = await withCheckedContinuation { continuation in
        if let ended { continuation.resume(returning: ended) } else { finish = continuation }
      }
    } catch {
      work.finish()
      throw error
    }
    work.finish()
    await computing.value
    await sending.value
    link?.leave(problem?.message ?? "it was asked to end")
    inbox?.close()
    next?.socket.close()
    engineThread.shutdown()
    reactor.shutdown()
    if let problem { throw problem }
  }

  /// Ends `run`, with an error if there is one.
  public func stop(_ problem: WorkerError? = nil) {
    guard ended == nil else { return }
    ended = .some(problem)
    finish?.resume(returning: problem)
    finish = nil
  }

  private func join() async throws {
    let digest = try settings.member.checkpoint.digest()
    let speed: Int
    if let stated = settings.weightBytesPerSecond {
      speed = stated
    } else {
      speed = await engine.measureSpeed()
    }
    let endpoint = try listen()
    logger.info(
      "\(settings.member.name) listens at \(endpoint); \(settings.memoryBytes >> 20) MiB, \(speed / 1_000_000) MB/s"
    )
    let hello = Hello(
      role: .decoderWorker, name: settings.member.name, modelDigest: digest,
      dataEndpoint: endpoint.description, memoryBytes: settings.memoryBytes,
      weightBytesPerSecond: speed,
      processID: UInt64(ProcessInfo.processInfo.processIdentifier))
    let link = try CoordinatorLink(reactor: reactor, hello: hello, logger: logger)
    link.onMessage = { [weak self] message in
      self?.assumeIsolated { $0.receive(message, fromCoordinator: true) }
    }
    link.onRefusal = { [weak self] error in
      self?.assumeIsolated {
        $0.stop(WorkerError(.refused, "the coordinator refuses: \(error.text)"))
      }
    }
    try link.start(settings.member.coordinator, on: reactor)
    self.link = link
  }

  /// Opens the socket for neighbours and returns where they reach it.
  private func listen() throws -> Address {
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    let socket = try reactor.makeSocket(.pull, options: options)
    socket.onMessage = { [weak self] _, bytes in
      self?.assumeIsolated { $0.receive(bytes) }
    }
    inbox = socket
    let bound = try socket.bind(settings.listen)
    guard let host = settings.advertisedHost else {
      guard !bound.isWildcard else {
        throw WorkerError(
          .configuration, "\(bound) is no single place that neighbours could connect to",
          remedy: "Listen on one address, or name this machine with --advertise HOST")
      }
      return bound
    }
    return try Address(host: host, port: bound.port ?? 0)
  }

  private func receive(_ bytes: [UInt8]) {
    do {
      receive(try decode(bytes), fromCoordinator: false)
    } catch {
      logger.warning("dropped a message of a neighbour: \(error)")
    }
  }

  private func receive(_ message: Message, fromCoordinator: Bool) {
    switch message {
    case .assignment(let assignment) where fromCoordinator: receive(assignment)
    case .releaseFeatures(let release) where fromCoordinator && isCurrent(release.epoch):
      work.yield(.release(release.images))
    case .imageFeatures(let features) where isCurrent(features.epoch): receive(features)
    case .step(let step) where isCurrent(step.epoch): receive(step, fromCoordinator)
    default: logger.debug("dropped \(message.name), which is of another epoch or not expected")
    }
  }

  private func isCurrent(_ epoch: UInt64) -> Bool { epoch == assignment?.epoch }

  private func receive(_ assignment: Assignment) {
    do {
      try connect(assignment.nextEndpoint)
    } catch {
      stop(WorkerError(.messaging, "cannot reach the next stage: \(error)"))
      return
    }
    self.assignment = assignment
    link?.heartbeat.epoch = assignment.epoch
    if assignment.layerCount == 0 {
      logger.info("plan \(assignment.epoch): no layers; standing by as a spare")
    } else {
      let last = assignment.firstLayer + assignment.layerCount - 1
      logger.info(
        "plan \(assignment.epoch): stage \(assignment.stage + 1) of \(assignment.stageCount), layers \(assignment.firstLayer)–\(last)"
      )
    }
    work.yield(.assign(assignment))
  }

  private func connect(_ endpoint: String) throws {
    let address = endpoint.isEmpty ? nil : try Address(endpoint)
    guard address != next?.address else { return }
    next?.socket.close()
    next = nil
    guard let address else { return }
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    let socket = try reactor.makeSocket(.push, options: options)
    try socket.connect(address)
    next = (socket, address)
  }

  private func receive(_ features: ImageFeatures) {
    let configuration = settings.member.checkpoint.configuration
    do throws(WireFault) {
      try check(
        features,
        against: FeatureBounds(
          width: configuration.featureWidth, rowsMax: configuration.featureRows))
      guard features.features.shape[0] == configuration.featureRows else {
        throw WireFault(
          .invalid,
          "ImageFeatures.features has \(features.features.shape[0]) rows, "
            + "not \(configuration.featureRows)")
      }
      work.yield(.features(features))
    } catch {
      let fault = WireError(code: .invalidMessage, text: error.message, image: features.image)
      link?.send(.error(fault))
    }
  }

  private func receive(_ step: Step, _ fromCoordinator: Bool) {
    guard let assignment, assignment.layerCount > 0,
      fromCoordinator == (assignment.stage == 0)
    else {
      logger.debug("dropped step \(step.number), which is not for this stage")
      return
    }
    let text = settings.member.checkpoint.configuration.text
    let bounds = StepBounds(
      hidden: text.hidden, vocabulary: text.vocabulary, blockCount: assignment.kvBlockCount,
      blockTokens: assignment.kvBlockTokens,
      contextMax: assignment.kvBlockCount * assignment.kvBlockTokens,
      stepTokensMax: assignment.stepTokensMax, isFirstStage: assignment.stage == 0)
    do {
      try check(step, against: bounds)
      work.yield(.step(step, arrived: clock.now))
    } catch {
      let fault = WireError(
        code: .invalidMessage, text: error.message, epoch: step.epoch, step: step.number)
      link?.send(.error(fault))
    }
  }

  private func deliver(_ result: StageResult) {
    switch result {
    case .toCoordinator(let message):
      if case .tokens = message { countStep() }
      link?.send(message)
    case .toNext(let step):
      countStep()
      do {
        try next?.socket.send(try encode(.step(step)))
      } catch {
        // The coordinator waits for the step's tokens.
        let fault = WireError(
          code: .internal, text: "step \(step.number) was not sent on: \(error)",
          epoch: step.epoch, step: step.number)
        link?.send(.error(fault))
      }
    case .failed(let error):
      stop(error)
    }
  }

  private func countStep() {
    completed += 1
    link?.heartbeat.completed = completed
  }
}
