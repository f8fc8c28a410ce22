/// The one process that plans and schedules. Its actor does the I/O for `CoordinatorState`, which
/// decides.

internal import Foundation
public import Logging
public import Messaging
internal import Transfer
public import Wire

/// A coordinator that listens for decoder workers, vision nodes and clients.
public actor Coordinator {
  nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  let logger: Logger
  private let onReady: @Sendable () -> Void
  private let clock = ContinuousClock()
  private let started: ContinuousClock.Instant
  private let heartbeat: Duration
  var state: CoordinatorState
  private var socket: Socket?
  let keys: CoordinatorKeys?
  let allowList = AllowList(refusesForGood: true)
  var watched: WatchedIdentities?
  /// Looks at who is gone that are still to come, by their delay in milliseconds.
  private var probes: Set<Int> = []
  /// Gives tensors to members that have no checkpoint.
  var tensors: TensorServer?
  private var local = LocalQueries()
  private var trace: TraceFile?
  /// The timer for the next deadline of a query, and when that is.
  private var isStopped = false
  /// What peers sent behind a large message that is being decoded.
  private var behind: [PeerIdentity: [[UInt8]]] = [:]
  /// Peers to which nothing can be sent any more, and of which something may still have to be read.
  private var gone: Set<PeerIdentity> = []

  /// Larger messages are packed and unpacked beside the sockets' thread.
  private static let largeMessageBytes = 1 << 18

  private var deadline: (timer: TimerToken, time: Double)?

  /// `onReady` is called each time that queries can be answered: once all stages of a plan stand.
  ///
  /// Throws `.configuration` for a setting out of range, or a trace that cannot be written.
  public init(
    model: ServedModel, settings: CoordinatorSettings, logger: Logger,
    keys: CoordinatorKeys? = nil, onReady: @escaping @Sendable () -> Void = {}
  ) throws {
    try settings.validate()
    reactor = try Reactor(name: "coordinator")
    self.logger = logger
    self.keys = keys
    self.onReady = onReady
    started = clock.now
    heartbeat = .milliseconds(settings.heartbeatMilliseconds)
    let second = UInt64(max(0, Date().timeIntervalSince1970))
    state = CoordinatorState(
      model: model, settings: settings, epochFloor: second << epochPlanBits)
    trace = try settings.trace.map { path throws(CoordinatorError) in try TraceFile(path: path) }
  }

  /// Listens at `address` and returns it with its port. Throws `MessagingError`.
  public func start(at address: Address) async throws -> Address {
    try await serveTensors(beside: address)
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    options.security = try secure()
    // With keys, nobody takes over the name of somebody else's connection.
    options.routerHandover = keys == nil
    let socket = try reactor.makeSocket(.router, options: options)
    socket.onMessage = { [weak self] peer, bytes in
      self?.assumeIsolated { $0.receive(bytes, from: peer) }
    }
    socket.onEvent = { [weak self] event in
      self?.assumeIsolated { $0.happened(event) }
    }
    let bound = try socket.bind(address)
    self.socket = socket
    reactor.every(heartbeat) { [weak self] in
      self?.assumeIsolated { coordinator in
        coordinator.state.tick(now: coordinator.now)
        coordinator.act()
        coordinator.trace?.flush()
      }
    }
    return bound
  }

  /// Opens a port for those who lack tensors on the host of `address`; none where that is no TCP
  /// address. In a cluster with keys it is for the keys of workers alone.
  private func serveTensors(beside address: Address) async throws {
    guard let host = address.host else { return }
    let tensors = try TensorServer(
      state.model.checkpoint, modelDigest: state.model.digest, describes: true, keys: keys?.pair,
      logger: logger)
    let bound = try await tensors.start(at: Address(host: host, port: 0)) { [weak self] refusal in
      Task { await self?.refused(refusal) }
    }
    self.tensors = tensors
    state.tensorPort = Int(bound.port ?? 0)
  }

  /// Somebody's connection has ended. The event may come a moment before ZeroMQ knows that nobody can
  /// be reached there any more.
  func connectionEnded() {
    // One look serves all that end meanwhile, however many come and go.
    for delay in [1, 40] where probes.insert(delay).inserted {
      reactor.after(.milliseconds(delay)) { [weak self] in
        self?.assumeIsolated { coordinator in
          coordinator.probes.remove(delay)
          coordinator.state.disconnected(now: coordinator.now)
          coordinator.act()
        }
      }
    }
  }

  /// Stops listening; what was sent is delivered.
  public func stop() {
    for peer in state.joinOrder + Array(state.clients) + [LocalQueries.identity] {
      send(.goodbye(Goodbye(reason: "the coordinator ends")), to: peer)
    }
    isStopped = true
    let tensors = tensors
    Task { await tensors?.stop() }
    trace?.close()
    trace = nil
    socket?.close()
    socket = nil
    reactor.shutdown()
  }

  /// Asks in this process; the same rules as for a client over ZeroMQ. Who stops reading cancels the
  /// query, which frees what it holds at once.
  ///
  /// The stream throws `CoordinatorError`: `.overloaded`, `.invalidQuery`, `.invalidImage`, `.lost`,
  /// `.deadline`, `.unavailable` or `.internal`.
  public nonisolated func ask(
    _ query: ReferringQueryMessage
  ) -> AsyncThrowingStream<QueryEvent, any Error> {
    let (stream, continuation) = AsyncThrowingStream<QueryEvent, any Error>.makeStream()
    let local = LocalQuery()
    continuation.onTermination = { [weak self] termination in
      guard case .cancelled = termination, let self else { return }
      local.readerGone()
      Task { await self.cancel(local) }
    }
    var query = query
    query.query = local.number
    Task.detached { [query] in
      do throws(WireFault) {
        try check(query)
      } catch {
        continuation.finish(throwing: CoordinatorError(.invalidQuery, error.message))
        return
      }
      await self.begin(query, local, continuation)
    }
    return stream
  }

  /// What runs where, predicted and measured.
  public func status() -> ClusterStatus { state.status(now: now) }

  private func begin(
    _ query: ReferringQueryMessage, _ local: LocalQuery,
    _ continuation: LocalQueries.Continuation
  ) {
    guard !isStopped else {
      continuation.finish(throwing: CoordinatorError(.unavailable, "the coordinator has ended"))
      return
    }
    // Its end may have come before its beginning.
    guard !local.isGone else { return }
    self.local.add(local.number, continuation)
    state.receive(.referringQuery(query), from: LocalQueries.identity, now: now)
    act()
  }

  private func cancel(_ local: LocalQuery) {
    guard self.local.remove(local.number) else { return }
    state.receive(
      .cancelQuery(CancelQuery(query: local.number)), from: LocalQueries.identity, now: now)
    act()
  }

  var now: Double { (clock.now - started) / .seconds(1) }

  private func receive(_ bytes: [UInt8], from peer: PeerIdentity?) {
    guard let peer else { return }
    guard state.admits(peer, key: socket?.sender, now: now) else { return act() }
    receiveAdmitted(bytes, from: peer)
  }

  private func receiveAdmitted(_ bytes: [UInt8], from peer: PeerIdentity) {
    if behind[peer] != nil {
      behind[peer]?.append(bytes)
    } else if bytes.count > Self.largeMessageBytes {
      behind[peer] = []
      decodeElsewhere(bytes, from: peer)
    } else {
      receive(Result { () throws(WireFault) in try decode(bytes) }, from: peer)
    }
  }

  /// Decodes a message beside this thread; what its sender sends next waits for it.
  private func decodeElsewhere(_ bytes: [UInt8], from peer: PeerIdentity) {
    Task.detached(priority: .userInitiated) { [weak self] in
      let message = Result { () throws(WireFault) in try decode(bytes) }
      await self?.decoded(message, from: peer)
    }
  }

  private func decoded(_ message: Result<Message, WireFault>, from peer: PeerIdentity) {
    receive(message, from: peer)
    let waiting = behind.removeValue(forKey: peer) ?? []
    for bytes in waiting { receiveAdmitted(bytes, from: peer) }
    if gone.contains(peer) { forgetOnceRead(peer) }
  }

  /// A message could not be delivered. Whoever has gone may have said goodbye before, so that what it
  /// sent is read first.
  private func unreachable(_ peer: PeerIdentity) {
    guard gone.insert(peer).inserted else { return }
    forgetOnceRead(peer)
  }

  private func forgetOnceRead(_ peer: PeerIdentity) {
    socket?.afterReadingAll { [weak self] in
      self?.assumeIsolated { $0.forgetGone(peer) }
    }
  }

  /// All is read that somebody sent who has gone; what of it is being decoded comes here again.
  private func forgetGone(_ peer: PeerIdentity) {
    guard behind[peer] == nil, gone.remove(peer) != nil else { return }
    state.unreachable(peer, now: now)
    act()
  }

  private func receive(_ message: Result<Message, WireFault>, from peer: PeerIdentity) {
    switch message {
    case .success(let message): state.receive(message, from: peer, now: now)
    case .failure(let fault): state.receiveInvalid(fault, from: peer, now: now)
    }
    act()
  }

  /// Carries out what the state machine asks for, until it asks for nothing more.
  func act() {
    while true {
      let actions = state.takeActions()
      guard !actions.isEmpty else { return awaitDeadline() }
      for action in actions {
        switch action {
        case .send(let message, let peer): send(message, to: peer)
        case .report(let event): report(event)
        case .prepare(let name, let preparation): prepare(preparation, as: name)
        case .trace(let event): trace?.write(event)
        case .cutOff(let key): socket?.cutOff(key)
        }
      }
    }
  }

  /// Prepares a query beside this thread, so that a large prompt or image delays nobody's tokens.
  private func prepare(_ preparation: Preparation, as name: QueryName) {
    let model = state.model
    Task.detached(priority: .userInitiated) { [weak self] in
      let result = Result { () throws(CoordinatorError) in
        try model.prepare(preparation.message)
      }
      await self?.prepared(name, ticket: preparation.ticket, result)
    }
  }

  private func prepared(
    _ name: QueryName, ticket: UInt64, _ result: Result<PreparedQuery, CoordinatorError>
  ) {
    state.prepared(name, ticket: ticket, result, now: now)
    act()
  }

  /// Sees to it that the state machine hears of its next deadline.
  private func awaitDeadline() {
    let next = state.nextDeadline
    guard next != deadline?.time ?? .infinity else { return }
    deadline?.timer.cancel()
    deadline = nil
    guard next < .infinity, socket != nil else { return }
    // A timer keeps to milliseconds; one too early would have to be set again.
    let timer = reactor.after(.seconds(max(0, next - now) + 0.001)) { [weak self] in
      self?.assumeIsolated { coordinator in
        coordinator.deadline = nil
        coordinator.state.deadlineReached(now: coordinator.now)
        coordinator.act()
      }
    }
    deadline = (timer, next)
  }

  private func send(_ message: Message, to peer: PeerIdentity) {
    guard peer != LocalQueries.identity else { return local.deliver(message) }
    if case .encodeImage(let request) = message, request.file.count > Self.largeMessageBytes {
      return encodeElsewhere(message, to: peer)
    }
    send(Result { () throws(WireFault) in try encode(message) }, message, to: peer)
  }

  /// Packs a message beside this thread.
  private func encodeElsewhere(_ message: Message, to peer: PeerIdentity) {
    Task.detached(priority: .userInitiated) { [weak self] in
      let packed = Result { () throws(WireFault) in try encode(message) }
      await self?.sendPacked(packed, message, to: peer)
    }
  }

  private func sendPacked(
    _ packed: Result<[UInt8], WireFault>, _ message: Message, to peer: PeerIdentity
  ) {
    send(packed, message, to: peer)
    act()
  }

  private func send(
    _ packed: Result<[UInt8], WireFault>, _ message: Message, to peer: PeerIdentity
  ) {
    do {
      try socket?.send(try packed.get(), to: peer)
    } catch let error as MessagingError where error.code == .unreachable {
      unreachable(peer)
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
