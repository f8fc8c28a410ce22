/// A member's connection to the coordinator: joining, heartbeats, joining again.

internal import Logging
internal import Messaging
internal import Wire

/// Says hello until it is welcome, then keeps the heartbeat. When the coordinator falls silent, or
/// comes back and does not know this member, it says hello again.
///
/// Lives on a reactor; everything happens on its thread.
final class CoordinatorLink {
  private enum State {
    case joining
    case joined(Welcome)
  }

  /// A message of the coordinator that is not about membership.
  var onMessage: ((Message) -> Void)?
  /// The coordinator has taken this member in, for the first time or again.
  var onJoined: (() -> Void)?
  /// The coordinator will never take this member in.
  var onRefusal: ((WireError) -> Void)?
  /// The TCP port of the coordinator's tensors, once it has said so; 0 if it gives none.
  var tensorPort: Int {
    if case .joined(let welcome) = state { return welcome.tensorPort }
    return 0
  }
  /// What the next heartbeat says.
  var heartbeat = Heartbeat()
  /// The heartbeat that was sent last since the coordinator took this member in.
  private var lastHeartbeat = Heartbeat()

  /// Called once the coordinator needs this member no more.
  private var onDrained: (() -> Void)?
  /// Whether nobody answers at the coordinator's address. Its goodbye may not have come: a connection
  /// that ends while something is on its way to the other side takes what came with it.
  private var isDeserted = false

  private let socket: Socket
  private let hello: Hello
  private var diagnosis: HandshakeDiagnosis
  private let logger: Logger
  private let clock = ContinuousClock()
  private var state = State.joining
  private var lastHeard: ContinuousClock.Instant
  private var lastSent: ContinuousClock.Instant
  private var timer: TimerToken?

  private static let tick = Duration.milliseconds(100)
  private static let helloInterval = Duration.seconds(1)

  init(
    reactor: Reactor, hello: Hello, keys: KeyFile?, logger: Logger
  ) throws(MessagingError) {
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    if let keys { options.security = keys.toCoordinator }
    diagnosis = HandshakeDiagnosis(hasKeys: keys != nil)
    socket = try reactor.makeSocket(.dealer, options: options)
    self.hello = hello
    self.logger = logger
    lastHeard = clock.now
    lastSent = clock.now
  }

  func start(_ coordinator: Address, on reactor: Reactor) throws(MessagingError) {
    socket.onMessage = { [weak self] _, bytes in self?.receive(bytes) }
    socket.onEvent = { [weak self] event in self?.happened(event) }
    try socket.connect(coordinator)
    logger.info("joining the coordinator at \(coordinator)")
    send(.hello(hello))
    timer = reactor.every(Self.tick) { [weak self] in self?.tick() }
  }

  /// Asks the coordinator to move this member's work away, and calls `done` when it has, when it cannot,
  /// or when there is no coordinator to ask.
  func drain(_ done: @escaping () -> Void) {
    guard case .joined = state, !isDeserted else { return done() }
    logger.info("asking the coordinator to move this member's work to others")
    onDrained = done
    send(.drain(Drain()))
  }

  private func drained(_ problem: String) {
    guard let done = onDrained else { return }
    onDrained = nil
    if !problem.isEmpty { logger.warning("this member goes although \(problem)") }
    done()
  }

  /// Says goodbye, and why it cannot go on where something is the matter; closes.
  func leave(after problem: (any Error)?) {
    let reason = problem.map { "\($0)" } ?? "it was asked to end"
    if case .joined = state {
      send(.goodbye(Goodbye(reason: reason, failed: problem != nil)))
    }
    timer?.cancel()
    socket.close()
  }

  func send(_ message: Message) {
    do {
      try socket.send(try encode(message))
      lastSent = clock.now
    } catch {
      logger.warning("\(message.name) was not sent: \(error)")
    }
  }

  private func receive(_ bytes: [UInt8]) {
    lastHeard = clock.now
    let message: Message
    do {
      message = try decode(bytes)
    } catch {
      logger.warning("dropped a message of the coordinator: \(error)")
      return
    }
    switch message {
    case .welcome(let welcome):
      if case .joining = state {
        logger.info("joined as \(hello.name)")
        // Refusals count from here on, and those that nobody was told of yet.
        heartbeat.refusedKeys -= lastHeartbeat.refusedKeys
        heartbeat.refusedHandshakes -= lastHeartbeat.refusedHandshakes
        heartbeat.refusedMessages -= lastHeartbeat.refusedMessages
        lastHeartbeat = Heartbeat()
        onJoined?()
      }
      state = .joined(welcome)
    case .heartbeat(let beat): answer(beat)
    case .goodbye(let goodbye):
      logger.info("the coordinator leaves: \(goodbye.reason)")
      state = .joining
      drained("")
    case .error(let error): receive(error)
    case .drained(let drained): self.drained(drained.problem)
    default: onMessage?(message)
    }
  }

  /// Answers a heartbeat at once, so that the coordinator can tell how far the clocks are apart.
  private func answer(_ beat: Heartbeat) {
    var answer = heartbeat
    answer.echoSeconds = beat.sentSeconds
    answer.sentSeconds = ProcessClock.now
    answer.heldSeconds = (clock.now - lastHeard).seconds
    send(answer)
  }

  private func send(_ heartbeat: Heartbeat) {
    send(.heartbeat(heartbeat))
    lastHeartbeat = heartbeat
  }

  private func receive(_ error: WireError) {
    switch error.code {
    case .protocolVersion, .modelMismatch, .forbidden:
      onRefusal?(error)
    case .invalidMessage where error.image == nil && error.step == nil:
      // A coordinator that came back does not know us.
      logger.info("the coordinator says: \(error.text)")
      state = .joining
    default:
      logger.warning("the coordinator says: \(error.text)")
    }
  }

  private func happened(_ event: SocketEvent) {
    switch event {
    case .retrying:
      isDeserted = true
      drained("nobody answers at the coordinator's address")
    case .connected: isDeserted = false
    default: break
    }
    guard let reason = diagnosis.reason(after: event) else { return }
    onRefusal?(WireError(code: .forbidden, text: reason))
  }

  private func tick() {
    let now = clock.now
    switch state {
    case .joining:
      // While the coordinator is not there, the first hello waits in the outbox.
      guard now - lastSent >= Self.helloInterval, socket.outboxMessageCount == 0 else { return }
      send(.hello(hello))
    case .joined(let welcome):
      if now - lastHeard > .milliseconds(welcome.heartbeatTimeoutMilliseconds) {
        logger.warning("the coordinator is silent; joining again")
        state = .joining
        drained("the coordinator is silent")
      } else if now - lastSent >= .milliseconds(welcome.heartbeatIntervalMilliseconds) {
        heartbeat.sentSeconds = ProcessClock.now
        send(heartbeat)
      }
    }
  }
}
