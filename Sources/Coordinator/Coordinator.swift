/// The one process that plans and schedules. Its actor does the I/O for `CoordinatorState`, which
/// decides.

public import Logging
public import Messaging
internal import Wire

/// A coordinator that listens for decoder workers, vision nodes and clients.
public actor Coordinator {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let logger: Logger
  private let onReady: @Sendable () -> Void
  private let clock = ContinuousClock()
  private let started: ContinuousClock.Instant
  private let heartbeat: Duration
  private var state: CoordinatorState
  private var socket: Socket?

  /// `onReady` is called each time that queries can be answered: once all stages of a plan stand.
  ///
  /// Throws `.configuration` for a setting out of range.
  public init(
    model: ServedModel, settings: CoordinatorSettings, logger: Logger,
    onReady: @escaping @Sendable () -> Void = {}
  ) throws {
    try settings.validate()
    reactor = try Reactor(name: "coordinator")
    self.logger = logger
    self.onReady = onReady
    started = clock.now
    heartbeat = .milliseconds(settings.heartbeatMilliseconds)
    state = CoordinatorState(model: model, settings: settings)
  }

  /// Listens at `address` and returns it with its port. Throws `MessagingError`.
  public func start(at address: Address) throws -> Address {
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    let socket = try reactor.makeSocket(.router, options: options)
    socket.onMessage = { [weak self] peer, bytes in
      self?.assumeIsolated { $0.receive(bytes, from: peer) }
    }
    let bound = try socket.bind(address)
    self.socket = socket
    reactor.every(heartbeat) { [weak self] in
      self?.assumeIsolated { coordinator in
        coordinator.state.tick(now: coordinator.now)
        coordinator.act()
      }
    }
    return bound
  }

  /// Stops listening; what was sent is delivered.
  public func stop() {
    for peer in state.joinOrder + Array(state.clients) {
      send(.goodbye(Goodbye(reason: "the coordinator ends")), to: peer)
    }
    socket?.close()
    socket = nil
    reactor.shutdown()
  }

  private var now: Double { (clock.now - started) / .seconds(1) }

  private func receive(_ bytes: [UInt8], from peer: PeerIdentity?) {
    guard let peer else { return }
    do throws(WireFault) {
      state.receive(try decode(bytes), from: peer, now: now)
    } catch {
      state.receiveInvalid(error, from: peer)
    }
    act()
  }

  /// Carries out what the state machine asks for, until it asks for nothing more.
  private func act() {
    while true {
      let actions = state.takeActions()
      guard !actions.isEmpty else { return }
      for action in actions {
        switch action {
        case .send(let message, let peer): send(message, to: peer)
        case .report(let event): report(event)
        }
      }
    }
  }

  private func send(_ message: Message, to peer: PeerIdentity) {
    do {
      try socket?.send(try encode(message), to: peer)
    } catch let error as MessagingError where error.code == .unreachable {
      state.unreachable(peer, now: now)
    } catch let fault as WireFault {
      state.notSent(message, to: peer, reason: fault.message, now: now)
    } catch {
      logger.warning("\(message.name) to \(peer) was not sent: \(error)")
    }
  }

  private func report(_ event: ClusterEvent) {
    if case .ready = event { onReady() }
    switch event {
    case .dropped: logger.debug("\(event)")
    case _ where event.isTrouble: logger.warning("\(event)")
    default: logger.info("\(event)")
    }
  }
}
