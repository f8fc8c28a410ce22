/// The process that turns image bytes into image features.

internal import Checkpoints
public import Compute
internal import Foundation
public import Logging
internal import Messaging
internal import Wire

/// A vision node: asked by the coordinator, it sends what it encodes straight to stage 0.
public actor VisionNode {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let settings: MemberSettings
  private let checkpoint: Checkpoint
  private let logger: Logger
  private nonisolated let lifetime = Lifetime()
  private let engineThread: Reactor
  private let engine: VisionEngine
  private let requests: AsyncStream<(EncodeImage, WireDataType)>.Continuation
  private let requestStream: AsyncStream<(EncodeImage, WireDataType)>

  private var link: CoordinatorLink?
  private var stage: Downstream
  private var assignment: Assignment?

  /// Maps the vision encoder, or holds its matrices in `format`. Throws what is wrong with the
  /// checkpoint.
  public init(
    _ settings: MemberSettings, format: WeightFormat? = nil, logger: Logger
  ) throws {
    guard let checkpoint = settings.checkpoint else {
      throw WorkerError(.configuration, "a vision node needs a checkpoint", remedy: "Name one")
    }
    self.checkpoint = checkpoint
    self.settings = settings
    self.logger = logger
    reactor = try Reactor(name: "vision")
    stage = Downstream(reactor: reactor, isInsecure: settings.isInsecure, keys: settings.keys?.pair)
    engineThread = try Reactor(name: "encoder")
    engine = try VisionEngine(
      checkpoint: checkpoint, format: format, team: settings.team, thread: engineThread)
    (requestStream, requests) = AsyncStream.makeStream()
  }

  /// Serves until `stop` is called. Throws what made going on impossible.
  public func run() async throws {
    let (results, resultsInput) = AsyncStream<VisionEngine.Result>.makeStream()
    let (engine, requestStream) = (engine, requestStream)
    let computing = Task { await engine.run(requestStream, into: resultsInput) }
    let sending = Task { for await result in results { deliver(result) } }
    var problem: (any Error)?
    do {
      try join()
      problem = await lifetime.end()
    } catch {
      problem = error
    }
    requests.finish()
    await computing.value
    await sending.value
    link?.leave(after: problem)
    stage.close()
    engineThread.shutdown()
    reactor.shutdown()
    if let problem { throw problem }
  }

  /// Ends `run`.
  public nonisolated func stop() { lifetime.end() }

  /// Ends `run` once this node has no image in hand.
  public func drain() { link?.drain { [lifetime] in lifetime.end() } ?? lifetime.end() }

  /// Tells the coordinator that this node is lost, and why, where `run` cannot end any more.
  public func leave(after problem: any Error) { link?.leave(after: problem) }

  private func join() throws {
    let hello = Hello(
      role: .visionNode, name: settings.name, modelDigest: try checkpoint.digest(),
      processID: UInt64(ProcessInfo.processInfo.processIdentifier))
    let link = try CoordinatorLink(
      reactor: reactor, hello: hello, keys: settings.keys, logger: logger)
    link.onMessage = { [weak self] message in self?.assumeIsolated { $0.receive(message) } }
    link.onJoined = settings.onJoined
    link.onRefusal = { [weak self] error in
      self?.assumeIsolated {
        $0.lifetime.end(WorkerError(.refused, "the coordinator refuses: \(error.text)"))
      }
    }
    try link.start(settings.coordinator, on: reactor)
    self.link = link
  }

  private func receive(_ message: Message) {
    switch message {
    case .assignment(let assignment): receive(assignment)
    case .encodeImage(let request) where request.epoch == assignment?.epoch:
      requests.yield((request, assignment?.activationType ?? .f16))
    default: logger.debug("dropped \(message.name), which is of another epoch or not expected")
    }
  }

  private func receive(_ assignment: Assignment) {
    do {
      try stage.connect(assignment.nextEndpoint, key: assignment.nextKey)
      self.assignment = assignment
      link?.heartbeat.epoch = assignment.epoch
      logger.info("plan \(planNumber(assignment.epoch)): features go to \(assignment.nextEndpoint)")
    } catch {
      lifetime.end(WorkerError(.messaging, "cannot reach stage 0: \(error)"))
    }
  }

  private func deliver(_ result: VisionEngine.Result) {
    switch result {
    case .features(let features):
      link?.heartbeat.completed += 1
      link?.heartbeat.busySeconds += features.decodeSeconds + features.encodeSeconds
      do {
        try stage.send(.imageFeatures(features))
      } catch {
        let fault = WireError(
          code: .internal, text: "features were not sent: \(error)", image: features.image)
        link?.send(.error(fault))
      }
    case .failed(let error):
      link?.send(.error(error))
    }
  }
}
