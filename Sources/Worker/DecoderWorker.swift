/// The process that holds a contiguous range of decoder layers and their KV cache.

internal import Checkpoints
internal import Compute
internal import Foundation
public import Logging
internal import Messaging
internal import Transfer
internal import Wire

/// A decoder worker: its sockets, its place in the pipeline, and the engine that computes.
///
///     coordinator ──control──▶ ┌────────────────┐
///     vision node ──features─▶ │ decoder worker │ ──step──▶ next stage,
///     stage before ───step───▶ └────────────────┘           or tokens to the coordinator
public actor DecoderWorker {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let settings: DecoderWorkerSettings
  private let logger: Logger
  private nonisolated let lifetime = Lifetime()
  private let engineThread: Reactor
  private let engine: StageEngine
  private let work: AsyncStream<StageWork>.Continuation
  private let workStream: AsyncStream<StageWork>
  private let clock = ContinuousClock()

  private var link: CoordinatorLink?
  private var inbox: Socket?
  private var next: Downstream
  private let neighbours = Neighbours()
  private var assignment: Assignment?
  /// The model, or as much of it as was fetched last.
  private var checkpoint: Checkpoint?
  /// Which parts that is, of which model.
  private var fetched: (parts: Set<String>, model: [UInt8]) = ([], [])
  /// What is to be loaded last.
  private var wanted: Assignment?
  private let fetcher: TensorFetcher?
  private let server: TensorServer
  private let blocks: KVTransfer
  /// Empty where the model is fetched.
  private let modelDigest: [UInt8]
  /// Steps that the engine has not finished.
  private var outstanding = 0

  public init(_ settings: DecoderWorkerSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    reactor = try Reactor(name: "worker")
    next = Downstream(
      reactor: reactor, isInsecure: settings.member.isInsecure, keys: settings.member.keys?.pair)
    engineThread = try Reactor(name: "stage")
    engine = StageEngine(team: settings.member.team, thread: engineThread)
    let (member, logger) = (settings.member, logger)
    checkpoint = member.checkpoint
    modelDigest = try member.checkpoint?.digest() ?? []
    let keys = member.keys?.pair
    let server = try TensorServer(
      member.checkpoint, modelDigest: modelDigest, keys: keys, logger: logger)
    self.server = server
    fetcher =
      try member.checkpoint == nil
      ? member.cache.map { cache in
        try TensorFetcher(
          cache: cache, isInsecure: member.isInsecure,
          keys: keys.map { (own: $0, peers: server.allowed) }, logger: logger)
      } : nil
    (workStream, work) = AsyncStream.makeStream()
    blocks = KVTransfer(member, peers: server.allowed, work: work, logger: logger)
  }

  /// Serves until `stop` is called. Throws what made going on impossible.
  public func run() async throws {
    let (results, resultsInput) = AsyncStream<StageResult>.makeStream()
    let (engine, workStream, work) = (engine, workStream, work)
    let computing = Task { await engine.run(workStream, later: work, into: resultsInput) }
    let sending = Task { for await result in results { deliver(result) } }
    var problem: (any Error)?
    do {
      try await join()
      problem = await lifetime.end()
    } catch {
      problem = error
    }
    await fetcher?.stop()
    await blocks.fetcher?.stop()
    await server.stop()
    work.finish()
    await computing.value
    await sending.value
    link?.leave(after: problem)
    inbox?.close()
    next.close()
    engineThread.shutdown()
    reactor.shutdown()
    if let problem { throw problem }
  }

  /// Ends `run`.
  public nonisolated func stop() { lifetime.end() }

  /// Ends `run` once the coordinator has moved this worker's layers to others, or says that it cannot.
  public func drain() { link?.drain { [lifetime] in lifetime.end() } ?? lifetime.end() }

  /// Tells the coordinator that this worker is lost, and why, where `run` cannot end any more.
  public func leave(after problem: any Error) { link?.leave(after: problem) }

  private func join() async throws {
    guard checkpoint != nil || fetcher != nil else {
      throw WorkerError(.configuration, "there is neither a checkpoint nor a cache for one")
    }
    let speed: Int
    if let stated = settings.weightBytesPerSecond {
      speed = stated
    } else {
      speed = await engine.measureSpeed()
    }
    let endpoint = try listen()
    let tensorEndpoint = try await listenForTensors()
    let threads = settings.member.team.threads
    let offer = "\(settings.memoryBytes >> 20) MiB, \(speed / 1_000_000) MB/s, threads: \(threads)"
    logger.info("\(settings.member.name) listens at \(endpoint) and offers \(offer)")
    let hello = Hello(
      role: .decoderWorker, name: settings.member.name, modelDigest: modelDigest,
      dataEndpoint: endpoint.description, memoryBytes: settings.memoryBytes,
      weightBytesPerSecond: speed,
      processID: UInt64(ProcessInfo.processInfo.processIdentifier), fetches: fetcher != nil,
      tensorEndpoint: tensorEndpoint)
    let link = try CoordinatorLink(
      reactor: reactor, hello: hello, keys: settings.member.keys, logger: logger)
    link.onMessage = { [weak self] message in
      self?.assumeIsolated { $0.receive(message, fromCoordinator: true) }
    }
    link.onJoined = settings.member.onJoined
    link.onRefusal = { [weak self] error in
      self?.assumeIsolated {
        $0.lifetime.end(WorkerError(.refused, "the coordinator refuses: \(error.text)"))
      }
    }
    try link.start(settings.member.coordinator, on: reactor)
    self.link = link
  }

  /// Opens the socket for neighbours and returns where they reach it.
  private func listen() throws -> Address {
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    options.security = neighbours.security(with: settings.member.keys)
    let socket = try reactor.makeSocket(.pull, options: options)
    socket.onMessage = { [weak self] _, bytes in
      self?.assumeIsolated { $0.receive(bytes) }
    }
    socket.onEvent = { [weak self] event in
      self?.assumeIsolated { $0.happened(event) }
    }
    inbox = socket
    return try settings.advertised(try socket.bind(settings.listen))
  }

  /// Opens the socket for those that lack tensors, beside the one for neighbours; empty where that
  /// is no TCP socket.
  private func listenForTensors() async throws -> String {
    guard let host = settings.listen.host else { return "" }
    await server.giveBlocks(blocks.reader)
    let bound = try await server.start(at: Address(host: host, port: 0)) { [weak self] refusal in
      Task { await self?.refused(refusal) }
    }
    return try settings.advertised(bound).description
  }

  private func receive(_ bytes: [UInt8]) {
    do {
      let message = try decode(bytes)
      guard neighbours.permits(message, from: inbox?.sender) else {
        logger.warning("dropped \(message.name), which its sender's key does not allow")
        return refused(.key)
      }
      receive(message, fromCoordinator: false)
    } catch {
      logger.warning("dropped a message of a neighbour: \(error)")
      refused(.invalid)
    }
  }

  /// Something has happened to a neighbour's connection.
  private func happened(_ event: SocketEvent) {
    if let refusal = event.refusal { refused(refusal) }
    if let warning = event.warning { logger.warning("\(warning)") }
  }

  /// Counts for the coordinator who was refused at the sockets for neighbours and tensors.
  private func refused(_ refusal: Refusal) {
    switch refusal {
    case .key: link?.heartbeat.refusedKeys += 1
    case .handshake: link?.heartbeat.refusedHandshakes += 1
    case .invalid: link?.heartbeat.refusedMessages += 1
    }
  }

  private func receive(_ message: Message, fromCoordinator: Bool) {
    switch message {
    case .assignment(let assignment) where fromCoordinator: receive(assignment)
    case .releaseFeatures(let release) where fromCoordinator && isCurrent(release.epoch):
      work.yield(.release(release.images))
    case .settled(let settled) where fromCoordinator && isCurrent(settled.epoch):
      if wanted?.prepares == true { wanted = nil }
      work.yield(.settled)
    case .imageFeatures(let features) where isCurrent(features.epoch): receive(features)
    case .step(let step) where isCurrent(step.epoch): receive(step, fromCoordinator)
    default: logger.debug("dropped \(message.name), which is of another epoch or not expected")
    }
  }

  private func isCurrent(_ epoch: UInt64) -> Bool { epoch == assignment?.epoch }

  private func receive(_ assignment: Assignment) {
    guard !assignment.prepares else {
      logger.info(
        "getting ready for plan \(planNumber(assignment.epoch)): \(layersText(assignment.layers))")
      return load(assignment)
    }
    neighbours.allow(assignment)
    server.allow(neighbours.workers)
    // It brought other keys, and nothing to do.
    if let current = self.assignment, neighbours.differOnlyInKeys(assignment, current) { return }
    do {
      try next.connect(assignment.nextEndpoint, key: assignment.nextKey)
    } catch {
      lifetime.end(WorkerError(.messaging, "cannot reach the next stage: \(error)"))
      return
    }
    self.assignment = assignment
    link?.heartbeat.epoch = assignment.epoch
    if assignment.layerCount == 0 {
      logger.info("plan \(planNumber(assignment.epoch)): no layers; standing by as a spare")
    } else {
      let place = "stage \(assignment.stage + 1) of \(assignment.stageCount)"
      logger.info(
        "plan \(planNumber(assignment.epoch)): \(place), \(layersText(assignment.layers))")
    }
    load(assignment)
  }

  /// Has an assignment carried out, or got ready, once the tensors are here that it needs.
  private func load(_ assignment: Assignment) {
    wanted = assignment
    let parts = checkpoint.map { Set($0.configuration.parts(ofLayers: assignment.layers)) }
    guard let fetcher, assignment.layerCount > 0,
      parts.map(fetched.parts.isSuperset) != true || fetched.model != assignment.modelDigest
    else {
      Task { [fetcher] in await fetcher?.cancel() }
      return begin(assignment)
    }
    fetch(assignment, with: fetcher)
  }

  private func begin(_ assignment: Assignment) {
    if assignment.prepares {
      if let checkpoint { work.yield(.prepare(assignment, of: checkpoint)) }
    } else {
      work.yield(.assign(assignment, of: checkpoint))
    }
    guard let text = checkpoint?.configuration.text else { return }
    blocks.fill(assignment, of: text) { [weak self] reason in
      await self?.couldNotFill(assignment, reason)
    }
  }

  private func couldNotFill(_ assignment: Assignment, _ reason: String) {
    logger.warning("\(reason)")
    link?.send(.error(WireError(code: .unavailable, text: reason, epoch: assignment.epoch)))
    // A plan to come goes without the blocks; its layers are loaded all the same.
    if assignment.prepares { work.yield(.filled(plan: assignment.epoch)) }
  }

  /// Gets the tensors of an assignment, then has it carried out.
  private func fetch(_ assignment: Assignment, with fetcher: TensorFetcher) {
    guard let host = settings.member.coordinator.host, let port = link?.tensorPort, port > 0,
      let coordinator = try? Address(host: host, port: UInt16(port))
    else {
      lifetime.end(
        WorkerError(
          .fetching, "the coordinator at \(settings.member.coordinator) gives no tensors",
          remedy: "Name a checkpoint with --model"))
      return
    }
    let layers = assignment.layers
    let request = FetchRequest(
      modelDigest: assignment.modelDigest,
      coordinator: TensorHolder(coordinator, key: settings.member.keys?.coordinator),
      peers: assignment.tensorHolders
    ) { $0.parts(ofLayers: layers) }
    Task { [weak self] in
      do {
        let checkpoint = try await fetcher.fetch(request)
        await self?.fetched(checkpoint, for: assignment)
      } catch let error as TransferError where error.code == .superseded {
        return
      } catch {
        self?.lifetime.end(WorkerError(.fetching, "\(error)"))
      }
    }
  }

  private func fetched(_ checkpoint: Checkpoint, for assignment: Assignment) async {
    guard wanted == assignment else { return }
    self.checkpoint = checkpoint
    let parts = checkpoint.configuration.parts(ofLayers: assignment.layers)
    fetched = (Set(parts), assignment.modelDigest)
    begin(assignment)
    await server.hold(checkpoint, modelDigest: assignment.modelDigest)
  }

  private func receive(_ features: ImageFeatures) {
    guard let configuration = checkpoint?.configuration else { return }
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
    guard let assignment, assignment.layerCount > 0, let text = checkpoint?.configuration.text,
      fromCoordinator == (assignment.stage == 0 || step.purpose == .resend)
    else {
      logger.debug("dropped step \(step.number), which is not for this stage")
      return
    }
    let bounds = StepBounds(
      hidden: text.hidden, vocabulary: text.vocabulary, blockCount: assignment.kvBlockCount,
      blockTokens: assignment.kvBlockTokens,
      contextMax: assignment.kvBlockCount * assignment.kvBlockTokens,
      stepTokensMax: assignment.stepTokensMax, isFirstStage: assignment.stage == 0)
    do throws(WireFault) {
      try check(step, against: bounds)
      guard outstanding < Self.outstandingMax else {
        throw WireFault(.invalid, "\(outstanding) steps wait at this stage already")
      }
      outstanding += 1
      work.yield(.step(step, arrived: clock.now))
    } catch {
      let fault = WireError(
        code: .invalidMessage, text: error.message, epoch: step.epoch, step: step.number)
      link?.send(.error(fault))
    }
  }

  /// Steps that may wait at once. The coordinator keeps as many in flight as there are stages; more
  /// come only from somebody who breaks the protocol.
  private static let outstandingMax = 1024

  private func deliver(_ result: StageResult) {
    switch result {
    case .toCoordinator(let message):
      if case .ready(let ready) = message {
        let held = (Double(ready.weightBytes) / 104_857.6).rounded() / 10
        let time = (ready.loadSeconds * 100).rounded() / 100
        logger.info(
          "plan \(planNumber(ready.epoch)): \(held) MiB of weights are ready after \(time) s")
      }
      let started = clock.now
      link?.send(message)
      link?.heartbeat.sendingSeconds += (clock.now - started).seconds
    case .toNext(let step):
      let started = clock.now
      defer { link?.heartbeat.sendingSeconds += (clock.now - started).seconds }
      do {
        try next.send(.step(step))
      } catch {
        let fault = WireError(
          code: .internal, text: "step \(step.number) could not be passed on: \(error)",
          epoch: step.epoch, step: step.number)
        link?.send(.error(fault))
      }
    case .finishedStep(let busySeconds):
      outstanding -= 1
      link?.heartbeat.completed += 1
      link?.heartbeat.busySeconds += busySeconds
    case .failed(let error):
      lifetime.end(error)
    }
  }
}
